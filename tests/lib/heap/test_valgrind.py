"""Valgrind knows which memory of a heap nobody may touch.

MW_TEST_DEATH is the program test_heap_death of a build without sanitizers.
"""
import os
import subprocess
import unittest

PROGRAM = os.environ["MW_TEST_DEATH"]
SEEN = 9


def under_valgrind(*arguments):
    return subprocess.run(["valgrind", "--quiet", f"--error-exitcode={SEEN}",
                           "--trace-children=no", PROGRAM, *arguments],
                          capture_output=True, text=True, timeout=280)


class Valgrind(unittest.TestCase):
    def test_a_read_of_a_dead_young_object_is_seen(self):
        done = under_valgrind("read")
        self.assertEqual(done.returncode, SEEN, done.stderr)
        self.assertIn("Invalid read of size 8", done.stderr)
        self.assertIn("read_dead_object", done.stderr)

    def test_without_valgrind_nobody_sees_it(self):
        self.assertEqual(subprocess.run([PROGRAM, "read"], timeout=60).returncode, 0)

    def test_the_heap_itself_reads_nothing_that_it_may_not(self):
        done = under_valgrind()
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
