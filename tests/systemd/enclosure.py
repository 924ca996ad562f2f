"""Runs a test program in a place of its own, so that nothing stays behind, however it ends.

The program starts itself a second time, as first process of its own process and mount namespaces.
When that process ends, by itself or killed by ctest, the kernel ends everything that it started and
takes back everything that it mounted. What is left then, control groups, the first one removes.
Needs root, or a sudo that asks for nothing; without it the test fails and says so.
"""
import os
import pathlib
import shutil
import signal
import subprocess
import sys

INSIDE = "MW_TEST_ENCLOSED"
PREFIX = "memwatchd-test-"
PROGRAMS = ("setpriv", "unshare", "nsenter", "mount", "umount")
NSPAWN_FOLDERS = "nspawn-root-*"  # in /tmp; a container that is killed leaves its own
PLACE = pathlib.Path("/run/memwatchd-test")  # on a tmpfs that only the enclosed see


def run(main, seconds, programs=()):
    """main() enclosed; does not return. After as many seconds all of it ends and has failed."""
    if INSIDE not in os.environ:
        sys.exit(_run_outside(programs))
    # A default action does not reach the first process of a namespace; a handler does.
    signal.signal(signal.SIGALRM, lambda *_: _give_up(seconds))
    signal.alarm(seconds)
    subprocess.run(["mount", "-t", "tmpfs", "none", "/run"], check=True)
    PLACE.mkdir()
    main()


def _give_up(seconds):
    print(f"not done within {seconds} s", file=sys.stderr, flush=True)
    os._exit(1)


def _run_outside(programs):
    os.environ["PATH"] += ":/usr/sbin:/sbin"  # which a user's may lack
    missing = [name for name in (*PROGRAMS, *programs) if not shutil.which(name)]
    if missing:
        return _complain(f"these programs are missing: {' '.join(missing)}")
    root = _become_root()
    if root is None:
        return _complain("this needs root, and sudo is not there or asks for a password")
    name = _own_name()
    wanted = {key: value for key, value in os.environ.items()
              if key.startswith("MW_TEST_") or key in ("PATH", "PYTHONPATH")}
    _remove_groups(root)  # of runs that were killed
    before = set(pathlib.Path("/tmp").glob(NSPAWN_FOLDERS))
    code = subprocess.run([
        *root, "env", *(f"{key}={value}" for key, value in wanted.items()), f"{INSIDE}={name}",
        "setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--pid", "--fork", "--kill-child",
        "--mount-proc", sys.executable, "-B", *sys.argv], stdin=subprocess.DEVNULL).returncode
    _remove_groups(root)
    left = _left_behind(name) + [*map(str, set(pathlib.Path("/tmp").glob(NSPAWN_FOLDERS)) - before)]
    return _complain(f"left behind: {' '.join(left)}") if left else code


def _complain(text):
    print(f"FAIL: {text}", file=sys.stderr)
    return 1


def _become_root():
    if os.geteuid() == 0:
        return []
    sudo = ["sudo", "-n"]
    may = shutil.which("sudo") and subprocess.run([*sudo, "true"], capture_output=True)
    return sudo if may and may.returncode == 0 else None


def own_groups():
    """Folders of this process's control groups, in the hierarchies that systemd works with: its own
    of version 1, and version 2."""
    places = {}
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            places[""] = fields.split()[3:5]
        elif kind.startswith("cgroup ") and "name=systemd" in kind:
            places["name=systemd"] = fields.split()[3:5]
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers in places:
            mounted, place = places[controllers]
            yield pathlib.Path(place, path.removeprefix(mounted).lstrip("/"))


def _remove_groups(root):
    """Those of runs that have ended."""
    for group in own_groups():
        for mine in group.glob(f"{PREFIX}*/"):
            pid = mine.name[len(PREFIX):]
            if mine.name == _own_name() or not pathlib.Path("/proc", pid).exists():
                folders = sorted(mine.glob("**/"), reverse=True)
                subprocess.run([*root, "rmdir", *map(str, folders)], check=False)


def _own_name():
    return f"{PREFIX}{os.getpid()}"


def _left_behind(name):
    """Groups and mounts of this run that are still there: what no test may leave."""
    left = [str(group / name) for group in own_groups() if (group / name).exists()]
    left += [line for line in pathlib.Path("/proc/mounts").read_text().splitlines()
             if str(PLACE) in line]
    return left
