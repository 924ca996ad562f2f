"""Flags, the configuration's sources and their order, and what wrong ones are told."""
import json
import os
import pathlib
import re
import tempfile
import unittest

from support.daemon import ROOT, Daemon, fixture, run

ERROR = re.compile(r"^(?P<file>[^:]+):(?P<line>\d+): (?P<key>[a-z-]+): (?P<text>.+)$")


class WithDirectory(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = pathlib.Path(directory.name)
        self.path = self.directory / "memwatchd.conf"

    def write(self, text, name=None):
        path = self.directory / name if name else self.path
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return path

    def effective(self, key, *arguments, environment=None):
        """The value of a key in --dump-config and the comment with its origin."""
        result = run("--dump-config", "--config", str(self.path), *arguments,
                     environment=environment)
        self.assertEqual(result.returncode, 0, result.stderr)
        line = re.search(rf"^{key} *= *(.*)$", result.stdout, re.MULTILINE).group(1)
        return line


class Programs(unittest.TestCase):
    def test_version(self):
        result = run("--version")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertRegex(result.stdout, r"^memwatchd \d+\.\d+\.\d+\n$")

    def test_help_goes_to_stdout(self):
        result = run("--help")
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        for flag in ("--config", "--listen", "--socket", "--proc-root", "--state-dir", "--interval",
                     "--once", "--record", "--replay", "--check-config", "--dump-config",
                     "--version", "--help"):
            self.assertIn(flag, result.stdout)

    def test_wrong_flags_are_named_and_end_with_2(self):
        for arguments, word in ((["--no-such"], "--no-such"), (["stray"], "stray"),
                                (["--config"], "--config"), (["--once=yes"], "--once"),
                                (["--replay", "a", "--speed", "fast"], "--speed"),
                                (["--speed", "2"], "--replay"),
                                (["--once", "--check-config"], "--once")):
            with self.subTest(arguments):
                result = run(*arguments)
                self.assertEqual((result.returncode, result.stdout), (2, ""))
                self.assertIn(word, result.stderr)
                self.assertEqual(result.stderr.count("\n"), 1)

    def test_bad_values_of_flags(self):
        for flag, value in (("--interval", "1"), ("--interval", "99ms"), ("--interval", "61m"),
                            ("--listen", "localhost:80"), ("--listen", "127.0.0.1:65536"),
                            ("--socket", "relative"), ("--socket", "/" + 107 * "x")):
            with self.subTest(flag, value=value):
                result = run(flag, value, "--check-config", "--config", os.devnull)
                self.assertEqual(result.returncode, 2)
                self.assertIn(flag, result.stderr)

    def test_a_proc_root_that_is_none(self):
        result = run("--once", "--proc-root", "/nowhere/at/all")
        self.assertNotEqual(result.returncode, 0)
        self.assertEqual(result.stdout, "")
        self.assertIn("/nowhere/at/all", result.stderr)


class Check(WithDirectory):
    def test_the_shipped_file_is_right_and_says_every_default(self):
        shipped = ROOT / "conf" / "memwatchd.conf"
        result = run("--check-config", "--config", str(shipped))
        self.assertEqual(result.returncode, 0, result.stderr)

        def values(*arguments):
            text = run("--dump-config", *arguments).stdout
            return re.findall(r"^([a-z-]+ *= *[^#\n]*?) *(?:#.*)?$", text, re.MULTILINE)

        self.assertEqual(values("--config", str(shipped)), values("--config", os.devnull))
        self.assertGreater(len(values("--config", os.devnull)), 10)

    def test_every_error_is_listed_with_its_place(self):
        self.write("interval = 1s\nkeep-fds = many\nno-such = 1\n\nmax-streams = 1025\n"
                   'listen = {"nowhere"}\n')
        result = run("--check-config", "--config", str(self.path))
        self.assertEqual((result.returncode, result.stdout), (2, ""))
        errors = [ERROR.match(line) for line in result.stderr.splitlines()]
        self.assertNotIn(None, errors, result.stderr)
        self.assertEqual([(error["line"], error["key"]) for error in errors],
                         [("2", "keep-fds"), ("3", "no-such"), ("5", "max-streams"),
                          ("6", "listen")])
        for error in errors:
            self.assertEqual(error["file"], str(self.path))
        self.assertIn("0 to 1000000", errors[0]["text"])
        self.assertIn("0 to 1024", errors[2]["text"])

    def test_limits_of_numbers(self):
        for key, good, bad in (("interval", ("100ms", "1h"), ("99ms", "3601s")),
                               ("keep-fds", ("0", "1000000"), ("-1", "1000001")),
                               ("max-connections", ("32", "4096"), ("31", "4097")),
                               ("max-body-bytes", ("1MB", "1GB"), ("1048575", "1073741825"))):
            for value in good:
                self.write(f"{key} = {value}\n")
                result = run("--check-config", "--config", str(self.path))
                self.assertEqual(result.returncode, 0, f"{key} = {value}: {result.stderr}")
            for value in bad:
                self.write(f"{key} = {value}\n")
                result = run("--check-config", "--config", str(self.path))
                self.assertEqual(result.returncode, 2, f"{key} = {value}")
                self.assertIn(f"{self.path}:1: {key}: ", result.stderr)

    def test_a_missing_file_is_an_error_when_it_was_named(self):
        result = run("--check-config", "--config", "/nowhere/memwatchd.conf")
        self.assertEqual(result.returncode, 2)
        self.assertIn("/nowhere/memwatchd.conf", result.stderr)

    def test_an_address_for_everyone_needs_a_token(self):
        self.write('listen = {"0.0.0.0:0"}\n')
        result = run("--check-config", "--config", str(self.path))
        self.assertEqual(result.returncode, 2)
        self.assertIn("listen", result.stderr)
        self.assertIn("token-file", result.stderr)
        self.write('listen = {"0.0.0.0:0"}\ninsecure = true\n')
        self.assertEqual(run("--check-config", "--config", str(self.path)).returncode, 0)

    def test_what_only_the_daemon_can_judge_has_its_place_too(self):
        self.write('\ntoken-file = "/nowhere/tokens"\n')
        result = run("--check-config", "--config", str(self.path))
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"{self.path}:2: token-file: /nowhere/tokens: ", result.stderr)
        result = run("--check-config", "--config", str(self.path),
                     environment={"MEMWATCHD_TOKEN_FILE": "/elsewhere"})
        self.assertRegex(result.stderr, "^MEMWATCHD_TOKEN_FILE: /elsewhere: ")

    def test_the_daemon_does_not_start_with_errors(self):
        self.write("keep-fds = many\n")
        result = run("--config", str(self.path))
        self.assertEqual(result.returncode, 2)
        self.assertIn(f"{self.path}:1: keep-fds: ", result.stderr)


