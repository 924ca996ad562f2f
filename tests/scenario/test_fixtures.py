"""The daemon on proc trees whose every number is known: what it says is what they hold."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from support import proc_tree
from support.daemon import FIXTURES, Daemon, fixture, run, wait_until

MIB = 1 << 20


class Healthy(unittest.TestCase):
    """Where everything is there, everything is shown, and nothing is made up."""

    @classmethod
    def setUpClass(cls):
        cls.root = fixture("healthy")
        cls.daemon = Daemon(proc_root=cls.root).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)

    def test_every_row_of_meminfo_and_vmstat(self):
        system = self.daemon.json("/api/v1/system")
        expected = {**proc_tree.meminfo(self.root), **proc_tree.vmstat(self.root)}
        self.assertGreater(len(expected), 100)
        self.assertEqual({key: system[key] for key in expected}, expected)

    def test_memory_is_what_node_calls_it(self):
        memory = self.daemon.json("/api/v1/memory")
        expected = proc_tree.meminfo(self.root)
        self.assertEqual(memory["totalmem"], expected["memTotal"])
        self.assertEqual(memory["freemem"], expected["memAvailable"])
        for key, value in memory["system"].items():
            if key in expected:
                self.assertEqual(value, expected[key], key)
        self.assertEqual(memory["process"]["pid"], self.daemon.pid)

    def test_every_process(self):
        document = self.daemon.json("/api/v1/processes")
        shown = {row["pid"]: row for row in document["processes"]}
        self.assertEqual(sorted(shown), proc_tree.pids(self.root))
        self.assertEqual(document["total"], len(shown))
        user_pids = [pid for pid in shown if shown[pid]["state"] not in ("Z",) and
                     pathlib.Path(self.root, str(pid), "statm").read_text()[0] != "0"]
        self.assertGreater(len(user_pids), 5)
        for pid in user_pids:
            expected = proc_tree.process(f"{self.root}/{pid}")
            self.assertEqual({key: shown[pid][key] for key in expected}, expected)

    def test_kernel_threads_and_zombies_are_listed_with_what_they_have(self):
        rows = self.daemon.json("/api/v1/processes")["processes"]
        without_memory = [row for row in rows if pathlib.Path(
            self.root, str(row["pid"]), "statm").read_text().startswith("0 0 ")]
        self.assertGreaterEqual(len(without_memory), 3)
        self.assertIn("Z", [row["state"] for row in without_memory])
        for row in without_memory:
            self.assertEqual(row["name"], proc_tree.name_of(
                f"{self.root}/{row['pid']}").decode())

    def test_one_instant(self):
        memory, system = self.daemon.json("/api/v1/memory"), self.daemon.json("/api/v1/system")
        self.assertLessEqual(memory["seq"], system["seq"])
        self.assertLessEqual(memory["timeMs"], system["timeMs"])

    def test_nothing_is_both_absent_and_there(self):
        once = json.loads(run("--once", "--proc-root", self.root).stdout)
        for thing in [once, once["system"], once["daemon"], *once["processes"]]:
            nulls = {key for key, value in thing.items() if value is None}
            self.assertEqual(nulls, set(thing.get("absent", {})))
            self.assertLessEqual(set(thing.get("absent", {}).values()),
                                 {"denied", "vanished", "unsupported", "stale"})

    def test_no_limit_is_absent_and_not_zero(self):
        system = self.daemon.json("/api/v1/system")
        self.assertIsNone(system["constrained"])
        self.assertEqual(system["absent"]["constrained"], "unsupported")


class Others(unittest.TestCase):
    def test_no_swap_is_a_value(self):
        with Daemon(proc_root=fixture("no_swap")) as daemon:
            system = daemon.json("/api/v1/system")
            self.assertEqual((system["swapTotal"], system["swapFree"], system["swapUsed"]), (0, 0, 0))
            self.assertNotIn("swapTotal", system.get("absent", {}))

    def test_the_smallest_limit_of_the_chain_counts(self):
        for name, limit in ("container", 512 * MIB), ("container_v1", 256 * MIB):
            with self.subTest(name), Daemon(proc_root=fixture(name)) as daemon:
                memory = daemon.json("/api/v1/memory")
                self.assertEqual(memory["system"]["constrained"], limit)
                self.assertGreater(memory["system"]["constrainedUsed"], 0)
                self.assertGreater(memory["totalmem"], limit)

    def test_an_old_kernel_lacks_what_it_lacks(self):
        with Daemon(proc_root=fixture("old_kernel")) as daemon:
            memory = daemon.json("/api/v1/memory")
            expected = proc_tree.meminfo(fixture("old_kernel"))
            self.assertEqual(memory["totalmem"], expected["memTotal"])
            self.assertIsNone(memory["freemem"])
            self.assertEqual(memory["absent"]["freemem"], "unsupported")
            self.assertEqual(memory["system"]["absent"]["memAvailable"], "unsupported")
            for row in daemon.json("/api/v1/processes")["processes"]:
                if row["rss"]:
                    self.assertEqual(row["absent"]["rssFile"], "unsupported")
            self.assertEqual(daemon.get("/metrics").text.count("memwatch_system_mem_available_bytes"),
                             0)


class Truncated(unittest.TestCase):
    """Sources that lie or end too early take nothing else down."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("truncated")).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)

    def test_bad_rows_are_absent_and_their_neighbours_are_not(self):
        system = self.daemon.json("/api/v1/system")
        for key in "memFree", "buffers", "cached", "swapFree":
            self.assertIsNone(system[key], key)
            self.assertEqual(system["absent"][key], "stale", key)
        self.assertGreater(system["memTotal"], 0)
        self.assertGreater(system["memAvailable"], 0)
        self.assertEqual(system["swapTotal"] is None, False)

    def test_processes_with_bad_files(self):
        rows = {row["pid"]: row for row in self.daemon.json("/api/v1/processes")["processes"]}
        self.assertEqual(rows[1]["rss"], proc_tree.process(fixture("truncated") + "/1")["rss"])
        for pid in 20, 30, 50, 70:
            row = rows.get(pid)
            if row is not None:
                self.assertIsNone(row["rss"], pid)
                self.assertIn(row["absent"]["rss"], ("stale", "vanished"), pid)
        self.assertIsNotNone(rows[80]["rss"])
        self.assertIsNone(rows[80]["peak"])

    def test_faults_are_counted_at_each_sample_and_logged_once(self):
        first = self.daemon.json("/api/v1/daemon")["sourceFaults"]
        self.assertGreater(first, 0)
        self.daemon.wait_for_samples(5)
        self.assertGreater(self.daemon.json("/api/v1/daemon")["sourceFaults"], first)
        lines = [line for line in self.daemon.lines if line and "/proc/meminfo" in line]
        self.assertEqual(len(lines), len(set(lines)))
        self.assertTrue(1 <= len(lines) <= 3, lines)


