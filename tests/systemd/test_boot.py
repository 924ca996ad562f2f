"""The installed daemon under a real systemd: one boot, one installation, and each test puts right what it
changed. What else a test could want to know of the machine is in machine.py."""
import re
import signal
import time
import unittest

import enclosure
from installed import CHANGES, DROP_INS, PORT, SOCKET, Installed
from machine import Machine
from support.daemon import Frozen, wait_until

SECONDS = 280
CAP_DAC_READ_SEARCH = 1 << 2
CAP_SYS_PTRACE = 1 << 19
# Short enough for a test, long enough for a busy machine of two processors.
WATCHDOG = "[Service]\nWatchdogSec=3\nTimeoutAbortSec=1\n"

machine = None


def setUpModule():
    global machine
    machine = unittest.enterModuleContext(Machine("memwatchd-boot"))
    Installed(machine).install()


class Booted(unittest.TestCase):
    def setUp(self):
        self.service = Installed(machine)

    def changes(self):
        self.addCleanup(self.service.put_right)

    def answers(self):
        """It can be asked, and what it says is new."""
        self.service.wait_until_ready()
        self.service.wait_for_samples(1)


class Running(Booted):
    def test_installing_has_enabled_and_started_it(self):
        self.assertEqual(self.service.state(), "active")
        self.assertEqual(self.service.systemctl("is-enabled", "memwatchd").stdout, "enabled\n")
        self.assertEqual(self.service.restarts(), 0)

    def test_the_machine_has_no_failed_unit(self):
        failed = self.service.systemctl("list-units", "--failed", "--no-legend").stdout
        self.assertEqual(failed, "")

    def test_started_means_that_it_can_be_asked(self):
        """Type=notify: who is ordered after it finds the listeners open."""
        self.assertEqual(self.service.show("Type"), "notify")
        for _ in range(5):
            self.service.systemctl("restart", "memwatchd")
            self.assertEqual(self.service.get("/healthz").status, 200)
            self.assertEqual(self.service.get("/healthz", unix=True).status, 200)
            self.service.systemctl("reset-failed", "memwatchd")  # the limit of starts

    def test_its_status_line_says_what_it_does(self):
        self.service.wait_for_status(r"^sampling: \d+ processes, [\d.]+ [KMGT]iB of "
                                     r"[\d.]+ [KMGT]iB available$")
        self.assertRegex(self.service.human_status(), r'Status: "sampling: ')

    def test_it_tells_what_the_machine_has(self):
        self.answers()
        told = self.service.json("/api/v1/memory")
        meminfo = machine.run("cat", "/proc/meminfo").stdout
        total = int(re.search(r"^MemTotal: +(\d+) kB$", meminfo, re.M).group(1)) * 1024
        self.assertEqual(told["totalmem"], total)
        self.assertEqual(self.service.json("/api/v1/memory", unix=True)["totalmem"], total)
        self.assertIn(f"memwatch_system_mem_total_bytes {total}\n",
                      self.service.get("/metrics").text)

    def test_it_sees_processes_of_others_without_any_capability(self):
        self.answers()
        first = self.service.json("/api/v1/processes/1")
        self.assertEqual(first["name"], "systemd")
        self.assertGreater(first["rss"], 1 << 20)
        told = self.service.json("/api/v1/processes?limit=1000")
        names = {process["name"] for process in told["processes"]}
        self.assertLessEqual({"systemd", "systemd-journal", "dbus-daemon", "memwatchd"}, names)

    def test_root_may_administrate(self):
        self.assertEqual(self.service.get("/api/v1/config", unix=True).status, 200)
        self.assertEqual(self.service.post("/api/v1/reload").status, 200)
        self.assertIn(self.service.get("/api/v1/config").status, (401, 403))


class Command(Booted):
    """memwatchctl where it is installed, as who uses it."""
    # What root asks for, and the exit code; a verb more is a line more.
    VERBS = (
        (("status",), 0),
        (("memory",), 0),
        (("doctor",), 0),
        (("heap", "collect"), 0),
        (("queues",), 0),
        (("caches",), 0),
        (("processes", "--limit=3"), 0),
        (("config", "check"), 0),
        (("config", "dump"), 0),
        (("reload",), 0),
    )
    OTHER = ("setpriv", "--reuid=nobody", "--regid=nogroup", "--init-groups", "memwatchctl")

    def test_root_can_do_it_all(self):
        self.answers()
        for words, code in self.VERBS:
            done = machine.run("memwatchctl", *words, check=False)
            self.assertEqual(done.returncode, code, f"{words}: {done.stdout}{done.stderr}")

    def test_others_can_look_and_not_touch(self):
        self.answers()
        machine.run(*self.OTHER, "status")
        done = machine.run(*self.OTHER, "reload", check=False)
        self.assertEqual(done.returncode, 1, done.stderr)

    def test_a_member_of_the_group_administrates(self):
        self.addCleanup(machine.run, "gpasswd", "--delete", "nobody", "memwatchd")
        machine.run("usermod", "--append", "--groups", "memwatchd", "nobody")
        machine.run(*self.OTHER, "reload")

    def test_a_stopped_daemon_is_unreachable(self):
        self.changes()
        self.service.systemctl("stop", "memwatchd")
        self.assertEqual(machine.run("memwatchctl", "status", check=False).returncode, 3)


