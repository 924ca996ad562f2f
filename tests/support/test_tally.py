"""tally.py counts cases as they were, and never turns a failure into nothing."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

TALLY = pathlib.Path(__file__).with_name("tally.py")
CMOCKA = "[ RUN      ] a\n[       OK ] a\n[ RUN      ] b\n[  FAILED  ] b\n[  FAILED  ] 1 test(s)\n[  FAILED  ] b\n"


def tally(*cases):
    """Runs it on a file with these (status, output) pairs; returns the two numbers."""
    rows = "".join(f'<testcase name="t" status="{status}"><system-out>{output}</system-out></testcase>'
                   for status, output in cases)
    with tempfile.NamedTemporaryFile("w", suffix=".xml") as file:
        file.write(f'<?xml version="1.0" encoding="UTF-8"?><testsuite>{rows}</testsuite>')
        file.flush()
        result = subprocess.run([sys.executable, "-B", TALLY, file.name], capture_output=True,
                                text=True)
    return tuple(int(word) for word in result.stdout.split()) or result.returncode


class Tally(unittest.TestCase):
    def test_cmocka(self):
        self.assertEqual(tally(("run", "[ RUN      ] a\n[       OK ] a\n")), (1, 0))
        self.assertEqual(tally(("fail", CMOCKA)), (1, 1))
        self.assertEqual(tally(("fail", "[ RUN      ] a\n")), (0, 1))

    def test_a_skipped_case_has_failed(self):
        self.assertEqual(tally(("run", "[ RUN      ] a\n[  SKIPPED ] a\n")), (0, 1))
        self.assertEqual(tally(("run", "Ran 3 tests in 0.1s\n\nOK (skipped=1)\n")), (2, 1))

    def test_unittest(self):
        self.assertEqual(tally(("run", "Ran 3 tests in 0.1s\n\nOK\n")), (3, 0))
        self.assertEqual(tally(("fail", "Ran 5 tests in 0.1s\n\nFAILED (failures=1, errors=2)\n")),
                         (2, 3))

    def test_a_program_without_cases_is_one(self):
        self.assertEqual(tally(("run", "examined\n")), (1, 0))
        self.assertEqual(tally(("fail", "an offence\n"), ("run", "")), (1, 1))
        self.assertEqual(tally(("notrun", "")), (0, 1))

    def test_a_bad_end_after_good_cases_counts(self):
        self.assertEqual(tally(("fail", "[ RUN      ] a\n[       OK ] a\nSUMMARY: leak\n")), (1, 1))

    def test_bytes_that_xml_does_not_know(self):
        self.assertEqual(tally(("run", "\x01&#1;[ RUN\n")), (1, 0))

    def test_nothing_at_all_is_an_error(self):
        self.assertEqual(tally(), 1)


if __name__ == "__main__":
    unittest.main()
