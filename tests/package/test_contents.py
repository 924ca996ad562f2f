"""What is in the packages. MW_TEST_PACKAGES is the folder where they were built."""
import gzip
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILT = pathlib.Path(os.environ["MW_TEST_PACKAGES"])

MEMWATCHD = """
    /etc/memwatchd/memwatchd.conf
    /etc/memwatchd/memwatchd.d/
    /lib/systemd/system/memwatchd.service
    /lib/systemd/system/memwatchd.socket
    /usr/bin/memwatchctl
    /usr/bin/memwatchd
    /usr/lib/sysusers.d/memwatchd.conf
    /usr/libexec/memwatchd/memwatchd-deliver
    /usr/share/bash-completion/completions/memwatchctl
    /usr/share/bash-completion/completions/memwatchd
    /usr/share/doc/memwatchd/changelog.gz
    /usr/share/doc/memwatchd/copyright
    /usr/share/doc/memwatchd/examples/alert-hook.sh
    /usr/share/doc/memwatchd/examples/alertmanager/alertmanager.yml
    /usr/share/doc/memwatchd/examples/alerts.conf
    /usr/share/doc/memwatchd/examples/deep.conf
    /usr/share/doc/memwatchd/examples/grafana/README.md
    /usr/share/doc/memwatchd/examples/grafana/memwatchd-fleet.json
    /usr/share/doc/memwatchd/examples/grafana/memwatchd-machine.json
    /usr/share/doc/memwatchd/examples/memwatch-report.cjs
    /usr/share/doc/memwatchd/examples/prometheus/README.md
    /usr/share/doc/memwatchd/examples/prometheus/agent.yml
    /usr/share/doc/memwatchd/examples/prometheus/memwatchd.yml
    /usr/share/doc/memwatchd/examples/prometheus/rules/memwatchd-alerts.yml
    /usr/share/doc/memwatchd/examples/prometheus/rules/memwatchd-recording.yml
    /usr/share/doc/memwatchd/examples/prometheus/shard.yml
    /usr/share/doc/memwatchd/examples/prometheus/targets.json
    /usr/share/doc/memwatchd/examples/report.c
    /usr/share/doc/memwatchd/examples/report.py
    /usr/share/doc/memwatchd/examples/report.sh
    /usr/share/doc/memwatchd/examples/watch.c
    /usr/share/doc/memwatchd/examples/watch.py
    /usr/share/doc/memwatchd/examples/watch.sh
    /usr/share/doc/memwatchd/examples/webhook_receiver.py
    /usr/share/fish/vendor_completions.d/memwatchctl.fish
    /usr/share/fish/vendor_completions.d/memwatchd.fish
    /usr/share/man/man1/memwatchctl.1.gz
    /usr/share/man/man5/memwatchd.conf.5.gz
    /usr/share/man/man7/readings.7.gz
    /usr/share/man/man8/memwatchd.8.gz
    /usr/share/zsh/vendor-completions/_memwatchctl
""".split()
# Headers are held against the tree, in test_library.
LIBRARY = """
    /usr/lib/TRIPLET/libmemwatch.a
    /usr/lib/TRIPLET/pkgconfig/memwatch.pc
    /usr/share/doc/libmemwatch-dev/changelog.gz
    /usr/share/doc/libmemwatch-dev/copyright
""".split()
# What lintian may say, and why.
TOLERATED = {}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60,
                          env=dict(os.environ, LC_ALL="C")).stdout


def package(name):
    found = list(BUILT.glob(f"{name}_*.deb"))
    if len(found) != 1:
        raise AssertionError(f"{name}: one package expected, there are {found}")
    return found[0]


def entries(name):
    """(mode, owner, path) of what it holds; a path of a directory ends in '/'."""
    for line in output("dpkg-deb", "--contents", package(name)).splitlines():
        mode, owner, _size, _day, _time, path = line.split(maxsplit=5)
        yield mode, owner, path.removeprefix(".")


def leaves(name):
    paths = [path for _mode, _owner, path in entries(name)]
    return sorted(path for path in paths
                  if not any(other != path and other.startswith(path) for other in paths))


def field(name, key):
    return output("dpkg-deb", "--field", package(name), key).strip()


