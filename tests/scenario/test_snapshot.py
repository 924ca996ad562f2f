"""Heap snapshots of the daemon: what is in them, who gets them, and what is left when one fails."""
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import stat
import subprocess
import tempfile
import unittest

from support.ctl import Impostor, ctl
from support.daemon import Daemon, fixture, wait_until
from support.heapsnapshot import Snapshot, faults

PATH = "/api/v1/heaps/memwatchd/snapshot"
NAME = r"heap-\d{8}T\d{6}\.\d{3}Z\.heapsnapshot"
SYSTEM_S = 60  # what a busy machine may take


def crowd(directory, count):
    """A proc root with so many processes, so that the heap is not small."""
    root = pathlib.Path(directory) / "proc"
    shutil.copytree(fixture("healthy"), root, symlinks=True)
    model = root / "1120"
    for pid in range(10000, 10000 + count):
        (root / str(pid)).mkdir()
        for file in "stat", "statm", "status":
            text = (model / file).read_bytes()
            text = text.replace(b"1120 (", b"%d (" % pid) if file == "stat" else text
            (root / str(pid) / file).write_bytes(text)
    return str(root)


def holders(snapshot, nodes):
    """The classes of what refers to them."""
    return {node.name for node in snapshot.nodes for edge in node.edges
            if snapshot.nodes[edge.to] in nodes}


def children(pid):
    """Processes that the daemon has started and that are still to be seen, zombies too."""
    return pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


class Case(unittest.TestCase):
    def start(self, **options):
        options.setdefault("proc_root", fixture("healthy"))
        state = tempfile.TemporaryDirectory(prefix="mw")
        self.addCleanup(state.cleanup)
        self.state = pathlib.Path(state.name)
        config = options.pop("config", "")
        daemon = Daemon(config=f'state-dir = "{self.state}"\n' + config, **options).__enter__()
        self.addCleanup(daemon.__exit__, None)
        return daemon

    def snapshot(self, raw):
        snapshot = Snapshot(raw)
        self.assertEqual(faults(snapshot), [])
        return snapshot

    def saved(self):
        return sorted(path.name for path in self.state.iterdir())


