"""Control groups of a test's own, where this machine lets one be made."""
import os
import pathlib
import time


def _mounts():
    """(version, mount point) of hierarchies that count memory, v1 first."""
    found = []
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ")
        kind, _, options = right.split(" ", 2)
        if kind == "cgroup" and "memory" in options.split(","):
            found.insert(0, (1, pathlib.Path(left.split()[4])))
        elif kind == "cgroup2":
            found.append((2, pathlib.Path(left.split()[4])))
    return found


def _own(version):
    for line in pathlib.Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if (controllers == "" if version == 2 else "memory" in controllers.split(",")):
            return path
    return "/"


def _parents(version, mount):
    """Where a group might be made: below the own one, and the way up from there."""
    own = mount / _own(version).lstrip("/")
    return [own, *(parent for parent in own.parents if parent.is_relative_to(mount))]


def _gives_memory(version, parent):
    if version == 1:
        return True
    try:
        return "memory" in (parent / "cgroup.subtree_control").read_text().split()
    except OSError:
        return False


class Group:
    """with Group.make(limit) as group: ... or a reason why there is none, as a ValueError"""

    LIMIT = {1: "memory.limit_in_bytes", 2: "memory.max"}
    USAGE = {1: "memory.usage_in_bytes", 2: "memory.current"}

    def __init__(self, version, mount, directory):
        self.version = version
        self.directory = directory
        self.path = "/" + str(directory.relative_to(mount))

    @classmethod
    def make(cls, limit):
        why = ["no hierarchy that counts memory is mounted"]
        for version, mount in _mounts():
            for parent in _parents(version, mount):
                if not _gives_memory(version, parent):
                    why.append(f"{parent} hands no memory controller on")
                    continue
                directory = parent / f"memwatch-test-{os.getpid()}-{time.monotonic_ns()}"
                try:
                    directory.mkdir()
                    group = cls(version, mount, directory)
                    group.set_limit(limit)
                    return group
                except OSError as error:
                    why.append(f"{directory}: {error.strerror}")
                    if directory.exists():
                        directory.rmdir()
        raise ValueError("no control group with a limit can be made here: " + "; ".join(why))

    def set_limit(self, limit):
        (self.directory / self.LIMIT[self.version]).write_text(str(limit))

    def usage(self):
        return int((self.directory / self.USAGE[self.version]).read_text())

    def join(self):
        """Of a child, before it becomes another program."""
        (self.directory / "cgroup.procs").write_text(str(os.getpid()))

    def remove(self):
        """Once all its processes have gone, which the kernel takes a moment to see."""
        for _ in range(200):
            try:
                self.directory.rmdir()
                return
            except FileNotFoundError:
                return
            except OSError:
                time.sleep(0.02)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.remove()
