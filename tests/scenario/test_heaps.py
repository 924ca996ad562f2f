"""The daemon's own heap, queues and caches: true figures, and what may be asked of them."""
import json
import re
import time
import unittest

from support.ctl import ctl
from support.daemon import Daemon, fixture, wait_until

COLLECT = "/api/v1/heaps/memwatchd/collect"
TRACE = "/api/v1/heaps/memwatchd/trace"
LINE = re.compile(r"^\[\d+:0x[0-9a-f]+\] +\d+ ms: (Scavenge|Mark-Compact) [\d.]+ \([\d.]+\) -> ")


class WithDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), interval="100ms").__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)

    def heap(self):
        return self.daemon.json("/api/v1/heaps/memwatchd")

    def collect(self, kind=None):
        answer = self.daemon.post(COLLECT + (f"?kind={kind}" if kind else ""))
        self.assertEqual(answer.status, 200, answer.text)
        return answer.json()

    def trace(self):
        answer = self.daemon.get(TRACE)
        self.assertEqual(answer.status, 200, answer.text)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain"))
        return answer.text.splitlines()


class Heap(WithDaemon):
    def test_the_figures_of_one_answer_fit_together(self):
        for _ in range(20):
            heap = self.heap()
            spaces = heap["spaces"]
            self.assertEqual([space["name"] for space in spaces],
                             ["new_space", "old_space", "large_object_space"])
            self.assertEqual(sum(space["size"] for space in spaces), heap["heapTotal"])
            self.assertEqual(sum(space["used"] for space in spaces), heap["heapUsed"])
            self.assertEqual(sum(space["physical"] for space in spaces), heap["physical"])
            self.assertLessEqual(heap["heapUsed"], heap["heapTotal"])
            self.assertLessEqual(heap["heapTotal"] + heap["pooled"], heap["heapLimit"])
            self.assertLessEqual(heap["physical"], heap["heapTotal"])
            pauses = heap["pauses"]["histogram"]
            self.assertEqual(len(pauses["counts"]), len(pauses["boundsUs"]) + 1)
            self.assertGreaterEqual(sum(pauses["counts"]), sum(heap["collections"].values()))

    def test_memory_has_the_same_heap(self):
        process = self.daemon.json("/api/v1/memory")["process"]
        heap = self.heap()
        self.assertEqual(process["heapLimit"], heap["heapLimit"])
        # Both are of the moment, and the first answer is kept when the second is made.
        self.assertGreater(process["external"], 0)
        self.assertLess(abs(process["external"] - heap["external"]), 1 << 20)
        self.assertGreater(process["heapUsed"], 1000)
        self.assertLessEqual(process["heapUsed"], process["heapTotal"])
        self.assertLess(abs(process["heapTotal"] - heap["heapTotal"]), 8 << 20)

    def test_the_heap_fills_with_history(self):
        """It is a living one: what samples bring stays, so it grows over collections."""
        self.collect("major")
        first = self.heap()["heapUsed"]
        self.daemon.wait_for_samples(20)
        self.collect("major")
        self.assertGreater(self.heap()["heapUsed"], first)

    def test_the_list_has_the_one(self):
        document = self.daemon.json("/api/v1/heaps")
        self.assertEqual([heap["name"] for heap in document["heaps"]], ["memwatchd"])
        self.assertEqual(set(self.heap()), set(document["heaps"][0]) | {"timeMs", "seq"})

    def test_history_and_metrics_have_it_too(self):
        text = self.daemon.get("/metrics").text
        for name in ("memwatch_heap_used_bytes", "memwatch_heap_pause_seconds_total"):
            self.assertRegex(text, rf'(?m)^{name}{{name="memwatchd"}} [\d.]+$')
        for collector in "scavenge", "mark-sweep", "mark-compact":
            self.assertIn('memwatch_heap_collections_total{name="memwatchd",collector="%s"} '
                          % collector, text)


