"""Between scrapes: the least and greatest of the last seconds and minutes, the same for whoever asks."""
import pathlib
import re
import shutil
import tempfile
import unittest

from support.daemon import Daemon, fixture, wait_until

WIDTHS = "15s", "1m", "5m"
OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
JSON = {"Content-Type": "application/json"}


def samples(text):
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#"))
    return {name: float(value) for name, value in lines}


class Case(unittest.TestCase):
    """A daemon on a tree that the test changes."""

    interval, config = "100ms", ""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name, "proc")
        shutil.copytree(fixture("healthy"), self.root, symlinks=True)
        self.meminfo = (self.root / "meminfo").read_text()
        self.daemon = Daemon(proc_root=str(self.root), interval=self.interval, config=self.config)
        self.daemon.__enter__()
        self.addCleanup(self.daemon.__exit__, None)

    def write(self, path, text):
        """In one step, and in place: the daemon may hold the file open. So its length stays."""
        path = self.root / path
        self.assertEqual(len(text), path.stat().st_size)
        with open(path, "rb+", buffering=0) as file:
            file.write(text.encode())

    def say_available(self, kilobytes):
        """None: the kernel has no such line."""
        old = re.search(r"MemAvailable:.*", self.meminfo).group()
        new = "Unavailable: 0 kB" if kilobytes is None else f"MemAvailable: {kilobytes} kB"
        self.write("meminfo", self.meminfo.replace(old, new.replace(" ", " " * (
            len(old) - len(new) + 1), 1)))

    def scrape(self, headers=None):
        answer = self.daemon.get("/metrics", headers)
        self.assertEqual(answer.status, 200)
        return samples(answer.text)

    def wait_for(self, name, value):
        """The scrape that has this sample with this value; None: has it not."""
        def found():
            got = self.scrape()
            return got if got.get(name) == value else None
        return wait_until(found, what=f"{name} = {value}")

    def expect(self, got, stem, unit, labels, least, greatest):
        for width in WIDTHS:
            each = ",".join([*labels, f'window="{width}"'])
            self.assertEqual(got[f"{stem}_min{unit}{{{each}}}"], least)
            self.assertEqual(got[f"{stem}_max{unit}{{{each}}}"], greatest)


