"""What clients see: documents, negotiation, errors, the event stream, metrics."""
import gzip
import json
import os
import shutil
import subprocess
import tempfile
import time
import unittest

from support.daemon import ALWAYS, Daemon, cpu_seconds, fixture, named, wait_until

PROMTOOL = os.environ.get("MW_TEST_PROMTOOL") or shutil.which("promtool")


class Api(unittest.TestCase):
    interval = "100ms"

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), interval=cls.interval,
                            config=ALWAYS).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)

    def problem(self, answer, status):
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/problem+json")
        document = answer.json()
        self.assertEqual(document["status"], status)
        self.assertLessEqual({"type", "title", "status", "detail"}, set(document))
        return document


class Documents(Api):
    def test_every_described_path_is_served_and_no_other(self):
        document = self.daemon.json("/api/v1/openapi.json")
        self.assertTrue(document["openapi"].startswith("3."))
        for path, operations in document["paths"].items():
            pid = self.daemon.json("/api/v1/processes?limit=1")["processes"][0]["pid"]
            for method in operations:
                if (path.endswith("/events") or "204" in operations[method]["responses"] or
                        "requestBody" in operations[method]):
                    continue  # a stream; what takes something has tests of its own
                place = named(path).replace("{pid}", str(pid)).replace("{id}", self.daemon.alert_id())
                answer = self.daemon.request(method.upper(), place, unix=True)
                self.assertEqual(answer.status, 200, f"{method} {path}: {answer.text}")
                described = operations[method]["responses"]["200"]["content"]
                self.assertIn(answer.headers["Content-Type"], described)
        for path in ("/api/v1/alerts/nobody", "/api/v1/heaps/memwatchd/nothing",
                     "/api/v1", "/api/v1/memory/", "/nothing"):
            self.problem(self.daemon.get(path), 404)

    def test_sorting_and_limits(self):
        every = self.daemon.json("/api/v1/processes")
        sizes = [row["rss"] for row in every["processes"] if row["rss"] is not None]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        for limit in 0, 1, len(every["processes"]) - 1, len(every["processes"]), 4194304:
            some = self.daemon.json(f"/api/v1/processes?limit={limit}")
            self.assertEqual(some["processes"], every["processes"][:limit])
            self.assertEqual(some["total"], every["total"])
        rising = self.daemon.json("/api/v1/processes?sort=virtual&order=asc")["processes"]
        sizes = [row["virtual"] for row in rising if row["virtual"] is not None]
        self.assertEqual(sizes, sorted(sizes))
        names = [row["name"] for row in self.daemon.json(
            "/api/v1/processes?sort=name&order=asc")["processes"]] if self.has_sort("name") else []
        self.assertEqual(names, sorted(names))

    def has_sort(self, key):
        return self.daemon.get(f"/api/v1/processes?sort={key}").status == 200

    def test_filters(self):
        first = self.daemon.json("/api/v1/processes?limit=1")["processes"][0]
        one = self.daemon.json(f"/api/v1/processes?pid={first['pid']}")
        self.assertEqual([row["pid"] for row in one["processes"]], [first["pid"]])
        self.assertEqual(one["total"], 1)
        same = self.daemon.json(f"/api/v1/processes?name={first['name'][:3]}*")
        self.assertIn(first["pid"], [row["pid"] for row in same["processes"]])
        none = self.daemon.json("/api/v1/processes?name=no-such-name")
        self.assertEqual((none["total"], none["processes"]), (0, []))

    def test_one_process_is_its_row(self):
        row = self.daemon.json("/api/v1/processes?limit=1")["processes"][0]
        self.assertEqual(self.daemon.process_of(row["pid"])["name"], row["name"])
        self.problem(self.daemon.get("/api/v1/processes/4000000"), 404)

    def test_bad_queries_say_what_is_taken(self):
        for query, name in (("limit=-1", "limit"), ("limit=4194305", "limit"), ("limit=", "limit"),
                            ("limit=1x", "limit"), ("order=up", "order"), ("sort=nothing", "sort"),
                            ("pid=0", "pid"), ("pid=x", "pid"), ("color=red", "color"),
                            ("limit=1&limit=2", "limit")):
            with self.subTest(query):
                detail = self.problem(self.daemon.get("/api/v1/processes?" + query), 400)["detail"]
                self.assertIn(name, detail)
        self.problem(self.daemon.get("/api/v1/memory?x=1"), 400)
        for path in "/api/v1/processes/0", "/api/v1/processes/abc", "/api/v1/processes/-1":
            self.problem(self.daemon.get(path), 400)

    def test_wrong_methods_are_told_the_right_ones(self):
        for method, path, allowed in (("POST", "/api/v1/memory", "GET"), ("DELETE", "/metrics", "GET"),
                                      ("PUT", "/api/v1/reload", "POST"),
                                      ("GET", "/api/v1/reload", "POST")):
            answer = self.daemon.request(method, path, unix=True)
            self.problem(answer, 405)
            self.assertIn(allowed, answer.headers["Allow"])

    def test_head_is_get_without_the_body(self):
        connection = self.daemon.connect()
        self.addCleanup(connection.close)
        connection.request("HEAD", "/api/v1/processes")
        answer = connection.getresponse()
        self.assertEqual((answer.status, answer.read()), (200, b""))
        self.assertGreater(int(answer.headers["Content-Length"]), 100)

    def test_administration_is_not_for_tcp(self):
        for method, path in ("POST", "/api/v1/reload"), ("GET", "/api/v1/config"):
            answer = self.daemon.request(method, path)
            self.assertIn(answer.status, (401, 403))
            self.problem(answer, answer.status)