class History(WithDaemon):
    def test_it_is_asked_by_name(self):
        self.daemon.wait_for_samples(5)
        for reading, name in (("heap.heapUsed", "memwatchd"), ("queue.length", "events"),
                              ("cache.entries", "bodies"), ("cache.bytes", "history")):
            answer = self.daemon.json(f"/api/v1/history?reading={reading}&subject={name}"
                                      "&from=-2s&step=500ms")
            self.assertEqual((answer["subject"], answer["name"]), (name, name))
            self.assertTrue(answer["alive"])
            self.assertTrue(any(point[2] is not None for point in answer["points"]), reading)
        used = self.daemon.json("/api/v1/history?reading=heap.heapUsed&subject=memwatchd&from=-2s")
        self.assertGreater(max(point[3] or 0 for point in used["points"]), 1000)

    def test_another_name_is_refused_with_those_that_are_there(self):
        for subject in "&subject=nothing", "&subject=4711", "":
            answer = self.daemon.get("/api/v1/history?reading=cache.bytes" + subject)
            self.assertIn(answer.status, (400, 404))
            self.assertIn("bodies, history", answer.json()["detail"])


class Collecting(WithDaemon):
    def test_it_is_done_when_it_is_answered(self):
        for kind, counter in (("minor", "scavenge"), ("major", "markSweep"),
                              ("compact", "markCompact"), (None, "markSweep")):
            with self.subTest(kind):
                before = self.heap()["collections"]
                answer = self.collect(kind)
                after = self.heap()["collections"]
                self.assertEqual(answer["kind"], kind or "major")
                self.assertGreater(after[counter], before[counter])
                self.assertRegex(answer["trace"], LINE)
                self.assertIn(answer["trace"], self.trace())
                self.assertLessEqual(answer["heapUsed"], answer["heapUsedBefore"])

    def test_the_trace_is_the_last_32(self):
        for _ in range(40):
            last = self.collect("minor")["trace"]
        lines = self.trace()
        self.assertEqual(len(lines), 32)
        self.assertIn(last, lines)
        for line in lines:
            self.assertRegex(line, LINE)

    def test_it_is_for_administrators(self):
        self.assertEqual(self.daemon.request("POST", COLLECT).status, 401)
        self.assertEqual(self.daemon.get(COLLECT, unix=True).status, 405)

    def test_another_kind_is_refused_with_those_that_are_taken(self):
        answer = self.daemon.post(COLLECT + "?kind=huge")
        self.assertEqual(answer.status, 400)
        for word in "minor", "major", "compact":
            self.assertIn(word, answer.json()["detail"])


class Names(WithDaemon):
    def test_unknown_ones_are_told_the_known_ones(self):
        for kind, known in ("heaps", "memwatchd"), ("queues", "events"), ("caches", "bodies"):
            for name in "nothing", "a%22b", "x" * 64, "%F0%9F%90%A7", known + "x":
                answer = self.daemon.get(f"/api/v1/{kind}/{name}")
                self.assertEqual(answer.status, 404, name)
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                self.assertIn(known, answer.json()["detail"])
            self.assertEqual(self.daemon.get(f"/api/v1/{kind}/" + "x" * 65).status, 400)
            self.assertEqual(self.daemon.get(f"/api/v1/{kind}/{known}").status, 200)


