"""The examples of the containers print what their comments promise."""
import os
import subprocess
import unittest

HISTORY = """\
0 4096000 4278272 4460544
900 denied
1800 gap
2700 denied
"""
CONTAINERS = """\
one object: 1
evicted: 1
full: 1
late: 1
"""


def run(program):
    done = subprocess.run([os.environ[program]], capture_output=True, text=True, timeout=60)
    if done.returncode:
        raise AssertionError(f"{program}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Store(unittest.TestCase):
    def test_history_tells_numbers_from_absences_and_gaps(self):
        self.assertEqual(run("MW_TEST_HISTORY"), HISTORY)

    def test_containers_keep_their_bounds_and_tell_of_them(self):
        said = run("MW_TEST_CONTAINERS")
        self.assertTrue(said.startswith(CONTAINERS), said)
        cache, queue, names = said[len(CONTAINERS):].splitlines()
        self.assertIn("cache: entries=2 limit=2 ", cache)
        self.assertIn(" hits=2 misses=1 evictions=1 ", cache)
        self.assertIn("queue: length=2 capacity=2 ", queue)
        self.assertIn(" oldestAgeMs=2 ", queue)
        self.assertIn(" refusedTotal=1 ", queue)
        self.assertNotIn("enqueueRate", queue)  # no whole second has passed: not known, not 0
        self.assertIn("cache: entries=5 limit=100 ", names)


if __name__ == "__main__":
    unittest.main()
