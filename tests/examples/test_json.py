"""The JSON trees of examples/: what is read is printed, in little memory, and after errors.

MW_TEST_JSON is the program.
"""
import json
import os
import re
import subprocess
import unittest

JSON = os.environ["MW_TEST_JSON"]
NO_ROOM = "no room is left below the heap's limit, or the system gave no memory"

# Lines and what is printed for them.
GOOD = [
    ("17", "17"),
    (' [ 1 , -2.5e+3,true,null, "" ]', '[1,-2.5e+3,true,null,""]'),
    ('{"a": {"b": [[], {}]}, "c": "x, \\"y\\" \\\\"}', '{"a":{"b":[[],{}]},"c":"x, \\"y\\" \\\\"}'),
    ("[" * 500 + "]" * 500, "[" * 500 + "]" * 500),
]
WRONG = [
    ("", "error at byte 0: a value is missing"),
    ("[1,]", "error at byte 3: a value is missing"),
    ("[1 2]", "error at byte 3: a comma is missing, or the end"),
    ("[1", "error at byte 2: a comma is missing, or the end"),
    ('{"a" 1}', "error at byte 5: a colon is missing"),
    ("{1:2}", "error at byte 1: a name is missing"),
    ("1 2", "error at byte 2: the line does not end here"),
    ('"a', "error at byte 0: a string has no end"),
    ('"a\\', "error at byte 0: a string has no end"),
    ("[" * 501, "error at byte 500: lists are nested too deep"),
]


def run(lines, *arguments):
    return subprocess.run([JSON, *arguments], input="".join(line + "\n" for line in lines),
                          text=True, capture_output=True, timeout=100)


class Trees(unittest.TestCase):
    def check(self, rows, *arguments):
        done = run([row[0] for row in rows], *arguments)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stdout.splitlines(), [row[1] for row in rows])
        told = re.fullmatch(r"(\d+) of (\d+) bytes in use; (\d+) scavenges; let go (\d+) times\n",
                            done.stderr)
        used, limit, scavenges, let_go = map(int, told.groups())
        self.assertLessEqual(used, limit)
        return scavenges, let_go

    def test_what_is_read_is_printed(self):
        self.assertEqual(self.check(GOOD + WRONG + GOOD)[1], 0)

    def test_a_tree_says_what_the_text_said(self):
        text = json.dumps([{"n": n, "of": [str(n)] * (n % 7)} for n in range(500)])
        self.assertEqual(json.loads(run([text]).stdout), json.loads(text))

    def test_old_documents_make_room_for_new_ones(self):
        line = "[" + ",".join(["10"] * 2000) + "]"
        scavenges, let_go = self.check([(line, line)] * 60)
        self.assertGreater(scavenges, 5)
        self.assertGreater(let_go, 1)

    def test_what_is_too_large_is_told_and_the_next_is_read(self):
        large = "[" + ",".join(["1"] * 30000) + "]"
        done = run(["[1]", large, "[2]"], "1")
        self.assertEqual(done.returncode, 0, done.stderr)
        first, told, last = done.stdout.splitlines()
        self.assertEqual((first, last), ("[1]", "[2]"))
        self.assertRegex(told, r"^error at byte \d+: " + re.escape(NO_ROOM) + "$")

    def test_it_holds_no_address_over_a_call(self):
        self.assertGreater(self.check(GOOD + WRONG, "2", "stress")[0], 500)

    def test_a_limit_that_makes_no_sense_is_told(self):
        done = run([], "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("json: no heap", done.stderr)


if __name__ == "__main__":
    unittest.main()