class Queues(unittest.TestCase):
    def adds_up(self, queue):
        self.assertEqual(queue["enqueuedTotal"],
                         queue["dequeuedTotal"] + queue["clearedTotal"] + queue["length"])
        self.assertLessEqual(queue["length"], queue["capacity"])
        self.assertAlmostEqual(queue["fillRatio"], queue["length"] / queue["capacity"], places=5)

    def test_events_are_counted_on_their_way(self):
        with Daemon(proc_root=fixture("healthy"), interval="100ms") as daemon:
            def queue():
                return daemon.json("/api/v1/queues/events")

            nobody = queue()
            self.adds_up(nobody)
            self.assertEqual((nobody["length"], nobody["enqueuedTotal"]), (0, 0))
            connection = daemon.connect()
            connection.request("GET", "/api/v1/events")
            stream = connection.getresponse()
            while queue()["dequeuedTotal"] < 5:
                self.assertTrue(stream.readline())
            self.adds_up(queue())
            stream.close()
            connection.close()
            wait_until(lambda: daemon.json("/api/v1/daemon")["streams"] == 0)
            daemon.wait_for_samples(2)
            self.adds_up(queue())
            self.assertEqual(queue()["length"], 0)

    def test_a_reader_that_does_not_read_holds_the_queue_up_and_is_dropped(self):
        """Over the unix socket, whose buffer is the smaller one. It shows while it lasts, in length
        and age, and the others get everything all the same."""
        with Daemon(proc_root=fixture("healthy"), interval="100ms") as daemon:
            connection, other = daemon.connect_unix(), daemon.connect()
            connection.request("GET", "/api/v1/events")
            other.request("GET", "/api/v1/events")
            stream = other.getresponse()
            held = {"length": 0, "oldestAgeMs": 0}
            until = time.monotonic() + 90
            while daemon.json("/api/v1/daemon")["streamsDropped"] == 0:
                queue = daemon.json("/api/v1/queues/events")
                self.adds_up(queue)
                held = {key: max(held[key], queue[key]) for key in held}
                self.assertLess(time.monotonic(), until, queue)
                for _ in range(5):
                    self.assertTrue(stream.readline())
            self.assertGreater(held["length"], 10)
            self.assertGreater(held["oldestAgeMs"], 1000)
            wait_until(lambda: daemon.json("/api/v1/daemon")["streams"] == 1)
            daemon.wait_for_samples(2)
            queue = daemon.json("/api/v1/queues/events")
            self.adds_up(queue)
            self.assertLess(queue["length"], 10)
            connection.close()
            other.close()


class Caches(unittest.TestCase):
    def test_bodies_are_counted(self):
        with Daemon(proc_root=fixture("healthy"), interval="300ms") as daemon:
            def cache():
                return daemon.json("/api/v1/caches/bodies")

            for _ in range(30):
                daemon.get("/api/v1/memory")
            daemon.wait_for_samples(2)
            first = cache()
            self.assertGreater(first["hits"], 0)
            self.assertGreater(first["misses"], 0)
            self.assertEqual(first["limit"], 64)
            for limit in range(200):
                daemon.get(f"/api/v1/processes?limit={limit}")
            daemon.wait_for_samples(2)
            second = cache()
            self.assertGreaterEqual(second["misses"], first["misses"] + 200)
            self.assertLessEqual(second["entries"], second["limit"])
            self.assertLessEqual(second["bytes"], second["bytesLimit"])

    def test_bodies_are_external_memory_until_a_sample_outdates_them(self):
        with Daemon(proc_root=fixture("healthy"), interval="3s") as daemon:
            daemon.wait_for_samples(1)
            before = daemon.json("/api/v1/memory")["process"]["external"]
            for limit in range(40):
                daemon.get(f"/api/v1/processes?limit={limit}")
            held = daemon.json("/api/v1/heaps/memwatchd")["external"]
            self.assertGreater(held, before + 40 * 100)
            daemon.wait_for_samples(1)
            self.assertLess(daemon.json("/api/v1/heaps/memwatchd")["external"], held - 40 * 100)

    def test_history_is_one_too(self):
        """Bounded in bytes: what it has no number of is absent, not 0."""
        with Daemon(proc_root=fixture("healthy"), interval="100ms") as daemon:
            daemon.wait_for_samples(3)
            first = daemon.json("/api/v1/caches/history")
            daemon.wait_for_samples(5)
            second = daemon.json("/api/v1/caches/history")
        self.assertGreaterEqual(second["entries"], first["entries"] + 5)
        self.assertLessEqual(second["bytes"], second["bytesLimit"])
        self.assertGreater(second["bytes"], 0)
        self.assertEqual(second["evictions"], 0)
        self.assertEqual(second["absent"], {"limit": "unsupported", "hits": "unsupported",
                                            "misses": "unsupported", "hitRatio": "unsupported",
                                            "evictionRatio": "unsupported"})

    def test_what_is_asked_once_pushes_nothing_out(self):
        with Daemon(proc_root=fixture("healthy"), interval="3s") as daemon:
            daemon.wait_for_samples(1)
            for limit in range(150):
                daemon.get(f"/api/v1/processes?limit={limit}")
            daemon.wait_for_samples(2)
            cache = daemon.json("/api/v1/caches/bodies")
            self.assertGreaterEqual(cache["misses"], 150)
            self.assertEqual(cache["evictions"], 0)

    def test_evictions_are_those_that_somebody_needed(self):
        with Daemon(proc_root=fixture("healthy"), interval="3s") as daemon:
            daemon.wait_for_samples(1)
            for limit in range(150):
                for _ in range(2):
                    daemon.get(f"/api/v1/processes?limit={limit}")
            daemon.wait_for_samples(2)
            self.assertGreaterEqual(daemon.json("/api/v1/caches/bodies")["evictions"], 150 - 2 * 64)

    def test_names_are_one_too(self):
        with Daemon(proc_root=fixture("healthy"), interval="100ms") as daemon:
            daemon.wait_for_samples(3)
            names = daemon.json("/api/v1/caches/names")
            listed = {row["name"] for row in daemon.json("/api/v1/processes")["processes"]}
        self.assertGreaterEqual(names["entries"], len(listed - {None}))
        self.assertGreaterEqual(names["misses"], names["entries"])
        self.assertLessEqual(names["entries"], names["limit"])
        self.assertGreater(names["bytes"], 16 * names["entries"] - 1)
        self.assertEqual(names["evictions"], 0)


