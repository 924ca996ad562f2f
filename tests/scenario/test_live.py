"""The daemon on this machine's own /proc, beside others who read the same numbers."""
import bisect
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import unittest

from support.daemon import Daemon, run, wait_until

HOG = os.environ["MW_TEST_HOG"]
NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
MIB = 1 << 20


def start_hog(mebibytes):
    hog = subprocess.Popen([HOG, str(mebibytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if hog.stdout.readline() != b"ready\n":
        raise AssertionError("the program that takes memory did not start")
    return hog


def end(process):
    process.kill()
    process.wait(10)
    for stream in process.stdin, process.stdout:
        if stream:
            stream.close()


def available():
    with open("/proc/meminfo") as meminfo:
        return next(int(line.split()[1]) * 1024 for line in meminfo
                    if line.startswith("MemAvailable:"))


class Poller:
    """Reads MemAvailable as often as it can, with the time of each reading."""

    def __enter__(self):
        self.times, self.values, self._stop = [], [], threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self):
        while not self._stop.wait(0.001):
            value = available()
            self.values.append(value)
            self.times.append(time.time() * 1000)

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(10)

    def around(self, time_ms, span_ms):
        """Lowest and highest value from just before to just after the span either way."""
        first = max(0, bisect.bisect_left(self.times, time_ms - span_ms) - 1)
        last = bisect.bisect_right(self.times, time_ms + span_ms) + 1
        return min(self.values[first:last]), max(self.values[first:last])


class Live(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon().__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)

    def node(self, expression):
        self.assertTrue(NODE, "Node.js is needed: set MW_TEST_NODE")
        script = f"console.log(JSON.stringify({expression}))"
        return json.loads(subprocess.run([NODE, "-e", script], stdout=subprocess.PIPE, check=True,
                                         timeout=60).stdout)

    def test_the_judge_is_the_node_it_must_be(self):
        self.assertTrue(self.node("process.version").startswith("v20."))

    def test_200_mib_show_as_rss(self):
        hog = start_hog(200)
        self.addCleanup(end, hog)
        row = wait_until(lambda: self.daemon.process_of(hog.pid))
        wait_until(lambda: self.daemon.process_of(hog.pid)["rss"] >= 200 * MIB)
        row = self.daemon.process_of(hog.pid)
        self.assertLess(abs(row["rss"] - 200 * MIB) / (200 * MIB), 0.02, row["rss"])
        self.assertLess(abs(row["rssAnon"] - 200 * MIB) / (200 * MIB), 0.02, row["rssAnon"])
        self.assertEqual(row["name"], "hog")
        self.assertEqual(row["ppid"], os.getpid())
        self.assertEqual(row["uid"], os.geteuid())

    def test_growth_is_what_came_since_first_seen(self):
        hog = subprocess.Popen([sys.executable, "-c", """
import sys
print("ready", flush=True); sys.stdin.readline()
kept = bytearray(b"x") * (64 << 20)
print("ready", flush=True); sys.stdin.readline()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(end, hog)
        hog.stdout.readline()
        wait_until(lambda: self.daemon.process_of(hog.pid))
        self.daemon.wait_for_samples(3)
        before = self.daemon.process_of(hog.pid)
        hog.stdin.write(b"\n")
        hog.stdin.flush()
        hog.stdout.readline()
        wait_until(lambda: self.daemon.process_of(hog.pid)["rss"] > before["rss"] + 60 * MIB)
        after = self.daemon.process_of(hog.pid)
        self.assertEqual(after["growth"] - before["growth"], after["rss"] - before["rss"])
        self.assertEqual(after["firstSeenMs"], before["firstSeenMs"])

    def test_totalmem_is_nodes(self):
        self.assertEqual(self.daemon.json("/api/v1/memory")["totalmem"],
                         self.node('require("os").totalmem()'))

    def test_freemem_lies_within_what_meminfo_said_around_its_time(self):
        with Poller() as poller:
            time.sleep(0.3)
            memories = []
            for _ in range(10):
                self.daemon.wait_for_samples(1)
                memories.append(self.daemon.json("/api/v1/memory"))
            time.sleep(0.3)
        for memory in memories:
            low, high = poller.around(memory["timeMs"], 100)
            self.assertTrue(low <= memory["freemem"] <= high, (low, memory["freemem"], high))

    def test_freemem_means_what_nodes_means(self):
        """Node reads at its own moment, so both are held against meminfo polled around them."""
        def is_the_same():
            with Poller() as poller:
                time.sleep(0.1)
                free, time_ms = self.node('[require("os").freemem(), Date.now()]')
                time.sleep(0.2)
            low, high = poller.around(time_ms, 150)
            return low <= free <= high

        wait_until(is_the_same) # one that means something else is never within

    def test_the_daemons_own_memory_is_its_process_memory(self):
        memory = self.daemon.json("/api/v1/memory")
        with open(f"/proc/{self.daemon.pid}/statm") as statm:
            rss = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self.assertEqual(memory["process"]["pid"], self.daemon.pid)
        self.assertLess(abs(memory["process"]["rss"] - rss) / rss, 0.1)

    def test_every_process_of_the_machine_is_there(self):
        def everyone():
            return {int(name) for name in os.listdir("/proc") if name.isdigit()}

        def nobody_is_missing():
            before = everyone()
            self.daemon.wait_for_samples(2)
            shown = {row["pid"] for row in self.daemon.json("/api/v1/processes")["processes"]}
            return not (before & everyone()) - shown

        wait_until(nobody_is_missing) # a child between vfork and exec is not shown yet

    def test_a_death_is_seen_and_its_pid_is_gone(self):
        hog = start_hog(1)
        wait_until(lambda: self.daemon.process_of(hog.pid))
        end(hog)
        wait_until(lambda: self.daemon.get(f"/api/v1/processes/{hog.pid}").status == 404)

    def test_exec_changes_the_name_and_not_the_identity(self):
        read, write = os.pipe()
        child = subprocess.Popen([sys.executable, "-c", f"""
import os
os.read({read}, 1)
os.execvp("sleep", ["sleep", "30"])
"""], pass_fds=[read], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        os.close(read)
        self.addCleanup(end, child)
        before = wait_until(lambda: self.daemon.process_of(child.pid))
        self.assertTrue(before["name"].startswith("python"), before["name"])
        os.write(write, b"x")
        os.close(write)
        wait_until(lambda: self.daemon.process_of(child.pid)["name"] == "sleep")
        self.assertEqual(self.daemon.process_of(child.pid)["startTimeMs"], before["startTimeMs"])

    def test_a_hostile_name_given_at_run_time(self):
        """The kernel tells nobody of a new name; it is read again when the process's memory moves."""
        child = subprocess.Popen([sys.executable, "-c", """
import ctypes, sys
ctypes.CDLL(None).prctl(15, b"a) R 1\\n<\\xff>")
kept = bytearray(b"x") * (8 << 20)
print("ready", flush=True); sys.stdin.readline()
"""], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(end, child)
        child.stdout.readline()
        wait_until(lambda: self.daemon.process_of(child.pid))
        wait_until(lambda: self.daemon.process_of(child.pid)["name"] == "a) R 1\n<\\xff>")
        row = self.daemon.process_of(child.pid)
        self.assertEqual(row["ppid"], os.getpid())

    def test_a_zombie_is_shown_as_one(self):
        child = subprocess.Popen(["true"])
        self.addCleanup(child.wait)
        wait_until(lambda: pathlib.Path(f"/proc/{child.pid}/stat").read_text().split(") ")[1][0] == "Z")
        row = wait_until(lambda: self.daemon.process_of(child.pid))
        wait_until(lambda: self.daemon.process_of(child.pid)["state"] == "Z")
        row = self.daemon.process_of(child.pid)
        self.assertIn(row["rss"], (0, None))

    def test_start_time_is_the_wall_clock_s(self):
        hog = start_hog(1)
        self.addCleanup(end, hog)
        now = time.time() * 1000
        row = wait_until(lambda: self.daemon.process_of(hog.pid))
        self.assertLess(abs(row["startTimeMs"] - now), 2000)


class Once(unittest.TestCase):
    def test_one_sample_of_this_machine(self):
        result = run("--once")
        self.assertEqual(result.returncode, 0, result.stderr)
        sample = json.loads(result.stdout)
        with open("/proc/meminfo") as meminfo:
            self.assertEqual(sample["totalmem"], int(meminfo.readline().split()[1]) * 1024)
        self.assertIn(os.getpid(), [row["pid"] for row in sample["processes"]])
        self.assertEqual(sample["total"], len(sample["processes"]))
        for key in "timeMs", "seq", "freemem", "system", "process", "daemon":
            self.assertIn(key, sample)


if __name__ == "__main__":
    unittest.main()
