"""The files of conf/prometheus and conf/alertmanager at work: real servers between the daemon and
whoever is told."""
import json
import socket
import subprocess
import unittest

from support.alertmanager import Alertmanager, find
from support.ctl import ctl
from support.daemon import ROOT, Daemon, fixture, wait_until
from support.prometheus import Prometheus, Shipped
from support.sinks import Receiver

FAST = ("scrape_interval: 15s", "scrape_interval: 1s")
FAST_RULES = ("evaluation_interval: 15s", "evaluation_interval: 250ms")
ALERTMANAGER = ROOT / "conf" / "alertmanager" / "alertmanager.yml"


def address_of(daemon):
    return f"127.0.0.1:{daemon.port}"


class Scraping(unittest.TestCase):
    def test_targets_come_from_the_file_and_have_its_labels(self):
        with Daemon(proc_root=fixture("healthy")) as daemon, Shipped() as shipped:
            shipped.set_targets(address_of(daemon), environment="test")
            shipped.change("memwatchd.yml", FAST, FAST_RULES)
            shipped.uncomment("memwatchd.yml", "- job_name: node", "- job_name: process")
            with Prometheus(shipped.path("memwatchd.yml")) as prometheus:
                labels = {labels["job"]: labels for labels, _ in prometheus.wait_for_value("up")}
                self.assertEqual(set(labels), {"memwatchd", "node", "process"})
                for one in labels.values():
                    self.assertEqual((one["environment"], one["host"], one["instance"]),
                                     ("test", "127.0.0.1", address_of(daemon)))
                system = daemon.json("/api/v1/system")
                self.assertEqual(prometheus.value("node_memory_MemTotal_bytes"), system["memTotal"])
                prometheus.wait_for_value("instance:memwatch_mem_available:ratio")
                self.assertAlmostEqual(prometheus.value("instance:memwatch_mem_available:ratio"),
                                       system["memAvailableRatio"], delta=1e-4)
                self.recorded(prometheus)

    def recorded(self, prometheus):
        """Each record that this machine has the readings for comes to be."""
        groups = prometheus.get("/api/v1/rules", type="record")["groups"]
        names = {rule["name"] for group in groups for rule in group["rules"]}
        self.assertGreater(len(names), 15)
        for name in names - {"instance:memwatch_constrained_used:ratio"}:
            prometheus.wait_for_value(name)

    def test_a_host_that_the_file_names_is_left_as_it_is(self):
        with Daemon(proc_root=fixture("healthy")) as daemon, Shipped() as shipped:
            shipped.set_targets(address_of(daemon), host="db1")
            shipped.change("memwatchd.yml", FAST)
            with Prometheus(shipped.path("memwatchd.yml")) as prometheus:
                self.assertEqual(prometheus.query("up")[0][0]["host"], "db1")


class Targets(unittest.TestCase):
    def test_what_memwatchctl_prints_is_what_is_scraped(self):
        with Daemon(proc_root=fixture("healthy")) as daemon, Shipped() as shipped:
            done = ctl("targets", address_of(daemon), "--label", 'role=a "database"\\')
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            shipped.path("targets.json").write_text(done.stdout)
            shipped.change("memwatchd.yml", FAST)
            with Prometheus(shipped.path("memwatchd.yml")) as prometheus:
                labels, value = prometheus.query("up")[0]
                self.assertEqual((labels["role"], value), ('a "database"\\', 1))


class Shards(unittest.TestCase):
    def test_each_target_is_scraped_by_exactly_one(self):
        every = [f"127.0.0.1:{port}" for port in range(1, 41)]
        taken = []
        for shard in range(4):
            with Shipped() as shipped:
                shipped.set_targets(*every)
                shipped.change("shard.yml", ('regex: "0"', f'regex: "{shard}"'))
                with Prometheus(shipped.path("shard.yml"), scraped=False) as prometheus:
                    own = wait_until(prometheus.targets, 30, "targets")
                    self.assertTrue(1 < len(own) < 25, len(own))
                    taken += [target["labels"]["instance"] for target in own]
        self.assertEqual(sorted(taken), sorted(every))


class Agent(unittest.TestCase):
    RECEIVE = "--web.enable-remote-write-receiver"

    def passed_on(self, shipped, daemon, prometheus):
        """What comes out at the other end, by name, once the newest has."""
        shipped.set_targets(address_of(daemon))
        shipped.change("agent.yml", FAST,
                       ("http://prometheus.example.net:9090", prometheus.url()))
        with Prometheus(shipped.path("agent.yml"), agent=True):
            prometheus.wait_for_value('memwatch_system_mem_total_bytes{agent="agent-1"}', 60)
            # The queue's fields are the last ones of a scrape.
            prometheus.wait_for_value('memwatch_queue_age_seconds{agent="agent-1"}', 60)
            return {labels["__name__"]: value
                    for labels, value in prometheus.query('{agent="agent-1",host="127.0.0.1"}')}

    def test_samples_arrive_at_another_prometheus(self):
        with Daemon(proc_root=fixture("healthy")) as daemon, Shipped() as shipped, \
                Prometheus({}, self.RECEIVE, scraped=False) as prometheus:
            values = self.passed_on(shipped, daemon, prometheus)
            system = daemon.json("/api/v1/system")
            self.assertEqual(values["memwatch_system_mem_total_bytes"], system["memTotal"])
            self.assertEqual(values["memwatch_system_mem_available_bytes"], system["memAvailable"])
            self.assertEqual(values["up"], 1)
            self.assertGreater(len(values), 150)

    def test_only_what_is_named_leaves(self):
        with Daemon(proc_root=fixture("healthy")) as daemon, Shipped() as shipped, \
                Prometheus({}, self.RECEIVE, scraped=False) as prometheus:
            shipped.uncomment("agent.yml", "write_relabel_configs:")
            values = self.passed_on(shipped, daemon, prometheus)
            self.assertEqual(values["up"], 1)
            self.assertIn("memwatch_process_resident_memory_bytes", values)
            self.assertLess(len(values), 60)
            self.assertNotIn("memwatch_system_page_faults_total", values)


