"""Faults put into the heap, one at a time: the heap's own tests must see each.

The rows stand in mutation_rows.py and mutation_rows_limit.py. The heap and its tests are built apart from the tree; for a row one
file is compiled and everything linked again.

Arguments: the root of the source tree, a folder to build in, and "core" or "all" rows.
"""
import concurrent.futures
import pathlib
import shutil
import subprocess
import sys
import unittest

from mutation_rows import CORE, MORE, Row
from mutation_rows_limit import LIMIT

ROOT = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
FOLDER = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "mutations").resolve()
ALL = sys.argv[3:4] == ["all"]
del sys.argv[1:4]

FLAGS = ["-std=c11", "-O1", "-w", "-D_GNU_SOURCE", "-pthread"]
SHARED = ["fixture.c", "shadow.c", "shadow_compare.c", "shadow_snapshot.c", "snapshot_image.c", "model.c",
          "snapshot_rows.c"]
WRAPS = {"snapshot_parts": ["-Wl,--wrap=mmap,--wrap=munmap"]}  # as in CMakeLists.txt
COMPUTES_S = 60  # of processor time, whatever else the machine does; none of them waits
JOBS = 2

ROWS = CORE + (MORE + LIMIT if ALL else [])


def run(command, **options):
    return subprocess.run(command, capture_output=True, text=True, errors="replace", **options)


def must(command):
    done = run(command, timeout=1200)
    if done.returncode:
        raise AssertionError(f"{' '.join(map(str, command))}\n{done.stderr[-3000:]}")


def compile_file(lib, source, target):
    must(["gcc", *FLAGS, "-I", lib, "-I", ROOT, "-c", source, "-o", target])


def tests_of_the_heap():
    """The cmocka programs, by the word that rows use."""
    names = [path.stem for path in (ROOT / "tests/lib/heap").glob("test_*.c")]
    return sorted(name.removeprefix("test_") for name in names)


class Build:
    """Objects of the heap as it is, and of its tests."""

    def __init__(self, folder):
        self.folder = folder
        self.tests = ROOT / "tests/lib/heap"
        self.lib = ROOT / "lib"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self.words = sorted({word for row in ROWS for word in row.tests})
        sources = [*self.lib.glob("heap/*.c"), *self.lib.glob("base/*.c"),
                   *(self.tests / name for name in SHARED),
                   *(self.tests / f"test_{word}.c" for word in self.words)]
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            list(pool.map(lambda source: compile_file(self.lib, source, self.object(source)),
                          sources))

    def object(self, source):
        return self.folder / f"{source.parent.name}-{source.stem}.o"

    def parts(self):
        return {path.name: path for path in self.folder.glob("*.o")
                if not path.name.startswith("heap-test_")}

    def link(self, word, objects, program):
        """`objects` by their names; those of tests stand in for the build's own."""
        name = f"heap-test_{word}.o"
        test = objects.get(name, self.folder / name)
        parts = [path for of, path in objects.items() if not of.startswith("heap-test_")]
        must(["gcc", "-pthread", "-o", program, test, *parts, *WRAPS.get(word, []), "-lcmocka"])


def mutated(build, row):
    """A copy of lib with the fault."""
    folder = build.folder / row.name.replace(" ", "-").replace("'", "")
    shutil.copytree(build.lib, folder / "lib", ignore=shutil.ignore_patterns("sample", "collect",
                                                                           "subject", "doctor"))
    changed = folder / "lib/heap" / row.file
    text = changed.read_text()
    if text.count(row.text) != 1:
        raise AssertionError(f"{row.name}: its text stands {text.count(row.text)} times in "
                             f"{row.file}; the row must follow the code")
    changed.write_text(text.replace(row.text, row.replacement))
    return folder


def compile_fault(build, row, folder):
    """A header changes every file that includes it, the tests too."""
    objects = build.parts()
    sources = [folder / "lib/heap" / row.file]
    if row.file.endswith(".h"):
        sources = [*(folder / "lib/heap").glob("*.c"), *(build.tests / name for name in SHARED),
                   *(build.tests / f"test_{word}.c" for word in row.tests)]
    for source in sources:
        target = folder / f"{source.parent.name}-{source.stem}.o"
        compile_file(folder / "lib", source, target)
        objects[target.name] = target
    return objects


def run_test(program):
    """A fault may well make a loop without an end."""
    return run(["prlimit", f"--cpu={COMPUTES_S}", program])


def is_seen(build, row):
    folder = mutated(build, row)
    objects = compile_fault(build, row, folder)
    for word in row.tests:
        program = folder / f"test_{word}"
        build.link(word, objects, program)
        if run_test(program).returncode != 0:
            shutil.rmtree(folder)
            return True
    return False


class Mutations(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.build = Build(FOLDER)

    def test_without_a_fault_the_tests_pass(self):
        for word in self.build.words:
            with self.subTest(test=word):
                program = self.build.folder / f"control_{word}"
                self.build.link(word, self.build.parts(), program)
                done = run_test(program)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_each_fault_is_seen(self):
        with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
            seen = list(pool.map(lambda row: is_seen(self.build, row), ROWS))
        self.assertEqual([row.name for row, good in zip(ROWS, seen) if not good], [])

    def test_rows_name_tests_that_exist(self):
        self.assertLessEqual({word for row in CORE + MORE for word in row.tests},
                             set(tests_of_the_heap()))

    def test_a_row_that_the_code_left_behind_fails(self):
        row = Row("a text of nowhere", "heap.c", "no such text stands here", "")
        with self.assertRaises(AssertionError):
            is_seen(self.build, row)


if __name__ == "__main__":
    unittest.main()
