"""memwatchctl on a terminal: colours, width, and top, which leaves everything as it was."""
import re
import signal
import subprocess
import unittest

from support.ctl import CTL, Terminal
from support.daemon import Daemon, fixture

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"


def rows_of(text):
    """What stands on the screen after the newest drawing, without colours."""
    drawing = text[text.rfind("\x1b[H"):]
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", drawing).split("\r\n")


class OnTerminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy")).__enter__()
        cls.addClassCleanup(cls.daemon.end)

    def terminal(self, columns, rows, *arguments, environment=None):
        terminal = Terminal(columns, rows, *arguments, "--socket", self.daemon.socket,
                            environment=environment)
        self.addCleanup(terminal.__exit__)
        return terminal


class Tables(OnTerminal):
    def shown(self, columns, *arguments, environment=None):
        terminal = self.terminal(columns, 24, *arguments, environment=environment)
        self.assertEqual(terminal.end(), 0)
        return terminal.text

    def test_colours_unless_they_are_not_wanted(self):
        self.assertIn("\x1b[1m", self.shown(80, "processes"))
        self.assertNotIn("\x1b", self.shown(80, "processes", environment={"NO_COLOR": "1"}))
        self.assertIn("\x1b", self.shown(80, "processes", environment={"NO_COLOR": ""}))

    def test_forty_columns_are_enough(self):
        for verb in ("memory", "processes"):
            text = self.shown(40, verb, environment={"NO_COLOR": "1"})
            for line in text.split("\r\n"):
                self.assertLessEqual(len(line), 40, line)
        self.assertIn("columns hidden here: use --json", text)
        self.assertRegex(text, r"PID +RSS +NAME")

    def test_the_doctor_fits_and_paints_its_answers(self):
        for columns in (40, 71, 72, 120):
            text = self.shown(columns, "doctor", environment={"NO_COLOR": "1"})
            lines = text.split("\r\n")
            table = lines[1:lines.index("")] # behind it is what the daemon says
            self.assertGreater(len(table), 24)
            for line in table:
                self.assertLessEqual(len(line), columns, line)
        text = self.shown(80, "doctor")
        self.assertRegex(text, r"\(meminfo\) +\x1b\[32myes\x1b\[0m ")

    def test_sizes_are_for_people(self):
        self.assertRegex(self.shown(80, "memory"), r"[\d.]+ GiB")
        self.assertNotRegex(self.shown(80, "memory", "--bytes"), r"[\d.]+ GiB")


class Top(OnTerminal):
    def test_q_ends_it_and_the_terminal_is_as_before(self):
        terminal = self.terminal(80, 24, "top", "--interval", "100ms")
        terminal.wait_for(lambda text: text.count("\x1b[H") >= 3)
        self.assertTrue(terminal.text.startswith(ENTER))
        self.assertFalse(terminal.is_as_before())
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)
        self.assertTrue(terminal.text.endswith(LEAVE))
        self.assertTrue(terminal.is_as_before())
        self.assertEqual(terminal.stderr(), "")

    def test_signals_end_it_as_well(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            terminal = self.terminal(80, 24, "top", "--interval", "100ms")
            terminal.wait_for(lambda text: "\x1b[H" in text)
            terminal.process.send_signal(number)
            self.assertEqual(terminal.end(), 0)
            self.assertTrue(terminal.text.endswith(LEAVE))
            self.assertTrue(terminal.is_as_before())

    def test_it_fits_and_follows_the_size(self):
        terminal = self.terminal(80, 15, "top", "--interval", "100ms")
        terminal.wait_for(lambda text: text.count("\x1b[J") >= 2)
        rows = rows_of(terminal.text)
        self.assertLessEqual(len(rows), 15)
        self.assertTrue(any(row.lstrip().startswith("PID") for row in rows), rows)
        terminal.text = ""
        terminal.resize(40, 8)
        terminal.wait_for(lambda text: text.count("\x1b[J") >= 2)
        rows = rows_of(terminal.text)
        self.assertLessEqual(len(rows), 8)
        self.assertLessEqual(max(len(row) for row in rows), 40)
        terminal.type("q")
        self.assertEqual(terminal.end(), 0)

    def test_a_daemon_that_goes_away_is_told_when_the_terminal_is_back(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            terminal = Terminal(80, 24, "top", "--interval", "100ms", "--socket", daemon.socket)
            self.addCleanup(terminal.__exit__)
            terminal.wait_for(lambda text: text.count("\x1b[J") >= 2)
        self.assertEqual(terminal.end(), 3)
        self.assertTrue(terminal.text.endswith(LEAVE))
        self.assertTrue(terminal.is_as_before())
        self.assertRegex(terminal.stderr(), "^memwatchctl: cannot reach memwatchd at ")

    def test_in_a_pipe_one_drawing_follows_the_other(self):
        done = subprocess.run([CTL, "top", "--count", "2", "--interval", "100ms", "--socket",
                               self.daemon.socket], capture_output=True, text=True, timeout=30)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(done.stdout.count("OF TOTAL"), 2)
        self.assertNotIn("\x1b", done.stdout)


if __name__ == "__main__":
    unittest.main()
