"""memwatchd on a Machine: installed from its package, asked from outside, changed and put right again."""
import http.client
import json
import os
import pathlib
import re
import shutil
import subprocess

from support.daemon import Client, wait_until

DEB = next(pathlib.Path(os.environ["MW_TEST_PACKAGES"]).glob("memwatchd_*.deb"))
CONF = "/etc/memwatchd/memwatchd.conf"
CHANGES = "/etc/memwatchd/memwatchd.d/test.conf"
DROP_INS = "/etc/systemd/system/memwatchd.service.d"
SOCKET = "/run/memwatchd/memwatchd.sock"
PORT = 9636


class Connection(http.client.HTTPConnection):
    """To an address inside of the machine."""

    def __init__(self, machine, host, port, timeout):
        super().__init__(host, port, timeout=timeout)
        self.machine = machine

    def connect(self):
        self.sock = self.machine.connect(self.port, self.host, self.timeout)


class Installed(Client):
    """The daemon as its machine's systemd runs it."""

    def __init__(self, machine):
        self.machine = machine

    def install(self, deb=DEB, *options, check=True):
        shutil.copy(deb, self.machine.path("/root/memwatchd.deb"))
        return self.machine.run("dpkg", "--install", *options, "/root/memwatchd.deb", check=check)

    # ---- asking ----

    def connect(self, timeout=10):
        return Connection(self.machine, "127.0.0.1", PORT, timeout)

    def connect_unix(self, timeout=10):
        return self.machine.connect_unix(SOCKET, timeout)

    def wait_until_ready(self, seconds=20):
        wait_until(lambda: self.get("/readyz").status == 200, seconds, "readiness")

    # ---- systemd ----

    def systemctl(self, *arguments, check=True):
        return self.machine.run("systemctl", *arguments, check=check)

    def show(self, name, unit="memwatchd.service"):
        return self.systemctl("show", "--value", f"--property={name}", unit).stdout.rstrip("\n")

    def state(self, unit="memwatchd.service"):
        return self.systemctl("is-active", unit, check=False).stdout.strip()

    def wait_for_state(self, state, seconds=30):
        wait_until(lambda: self.state() == state, seconds, f"state {state}")

    def wait_for_status(self, pattern, seconds=20):
        """STATUS= as the daemon last told it."""
        wait_until(lambda: re.search(pattern, self.show("StatusText")), seconds,
                   f"status {pattern!r}")

    def human_status(self):
        """What an operator reads."""
        return self.systemctl("status", "--no-pager", "--full", "memwatchd", check=False).stdout

    def restarts(self):
        return int(self.show("NRestarts"))

    def journal(self, *matches):
        """Entries of the journal, oldest first."""
        text = self.machine.run("journalctl", "--no-pager", "--output=json", *matches).stdout
        return [json.loads(line) for line in text.splitlines()]

    def lines(self):
        """What the daemon wrote since it was last started."""
        invocation = self.show("InvocationID")
        return [entry["MESSAGE"] for entry in
                self.journal(f"_SYSTEMD_INVOCATION_ID={invocation}")]

    # ---- the process ----

    def pid(self):
        """Of the main process, as it is known outside of the machine."""
        inside = int(self.show("MainPID"))
        if inside == 0:
            raise AssertionError("there is no main process")
        return self.machine.pid_outside(inside)

    def signal(self, number):
        os.kill(self.pid(), number)

    def process_status(self):
        text = pathlib.Path(f"/proc/{self.pid()}/status").read_text()
        return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)

    def thread(self, name):
        tasks = pathlib.Path(f"/proc/{self.pid()}/task")
        return next(int(task.name) for task in tasks.iterdir()
                    if (task / "comm").read_text() == f"{name}\n")

    def in_its_mounts(self, *command):
        """A program that sees the file system as the daemon does, but as root: what fails for it
        fails for the daemon too."""
        return subprocess.run(["nsenter", "--target", str(self.pid()), "--mount", "--root", "--wd",
                               *command], capture_output=True, text=True, timeout=30)

    # ---- changes ----

    def drop_in(self, text, name="test.conf"):
        folder = self.machine.path(DROP_INS)
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        self.systemctl("daemon-reload")

    def configure(self, text):
        """On top of the shipped configuration."""
        new = self.machine.path(CHANGES + ".new")
        new.write_text(text)
        new.rename(self.machine.path(CHANGES))

    def put_right(self):
        """As it was after the installation, whatever a test did to it."""
        shutil.rmtree(self.machine.path(DROP_INS), ignore_errors=True)
        self.machine.path(CHANGES).unlink(missing_ok=True)
        if self.state("memwatchd.socket") == "active":
            self.systemctl("stop", "memwatchd")
            self.systemctl("disable", "--quiet", "--now", "memwatchd.socket")
        self.systemctl("daemon-reload")
        self.systemctl("reset-failed")
        self.systemctl("restart", "memwatchd")
        self.wait_until_ready()
