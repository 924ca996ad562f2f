"""libmemwatch as its users get it: installed, found by pkg-config, from C and from C++.

MW_TEST_PACKAGES is a release build.
"""
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
LIB = HERE.parents[1] / "lib"
EXAMPLES = HERE.parents[1] / "examples"
BUILT = os.environ["MW_TEST_PACKAGES"]
COMPILERS = {
    "gcc": ["gcc", "-x", "c", "-std=c11"],
    "clang": ["clang", "-x", "c", "-std=c11"],
    "g++": ["g++", "-x", "c++", "-std=c++17"],
    "clang++": ["clang++", "-x", "c++", "-std=c++17"],
}
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
PAGE = os.sysconf("SC_PAGE_SIZE")


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, **options)
    if done.returncode:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def meminfo(key):
    text = pathlib.Path("/proc/meminfo").read_text()
    return int(re.search(rf"^{key}: +(\d+) kB$", text, re.M).group(1)) * 1024


def rss(pid):
    return int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE


class Library(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp())
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        # Moved after it was installed: nothing may hold the place that it was installed to.
        cls.prefix = cls.folder / "moved"
        run("cmake", "--install", BUILT, "--component", "dev", "--prefix", cls.folder / "installed")
        (cls.folder / "installed").rename(cls.prefix)

    def pkg_config(self, *arguments):
        path, = self.prefix.rglob("pkgconfig")
        return run("pkg-config", *arguments, "memwatch",
                   env=dict(os.environ, PKG_CONFIG_PATH=str(path))).split()

    def headers(self):
        include = self.prefix / "include"
        return sorted(str(path.relative_to(include)) for path in include.rglob("*.h"))

    def archive(self):
        found, = self.prefix.rglob("libmemwatch.a")
        return found

    def build_program(self, source, compiler):
        program = self.folder / f"{source.stem}-{compiler}"
        run(*COMPILERS[compiler], *WARNINGS, *self.pkg_config("--cflags"), source,
            "-x", "none", "-o", program, *self.pkg_config("--libs"))
        return program

    def check_reader(self, compiler):
        most = meminfo("MemTotal") // 50
        with subprocess.Popen([self.build_program(HERE / "reader.c", compiler)], text=True, stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE) as reader:
            said = dict(reader.stdout.readline().split() for _ in range(3))
            available, own = meminfo("MemAvailable"), rss(reader.pid)
            reader.communicate("\n", timeout=10)
        self.assertEqual(reader.returncode, 0)
        self.assertEqual(int(said["system.memTotal"]), meminfo("MemTotal"))
        self.assertAlmostEqual(int(said["system.memAvailable"]), available, delta=most)
        # Printing maps a few pages more, up to 16 at each touch.
        self.assertLessEqual(int(said["daemon.rss"]), own)
        self.assertGreater(int(said["daemon.rss"]), own - 160 * PAGE)

    def test_a_program_by_gcc(self):
        self.check_reader("gcc")

    def test_a_program_by_clang(self):
        self.check_reader("clang")

    def test_a_program_in_cpp_by_gcc(self):
        self.check_reader("g++")

    def test_a_program_in_cpp_by_clang(self):
        self.check_reader("clang++")

    def test_a_program_on_the_managed_heap(self):
        for compiler in COMPILERS:
            with self.subTest(compiler=compiler):
                program = self.build_program(EXAMPLES / "json.c", compiler)
                self.assertEqual(run(program, input='{"a": [1, 2]}\n[3\n'),
                                 '{"a":[1,2]}\nerror at byte 2: a comma is missing, or the end\n')

    def test_programs_on_the_containers(self):
        for compiler in COMPILERS:
            for example in "history", "containers":
                with self.subTest(compiler=compiler, example=example):
                    self.assertTrue(run(self.build_program(EXAMPLES / f"{example}.c", compiler)))

    def test_the_program_is_short(self):
        self.assertLessEqual(len((HERE / "reader.c").read_text().splitlines()), 42)

    def test_each_header_stands_on_its_own(self):
        for header in self.headers():
            for name, command in COMPILERS.items():
                with self.subTest(header=header, compiler=name):
                    run(*command, *WARNINGS, "-fsyntax-only", *self.pkg_config("--cflags"), "-",
                        input=f"#include <{header}>\n#include <{header}>\n")

    def test_each_folder_of_the_library_has_its_public_header(self):
        modules = {path.parent.name for path in LIB.glob("*/CMakeLists.txt")} - {"base"}
        self.assertTrue(modules)
        for module in modules:
            self.assertIn(f"memwatch/{module}/{module}.h", self.headers())

    def test_no_header_is_missing_and_none_is_private(self):
        public = {f"memwatch/{path.relative_to(LIB)}" for path in LIB.glob("*/*.h")
                  if not path.name.endswith("_internal.h")
                  and (path.parent / "CMakeLists.txt").exists()}
        self.assertEqual(set(self.headers()), public | {"memwatch/memwatch.h"})

    def test_headers_name_each_other_by_their_installed_names(self):
        for header in self.headers():
            text = (self.prefix / "include" / header).read_text()
            self.assertNotRegex(text, r'# *include *"', header)

    def test_the_archive_holds_every_source(self):
        sources = {f"{path.name}.o" for path in LIB.glob("*/*.c")
                   if (path.parent / "CMakeLists.txt").exists()}
        self.assertEqual(set(run("ar", "t", self.archive()).split()), sources)

    def test_every_name_that_it_brings_begins_with_mw(self):
        lines = run("nm", "--defined-only", "--extern-only", "--format=posix", self.archive())
        names = [line.split()[0] for line in lines.splitlines() if line and not line.endswith(":")]
        self.assertGreater(len(names), 50)
        self.assertEqual([name for name in names if not name.startswith("mw_")], [])

    def test_pkg_config_knows_the_version(self):
        project = (LIB.parent / "CMakeLists.txt").read_text()
        version = re.search(r"project\(memwatchd VERSION (\S+)", project).group(1)
        self.assertEqual(self.pkg_config("--modversion"), [version])


if __name__ == "__main__":
    unittest.main()
