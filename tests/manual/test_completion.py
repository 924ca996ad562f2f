"""Completion in bash, zsh and fish offers what the tables have, where it can stand, and no more.

MW_TEST_CTL and MW_TEST_BIN are the programs, MW_TEST_COMPLETION is the folder of the built scripts.
"""
import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from support.shells import Bash, Fish, Zsh

CTL, DAEMON = os.environ["MW_TEST_CTL"], os.environ["MW_TEST_BIN"]
BUILT = pathlib.Path(os.environ["MW_TEST_COMPLETION"])
SCRIPTS = {"bash": "bash/memwatchctl", "zsh": "zsh/_memwatchctl", "fish": "fish/memwatchctl.fish"}


def said_by(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    return done.stdout


def options_in(text):
    return set(re.findall(r"^  (--[a-z-]+)", text, re.M))


def verbs():
    text = said_by(CTL, "--help")
    return set(re.findall(r"^  ([a-z]+)", text[text.index("\nVerbs:"):], re.M))


class Offers:
    """The promises that hold in every shell; `shell` is made by the class below."""

    def setUp(self):
        made = tempfile.TemporaryDirectory()
        self.addCleanup(made.cleanup)
        self.folder = pathlib.Path(made.name)
        (self.folder / "incident.mwr").touch()
        (self.folder / "inner").mkdir()
        self.shell = self.make(str(self.folder))
        self.addCleanup(self.shell.close)

    def offers(self, line):
        """Words without the option that they are joined to, files without the folder's slash."""
        return {word.split("=")[-1].rstrip("/") for word in self.shell.offers(line)}

    def test_all_verbs(self):
        self.assertEqual(self.offers("memwatchctl "), verbs())

    def test_a_verb_that_was_begun(self):
        self.assertEqual(self.offers("memwatchctl pro"), {"processes"})

    def test_each_verb_has_the_options_of_its_help(self):
        for verb in sorted(verbs()):
            with self.subTest(verb):
                wanted = options_in(said_by(CTL, verb, "--help"))
                self.assertEqual(self.offers(f"memwatchctl {verb} --"), wanted)

    def test_options_in_front_of_the_verb(self):
        self.assertEqual(self.offers("memwatchctl --"), options_in(said_by(CTL, "--help")))
        self.assertEqual(self.offers("memwatchctl --json conf"), {"config"})

    def test_the_value_of_an_option_is_no_verb(self):
        self.assertEqual(self.offers("memwatchctl --name top conf"), {"config"})
        self.assertEqual(self.offers("memwatchctl --name=top conf"), {"config"})
        self.assertEqual(self.offers("memwatchctl --url http://[::1]:9636 conf"), {"config"})

    def test_operands(self):
        self.assertEqual(self.offers("memwatchctl config "), {"check", "dump"})
        self.assertEqual(self.offers("memwatchctl --json config "), {"check", "dump"})
        self.assertEqual(self.offers("memwatchctl completion "), {"bash", "zsh", "fish"})
        self.assertEqual(self.offers("memwatchctl config check ch"), set())

    def test_words_of_options(self):
        self.assertEqual(self.offers("memwatchctl processes --order "), {"asc", "desc"})
        self.assertEqual(self.offers("memwatchctl processes --order="), {"asc", "desc"})
        self.assertEqual(self.offers("memwatchctl processes --order=de"), {"desc"})
        self.assertEqual(self.offers("memwatchctl top --sort gro"), {"growth"})

    def test_files_where_files_are_taken(self):
        self.assertEqual(self.offers("memwatchctl record inc"), {"incident.mwr"})
        self.assertEqual(self.offers("memwatchctl config check --config inc"), {"incident.mwr"})
        self.assertEqual(self.offers("memwatchd --replay inc"), {"incident.mwr"})
        self.assertEqual(self.offers("memwatchctl heap snapshot inc"), {"incident.mwr"})
        self.assertEqual(self.offers("memwatchctl heap diff a inc"), {"incident.mwr"})

    def test_folders_where_folders_are_taken(self):
        self.assertEqual(self.offers("memwatchd --proc-root in"), {"inner"})

    def test_nothing_where_one_must_know(self):
        for line in ("memwatchctl memory inc", "memwatchctl memory --timeout in",
                     "memwatchctl memory --url=in", "memwatchctl memory --url http://in",
                     "memwatchctl heap inc", "memwatchctl heap spaces inc",
                     "memwatchctl heap collect inc",
                     "memwatchd --interval in", "memwatchd in"):
            with self.subTest(line):
                self.assertEqual(self.offers(line), set())

    def test_the_daemons_flags(self):
        self.assertEqual(self.offers("memwatchd --"), options_in(said_by(DAEMON, "--help")))


class InBash(Offers, unittest.TestCase):
    def make(self, folder):
        return Bash(str(BUILT / SCRIPTS["bash"]), folder)

    def test_at_a_terminal(self):
        self.assertEqual(self.shell.completes("memwatchctl proc"), ["processes"])
        self.assertEqual(self.shell.completes("memwatchctl processes --ord"),
                         ["processes", "--order"])
        self.assertEqual(self.shell.completes("memwatchctl processes --order=d"),
                         ["processes", "--order=desc"])

    def test_files_at_a_terminal(self):
        (self.folder / "with blank.mwr").touch()
        self.assertEqual(self.shell.completes("memwatchctl record with"),
                         ["record", "with blank.mwr"])
        self.assertEqual(self.shell.completes("memwatchctl config check --config=inc"),
                         ["config", "check", "--config=incident.mwr"])
        self.assertEqual(self.shell.completes("memwatchctl memory inc"), ["memory", "inc"])

    def test_shellcheck_has_no_complaint(self):
        # 2034: what a function sets for its caller looks unused.
        done = subprocess.run(["shellcheck", "--shell=bash", "--exclude=SC2034",
                               str(BUILT / SCRIPTS["bash"])], capture_output=True, text=True,
                              timeout=60)
        self.assertEqual(done.stdout + done.stderr, "")


class InBashThatCutsAtBlanksOnly(Offers, unittest.TestCase):
    """= and : taken out of COMP_WORDBREAKS."""

    def make(self, folder):
        return Bash(str(BUILT / SCRIPTS["bash"]), folder, breaks="")


class InZsh(Offers, unittest.TestCase):
    def make(self, folder):
        return Zsh(str(BUILT / SCRIPTS["zsh"]), folder)


class InFish(Offers, unittest.TestCase):
    def make(self, folder):
        return Fish(str(BUILT / SCRIPTS["fish"]), folder)


class Scripts(unittest.TestCase):
    def test_what_is_installed_is_what_is_printed(self):
        for shell, path in SCRIPTS.items():
            with self.subTest(shell):
                self.assertEqual((BUILT / path).read_text(), said_by(CTL, "completion", shell))

    def test_the_daemon_has_them_under_its_name(self):
        for path, other in (("bash/memwatchctl", "bash/memwatchd"),
                            ("fish/memwatchctl.fish", "fish/memwatchd.fish")):
            self.assertEqual((BUILT / other).read_text(), (BUILT / path).read_text())


if __name__ == "__main__":
    unittest.main()
