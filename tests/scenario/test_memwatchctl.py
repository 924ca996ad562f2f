"""memwatchctl asks the real daemon, and says plainly what stands in the way."""
import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from support.ctl import CTL, Impostor, ctl
from support.daemon import Daemon, Frozen, fixture, run, wait_until

OK, FAILED, USAGE, UNREACHABLE = 0, 1, 2, 3


def as_nobody(test):
    """What a command begins with to run as nobody. A build that counts coverage writes its counts
    at the end, into files that are root's: those of this one go elsewhere, and go with the test."""
    counts = tempfile.TemporaryDirectory()
    test.addCleanup(counts.cleanup)
    os.chmod(counts.name, 0o777)
    return ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
            "env", f"GCOV_PREFIX={counts.name}")


def refused(done):
    return done if done.returncode != OK else None


class WithDaemon(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy")).__enter__()
        cls.addClassCleanup(cls.daemon.end)

    def ask(self, *arguments, code=OK, **options):
        done = ctl(*arguments, "--socket", self.daemon.socket, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        if code == OK:
            self.assertEqual(done.stderr, "")
        return done.stdout if code == OK else done.stderr


class Targets(unittest.TestCase):
    """Names of machines as file_sd; needs no daemon."""

    def targets(self, *arguments, code=OK, stdin=""):
        done = ctl("targets", *arguments, stdin=stdin)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stdout == "", code != OK, "all of it or nothing")
        return json.loads(done.stdout) if code == OK else done.stderr

    def test_from_the_line(self):
        self.assertEqual(self.targets("db1", "db2:80", "--label", "role=x", "--label", "env=y"),
                         [{"targets": ["db1:9636", "db2:80"], "labels": {"role": "x", "env": "y"}}])
        self.assertEqual(self.targets("db1"), [{"targets": ["db1:9636"]}])

    def test_from_a_file_and_from_standard_input(self):
        lines = "# all of them\ndb1 db2:80\n\n[::1]  # this one\r\nlast"
        wanted = ["db1:9636", "db2:80", "[::1]:9636", "last:9636"]
        self.assertEqual(self.targets(stdin=lines)[0]["targets"], wanted)
        self.assertEqual(self.targets("--file", "-", stdin=lines)[0]["targets"], wanted)
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(lines)
            file.flush()
            self.assertEqual(self.targets("first", "--file", file.name)[0]["targets"],
                             ["first:9636", *wanted])

    def test_what_is_wrong_is_told_with_its_place(self):
        said = self.targets("db1", "http://db2", code=USAGE)
        self.assertIn('targets: name 2: "http://db2": only HOST or HOST:PORT is taken', said)
        said = self.targets(code=USAGE, stdin="db1\n\ndb2:0 db3:x\n")
        self.assertIn('targets: standard input line 3: "db2:0": a port is', said)
        self.assertIn('targets: standard input line 3: "db3:x": a port is', said)
        self.assertIn("targets: and 10 more", self.targets(*["a:0"] * 30, code=USAGE))
        self.assertIn("given before",
                      self.targets("a", "--label", "a=b", "--label", "a=c", code=USAGE))

    def test_no_names_are_no_list_without_machines(self):
        """What makes the list may have failed; Prometheus would stop to look at any machine."""
        self.assertIn("standard input: has no names in it", self.targets(code=FAILED))
        self.assertIn("has no names in it", self.targets("--file", "/dev/null", code=FAILED))
        self.assertIn("/nowhere: No such file", self.targets("--file", "/nowhere", code=FAILED))
        self.assertIn("Is a directory", self.targets("--file", "/tmp", code=FAILED))

    def test_a_hundred_thousand_machines(self):
        names = "".join(f"host{i}.example.net\n" for i in range(100000))
        found = self.targets(stdin=names)[0]["targets"]
        self.assertEqual((len(found), found[-1]), (100000, "host99999.example.net:9636"))
        self.assertIn("longer than 16 MiB", self.targets(code=FAILED, stdin=names * 8))


class Tables(WithDaemon):
    def test_memory_shows_the_numbers_of_the_daemon(self):
        shown = dict(re.findall(r"^(.+?)  +(\d+)(?:  |$)", self.ask("memory", "--bytes"), re.M))
        memory = self.daemon.json("/api/v1/memory")
        for row, key in (("total", "memTotal"), ("available", "memAvailable"), ("used", "memUsed"),
                         ("swap", "swapTotal"), ("swap used", "swapUsed")):
            self.assertEqual(int(shown[row]), memory["system"][key], row)

    def test_what_is_unknown_is_said_and_is_not_0(self):
        with Daemon(proc_root=fixture("old_kernel")) as daemon:
            text = ctl("memory", "--socket", daemon.socket).stdout
        self.assertRegex(text, r"(?m)^available +unknown +unsupported$")
        self.assertIn("pressure: unknown", text)

    def test_processes_come_sorted_and_limited(self):
        rows = self.ask("processes", "--bytes", "--limit", "3").splitlines()
        self.assertRegex(rows[0], r"^ *PID +RSS +GROWTH")
        sizes = [int(row.split()[1]) for row in rows[1:4]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        total = self.daemon.json("/api/v1/processes?limit=0")["total"]
        self.assertEqual(rows[4], f"3 of {total}; --limit shows more")

    def test_query_words_are_those_of_http(self):
        pids = [row.split()[0] for row in
                self.ask("processes", "--sort", "startTimeMs", "--order", "asc", "--limit", "4")
                .splitlines()[1:5]]
        document = self.daemon.json("/api/v1/processes?sort=startTimeMs&order=asc&limit=4")
        self.assertEqual([int(pid) for pid in pids], [row["pid"] for row in document["processes"]])
        self.assertEqual(len(self.ask("processes", "--pid", "1").splitlines()), 2)
        self.assertEqual(len(self.ask("processes", "--name", "no such & thing?").splitlines()), 1)

    def test_a_wrong_query_word_is_wrong_usage(self):
        self.assertIn("sort", self.ask("processes", "--sort", "beauty", code=USAGE))

    def test_names_cannot_steer_the_terminal(self):
        with Daemon(proc_root=fixture("hostile_names")) as daemon:
            text = ctl("processes", "--socket", daemon.socket).stdout
        self.assertNotRegex(text, r"[\x00-\x09\x0b-\x1f\x7f]")
        self.assertGreater(len(text.splitlines()), 5)

    def test_status_is_one_line(self):
        self.assertRegex(self.ask("status"), r"^ok: \d+ processes, [\d.]+ GiB of [\d.]+ GiB "
                                             r"available, sample [\d.]+ s ago, at \S+\n$")

    def test_json_is_what_the_daemon_gives(self):
        memory = json.loads(self.ask("memory", "--json"))
        self.assertEqual(memory["totalmem"], self.daemon.json("/api/v1/memory")["totalmem"])
        listing = json.loads(self.ask("--json", "processes", "--limit", "2"))
        self.assertEqual(len(listing["processes"]), 2)
        status = json.loads(self.ask("status", "--json"))
        self.assertEqual(status["status"], "ok")
        self.assertEqual(status["totalmem"], memory["totalmem"])
        self.assertIn("keep-fds", json.loads(self.ask("config", "dump", "--json")))
        json.loads(self.ask("reload", "--json"))
        for line in self.ask("top", "--json", "--count", "2", "--interval", "100ms").splitlines():
            self.assertIn("processes", json.loads(line))

    def test_no_colour_in_a_pipe(self):
        for verb in ("memory", "processes", "status"):
            self.assertNotIn("\x1b", self.ask(verb))
        self.assertNotIn("\x1b", self.ask("top", "--count", "1"))

    def test_the_url_is_asked_instead(self):
        done = ctl("status", "--url", f"http://127.0.0.1:{self.daemon.port}")
        self.assertEqual(done.returncode, OK, done.stderr)
        done = ctl("status", "--url", f"http://localhost:{self.daemon.port}/")
        self.assertEqual(done.returncode, OK, done.stderr)

    def test_the_socket_of_the_environment_is_found(self):
        done = ctl("status", environment={"MEMWATCHD_SOCKET": self.daemon.socket})
        self.assertEqual(done.returncode, OK, done.stderr)


class Administration(WithDaemon):
    def test_the_configuration_that_runs_is_shown_with_origins(self):
        text = self.ask("config", "dump")
        self.assertIn(f'socket = "{self.daemon.socket}"  # {self.daemon.config}:3\n', text)
        self.assertIn("keep-fds = 2000  # default\n", text)

    def test_reload_says_what_came_of_it(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            daemon.configure("keep-fds = 17\n")
            done = ctl("reload", "--socket", daemon.socket)
            self.assertEqual((done.returncode, done.stdout), (OK, f"reloaded: {daemon.socket}\n"))
            self.assertIn("keep-fds = 17", ctl("config", "dump", "--socket", daemon.socket).stdout)
            daemon.configure("keep-fds = many\n")
            done = ctl("reload", "--socket", daemon.socket)
            self.assertNotEqual(done.returncode, OK)
            self.assertIn(f"{daemon.config}:6: keep-fds", done.stderr)
            daemon.configure("".join(f"wrong-{i} = {i}\n" for i in range(30)))
            done = ctl("reload", "--socket", daemon.socket)
            for i in range(30):
                self.assertIn(f"{daemon.config}:{6 + i}: wrong-{i}: no such key", done.stderr)
                daemon.wait_for_line(f":{6 + i}: wrong-{i}: no such key$")

    def test_check_judges_as_the_daemon_does(self):
        """Also what stands outside the file, as a token file that is not there."""
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory) / "m.conf"
            for text, code in (("keep-fds = 5\n", OK), ("keep-fds = x\nno = 1\n", USAGE),
                               ('token-file = "/nowhere"\n', USAGE)):
                path.write_text(text)
                done = ctl("config", "check", "--config", str(path))
                theirs = run("--check-config", "--config", str(path))
                self.assertEqual(done.returncode, code)
                self.assertEqual(done.returncode, theirs.returncode)
                self.assertEqual(done.stderr, theirs.stderr)
            path.write_text("keep-fds = x\nno = 1\n")
            done = ctl("config", "check", "--config", str(path), "--json")
            verdict = json.loads(done.stdout)
            self.assertEqual((done.returncode, verdict["errors"]), (USAGE, 2))
            self.assertIn(":2: no: ", verdict["text"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to ask as others")
    def test_a_role_that_is_refused_is_explained(self):
        os.chmod(self.daemon.directory, 0o755)
        for words in (["reload"], ["config", "dump"]):
            done = subprocess.run([*as_nobody(self), CTL, *words, "--socket", self.daemon.socket],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stdout), (FAILED, ""), done.stderr)
            self.assertIn("refused", done.stderr)
            self.assertIn("group memwatchd", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to ask as others")
    def test_it_is_useful_without_root(self):
        os.chmod(self.daemon.directory, 0o755)
        for words in (["memory"], ["processes"], ["status"], ["top", "--count", "1"]):
            done = subprocess.run([*as_nobody(self), CTL, *words, "--socket", self.daemon.socket],
                                  capture_output=True, text=True, timeout=30)
            self.assertEqual((done.returncode, done.stderr), (OK, ""))

    def test_a_token_goes_along_with_the_url(self):
        with tempfile.TemporaryDirectory() as directory:
            tokens = pathlib.Path(directory) / "tokens"
            tokens.write_text("admin tell-me-everything-now\nread look-only-at-readings\n")
            tokens.chmod(0o600)
            mine = pathlib.Path(directory) / "mine"
            with Daemon(proc_root=fixture("healthy"), config=f'token-file = "{tokens}"\n') as daemon:
                url = f"http://127.0.0.1:{daemon.port}"
                for token, code in (("tell-me-everything-now", OK),
                                    ("look-only-at-readings", FAILED)):
                    mine.write_text(token + "\n")
                    done = ctl("reload", "--url", url, "--token-file", str(mine))
                    self.assertEqual(done.returncode, code, done.stderr)
                self.assertEqual(ctl("reload", "--url", url).returncode, FAILED)
            for text in ("", "two words\n", "x" * 256):
                mine.write_text(text)
                done = ctl("status", "--url", "http://127.0.0.1:1", "--token-file", str(mine))
                self.assertEqual(done.returncode, USAGE)
                self.assertIn("--token-file", done.stderr)
            self.assertEqual(ctl("status", "--token-file", directory + "/none").returncode, USAGE)


class Doctor(WithDaemon):
    """What can be read here is said as it is, with and without a daemon."""

    def look(self, *arguments, wrapper=()):
        done = subprocess.run([*wrapper, CTL, "doctor", "--json", *arguments], capture_output=True,
                              text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        return json.loads(done.stdout)

    def test_it_needs_no_daemon_and_says_nothing_of_one(self):
        done = ctl("doctor", "--socket", "/none.sock")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        self.assertNotIn("memwatchd at", done.stdout)
        self.assertIsNone(self.look("--socket", "/none.sock")["daemon"])

    def test_the_report_is_about_who_looks(self):
        report = self.look("--socket", "/none.sock")
        self.assertEqual(list(report), ["pid", "uid", "kernel", "capabilities", "rows", "daemon"])
        self.assertEqual((report["uid"], report["kernel"]), (os.geteuid(), os.uname().release))
        rows = {row["id"]: row for row in report["rows"]}
        for row in report["rows"]:
            self.assertEqual(list(row), ["id", "what", "outcome", "reason", "remedy"])
            self.assertIn(row["outcome"], ("yes", "partly", "no", "unknown"))
            if row["outcome"] in ("no", "partly"):
                self.assertTrue(row["reason"] and row["remedy"], row)
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        self.assertIn(str(hard), rows["open_files"]["reason"])
        self.assertEqual(rows["meminfo"]["outcome"], "yes")

    def test_the_table_shows_every_row(self):
        text = ctl("doctor", "--socket", "/none.sock").stdout
        self.assertRegex(text, rf"^Linux \S+, as uid {os.geteuid()} \(pid \d+\), ")
        self.assertRegex(text, r"(?m)^WHAT +HERE +WHY AND WHAT CHANGES IT$")
        # Processes of others, which some rows need, may come and go between the two questions.
        wait_until(self.shows_every_row)

    def shows_every_row(self):
        text = ctl("doctor", "--socket", "/none.sock").stdout
        return all(re.search(f"(?m)^{re.escape(row['what'])}  +{row['outcome']}  +\\S", text)
                   for row in self.look("--socket", "/none.sock")["rows"])

    @unittest.skipUnless(os.geteuid() == 0, "needs root to ask as others")
    def test_nobody_is_told_what_nobody_lacks(self):
        wrapper = as_nobody(self)
        report = self.look("--socket", "/none.sock", wrapper=wrapper)
        rows = {row["id"]: row for row in report["rows"]}
        self.assertEqual((report["uid"], report["capabilities"]), (65534, []))
        self.assertEqual(rows["smaps_rollup"]["outcome"], "no")
        self.assertIn("CAP_SYS_PTRACE", rows["smaps_rollup"]["remedy"])
        limited = ("prlimit", "--nofile=100:100", *wrapper)
        rows = {row["id"]: row for row in self.look("--socket", "/none.sock", wrapper=limited)["rows"]}
        self.assertEqual(rows["open_files"]["outcome"], "no")
        self.assertIn("a limit of 2352", rows["open_files"]["remedy"])

    def test_a_daemon_says_what_it_could_not_read(self):
        text = self.ask("doctor")
        absent = self.daemon.json("/api/v1/system").get("absent", {})
        count = list(absent.values()).count("unsupported")
        self.assertIn(f"memwatchd at {self.daemon.socket}: ", text)
        self.assertIn(f"{count} are not offered here (unsupported)", text)
        self.assertRegex(text, r"absent since its start, over all samples: \d+ denied, \d+ vanished")
        self.assertEqual(self.look("--socket", self.daemon.socket)["daemon"]["address"],
                         self.daemon.socket)
        # A reading may become stale between the two questions, on a busy machine.
        wait_until(lambda: self.look("--socket", self.daemon.socket)["daemon"]["absent"] ==
                   self.daemon.json("/api/v1/system").get("absent", {}))

    def test_whatever_answers_the_report_comes(self):
        answers = (b"SSH-2.0\r\n\r\n", b"HTTP/1.1 404 No\r\n\r\n{}", b"HTTP/1.1 200 OK\r\n\r\n[1]",
                   b"HTTP/1.1 200 OK\r\n\r\n{", b'HTTP/1.1 200 OK\r\n\r\n{"absent":3}',
                   b'HTTP/1.1 200 OK\r\n\r\n{"absent":{"a\\u001b[31m":"denied","b":"\\u0007","c":1}}')
        for answer in answers:
            with Impostor(answer) as other:
                done = ctl("doctor", "--url", other.url)
                self.assertEqual((done.returncode, done.stderr), (OK, ""), answer)
                self.assertNotRegex(done.stdout, r"[\x00-\x09\x0b-\x1f\x7f]")
                self.look("--url", other.url)
        with Impostor(b"", silent=True) as other:
            done = ctl("doctor", "--url", other.url, "--timeout", "300ms")
            self.assertEqual((done.returncode, done.stderr), (OK, ""))


class Trouble(unittest.TestCase):
    def one_sentence(self, done, code, *words):
        self.assertEqual((done.returncode, done.stdout), (code, ""), done.stderr)
        self.assertEqual(done.stderr.count("\n"), 1, done.stderr)
        self.assertTrue(done.stderr.startswith("memwatchctl: "))
        for word in words:
            self.assertIn(word, done.stderr)

    def test_nobody_there(self):
        with tempfile.TemporaryDirectory() as directory:
            path = directory + "/none.sock"
            for verb in (["memory"], ["processes"], ["status"], ["top"], ["reload"],
                         ["config", "dump"]):
                self.one_sentence(ctl(*verb, "--socket", path), UNREACHABLE, path,
                                  "systemctl start memwatchd")
        self.one_sentence(ctl("status", "--url", "http://127.0.0.1:1"), UNREACHABLE,
                          "http://127.0.0.1:1")

    def test_somebody_else_there(self):
        with Impostor(b"SSH-2.0-OpenSSH_9.2\r\n\r\n") as other:
            self.one_sentence(ctl("memory", "--url", other.url), UNREACHABLE, "no HTTP", other.url)
        with Impostor(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{") as other:
            self.one_sentence(ctl("memory", "--url", other.url), UNREACHABLE, "cut off")
        with Impostor(b"HTTP/1.1 200 OK\r\n\r\n[1]") as other:
            self.one_sentence(ctl("memory", "--url", other.url), FAILED, "not memwatchd")

    def test_nobody_answers(self):
        with Impostor(b"", silent=True) as other:
            begin = time.monotonic()
            self.one_sentence(ctl("memory", "--url", other.url, "--timeout", "300ms"), UNREACHABLE,
                              "--timeout")
            self.assertLess(time.monotonic() - begin, 10)

    def test_an_older_daemon(self):
        with Impostor(b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}") as other:
            self.one_sentence(ctl("memory", "--url", other.url), FAILED, "older", "/api/v1/memory")

    def test_a_daemon_whose_collector_is_stuck_is_not_ready(self):
        with Daemon() as daemon, Frozen(daemon.collector()):
            done = wait_until(lambda: refused(ctl("status", "--socket", daemon.socket)))
            self.assertEqual(done.returncode, FAILED)
            self.assertRegex(done.stdout, r"^not ready: .+\n$")
            done = ctl("status", "--json", "--socket", daemon.socket)
            said = json.loads(done.stdout)
            self.assertEqual((done.returncode, said["status"]), (FAILED, "not ready"))
            self.assertIsNone(said["freemem"])
            text = ctl("memory", "--socket", daemon.socket).stdout
            self.assertRegex(text, r"(?m)^available +unknown +stale$")

    def test_a_reader_that_has_gone(self):
        with Daemon() as daemon:
            reader, writer = os.pipe()
            os.close(reader)
            done = subprocess.run([CTL, "processes", "--socket", daemon.socket], stdout=writer,
                                  stderr=subprocess.PIPE, text=True, timeout=30)
            os.close(writer)
        self.assertEqual(done.returncode, FAILED)
        self.assertEqual(done.stderr, "memwatchctl: standard output: its reader has gone before the "
                                      "end\n")

    def test_a_full_disk(self):
        with Daemon() as daemon, open("/dev/full", "w", encoding="utf-8") as full:
            done = subprocess.run([CTL, "memory", "--socket", daemon.socket], stdout=full,
                                  stderr=subprocess.PIPE, text=True, timeout=30)
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("No space left", done.stderr)

    def test_wrong_words(self):
        for arguments in ([], ["see"], ["memory", "--nothing"], ["memory", "--limit", "3"],
                          ["record"], ["config", "look"], ["status", "--url", "https://h"],
                          ["status", "--socket", "/" + "x" * 107], ["doctor", "x"],
                          ["doctor", "--url", "ftp://h"]):
            self.one_sentence(ctl(*arguments), USAGE)


class Record(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "run.rec"

    def test_what_is_recorded_plays_in_the_daemon(self):
        done = ctl("record", str(self.path), "--count", "3", "--interval", "100ms", "--json")
        self.assertEqual((done.returncode, done.stderr), (OK, ""))
        said = json.loads(done.stdout)
        self.assertEqual((said["samples"], said["bytes"]), (3, self.path.stat().st_size))
        played = run("--replay", str(self.path), "--once")
        self.assertEqual(played.returncode, 0, played.stderr)
        self.assertNotIn("warning", played.stderr)
        sample = json.loads(played.stdout)
        self.assertIn(os.getpid(), [row["pid"] for row in sample["processes"]])
        self.assertGreater(sample["totalmem"], 0)

    def test_it_goes_on_until_it_is_interrupted(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            process = subprocess.Popen([CTL, "record", str(self.path), "--interval", "100ms"],
                                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            wait_until(lambda: self.path.exists() and self.path.stat().st_size > 0)
            time.sleep(0.3)
            process.send_signal(number)
            said, complaints = process.communicate(timeout=20)
            self.assertEqual((process.returncode, complaints), (OK, ""))
            self.assertRegex(said, r"run\.rec: \d+ samples, [\d.]+ KiB; ")
            self.assertEqual(run("--replay", str(self.path), "--once").returncode, 0)
            self.path.unlink()

    def test_a_file_that_is_there_is_left_alone(self):
        self.path.write_text("precious")
        done = ctl("record", str(self.path), "--count", "1")
        self.assertEqual(done.returncode, FAILED)
        self.assertIn("already there", done.stderr)
        self.assertEqual(self.path.read_text(), "precious")

    def record_into(self, size):
        """How many samples found room."""
        done = ctl("record", str(self.path), "--interval", "100ms", preexec_fn=lambda:
                   resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)))
        self.assertEqual(done.returncode, FAILED)
        self.assertRegex(done.stderr, r"the recording ends after \d+ samples: File too large")
        return int(re.search(r"after (\d+)", done.stderr).group(1))

    def test_a_disk_that_is_full_leaves_what_was_whole(self):
        first = self.path.with_name("first.rec")
        self.assertEqual(ctl("record", str(first), "--count", "1").returncode, OK)
        size = first.stat().st_size * 3 // 2  # room for one, and for some that say what has changed
        samples = self.record_into(size)
        if samples == 0:  # as many processes have been born since
            self.path.unlink(missing_ok=True)
            size *= 8
            samples = self.record_into(size)
        self.assertGreater(samples, 0)
        self.assertLessEqual(self.path.stat().st_size, size)
        played = run("--replay", str(self.path), "--once")
        self.assertEqual(played.returncode, 0, played.stderr)
        self.assertIn(f"{samples} beats", played.stderr)
        self.assertNotIn("warning", played.stderr)


if __name__ == "__main__":
    unittest.main()
