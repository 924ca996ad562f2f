"""The readers of conf/examples do what their comments promise, against the real daemon: in C, Python and
shell alike. Between them and it stands a relay, which sees what they ask and cuts them off."""
import os
import pathlib
import re
import socket
import subprocess
import sys
import threading
import unittest

from support.daemon import ALWAYS, ROOT, Daemon, fixture, wait_until

EXAMPLES = ROOT / "conf" / "examples"
WATCHERS = {"C": [os.environ["MW_TEST_WATCH"]], "Python": [sys.executable, "-B", str(EXAMPLES / "watch.py")],
            "shell": [str(EXAMPLES / "watch.sh")]}
PATIENCE_S = 120
STEP_MS = 1000  # of a short history
TOKEN = "a-token-of-the-tests-0123456789"


class Relay:
    """One connection to the daemon for each to it. `heads` is what was asked, `statuses` how it was
    answered. An event stream is cut after `events`, and nobody gets through while `closed` is set."""

    def __init__(self, port, events=None):
        self.port, self.events = port, events
        self.heads, self.statuses = [], []
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._workers = []

    def url(self):
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if self.closed.is_set():
                client.close()
                continue
            self._workers.append(threading.Thread(target=self._serve, args=(client,), daemon=True))
            self._workers[-1].start()

    def _serve(self, client):
        client.settimeout(PATIENCE_S)
        try:
            with client, socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as daemon:
                self._exchange(client, daemon)
        except OSError:
            pass  # one of them has gone, as clients do when they have enough

    def _exchange(self, client, daemon):
        """One request, after which the connection ends."""
        head = b""
        while b"\r\n\r\n" not in head:
            more = client.recv(65536)
            if not more:
                return
            head += more
        self.heads.append(head.decode())
        daemon.sendall(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1)
                       if b"Connection:" not in head else head)
        limit = self.events if b"/events" in head else None
        self._pass_on(client, daemon, limit)

    def _pass_on(self, client, daemon, limit):
        answer = b""
        while part := daemon.recv(65536):
            if not answer:
                self.statuses.append(int(part.split()[1]))
            answer += part
            client.sendall(part)
            if limit and answer.count(b"\ndata: ") >= limit and answer.endswith(b"\n\n\r\n"):
                self.closed.set()
                return

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(20)
        for worker in self._workers:
            worker.join(PATIENCE_S)


