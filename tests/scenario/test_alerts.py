"""Alerts of a running daemon: raised by its rules, shown with evidence, told to who listens; and rules
tried on a recording."""
import contextlib
import http.client
import json
import re
import unittest

from support.ctl import ctl
from support.daemon import ROOT, Daemon, fixture, run, wait_until

CONFIG = """
alert "always" { reading = "system.memTotal"  above = 1KB  severity = critical  labels = {"team=shop"} }
alert "soon"   { reading = "system.memTotal"  above = 1KB  for = 1h }
alert "absent" { reading = "process.rss"  subject = "no-such-program"  mode = absent  for = 300ms
                 summary = "{subject} does not run" }
"""


def long_queue(daemon, length, name="orders"):
    answer = daemon.request("PUT", f"/api/v1/queues/{name}", {"Content-Type": "application/json"},
                            json.dumps({"length": length, "capacity": 100}), unix=True)
    if answer.status != 204:
        raise AssertionError(answer.text)


class Alerts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), config=CONFIG).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        wait_until(lambda: cls.alert("absent")["state"] == "firing", what="the alert of an absence")

    @classmethod
    def alert(cls, rule):
        alerts = cls.daemon.json(f"/api/v1/alerts?rule={rule}")["alerts"]
        if len(alerts) != 1:
            raise AssertionError(alerts)
        return alerts[0]

    def test_what_fires_is_shown_with_its_evidence(self):
        alert = self.alert("always")
        total = self.daemon.json("/api/v1/system")["memTotal"]
        self.assertEqual((alert["state"], alert["severity"], alert["subject"]),
                         ("firing", "critical", "system"))
        self.assertEqual((alert["value"], alert["threshold"]), (total, 1024))
        self.assertEqual(alert["labels"], {"team": "shop"})
        self.assertEqual(alert["id"].split("-")[1], str(alert["sinceMs"]))
        self.assertIn([alert["sinceMs"], total], alert["evidence"])
        self.assertEqual(self.daemon.json("/api/v1/alerts/" + alert["id"])["rule"], "always")

    def test_an_unknown_id_is_not_found(self):
        self.assertEqual(self.daemon.get("/api/v1/alerts/0000000000000000-1").status, 404)
        self.assertEqual(self.daemon.get("/api/v1/alerts/x").status, 404)

    def test_states_can_be_asked_for(self):
        self.assertEqual(self.alert("soon")["state"], "pending")
        firing = self.daemon.json("/api/v1/alerts?state=firing")
        self.assertEqual({alert["rule"] for alert in firing["alerts"]}, {"always", "absent"})
        self.assertEqual(firing["total"], 2)
        self.assertEqual(self.daemon.json("/api/v1/alerts?limit=1")["total"], 3)
        self.assertEqual(self.daemon.get("/api/v1/alerts?state=ok").status, 400)

    def test_rules_are_shown_with_those_that_are_built_in(self):
        rules = {rule["name"]: rule for rule in self.daemon.json("/api/v1/rules")["rules"]}
        self.assertLessEqual({"memory-low", "queue-full", "heap-floor-high", "oom-kill", "always"},
                             set(rules))
        self.assertEqual((rules["always"]["firing"], rules["soon"]["pending"]), (1, 1))
        self.assertEqual(rules["memory-low"]["raise"], 10)
        self.assertTrue(rules["memory-low"]["percent"])

    def test_the_daemon_counts_them(self):
        """With a sample that comes after they began."""
        def counted():
            daemon = self.daemon.json("/api/v1/daemon")
            return (daemon["alerts"], daemon["alertsFiring"], daemon["alertsDropped"]) == (3, 2, 0)
        wait_until(counted, what="the count of alerts")

    def test_memwatchctl_shows_them(self):
        result = ctl("alerts", "--socket", self.daemon.socket)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"firing +critical +always .*system.memTotal of system is ")
        self.assertRegex(result.stdout, r"firing +warning +absent .*no-such-program does not run")
        self.assertRegex(result.stdout, r"pending +warning +soon ")
        result = ctl("alerts", "--state", "resolved", "--socket", self.daemon.socket)
        self.assertTrue(result.stdout.endswith("nothing fires\n"), result.stdout)
        result = ctl("alerts", "--limit", "1", "--socket", self.daemon.socket)
        self.assertIn("and 2 more; see --limit\n", result.stdout)
        result = ctl("alerts", "--json", "--rule", "soon", "--socket", self.daemon.socket)
        self.assertEqual(json.loads(result.stdout)["alerts"][0]["rule"], "soon")

    def test_memwatchctl_shows_rules(self):
        result = ctl("rules", "--socket", self.daemon.socket)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"memory-low +system.memAvailable +\* +< 10% +12% +10s ")
        self.assertRegex(result.stdout, r"queue-old +queue.oldestAgeMs +\* +> 30s ")
        self.assertRegex(result.stdout, r"absent +process.rss absent +no-such-program +absent ")


