"""The Debian package on a bare Debian 12: installed, upgraded, removed, purged.

Each test begins with a machine that has never seen it (but for what a purge leaves on purpose), and ends
with a purge, after which nothing may be left.
"""
import os
import re
import unittest

import enclosure
import package
from installed import CONF, Installed
from machine import Layer, Machine

SECONDS = 200
SHIPPED = package.member(package.DEB, CONF)
# What package managers and the system keep for themselves, and the package that tests put there.
OTHERS = ("/var/lib/dpkg", "/var/log", "/var/cache", "/root/memwatchd.deb")
# Of a purge the group stays, and the files that whoever edits groups leaves beside them.
GROUP_FILES = {"/etc/group", "/etc/group-", "/etc/gshadow", "/etc/gshadow-", "/etc/.pwd.lock"}

machine = None


def setUpModule():
    global machine
    machine = unittest.enterModuleContext(Machine("memwatchd-package"))


def files(place):
    """Every path of its root file system, with what kind of file it is."""
    skipped = " -o ".join(f"-path {path}" for path in OTHERS).split()
    return set(place.run("find", "/", "-xdev", "(", *skipped, ")", "-prune", "-o", "-printf",
                         "%y %p\\n").stdout.splitlines())


def groups():
    return set(machine.path("/etc/group").read_text().splitlines())


class Life(unittest.TestCase):
    def setUp(self):
        self.service = Installed(machine)
        self.before = files(machine)
        self.groups = {line for line in groups() if not line.startswith("memwatchd:")}
        self.service.install()
        self.addCleanup(self.purge)

    def purge(self):
        machine.run("dpkg", "--purge", "memwatchd")
        self.service.systemctl("reset-failed")
        left = {line for line in files(machine) ^ self.before if line[2:] not in GROUP_FILES}
        self.assertEqual(left, set())
        new_groups = groups() - self.groups
        self.assertEqual([line.split(":")[0] for line in new_groups], ["memwatchd"])
        self.assertEqual(self.service.show("LoadState"), "not-found")
        self.assertEqual(self.service.show("LoadState", "memwatchd.socket"), "not-found")
        self.assertFalse(machine.path("/run/memwatchd").exists())
        self.assertEqual(machine.run("find", "/run", "/etc", "/usr", "/var/lib/private", "-name",
                                     "*memwatch*").stdout, "")
        self.assertNotIn("memwatchd", self.running_programs())
        self.assertEqual(self.service.systemctl("is-system-running").stdout, "running\n")

    def running_programs(self):
        return re.findall(r"(?m)^Name:\t(.*)$", machine.run(
            "sh", "-c", "cat /proc/[0-9]*/status 2>/dev/null || true").stdout)

    def conf(self):
        return machine.path(CONF)

    def setting(self, key):
        return self.service.json("/api/v1/config", unix=True)[key]["value"]

    def upgrade(self, conf, *options):
        self.service.install(package.later(conf), *options)
        told = machine.run("dpkg-query", "--show", "-f", "${db:Status-Status} ${Version}",
                           "memwatchd").stdout
        self.assertEqual(told, f"installed 1000+{package.version()}")


class First(Life):
    def test_it_runs_and_is_enabled(self):
        self.service.wait_until_ready()
        self.assertEqual(self.service.state(), "active")
        self.assertEqual(self.service.systemctl("is-enabled", "memwatchd").stdout, "enabled\n")
        self.assertEqual(self.service.state("memwatchd.socket"), "inactive")

    def test_nothing_is_left_of_one_that_was_used(self):
        self.service.wait_until_ready()
        self.service.systemctl("stop", "memwatchd")
        self.service.systemctl("enable", "--now", "memwatchd.socket")
        self.service.systemctl("start", "memwatchd")
        machine.run("touch", "/var/lib/private/memwatchd/history")
        self.conf().write_text(SHIPPED.replace("keep-fds = 2000", "keep-fds = 17"))
        self.service.systemctl("reload", "memwatchd")