class Machine(Case):
    AVAILABLE = "memwatch_system_mem_available"

    def test_a_moment_that_no_scrape_saw_is_seen_by_all(self):
        usual = self.scrape()[f"{self.AVAILABLE}_bytes"]
        self.say_available(1000)
        self.daemon.wait_for_samples(2)
        self.say_available(int(usual) // 1024)
        wait_until(lambda: self.daemon.json("/api/v1/system")["memAvailable"] == usual)
        for headers in (None, OPENMETRICS, None):
            got = self.scrape(headers)
            self.assertEqual(got[f"{self.AVAILABLE}_bytes"], usual)
            self.expect(got, self.AVAILABLE, "_bytes", [], 1000 * 1024, usual)

    def test_a_window_that_is_not_full_says_so(self):
        first = self.scrape()[f"{self.AVAILABLE}_known_seconds"]
        self.daemon.wait_for_samples(10)
        now = self.scrape()[f"{self.AVAILABLE}_known_seconds"]
        self.assertLess(first, 15)
        self.assertGreater(now, first)

    def test_a_gap_is_no_zero(self):
        self.daemon.wait_for_samples(5)
        self.say_available(None)
        self.wait_for(f"{self.AVAILABLE}_bytes", None)
        got = self.scrape()
        self.assertEqual([name for name in got if name.startswith(self.AVAILABLE)], [])
        self.say_available(3000)
        got = self.wait_for(f"{self.AVAILABLE}_bytes", 3000 * 1024)
        usual = int(re.search(r"MemAvailable:\s+(\d+)", self.meminfo).group(1)) * 1024
        self.expect(got, self.AVAILABLE, "_bytes", [], min(usual, 3000 * 1024),
                    max(usual, 3000 * 1024))


class Groups(Case):
    RSS = "memwatch_process_resident_memory"

    def grow(self, pid, pages):
        """What a process has, and what it had."""
        words = (self.root / str(pid) / "statm").read_text().split()
        self.write(f"{pid}/statm", " ".join([words[0], str(pages), *words[2:]]) + "\n")
        return int(words[1])

    def test_a_burst_of_a_group_is_seen(self):
        name = 'name="nginx"'
        sum_of = f"{self.RSS}_bytes{{{name}}}"
        usual = self.scrape()[sum_of]
        was = self.grow(1120, 999)
        burst = usual + (999 - was) * 4096
        self.wait_for(sum_of, burst)
        self.grow(1120, was)
        self.expect(self.wait_for(sum_of, usual), self.RSS, "_bytes", [name], usual, burst)

    def test_a_group_that_died_takes_its_window_along(self):
        name, comm = 'name="nginx"', "nginx"
        pids = [path for path in self.root.iterdir() if path.name.isdigit() and
                f"({comm})" in (path / "stat").read_text(errors="replace")]
        kept = self.root.parent / "kept"
        kept.mkdir()
        self.assertGreaterEqual(self.scrape()[f"{self.RSS}_known_seconds{{{name}}}"], 0)
        for path in pids:
            path.rename(kept / path.name)
        self.wait_for(f"memwatch_process_group_processes{{{name}}}", None)
        self.assertEqual([sample for sample in self.scrape() if name in sample], [])
        (kept / pids[0].name).rename(pids[0])
        got = self.wait_for(f"memwatch_process_group_processes{{{name}}}", 1)
        value = got[f"{self.RSS}_bytes{{{name}}}"]
        self.expect(got, self.RSS, "_bytes", [name], value, value)


class Pushed(Case):
    interval = "1h"  # what changes is told between beats

    def put(self, path, body):
        answer = self.daemon.request("PUT", f"/api/v1/{path}", JSON, body, unix=True)
        self.assertEqual(answer.status, 204, answer.text)

    def test_a_queue_that_was_long_for_a_moment(self):
        length, name = "memwatch_queue_length", 'name="orders"'
        for value in 10, 200, 5:
            self.put("queues/orders", f'{{"length":{value}}}')
            got = self.wait_for(f"{length}{{{name}}}", value)
        self.expect(got, length, "", [name], 5, 200)
        self.assertEqual(got['memwatch_queue_length_min{name="events",window="15s"}'], 0)

    def test_a_heap_beside_the_own_one(self):
        used, name = "memwatch_heap_used", 'name="shop"'
        for value in 1000, 9000, 2000:
            self.put("heaps/shop", f'{{"heapUsed":{value}}}')
            got = self.wait_for(f"{used}_bytes{{{name}}}", value)
        self.expect(got, used, "_bytes", [name], 1000, 9000)
        own = 'name="memwatchd",window="5m"'
        self.assertGreaterEqual(got[f"{used}_max_bytes{{{own}}}"],
                                got[f"{used}_min_bytes{{{own}}}"])


class Replayed(Case):
    def test_windows_are_of_the_recorded_time(self):
        path = str(self.root.parent / "run.mwr")
        with Daemon("--record", path, proc_root=fixture("healthy"), interval="100ms") as daemon:
            daemon.wait_for_samples(40)
        with Daemon("--replay", path, "--speed", "max", ready=False) as daemon:
            wait_until(lambda: daemon.get("/metrics").status == 200)
            wait_until(lambda: samples(daemon.get("/metrics").text)[
                "memwatch_system_mem_available_known_seconds"] >= 3.5)


class Series(Case):
    interval = "1h"
    config = "metrics-series = 1000\n"

    def test_many_names_keep_to_the_number_of_series(self):
        for i in range(60):
            answer = self.daemon.request("PUT", f"/api/v1/queues/q{i}", JSON, '{"length":1}',
                                         unix=True)
            self.assertEqual(answer.status, 204)
        wait_until(lambda: self.daemon.get("/api/v1/queues/q59").status == 200)
        got = self.scrape()
        self.assertLessEqual(len(got), 1000)
        shown = [f"q{i}" for i in range(60) if f'memwatch_queue_length{{name="q{i}"}}' in got]
        self.assertTrue(0 < len(shown) < 60)
        self.assertEqual(shown, [f"q{i}" for i in range(len(shown))])

    def test_what_is_left_out_is_counted(self):
        with Daemon(proc_root=str(self.root), interval="100ms", config=self.config) as daemon:
            for i in range(60):
                daemon.request("PUT", f"/api/v1/queues/q{i}", JSON, '{"length":1}', unix=True)
            wait_until(lambda: daemon.json("/api/v1/daemon")["seriesLeftOut"] > 0)


if __name__ == "__main__":
    unittest.main()
