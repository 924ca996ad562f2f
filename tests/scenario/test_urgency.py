"""What cannot wait does not: pressure and limits wake the daemon between two beats that are far
apart, on this machine's kernel."""
import http.server
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from support.daemon import ROOT, SLOWNESS, Daemon, wait_until
from support.groups import Group

MIB = 1 << 20
LIMIT = 64 * MIB

# Takes memory until it is killed: the limit is reached after about 0.6 s.
FILLER = """
import sys, time
taken = []
sys.stdin.readline()
while True:
    taken.append(bytearray(b"x") * (1 << 20))
    time.sleep(0.008)
"""


def group_or_skip(test, limit=LIMIT):
    try:
        group = Group.make(limit)
    except ValueError as reason:
        test.skipTest(str(reason))
    test.addCleanup(group.remove)
    return group


def far_beats(test, group, *arguments, seconds=20, config=""):
    """A daemon that looks at its services so rarely that what it knows, it was told."""
    if group:
        config += f'services = {{"{group.path}"}}\n'
    daemon = Daemon(*arguments, interval=f"{seconds}s", config=config).__enter__()
    test.addCleanup(daemon.end)
    return daemon


def start_in(test, group, *command, **options):
    process = subprocess.Popen(command, preexec_fn=group.join, **options)

    def end():
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
    test.addCleanup(end)
    return process


class Hook:
    """A web server that is told of alerts; each with the time at which it came."""

    def __init__(self, test):
        self.heard = []
        heard = self.heard

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                heard.append((time.monotonic(), json.loads(body)))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        test.addCleanup(self.server.server_close)
        test.addCleanup(self.server.shutdown)

    def sink(self):
        return (f'sink "hook" {{ type = webhook url = "http://127.0.0.1:'
                f'{self.server.server_address[1]}/" }}\n')

    def wait_for(self, rule, status="firing"):
        def found():
            return next((when for when, body in self.heard
                         if (body["rule"], body["status"]) == (rule, status)), None)
        return wait_until(found, 20, f"{rule} {status} among {self.heard}")


class Crossing:
    """Notes when the usage of a group was first seen to pass a number of bytes."""

    def __init__(self, group, level):
        self.time = None
        self._group, self._level = group, level
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self):
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if self._group.usage() >= self._level:
                self.time = time.monotonic()
                return
            time.sleep(0.001)


