"""A machine to test services on: Debian 12 booted by its own systemd, in a container.

It works on a layer over MW_TEST_BARE_ROOT, has no network but loopback, and is gone with the process
that started it (enclosure.py). Programs run in it by nsenter; sockets in it are reached from outside,
so it needs no tools of its own.
"""
import ctypes
import os
import pathlib
import shutil
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor

import enclosure
from support.daemon import UnixConnection, wait_until

BARE_ROOT = pathlib.Path(os.environ["MW_TEST_BARE_ROOT"])
BOOT_S = 60
END_S = 30
CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive", "SYSTEMD_PAGER": "cat", "SYSTEMD_COLORS": "0"}


class Layer:
    """A root to write in, over the bare one that stays as it is."""

    def __init__(self, name):
        self.folder = enclosure.PLACE / name
        self.root = self.folder / "root"

    def __enter__(self):
        for name in ("root", "upper", "work"):
            (self.folder / name).mkdir(parents=True)
        options = (f"lowerdir={BARE_ROOT},upperdir={self.folder}/upper,"
                   f"workdir={self.folder}/work")
        _checked(["mount", "-t", "overlay", "-o", options, "overlay", str(self.root)])
        return self

    def __exit__(self, *_):
        _checked(["umount", str(self.root)])
        shutil.rmtree(self.folder)

    def run(self, *command, check=True, timeout=60):
        """A program in it, while it is not booted."""
        return _checked(["chroot", str(self.root), *command], check, timeout)


class Machine(Layer):
    """with Machine("name") as machine: machine.run("systemctl", "is-system-running")"""

    def __enter__(self):
        super().__enter__()
        self.console = self.folder / "console"
        with open(self.console, "w") as console:
            self.supervisor = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL,
                                               stdout=console, stderr=subprocess.STDOUT)
        self.leader = None
        try:
            self.leader = wait_until(self._find_leader, BOOT_S, "the container's systemd")
            wait_until(lambda: self.run("systemctl", "is-system-running", check=False).stdout
                       == "running\n", BOOT_S, "a machine that runs, with no failed unit,")
        except AssertionError as error:
            text = self.console.read_text(errors="replace")[-4000:]
            self.__exit__()
            raise AssertionError(f"{error}; its console:\n{text}") from error
        return self

    def __exit__(self, *_):
        if self.leader:
            self.run("systemctl", "poweroff", check=False)
        try:
            self.supervisor.wait(END_S)
        except subprocess.TimeoutExpired:
            # Without its supervisor the container would go on.
            for pid in filter(None, (self.leader, self.supervisor.pid)):
                os.kill(pid, 9)
            self.supervisor.wait(END_S)
        super().__exit__()

    def _command(self):
        """nspawn makes control groups beside the one that it finds itself in: this gives it one."""
        enter = []
        for group in enclosure.own_groups():
            folder = group / os.environ[enclosure.INSIDE] / self.folder.name
            folder.mkdir(parents=True, exist_ok=True)
            enter.append(f"echo $$ > '{folder}/cgroup.procs'")
        # CAP_IPC_LOCK: without it nspawn forbids the calls that lock memory to everyone inside.
        return ["sh", "-ec", "; ".join([*enter, 'exec "$@"']), "sh", "systemd-nspawn", "--quiet",
                "--register=no", "--keep-unit", "--private-network", "--link-journal=no",
                "--suppress-sync=yes", "--console=pipe", "--capability=CAP_IPC_LOCK",
                f"--machine={self.folder.name}", f"--directory={self.root}", "--boot"]

    def _find_leader(self):
        if self.supervisor.poll() is not None:
            raise RuntimeError("systemd-nspawn has ended:\n"
                               + self.console.read_text(errors="replace"))
        children = pathlib.Path(f"/proc/{self.supervisor.pid}/task/{self.supervisor.pid}/children")
        for pid in map(int, children.read_text().split()):
            if pathlib.Path(f"/proc/{pid}/comm").read_text() == "systemd\n":
                return pid
        return None

    # ---- programs in it ----

    def run(self, *command, check=True, timeout=60):
        """A program of the machine, as root; stdout and stderr as text."""
        return _checked(["nsenter", "--target", str(self.leader), "--all", "--root", "--wd",
                         *command], check, timeout)

    def pid_outside(self, inside):
        """The number here of a process that has number `inside` there."""
        there = os.stat(f"/proc/{self.leader}/ns/pid").st_ino
        for entry in pathlib.Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and os.stat(entry / "ns/pid").st_ino == there and \
                        _number_inside(entry) == inside:
                    return int(entry.name)
            except OSError:  # it has ended
                continue
        raise AssertionError(f"no process {inside} in the machine")

    def path(self, path):
        """A path of the running machine, with what is mounted there."""
        return pathlib.Path(f"/proc/{self.leader}/root{path}")

    # ---- sockets in it ----

    def connect(self, port, host="127.0.0.1", timeout=10):
        def enter_and_connect():
            with open(f"/proc/{self.leader}/ns/net") as network:
                if LIBC.setns(network.fileno(), CLONE_NEWNET) != 0:
                    raise OSError(ctypes.get_errno(), "setns")
            return socket.create_connection((host, port), timeout)
        # A thread of its own: it never comes back out of that network.
        with ThreadPoolExecutor(1) as thread:
            return thread.submit(enter_and_connect).result()

    def connect_unix(self, path, timeout=10):
        return UnixConnection(str(self.path(path)), timeout)


def _number_inside(entry):
    for line in (entry / "status").read_text().splitlines():
        if line.startswith("NSpid:"):
            return int(line.split()[-1])
    return None


def _checked(command, check=True, timeout=60):
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="surrogateescape", timeout=timeout, env=ENVIRONMENT)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: exit code {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done
