"""--record and --replay: a run written down plays back as it was, and a bad disk harms nobody."""
import json
import os
import pathlib
import resource
import signal
import tempfile
import time
import unittest

from support import proc_tree
from support.ctl import ctl
from support.daemon import Daemon, fixture, run, wait_until


class Case(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name, "run.mwr")

    def record(self, name="healthy", samples=5, **options):
        with Daemon("--record", str(self.path), proc_root=fixture(name), **options) as daemon:
            daemon.wait_for_samples(samples)
            last = daemon.json("/api/v1/memory")
        return last

    @staticmethod
    def push(daemon, name, length):
        return daemon.request("PUT", f"/api/v1/queues/{name.replace('/', '%2F')}",
                              {"Content-Type": "application/json"},
                              json.dumps({"length": length}), unix=True)

    def once(self):
        result = run("--once", "--replay", str(self.path))
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)


class Recording(Case):
    def test_a_pipe_that_nobody_writes_to_is_not_waited_for(self):
        os.mkfifo(self.path)
        for mode in (("--socket", f"{self.path}.socket"), ("--once",)):
            result = run("--replay", str(self.path), *mode)
            self.assertEqual(result.returncode, 1)
            self.assertIn("not a recording", result.stderr)

    def test_the_last_sample_of_a_recording(self):
        last = self.record("hostile_names")
        sample = self.once()
        self.assertEqual(sample["totalmem"], last["totalmem"])
        self.assertGreaterEqual(sample["timeMs"], last["timeMs"])
        live = json.loads(run("--once", "--proc-root", fixture("hostile_names")).stdout)
        self.assertEqual({row["pid"]: row["name"] for row in sample["processes"]},
                         {row["pid"]: row["name"] for row in live["processes"]})

    def test_a_replay_drives_the_whole_daemon(self):
        last = self.record(samples=20)
        with Daemon("--replay", str(self.path), "--speed", "10", ready=False) as daemon:
            wait_until(lambda: daemon.json("/api/v1/memory")["timeMs"] >= last["timeMs"])
            memory = daemon.json("/api/v1/memory")
            self.assertEqual(memory["totalmem"], last["totalmem"])
            rows = {row["pid"] for row in daemon.json("/api/v1/processes")["processes"]}
            self.assertEqual(sorted(rows), proc_tree.pids(fixture("healthy")))
            wait_until(lambda: daemon.get("/readyz").status == 503, 15, "the end is told")

    def test_heaps_queues_and_caches_are_in_it(self):
        """Those of the daemon that recorded, and those that others reported to it, by name."""
        with Daemon("--record", str(self.path), proc_root=fixture("healthy")) as daemon:
            daemon.wait_for_samples(3)
            self.assertEqual(self.push(daemon, "orders", 17).status, 204)
            daemon.wait_for_samples(3)
            self.assertEqual(self.push(daemon, "mail/in", 4).status, 204)
            daemon.wait_for_samples(3)
            heap = daemon.json("/api/v1/heaps/memwatchd")
        with Daemon("--replay", str(self.path), "--speed", "max", ready=False) as daemon:
            daemon.wait_for_line("the replay of .* has ended")
            queues = wait_until(lambda: self.queues(daemon), 15, "the recorded queues")
            self.assertEqual(queues["orders"]["length"], 17)
            self.assertEqual(queues["mail/in"]["length"], 4)
            self.assertEqual(sorted(queues), ["events", "mail/in", "orders"])
            self.assertEqual(daemon.json("/api/v1/queues/orders")["length"], 17)
            played = daemon.json("/api/v1/heaps/memwatchd")
            self.assertEqual(played["heapLimit"], heap["heapLimit"])
            self.assertEqual(played["pid"], heap["pid"])  # not that of who plays it
            past = daemon.json("/api/v1/history?reading=queue.length&subject=orders&step=1s")
            self.assertIn(17, [point[3] for point in past["points"]])

    @staticmethod
    def queues(daemon):
        answer = daemon.get("/api/v1/queues")
        rows = answer.json()["queues"] if answer.status == 200 else []
        found = {row["name"]: row for row in rows}
        return found if "mail/in" in found else None

    def test_a_recording_that_was_cut_off_plays_to_the_cut(self):
        self.record(samples=20)
        whole = self.path.read_bytes()
        last = self.once()["timeMs"]
        for cut in 1, 500, 1500:  # the samples take more than that, and the header comes first
            self.path.write_bytes(whole[:-cut])
            time_ms = self.once()["timeMs"]
            self.assertLessEqual(time_ms, last)
            last = time_ms
        self.path.write_bytes(whole[:100])
        self.assertEqual(run("--once", "--replay", str(self.path)).returncode, 1)

    def test_what_is_no_recording_is_refused(self):
        for content in b"", b"hello\n", os.urandom(4096):
            self.path.write_bytes(content)
            for mode in ["--once"], []:
                result = run(*mode, "--replay", str(self.path), "--listen", "127.0.0.1:0",
                             "--socket", "", "--config", os.devnull)
                self.assertNotEqual(result.returncode, 0)
                self.assertEqual(result.stdout, "")
                self.assertIn(str(self.path), result.stderr)

    def test_damage_is_found(self):
        self.record(samples=10)
        whole = bytearray(self.path.read_bytes())
        for at in range(100, len(whole), len(whole) // 40):
            damaged = bytearray(whole)
            damaged[at] ^= 0xFF
            self.path.write_bytes(damaged)
            result = run("--once", "--replay", str(self.path))
            self.assertIn(result.returncode, (0, 1), result.stderr)

    def replay_is_stale(self, *options, end):
        """The log of a replay from its start until it was stale for a while."""
        with Daemon("--replay", str(self.path), *options, ready=False) as daemon:
            daemon.wait_for_line(end)
            wait_until(lambda: daemon.get("/readyz").status == 503, 15, "it is stale")
            time.sleep(2)  # the log is looked after once a second
            return daemon.log() + daemon.get("/readyz").text

    def test_no_source_of_this_machine_is_blamed_in_a_replay(self):
        self.record(samples=3, interval="1s")
        log = self.replay_is_stale("--speed", "0.1", end="samples are stale: .*recording")
        self.assertNotIn("stuck", log)
        whole = bytearray(self.path.read_bytes())
        whole[-500] ^= 0xFF  # in the last sample
        self.path.write_bytes(whole)
        log = self.replay_is_stale("--speed", "100", end="has stopped")
        self.assertNotIn("stuck", log)

    def test_a_file_that_is_there_is_not_overwritten(self):
        self.path.write_text("precious")
        result = run("--record", str(self.path), "--listen", "127.0.0.1:0", "--socket", "",
                     "--config", os.devnull)
        self.assertNotEqual(result.returncode, 0)
        self.assertIn(str(self.path), result.stderr)
        self.assertEqual(self.path.read_text(), "precious")


OLD = pathlib.Path(fixture("healthy")).parents[1] / "recordings" / "version-1.mwr"
"""Made by the first program that recorded: --record over the fixture "healthy", 4 beats. It knew
nothing of heaps, queues, caches, services, alerts or the ledger."""


class OldRecordings(unittest.TestCase):
    def test_it_plays_and_what_it_lacks_is_absent(self):
        live = json.loads(run("--once", "--proc-root", fixture("healthy")).stdout)
        with Daemon("--replay", str(OLD), "--speed", "max", ready=False, interval="60s") as daemon:
            daemon.wait_for_line("recorded by memwatchd 0.1.0")
            daemon.wait_for_line("the replay of .* has ended: 4 beats")
            self.assertEqual(daemon.json("/api/v1/memory")["totalmem"], live["totalmem"])
            rows = daemon.json("/api/v1/processes?limit=1000")["processes"]
            self.assertEqual({row["pid"]: (row["name"], row["rss"]) for row in rows},
                             {row["pid"]: (row["name"], row["rss"]) for row in live["processes"]})
            own = daemon.json("/api/v1/daemon")
            for key in "streamsDropped", "stateFailures", "alerts", "pushes", "urgentSamples":
                self.assertIsNone(own[key], key)
                self.assertEqual(own["absent"][key], "unsupported", key)
            self.assertGreater(own["samples"], 0)
            self.assertNotIn("streams_dropped_total 0", daemon.get("/metrics").text)
            past = daemon.json("/api/v1/history?reading=system.memAvailable&step=1s&from=-10s")
            self.assertTrue([point for point in past["points"] if point[1] is not None])

    def test_rules_go_through_it(self):
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "rules.conf")
            path.write_text('alert "always" { reading = "system.memTotal" above = 1 }\n')
            result = ctl("rules", "test", str(path), "--recording", str(OLD), "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        rules = {rule["rule"]: rule for rule in json.loads(result.stdout)["rules"]}
        self.assertEqual(rules["always"]["fired"], 1)
        for name in "queue-full", "cache-thrashing", "heap-floor-high":
            self.assertFalse(rules[name]["recorded"])

    def test_a_newer_version_is_refused_and_named(self):
        content = bytearray(OLD.read_bytes())
        content[8] = 2
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "newer.mwr")
            path.write_bytes(content)
            for mode in ["--once"], []:
                result = run(*mode, "--replay", str(path), "--listen", "127.0.0.1:0", "--socket",
                             "", "--config", os.devnull)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(result.stdout, "")
                self.assertIn(str(path), result.stderr)
                self.assertIn("expected version 1 of the format, found 2", result.stderr)