class Enclosed(Booted):
    def test_its_user_is_a_dynamic_one(self):
        user = int(self.service.process_status()["Uid"].split()[0])
        self.assertTrue(61184 <= user <= 65519, user)

    def test_it_is_no_member_of_the_administrators(self):
        group = int(machine.run("getent", "group", "memwatchd").stdout.split(":")[2])
        status = self.service.process_status()
        self.assertNotIn(str(group), status["Gid"].split() + status["Groups"].split())

    def test_it_has_no_capability_and_gets_none(self):
        status = self.service.process_status()
        for name in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status["NoNewPrivs"], "1")
        self.assertEqual(status["Seccomp"], "2")

    def test_it_has_its_folders(self):
        user = int(self.service.process_status()["Uid"].split()[0])
        for folder, mode in (("/var/lib/private/memwatchd", 0o750), ("/run/memwatchd", 0o755)):
            found = machine.path(folder).stat()
            self.assertEqual((found.st_uid, found.st_mode & 0o7777), (user, mode), folder)
        self.assertEqual(machine.run("readlink", "/var/lib/memwatchd").stdout, "private/memwatchd\n")
        self.assertEqual(machine.path(SOCKET).stat().st_mode & 0o777, 0o666)

    def test_it_writes_nowhere_else(self):
        for path in ("/etc/x", "/usr/x", "/var/x", "/sys/fs/cgroup/x", "/proc/sys/vm/swappiness"):
            done = self.service.in_its_mounts("touch", path)
            self.assertIn("Read-only file system", done.stderr, path)
        done = self.service.in_its_mounts("touch", "/var/lib/memwatchd/x", "/run/memwatchd/x")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.service.in_its_mounts("rm", "/var/lib/memwatchd/x", "/run/memwatchd/x")

    def test_homes_and_devices_are_hidden(self):
        self.assertEqual(self.service.in_its_mounts("ls", "/home", "/root").stdout.split(),
                         ["/home:", "/root:"])
        self.assertNotIn("kmsg", self.service.in_its_mounts("ls", "/dev").stdout.split())

    def test_limits_that_it_lowers_are_in_force(self):
        limits = machine.run("cat", f"/proc/{self.service.show('MainPID')}/limits").stdout
        self.assertRegex(limits, r"Max open files +8192 +8192 ")
        self.assertRegex(limits, r"Max core file size +0 +0 ")

    def test_other_limits_are_asked_for(self):
        """Whether they are in force is the container's matter: raising needs CAP_SYS_RESOURCE, which
        it may lack, and the controllers of memory, processes and CPU time may not be handed down to
        it. Under systemd on the machine itself they are."""
        for name, value in (("MemoryHigh", 96 << 20), ("MemoryMax", 192 << 20), ("TasksMax", 64),
                            ("OOMScoreAdjust", -900), ("CPUQuotaPerSecUSec", "1s"),
                            ("LimitMEMLOCK", 192 << 20), ("WatchdogUSec", "30s")):
            self.assertEqual(self.service.show(name), str(value), name)

    def test_all_of_it_fits_under_the_limit_of_locked_memory(self):
        """mlockall counts every page of address space against it, touched or not."""
        size = int(self.service.process_status()["VmSize"].split()[0]) * 1024
        limit = self.service.show("LimitMEMLOCK")
        self.assertTrue(limit == "infinity" or size < int(limit), f"{size} of {limit}")

    def test_deep_conf_gives_two_capabilities_and_no_more(self):
        self.changes()
        self.service.systemctl("stop", "memwatchd")
        machine.run("mkdir", "-p", DROP_INS)
        machine.run("cp", "/usr/share/doc/memwatchd/examples/deep.conf", DROP_INS)
        self.service.systemctl("daemon-reload")
        self.service.systemctl("start", "memwatchd")
        status = self.service.process_status()
        for name in ("CapPrm", "CapEff", "CapBnd", "CapAmb"):
            self.assertEqual(int(status[name], 16), CAP_SYS_PTRACE | CAP_DAC_READ_SEARCH, name)
        self.answers()


