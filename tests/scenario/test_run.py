"""./run starts what it has built, and nothing older."""
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from support.daemon import ROOT


class Run(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="mw")
        self.addCleanup(directory.cleanup)
        self.top = pathlib.Path(directory.name)
        (self.top / "cmake").mkdir()
        (self.top / "build/release/bin").mkdir(parents=True)
        shutil.copy(ROOT / "run", self.top)
        shutil.copy(ROOT / "cmake/setup.sh", self.top / "cmake")
        (self.top / "cmake/packages.txt").write_text("")
        old = self.top / "build/release/bin/memwatchd"
        old.write_text("#!/bin/sh\necho an old program\n")
        old.chmod(0o755)

    def run_it(self):
        return subprocess.run([self.top / "run", "--version"], capture_output=True, text=True,
                              timeout=60, check=False)

    def test_a_log_that_cannot_be_written_is_said_and_starts_nothing(self):
        log = self.top / "build/release.log"
        log.mkdir()  # which not even root can write to
        result = self.run_it()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(f"{log} cannot be written", result.stderr)
        self.assertEqual(result.stdout, "")

    def test_a_build_that_fails_starts_nothing(self):
        result = self.run_it()
        self.assertNotEqual(result.returncode, 0)
        self.assertIn("the build failed", result.stderr)
        self.assertEqual(result.stdout, "")


if __name__ == "__main__":
    unittest.main()
