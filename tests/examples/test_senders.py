"""The senders of conf/ do what their comments promise, against the real daemon; that of Node.js also by its
own figures."""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time
import unittest

from support.daemon import ROOT, Daemon, fixture, wait_until

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
EXAMPLES = ROOT / "conf" / "examples"
PRELOAD = ROOT / "conf" / "nodejs" / "memwatch-report.cjs"
# Holds what it says, collects, and prints what it sees of itself; ends when told so.
PROGRAM = """
const v8 = require('v8');
const held = [];
for (let i = 0; i < 200000; i++) held.push({ i });
gc();
setTimeout(() => {
  const { rss, heapTotal, heapUsed, external } = process.memoryUsage();
  const heapLimit = v8.getHeapStatistics().heap_size_limit;
  console.log(JSON.stringify({ rss, heapTotal, heapUsed, external, heapLimit, held: held.length }));
}, 1500);
process.stdin.on('end', () => process.exit(0)).resume();
"""


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy")).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        cls.environment = dict(os.environ, MEMWATCHD_PUSH=str(cls.daemon.directory / "push.sock"),
                               MEMWATCHD_SOCKET=cls.daemon.socket, MEMWATCH_SOCKET=cls.daemon.socket)

    def run_sender(self, *command, code=0, **changes):
        done = subprocess.run(command, env=dict(self.environment, **changes), capture_output=True,
                              text=True, timeout=30)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def one(self, kind, name):
        answer = self.daemon.get(f"/api/v1/{kind}/{name}")
        return answer.json() if answer.status == 200 else None

    def wait_for(self, kind, name, key, value):
        wait_until(lambda: (self.one(kind, name) or {}).get(key) == value, 10, f"{name}.{key} = {value}")


class Senders(Case):
    def test_c(self):
        sender = os.environ["MW_TEST_REPORT"]
        self.run_sender(sender, "queue.c.length:42|g", "queue.c.capacity:84|g")
        self.wait_for("queues", "c", "fillRatio", 0.5)
        done = self.run_sender(sender, "queue.c.length:1|g", code=1, MEMWATCHD_PUSH="/no/such")
        self.assertIn("No such file", done.stderr)

    def test_python(self):
        sender = str(EXAMPLES / "report.py")
        self.run_sender(sys.executable, sender, "queue.py.length=7", "queue.py.enqueued+=3",
                        "queue.py.enqueued+=2")
        self.wait_for("queues", "py", "enqueuedTotal", 5)
        self.assertEqual(self.one("queues", "py")["length"], 7)
        self.run_sender(sys.executable, sender, "queue.py.length=7", code=1, MEMWATCHD_PUSH="/no/such")
        for value in ("", "x", "nan"):  # its class says that it never raises
            done = self.run_sender(sys.executable, sender, f"queue.py.length={value}", code=1)
            self.assertEqual(done.stderr, "")

    def test_shell(self):
        sender = str(EXAMPLES / "report.sh")
        self.run_sender(sender, "caches", "sh", '{"entries": 3}')
        self.wait_for("caches", "sh", "entries", 3)
        done = self.run_sender(sender, "caches", "sh", '{"entires": 3}', code=22)
        self.assertIn("entires", done.stdout)
        self.run_sender(sender, "caches", code=2)


class Node(Case):
    def setUp(self):
        self.assertTrue(NODE, "Node.js is needed: set MW_TEST_NODE")
        self.assertLess(len(PRELOAD.read_text().splitlines()), 60)

    def start(self, *options, **changes):
        return subprocess.Popen([NODE, "--require", str(PRELOAD), *options],
                                env=dict(self.environment, **changes), stdin=subprocess.PIPE,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def test_it_reports_what_node_says_of_itself(self):
        node = self.start("--expose-gc", "--max-old-space-size=64", "-e", PROGRAM,
                          MEMWATCH_NAME="shop", MEMWATCH_INTERVAL="100")
        try:
            own = json.loads(node.stdout.readline())
            heap = self.one("heaps", "shop")
            self.assertEqual(heap["heapLimit"], own["heapLimit"])
            self.assertEqual(heap["floorLimit"], round(0.8 * (64 << 20)))
            self.assertEqual(heap["pid"], node.pid)
            for key in ("rss", "heapTotal", "heapUsed", "external"):
                self.assertAlmostEqual(heap[key], own[key], delta=max(own[key] // 10, 1 << 20), msg=key)
            # what is held is the most of it, and no garbage is among it
            self.assertGreater(heap["floor"], own["held"] * 16)
            self.assertLess(heap["floor"], own["heapUsed"] + (1 << 20))
            self.assertAlmostEqual(heap["fillRatio"], heap["heapUsed"] / heap["heapLimit"], places=4)
            self.assertLess(heap["ageMs"], 2000)
        finally:
            _, said = node.communicate("", timeout=20)
        self.assertEqual((node.returncode, said), (0, ""))

    def test_without_a_collection_there_is_no_floor(self):
        node = self.start("-e", "process.stdin.on('end', () => process.exit(0)).resume()",
                          MEMWATCH_NAME="idle")
        try:
            heap = wait_until(lambda: self.one("heaps", "idle"), 20)
            self.assertIsNone(heap["floor"])
            self.assertEqual(heap["absent"]["floor"], "unsupported")
        finally:
            node.communicate("", timeout=20)

    def test_it_keeps_no_program_alive(self):
        for socket in (self.daemon.socket, "/no/such"):
            started = time.monotonic()
            node = self.start("-e", "console.log('done')", MEMWATCH_SOCKET=socket, MEMWATCH_NAME="brief")
            out, said = node.communicate("", timeout=20)
            self.assertEqual((node.returncode, out, said), (0, "done\n", ""))
            self.assertLess(time.monotonic() - started, 10)

    def test_without_a_daemon_nothing_happens(self):
        node = self.start("-e", "setTimeout(() => console.log('done'), 500)", MEMWATCH_INTERVAL="20",
                          MEMWATCH_SOCKET="/no/such")
        out, said = node.communicate("", timeout=20)
        self.assertEqual((node.returncode, out, said), (0, "done\n", ""))

    def test_it_is_named_after_its_script(self):
        script = pathlib.Path(self.daemon.directory) / "my app.js"
        script.write_text("process.stdin.on('end', () => process.exit(0)).resume()")
        node = self.start(str(script))
        try:
            wait_until(lambda: self.one("heaps", "my_app"), 20)
        finally:
            node.communicate("", timeout=20)


if __name__ == "__main__":
    unittest.main()
