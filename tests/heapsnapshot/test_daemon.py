"""Heap snapshots of the running daemon, over HTTP and by signal, as the loader of Chrome's developer
tools and memlab see them: the whole graph, without a complaint, and the classes of its data."""

import os
import pathlib
import signal
import tempfile
import unittest

from test_readers import PROGRAMS, Readers

from support.ctl import ctl
from support.daemon import Daemon, fixture, wait_until

CLASSES = ("HistoryRing", "HistorySubject")  # there is data from the first sample on


class Daemons(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        Readers.setUpClass()

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)

    def start(self):
        daemon = Daemon(config=f'state-dir = "{self.folder}"\n',
                        proc_root=fixture("healthy")).__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        daemon.wait_for_samples(5)
        return daemon

    def check(self, file):
        for program in PROGRAMS:
            with self.subTest(program):
                theirs = Readers.check_file(self, program, file)
                for name in CLASSES if "classes" in theirs else ():
                    self.assertIn(name, theirs["classes"])

    def test_over_http(self):
        daemon, file = self.start(), str(self.folder / "a.heapsnapshot")
        answer = ctl("heap", "snapshot", "--socket", daemon.socket, file)
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.check(file)

    def test_by_signal(self):
        daemon = self.start()
        os.kill(daemon.pid, signal.SIGUSR2)
        daemon.wait_for_line("heap snapshot .* is written")
        self.check(str(wait_until(lambda: next(self.folder.glob("heap-*.heapsnapshot"), None))))


if __name__ == "__main__":
    unittest.main()
