"""The units as systemd reads them: no complaint, and little that the daemon could do to the machine.

MW_TEST_UNITS is the folder of the built units, MW_TEST_BIN the daemon.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCES = pathlib.Path(__file__).resolve().parents[2] / "systemd"
BUILT = pathlib.Path(os.environ["MW_TEST_UNITS"])
MOST = 2.0  # on systemd's scale of exposure from 0 to 10


class Units(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        self.service = self.folder / "memwatchd.service"
        text = (BUILT / "memwatchd.service").read_text()
        self.service.write_text(re.sub(r"^ExecStart=\S+", f"ExecStart={os.environ['MW_TEST_BIN']}",
                                       text, flags=re.M))
        shutil.copy(SOURCES / "memwatchd.socket", self.folder)

    def analyze(self, *arguments):
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True,
                              env=dict(os.environ, SYSTEMD_PAGER="cat"), timeout=60)

    def spoil(self, pattern, replacement):
        text, count = re.subn(pattern, replacement, self.service.read_text(), flags=re.M)
        self.assertGreater(count, 0)
        self.service.write_text(text)

    def verify(self):
        """Its complaints: it exits with 0 on an unknown key."""
        done = self.analyze("verify", "--man=no", str(self.service),
                            str(self.folder / "memwatchd.socket"))
        return done.stderr + (f"exit code {done.returncode}" if done.returncode else "")

    def exposure(self):
        done = self.analyze("security", "--offline=true", "--no-pager", f"--threshold={MOST * 10:.0f}",
                            str(self.service))
        found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
        self.assertTrue(found, done.stdout + done.stderr)
        level = float(found.group(1))
        self.assertEqual(done.returncode == 0, level <= MOST)
        return level

    def add_deep(self):
        folder = self.folder / "memwatchd.service.d"
        folder.mkdir()
        shutil.copy(SOURCES / "deep.conf", folder)

    def test_systemd_has_no_complaint(self):
        self.assertEqual(self.verify(), "")

    def test_nor_with_deep_conf(self):
        self.add_deep()
        self.assertEqual(self.verify(), "")

    def test_a_misspelt_key_would_be_seen(self):
        self.spoil("^WatchdogSec=", "WatchdogSecs=")
        self.assertIn("WatchdogSecs", self.verify())

    def test_a_missing_program_would_be_seen(self):
        self.spoil("^ExecStart=.*", "ExecStart=/no/such/program")
        self.assertIn("/no/such/program", self.verify())

    def test_it_is_well_enclosed(self):
        self.assertLessEqual(self.exposure(), MOST)

    def test_less_enclosure_would_be_seen(self):
        self.spoil("^(CapabilityBoundingSet|NoNewPrivileges|SystemCallFilter)=.*\n", "")
        self.assertGreater(self.exposure(), MOST)

    def test_each_line_has_its_reason(self):
        """A comment stands above each setting, or above the group that it ends."""
        blank = True
        for line in (BUILT / "memwatchd.service").read_text().splitlines():
            if re.match(r"(\[|#|$)", line):
                blank = line == "" or line.startswith("[")
                continue
            self.assertFalse(blank and "=" in line and not line.startswith(
                ("Description", "Documentation", "Type", "WantedBy")), f"no reason above: {line}")


if __name__ == "__main__":
    unittest.main()