class Services(Case):
    CONFIG = 'services = {"shop.slice", "/shop.slice/monitor.service"}\n'
    RULE = 'alert "shop" { reading = "service.memory" subject = "/shop.slice" above = 1 }\n'

    def test_services_are_in_it_with_their_names(self):
        self.record("container", config=self.CONFIG)
        with Daemon("--replay", str(self.path), "--speed", "max", ready=False,
                    interval="60s") as daemon:
            daemon.wait_for_line("the replay of .* has ended")
            rows = {row["name"]: row for row in daemon.json("/api/v1/services")["services"]}
            self.assertEqual(sorted(rows), ["/shop.slice", "/shop.slice/monitor.service"])
            self.assertEqual(rows["/shop.slice"]["memory"], 201326592)
            past = daemon.json("/api/v1/history?reading=service.memory&subject=/shop.slice&step=1s")
            self.assertIn(201326592, [point[3] for point in past["points"]])

    def test_rules_are_tried_on_them_and_on_queues(self):
        with Daemon("--record", str(self.path), proc_root=fixture("container"),
                    config=self.CONFIG) as daemon:
            self.assertEqual(self.push(daemon, "orders", 17).status, 204)
            daemon.wait_for_samples(5)
        rules = self.path.with_name("rules.conf")
        rules.write_text(self.RULE + 'alert "orders" { reading = "queue.length" '
                         'subject = "orders" above = 16 }\n')
        result = ctl("rules", "test", str(rules), "--recording", str(self.path), "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        found = {rule["rule"]: rule for rule in json.loads(result.stdout)["rules"]}
        self.assertEqual((found["shop"]["fired"], found["orders"]["fired"]), (1, 1))
        self.assertEqual(found["shop"]["firings"][0]["subject"], "/shop.slice")

    def test_without_services_there_is_nothing_of_them(self):
        self.record(samples=3)
        rules = self.path.with_name("rules.conf")
        rules.write_text(self.RULE)
        result = ctl("rules", "test", str(rules), "--recording", str(self.path), "--json")
        found = {rule["rule"]: rule for rule in json.loads(result.stdout)["rules"]}
        self.assertFalse(found["shop"]["recorded"])


LITTLE = 12288  # the header and the first beats fit, a few seconds do not


class FullDisk(unittest.TestCase):
    def expect_drops(self, daemon):
        wait_until(lambda: daemon.json("/api/v1/daemon")["recordDrops"] > 0, 20, "drops are counted")
        lines = [line for line in daemon.lines if line and "record" in line and "error" in line]
        self.assertEqual(len(lines), 1, daemon.log())
        daemon.wait_for_samples(3)
        self.assertEqual(daemon.get("/readyz").status, 200)

    def start(self, path, **options):
        daemon = Daemon("--record", str(path), proc_root=fixture("healthy"), **options).__enter__()
        self.addCleanup(daemon.__exit__, None)
        return daemon

    def test_a_limit_of_file_size(self):
        def limit():
            resource.setrlimit(resource.RLIMIT_FSIZE, (LITTLE, LITTLE))
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory, "run.mwr")
            self.expect_drops(self.start(path, preexec_fn=limit, restore_signals=False))
            result = run("--once", "--replay", str(path))
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_full_file_system(self):
        if os.geteuid() != 0:
            self.test_a_limit_of_file_size()  # mounting is root's
            return
        with tempfile.TemporaryDirectory() as directory:
            script = f'mount -t tmpfs -o size={LITTLE} tmpfs {directory} && exec "$@"'
            daemon = self.start(pathlib.Path(directory, "run.mwr"),
                                wrapper=("unshare", "--mount", "sh", "-c", script, "sh"))
            self.expect_drops(daemon)
            played = run("--once", "--replay", f"/proc/{daemon.pid}/root{directory}/run.mwr")
            self.assertEqual(played.returncode, 0, played.stderr)


if __name__ == "__main__":
    unittest.main()
