"""The seeds of the heap's fuzzer, played from standard input, as fuzzers that work by files do.

MW_TEST_SOAK is the program heap_soak, MW_TEST_SEEDS the folder of seeds.
"""
import os
import pathlib
import re
import subprocess
import unittest

SOAK = os.environ["MW_TEST_SOAK"]
SEEDS = [path.read_bytes() for path in sorted(pathlib.Path(os.environ["MW_TEST_SEEDS"]).iterdir())]
SHADOW = (pathlib.Path(__file__).parent / "shadow.c").read_text()
HALVES = 4
MISUSED = 2


def soak(*arguments, data=b""):
    return subprocess.run([SOAK, *arguments], input=data, capture_output=True, timeout=100)


class Soak(unittest.TestCase):
    def test_each_seed_is_played(self):
        for seed in SEEDS:
            with self.subTest(head=seed[:2]):
                done = soak("-", data=seed)
                self.assertEqual((done.returncode, done.stdout + done.stderr), (0, b""))

    def test_what_is_too_short_to_choose_a_mode_is_nothing(self):
        for data in (b"", b"\x00"):
            self.assertEqual(soak("-", data=data).returncode, 0)

    def test_each_mode_and_each_choice_of_halves_has_a_seed(self):
        table = re.search(r"shadow_modes\[\] = \{\n(.*?)\n\};", SHADOW, re.DOTALL).group(1)
        modes = len(table.splitlines())
        for tight in (0, 1):
            self.assertEqual({seed[0] % modes for seed in SEEDS if seed[1] & 1 == tight},
                             set(range(modes)))
        self.assertEqual({seed[1] >> 1 & 3 for seed in SEEDS if seed[1] & 1 == 0},
                         set(range(HALVES)))

    def test_other_words_are_refused(self):
        for words in (["--hours", "1"], ["--seconds"], ["-", "-"], ["--seconds", "0", "--seed"]):
            with self.subTest(words=words):
                self.assertEqual(soak(*words).returncode, MISUSED)


if __name__ == "__main__":
    unittest.main()