class Download(Case):
    @classmethod
    def setUpClass(cls):
        directory = tempfile.TemporaryDirectory(prefix="mw")
        cls.addClassCleanup(directory.cleanup)
        cls.crowd = crowd(directory.name, 3000)

    def ask(self, daemon):
        """Sends the request; nothing of the answer is read yet. Of one over TCP the kernel takes
        megabytes while nobody reads, and the child would be done."""
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(SYSTEM_S)
        client.connect(daemon.socket)
        client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"
                       .encode())
        return client

    def start_with_crowd(self, **options):
        daemon = self.start(proc_root=self.crowd, interval="1s", **options)
        daemon.wait_for_samples(2, SYSTEM_S)  # what is dumped is more than buffers take
        return daemon

    def test_the_file_is_whole_and_shows_the_daemons_data(self):
        daemon = self.start()
        daemon.wait_for_samples(3)
        answer = daemon.post(PATH)
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Transfer-Encoding"], "chunked")
        self.assertRegex(answer.headers["Content-Disposition"], rf'^attachment; filename="{NAME}"$')
        snapshot = self.snapshot(answer.body)
        processes = snapshot.named("HistorySubject")
        self.assertGreaterEqual(len(processes), 13)
        self.assertEqual(holders(snapshot, processes), {"HistorySubjects"})
        for name in "HistoryRing", "HistoryNewestChunks", "HistoryTrackChunk":
            self.assertTrue(snapshot.named(name), name)
        daemon.wait_for_line("the heap snapshot for a client is written: ")

    def test_a_spawned_process_is_found_by_its_name(self):
        """Who lives is held by the registry and by history, who is dead by history alone."""
        name = f"mw-{os.getpid()}-dump"
        daemon = self.start(proc_root="/proc", interval="100ms")
        with tempfile.TemporaryDirectory(prefix="mw") as folder:
            program = pathlib.Path(folder) / name
            shutil.copy(os.environ["MW_TEST_HOG"], program)
            with subprocess.Popen([program, "1"], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE) as process:
                wait_until(lambda: daemon.process_of(process.pid), SYSTEM_S, "its birth")
                self.assertEqual(self.holders_of(daemon, name), {"Subjects", "HistorySubject"})
                process.kill()
                process.wait(SYSTEM_S)
                wait_until(lambda: not daemon.process_of(process.pid), SYSTEM_S, "its death")
        self.assertEqual(self.holders_of(daemon, name), {"HistorySubject"})

    def holders_of(self, daemon, name):
        """Of the process whose name this is."""
        # One at a time: for a moment, 503 is what the next one is told.
        answer = wait_until(lambda: (lambda got: got.status == 200 and got)(daemon.post(PATH)),
                            SYSTEM_S, "a snapshot")
        snapshot = self.snapshot(answer.body)
        texts = [node for node in snapshot.nodes if (node.type, node.name) == ("string", name)]
        self.assertEqual(len(texts), 1)
        subjects = [node for node in snapshot.nodes for edge in node.edges
                    if snapshot.nodes[edge.to] in texts and edge.type != "weak"]
        self.assertEqual([node.name for node in subjects], ["Subject"])
        self.assertIn("name", [edge.name for edge in subjects[0].edges
                               if snapshot.nodes[edge.to] is texts[0]])
        return holders(snapshot, subjects)

    def test_it_is_for_administrators(self):
        with tempfile.NamedTemporaryFile("w") as tokens:
            tokens.write("admin 0123456789abcdef0123\n")
            tokens.flush()
            daemon = self.start(config=f'token-file = "{tokens.name}"\n')
        self.assertEqual(daemon.post(PATH, unix=False).status, 401)
        whole = daemon.request("POST", PATH, {"Authorization": "Bearer 0123456789abcdef0123"})
        self.assertEqual(whole.status, 200)
        wait_until(lambda: not children(daemon.pid), SYSTEM_S, "no child")
        answer = daemon.get(PATH, unix=True)
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "POST"))
        self.assertEqual(children(daemon.pid), [])

    def test_the_daemon_goes_on_while_it_is_read(self):
        daemon = self.start_with_crowd()
        self.ask(daemon)
        wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")
        daemon.wait_for_samples(2, SYSTEM_S)

    def test_one_at_a_time_and_the_next_is_told_when_to_come(self):
        daemon = self.start_with_crowd()
        client = self.ask(daemon)
        wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")
        answer = daemon.post(PATH)
        self.assertEqual((answer.status, answer.headers["Retry-After"]), (503, "5"))
        self.assertIn("one at a time", answer.json()["detail"])
        os.kill(daemon.pid, signal.SIGUSR2)
        daemon.wait_for_line("no heap snapshot was taken: another one is being taken")
        client.close()
        wait_until(lambda: daemon.post(PATH).status == 200, SYSTEM_S, "its turn")

    def test_a_client_that_hangs_up_ends_the_child(self):
        daemon = self.start_with_crowd()
        client = self.ask(daemon)
        wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")
        client.recv(1000)
        client.close()
        wait_until(lambda: not children(daemon.pid), SYSTEM_S, "no child and no zombie")
        daemon.wait_for_line("given up: the client has gone before its end")

    def test_a_client_that_does_not_read_is_cut_off_in_time(self):
        daemon = self.start_with_crowd(environment={"MEMWATCHD_RESPONSE_TIMEOUT": "1s"})
        self.ask(daemon)
        wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")
        wait_until(lambda: not children(daemon.pid), SYSTEM_S, "no child and no zombie")

    def test_half_of_one_is_never_taken_for_the_whole(self):
        daemon = self.start_with_crowd()
        client = self.ask(daemon)
        child = wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")[0]
        os.kill(int(child), signal.SIGKILL)
        data = b""
        try:
            while part := client.recv(65536):
                data += part
        except ConnectionResetError:
            pass
        self.assertTrue(data.startswith(b"HTTP/1.1 200"))
        self.assertFalse(data.endswith(b"0\r\n\r\n"))
        daemon.wait_for_line("could not be written: its process was killed")

    def test_the_child_is_not_the_daemon(self):
        """It has no socket, none of the handlers, and dies with its parent."""
        daemon = self.start_with_crowd()
        self.ask(daemon)
        child = wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")[0]
        wait_until(lambda: pathlib.Path(f"/proc/{child}/comm").read_text() == "heap-snapshot\n")
        files = {int(path.name): os.readlink(path)
                 for path in pathlib.Path(f"/proc/{child}/fd").iterdir()}
        self.assertEqual(sum(number > 2 for number in files), 2, files)
        self.assertTrue(all(to.startswith("pipe:") for number, to in files.items() if number > 2))
        caught = re.search(r"SigCgt:\s*([0-9a-f]+)",
                           pathlib.Path(f"/proc/{child}/status").read_text()).group(1)
        self.assertEqual(int(caught, 16) & (1 << signal.SIGTERM - 1), 0)
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.process.wait(SYSTEM_S)
        wait_until(lambda: not os.path.exists(f"/proc/{child}/fd") or
                   "Z (zombie)" in pathlib.Path(f"/proc/{child}/status").read_text(),
                   SYSTEM_S, "its end")

    def test_the_daemon_stops_while_one_is_taken(self):
        daemon = self.start_with_crowd()
        self.ask(daemon)
        child = wait_until(lambda: children(daemon.pid), SYSTEM_S, "a child")[0]
        code, took = daemon.stop()
        self.assertEqual(code, 0, daemon.log())
        self.assertLess(took, 10)
        wait_until(lambda: not os.path.exists(f"/proc/{child}") or
                   "Z (zombie)" in pathlib.Path(f"/proc/{child}/status").read_text(),
                   SYSTEM_S, "its end")