class Watching(unittest.TestCase):
    def start(self, watcher, url, *words, **more):
        environment = dict(os.environ, MEMWATCHD_URL=url, MEMWATCHD_SECONDS="0.05", **more)
        return subprocess.Popen([*watcher, *words], env=environment, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def finish(self, process, code=0):
        """Its lines, each as words; what it says is in the failure."""
        try:
            out, said = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            out, said = process.communicate()
            self.fail(f"it did not end:\n{out}{said}")
        self.assertEqual(process.returncode, code, out + said)
        self.said = said
        return [line.split() for line in out.splitlines()]

    def watch(self, watcher, url, *words, code=0, **more):
        return self.finish(self.start(watcher, url, *words, **more), code)

    def for_each(self, test, *arguments):
        for name, watcher in WATCHERS.items():
            with self.subTest(name):
                test(watcher, *arguments)


class Now(Watching):
    def test_memory_is_asked_for_again_only_when_it_is_new(self):
        """There is one sample until it has been asked for three times: two are answered without a
        body. Then there is another."""
        self.for_each(self.poll)

    def poll(self, watcher):
        with Daemon(proc_root=fixture("healthy"), interval="1h") as daemon, Relay(daemon.port) as relay:
            shown = daemon.json("/api/v1/memory")
            process = self.start(watcher, relay.url(), "memory", "2")
            try:
                wait_until(lambda: relay.statuses.count(304) >= 2, PATIENCE_S, "two answers without a body")
                self.assertEqual(relay.statuses.count(200), 1)
                daemon.write_config(daemon.config.read_text().replace("interval = 1h", "interval = 100ms"))
                daemon.post("/api/v1/reload")
                lines = self.finish(process)
            finally:
                process.kill()
                process.communicate()
            self.assertEqual([line[1:] for line in lines], [[str(shown["freemem"]), str(shown["totalmem"])]] * 2)
            self.assertEqual(int(lines[0][0]), shown["timeMs"])
            self.assertGreater(int(lines[1][0]), shown["timeMs"])
            for head in relay.heads[1:]:
                self.assertRegex(head, '(?i)\r\nIf-None-Match: "')

    def test_a_token_is_sent(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            self.for_each(self.send_token, daemon)

    def send_token(self, watcher, daemon):
        with Relay(daemon.port) as relay:
            self.watch(watcher, relay.url(), "memory", "1", MEMWATCHD_TOKEN=TOKEN)
        self.assertIn(f"\r\nAuthorization: Bearer {TOKEN}\r\n", relay.heads[0])

    def test_what_cannot_be_is_said(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            self.for_each(self.refuse, f"http://127.0.0.1:{daemon.port}")
        self.for_each(self.miss)

    def refuse(self, watcher, url):
        self.watch(watcher, url, "history", "system.memory", code=1)
        self.assertIn('"system.memory"', self.said)
        for words in ((), ("remember",), ("history",), ("memory", "1", "2"), ("memory", "x"),
                      ("memory", ""), ("events", "-1")):
            process = self.start(watcher, url, *words)
            _, said = process.communicate(timeout=PATIENCE_S)
            self.assertNotEqual(process.returncode, 0)
            self.assertIn("usage: ", said)

    def miss(self, watcher):
        process = self.start(watcher, "http://127.0.0.1:1", "history", "daemon.rss")
        _, said = process.communicate(timeout=PATIENCE_S)
        self.assertNotEqual(process.returncode, 0)
        self.assertTrue(said)


class Then(Watching):
    def test_history(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            daemon.wait_for_samples(5)
            daemon.request("PUT", "/api/v1/queues/or-ders", {"Content-Type": "application/json"},
                           '{"length": 7}', unix=True)
            daemon.wait_for_samples(3)
            self.for_each(self.read, daemon)

    def read(self, watcher, daemon):
        url, total = f"http://127.0.0.1:{daemon.port}", daemon.json("/api/v1/memory")["totalmem"]
        known = [float(line[1]) for line in self.watch(watcher, url, "history", "system.memTotal")
                 if line[1] != "-"]
        self.assertEqual(set(known), {total})
        lines = self.watch(watcher, url, "history", "queue.length", "or-ders")
        self.assertIn("7", [line[1] for line in lines])
        self.assertIn("-", [line[1] for line in lines])


class Events(Watching):
    def test_samples_and_alerts(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            self.for_each(self.listen, daemon)

    def listen(self, watcher, daemon):
        memory, name = daemon.json("/api/v1/memory"), f"by-{pathlib.Path(watcher[-1]).name.replace('.', '-')}"
        process = self.start(watcher, f"http://127.0.0.1:{daemon.port}", "events")
        try:
            first = process.stdout.readline().split()
            self.assertEqual(first[::2], ["sample", str(memory["freemem"])])
            daemon.configure(ALWAYS.replace('"always"', f'"{name}"'))
            daemon.post("/api/v1/reload")
            lines = iter(process.stdout.readline, "")
            self.assertTrue(any(line.split()[0] == "alert" and line.split()[2:] == ["firing", name, "system"]
                                for line in lines), "it ended without the alert")
        finally:
            process.terminate()
            process.communicate(timeout=PATIENCE_S)

    def test_an_interruption_leaves_no_hole(self):
        """Cut off, kept out until there are more samples, and let in again: in order, none twice, and
        for each sample that was missed there is a step of the history that holds it. The new stream
        was asked for with the last number."""
        with Daemon(proc_root=fixture("healthy"), interval="200ms") as daemon:
            self.for_each(self.interrupt, daemon)

    def interrupt(self, watcher, daemon):
        with Relay(daemon.port, events=3) as relay:
            process = self.start(watcher, relay.url(), "events", "12")
            try:
                self.assertTrue(relay.closed.wait(PATIENCE_S))
                daemon.wait_for_samples(4, PATIENCE_S)
                relay.events = None
                relay.closed.clear()
                lines = self.finish(process)
            finally:
                process.kill()
                process.communicate()
        kinds, times = [line[0] for line in lines], [int(line[1]) for line in lines]
        self.assertEqual(kinds[:3], ["sample"] * 3)
        self.assertIn("missed", kinds)
        self.assertEqual(times, sorted(set(times)))
        for sample in self.sampled(daemon, times[0], times[-1]):
            self.assertTrue(any(time <= sample < time + STEP_MS for time in times), f"{sample}: {lines}")
        again = [head for head in relay.heads if "/events" in head][1]
        self.assertRegex(again, r"(?i)\r\nLast-Event-ID: \d+\r\n")

    def sampled(self, daemon, begin, end):
        points = daemon.json(f"/api/v1/history?from={begin}&to={end + 1}&step=1")["points"]
        return [point[0] for point in points if point[2] is not None]

    def test_a_daemon_that_starts_again_is_found(self):
        self.for_each(self.restart)

    def restart(self, watcher):
        with Daemon(proc_root=fixture("healthy")) as daemon, Relay(daemon.port) as relay:
            process = self.start(watcher, relay.url(), "events", "100")
            try:
                self.assertEqual(process.stdout.readline().split()[0], "sample")
                daemon.kill()
                relay.port = daemon.start().port
                wait_until(lambda: relay.statuses.count(200) >= 2, PATIENCE_S, "another stream")
                kinds = {line[0] for line in self.finish(process)}
            finally:
                process.kill()
                process.communicate()
            self.assertLessEqual(kinds, {"sample", "missed"})


class Small(unittest.TestCase):
    def test_they_tell_what_they_are_for(self):
        usage = "memory [COUNT]", "history READING [SUBJECT]", "events [COUNT]"
        for name in ("watch.c", "watch.py", "watch.sh"):
            head = "\n".join((EXAMPLES / name).read_text().splitlines()[:20])
            for verb in usage:
                self.assertIn(verb, head, name)
            self.assertEqual(set(re.findall(r"MEMWATCHD_[A-Z]+", head)),
                             {"MEMWATCHD_URL", "MEMWATCHD_TOKEN", "MEMWATCHD_SECONDS"}, name)


if __name__ == "__main__":
    unittest.main()
