"""One regular expression reads the trace of our heap and that of Node 20.

MW_TEST_TRACE_LINES is a program that prints ours; MW_TEST_NODE is Node, when it is not on the path.
"""
import os
import re
import shutil
import subprocess
import unittest

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
OURS = os.environ["MW_TEST_TRACE_LINES"]

LINE = re.compile(
    r"\[(?P<pid>\d+):(?P<heap>0x[0-9a-f]+)\] +(?P<at>\d+) ms: "
    r"(?P<collector>Scavenge|Mark-Compact)(?P<reduce> \(reduce\))? "
    r"(?P<used_before>\d+\.\d) \((?P<total_before>\d+\.\d)\) -> "
    r"(?P<used_after>\d+\.\d) \((?P<total_after>\d+\.\d)\) MB, "
    r"(?P<pause>\d+\.\d\d) / (?P<callbacks>\d+\.\d\d) ms "
    r"(?P<marking> \(\+ \d+\.\d ms in \d+ steps since start of marking, "
    r"biggest step \d+\.\d ms, walltime since start of marking \d+ ms\))?"
    r" \(average mu = (?P<average>[01]\.\d{3}), current mu = (?P<current>[01]\.\d{3})\) "
    r"(?P<reason>[^;]+); (?P<way>[^;]*)")

PROGRAM = """
const kept = [];
for (let i = 0; i < 900000; i++)
    kept[i % 300000] = { at: i, text: [i] };
global.gc();
"""
# Takes half a minute of idle time to get, so it is kept.
REDUCE = ("[4029:0x434b8ec0]     1007 ms: Mark-Compact (reduce) 52.9 (86.1) -> 46.3 (48.4) MB, "
          "167.60 / 0.01 ms  (+ 11.5 ms in 2 steps since start of marking, biggest step 11.3 ms, "
          "walltime since start of marking 183 ms) (average mu = 0.707, current mu = 0.180) "
          "finalize incremental marking via stack guard; GC in old space requested")


def read(*command):
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=True)
    return done.stdout.splitlines()


class Trace(unittest.TestCase):
    def parse(self, lines):
        rows = [LINE.fullmatch(line) for line in lines]
        self.assertEqual([line for line, row in zip(lines, rows) if row is None], [])
        return rows

    def check_kinds(self, rows):
        """Both collectors, and a full collection that was marked in slices."""
        self.assertEqual({row["collector"] for row in rows}, {"Scavenge", "Mark-Compact"})
        self.assertTrue(any(row["marking"] for row in rows))
        self.assertTrue(any(not row["marking"] for row in rows
                            if row["collector"] == "Mark-Compact"))
        for row in rows:
            self.assertLessEqual(float(row["used_after"]), float(row["total_after"]))

    def test_nodes_lines(self):
        self.assertTrue(NODE, "Node.js is needed: set MW_TEST_NODE")
        lines = read(NODE, "--trace-gc", "--expose-gc", "--eval", PROGRAM)
        self.check_kinds(self.parse(lines))

    def test_a_reducing_line_of_node(self):
        row, = self.parse([REDUCE])
        self.assertTrue(row["reduce"])

    def test_our_lines(self):
        rows = self.parse(read(OURS))
        self.check_kinds(rows)
        self.assertGreater(len(rows), 10)
        for row in rows:
            ways = {""} if row["collector"] == "Scavenge" else {"sweep", "slide"}
            self.assertIn(row["way"], ways)
        self.assertEqual(rows[-1]["reason"], "testing")

    def test_the_expression_is_strict(self):
        line = read(OURS)[0]
        for wrong in (line.replace(" MB,", "MB,"), line.replace(" ms  (", " ms ("),
                      line.replace("; ", " "), line + " more; words"):
            self.assertIsNone(LINE.fullmatch(wrong), wrong)


if __name__ == "__main__":
    unittest.main()