class Stream(unittest.TestCase):
    def events(self, stream, count):
        found = []
        while len(found) < count:
            line = stream.readline()
            self.assertTrue(line, "the stream ended")
            if line == b"event: alert\n":
                self.assertRegex(stream.readline(), rb"^id: \d+\n$")
                found.append(json.loads(stream.readline()[len(b"data: "):]))
        return found

    def until_it_ends(self, stream):
        """All whole alerts up to where the connection is cut, which may be within one."""
        text = b""
        with contextlib.suppress(http.client.HTTPException, OSError):
            while part := stream.read1(65536):
                text += part
        return [json.loads(data) for data in
                re.findall(rb"^event: alert\nid: \d+\ndata: (.*)\n\n", text, re.MULTILINE)]

    def test_who_listens_is_told_of_each_change(self):
        config = 'alert "long" { reading = "queue.length"  subject = "orders*"  above = 10 }\n'
        with Daemon(proc_root=fixture("healthy"), config=config) as daemon:
            connection = daemon.connect()
            connection.request("GET", "/api/v1/events")
            stream = connection.getresponse()
            for i in range(20):
                long_queue(daemon, 50, f"orders{i}")
            fired = self.events(stream, 20)
            self.assertEqual({event["name"] for event in fired}, {f"orders{i}" for i in range(20)})
            self.assertEqual({event["state"] for event in fired}, {"firing"})
            for i in range(20):
                long_queue(daemon, 0, f"orders{i}")
            ended = self.events(stream, 20)
            self.assertEqual({event["state"] for event in ended}, {"resolved"})
            self.assertEqual({event["id"] for event in ended}, {event["id"] for event in fired})
            connection.close()

    def test_who_does_not_read_is_dropped_when_the_queue_is_full_and_it_is_counted(self):
        config = 'alert "long" { reading = "queue.length"  subject = "orders*"  above = 10 }\n'
        with Daemon(proc_root=fixture("healthy"), config=config) as daemon:
            connection = daemon.connect_unix()
            connection.request("GET", "/api/v1/events")
            for length in (50, 0):
                for i in range(900):
                    long_queue(daemon, length, f"orders{i}")
            wait_until(lambda: daemon.json("/api/v1/daemon")["streamsDropped"],
                       what="the stream that is dropped")
            queue = daemon.json("/api/v1/queues/events")
            self.assertEqual(queue["enqueuedTotal"],
                             queue["dequeuedTotal"] + queue["clearedTotal"] + queue["length"])
            self.assertGreaterEqual(queue["refusedTotal"], 1)
            self.assertEqual(queue["length"], 0, "nobody else waits for an event")
            found = [(event["state"], int(event["name"][len("orders"):]))
                     for event in self.until_it_ends(connection.getresponse())]
            every = [(state, i) for state in ("firing", "resolved") for i in range(900)]
            self.assertEqual(found, every[:len(found)], "what it got before has no gap")
            self.assertLess(len(found), len(every))
            connection.close()

    def test_evidence_begins_before_the_crossing(self):
        config = 'alert "long" { reading = "queue.length"  subject = "orders"  above = 10 }\n'
        with Daemon(proc_root=fixture("healthy"), config=config) as daemon:
            for length in range(1, 6):
                long_queue(daemon, length)
                daemon.wait_for_samples(1)
            daemon.wait_for_samples(2)
            long_queue(daemon, 60)
            alert, = wait_until(lambda: daemon.json("/api/v1/alerts?rule=long")["alerts"])
            values = [value for _, value in alert["evidence"]]
            self.assertLess(values[0], 10, alert["evidence"])
            self.assertIn(60, values)
            times = [time for time, _ in alert["evidence"]]
            self.assertEqual(times, sorted(times))


