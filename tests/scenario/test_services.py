"""Services: control groups that the configuration names, in the API, the history and memwatchctl."""
import json
import signal
import unittest

from support.ctl import ctl
from support.daemon import Daemon, fixture, run, wait_until
from support.schema import Schemas

SHOP, MONITOR, GONE = "/shop.slice", "/shop.slice/monitor.service", "/system.slice/nginx.service"
CONFIG = 'services = {"shop.slice", "/shop.slice/monitor.service", "system.slice/nginx.service"}\n'


class WithDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("container"), config=CONFIG).__enter__()
        cls.addClassCleanup(cls.daemon.end)

    def names(self, query=""):
        return [row["name"] for row in self.daemon.json("/api/v1/services" + query)["services"]]

    def service(self, name):
        return next(row for row in self.daemon.json("/api/v1/services")["services"]
                    if row["name"] == name)


class Documents(WithDaemon):
    def test_numbers_are_those_of_the_files(self):
        self.assertEqual(self.service(SHOP), {
            "name": SHOP, "memory": 201326592, "limit": 536870912, "high": None, "swap": 1048576,
            "peak": 536870912, "anon": 120000000, "file": 60000000, "oomKills": 1,
            "limitHits": 345, "highHits": 12, "lowHits": 0, "absent": {"high": "unsupported"}})

    def test_what_is_not_there_has_vanished(self):
        gone = self.service(GONE)
        self.assertEqual(set(gone.pop("absent").values()), {"vanished"})
        self.assertEqual(gone.pop("name"), GONE)
        self.assertEqual(set(gone.values()), {None})

    def test_query_words_are_those_of_processes(self):
        self.assertEqual(self.names()[-1], GONE)
        self.assertEqual(self.names("?sort=oomKills")[0], SHOP)
        self.assertEqual(self.names("?order=asc&limit=1"), [MONITOR])
        self.assertEqual(self.names("?name=/shop.slice/*"), [MONITOR])
        self.assertEqual(self.names("?name=none*"), [])
        answer = self.daemon.json("/api/v1/services?limit=0")
        self.assertEqual((answer["total"], answer["services"]), (3, []))

    def test_bad_words_are_told_what_is_taken(self):
        for query, word in (("sort=rss", "oomKills"), ("order=up", "asc"), ("limit=257", "256"),
                            ("name=" + "x" * 129, "128"), ("pid=1", "sort")):
            answer = self.daemon.get("/api/v1/services?" + query)
            self.assertEqual(answer.status, 400, query)
            self.assertIn(word, answer.json()["detail"])

    def test_they_fit_their_description(self):
        description = self.daemon.json("/api/v1/openapi.json")
        operation = description["paths"]["/api/v1/services"]["get"]
        schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
        self.assertEqual(Schemas(description).faults(self.daemon.json("/api/v1/services"), schema),
                         [])
        sort = operation["parameters"][0]["schema"]["enum"]
        self.assertEqual(set(sort), set(self.service(SHOP)) - {"name", "absent"})

    def test_metrics_have_them_by_name(self):
        text = self.daemon.get("/metrics").text
        self.assertIn(f'memwatch_service_limit_bytes{{name="{SHOP}"}} 536870912\n', text)
        self.assertNotIn("nginx", text)


class Past(WithDaemon):
    def ask(self, query):
        return self.daemon.get("/api/v1/history?reading=service." + query)

    def test_history_is_asked_by_the_path(self):
        self.daemon.wait_for_samples(3)
        for subject in "shop.slice", SHOP:
            answer = self.ask(f"memory&subject={subject}&from=-2s&step=500ms").json()
            self.assertEqual((answer["subject"], answer["name"]), (SHOP, SHOP))
            self.assertIn(201326592, [point[2] for point in answer["points"]])
        answer = self.ask(f"memory&subject={GONE}&from=-1s&step=1s").json()
        self.assertIn("vanished", answer["absent"].values())

    def test_what_is_no_service_is_refused(self):
        for query, status in ("memory", 400), ("memory&subject=/other", 400), ("what", 400):
            answer = self.ask(query)
            self.assertEqual(answer.status, status)
            self.assertIn("detail", answer.json())


class Command(WithDaemon):
    def test_they_are_a_table(self):
        done = ctl("services", "--bytes", "--socket", self.daemon.socket)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        rows = [row.split() for row in done.stdout.splitlines()]
        self.assertEqual(rows[0][:3], ["SERVICE", "MEMORY", "LIMIT"])
        self.assertIn([SHOP, "201326592", "536870912"], [row[:3] for row in rows])
        self.assertEqual(rows[-1][:3], [GONE, "-", "-"])

    def test_json_is_that_of_http(self):
        done = ctl("services", "--json", "--socket", self.daemon.socket)
        self.assertEqual(len(json.loads(done.stdout)["services"]), 3)


class Configuration(unittest.TestCase):
    def check(self, text):
        daemon = Daemon(config=text)
        self.addCleanup(daemon.end)
        return run("--check-config", "--config", str(daemon.config))

    def test_bad_paths_are_refused_with_their_place(self):
        for value, word in (('"a/../b"', 'without ".."'), ('""', "paths of control groups"),
                            ('"a\nb"', "paths of control groups"),
                            ('"a", "/a"', '"/a" stands in it twice'),
                            (", ".join(f'"s{i}"' for i in range(257)), "at most 256 elements")):
            done = self.check(f"services = {{{value}}}\n")
            self.assertEqual(done.returncode, 2, value)
            self.assertRegex(done.stderr, r"memwatchd\.conf:\d+: services: ")
            self.assertIn(word, done.stderr)
        self.assertEqual(self.check("services = {%s}\n" % ", ".join(
            f'"s{i}"' for i in range(256))).returncode, 0)

    def test_none_is_none(self):
        with Daemon(proc_root=fixture("container")) as daemon:
            answer = daemon.json("/api/v1/services")
            self.assertEqual((answer["total"], answer["services"]), (0, []))

    def test_a_reload_takes_others(self):
        with Daemon(proc_root=fixture("container_v1"), config='services = {"x"}\n') as daemon:
            daemon.configure('services = {"y", "shop.slice"}\n')
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: {row["name"] for row in daemon.json("/api/v1/services")["services"]}
                       == {"/y", "/shop.slice"})


if __name__ == "__main__":
    unittest.main()
