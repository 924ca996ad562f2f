"""The maintainer scripts, run by dpkg on an empty root: what is enabled, kept and left over.

There is no systemd in that root, so nothing is started; dpkg runs the scripts outside of it and tells
them where it is (DPKG_ROOT). Starting and stopping is for the test that boots systemd.
MW_TEST_PACKAGES is the folder where the packages were built.
"""
import os
import pathlib
import subprocess
import tempfile
import unittest

PACKAGE, = pathlib.Path(os.environ["MW_TEST_PACKAGES"]).glob("memwatchd_*.deb")
CONF = "etc/memwatchd/memwatchd.conf"
LINK = "etc/systemd/system/multi-user.target.wants/memwatchd.service"


class Scripts(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.root = pathlib.Path(made.name)
        (self.root / "var/lib/dpkg").mkdir(parents=True)
        (self.root / "etc").mkdir()
        self.dpkg("--install", str(PACKAGE))

    def dpkg(self, *arguments):
        command = ["dpkg", f"--root={self.root}", "--force-script-chrootless", "--force-depends",
                   "--force-confold", *arguments]
        if os.geteuid():
            command = ["unshare", "--map-root-user", *command]
        path = f"/usr/local/sbin:/usr/sbin:/sbin:{os.environ['PATH']}"
        done = subprocess.run(command, capture_output=True, text=True, timeout=60,
                              env=dict(os.environ, PATH=path, LC_ALL="C"))
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def left(self):
        """Every file and link, without what dpkg and systemd keep books in."""
        books = ("var/lib/dpkg/", "etc/group", "etc/gshadow", "etc/.pwd.lock")
        found = (str(path.relative_to(self.root)) for path in self.root.rglob("*")
                 if path.is_symlink() or not path.is_dir())
        return sorted(path for path in found if not path.startswith(books))

    def make_state(self):
        """As systemd makes it for a dynamic user."""
        state = self.root / "var/lib/private/memwatchd"
        state.mkdir(parents=True)
        (state / "file").write_text("state")
        (self.root / "var/lib/memwatchd").symlink_to("private/memwatchd")

    def test_the_service_is_enabled_and_the_socket_is_not(self):
        self.assertEqual(os.readlink(self.root / LINK), "/lib/systemd/system/memwatchd.service")
        self.assertFalse(list(self.root.glob("etc/systemd/system/sockets.target.wants/*")))

    def test_the_group_is_there(self):
        self.assertIn("\nmemwatchd:", "\n" + (self.root / "etc/group").read_text())

    def test_what_was_disabled_stays_so_on_upgrade(self):
        (self.root / LINK).unlink()
        self.dpkg("--install", str(PACKAGE))
        self.assertFalse((self.root / LINK).is_symlink())

    def test_a_changed_configuration_outlives_upgrade_and_removal(self):
        (self.root / CONF).write_text("interval = 2s\n")
        self.dpkg("--install", str(PACKAGE))
        self.dpkg("--remove", "memwatchd")
        self.assertEqual((self.root / CONF).read_text(), "interval = 2s\n")

    def test_removal_keeps_the_state(self):
        self.make_state()
        self.dpkg("--remove", "memwatchd")
        self.assertTrue((self.root / "var/lib/memwatchd/file").exists())

    def test_purge_leaves_nothing(self):
        self.make_state()
        self.dpkg("--purge", "memwatchd")
        self.assertEqual(self.left(), [])
        self.assertFalse((self.root / "etc/memwatchd").exists())

    def test_purge_after_removal_leaves_nothing(self):
        self.make_state()
        self.dpkg("--remove", "memwatchd")
        self.dpkg("--purge", "memwatchd")
        self.assertEqual(self.left(), [])

    def test_purge_does_not_follow_a_link(self):
        kept = self.root / "elsewhere"
        kept.mkdir()
        (kept / "file").write_text("not ours")
        (self.root / "var/lib/memwatchd").symlink_to(kept)
        self.dpkg("--purge", "memwatchd")
        self.assertEqual(self.left(), ["elsewhere/file"])

    def test_purge_leaves_what_the_administrator_wrote(self):
        mine = self.root / "etc/memwatchd/memwatchd.d/mine.conf"
        mine.write_text("interval = 2s\n")
        self.dpkg("--purge", "memwatchd")
        self.assertEqual(self.left(), ["etc/memwatchd/memwatchd.d/mine.conf"])


if __name__ == "__main__":
    unittest.main()
