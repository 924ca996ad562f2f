"""Groups of processes by rules: beside the real process-exporter with the same file and the same
processes, and whatever rules and processes are like."""
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from scenario.test_exporters import Exporter, metadata, samples
from support.daemon import Daemon, fixture, wait_until

PROMTOOL = os.environ.get("MW_TEST_PROMTOOL") or "promtool"
FAMILIES = r"namedprocess_namegroup_(memory_bytes|num_procs|oldest_start_time_seconds)"
# What is resident they read from stat, which since Linux 6.17 is less exact than statm: by as much as
# each processor may have counted for itself.
STAT_SLACK = 1 << 20


def groups_of(text, family="namedprocess_namegroup_num_procs", label="groupname"):
    """Values of a family by group, names as they stand in the text; groups of nobody are none."""
    found = re.findall(rf'^{family}\{{{label}="((?:[^"\\]|\\.)*)"\}} (\S+)$', text, re.MULTILINE)
    return {name: float(value) for name, value in found if float(value) > 0}


def sizes(daemon):
    return groups_of(daemon.get("/metrics").text, "memwatch_process_group_processes", "name")


class Programs:
    """Processes of (program, command line), which do nothing."""

    def __init__(self, *lines):
        self.lines = lines
        self.processes = []

    def __enter__(self):
        try:
            for program, line in self.lines:
                self.processes.append(subprocess.Popen(
                    line, executable=program, start_new_session=True, stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for process in self.processes:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def real_sleep(name, seconds="1000"):
    return "/bin/sleep", [name, seconds]


class Judge(unittest.TestCase):
    """The same file is given to Debian's exporter."""

    RULES = r"""
# every selector, every template but those that no machine has twice
process_names:
  - name: "t first {{.Matches.port}}"
    exe:
    - tserve
    cmdline:
    - '--port[ =](?P<port>\d+)'
  - exe: [/opt/t/tserve, 'tother']
    name: 't exe {{.ExeBase}} of {{.ExeFull}}'
  - cmdline:
    - ^t
    - (?P<head>tjob-\w+?)(?:-\d+)? .*--queue=(?P<queue>[^ ,]*)
    name: "t job {{.Matches.head}} on {{.Matches.queue}} by {{.Username}}"
  - comm:
    - sleep
    cmdline: ["^tsleep"]
    name: "t {{.Comm}}"
  - name: "t quoted \"{{.Matches.x}}\" \\"
    cmdline: ['tquote.*x=(?P<x>[^;]*);']
  - name: "t wide {{.PID}} since {{.StartTime}} in {{.Cgroups}}"
    cmdline: ["^twide "]
  - name: "t children"
    cmdline: ["^tparent "]
"""
    PROGRAMS = (real_sleep("tserve"), real_sleep("/opt/t/tserve"), real_sleep("/usr/tserve"),
                real_sleep("/bin/tother"), real_sleep("tsleep"), real_sleep("tsleep"))
    SHELL = "sleep 1000; :"
    CHILDREN = "sleep 1001 & sleep 1002; :"

    @classmethod
    def setUpClass(cls):
        shell = "/bin/sh"
        programs = cls.PROGRAMS + (
            (shell, ["tserve", "-c", cls.SHELL, "--port", "8080"]),
            (shell, ["tserve", "-c", cls.SHELL, "--port=81"]),
            (shell, ["tjob-mail-17", "-c", cls.SHELL, "--queue=out,--now"]),
            (shell, ["tjob-mail-18", "-c", cls.SHELL, "--queue=out"]),
            (shell, ["tquote", "-c", cls.SHELL, "x=a \"b\" \\c;"]),
            (shell, ["twide", "-c", cls.SHELL]),
            (shell, ["tparent", "-c", cls.CHILDREN]))
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules, Programs(*programs):
            rules.write(cls.RULES)
            rules.flush()
            theirs = Exporter("prometheus-process-exporter", "--config.path", rules.name,
                              "--gather-smaps=false")
            with Daemon(config=f'metrics-process-names = "{rules.name}"\n') as daemon:
                wait_until(lambda: groups_of(daemon.get("/metrics/process").text)
                           .get("t children") == 3, what="all processes in their groups")
                cls.theirs = theirs.text()
                daemon.wait_for_samples()
                answer = daemon.get("/metrics/process")
        cls.ours = answer.text

    def test_groups_and_their_processes_are_the_same(self):
        ours, theirs = (groups_of(text) for text in (self.ours, self.theirs))
        self.assertEqual(ours, theirs)
        for name in ("t first 8080", "t first 81", "t exe tserve of /opt/t/tserve",
                     "t exe tother of /bin/tother", "t sleep", "t children",
                     r't quoted \"a \"b\" \\c\" \\'):
            self.assertIn(name, ours)
        self.assertEqual(len([name for name in ours if name.startswith("t job tjob-mail on out")]),
                         1)
        self.assertNotIn("other", ours)

    def test_every_series_is_the_same(self):
        ours, theirs = (samples(text, FAMILIES) for text in (self.ours, self.theirs))
        self.assertEqual(set(ours), set(theirs))
        self.assertGreater(len(ours), 40)
        for name, value in theirs.items():
            if "num_procs" in name or "virtual" in name:
                self.assertEqual(ours[name], value, name)
            elif "start_time" in name:
                self.assertAlmostEqual(ours[name], value, delta=1, msg=name)
            else:
                self.assertAlmostEqual(ours[name], value, delta=3 * STAT_SLACK, msg=name)
        self.assertEqual(metadata(self.ours, FAMILIES), metadata(self.theirs, FAMILIES))


class Rules(unittest.TestCase):
    """What is said of rules, and what a reload does."""

    def wait_for(self, daemon, expected):
        wait_until(lambda: {name for name in sizes(daemon)} == set(expected), what=str(expected))

    def test_who_matches_nothing_is_in_the_rest(self):
        rules = 'group "small" { comm = {"cron", "agetty"} }\ngroup "none" { exe = {"nix"} }\n'
        with Daemon(proc_root=fixture("healthy"), interval="1h",
                    config=rules + "metrics-children = false\n") as daemon:
            rows = daemon.json("/api/v1/processes")["processes"]
            mine = [row for row in rows if row["name"] in ("cron", "agetty")]
            self.assertGreater(len(mine), 0)
            # the interval is an hour: nobody has to wait for it
            wait_until(lambda: sizes(daemon) == {"small": len(mine), "other": len(rows) - len(mine)})
            self.assertEqual(groups_of(daemon.get("/metrics/process").text), {"small": len(mine)})
            text = daemon.get("/metrics").text
            sums = re.findall(r"^memwatch_process_resident_memory_bytes\{.*\} (\S+)$", text, re.M)
            self.assertEqual(sum(map(float, sums)), sum(row["rss"] for row in rows))
            for line in ("memwatch_process_rules 2", "memwatch_process_rules_unused 1",
                         f"memwatch_process_ungrouped {len(rows) - len(mine)}"):
                self.assertIn(f"\n{line}\n", text)

    def test_rules_say_how_many_they_match(self):
        rules = 'group "init" { comm = {"init", "systemd"} }\ngroup "none" { comm = {"nix"} }\n'
        with Daemon(proc_root=fixture("healthy"), interval="1h", config=rules) as daemon:
            groups = wait_until(lambda: (found := daemon.json("/api/v1/groups"))["waiting"] == 0
                                and found)
            total = daemon.json("/api/v1/processes")["total"]
            first, second = groups["rules"]
            self.assertEqual((first["name"], first["processes"], first["matched"]), ("init", 1, 1))
            self.assertRegex(first["origin"], r"/memwatchd\.conf:\d+$")
            self.assertGreater(first["children"], 0)
            self.assertEqual((second["processes"], second["children"], second["matched"]),
                             (0, 0, 0))
            self.assertEqual(first["processes"] + first["children"] + groups["ungrouped"], total)
        with Daemon(proc_root=fixture("healthy"), interval="1h") as daemon:
            self.assertEqual(daemon.json("/api/v1/groups")["rules"], [])

    def test_a_reload_reads_the_file_again_and_a_bad_one_changes_nothing(self):
        with tempfile.TemporaryDirectory() as folder:
            rules = pathlib.Path(folder, "g.yml")
            rules.write_text('process_names: # x\n- name: one\n  comm: [cron]\n')
            with Daemon(proc_root=fixture("healthy"), interval="1h",
                        config=f'metrics-process-names = "{rules}"\n') as daemon:
                self.wait_for(daemon, ["one", "other"])
                rules.write_text('process_names:\n- name: two\n  comm: cron\n')
                daemon.process.send_signal(signal.SIGHUP)
                daemon.wait_for_line(r"reload refused, the old configuration stays: .*/g\.yml:3: "
                                     r"column 9: a list is expected: \[a, b\] behind the key, or "
                                     r"lines of - a below it; got cron")
                self.assertEqual(set(sizes(daemon)), {"one", "other"})
                self.assertEqual(daemon.post("/api/v1/reload").status, 500)
                rules.write_text('process_names:\n- name: two\n  comm: [cron]\n')
                self.assertEqual(daemon.post("/api/v1/reload").status, 200)
                self.wait_for(daemon, ["two", "other"])
                rules.unlink()
                answer = daemon.post("/api/v1/reload")
                self.assertEqual(answer.status, 500)
                self.assertIn("No such file or directory", answer.text)
                daemon.configure("")
                self.assertEqual(daemon.post("/api/v1/reload").status, 200)
                wait_until(lambda: daemon.json("/api/v1/groups")["rules"] == [])
                daemon.configure('group "three" { comm = {"cron"} }\n')
                self.assertEqual(daemon.post("/api/v1/reload").status, 200)
                self.wait_for(daemon, ["three", "other"])

    def test_a_file_that_cannot_be_read_does_not_start(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "m.conf")
            pathlib.Path(path).write_text(f'metrics-process-names = "{folder}/nix"\n')
            result = subprocess.run([os.environ["MW_TEST_BIN"], "--check-config", "--config", path],
                                    capture_output=True, text=True, timeout=60)
            self.assertEqual(result.returncode, 2)
            self.assertIn(f"{folder}/nix: No such file or directory", result.stdout + result.stderr)

    def test_a_wide_template_is_warned_of(self):
        with Daemon(proc_root=fixture("healthy"),
                    config='group "{{.PID}}" { comm = {"cron"} }\n') as daemon:
            daemon.wait_for_line(r"\{\{\.PID\}\} makes a group of each process")


class Hostile(unittest.TestCase):
    """Processes say what they like; what is shown is bounded and can be read."""

    def check(self, daemon):
        for path in ("/metrics", "/metrics/process"):
            answer = daemon.get(path)
            result = subprocess.run([PROMTOOL, "check", "metrics"], input=answer.body,
                                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
            self.assertEqual((result.returncode, result.stdout.decode()), (0, ""), path)
            names = [line.rsplit(" ", 1)[0] for line in answer.body.decode().split("\n")
                     if line and line[0] != "#"]
            self.assertEqual(len(names), len(set(names)), path)

    def test_what_stands_in_command_lines_becomes_a_label(self):
        programs = [("/bin/sleep", [b"t" + name, b"1000"])
                    for name in (b'"', b"\\", b"a\nb", b"\xff\xfe", "ä☺".encode(), b"a,b}{=\"x",
                                 b"x" * 500, b"\x01\x7f\x1b[31m")]
        rules = "group \"rule\" { name = \"{{.Matches.x}}\"  comm = {\"sleep\"}\n" \
                "  cmdline = {'(?s)^t(?P<x>.*) 1000$'} }\n"
        with Programs(*programs), Daemon(config=rules + "metrics-children = false\n") as daemon:
            expected = {r'\"', r"\\", r"a\nb", r"\\xff\\xfe", "ä☺", r'a,b}{=\"x', "x" * 128,
                        "\x01\x7f\x1b[31m", "other"}
            wait_until(lambda: set(sizes(daemon)) == expected, what="all of them")
            self.assertEqual(set(groups_of(daemon.get("/metrics/process").text)),
                             expected - {"other"})
            self.check(daemon)

    def test_groups_that_are_called_as_the_rest_or_nothing(self):
        programs = [("/bin/sleep", [b"tother", b"1000"]), ("/bin/sleep", [b"t", b"1000"])]
        rules = "group \"{{.Matches.x}}\" { comm = {\"sleep\"}  cmdline = {'^t(?P<x>.*) 1000$'} }\n"
        with Programs(*programs), Daemon(config=rules + "metrics-children = false\n") as daemon:
            wait_until(lambda: groups_of(daemon.get("/metrics/process").text) == {"other": 1})
            wait_until(lambda: list(sizes(daemon)) == ["other"])
            # Of one sample, if none came between the two: others on the machine are born and die.
            wait_until(lambda: sizes(daemon)["other"] == daemon.json("/api/v1/processes")["total"])
            self.check(daemon)

    def test_a_group_goes_with_its_last_process(self):
        rules = "group \"t\" { cmdline = {'^tgone 1000$'} }\n"
        with Daemon(config=rules) as daemon:
            with Programs(("/bin/sleep", ["tgone", "1000"])):
                wait_until(lambda: sizes(daemon).get("t") == 1)
            wait_until(lambda: "t" not in sizes(daemon))
            self.assertNotIn('"t"', daemon.get("/metrics/process").text)

    def make_tree(self, folder, count):
        """As many processes with a name of their own; all that is read of them is one file each."""
        model = pathlib.Path(fixture("healthy"), "341")
        root = shutil.copytree(fixture("healthy"), os.path.join(folder, "proc"), symlinks=True)
        for pid in range(10000, 10000 + count):
            path = pathlib.Path(root, str(pid))
            path.mkdir()
            for name in ("stat", "statm", "status", "cgroup"):
                (path / name).symlink_to(model / name)
            (path / "cmdline").write_bytes(b"program\0--name\0" + str(pid).encode() + b"\0")
        return root

    def test_thousands_of_names_stay_under_the_cap(self):
        rules = "group \"{{.Matches.x}}\" { cmdline = {'--name (?P<x>\\d+)'} }\n"
        with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
            root = self.make_tree(folder, 3000)
            with Daemon(proc_root=root, interval="1h", config=rules) as daemon:
                wait_until(lambda: daemon.json("/api/v1/groups")["names"] == 3000)
                wait_until(lambda: len(sizes(daemon)) == 51)
                self.assertEqual(sum(sizes(daemon).values()),
                                 daemon.json("/api/v1/processes")["total"])
                exposed = groups_of(daemon.get("/metrics/process").text)
                self.assertEqual((len(exposed), sum(exposed.values())), (1001, 3000))
                self.check(daemon)


if __name__ == "__main__":
    unittest.main()
