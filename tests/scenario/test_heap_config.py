"""The block `heap` of the configuration: at the start, at a reload, and on the command line."""
import pathlib
import tempfile
import unittest

from support.daemon import Daemon, fixture, run


class Start(unittest.TestCase):
    def check(self, text):
        with tempfile.TemporaryDirectory(prefix="mw") as folder:
            path = pathlib.Path(folder) / "m.conf"
            path.write_text(text)
            result = run("--check-config", "--config", str(path))
            return result.returncode, result.stderr.replace(folder + "/", "")

    def test_a_limit_without_room_for_the_rest_is_refused_with_what_it_takes(self):
        code, said = self.check("interval = 1s\nheap {\n  limit = 8MB\n  semi-space = 4MB\n}\n")
        self.assertEqual(code, 2)
        self.assertRegex(said, r"^m\.conf:3: heap\.limit: 8MB has no room for the history and two "
                               r"halves of heap\.semi-space = 4MB; these take \d+KB\n$")
        least = said.split()[-1]
        self.assertEqual(self.check(f"heap {{ limit = {least} semi-space = 4MB }}\n"), (0, ""))
        under = int(least.removesuffix("KB")) - 1
        self.assertEqual(self.check(f"heap {{ limit = {under}KB semi-space = 4MB }}\n")[0], 2)

    def test_the_least_of_all_works(self):
        with Daemon(config="heap { limit = 8MB semi-space = 256KB }\n",
                    proc_root=fixture("healthy")) as daemon:
            daemon.wait_for_samples(5)
            self.assertNotIn("warning", daemon.log())

    def test_trace_gc_is_the_key(self):
        result = run("--trace-gc", "--dump-config", "--config", "/dev/null")
        self.assertEqual(result.returncode, 0)
        self.assertIn("    trace = true  # --trace-gc\n", result.stdout)


class Reload(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(config="heap { limit = 64MB semi-space = 4MB }\n",
                             proc_root=fixture("healthy")).__enter__()
        self.addCleanup(self.daemon.__exit__, None)

    def reload(self, text):
        self.daemon.configure(text)
        return self.daemon.post("/api/v1/reload")

    def value(self, key):
        return self.daemon.json("/api/v1/config", unix=True)[key]["value"]

    def test_limit_and_trace_are_changed(self):
        answer = self.reload("heap { limit = 32MB semi-space = 4MB trace = true }\n")
        self.assertEqual(answer.status, 200, answer.text)
        self.assertEqual(self.value("heap.limit"), "32MB")
        self.assertIs(self.value("heap.trace"), True)
        self.daemon.wait_for_samples(3)

    def test_a_limit_below_what_is_in_use_is_refused_with_the_figure(self):
        """The halves stay as they are until a restart, and they alone are 8 MB."""
        answer = self.reload("heap {\n limit = 8MB\n semi-space = 256KB\n}\n")
        self.assertGreaterEqual(answer.status, 400)
        detail = answer.json()["detail"]
        self.assertRegex(detail, r"memwatchd\.conf:\d+: heap\.limit: 8MB is too little: (8|9)\d{6} "
                                 r"bytes are in use after a full collection, and 256KB must stay "
                                 r"free$")
        self.assertEqual(self.value("heap.limit"), "64MB")
        self.daemon.wait_for_samples(3)

    def test_what_waits_for_a_restart_is_said(self):
        lines = len(self.daemon.lines)
        answer = self.reload("heap { limit = 128MB semi-space = 1MB }\n")
        self.assertEqual(answer.status, 200, answer.text)
        self.daemon.wait_for_line(r"heap\.semi-space: its new value waits for a restart", after=lines)
        self.daemon.wait_for_line(r"heap\.limit: it is 67108864 bytes, as at the start; more waits for "
                                  r"a restart", after=lines)
        self.daemon.wait_for_samples(3)


if __name__ == "__main__":
    unittest.main()
