"""What was is remembered: over HTTP and at the command line, of the living and of the dead."""
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time
import unittest

from support.ctl import Terminal, ctl
from support.daemon import Daemon, fixture, run, wait_until

OK, FAILED, USAGE = 0, 1, 2
HOG = os.environ["MW_TEST_HOG"]
MIB = 1 << 20


def start_hog(mebibytes):
    hog = subprocess.Popen([HOG, str(mebibytes)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    if hog.stdout.readline() != b"ready\n":
        raise AssertionError("the program that takes memory did not start")
    return hog


def end(process):
    process.kill()
    process.wait(10)
    process.stdin.close()
    process.stdout.close()


class Fixture(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"),
                            config='services = {"shop.slice"}\n').__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        cls.daemon.wait_for_samples(3)

    def ask(self, query):
        return self.daemon.json("/api/v1/history" + query)

    def refused(self, query, status):
        answer = self.daemon.get("/api/v1/history" + query)
        self.assertEqual(answer.status, status, answer.text)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        return answer.json()["detail"]


class Http(Fixture):
    def test_the_newest_numbers_are_those_of_the_other_documents(self):
        memory = self.daemon.json("/api/v1/memory")
        for query, value in (("", memory["freemem"]),
                             ("?reading=system.memTotal", memory["totalmem"])):
            with self.subTest(query):
                self.assertEqual(self.ask(query)["points"][-1][1:], [value] * 3)
        row = self.daemon.json("/api/v1/processes?limit=1")["processes"][0]
        found = self.ask(f"?reading=process.rss&subject={row['pid']}")
        self.assertEqual(found["name"], row["name"])
        self.assertEqual(found["subject"], f"{row['pid']}:{row['startTimeMs']}")
        self.assertEqual(found["points"][-1][1:], [row["rss"]] * 3)

    def test_the_daemons_own_heap_and_caches_are_remembered(self):
        for path, kind, key in (("heaps", "heap", "heapUsed"), ("caches", "cache", "entries")):
            for row in self.daemon.json("/api/v1/" + path)[path]:
                found = self.ask(f"?reading={kind}.{key}&subject={row['name']}")
                self.assertEqual((found["subject"], found["name"]), (row["name"],) * 2)
                self.assertIsNotNone(found["points"][-1][1], row)
        self.assertIn("a name out of memwatchd", self.refused("?reading=heap.heapUsed", 400))

    def test_every_reading_that_is_kept_can_be_asked_for(self):
        words = ctl("completion", "bash").stdout
        ids = next(line for line in words.splitlines() if " history) behind=" in line)
        ids = ids.split("'")[1].split()
        self.assertGreater(len(ids), 50)
        pid = self.daemon.json("/api/v1/processes?limit=1")["processes"][0]["pid"]
        subjects = {"process": pid, "heap": "memwatchd", "queue": "events", "cache": "bodies",
                    "service": "shop.slice"}
        for reading in ids:
            kind = reading.split(".")[0]
            subject = f"&subject={subjects[kind]}" if kind in subjects else ""
            self.assertEqual(self.ask(f"?reading={reading}{subject}")["reading"], reading)

    def test_steps_follow_each_other_and_every_null_has_a_reason(self):
        found = self.ask("?from=-1m&step=1s")
        times = [point[0] for point in found["points"]]
        self.assertEqual(times, list(range(found["fromMs"], found["toMs"], 1000)))
        nulls = {str(point[0]) for point in found["points"] if point[1] is None}
        self.assertEqual(nulls, set(found["absent"]))
        self.assertEqual(set(found["absent"].values()), {"unrecorded"})

    def test_wrong_questions_say_what_is_taken(self):
        for query, status, says in (
                ("?reading=system.memFre", 400, "did you mean system.memFree?"),
                ("?reading=process.threads&subject=1", 400, "process.rssAnon"),
                ("?reading=process.rss", 400, "subject: process.rss needs one"),
                ("?reading=process.rss&subject=4194304", 404, "subject: nothing is remembered"),
                ("?from=now&to=-1h", 400, "is after to"), ("?step=0", 400, "step: takes a span"),
                ("?step=1ms", 400, "at most 10000"), ("?from=x", 400, "from: takes"),
                ("?reading=" + "x" * 65, 400, "reading: takes"), ("?colour=red", 400, "reading")):
            with self.subTest(query):
                self.assertIn(says, self.refused(query, status))

    def test_old_kernels_say_why_not(self):
        with Daemon(proc_root=fixture("old_kernel")) as daemon:
            found = daemon.json("/api/v1/history?from=-2s&step=10s")
        last = found["points"][-1]  # one before it may lie before the daemon's start
        self.assertEqual((last[1], found["absent"][str(last[0])]), (None, "unsupported"))


class CommandLine(Fixture):
    def show(self, *arguments, code=OK):
        done = ctl("history", *arguments, "--socket", self.daemon.socket)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == OK else done.stderr

    def test_csv_is_the_document(self):
        document = json.loads(self.show("system.memFree", "--json", "--from", "-1m", "--step", "5s"))
        # The same times: a step of its own may begin between two answers.
        rows = list(csv.DictReader(io.StringIO(
            self.show("system.memFree", "--csv", "--from", str(document["fromMs"]), "--to",
                      str(document["toMs"]), "--step", "5s"))))
        self.assertEqual(set(rows[0]), {"timeMs", "min", "mean", "max", "absent"})
        reasons = {row["timeMs"]: row["absent"] for row in rows if row["absent"]}
        self.assertLessEqual(set(reasons.items()), set(document["absent"].items()))
        free = self.daemon.json("/api/v1/system")["memFree"]
        self.assertEqual([int(rows[-1][key]) for key in ("min", "mean", "max")], [free] * 3)
        self.assertEqual(rows[0]["min"], "")

    def test_a_pipe_gets_a_table(self):
        free = self.daemon.json("/api/v1/system")["memFree"]
        lines = self.show("memFree", "--bytes", "--from", "-20s", "--step", "10s").splitlines()
        self.assertRegex(lines[0], r"^TIME +MIN +MEAN +MAX +UNKNOWN$")
        self.assertRegex(lines[1], r"^20..-..-..T..:..:.0Z +- +- +-  unrecorded$")
        self.assertRegex(lines[-1], rf"^20..-..-..T..:..:.0Z +{free} +{free} +{free}$")

    def test_a_terminal_gets_bars(self):
        for language, bar in (("C.UTF-8", "▁"), ("C", "_")):
            with Terminal(60, 20, "history", "memFree", "--from", "-10m", "--socket",
                          self.daemon.socket, environment={"LC_ALL": language}) as terminal:
                self.assertEqual(terminal.end(), OK, terminal.text)
            lines = terminal.text.split("\r\n")
            self.assertEqual(lines[0], "system.memFree of system in steps of 2 s")
            self.assertRegex(lines[1], rf"^ +{bar}+$")
            self.assertEqual(len(lines[1]), 60)
            self.assertIn("GiB", lines[2])
            self.assertRegex(lines[4], r"^\d+ of 30\d steps unknown: unrecorded$")

    def test_what_is_wrong_is_told(self):
        self.assertIn("did you mean", self.show("system.memFre", code=USAGE))
        self.assertIn("nothing is remembered", self.show("process.rss", "4194304", code=FAILED))
        self.assertIn("--csv", self.show("memFree", "--csv", "--json", code=USAGE))
        self.assertIn("needs READING", self.show(code=USAGE))
        self.assertIn("nothing that this could be", self.show("memFree", "system", "x", code=USAGE))


class TheDead(unittest.TestCase):
    def test_a_process_that_is_gone_is_remembered(self):
        with Daemon(interval="100ms") as daemon:
            hog = start_hog(40)
            path = f"/api/v1/history?reading=process.rss&subject={hog.pid}"
            try:
                wait_until(lambda: daemon.process_of(hog.pid))
                start = daemon.process_of(hog.pid)["startTimeMs"]
                daemon.wait_for_samples(5)
                self.assertEqual(daemon.json(path)["name"], "hog")
            finally:
                end(hog)
            wait_until(lambda: daemon.process_of(hog.pid) is None)
            daemon.wait_for_samples(2)
            for subject in "", f":{start}":
                found = daemon.json(path + subject)
                self.assertEqual(found["subject"], f"{hog.pid}:{start}")
                self.assertFalse(found["alive"])
                self.assertEqual(found["name"], "hog")
                self.assertNotIn("name", found.get("absent", {}))
                self.assertGreater(max(point[3] or 0 for point in found["points"]), 40 * MIB)
                self.assertLess(found["lastMs"], daemon.json("/api/v1/memory")["timeMs"])
            time.sleep(1.1)
            last = daemon.json(path + "&from=-2s&step=200ms")["points"][-1]
            self.assertEqual(last[1:], [None] * 3)


class Bound(unittest.TestCase):
    def test_who_finds_no_place_is_counted(self):
        """4 MB remember 4097 subjects of a kind: of ten more the daemon says that it has no history."""
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder, "proc")
            shutil.copytree(fixture("healthy"), root, symlinks=True)
            there = [int(path.name) for path in root.iterdir() if path.name.isdigit()]
            for pid in range(max(there) + 1, max(there) + 1 + 4097 + 10 - len(there)):
                shutil.copytree(root / "1120", root / str(pid), symlinks=True)
            with Daemon(config="history-size = 4MB\n", proc_root=str(root)) as daemon:
                daemon.wait_for_samples(3)
                numbers = daemon.json("/api/v1/daemon")
                self.assertEqual(numbers["processes"], 4097 + 10)
                self.assertEqual(numbers["historyRefused"], 10)
                self.assertEqual(numbers["historyLost"], 0)
                self.assertIn("\nmemwatch_daemon_history_refused_total 10\n", daemon.get("/metrics").text)


class Configuration(unittest.TestCase):
    def reload(self, daemon, text):
        daemon.write_config(f'listen = {{"127.0.0.1:0"}}\nsocket = "{daemon.socket}"\n'
                            f'socket-group = ""\n{text}')
        return daemon.request("POST", "/api/v1/reload", unix=True)

    def test_a_size_below_what_is_in_use_is_refused_with_the_figure(self):
        """The times of a day at 100 ms are 7 MB, whatever a reload says of the interval."""
        with Daemon(config="history-recent = 1d\n", proc_root=fixture("healthy"),
                    interval="100ms") as daemon:
            answer = self.reload(daemon, "history-size = 5MB\n")
            self.assertEqual(answer.status, 500, answer.text)
            self.assertRegex(answer.json()["detail"],
                             r"memwatchd\.conf:4: history-size: 5242880 bytes are less than the "
                             r"[78]\d{6} that are in use")
            config = daemon.json("/api/v1/config", unix=True)
            self.assertEqual(config["history-size"]["value"], "24MB")
            self.assertEqual(self.reload(daemon, "history-size = 9MB\n").status, 200)
            daemon.wait_for_line("history-recent: its new value waits for a restart")

    def test_a_smaller_heap_bounds_the_history(self):
        """Three quarters of the room for objects; what is in use already cannot be taken away."""
        with Daemon(config="history-recent = 1d\nheap { limit = 32MB semi-space = 256KB }\n",
                    proc_root=fixture("healthy"), interval="100ms") as daemon:
            heap = "history-recent = 1d\nheap { limit = %s semi-space = 256KB }\n"
            room = 3 * ((20 << 20) - (1 << 20)) // 4  # halves, a page and the reserve are a megabyte
            self.assertEqual(self.bound(daemon), 3 * ((32 << 20) - (1 << 20)) // 4)
            self.assertEqual(self.reload(daemon, heap % "20MB").status, 200)
            daemon.wait_for_line(f"history-size: heap.limit leaves room for {room} bytes")
            daemon.wait_for_samples(2)
            self.assertEqual(self.bound(daemon), room)
            answer = self.reload(daemon, heap % "10MB")
            self.assertEqual(answer.status, 500, answer.text)
            self.assertRegex(answer.json()["detail"],
                             r"memwatchd\.conf:5: heap\.limit: it leaves 7077888 bytes to the history, "
                             r"less than the [78]\d{6} that are in use")
            self.assertEqual(self.reload(daemon, heap % "32MB").status, 200)
            daemon.wait_for_samples(2)
            self.assertEqual(self.bound(daemon), 3 * ((32 << 20) - (1 << 20)) // 4)

    def bound(self, daemon):
        return daemon.json("/api/v1/caches/history")["bytesLimit"]

    def test_a_day_at_100_ms_needs_room_on_the_heap(self):
        with tempfile.NamedTemporaryFile("w", suffix=".conf") as file:
            file.write("interval = 100ms\nhistory-recent = 1d\nheap { limit = 8MB }\n")
            file.flush()
            done = run("--check-config", "--config", file.name)
        self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertIn("heap.limit: 8MB has no room for the history", done.stderr)

    def test_bounds_that_do_not_go_together_are_refused(self):
        environment = dict(MEMWATCHD_HISTORY_SIZE="4MB", MEMWATCHD_HISTORY_RECENT="1d",
                           MEMWATCHD_INTERVAL="100ms")
        done = run("--check-config", "--config", "/dev/null", environment=environment)
        self.assertEqual(done.returncode, USAGE, done.stderr)
        self.assertIn("MEMWATCHD_HISTORY_SIZE: is too little", done.stderr)
        self.assertIn("they take 10MB or more", done.stderr)


if __name__ == "__main__":
    unittest.main()