class Negotiation(Api):
    interval = "30s"

    def test_etag_and_304(self):
        first = self.daemon.get("/api/v1/memory")
        tag = first.headers["ETag"]
        self.assertTrue(tag)
        for value in tag, "*", f'"other", {tag}', "W/" + tag:
            again = self.daemon.get("/api/v1/memory", {"If-None-Match": value})
            self.assertEqual((again.status, again.body), (304, b""), value)
            self.assertEqual(again.headers["ETag"], tag)
        self.assertEqual(self.daemon.get("/api/v1/memory", {"If-None-Match": '"other"'}).status, 200)

    def test_gzip(self):
        plain = self.daemon.get("/api/v1/processes")
        self.assertIsNone(plain.headers["Content-Encoding"])
        for value in "gzip", "deflate, gzip;q=0.5", "*":
            zipped = self.daemon.get("/api/v1/processes", {"Accept-Encoding": value})
            self.assertEqual(zipped.headers["Content-Encoding"], "gzip", value)
            self.assertEqual(gzip.decompress(zipped.body), plain.body)
            self.assertLess(len(zipped.body), len(plain.body))
            self.assertIn("Accept-Encoding", zipped.headers["Vary"])
            self.assertNotEqual(zipped.headers["ETag"], plain.headers["ETag"])
        refused = self.daemon.get("/api/v1/processes", {"Accept-Encoding": "gzip;q=0"})
        self.assertIsNone(refused.headers["Content-Encoding"])

    def test_a_new_sample_is_a_new_tag(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            tag = daemon.get("/api/v1/memory").headers["ETag"]
            daemon.wait_for_samples(1)
            answer = daemon.get("/api/v1/memory", {"If-None-Match": tag})
            self.assertEqual(answer.status, 200)
            self.assertNotEqual(answer.headers["ETag"], tag)


class Garbage(Api):
    def exchange(self, data):
        """Sends these bytes; what comes back until the server closes or half a second is over."""
        with self.daemon.connect_raw(timeout=3) as connection:
            got = b""
            try:
                connection.sendall(data)
                connection.settimeout(0.5)
                while True:
                    more = connection.recv(65536)
                    if not more:
                        break
                    got += more
            except (TimeoutError, ConnectionError):
                pass
            return got

    def test_nothing_sent_takes_it_down(self):
        host = b"Host: localhost\r\n"
        requests = [b"", b"\r\n\r\n", b"\x00" * 100, b"GET\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00",
                    b"GET /api/v1/memory HTTP/9.9\r\n" + host + b"\r\n",
                    b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n" + host + b"\r\n",
                    b"GET /healthz HTTP/1.1\r\n" + host + b"X: " + b"b" * 70000 + b"\r\n\r\n",
                    b"GET /%00%ff%zz HTTP/1.1\r\n" + host + b"\r\n",
                    b"GET /api/v1/processes?name=%ff%fe HTTP/1.1\r\n" + host + b"\r\n",
                    b"GET ../../etc/passwd HTTP/1.1\r\n" + host + b"\r\n",
                    b"POST /api/v1/memory HTTP/1.1\r\n" + host + b"Content-Length: -5\r\n\r\n",
                    b"POST /x HTTP/1.1\r\n" + host + b"Content-Length: 99999999999999999999\r\n\r\n",
                    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", os.urandom(4096)]
        for data in requests:
            got = self.exchange(data)
            self.assertFalse(got.startswith(b"HTTP/1.1 200"), data[:60])
            self.assertNotIn(b"root:", got)
        self.assertEqual(self.daemon.get("/healthz").status, 200)
        self.assertIsNone(self.daemon.process.poll())

    def test_a_host_is_needed_and_must_be_known(self):
        got = self.exchange(b"GET /healthz HTTP/1.1\r\n\r\n")
        self.assertTrue(got.startswith(b"HTTP/1.1 400"), got[:100])
        got = self.exchange(b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        self.assertRegex(got[:16], rb"^HTTP/1.1 4(00|03|21)")
        for host in b"localhost", b"127.0.0.1:1", b"localhost:9636":
            got = self.exchange(b"GET /healthz HTTP/1.1\r\nHost: " + host +
                                b"\r\nConnection: close\r\n\r\n")
            self.assertTrue(got.startswith(b"HTTP/1.1 200"), got[:100])


class Events(Api):
    def open(self):
        connection = self.daemon.connect()
        self.addCleanup(connection.close)
        connection.request("GET", "/api/v1/events")
        answer = connection.getresponse()
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"].split(";")[0], "text/event-stream")
        return answer

    @staticmethod
    def next_event(answer):
        fields = {}
        while True:
            line = answer.readline()
            if not line:
                raise AssertionError("the stream ended")
            if line == b"\n" and "data" in fields:
                return fields
            name, _, value = line.decode().rstrip("\n").partition(": ")
            fields[name] = value

    def test_each_sample_is_an_event(self):
        answer = self.open()
        numbers = []
        for _ in range(6):
            event = self.next_event(answer)
            self.assertEqual(event["event"], "sample")
            memory = json.loads(event["data"])
            self.assertIn("totalmem", memory)
            numbers.append(memory["seq"])
        self.assertEqual(numbers, list(range(numbers[0], numbers[0] + 6)))

    def test_streams_have_their_own_limit(self):
        with Daemon(proc_root=fixture("healthy"), config="max-streams = 2\n") as daemon:
            connections = []
            for expected in (200, 200, 503):
                connection = daemon.connect()
                connections.append(connection)
                self.addCleanup(connection.close)
                connection.request("GET", "/api/v1/events")
                answer = connection.getresponse()
                self.assertEqual(answer.status, expected)
                if expected == 503:
                    self.assertTrue(answer.headers["Retry-After"])
                else:
                    self.next_event(answer)
            self.assertEqual(daemon.get("/healthz").status, 200)
            connections[0].close()

            def open_again():
                connection = daemon.connect()
                self.addCleanup(connection.close)
                connection.request("GET", "/api/v1/events")
                return connection.getresponse().status == 200

            wait_until(open_again, 10, "a place for a stream after one has left")

    def test_waiting_streams_cost_next_to_nothing(self):
        with Daemon(proc_root=fixture("healthy"), interval="1h") as daemon:
            connections = [daemon.connect() for _ in range(10)]
            for connection in connections:
                self.addCleanup(connection.close)
                connection.request("GET", "/api/v1/events")
                self.assertEqual(connection.getresponse().status, 200)
            before = cpu_seconds(daemon.pid)
            time.sleep(2)
            self.assertLess(cpu_seconds(daemon.pid) - before, 0.2)


class Metrics(Api):
    def test_promtool_has_nothing_to_say(self):
        self.assertTrue(PROMTOOL, "promtool is needed: set MW_TEST_PROMTOOL")
        answer = self.daemon.get("/metrics")
        self.assertIn("text/plain", answer.headers["Content-Type"])
        result = subprocess.run([PROMTOOL, "check", "metrics"], input=answer.body,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual((result.returncode, result.stdout.decode()), (0, ""))

    def test_metrics_are_the_readings_in_base_units(self):
        lines = self.daemon.get("/metrics").text.splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        system = self.daemon.json("/api/v1/system")
        self.assertEqual(float(values["memwatch_system_mem_total_bytes"]), system["memTotal"])
        self.assertGreater(len(values), 100)

    def test_metrics_are_what_an_exporter_sends(self):
        zipped = self.daemon.get("/metrics", {"Accept-Encoding": "gzip"})
        self.assertIn("memwatch_daemon_samples_total", zipped.unzipped().decode())


# What a Prometheus 2.42 says.
PROMETHEUS = ("application/openmetrics-text;version=1.0.0,application/openmetrics-text;"
              "version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1")
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
TEXT = "text/plain; version=0.0.4; charset=utf-8"

# A strict reader by others; Debian's Python has it.
STRICT = """
import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse
for family in parse(sys.stdin.buffer.read().decode()):
    print(family.name, family.type, family.unit or "-", len(family.samples))
"""


class OpenMetrics(Api):
    interval = "1h"

    def ask(self, accept, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.daemon.get("/metrics", {"Accept": accept, **fields})

    def test_prometheus_gets_openmetrics(self):
        answer = self.ask(PROMETHEUS)
        self.assertEqual(answer.headers["Content-Type"], OPENMETRICS)
        self.assertTrue(answer.text.endswith("\n# EOF\n"))
        self.assertEqual(answer.headers["Vary"], "Accept, Accept-Encoding")
        self.assertEqual(self.daemon.get("/api/v1/memory").headers["Vary"], "Accept-Encoding")

    def test_nonsense_gets_the_text(self):
        for accept in ("", "nonsense", ";;q=", "application/json", "text/plain;q=0", "*/*"):
            answer = self.ask(accept)
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, TEXT), accept)
            self.assertNotIn("# EOF", answer.text)
            self.assertEqual(answer.headers["Vary"], "Accept, Accept-Encoding")

    def test_each_form_has_its_own_tag_and_gzip(self):
        tags = set()
        for accept in (PROMETHEUS, "text/plain"):
            for coding in ("identity", "gzip"):
                answer = self.ask(accept, Accept_Encoding=coding)
                tag = answer.headers["ETag"]
                tags.add(tag)
                again = self.ask(accept, Accept_Encoding=coding, If_None_Match=tag)
                self.assertEqual((again.status, again.headers["ETag"]), (304, tag))
                text = answer.unzipped().decode() if coding == "gzip" else answer.text
                self.assertEqual(text.endswith("# EOF\n"), accept == PROMETHEUS)
        self.assertEqual(len(tags), 4)

    def test_a_strict_reader_takes_it(self):
        text = self.ask(PROMETHEUS).text
        result = subprocess.run(["/usr/bin/python3", "-c", STRICT], input=text.encode(),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        said = result.stdout.decode()
        self.assertEqual(result.returncode, 0, said)
        self.assertIn("memwatch_build info - 1\n", said)
        self.assertIn("memwatch_system_ledger_bytes gauge bytes 15\n", said)
        self.assertIn("memwatch_system_oom_kills counter - 1\n", said)
        self.assertGreater(said.count("\n"), 100)

    def test_prometheus_itself_reads_it(self):
        """promtool reads OpenMetrics only to import it, for which each sample takes a time."""
        lines = [line if line.startswith("#") else f"{line} 1700000000"
                 for line in self.ask(PROMETHEUS).text.splitlines()]
        with tempfile.TemporaryDirectory() as folder:
            source = os.path.join(folder, "metrics")
            with open(source, "w", encoding="utf-8") as file:
                file.write("\n".join(lines) + "\n")
            result = subprocess.run([PROMTOOL, "tsdb", "create-blocks-from", "openmetrics", source,
                                     os.path.join(folder, "data")], stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual(result.returncode, 0, result.stdout.decode())
        self.assertRegex(result.stdout.decode(), r"NUM SAMPLES")

    def test_the_ledger_adds_up_to_the_byte(self):
        values = [float(line.rsplit(" ", 1)[1]) for line in self.ask(PROMETHEUS).text.splitlines()
                  if line.startswith("memwatch_system_ledger_bytes{")]
        system = self.daemon.json("/api/v1/system")
        self.assertEqual(len(values), 15)
        self.assertEqual(sum(values), system["memTotal"])
        self.assertEqual(sum(value for key, value in system.items() if key.startswith("ledger")),
                         system["memTotal"])


class Groups(unittest.TestCase):
    """Processes in metrics: by name, bounded, and as many bytes as there are."""

    def series(self, daemon, family):
        front = f"memwatch_process_{family}{{"
        lines = [line for line in daemon.get("/metrics").text.splitlines()
                 if line.startswith(front)]
        self.assertEqual(len(lines), len({line.rsplit(" ", 1)[0] for line in lines}))
        return {line[len(front):].rsplit("} ", 1)[0]: float(line.rsplit(" ", 1)[1])
                for line in lines}

    def test_sums_match_the_processes(self):
        for limit in (0, 3, 50):
            with Daemon(proc_root=fixture("healthy"), interval="1h",
                        config=f"metrics-groups = {limit}\n") as daemon:
                groups = self.series(daemon, "resident_memory_bytes")
                processes = daemon.json("/api/v1/processes")["processes"]
                self.assertEqual(sum(groups.values()), sum(row["rss"] for row in processes))
                self.assertLessEqual(len(groups), limit + 1)
                sizes = self.series(daemon, "group_processes")
                self.assertEqual(sum(sizes.values()), len(processes))
                self.assertNotIn("pid=", daemon.get("/metrics").text)

    def test_hostile_names_stay_on_their_line(self):
        with Daemon(proc_root=fixture("hostile_names"), interval="1h") as daemon:
            for accept in (PROMETHEUS, "text/plain"):
                text = daemon.get("/metrics", {"Accept": accept}).text
                self.assertTrue(text.endswith("\n"))
                for line in text[:-1].split("\n"):  # names have what else ends a line elsewhere
                    self.assertRegex(line, r'^(# (HELP|TYPE|UNIT) memwatch_\w+ .+|# EOF|'
                                           r'memwatch_\w+(\{\w+="([^"\\\n]|\\["\\n])*"'
                                           r'(,\w+="[^"]*")*\})? -?[0-9.e+-]+)$')
            result = subprocess.run([PROMTOOL, "check", "metrics"],
                                    input=daemon.get("/metrics").body, stdout=subprocess.PIPE,
                                    stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual((result.returncode, result.stdout.decode()), (0, ""))
            strict = subprocess.run(["/usr/bin/python3", "-c", STRICT],
                                    input=daemon.get("/metrics", {"Accept": PROMETHEUS}).body,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual(strict.returncode, 0, strict.stdout.decode())


class KeepAlive(Api):
    def test_many_requests_over_one_connection(self):
        connection = self.daemon.connect()
        self.addCleanup(connection.close)
        for _ in range(200):
            connection.request("GET", "/api/v1/memory")
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            json.loads(answer.read())

    def test_unix_and_tcp_tell_the_same(self):
        over_unix = self.daemon.get("/api/v1/system", unix=True).json()
        self.assertEqual(set(over_unix), set(self.daemon.json("/api/v1/system")))


if __name__ == "__main__":
    unittest.main()
