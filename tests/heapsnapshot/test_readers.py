"""Heap snapshots as others read them: the loader of Chrome's developer tools, and memlab. Each sees
the same graph as the strict reader and has nothing to complain of; a broken file shows that they
would."""

import json
import os
import shutil
import subprocess
import unittest

from shape import COUNTS, Shape
from test_strict import document, raw, with_edge

from support.heapsnapshot import Snapshot

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
READERS = os.environ.get("MW_TEST_HEAP_READERS") or os.environ.get("MW_TEST_HEAP_TOOLS", "")
PROGRAMS = ("devtools.mjs", "memlab.cjs")


def read(program, file):
    """Returns what the program says, or in `threw` why it says nothing."""
    done = subprocess.run([NODE, os.path.join(READERS, program), file], capture_output=True,
                          text=True, check=False, timeout=120)
    if done.returncode == 0:
        return json.loads(done.stdout.splitlines()[-1])
    return {"threw": done.stdout + done.stderr}


class Readers(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not NODE:
            raise AssertionError("Node.js is needed: set MW_TEST_NODE")
        for program in PROGRAMS:
            if not os.path.exists(os.path.join(READERS, program)):
                raise AssertionError("no %s: find_heap_readers in cmake/setup.sh makes it" % program)

    def check_file(self, program, file):
        with open(file, "rb") as opened:
            ours = Snapshot(opened.read())
        theirs = read(program, file)

        self.assertNotIn("threw", theirs, program)
        self.assertEqual(theirs["problems"], [])
        self.assertEqual(theirs["nodes"], len(ours.nodes))
        self.assertEqual(theirs["edges"], len(ours.edges))
        self.assertEqual({int(id_): size for id_, size in theirs["retained"].items()},
                         ours.retained())
        return theirs

    def check_shape(self, name):
        with Shape(name) as shape:
            return [self.check_file(program, shape.files[-1]) for program in PROGRAMS]

    def test_shapes_are_read_alike(self):
        for name in COUNTS:
            if name not in ("limit", "young", "many"):  # the like of these, but large
                with self.subTest(name):
                    self.check_shape(name)

    def test_classes_are_types(self):
        classes = self.check_shape("arrays")[0]["classes"]

        self.assertEqual((classes["Tree"], classes["Custom"], classes["Blob"]), (1005, 1, 1))
        self.assertEqual((classes["(array)"], classes["(string)"]), (2, 1004))

    def test_a_broken_file_is_noticed(self):
        broken = raw(with_edge(3, "to_node", 29))
        with Shape("tree") as shape:
            file = os.path.join(shape.folder.name, "broken.heapsnapshot")
            for content, threw in ((raw(document()), False), (broken, True)):
                with open(file, "wb") as opened:
                    opened.write(content)
                for program in PROGRAMS:
                    self.assertEqual("threw" in read(program, file), threw, program)


if __name__ == "__main__":
    unittest.main()
