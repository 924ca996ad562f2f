"""lib/dump reads what others write, and sees in it what Chrome's developer tools see; and
`memwatchctl heap diff` names the culprit of a planted leak, and none where there is none."""

import collections
import json
import os
import subprocess
import tempfile
import unittest

from chrome import NATIVE_BYTES, relay
from shape import Shape
from test_readers import NODE, read

DUMPED = os.environ["MW_TEST_DUMPED"]
LEAKS = os.environ["MW_TEST_LEAKS"]
CTL = os.environ["MW_TEST_CTL"]
HERE = os.path.dirname(os.path.abspath(__file__))


def dumped(file):
    return subprocess.run([DUMPED, file], capture_output=True, text=True, check=False)


def plain(classes):
    """The developer tools call {a, b} what is an Object with such fields, and tell with some classes
    that they are detached. lib/dump keeps to the names that are in the file."""
    names = collections.Counter()
    for name, count in classes.items():
        if name.startswith("{"):
            name = "Object"
        elif name.startswith("Detached ") and "<" not in name:
            name = name[len("Detached "):]
        names[name] += count
    return names


def diff(*arguments):
    return subprocess.run([CTL, "heap", "diff"] + list(arguments), capture_output=True, text=True,
                          check=False)


class Alike(unittest.TestCase):
    """Nodes, edges, sizes, classes, and what each node retains: all as the developer tools say."""

    def check_file(self, file, beside=0):
        """`beside`: bytes that the file tells of and no node has; the tools count them."""
        done = dumped(file)
        self.assertEqual(done.returncode, 0, done.stderr)
        ours, theirs = json.loads(done.stdout), read("devtools.mjs", file)

        self.assertNotIn("threw", theirs)
        for key in ("nodes", "edges"):
            self.assertEqual(ours[key], theirs[key], key)
        self.assertEqual(ours["size"] + beside, theirs["size"])
        self.assertEqual(collections.Counter(ours["names"]), plain(theirs["classes"]))
        self.assertEqual(ours["unreachable"] > 0,
                         any("unreachable" in line for line in theirs["problems"]))
        wrong = {id_: (size, theirs["retained"][id_]) for id_, size in ours["retained"].items()
                 if size != theirs["retained"][id_]}
        self.assertEqual(wrong, {})

    def test_of_the_managed_heap(self):
        for name in ("tree", "cycle", "shared", "arrays", "hostile", "weak", "external"):
            with self.subTest(name), Shape(name) as shape:
                self.check_file(shape.files[-1])

    def test_of_node(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, name) for name in ("a.heapsnapshot", "b.heapsnapshot")]
            subprocess.run([NODE, "--expose-gc", os.path.join(HERE, "leaks.cjs"), "cache", "leak"]
                           + files, check=True)
            self.check_file(files[1])


class Planted(unittest.TestCase):
    """Each leak is found by its class and its path; the program without it shows no such growth."""

    def run_diff(self, program, kind, mode):
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, name) for name in ("a.heapsnapshot", "b.heapsnapshot")]
            subprocess.run(program + [kind, mode] + files, check=True)
            done = diff(*files, "--json")
            self.assertEqual(done.returncode, 0, done.stderr)
            return json.loads(done.stdout)

    def check_kind(self, program, kind, culprit, count, steps):
        leak = self.run_diff(program, kind, "leak")
        healthy = self.run_diff(program, kind, "healthy")
        grown = {row["class"]: row["objects"] for row in leak["classes"]}
        path = leak["largest"]["example"]["path"]

        self.assertEqual(grown.get(culprit), count)
        for step in steps:
            self.assertIn(step, path)
        self.assertNotIn(culprit, [row["class"] for row in healthy["classes"]])
        self.assertLess(healthy["growth"], leak["growth"] / 10)

    def check_c(self, kind, culprit, steps):
        self.check_kind([LEAKS], kind, culprit, 400, steps)

    def check_node(self, kind, culprit, steps):
        program = [NODE, "--expose-gc", os.path.join(HERE, "leaks.cjs")]
        self.check_kind(program, kind, culprit, 2500, steps)

    def test_scope_in_c(self):
        self.check_c("scope", "Session", ["leaks.c", ": Session"])

    def test_cache_in_c(self):
        self.check_c("cache", "CacheEntry", ["(array)", ": CacheEntry"])

    def test_queue_in_c(self):
        self.check_c("queue", "Message", ["Queue", "body : Message"])

    def test_scope_in_node(self):
        self.check_node("scope", "Session", ["server", "listeners : Set", "listener()"])

    def test_cache_in_node(self):
        self.check_node("cache", "CacheEntry", ["server", "pageCache : Map", ": CacheEntry"])

    def test_queue_in_node(self):
        self.check_node("queue", "Message", ["server", "inbox : Array", ": Message"])


class Chrome(unittest.TestCase):
    """Chrome's layout of the same graph is the same graph, with allocations recorded or not."""

    def files(self, folder):
        """The leak's two snapshots in our layout, then in both of Chrome's."""
        names = ["a.heapsnapshot", "b.heapsnapshot"]
        ours = [os.path.join(folder, name) for name in names]
        subprocess.run([LEAKS, "cache", "leak"] + ours, check=True)
        yield ours
        for traced in False, True:
            theirs = [os.path.join(folder, f"chrome-{traced}-{name}") for name in names]
            for source, target in zip(ours, theirs):
                relay(source, target, traced)
            yield theirs

    def test_the_graph_is_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            ours, *others = [json.loads(dumped(files[1]).stdout) for files in self.files(folder)]
        self.assertGreater(ours["nodes"], 400)
        self.assertEqual(others, [ours, ours])

    def test_the_difference_is_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            ours, *others = [diff(*files, "--json").stdout for files in self.files(folder)]
        self.assertIn("CacheEntry", ours)
        self.assertEqual(others, [ours, ours])

    def test_chromes_own_loader_takes_it_for_its_own(self):
        with tempfile.TemporaryDirectory() as folder:
            _, *others = self.files(folder)
            for files in others:
                Alike.check_file(self, files[1], NATIVE_BYTES)


class Words(unittest.TestCase):
    """What the command says, and with which exit code."""

    def test_nothing_grew(self):
        with Shape("tree") as shape:
            done = diff(shape.files[0], shape.files[0])
        self.assertEqual(done.returncode, 0)
        self.assertIn("No class has grown", done.stdout)

    def test_top(self):
        with tempfile.TemporaryDirectory() as folder:
            files = [os.path.join(folder, name) for name in ("a.heapsnapshot", "b.heapsnapshot")]
            subprocess.run([LEAKS, "cache", "leak"] + files, check=True)
            done = diff(*files, "--top", "1", "--bytes")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split()[-1], "CLASS")
        self.assertTrue(lines[2].startswith("all together: +"), done.stdout)
        self.assertIn("The largest growth, +", done.stdout)

    def test_a_file_that_is_none(self):
        with Shape("tree") as shape:
            cut = os.path.join(shape.folder.name, "cut")
            with open(shape.files[0], "rb") as whole, open(cut, "wb") as part:
                part.write(whole.read()[:1000])
            done = diff(shape.files[0], cut)
            missing = diff(shape.files[0], cut + "not")
        self.assertEqual((done.returncode, missing.returncode), (1, 1))
        self.assertRegex(done.stderr, r"cut: byte 1000: expected .*, found the end of the file")
        self.assertIn("No such file", missing.stderr)

    def test_usage(self):
        self.assertEqual(diff("one").returncode, 2)
        self.assertIn("needs 2 files", diff("one").stderr)


if __name__ == "__main__":
    unittest.main()
