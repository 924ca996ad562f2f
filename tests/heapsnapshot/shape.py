"""Snapshots of known shapes, made by the program `shapes`."""

import json
import os
import subprocess
import tempfile

from support.heapsnapshot import Snapshot

SHAPES = os.environ["MW_TEST_SHAPES"]
COUNTS = {"tree": 1, "cycle": 1, "shared": 1, "arrays": 1, "hostile": 1, "weak": 1, "external": 2,
          "young": 3, "limit": 2, "churn": 8, "many": 1}


class Shape:
    """The files and facts of one shape; a context, at whose end the files are gone."""

    def __init__(self, name):
        self.name = name

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory()
        self.files = [os.path.join(self.folder.name, "%d.heapsnapshot" % i)
                      for i in range(COUNTS[self.name])]
        done = subprocess.run([SHAPES, self.name] + self.files, capture_output=True, text=True,
                              check=False)
        if done.returncode != 0:
            raise AssertionError("shapes %s: %s" % (self.name, done.stderr))
        self.facts = [json.loads(line) for line in done.stdout.splitlines()]
        return self

    def __exit__(self, *_):
        self.folder.cleanup()

    def snapshots(self):
        for file in self.files:
            with open(file, "rb") as opened:
                yield Snapshot(opened.read())
