"""Start, reload, stop, death and rebirth."""
import os
import pathlib
import re
import resource
import signal
import subprocess
import time
import unittest

from support.daemon import SLOWNESS, Daemon, fixture, run, wait_until

ONE_REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


def read_until(connection, mark):
    data = b""
    while mark not in data:
        more = connection.recv(65536)
        if not more:
            raise AssertionError(f"closed before {mark!r}: {data[-200:]!r}")
        data += more
    return data


def minds_hangups(pid):
    """It has come to its first lines: SIGHUP is blocked or caught."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    masks = re.findall(r"^Sig(?:Blk|Cgt):\t([0-9a-f]+)$", status, re.M)
    return any(int(mask, 16) >> (signal.SIGHUP - 1) & 1 for mask in masks)


class Reload(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon(proc_root=fixture("healthy")).__enter__()
        self.addCleanup(self.daemon.__exit__, None)

    def config(self):
        answer = self.daemon.get("/api/v1/config", unix=True)
        self.assertEqual(answer.status, 200, answer.text)
        return answer.text

    def test_a_reload_changes_what_it_may_and_drops_nothing(self):
        with self.daemon.connect_raw() as kept, self.daemon.connect_raw() as stream:
            kept.sendall(ONE_REQUEST)
            read_until(kept, b"ok")
            stream.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_until(stream, b"event: sample")
            before = self.daemon.json("/api/v1/memory")["seq"]
            self.daemon.configure("keep-fds = 17\nmax-streams = 3\n")
            self.daemon.process.send_signal(signal.SIGHUP)
            self.daemon.wait_for_line("reloaded")
            self.assertIn("17", self.config())
            kept.sendall(ONE_REQUEST)
            read_until(kept, b"ok")
            for _ in range(3):
                read_until(stream, b"event: sample")
            self.assertGreater(self.daemon.json("/api/v1/memory")["seq"], before)

    def test_a_bad_file_changes_nothing_and_is_explained(self):
        before = self.config()
        lines = len(self.daemon.lines)
        self.daemon.configure("keep-fds = many\nno-such-key = 1\n")
        self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for_line("keep-fds", after=lines)
        self.assertEqual(self.config(), before)
        self.daemon.wait_for_samples(2)
        answer = self.daemon.post("/api/v1/reload")
        self.assertGreaterEqual(answer.status, 400)
        self.assertIn("application/problem+json", answer.headers["Content-Type"])
        self.assertIn("keep-fds", answer.json()["detail"])
        self.assertIn("no-such-key", answer.json()["detail"])
        self.daemon.configure("keep-fds = 18\n")
        self.assertEqual(self.daemon.post("/api/v1/reload").status, 200)
        self.assertIn("18", self.config())

    def test_every_error_is_told_by_the_answer_and_in_a_line_of_the_log(self):
        lines = len(self.daemon.lines)
        self.daemon.configure("".join(f"no-such-key-{number} = 1\n" for number in range(60)))
        detail = self.daemon.post("/api/v1/reload").json()["detail"].splitlines()
        self.assertEqual(len(detail), 60)
        self.assertTrue(detail[59].endswith("no-such-key-59: no such key"), detail[59])
        self.daemon.wait_for_line("no-such-key-59", after=lines)
        told = [line for line in self.daemon.lines[lines:] if "no-such-key" in line]
        self.assertEqual([line.count("no-such-key") for line in told], [1] * 60)

    def test_every_bad_line_of_the_tokens_has_its_place(self):
        tokens = self.daemon.directory / "tokens"
        tokens.write_text("read short\nread 0123456789abcdef\nroot 0123456789abcdef\n")
        tokens.chmod(0o600)
        self.daemon.configure(f'token-file = "{tokens}"\n')
        detail = self.daemon.post("/api/v1/reload").json()["detail"].splitlines()
        self.assertEqual(len(detail), 2, detail)
        for line, number in zip(detail, (1, 3)):
            self.assertRegex(line, rf"^{self.daemon.config}:\d+: token-file: {tokens}:{number}: ")

    def test_many_reloads_at_once(self):
        for number in range(50):
            self.daemon.configure(f"keep-fds = {number}\n")
            self.daemon.process.send_signal(signal.SIGHUP)
        self.daemon.wait_for_samples(3)
        self.assertEqual(self.daemon.post("/api/v1/reload").status, 200)
        self.assertIn("49", self.config())

    def test_the_interval_changes_at_once(self):
        with Daemon(proc_root=fixture("healthy"), interval="30m") as daemon:
            daemon.write_config(daemon.config.read_text().replace("30m", "100ms"))
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for_samples(5)

    def test_a_new_listener_opens_and_the_old_one_closes(self):
        with self.daemon.connect_raw() as kept:
            kept.sendall(ONE_REQUEST)
            read_until(kept, b"ok")
            other = self.daemon.directory / "other"
            self.daemon.write_config(
                self.daemon.config.read_text().replace(self.daemon.socket, str(other)))
            self.daemon.process.send_signal(signal.SIGHUP)
            wait_until(other.exists, what="the new socket")
            wait_until(lambda: not pathlib.Path(self.daemon.socket).exists(),
                       what="the old socket is removed")
            self.daemon.socket = str(other)
            self.assertEqual(self.daemon.get("/healthz", unix=True).status, 200)
            kept.sendall(ONE_REQUEST)
            read_until(kept, b"ok")


class Stop(unittest.TestCase):
    def start(self, **options):
        daemon = Daemon(proc_root=fixture("healthy"), **options).__enter__()
        self.addCleanup(daemon.end)
        return daemon

    def test_sigterm_with_100_connections_and_10_streams_takes_under_a_second(self):
        daemon = self.start()
        connections = [daemon.connect_raw() for _ in range(100)]
        for connection in connections:
            self.addCleanup(connection.close)
        for connection in connections[:10]:
            connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_until(connection, b"event: sample")
        for connection in connections[10:40]:
            connection.sendall(ONE_REQUEST)
            read_until(connection, b"ok")
        connections[50].sendall(b"GET /hea")
        code, took = daemon.stop()
        self.assertEqual(code, 0, daemon.log())
        self.assertLess(took, SLOWNESS)
        self.assertFalse(pathlib.Path(daemon.socket).exists())

    def test_sigint_stops_too(self):
        code, took = self.start().stop(signal.SIGINT)
        self.assertEqual(code, 0)
        self.assertLess(took, SLOWNESS)

    def test_two_signals_in_a_row(self):
        daemon = self.start()
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.stop()[0], 0)

    def test_no_signal_disturbs_the_closing(self):
        """Not one of any kind, at any moment of it: a second one by an impatient operator is usual."""
        for _ in range(5):
            daemon = self.start()
            connection = daemon.connect_raw()
            self.addCleanup(connection.close)
            connection.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            read_until(connection, b"event: sample")
            until = time.monotonic() + 20
            while daemon.process.poll() is None and time.monotonic() < until:
                for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
                    daemon.process.send_signal(number)
                time.sleep(0.001)
            self.assertEqual(daemon.process.returncode, 0, daemon.log())

    def test_a_hangup_while_it_starts_is_for_the_reload(self):
        for delay in (0.001, 0.005, 0.02, 0.05):
            daemon = Daemon(proc_root=fixture("healthy"))
            self.addCleanup(daemon.end)
            daemon.start_with_log(subprocess.DEVNULL)
            wait_until(lambda: minds_hangups(daemon.pid))
            time.sleep(delay)
            daemon.process.send_signal(signal.SIGHUP)
            wait_until(lambda: daemon.get("/readyz", unix=True).status == 200)
            self.assertEqual(daemon.stop()[0], 0)

    def test_a_wish_for_a_snapshot_while_it_starts_ends_no_daemon(self):
        for delay in (0.001, 0.005, 0.02, 0.05):
            daemon = Daemon("--state-dir", "/nonexistent", proc_root=fixture("healthy"))
            self.addCleanup(daemon.end)
            daemon.start_with_log(subprocess.DEVNULL)
            wait_until(lambda: minds_hangups(daemon.pid))
            time.sleep(delay)
            daemon.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: daemon.get("/readyz", unix=True).status == 200)
            self.assertEqual(daemon.stop()[0], 0)

    def test_a_stop_right_after_the_start(self):
        for _ in range(5):
            daemon = self.start(ready=False)
            self.assertEqual(daemon.stop()[0], 0, daemon.log())

    def test_a_log_that_nobody_reads_any_more_does_not_end_it(self):
        read, write = os.pipe()
        daemon = Daemon(proc_root=fixture("healthy"))
        self.addCleanup(daemon.end)
        daemon.start_with_log(write)
        os.close(write)
        wait_until(lambda: daemon.get("/readyz", unix=True).status == 200, what="readiness")
        os.close(read)
        daemon.process.send_signal(signal.SIGHUP)  # which is worth a line
        daemon.wait_for_samples(3, unix=True)
        self.assertEqual(daemon.stop()[0], 0)

    def test_closed_standard_files_are_not_taken_for_others(self):
        for closed in ("1>&-", "2>&-", "0<&- 1>&- 2>&-"):
            daemon = Daemon(proc_root=fixture("healthy"),
                            wrapper=("sh", "-c", f'exec "$@" {closed}', "sh"))
            self.addCleanup(daemon.end)
            daemon.start_with_log(None)
            wait_until(lambda: daemon.get("/readyz", unix=True).status == 200, what="readiness")
            for fd in range(3):
                self.assertRegex(os.readlink(f"/proc/{daemon.pid}/fd/{fd}"), "^(/|pipe:)")
            self.assertEqual(daemon.stop()[0], 0)


class Rebirth(unittest.TestCase):
    def test_after_kill_9_the_same_socket_path_works(self):
        with Daemon(proc_root=fixture("healthy")) as first:
            self.assertEqual(first.get("/healthz", unix=True).status, 200)
            first.process.kill()
            first.process.wait(10)
            self.assertTrue(os.path.exists(first.socket))
            with Daemon(proc_root=fixture("healthy"), socket_path=first.socket) as second:
                self.assertEqual(second.get("/healthz", unix=True).status, 200)

    def test_a_second_daemon_does_not_take_a_living_one_s_socket(self):
        with Daemon(proc_root=fixture("healthy")) as first:
            second = Daemon(proc_root=fixture("healthy"), socket_path=first.socket)
            self.addCleanup(second.end)
            with self.assertRaises(AssertionError):
                second.start()
            self.assertNotEqual(second.process.wait(10), 0)
            self.assertIn(first.socket, second.log())
            self.assertEqual(first.get("/healthz", unix=True).status, 200)

    def test_a_file_that_is_no_socket_is_not_removed(self):
        with Daemon(proc_root=fixture("healthy")) as first:
            precious = first.directory / "precious"
            precious.write_text("keep me")
            second = Daemon(proc_root=fixture("healthy"), socket_path=str(precious))
            self.addCleanup(second.end)
            with self.assertRaises(AssertionError):
                second.start()
            self.assertEqual(precious.read_text(), "keep me")

    def test_a_port_in_use_is_said_and_ends_the_start(self):
        with Daemon(proc_root=fixture("healthy")) as first:
            second = Daemon("--listen", f"127.0.0.1:{first.port}", proc_root=fixture("healthy"))
            self.addCleanup(second.end)
            with self.assertRaises(AssertionError):
                second.start()
            self.assertNotEqual(second.process.wait(10), 0)
            self.assertIn(f"127.0.0.1:{first.port}", second.log())


class Pace(unittest.TestCase):
    def test_samples_keep_their_pace(self):
        with Daemon(proc_root=fixture("healthy"), interval="200ms") as daemon:
            first, begin = daemon.json("/api/v1/memory")["seq"], time.monotonic()
            time.sleep(4)
            samples = daemon.json("/api/v1/memory")["seq"] - first
            expected = (time.monotonic() - begin) / 0.2
            missed = daemon.json("/api/v1/daemon")["samplesMissed"]
            self.assertLess(samples - expected, 3)
            self.assertLess(expected - samples - missed, 3, (samples, expected, missed))

    def test_a_daemon_that_was_stopped_says_so_and_goes_on(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            before = daemon.json("/api/v1/daemon")
            daemon.process.send_signal(signal.SIGSTOP)
            time.sleep(1)
            daemon.process.send_signal(signal.SIGCONT)
            daemon.wait_for_samples(2)
            after = daemon.json("/api/v1/daemon")
            lost = sum(after[key] - before[key] for key in ("samplesLate", "samplesMissed"))
            self.assertGreater(lost, 0)


class Descriptors(unittest.TestCase):
    def test_few_descriptors_are_enough(self):
        """keep-fds over the limit of open files is cut down and said, never a deaf server."""
        with Daemon(proc_root=fixture("healthy"),
                    wrapper=("sh", "-c", 'ulimit -n 128; exec "$@"', "sh"),
                    config="max-connections = 32\n") as daemon:
            daemon.wait_for_line("keep-fds")
            self.assertEqual(daemon.get("/healthz").status, 200)

    def test_connections_are_cut_down_to_what_descriptors_allow(self):
        with Daemon(proc_root=fixture("healthy"),
                    wrapper=("sh", "-c", 'ulimit -n 120; exec "$@"', "sh")) as daemon:
            self.assertEqual(daemon.wait_for_line(r"max-connections: .* (\d+) are let in").group(1),
                             "24")
            self.assertEqual(daemon.get("/healthz").status, 200)

    def test_too_few_descriptors_end_the_start_with_the_number_needed(self):
        result = run("--listen", "127.0.0.1:0", "--socket", "",
                     preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20)))
        self.assertEqual(result.returncode, 1, result.stderr)
        self.assertRegex(result.stderr, "open files is 20, and the daemon needs 104 or more")

    @staticmethod
    def highest_that_stays(daemon):
        """Of the descriptors; a sample has one more now and then."""
        seen = []
        for _ in range(20):
            seen.append(max(int(fd) for fd in os.listdir(f"/proc/{daemon.pid}/fd")))
            time.sleep(0.02)
        return min(seen)

    def test_who_comes_when_descriptors_are_used_up_is_told_so(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            hard = resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE)[1]
            holes = [daemon.connect_raw() for _ in range(self.highest_that_stays(daemon))]
            highest = self.highest_that_stays(daemon)
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (highest + 1, hard))
            answers = [daemon.get("/healthz") for _ in range(1)]
            resource.prlimit(daemon.pid, resource.RLIMIT_NOFILE, (hard, hard))
            for connection in holes:
                connection.close()
            self.assertEqual(answers[0].status, 503)
            self.assertIn("descriptor", answers[0].json()["detail"])
            self.assertNotIn("max-connections", answers[0].json()["detail"])

    def test_nothing_leaks_into_children_and_nothing_is_inherited(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            count = len(os.listdir(f"/proc/{daemon.pid}/fd"))
            daemon.wait_for_samples(5)
            for _ in range(50):
                daemon.get("/healthz")
            wait_until(lambda: len(os.listdir(f"/proc/{daemon.pid}/fd")) <= count)


if __name__ == "__main__":
    unittest.main()