class Limit(unittest.TestCase):
    def service(self, daemon):
        return daemon.json("/api/v1/services")["services"][0]

    def test_a_group_near_its_limit_is_seen_before_something_is_killed(self):
        """Between its crossing of 80 % and the sample that has it lies less than a second."""
        group = group_or_skip(self)
        daemon = far_beats(self, group)
        filler = start_in(self, group, sys.executable, "-c", FILLER, stdin=subprocess.PIPE)
        self.assertLess(self.service(daemon)["memory"], LIMIT // 2)
        level = LIMIT * 80 // 100
        crossing = Crossing(group, level)
        filler.stdin.write(b"go\n")
        filler.stdin.flush()
        wait_until(lambda: self.service(daemon)["memory"] >= level, 10, "80 % in a sample")
        seen = time.monotonic()
        self.assertIsNone(filler.poll(), "it was killed before it was seen")
        self.assertIsNotNone(crossing.time)
        self.assertLess(seen - crossing.time, SLOWNESS)
        print(f"seen {1000 * (seen - crossing.time):.0f} ms after the crossing", file=sys.stderr)
        self.assertEqual(filler.wait(20), -signal.SIGKILL)
        killed = time.monotonic()
        wait_until(lambda: self.service(daemon)["oomKills"] == 1, 10, "the kill in a sample")
        self.assertLess(time.monotonic() - killed, SLOWNESS)
        self.assertGreater(self.service(daemon)["limitHits"], 0)

    def test_it_leaves_the_history_one_row_a_beat(self):
        group = group_or_skip(self)
        daemon = far_beats(self, group, seconds=2)
        before = daemon.json("/api/v1/daemon")
        filler = start_in(self, group, sys.executable, "-c", FILLER, stdin=subprocess.PIPE)
        filler.stdin.write(b"go\n")
        filler.stdin.flush()
        filler.wait(20)
        daemon.wait_for_samples(2)
        wait_until(lambda: daemon.json("/api/v1/daemon")["urgentSamples"]
                   > before["urgentSamples"] + 2, 10, "urgent samples")
        answer = daemon.json("/api/v1/history?reading=daemon.samples&from=-20s&step=100ms")
        times = [point[0] for point in answer["points"] if point[2] is not None]
        self.assertTrue(times)
        for earlier, later in zip(times, times[1:]):
            self.assertGreater(later - earlier, 1000)

    def test_the_own_group_is_watched_too(self):
        """With room enough that nobody is killed: the daemon is in there, too."""
        group = group_or_skip(self, 160 * MIB)
        daemon = Daemon(interval="60s", preexec_fn=group.join).__enter__()
        self.addCleanup(daemon.end)
        system = daemon.json("/api/v1/system")
        self.assertEqual(system["constrained"], 160 * MIB)
        start_in(self, group, os.environ["MW_TEST_HOG"], "100", stdin=subprocess.PIPE,
                 stdout=subprocess.PIPE)
        wait_until(lambda: daemon.json("/api/v1/system")["constrainedUsed"] > 100 * MIB, 20,
                   "the own group near its limit")
        self.assertGreater(daemon.json("/api/v1/memory")["seq"], 1)


class Told(unittest.TestCase):
    """From the crossing of a threshold to the webhook."""

    def push(self, daemon, name):
        answer = daemon.request("PUT", f"/api/v1/queues/{name}", unix=True,
                                headers={"Content-Type": "application/json"},
                                body=json.dumps({"length": 101, "capacity": 1000}))
        self.assertEqual(answer.status, 204, answer.text)

    def test_a_filler_is_told_of_before_it_is_killed(self):
        """It takes 40 MiB a second, so that it has a second to live from there on. The messenger runs
        already: built with sanitizers, its start alone can take most of that."""
        limit = 128 * MIB
        group = group_or_skip(self, limit)
        hook = Hook(self)
        daemon = far_beats(self, group, config=hook.sink() + (
            'alert "near-limit" { reading = "service.memory" above = 70% to = {"hook"} }\n'
            'alert "awake" { reading = "queue.length" above = 100 to = {"hook"} }\n'))
        self.push(daemon, "one")
        hook.wait_for("awake")
        filler = start_in(self, group, sys.executable, "-c", FILLER.replace("0.008", "0.025"),
                          stdin=subprocess.PIPE)
        self.assertEqual(daemon.json("/api/v1/services")["total"], 1)
        crossing = Crossing(group, limit * 70 // 100)
        filler.stdin.write(b"go\n")
        filler.stdin.flush()
        told = hook.wait_for("near-limit")
        self.assertIsNone(filler.poll(), "it was killed before it was told of")
        print(f"told {1000 * (told - crossing.time):.0f} ms after the crossing", file=sys.stderr)
        self.assertLess(told - crossing.time, SLOWNESS)

    def test_a_push_is_told_of_at_once(self):
        """The first message has to start its messenger; the second shows what a message takes."""
        hook = Hook(self)
        daemon = far_beats(self, None, config=hook.sink() + (
            'alert "backlog" { reading = "queue.length" subject = "*" above = 100 to = {"hook"} }\n'))
        took = []
        for name in ("one", "two", "three"):
            hook.heard.clear()
            begin = time.monotonic()
            self.push(daemon, name)
            took.append(hook.wait_for("backlog") - begin)
        print("told", ", ".join(f"{1000 * s:.0f}" for s in took), "ms after pushes",
              file=sys.stderr)
        self.assertLess(min(took), 0.25 * SLOWNESS)


class Own(unittest.TestCase):
    def test_what_a_beat_adds_to_the_own_heap_is_told_at_once(self):
        """The history of the first sample, of many processes, is stored after that sample is made:
        the next one, half a minute later, would be the first to show it."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        subprocess.run([sys.executable, str(ROOT / "tests/fixtures/generate.py"), "5000",
                        directory.name], check=True)
        daemon = Daemon(interval="30s", config="heap { limit = 8MB }\nhistory-size = 4MB\n",
                        proc_root=directory.name + "/proc").__enter__()
        self.addCleanup(daemon.end)
        now = daemon.json("/api/v1/heaps/memwatchd")["heapTotal"]
        wait_until(lambda: daemon.json("/api/v1/memory")["process"]["heapTotal"] > now * 19 // 20,
                   5, "the heap in a sample")
        self.assertGreater(daemon.json("/api/v1/memory")["seq"], 1)


class Pressure(unittest.TestCase):
    def test_pressure_wakes_it(self):
        """Reading more than a group may cache makes its programs wait for memory."""
        daemon = Daemon(interval="30s").__enter__()
        self.addCleanup(daemon.end)
        if "/proc/pressure/memory" in daemon.log():
            self.skipTest("this kernel lets nobody wait for pressure: " + daemon.log())
        total = daemon.json("/api/v1/system")["pressureSomeTotalUs"]
        if total is None:
            self.skipTest("this kernel measures no pressure")
        group = group_or_skip(self, 4 * MIB)
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        sparse = pathlib.Path(directory.name) / "sparse"
        with open(sparse, "wb") as file:
            file.truncate(64 << 30)
        for _ in range(2):
            start_in(self, group, "dd", f"if={sparse}", "of=/dev/null", "bs=1M", "status=none")
        begin = time.monotonic()
        wait_until(lambda: daemon.json("/api/v1/system")["pressureSomeTotalUs"] > total, 15,
                   "pressure in a sample")
        print(f"seen {time.monotonic() - begin:.1f} s after it began", file=sys.stderr)


if __name__ == "__main__":
    unittest.main()