class Told(unittest.TestCase):
    """Two ways for an alert, by the daemon and by Prometheus, to one Alertmanager."""
    OLD = '{"length": 10, "oldestAgeMs": 60000}'
    EMPTY = '{"length": 0, "oldestAgeMs": 0}'
    JSON = {"Content-Type": "application/json"}

    def manager(self, receiver):
        text = ALERTMANAGER.read_text()
        for old, new in (("http://127.0.0.1:9099/alerts", receiver.url()),
                         ("group_wait: 30s", "group_wait: 100ms"), ("group_wait: 5s", "group_wait: 100ms"),
                         ("group_wait: 1m", "group_wait: 1s"),
                         ("group_interval: 5m", "group_interval: 100ms")):
            self.assertIn(old, text)
            text = text.replace(old, new)
        return Alertmanager(config=text)

    def prometheus(self, shipped, daemon, manager):
        shipped.set_targets(address_of(daemon))
        shipped.change("memwatchd.yml", FAST, FAST_RULES,
                       ("localhost:9093", f"127.0.0.1:{manager.port}"))
        return Prometheus(shipped.path("memwatchd.yml"))

    def push(self, daemon, body):
        answer = daemon.request("PUT", "/api/v1/queues/orders", self.JSON, body, unix=True)
        self.assertEqual(answer.status, 204, answer.text)

    def alerts(self, manager, name="queue-old"):
        return [alert for alert in manager.every() if alert["labels"]["alertname"] == name]

    @staticmethod
    def told(receiver):
        """(alert's name, origin, status) of all that somebody was told, in order."""
        with receiver.lock:
            bodies = [json.loads(request.body) for request in receiver.requests]
        return [(alert["labels"]["alertname"], alert["labels"].get("origin", "memwatchd"),
                 alert["status"]) for body in bodies for alert in body["alerts"]]

    def wait_for_told(self, receiver, status):
        return wait_until(lambda: any(one[0] == "queue-old" and one[2] == status
                                      for one in self.told(receiver)), 60, f"queue-old {status}")

    def keep_old(self, daemon, condition, seconds=60):
        """Reports of the queue go on meanwhile: one that nobody makes any more ends."""
        def check():
            self.push(daemon, self.OLD)
            return condition()
        return wait_until(check, seconds)

    def test_one_that_both_send_is_told_once(self):
        with Receiver() as receiver, self.manager(receiver) as manager:
            sink = f'sink "alertmanager" {{ type = alertmanager   url = "{manager.url()}" }}\n'
            with Daemon(proc_root=fixture("healthy"), config=sink) as daemon, Shipped() as shipped, \
                    self.prometheus(shipped, daemon, manager):
                wait_until(lambda: self.alerts(manager, "memwatchd-tells"), 60, "memwatchd-tells")
                both = self.keep_old(daemon, lambda: len(self.alerts(manager)) == 2 and
                                     self.alerts(manager))
                state = {alert["labels"].get("origin", "memwatchd"): alert["status"]["state"]
                         for alert in both}
                self.assertEqual(state, {"memwatchd": "active", "prometheus": "suppressed"})
                self.wait_for_told(receiver, "firing")
                self.push(daemon, self.EMPTY)
                self.wait_for_told(receiver, "resolved")
                wait_until(lambda: not self.alerts(manager), 60, "the end of both")
                self.assertEqual([one for one in self.told(receiver) if one[0] != "queue-old"], [])
                self.assertEqual({one[1] for one in self.told(receiver)}, {"memwatchd"})

    def test_without_the_daemons_own_that_of_prometheus_is_told(self):
        with Receiver() as receiver, self.manager(receiver) as manager:
            with Daemon(proc_root=fixture("healthy")) as daemon, Shipped() as shipped, \
                    self.prometheus(shipped, daemon, manager) as prometheus:
                self.keep_old(daemon, lambda: any(one[0] == "queue-old"
                                                  for one in self.told(receiver)))
                self.assertEqual(prometheus.query('ALERTS{alertname="memwatchd-tells"}'), [])
                self.push(daemon, self.EMPTY)
                self.wait_for_told(receiver, "resolved")
                self.assertEqual({one[:2] for one in self.told(receiver)},
                                 {("queue-old", "prometheus")})

    def test_two_machines_are_two_alerts(self):
        """The daemon's own name its machine, unless the rule has a label of that name."""
        rule = ('alert "always" {{ reading = "system.memTotal"  above = 1KB  labels = {{{}}} }}\n'
                'sink "alertmanager" {{ type = alertmanager   url = "{}" }}\n')
        with Alertmanager() as manager:
            hosts = set()
            for labels in ('"team=shop"', '"host=db2"'):
                with Daemon(proc_root=fixture("healthy"),
                            config=rule.format(labels, manager.url())):
                    hosts |= wait_until(lambda: {alert["labels"]["host"] for alert in
                                                 self.alerts(manager, "always")} - hosts, 60)
            self.assertEqual(hosts, {socket.gethostname(), "db2"})


class Alertmanagers(unittest.TestCase):
    def test_the_file_is_one_that_amtool_takes(self):
        result = subprocess.run([find("amtool"), "check-config", str(ALERTMANAGER)],
                                capture_output=True, text=True, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertRegex(result.stdout, r"SUCCESS[\s\S]*3 inhibit rules")


if __name__ == "__main__":
    unittest.main()