class Signal(Case):
    def save(self, daemon, pattern="is written"):
        after = len(daemon.lines)
        os.kill(daemon.pid, signal.SIGUSR2)
        return daemon.wait_for_line(f"heap snapshot {self.state}/({NAME}) {pattern}", SYSTEM_S,
                                    after).group(1)

    def test_a_file_in_the_state_directory(self):
        daemon = self.start()
        name = self.save(daemon)
        self.assertEqual(self.saved(), [name])
        self.assertEqual(stat.S_IMODE((self.state / name).stat().st_mode), 0o600)
        self.snapshot((self.state / name).read_bytes())
        self.assertEqual(daemon.process.poll(), None)

    def test_the_newest_three_are_kept_and_others_files_too(self):
        daemon = self.start()
        mine = self.state / "heap-notes.txt"
        mine.write_text("mine")
        left = self.state / "heap-20200101T000000.000Z.heapsnapshot.tmp-abcdef"
        left.write_text("half")
        names = [self.save(daemon) for _ in range(5)]
        wait_until(lambda: self.saved() == sorted([*names[2:], mine.name]), SYSTEM_S, "three")

    def test_a_full_disk_leaves_nothing_and_says_why(self):
        def small_files():
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))

        daemon = self.start(preexec_fn=small_files)
        line = self.save(daemon, "could not be written: .*File too large.*see state-dir")
        self.assertTrue(line)
        self.assertEqual(self.saved(), [])
        self.assertEqual(daemon.get("/healthz").status, 200)

    def test_no_folder_is_said_too(self):
        daemon = self.start()
        self.state.rmdir()
        try:
            self.save(daemon, "could not be written: .*No such file or directory")
        finally:
            self.state.mkdir()


