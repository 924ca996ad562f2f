"""Three mistakes by which programs lose memory, planted in programs that run: default rules name each in
time, and stay silent about its healthy twin, which does the same work."""
import os
import pathlib
import re
import shutil
import subprocess
import time
import unittest

from support.daemon import ROOT, Daemon, fixture

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
SUPPORT = ROOT / "tests" / "support"
PRELOAD = ROOT / "conf" / "nodejs" / "memwatch-report.cjs"
C = [os.environ["MW_TEST_CAUSES"]]
NODEJS = [NODE or "node", "--max-old-space-size=64", str(SUPPORT / "causes.cjs")]
CACHING = [*NODEJS[:1], "--require", str(PRELOAD), *NODEJS[1:]]
# the same for leak and twin: what runs, the mistake, whose alert it is, and by when it has fired
CAUSES = {"c-queue": (C, "queue", "queues", 30), "node-queue": (NODEJS, "queue", "queues", 30),
          "node-cache": (CACHING, "cache", "heaps", 60), "c-scope": (C, "scope", "heaps", 60)}
RULES = {"queues": {"queue-full", "queue-old"}, "heaps": {"heap-floor-high"}}
WATCHED_S = 60


class Program:
    """Runs until its stdin is closed. What it says goes into files: nobody has to read along."""

    def __init__(self, command, directory, environment):
        name = command[-1]
        self.out, self.err = directory / f"{name}.out", directory / f"{name}.err"
        with open(self.out, "w") as out, open(self.err, "w") as err:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=err,
                                            env=dict(os.environ, MEMWATCH_NAME=name, **environment))
        self.started = time.time()

    def end(self):
        """Its exit code and complaints."""
        try:
            self.process.communicate(timeout=30)
        finally:
            self.process.kill()
            self.process.wait()
        return self.process.returncode, self.err.read_text()

    def last_line(self):
        return self.out.read_text().splitlines()[-1]


class Causes(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        """All programs run side by side, and one watch over them is what the tests look at."""
        if not NODE:
            raise AssertionError("Node.js is needed: set MW_TEST_NODE")
        cls.daemon = Daemon(proc_root=fixture("healthy"), interval="1s").__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        cls.directory = pathlib.Path(cls.daemon.directory)
        cls.programs, cls.ended, cls.alerts = {}, {}, {}
        environment = {"MEMWATCHD_PUSH": str(cls.directory / "push.sock"), "MEMWATCH_SOCKET": cls.daemon.socket}
        for cause, (command, mistake, _, _) in CAUSES.items():
            for mode in ("leak", "healthy"):
                name = f"{cause}-{mode}"
                cls.programs[name] = Program([*command, mistake, mode, name], cls.directory, environment)
                cls.addClassCleanup(cls.programs[name].process.kill)
        cls.watch()
        cls.rows = {name: cls.daemon.get(f"/api/v1/{CAUSES[cause][2]}/{name}").json()
                    for cause in CAUSES for name in [f"{cause}-healthy"]}
        for name in cls.programs:
            cls.end(name)

    @classmethod
    def watch(cls):
        """A leak that was named is ended, as somebody would do who is told of it."""
        until = time.monotonic() + WATCHED_S
        while time.monotonic() < until:
            for alert in cls.daemon.json("/api/v1/alerts?limit=1000")["alerts"]:
                if alert["state"] != "pending":
                    cls.alerts.setdefault((alert["name"], alert["rule"]), alert)
            for cause, (_, _, kind, _) in CAUSES.items():
                if any((f"{cause}-leak", rule) in cls.alerts for rule in RULES[kind]):
                    cls.end(f"{cause}-leak")
            time.sleep(0.5)

    @classmethod
    def end(cls, name):
        if name not in cls.ended:
            cls.ended[name] = cls.programs[name].end()

    def assert_named(self, cause):
        _, _, kind, seconds = CAUSES[cause]
        name = f"{cause}-leak"
        self.assertEqual(self.ended[name], (0, ""))
        found = [alert for (who, rule), alert in self.alerts.items() if who == name and rule in RULES[kind]]
        self.assertTrue(found, f"{name} was not named; there are {list(self.alerts)}")
        took = min(alert["sinceMs"] for alert in found) / 1000 - self.programs[name].started
        self.assertLess(took, seconds)
        for alert in found:
            self.assertIn(name, alert["summary"])

    def assert_silent(self, cause):
        name = f"{cause}-healthy"
        self.assertEqual(self.ended[name], (0, ""))
        self.assertEqual([rule for who, rule in self.alerts if who == name], [])

    def test_a_queue_that_is_consumed_too_slowly(self):
        for cause in ("c-queue", "node-queue"):
            self.assert_named(cause)
            self.assert_silent(cause)
            # as much went through it as came, and rules saw it
            twin = self.rows[f"{cause}-healthy"]
            self.assertGreater(twin["dequeuedTotal"], WATCHED_S)
            self.assertLess(twin["ageMs"], 5000)

    def test_a_cache_without_a_limit(self):
        self.assert_named("node-cache")
        self.assert_silent("node-cache")
        self.assert_floor_is_known("node-cache")

    def test_a_scope_that_is_never_released(self):
        self.assert_named("c-scope")
        self.assert_silent("c-scope")
        self.assert_floor_is_known("c-scope")

    def assert_floor_is_known(self, cause):
        twin = self.rows[f"{cause}-healthy"]
        self.assertIsNotNone(twin["floor"])
        self.assertLess(twin["floor"], twin["floorLimit"] / 2)

    def test_the_program_says_where_the_scope_was_opened(self):
        source = (SUPPORT / "causes.c").read_text().splitlines()
        line = 1 + next(i for i, text in enumerate(source) if "the place that is to be named" in text)
        said = self.programs["c-scope-leak"].last_line()
        found = re.fullmatch(rf"\S*causes\.c:{line} open=(\d+) retained=(\d+)", said)
        self.assertTrue(found, said)
        self.assertGreater(int(found.group(1)), 1000)
        self.assertGreater(int(found.group(2)), 4 << 20)
        self.assertEqual(self.programs["c-scope-healthy"].last_line(), "no place holds anything")


if __name__ == "__main__":
    unittest.main()