class HostileNames(unittest.TestCase):
    def test_names_come_out_right_everywhere(self):
        root = fixture("hostile_names")
        with Daemon(proc_root=root) as daemon:
            answer = daemon.get("/api/v1/processes")
            rows = {row["pid"]: row for row in answer.json()["processes"]}  # strict UTF-8, strict JSON
            self.assertEqual(sorted(rows), proc_tree.pids(root))
            for pid, row in rows.items():
                self.assertEqual(row["name"], proc_tree.text_of(proc_tree.name_of(f"{root}/{pid}")))
                self.assertEqual(row["rss"], proc_tree.process(f"{root}/{pid}")["rss"])
                self.assertEqual(daemon.process_of(pid)["name"], row["name"])

    def test_a_name_can_be_looked_for(self):
        with Daemon(proc_root=fixture("hostile_names")) as daemon:
            rows = daemon.json("/api/v1/processes?name=*%29*")["processes"]
            self.assertTrue(rows)
            self.assertTrue(all(")" in row["name"] for row in rows))


class Changing(unittest.TestCase):
    """A tree that changes while it is watched."""

    def test_births_deaths_and_recycled_pids(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory, "proc")
            shutil.copytree(fixture("healthy"), root, symlinks=True)
            pids = proc_tree.pids(root)
            with Daemon(proc_root=str(root)) as daemon:
                gone = root / str(pids[-1])
                kept = pathlib.Path(directory, "kept")
                gone.rename(kept)
                wait_until(lambda: daemon.process_of(pids[-1]) is None, what="a death is seen")
                self.assertEqual(daemon.json("/api/v1/processes")["total"], len(pids) - 1)
                kept.rename(gone)
                wait_until(lambda: daemon.process_of(pids[-1]), what="a birth is seen")

    def test_a_pipe_in_place_of_a_file_is_not_waited_for(self):
        for name in ("statm", "status", "stat", "cgroup"):
            with tempfile.TemporaryDirectory() as directory:
                root = pathlib.Path(directory, "proc")
                shutil.copytree(fixture("healthy"), root, symlinks=True)
                pid, *others = proc_tree.pids(root)[2:]
                (root / str(pid) / name).unlink()
                os.mkfifo(root / str(pid) / name)
                with Daemon(proc_root=str(root)) as daemon:
                    daemon.wait_for_samples(3)
                    rows = daemon.json("/api/v1/processes?limit=1000")["processes"]
                    self.assertLessEqual(set(others), {row["pid"] for row in rows})
                    self.assertGreater(daemon.json("/api/v1/daemon")["sourceFaults"], 0)
                    daemon.wait_for_line(f"/proc/PID/{name}")

    def test_numbers_that_json_cannot_tell_are_absent(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory, "proc")
            shutil.copytree(fixture("healthy"), root, symlinks=True)
            pid = proc_tree.pids(root)[2]
            status = root / str(pid) / "status"
            text = re.sub(r"(?m)^Threads:.*$", "Threads:\t18446744073709551615", status.read_text())
            status.write_text(re.sub(r"(?m)^Uid:.*$", "Uid:\t1\t18446744073709551615\t1\t1", text))
            meminfo = root / "meminfo"
            meminfo.write_text(re.sub(r"(?m)^MemTotal:.*$", "MemTotal: 9007199254740 kB",
                                      meminfo.read_text()))
            with Daemon(proc_root=str(root)) as daemon:
                row = daemon.process_of(pid)
                for key in "threads", "uid":
                    self.assertIsNone(row[key])
                    self.assertEqual(row["absent"][key], "stale")
                self.assertIsNotNone(row["rss"])
                memory = daemon.json("/api/v1/memory")
                self.assertIsNone(memory["totalmem"])
                self.assertIsNotNone(memory["freemem"])
                daemon.wait_for_line("/proc/PID/status.*too large")
                daemon.wait_for_line("/proc/meminfo: .*too large")

    def test_the_time_of_the_boot_is_missed(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory, "proc")
            shutil.copytree(fixture("healthy"), root, symlinks=True)
            (root / "stat").unlink()
            with Daemon(proc_root=str(root)) as daemon:
                daemon.wait_for_line("/proc/stat: it cannot be read")
                row = daemon.json("/api/v1/processes?limit=1")["processes"][0]
                self.assertIsNone(row["startTimeMs"])
                self.assertEqual(row["absent"]["startTimeMs"], "unsupported")
                shutil.copy(pathlib.Path(fixture("healthy"), "stat"), root / "stat")
                wait_until(lambda: daemon.json("/api/v1/processes?limit=1")["processes"][0]
                           ["startTimeMs"], what="the boot time is taken up when it is there")

    def test_a_directory_that_is_no_proc_is_told(self):
        with tempfile.TemporaryDirectory() as directory, Daemon(proc_root=directory) as daemon:
            daemon.wait_for_line("warning: /proc/meminfo: cannot be read")
            self.assertIsNone(daemon.json("/api/v1/memory")["totalmem"])

    def test_a_process_without_stat_is_told_of(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory, "proc")
            shutil.copytree(fixture("healthy"), root, symlinks=True)
            pid = proc_tree.pids(root)[2]
            (root / str(pid) / "stat").unlink()
            with Daemon(proc_root=str(root)) as daemon:
                row = daemon.process_of(pid)
                self.assertIsNotNone(row["rss"])
                self.assertEqual(row["absent"]["startTimeMs"], "unsupported")
                daemon.wait_for_line(f"/proc/PID/stat of process {pid}: it is missing")
                self.assertGreater(daemon.json("/api/v1/daemon")["sourceFaults"], 0)

    def test_a_source_that_runs_dry_and_comes_back(self):
        with tempfile.TemporaryDirectory() as directory:
            root = pathlib.Path(directory, "proc")
            shutil.copytree(fixture("healthy"), root, symlinks=True)
            with Daemon(proc_root=str(root)) as daemon:
                total = daemon.json("/api/v1/memory")["totalmem"]
                good = (root / "meminfo").read_text()
                (root / "meminfo").write_text("")
                wait_until(lambda: daemon.json("/api/v1/memory")["totalmem"] is None)
                memory = daemon.json("/api/v1/memory")
                self.assertIn(memory["absent"]["totalmem"], ("stale", "unsupported"))
                self.assertGreater(daemon.json("/api/v1/processes")["total"], 0)
                self.assertIsNotNone(daemon.json("/api/v1/system")["pgmajfault"])
                (root / "meminfo").write_text(good)
                wait_until(lambda: daemon.json("/api/v1/memory")["totalmem"] == total)


class TenThousand(unittest.TestCase):
    """As many processes as a large machine has: none is lost, and each has its own numbers."""

    def test_every_one_is_there(self):
        with tempfile.TemporaryDirectory() as directory:
            subprocess.run([sys.executable, "-B", str(FIXTURES / "generate.py"), "10000", directory],
                           check=True, timeout=120, stdout=subprocess.DEVNULL)
            root = pathlib.Path(directory) / "proc"
            document = json.loads(run("--once", "--proc-root", str(root)).stdout)
            self.assertEqual(document["total"], 10000)
            resident = {process["pid"]: process["rss"] for process in document["processes"]}
            expected = {int(path.name): int((path / "statm").read_text().split()[1]) * 4096
                        for path in root.iterdir() if path.name.isdigit()}
            self.assertEqual(resident, expected)


if __name__ == "__main__":
    unittest.main()
