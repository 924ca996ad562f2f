"""The daemon as its service manager sees it: a socket that stands for systemd hears what it says."""
import pathlib
import re
import signal
import socket
import tempfile
import threading
import time
import unittest

from support.daemon import Daemon, Frozen, fixture, run, wait_until

class Manager:
    """Hears the daemon; each datagram with the time it came."""

    def __init__(self, watchdog_s=None):
        self._directory = tempfile.TemporaryDirectory()
        self.path = str(pathlib.Path(self._directory.name) / "notify")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.heard = []
        self.environment = {"NOTIFY_SOCKET": self.path}
        if watchdog_s:
            self.environment["WATCHDOG_USEC"] = str(int(watchdog_s * 1e6))
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        while True:
            try:
                text = self.socket.recv(4096).decode()
            except OSError:
                return
            self.heard.append(text)

    def wait_for(self, pattern, after=0, seconds=20):
        """The index of the first datagram, from number `after` on, that has the pattern."""
        def found():
            return next((i + 1 for i, text in enumerate(self.heard[after:], after)
                         if re.search(pattern, text)), None)
        return wait_until(found, seconds, f"{pattern!r} among {self.heard[-5:]}") - 1

    def count(self, text):
        return self.heard.count(text)

    def close(self):
        self.socket.close()
        self._directory.cleanup()


class Service(unittest.TestCase):
    def start(self, *arguments, watchdog_s=None, ready=True, **options):
        self.manager = Manager(watchdog_s)
        self.addCleanup(self.manager.close)
        daemon = Daemon(*arguments, ready=ready, environment=self.manager.environment,
                        **options).__enter__()
        self.addCleanup(daemon.end)
        return daemon


class Words(Service):
    def test_it_says_ready_when_it_can_be_asked(self):
        daemon = self.start(proc_root=fixture("healthy"))
        self.manager.wait_for(r"^READY=1$")
        self.manager.wait_for(r"^STATUS=sampling: \d+ processes, [\d.]+ [KMGT]iB of [\d.]+ [KMGT]iB available$")
        daemon.stop()
        self.assertLess(self.manager.wait_for(r"^STOPPING=1$"), len(self.manager.heard))

    def test_without_a_watchdog_nobody_is_fed(self):
        self.start(proc_root=fixture("healthy"))
        self.manager.wait_for("^STATUS=sampling")
        self.assertEqual(self.manager.count("WATCHDOG=1"), 0)

    def test_a_reload_is_told_from_begin_to_end(self):
        daemon = self.start(proc_root=fixture("healthy"))
        ready = self.manager.wait_for("^READY=1$")
        daemon.configure("keep-fds = 17\n")
        daemon.process.send_signal(signal.SIGHUP)
        at = self.manager.wait_for(r"^RELOADING=1\nMONOTONIC_USEC=\d+$", ready)
        told = int(self.manager.heard[at].rsplit("=", 1)[1])
        self.assertLess(abs(told - time.monotonic() * 1e6), 30e6)
        self.manager.wait_for("^READY=1$", at)

    def test_a_refused_reload_is_told_and_ends_too(self):
        daemon = self.start(proc_root=fixture("healthy"))
        ready = self.manager.wait_for("^READY=1$")
        daemon.configure("keep-fds = some\n")
        daemon.process.send_signal(signal.SIGHUP)
        at = self.manager.wait_for("^RELOADING=1", ready)
        self.manager.wait_for("^READY=1$", at)
        self.manager.wait_for(r"^STATUS=reload refused, the old .*:\d+: keep-fds", at)
        daemon.configure("keep-fds = 18\n")
        daemon.process.send_signal(signal.SIGHUP)
        self.manager.wait_for("^STATUS=sampling", at)

    def test_why_a_start_fails_is_told(self):
        manager = Manager()
        self.addCleanup(manager.close)
        with tempfile.TemporaryDirectory() as directory:
            wrong = pathlib.Path(directory) / "wrong.conf"
            wrong.write_text("listen = {}\ninterval = never\n")
            self.assertEqual(run("--config", str(wrong), environment=manager.environment).returncode,
                             2)
            manager.wait_for(r"^STATUS=cannot start: .*wrong.conf:2: interval")
            right = pathlib.Path(directory) / "right.conf"
            right.write_text('listen = {"127.0.0.1:0"}\nsocket = "/no/such/place"\n')
            self.assertEqual(run("--config", str(right), environment=manager.environment).returncode,
                             1)
            manager.wait_for(r"^STATUS=cannot start: .*right.conf:2: socket: /no/such/place")
            manager.wait_for(r"^ERRNO=\d+$")
        self.assertEqual(manager.count("READY=1"), 0)

    def test_what_is_no_service_tells_nothing(self):
        manager = Manager()
        self.addCleanup(manager.close)
        self.assertEqual(run("--version", environment=manager.environment).returncode, 0)
        self.assertEqual(run("--once", "--proc-root", fixture("healthy"),
                             environment=manager.environment).returncode, 0)
        self.assertEqual(manager.heard, [])