class Upgrade(Life):
    def test_it_is_restarted_into_the_new_program(self):
        self.service.wait_until_ready()
        before = self.service.pid()
        old = os.stat(f"/proc/{before}/exe").st_ino
        self.upgrade(SHIPPED)
        self.assertEqual(self.service.state(), "active")
        self.service.wait_until_ready()
        after = self.service.pid()
        self.assertNotEqual(after, before)
        new = os.stat(f"/proc/{after}/exe").st_ino
        self.assertNotEqual(new, old)
        self.assertEqual(new, machine.path("/usr/bin/memwatchd").stat().st_ino)

    def test_a_configuration_that_nobody_edited_is_replaced(self):
        new = SHIPPED.replace("interval = 1s", "interval = 2s")
        self.assertNotEqual(new, SHIPPED)
        self.upgrade(new)
        self.assertEqual(self.conf().read_text(), new)
        self.assertEqual(self.setting("interval"), "2s")
        self.assertEqual(sorted(os.listdir(self.conf().parent)), ["memwatchd.conf", "memwatchd.d"])

    def test_one_that_the_administrator_edited_is_kept(self):
        """The new one is put beside it. That is also what dpkg does on Enter, when it can ask."""
        edited = SHIPPED.replace("keep-fds = 2000", "keep-fds = 17")
        new = SHIPPED.replace("interval = 1s", "interval = 2s")
        self.conf().write_text(edited)
        self.upgrade(new, "--force-confold")
        self.assertEqual(self.conf().read_text(), edited)
        self.assertEqual(self.conf().with_name("memwatchd.conf.dpkg-dist").read_text(), new)
        self.assertEqual((self.setting("keep-fds"), self.setting("interval")), (17, "1s"))

    def test_one_that_was_disabled_stays_so(self):
        self.service.systemctl("disable", "--now", "memwatchd")
        self.upgrade(SHIPPED)
        self.assertEqual(self.service.state(), "inactive")
        self.assertEqual(self.service.systemctl("is-enabled", "memwatchd", check=False).stdout,
                         "disabled\n")

    def test_a_wrong_configuration_stops_the_service_and_not_dpkg(self):
        self.conf().write_text(SHIPPED.replace("interval = 1s", "interval = never"))
        self.upgrade(SHIPPED)
        self.service.wait_for_state("failed")
        self.assertRegex(self.service.human_status(), rf"cannot start: .*{CONF}:\d+: interval")


class Remove(Life):
    def test_it_stops_and_leaves_what_the_administrator_may_want_again(self):
        edited = SHIPPED.replace("keep-fds = 2000", "keep-fds = 17")
        self.conf().write_text(edited)
        machine.run("touch", "/var/lib/private/memwatchd/history")
        machine.run("dpkg", "--remove", "memwatchd")
        self.assertEqual(self.service.show("ActiveState"), "inactive")
        self.assertNotIn("memwatchd", self.running_programs())
        self.assertFalse(machine.path("/usr/bin/memwatchd").exists())
        self.assertEqual(self.conf().read_text(), edited)
        self.assertTrue(machine.path("/var/lib/private/memwatchd/history").exists())
        self.service.install()
        self.assertEqual(self.setting("keep-fds"), 17)
        self.assertTrue(machine.path("/var/lib/memwatchd/history").exists())

    def test_its_sockets_go_with_it(self):
        self.service.systemctl("stop", "memwatchd")
        self.service.systemctl("enable", "--now", "memwatchd.socket")
        machine.run("dpkg", "--remove", "memwatchd")
        self.assertEqual(self.service.state("memwatchd.socket"), "inactive")
        self.assertRaises(ConnectionRefusedError, machine.connect, 9636)


class Unbooted(unittest.TestCase):
    def test_it_can_be_put_into_an_image_and_taken_out(self):
        """Where systemd is not running nothing is started, and nothing fails."""
        with Layer("memwatchd-image") as image:
            before = files(image)
            (image.root / "root/memwatchd.deb").write_bytes(package.DEB.read_bytes())
            image.run("dpkg", "--install", "/root/memwatchd.deb")
            self.assertEqual(image.run("systemctl", "is-enabled", "memwatchd").stdout, "enabled\n")
            self.assertRegex(image.run("/usr/bin/memwatchd", "--version").stdout,
                             re.escape(package.version()))
            image.run("dpkg", "--purge", "memwatchd")
            left = {line for line in files(image) ^ before if line[2:] not in GROUP_FILES}
            self.assertEqual(left, set())


if __name__ == "__main__":
    enclosure.run(lambda: unittest.main(verbosity=2), SECONDS,
                  ("systemd-nspawn", "dpkg-deb", "tar", "chroot"))
