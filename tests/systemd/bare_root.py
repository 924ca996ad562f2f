"""bare_root.py: a bare Debian 12 in the folder MW_TEST_BARE_ROOT, with what the package memwatchd in
the folder MW_TEST_PACKAGES depends on.

It takes mmdebstrap a minute, half of what debootstrap needs, so it is done once and kept. A list beside
it tells what is in it, and another list makes it anew. Tests work on layers over it and never change it.
The mirror is the one that this machine's apt uses.
"""
import fcntl
import os
import pathlib
import re
import shutil
import subprocess
import sys

import enclosure

SUITE = "bookworm"
SECONDS = 580
# What makes it a machine that boots. dbus is what systemd itself asks for; libnss-systemd, which is on
# every machine that was not made as small as this one, is what the C library asks for users and
# groups, inside of the daemon.
MACHINE = ("systemd-sysv", "dbus", "libnss-systemd")


class Impossible(Exception):
    pass


def dependencies(deb):
    """The first alternative of each."""
    field = subprocess.run(["dpkg-deb", "--field", deb, "Depends"], check=True, capture_output=True,
                           text=True).stdout
    return {re.match(r"[a-z0-9.+-]+", entry.strip()).group() for entry in field.split(",")}


def mirror():
    done = subprocess.run(["apt-get", "indextargets", "--format",
                           "$(CODENAME) $(RELEASE) $(COMPONENT) $(SITE)", "Created-By: Packages"],
                          capture_output=True, text=True)
    for line in done.stdout.splitlines():
        words = line.split()
        if len(words) >= 3 and words[-2] == "main" and SUITE in words[:-2]:
            return words[-1]
    raise Impossible(f"apt on this machine has no source of {SUITE}: {done.stderr or done.stdout}")


def proxy():
    """The apt inside is not configured like the one of this machine."""
    done = subprocess.run(["apt-config", "shell", "proxy", "Acquire::http::Proxy"],
                          capture_output=True, text=True)
    found = re.fullmatch(r"proxy='(.*)'\s*", done.stdout)
    return {"http_proxy": found.group(1)} if found else {}


def make(root, packages):
    new = root.with_name(root.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        done = subprocess.run(["mmdebstrap", "--mode=root", "--variant=minbase", "--format=directory",
                               f"--include={','.join(packages)}", SUITE, str(new), mirror()],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env=dict(os.environ, **proxy()))
        if done.returncode != 0:
            raise Impossible(f"mmdebstrap failed:\n{done.stdout[-4000:]}")
        shutil.rmtree(root, ignore_errors=True)
        new.rename(root)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def main():
    root = pathlib.Path(os.environ["MW_TEST_BARE_ROOT"])
    deb = next(pathlib.Path(os.environ["MW_TEST_PACKAGES"]).glob("memwatchd_*.deb"))
    packages = sorted({*MACHINE, *dependencies(deb)})
    note = root.with_name(root.name + ".packages")
    text = f"{SUITE} {' '.join(packages)}\n"
    root.parent.mkdir(parents=True, exist_ok=True)
    with open(root.with_name(root.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two builds may share the source tree
        if root.is_dir() and note.exists() and note.read_text() == text:
            print(f"{root} is there")
            return
        note.unlink(missing_ok=True)
        make(root, packages)
        note.write_text(text)
        print(f"{root} is made: {text}", end="")


def main_or_reason():
    try:
        main()
    except Impossible as reason:
        sys.exit(f"FAIL: {reason}")


if __name__ == "__main__":
    enclosure.run(main_or_reason, SECONDS, ("mmdebstrap", "apt-get", "dpkg-deb"))