class Journal(Booted):
    def test_lines_are_entries_with_their_level(self):
        entries = self.service.journal("_SYSTEMD_UNIT=memwatchd.service")
        listening = [entry for entry in entries
                     if entry["MESSAGE"] == f"listening on 127.0.0.1:{PORT}"]
        self.assertTrue(listening, entries)
        for entry in listening:
            self.assertEqual((entry["_TRANSPORT"], entry["PRIORITY"], entry["SYSLOG_IDENTIFIER"]),
                             ("journal", "6", "memwatchd"))

    def test_an_event_can_be_searched_for(self):
        self.changes()
        broken = machine.path("/srv/proc")
        broken.mkdir(exist_ok=True)
        (broken / "meminfo").write_text("MemTotal: x kB\n")
        self.service.configure('proc-root = "/srv/proc"\n')
        self.service.systemctl("restart", "memwatchd")
        entry = wait_until(lambda: self.service.journal("MEMWATCHD_EVENT=source-fault",
                                                        "MEMWATCHD_WHERE=/proc/meminfo"))[0]
        self.assertEqual(entry["PRIORITY"], "4")
        self.assertEqual(entry["MEMWATCHD_COUNT"], "1")
        self.assertIn("/proc/meminfo: ", entry["MESSAGE"])


class Reload(Booted):
    def setting(self, key):
        return self.service.json("/api/v1/config", unix=True)[key]["value"]

    def test_a_reload_applies_and_restarts_nothing(self):
        self.changes()
        before = self.service.show("MainPID")
        self.service.configure("keep-fds = 17\n")
        self.service.systemctl("reload", "memwatchd")
        wait_until(lambda: self.setting("keep-fds") == 17)
        wait_until(lambda: self.service.state() == "active")
        self.assertEqual((self.service.show("MainPID"), self.service.restarts()), (before, 0))

    def test_a_group_that_nobody_knows_holds_nothing_up(self):
        """To find that out the C library asks PID 1, and its answer must get through unharmed."""
        self.changes()
        self.service.configure('socket-group = "nobody-knows-it"\n')
        self.service.systemctl("reload", "memwatchd")
        wait_until(lambda: self.setting("socket-group") == "nobody-knows-it")
        self.answers()

    def test_systemd_is_told_of_one_that_it_did_not_ask_for(self):
        """RELOADING=1 takes the unit out of its state, READY=1 brings it back."""
        self.changes()
        before = self.service.show("StateChangeTimestampMonotonic")
        self.service.signal(signal.SIGHUP)
        wait_until(lambda: self.service.show("StateChangeTimestampMonotonic") != before)
        self.service.wait_for_state("active")

    def test_a_refused_one_keeps_the_old_and_is_seen_in_the_status(self):
        self.changes()
        before = self.service.show("MainPID"), self.setting("keep-fds")
        self.service.configure("keep-fds = some\n")
        self.service.systemctl("reload", "memwatchd")
        self.service.wait_for_status(rf"^reload refused, the old .*{CHANGES}:\d+: keep-fds")
        self.assertRegex(self.service.human_status(), rf"reload refused, .*{CHANGES}:\d+: keep-fds")
        self.service.wait_for_state("active")
        self.assertEqual((self.service.show("MainPID"), self.setting("keep-fds")), before)
        self.answers()
        self.service.configure("keep-fds = 18\n")
        self.service.systemctl("reload", "memwatchd")
        self.service.wait_for_status("^sampling")


class Trouble(Booted):
    def setUp(self):
        super().setUp()
        self.changes()

    def start_watched(self):
        self.service.drop_in(WATCHDOG)
        self.service.configure("interval = 200ms\n")  # stale sooner
        self.service.systemctl("restart", "memwatchd")
        self.answers()
        self.assertEqual(self.service.restarts(), 0)

    def test_a_stuck_collector_is_told_and_restarts_nothing(self):
        self.start_watched()
        before = self.service.show("MainPID")
        with Frozen(self.service.thread("collect")):
            self.service.wait_for_status("^samples are stale")
            self.assertRegex(self.service.human_status(), 'Status: "samples are stale')
            wait_until(lambda: self.service.get("/readyz").status == 503)
            self.assertEqual(self.service.get("/healthz").status, 200)
            self.assertIsNone(self.service.json("/api/v1/memory")["freemem"])
            time.sleep(4)  # longer than the watchdog waits
            self.assertEqual((self.service.show("MainPID"), self.service.restarts()), (before, 0))
        self.service.wait_for_status("^sampling")
        self.answers()
        self.assertEqual((self.service.show("MainPID"), self.service.restarts()), (before, 0))
        told = [line for line in self.service.lines() if line.startswith("samples are stale")]
        self.assertEqual(len(told), 1)

    def test_a_stuck_loop_is_killed_and_started_again(self):
        self.start_watched()
        before, pid = self.service.show("MainPID"), self.service.pid()
        with Frozen(pid):
            wait_until(lambda: self.service.restarts() == 1, 20, "a restart")
        self.service.wait_for_state("active")
        self.answers()
        self.assertNotEqual(self.service.show("MainPID"), before)
        messages = [entry["MESSAGE"] for entry in self.service.journal("UNIT=memwatchd.service")]
        self.assertTrue([line for line in messages if "Watchdog timeout" in line], messages[-9:])

    def test_a_killed_one_is_started_again(self):
        before = self.service.show("MainPID")
        self.service.signal(signal.SIGKILL)
        wait_until(lambda: self.service.restarts() == 1, 20, "a restart")
        self.service.wait_for_state("active")
        self.assertNotEqual(self.service.show("MainPID"), before)
        self.answers()
        self.assertEqual(self.service.get("/readyz", unix=True).status, 200)

    def test_one_that_is_stopped_ends_well_and_keeps_its_state_only(self):
        machine.run("touch", "/var/lib/private/memwatchd/kept")
        self.service.systemctl("stop", "memwatchd")
        self.assertEqual(self.service.state(), "inactive")
        self.assertEqual((self.service.show("Result"), self.service.show("ExecMainStatus")),
                         ("success", "0"))
        self.assertFalse(machine.path("/run/memwatchd").exists())
        self.assertTrue(machine.path("/var/lib/private/memwatchd/kept").exists())
        with self.assertRaises(ConnectionRefusedError):
            machine.connect(PORT)
        machine.run("rm", "/var/lib/private/memwatchd/kept")