class Order(WithDirectory):
    def test_defaults_file_dropins_environment_flags(self):
        self.write("")
        environment = {"MEMWATCHD_INTERVAL": "4s"}
        self.assertRegex(self.effective("interval"), "^1s")
        self.write("interval = 2s\n")
        self.assertRegex(self.effective("interval"), "^2s")
        self.write("interval = 3s\n", "memwatchd.d/10.conf")
        self.assertRegex(self.effective("interval"), "^3s")
        self.write("interval = 3500ms\n", "memwatchd.d/20.conf")
        self.assertRegex(self.effective("interval"), "^3500ms")
        self.assertRegex(self.effective("interval", environment=environment), "^4s")
        self.assertRegex(self.effective("interval", "--interval", "5s", environment=environment),
                         "^5s")

    def test_errors_of_all_sources_come_together(self):
        self.write("keep-fds = a\n")
        self.write("max-streams = b\n", "memwatchd.d/10.conf")
        result = run("--check-config", "--config", str(self.path), "--interval", "c",
                     environment={"MEMWATCHD_HOSTS": '{"'})
        self.assertEqual(result.returncode, 2)
        for word in ("memwatchd.conf:1: keep-fds", "10.conf:1: max-streams", "--interval",
                     "MEMWATCHD_HOSTS"):
            self.assertIn(word, result.stderr)

    def test_a_dump_is_a_configuration_with_the_same_effect(self):
        self.write('interval = 1500ms\nmax-body-bytes = 64MB\nhosts = {"a.example", "b.example"}\n')
        first = run("--dump-config", "--config", str(self.path)).stdout
        again = self.write(first, "again.conf")
        self.assertEqual(run("--check-config", "--config", str(again)).returncode, 0)
        second = run("--dump-config", "--config", str(again)).stdout

        def strip(text):
            return re.sub(r"#.*", "", text)

        self.assertEqual(strip(first).split(), strip(second).split())


class InUse(unittest.TestCase):
    def test_once_prints_json_and_nothing_else(self):
        result = run("--once", "--proc-root", fixture("healthy"))
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        self.assertIn("totalmem", json.loads(result.stdout))

    def test_config_shows_where_each_key_came_from(self):
        with Daemon("--interval", "150ms", proc_root=fixture("healthy")) as daemon:
            answer = daemon.get("/api/v1/config", unix=True)
            self.assertEqual(answer.status, 200, answer.text)
            self.assertIn("--interval", answer.text)
            self.assertIn("150ms", answer.text)
            self.assertIn(str(daemon.config), answer.text)


if __name__ == "__main__":
    unittest.main()