class Command(Case):
    def ctl(self, daemon, *arguments, **options):
        return ctl("heap", "snapshot", "--socket", daemon.socket, *arguments, **options)

    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="mw")
        self.addCleanup(directory.cleanup)
        self.folder = pathlib.Path(directory.name)
        self.file = self.folder / "a.heapsnapshot"

    def test_the_file_is_whole(self):
        daemon = self.start()
        answer = self.ctl(daemon, str(self.file))
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        self.assertIn(str(self.file), answer.stdout)
        self.snapshot(self.file.read_bytes())
        self.assertEqual(list(self.folder.iterdir()), [self.file])
        self.assertEqual(stat.S_IMODE(self.file.stat().st_mode), 0o600)

    def test_json_and_a_file_that_was_there(self):
        daemon = self.start()
        self.file.write_text("older")
        answer = self.ctl(daemon, "--json", str(self.file))
        self.assertEqual(answer.returncode, 0, answer.stderr)
        self.assertEqual(answer.stdout, '{"file":"%s","bytes":%d}\n'
                         % (self.file, self.file.stat().st_size))
        self.snapshot(self.file.read_bytes())

    def test_two_of_them_can_be_compared(self):
        daemon = self.start()
        other = self.folder / "b.heapsnapshot"
        self.ctl(daemon, str(self.file))
        daemon.wait_for_samples(5)
        self.ctl(daemon, str(other))
        answer = ctl("heap", "diff", str(self.file), str(other))
        self.assertEqual((answer.returncode, answer.stderr), (0, ""))
        self.assertIn("all together", answer.stdout)

    def test_a_device_or_a_folder_is_not_replaced(self):
        daemon = self.start()
        fifo = self.folder / "fifo"
        os.mkfifo(fifo)
        for path in "/dev/null", str(self.folder), str(fifo):
            answer = self.ctl(daemon, path)
            self.assertEqual(answer.returncode, 1)
            self.assertIn("is no plain file", answer.stderr)
        self.assertTrue(stat.S_ISCHR(os.stat("/dev/null").st_mode))
        self.assertEqual(list(self.folder.iterdir()), [fifo])

    def test_a_full_disk_leaves_nothing_and_says_why(self):
        def small_files():
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (1024, resource.RLIM_INFINITY))

        daemon = self.start()
        self.file.write_text("older")
        answer = self.ctl(daemon, str(self.file), preexec_fn=small_files)
        self.assertEqual(answer.returncode, 1)
        self.assertIn("File too large; nothing of it is left", answer.stderr)
        self.assertEqual(self.file.read_text(), "older")
        self.assertEqual(list(self.folder.iterdir()), [self.file])
        wait_until(lambda: not children(daemon.pid), SYSTEM_S, "no child")

    def test_an_answer_that_is_cut_off_leaves_nothing(self):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for body in b"", b"5\r\nabcde\r\n", b"5\r\nabc":
            with self.subTest(body), Impostor(head + body) as impostor:
                answer = ctl("heap", "snapshot", "--url", impostor.url, str(self.file))
                self.assertEqual(answer.returncode, 3)
                self.assertIn("the answer is cut off", answer.stderr)
                self.assertEqual(list(self.folder.iterdir()), [])

    def test_one_that_does_not_come_is_not_waited_for(self):
        with Impostor(b"", silent=True) as impostor:
            answer = ctl("heap", "snapshot", "--url", impostor.url, "--timeout", "200ms",
                         str(self.file))
        self.assertEqual(answer.returncode, 3)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_who_may_not_is_told(self):
        daemon = self.start()
        answer = ctl("heap", "snapshot", "--url", f"http://127.0.0.1:{daemon.port}",
                     str(self.file))
        self.assertEqual(answer.returncode, 1)
        self.assertIn("refused", answer.stderr)
        self.assertEqual(list(self.folder.iterdir()), [])

    def test_the_name_of_the_file_is_needed(self):
        answer = ctl("heap", "snapshot")
        self.assertEqual(answer.returncode, 2)
        self.assertIn("heap snapshot: needs 1 file behind it", answer.stderr)


if __name__ == "__main__":
    unittest.main()