class Contents(unittest.TestCase):
    def test_the_daemon_has_these_files_and_no_others(self):
        self.assertEqual(leaves("memwatchd"), MEMWATCHD)

    def test_the_library_has_these_files_and_no_others(self):
        triplet = output("dpkg-architecture", "-qDEB_HOST_MULTIARCH").strip()
        found = [path for path in leaves("libmemwatch-dev")
                 if not path.startswith("/usr/include/memwatch/")]
        self.assertEqual(found, [path.replace("TRIPLET", triplet) for path in LIBRARY])

    def test_everything_is_roots_and_nobody_else_can_write(self):
        for name in ("memwatchd", "libmemwatch-dev"):
            for mode, owner, path in entries(name):
                self.assertEqual(owner, "root/root", path)
                runs = (path.startswith(("/usr/bin/", "/usr/libexec/")) or
                        path.endswith((".py", ".sh"))) # examples
                wanted = ("drwxr-xr-x" if path.endswith("/") else
                          "-rwxr-xr-x" if runs else "-rw-r--r--")
                self.assertEqual(mode, wanted, path)

    def test_what_lies_in_etc_is_kept_on_upgrade(self):
        held = [path for path in leaves("memwatchd")
                if path.startswith("/etc/") and not path.endswith("/")]
        self.assertEqual(output("dpkg-deb", "--info", package("memwatchd"), "conffiles").split(),
                         held)

    def test_the_version_is_the_projects_everywhere(self):
        version = re.search(r"project\(memwatchd VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())
        for name in ("memwatchd", "libmemwatch-dev"):
            self.assertEqual(field(name, "Version"), version.group(1))
            with tempfile.TemporaryDirectory() as folder:
                output("dpkg-deb", "--extract", package(name), folder)
                changes = pathlib.Path(folder, f"usr/share/doc/{name}/changelog.gz").read_bytes()
            self.assertTrue(gzip.decompress(changes).decode()
                            .startswith(f"memwatchd ({version.group(1)}) "))

    def test_libraries_that_it_is_linked_with_are_named(self):
        depends = field("memwatchd", "Depends")
        for library in ("libc6", "libuv1", "libmicrohttpd12", "libconfuse2", "libcjson1", "zlib1g",
                        "libpcre2-8-0"):
            self.assertRegex(depends, rf"\b{library} \(>= ")
        self.assertIn("libyaml-0-2", depends.split(", "), "Debian says of no version that it is needed")

    def test_lintian_has_nothing_to_say(self):
        done = subprocess.run(["lintian", "--allow-root", "--tag-display-limit", "0",
                               package("memwatchd"), package("libmemwatch-dev")],
                              capture_output=True, text=True, timeout=100)
        said = [line for line in done.stdout.splitlines()
                if not any(f": {tag} " in line for tag in TOLERATED)]
        self.assertEqual(said, [], done.stderr)
        self.assertIn(done.returncode, (0, 2), done.stderr)

    def test_the_service_starts_what_is_installed(self):
        with tempfile.TemporaryDirectory() as folder:
            output("dpkg-deb", "--extract", package("memwatchd"), folder)
            unit = pathlib.Path(folder, "lib/systemd/system/memwatchd.service").read_text()
        self.assertIn("\nExecStart=/usr/bin/memwatchd\n", unit)


class Programs(unittest.TestCase):
    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        output("dpkg-deb", "--extract", package("memwatchd"), made.name)
        self.programs = sorted(pathlib.Path(made.name, "usr/bin").iterdir())
        self.assertTrue(self.programs)

    def test_they_are_hardened(self):
        for program in self.programs:
            self.assertIn("DYN (Position-Independent Executable file)",
                          output("readelf", "--file-header", program))
            segments = output("readelf", "--segments", "--wide", program)
            self.assertIn("GNU_RELRO", segments)
            self.assertRegex(segments, r"GNU_STACK .* RW ")
            self.assertRegex(output("readelf", "--dynamic", program), r"FLAGS.*BIND_NOW|FLAGS_1.*NOW")
            symbols = output("readelf", "--dyn-syms", "--wide", program)
            self.assertIn("__stack_chk_fail", symbols)
            self.assertRegex(symbols, r"__\w+_chk@")

    def test_they_look_for_libraries_where_the_system_does(self):
        for program in self.programs:
            self.assertNotRegex(output("readelf", "--dynamic", program), "RUNPATH|RPATH")

    def test_they_run(self):
        for program in self.programs:
            self.assertIn(field("memwatchd", "Version"), output(program, "--version"))


if __name__ == "__main__":
    unittest.main()