class Command(WithDaemon):
    def ask(self, *arguments, code=0):
        done = ctl(*arguments, "--socket", self.daemon.socket)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def test_heap(self):
        rows = self.ask("heap", "--bytes").splitlines()
        self.assertRegex(rows[0], r"^HEAP +USED +TOTAL +LIMIT")
        self.assertEqual(rows[1].split()[0], "memwatchd")
        self.assertEqual(int(rows[1].split()[3]), self.heap()["heapLimit"])
        self.assertEqual(json.loads(self.ask("heap", "--json"))["heaps"][0]["name"], "memwatchd")

    def test_heap_spaces(self):
        rows = self.ask("heap", "spaces").splitlines()
        self.assertEqual([row.split()[1] for row in rows[1:]],
                         ["new_space", "old_space", "large_object_space"])

    def test_heap_collect_and_trace(self):
        self.assertRegex(self.ask("heap", "collect"), r"^major: \S+ \S+ -> \S+ \S+ in use, [\d.]+ ms\n$")
        text = self.ask("heap", "collect", "--kind", "compact")
        self.assertTrue(text.startswith("compact: "), text)
        answer = json.loads(self.ask("heap", "collect", "--kind=minor", "--json"))
        self.assertEqual(answer["kind"], "minor")
        lines = self.ask("heap", "trace").splitlines()
        self.assertIn(answer["trace"], lines)
        self.assertIn(answer["trace"], json.loads(self.ask("heap", "trace", "--json"))["lines"])

    def test_queues_and_caches(self):
        for verb, names in ("queues", ["events"]), ("caches", ["bodies", "history", "names"]):
            rows = self.ask(verb).splitlines()
            self.assertEqual([row.split()[0] for row in rows[1:]], names)
            document = json.loads(self.ask(verb, "--json"))
            self.assertEqual([row["name"] for row in document[verb]], names)

    def test_wrong_words(self):
        self.assertIn("spaces|trace|collect|snapshot|diff", self.ask("heap", "dance", code=2))
        self.assertIn("--kind", self.ask("heap", "--kind", "minor", code=2))
        self.assertIn("minor|major|compact", self.ask("heap", "collect", "--kind", "x", code=2))
        self.assertIn("queues", self.ask("queues", "--kind", "minor", code=2))


if __name__ == "__main__":
    unittest.main()