class Watchdog(Service):
    def test_a_loop_that_turns_feeds_it(self):
        self.start(proc_root=fixture("healthy"), watchdog_s=0.4)
        wait_until(lambda: self.manager.count("WATCHDOG=1") >= 10)

    def test_a_loop_that_is_stuck_does_not(self):
        daemon = self.start(proc_root=fixture("healthy"), watchdog_s=0.4)
        self.manager.wait_for("WATCHDOG=1")
        with Frozen(daemon.pid):
            before = self.manager.count("WATCHDOG=1")
            time.sleep(2)
            self.assertLessEqual(self.manager.count("WATCHDOG=1"), before + 1) # one on its way
        wait_until(lambda: self.manager.count("WATCHDOG=1") > before + 1)

    def test_a_stuck_collector_is_told_and_restarts_nothing(self):
        daemon = self.start(watchdog_s=0.4, interval="200ms")
        with Frozen(daemon.collector()):
            at = self.manager.wait_for("^STATUS=samples are stale")
            wait_until(lambda: daemon.get("/readyz").status == 503)
            daemon.wait_for_line("warning: samples are stale")
            self.assertEqual(daemon.get("/healthz").status, 200)
            self.assertIsNone(daemon.json("/api/v1/memory")["freemem"])
            fed = self.manager.count("WATCHDOG=1")
            wait_until(lambda: self.manager.count("WATCHDOG=1") >= fed + 3)
        self.manager.wait_for("^STATUS=sampling", at)
        wait_until(lambda: daemon.get("/readyz").status == 200)
        daemon.wait_for_line("info: samples are fresh again")
        stale = [line for line in daemon.lines if line and "samples are stale" in line]
        self.assertEqual(len(stale), 1)


class Log(unittest.TestCase):
    def test_the_level_is_a_flag_and_a_reload(self):
        with Daemon("--log-level", "debug", proc_root=fixture("healthy")) as daemon:
            self.assertEqual(daemon.request("GET", "/api/v1/config", unix=True).json()
                             ["log-level"]["value"], "debug")
        with Daemon(proc_root=fixture("healthy")) as daemon:
            daemon.configure('log-level = "error"\n')
            self.assertEqual(daemon.post("/api/v1/reload").status, 200)
            before = len(daemon.lines)
            self.assertEqual(daemon.post("/api/v1/reload").status, 200)
            self.assertEqual(len(daemon.lines), before)
        wrong = run("--log-level", "loud")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("--log-level", wrong.stderr)

    def test_one_broken_file_is_one_line(self):
        """Whatever is wrong with it, beat after beat."""
        with tempfile.TemporaryDirectory() as directory:
            proc = pathlib.Path(directory) / "proc"
            proc.mkdir()
            (proc / "meminfo").write_text("MemTotal: x kB\n")
            with Daemon(proc_root=str(proc), interval="100ms") as daemon:
                for text in ("MemTotal: -1 kB\n", "\0\0", "MemTotal: 99999999999999999999 kB\n", "x"):
                    (proc / "meminfo").write_text(text)
                    daemon.wait_for_samples(2)
                lines = [line for line in daemon.lines if line and "/meminfo" in line]
            self.assertEqual(len(lines), 1, lines)


if __name__ == "__main__":
    unittest.main()