class RulesTest(unittest.TestCase):
    """rules test FILE --recording R"""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), config=CONFIG)
        cls.addClassCleanup(cls.daemon._directory.cleanup)
        cls.recording = cls.daemon.directory / "recording"
        result = ctl("record", str(cls.recording), "--count", "12", "--interval", "100ms", timeout=60)
        if result.returncode != 0:
            raise AssertionError(result.stderr)

    def try_rules(self, text, *options):
        path = self.daemon.directory / "rules.conf"
        path.write_text(text)
        return ctl("rules", "test", str(path), "--recording", str(self.recording), *options)

    def test_it_says_when_a_rule_would_have_fired(self):
        result = self.try_rules(CONFIG, "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        document = json.loads(result.stdout)
        rules = {rule["rule"]: rule for rule in document["rules"]}
        self.assertEqual(document["samples"], 12)
        self.assertEqual((rules["always"]["fired"], rules["always"]["flapped"]), (1, 0))
        firing, = rules["always"]["firings"]
        self.assertEqual((firing["name"], firing["resolvedMs"]), ("system", None))
        self.assertGreaterEqual(firing["firedMs"], document["fromMs"])
        self.assertEqual(rules["soon"]["fired"], 0)
        self.assertEqual(rules["absent"]["fired"], 1)
        self.assertFalse(rules["queue-full"]["recorded"])
        self.assertTrue(rules["memory-low"]["recorded"])

    def test_it_is_a_table_for_people(self):
        result = self.try_rules(CONFIG)
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, r"^12 samples, \d{4}-\d\d-\d\d .* to ")
        self.assertRegex(result.stdout, r"\nalways +1 +0 +\d")
        self.assertRegex(result.stdout, r"\nsoon +0 +0 +-")
        self.assertRegex(result.stdout, r"\nqueue-full +not recorded +- +-")
        self.assertRegex(result.stdout, r"\+ +always +system.memTotal of system is ")

    def test_rules_that_are_wrong_are_refused_with_their_line(self):
        result = self.try_rules('\nalert "x" { reading = "queue.lenght"  above = 1 }\n')
        self.assertEqual(result.returncode, 2)
        self.assertRegex(result.stderr, r"rules\.conf:2: .*did you mean queue\.length\?")

    def test_what_is_missing_or_no_recording_is_told(self):
        path = self.daemon.directory / "rules.conf"
        path.write_text(CONFIG)
        result = ctl("rules", "test", str(path))
        self.assertEqual(result.returncode, 2)
        self.assertIn("needs --recording FILE", result.stderr)
        result = ctl("rules", "test", str(path), "--recording", str(path))
        self.assertEqual(result.returncode, 1)
        self.assertIn("is no recording that can be read", result.stderr)
        result = ctl("rules", "test", str(path), "--recording", "/nothing")
        self.assertEqual(result.returncode, 1)
        self.assertIn("No such file", result.stderr)
        self.assertEqual(ctl("rules", "test").returncode, 2)

    def test_a_recording_that_is_cut_off_counts_to_the_cut(self):
        whole = self.recording.read_bytes()
        cut = self.daemon.directory / "cut"
        cut.write_bytes(whole[:len(whole) * 2 // 3])
        path = self.daemon.directory / "rules.conf"
        path.write_text(CONFIG)
        result = ctl("rules", "test", str(path), "--recording", str(cut), "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertLess(json.loads(result.stdout)["samples"], 12)


class BuiltIn(unittest.TestCase):
    def test_a_machine_at_rest_raises_nothing(self):
        with Daemon(interval="100ms") as daemon:
            daemon.wait_for_samples(30)
            alerts = daemon.json("/api/v1/alerts")["alerts"]
            self.assertEqual([a["summary"] for a in alerts if a["rule"].startswith(
                ("queue", "cache", "heap", "own", "daemon-stuck", "swap", "oom"))], [])

    def test_each_can_be_turned_off(self):
        config = 'alert "queue-full" { enabled = false }\n'
        with Daemon(proc_root=fixture("healthy"), config=config) as daemon:
            rules = {rule["name"]: rule for rule in daemon.json("/api/v1/rules")["rules"]}
            self.assertFalse(rules["queue-full"]["enabled"])
            self.assertTrue(rules["queue-old"]["enabled"])

    def test_a_full_queue_is_told_without_any_configuration(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            long_queue(daemon, 90)
            alert, = wait_until(lambda: daemon.json("/api/v1/alerts?rule=queue-full")["alerts"])
            self.assertEqual((alert["name"], alert["state"]), ("orders", "pending"))
            wait_until(lambda: daemon.json("/api/v1/alerts?rule=queue-full")["alerts"][0]["state"]
                       == "firing", seconds=30)
            self.assertIn("queue orders holds 90 of 100", alert["summary"])

    def test_the_text_in_conf_is_what_is_built_in(self):
        result = run("--dump-config")
        shipped = re.findall(r'^alert "([^"]+)"',
                             (ROOT / "conf" / "alerts.conf").read_text(), re.M)
        self.assertGreater(len(shipped), 12)
        self.assertEqual(re.findall(r'^alert "([^"]+)"', result.stdout, re.M), shipped)


if __name__ == "__main__":
    unittest.main()
