"""Debian's real Prometheus scrapes the daemon, and what it then answers is what the daemon knows."""
import gzip
import re
import subprocess
import unittest

from support.daemon import Daemon, fixture, wait_until
from support.prometheus import Prometheus, Relay, scrape

JOBS = {"memwatchd": "/metrics", "node": "/metrics/node", "process": "/metrics/process"}
LINE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}


def unescaped(text):
    return re.sub(r'\\[\\"n]', lambda match: ESCAPES[match.group()], text)


def samples(text):
    """{(name, labels): value} of an exposition."""
    found = {}
    for line in text.split("\n"):
        match = LINE.match(line)
        if match and not line.startswith("#"):
            labels = frozenset((name, unescaped(value))
                               for name, value in LABEL.findall(match.group(2) or ""))
            found[match.group(1), labels] = float(match.group(3))
    return found


def stored(prometheus, job):
    """The same of what Prometheus has from a job, without the series that it makes itself."""
    found = {}
    for labels, value in prometheus.query(f'{{job="{job}",__name__!~"up|scrape_.*"}}'):
        rest = {key: of for key, of in labels.items() if key not in ("__name__", "job", "instance")}
        found[labels["__name__"], frozenset(rest.items())] = value
    return found


class Scraped(unittest.TestCase):
    """One sample, which does not change: whatever differs is a fault."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), interval="1h").__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        cls.prometheus = Prometheus(scrape(f"127.0.0.1:{cls.daemon.port}", **JOBS)).__enter__()
        cls.addClassCleanup(cls.prometheus.__exit__, None)

    def test_each_path_is_stored_to_the_last_sample(self):
        """The names of /metrics/node are none that promtool likes; Prometheus takes them."""
        accept = {"Accept": "application/openmetrics-text;version=1.0.0"}
        for job, path in JOBS.items():
            ours = samples(self.daemon.get(path, accept).text)
            self.assertGreater(len(ours), 30, path)
            wait_until(lambda: stored(self.prometheus, job), 30, path)
            self.assertEqual(stored(self.prometheus, job), ours)
            self.assertEqual(self.prometheus.value(f'scrape_samples_scraped{{job="{job}"}}'),
                             len(ours))

    def test_values_are_those_of_the_documents(self):
        system = self.daemon.json("/api/v1/system")
        for expression, value in {
                "memwatch_system_mem_total_bytes": system["memTotal"],
                "memwatch_system_mem_available_bytes": system["memAvailable"],
                "memwatch_system_oom_kills_total": system["oomKill"],
                'memwatch_system_pressure_some_ratio{window="60s"} * 100': system["pressureSomeAvg60"],
                "memwatch_system_pressure_some_seconds_total * 1e6": system["pressureSomeTotalUs"],
                "sum(memwatch_system_ledger_bytes)": system["memTotal"],
                'node_memory_MemAvailable_bytes{job="node"}': system["memAvailable"],
                'node_vmstat_oom_kill{job="node"}': system["oomKill"],
        }.items():
            self.assertAlmostEqual(self.prometheus.value(expression), value, delta=1e-9 * value,
                                   msg=expression)

    def test_groups_add_up_to_the_processes(self):
        rows = self.daemon.json("/api/v1/processes")["processes"]
        whole = sum(row["rss"] for row in rows)
        for expression, value in {
                "sum(memwatch_process_resident_memory_bytes)": whole,
                "sum(memwatch_process_group_processes)": len(rows),
                'namedprocess_namegroup_num_procs{groupname="nginx"}': 2,
                'namedprocess_namegroup_memory_bytes{groupname="node",memtype="resident"}':
                    sum(row["rss"] for row in rows if row["name"] == "node"),
        }.items():
            self.assertEqual(self.prometheus.value(expression), value, expression)

    def test_heaps_queues_and_caches_are_those_of_the_documents(self):
        heap = self.daemon.json("/api/v1/heaps/memwatchd")
        queue = self.daemon.json("/api/v1/queues/events")
        cache = self.daemon.json("/api/v1/caches/bodies")
        for expression, value in {
                "memwatch_heap_limit_bytes": heap["heapLimit"],
                "memwatch_queue_capacity": queue["capacity"],
                'memwatch_cache_limit_bytes{name="bodies"}': cache["bytesLimit"],
        }.items():
            self.assertEqual(self.prometheus.value(expression), value, expression)

    def test_what_is_unknown_has_no_series(self):
        system = self.daemon.json("/api/v1/system")
        self.assertEqual(system["absent"]["constrained"], "unsupported")
        self.assertEqual(self.prometheus.query("memwatch_system_constrained_bytes"), [])

    def test_types_help_and_units_are_known_by_name(self):
        metadata = self.prometheus.get("/api/v1/targets/metadata", match_target='{job="memwatchd"}')
        known = {one["metric"]: one for one in metadata}
        self.assertEqual(known["memwatch_system_oom_kills"]["type"], "counter")
        self.assertEqual((known["memwatch_system_mem_total_bytes"]["type"],
                          known["memwatch_system_mem_total_bytes"]["unit"]), ("gauge", "bytes"))
        self.assertTrue(all(one["help"] for one in metadata))


class OnTheWire(unittest.TestCase):
    """What Prometheus asks for, what it gets, and that it can read that."""

    def exchange(self, accept=None):
        with Daemon(proc_root=fixture("healthy"), interval="1h") as daemon:
            with Relay(daemon.port, accept) as relay, Prometheus(scrape(relay.address)) as prometheus:
                self.assertEqual(prometheus.value("up"), 1)
                value = prometheus.value("memwatch_system_mem_total_bytes")
                self.assertEqual(value, daemon.json("/api/v1/system")["memTotal"])
                return relay.seen[0], prometheus.value("scrape_samples_scraped")

    def test_it_comes_as_openmetrics_in_gzip(self):
        (asked, status, told, body), count = self.exchange()
        self.assertIn("application/openmetrics-text", asked["Accept"])
        self.assertEqual(asked["Accept-Encoding"], "gzip")
        self.assertEqual((status, told["Content-Encoding"]), (200, "gzip"))
        self.assertEqual(told["Content-Type"],
                         "application/openmetrics-text; version=1.0.0; charset=utf-8")
        text = gzip.decompress(body).decode()
        self.assertTrue(text.endswith("# EOF\n"))
        self.assertIn("# UNIT memwatch_system_mem_total_bytes bytes\n", text)
        self.assertEqual(len(samples(text)), count)

    def test_the_text_format_is_read_too(self):
        (_, status, told, body), count = self.exchange("text/plain;version=0.0.4")
        self.assertEqual((status, told["Content-Type"]),
                         (200, "text/plain; version=0.0.4; charset=utf-8"))
        text = gzip.decompress(body).decode()
        self.assertNotIn("# EOF", text)
        self.assertEqual(len(samples(text)), count)


class Hostile(unittest.TestCase):
    def test_names_come_back_as_they_are_in_the_documents(self):
        """Quotes, backslashes, line ends and what is no UTF-8. To Prometheus an empty label is none."""
        with Daemon(proc_root=fixture("hostile_names"), interval="1h") as daemon:
            address = f"127.0.0.1:{daemon.port}"
            with Prometheus(scrape(address, **JOBS)) as prometheus:
                known = {row["name"] for row in daemon.json("/api/v1/processes")["processes"]}
                self.assertTrue(any('"' in name for name in known))
                ours = {labels.get("name", "") for labels, _ in
                        prometheus.query("memwatch_process_resident_memory_bytes")}
                self.assertEqual(ours - {"other"}, known)
                theirs = {labels.get("groupname", "") for labels, _ in
                          prometheus.query("namedprocess_namegroup_num_procs")}
                self.assertLessEqual(theirs, known)


class Alive(unittest.TestCase):
    def test_a_process_that_ends_is_gone_with_the_next_scrape(self):
        """Its series end at once, and are not drawn on for the five minutes that a lost one is."""
        with Daemon(interval="100ms") as daemon:
            with Prometheus(scrape(f"127.0.0.1:{daemon.port}")) as prometheus:
                expression = 'memwatch_process_group_processes{name="mw-short-lived"}'
                self.assertEqual(prometheus.query(expression), [])
                child = self.short_lived()
                try:
                    prometheus.wait_for_value(expression)
                finally:
                    child.kill()
                    child.wait()
                wait_until(lambda: prometheus.query(expression) == [], 30, "its end")
                self.assertEqual(prometheus.value("up"), 1)

    @staticmethod
    def short_lived():
        """A process with a name of its own."""
        code = ("import ctypes, time; ctypes.CDLL(None).prctl(15, b'mw-short-lived'); "
                "time.sleep(100)")
        return subprocess.Popen(["python3", "-c", code])


if __name__ == "__main__":
    unittest.main()