class Refused(Booted):
    """What cannot start says why, where an operator looks first."""

    def setUp(self):
        super().setUp()
        self.changes()
        self.service.systemctl("stop", "memwatchd")

    def fails_to_start(self):
        done = self.service.systemctl("start", "memwatchd", check=False)
        self.assertNotEqual(done.returncode, 0)
        self.service.wait_for_state("failed")
        return self.service.human_status()

    def test_a_wrong_program(self):
        self.service.drop_in("[Service]\nExecStart=\nExecStart=/usr/bin/memwatcd\n")
        self.assertIn("/usr/bin/memwatcd: No such file or directory", self.fails_to_start())
        self.assertEqual(self.service.restarts(), 0)

    def test_a_wrong_configuration_file(self):
        self.service.drop_in("[Service]\nExecStart=\n"
                             "ExecStart=/usr/bin/memwatchd --config /etc/no/such.conf\n")
        self.assertRegex(self.fails_to_start(), r'Status: "cannot start: .*/etc/no/such\.conf')
        self.assertEqual(self.service.restarts(), 0)

    def test_a_wrong_configuration(self):
        """Once: a configuration does not become right by trying again."""
        self.service.configure("interval = never\n")
        status = self.fails_to_start()
        self.assertRegex(status, rf'Status: "cannot start: .*{CHANGES}:\d+: interval')
        self.assertIn("status=2", status)
        self.assertEqual(self.service.restarts(), 0)

    def test_a_socket_in_a_wrong_folder(self):
        """It is tried again, for a while."""
        self.service.configure('socket = "/no/such/folder/socket"\n')
        self.assertRegex(self.fails_to_start(),
                         r'Status: "cannot start: (.*: )?socket: /no/such/folder/socket')
        self.assertGreater(self.service.restarts(), 0)


class SocketUnit(Booted):
    def setUp(self):
        super().setUp()
        self.changes()
        self.service.systemctl("stop", "memwatchd")
        self.service.systemctl("enable", "--now", "memwatchd.socket")

    def listeners(self):
        """The sockets that listen on the port: their inodes, by version of IP."""
        found = {}
        for table in ("tcp", "tcp6"):
            for line in machine.path(f"/proc/1/net/{table}").read_text().splitlines()[1:]:
                fields = line.split()
                if fields[1].endswith(f":{PORT:04X}") and fields[3] == "0A":
                    found[table] = fields[9]
        return found

    def test_a_connection_starts_it_and_is_answered(self):
        self.assertEqual(self.service.state(), "inactive")
        self.assertEqual(self.service.get("/healthz").status, 200)
        self.assertEqual(self.service.state(), "active")
        self.assertEqual(self.service.get("/healthz", unix=True).status, 200)

    def test_its_sockets_outlive_a_restart(self):
        before = self.listeners()
        self.assertEqual(sorted(before), ["tcp", "tcp6"])
        self.service.systemctl("start", "memwatchd")
        self.answers()
        self.service.signal(signal.SIGKILL)
        connection = self.service.connect(30)  # nobody is there: it waits
        connection.request("GET", "/healthz")
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        self.assertEqual(self.service.restarts(), 1)
        self.service.systemctl("restart", "memwatchd")
        self.answers()
        self.assertEqual(self.listeners(), before)


if __name__ == "__main__":
    enclosure.run(lambda: unittest.main(verbosity=2), SECONDS,
                  ("systemd-nspawn", "dpkg-deb", "tar", "chroot"))
