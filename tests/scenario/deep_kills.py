"""A thousand restarts at moments of chance: test_alerts_kept.py says what must hold."""
import os
import unittest

os.environ.setdefault("MW_TEST_KILLS", "1000")

from scenario import test_alerts_kept  # noqa: E402  (it reads the number)


def load_tests(loader, *_):
    return loader.loadTestsFromName("Kill.test_every_firing_and_end_arrives", test_alerts_kept)


if __name__ == "__main__":
    unittest.main()
