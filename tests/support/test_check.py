"""./check says of every step that fails that it failed, goes on, and ends with 1.

The script runs in a folder of its own, where cmake, ctest and what would be installed are small
programs that do as they are told.
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(sys.argv.pop(1) if len(sys.argv) > 1 else ".").resolve()
FOUND = ["node", "promtool", "prometheus", "exporters", "heap_readers", "openapi_judges",
         "grafana_judges"]
CMAKE = """#!/bin/sh
echo "cmake $*" >>calls
for word in ${MW_TEST_FAILS-}; do case " $* " in *" $word "*) exit 1 ;; esac; done
"""
CTEST = """#!/bin/sh
echo "ctest $*" >>calls
while [ $# -gt 1 ]; do [ "$1" != --output-junit ] || junit=$2; shift; done
printf '<testsuite><testcase name="a" status="run"/></testsuite>' >"$junit"
"""


class Check(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("cmake", "tests/support", "tests/bench", "bin"):
            (self.folder / name).mkdir(parents=True)
        shutil.copy(ROOT / "check", self.folder)
        shutil.copy(ROOT / "tests/support/tally.py", self.folder / "tests/support")
        (self.folder / "cmake/setup.sh").write_text(
            'complain() { echo "$*" >&2; }\n'
            'works() { case " ${MW_TEST_FAILS-} " in *" $1 "*) return 1 ;; esac; }\n'
            "install_packages() { works packages; }\n"
            + "".join(f"find_{word}() {{ echo {word}; works {word}; }}\n" for word in FOUND))
        for name, text in (("cmake", CMAKE), ("ctest", CTEST), ("gcovr", "#!/bin/sh\nexit 1\n")):
            program = self.folder / "bin" / name
            program.write_text(text)
            program.chmod(0o755)

    def check(self, fails, *words):
        path = f"{self.folder}/bin:/usr/local/bin:/usr/bin:/bin"
        done = subprocess.run(["./check", *words], cwd=self.folder, capture_output=True, text=True,
                              env={"PATH": path, "MW_TEST_FAILS": fails}, timeout=50)
        calls = (self.folder / "calls").read_text()
        return done.returncode, done.stdout + done.stderr, calls

    def test_what_passes_is_counted(self):
        status, said, _ = self.check("none")
        self.assertEqual(status, 0, said)
        self.assertRegex(said, r"\n\d+ passed, 0 failed\n$")

    def test_each_step_that_fails_counts_and_ends_nothing_else(self):
        status, said, calls = self.check("packages grafana_judges dev fuzz lint")
        self.assertEqual(status, 1, said)
        for step in ("packages", "grafana-judges", "build-dev", "build-fuzz", "tidy"):
            self.assertRegex(said, rf"FAILED +\d+ s  {step}\b")
        self.assertRegex(said, r"\n\d+ passed, 5 failed\n$")
        for preset in ("dev", "fuzz", "lint"):
            self.assertIn(f"cmake --preset {preset}", calls)

    def test_one_is_enough_and_without_a_build_its_cases_are_not_run(self):
        status, said, calls = self.check("dev")
        self.assertEqual(status, 1, said)
        self.assertRegex(said, r"\n\d+ passed, 1 failed\n$")
        self.assertNotIn("ctest --preset check", calls)
        self.assertIn("ctest --preset fuzz", calls)

    def test_so_do_those_of_the_long_form(self):
        _, said, _ = self.check("clang tsan coverage release", "--deep")
        for preset in ("clang", "tsan", "coverage", "release"):
            self.assertRegex(said, rf"FAILED +\d+ s  build-{preset}\b")
        # This cmake builds nothing, so valgrind and the benchmarks find no programs; this gcovr fails.
        status, said, _ = self.check("none", "--deep")
        self.assertEqual(status, 1, said)
        for step in ("coverage-report", "valgrind", "benchmarks"):
            self.assertRegex(said, rf"FAILED +\d+ s  {step}\b")


if __name__ == "__main__":
    unittest.main()
