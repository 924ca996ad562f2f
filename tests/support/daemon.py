"""What scenario tests share: the real daemon, started for one test and always ended with it.

Each daemon has a directory of its own with its configuration and socket, and a free port, so tests
can run side by side. Nothing waits without an end.
"""
import gzip
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import subprocess
import tempfile
import threading
import time

BIN = os.environ["MW_TEST_BIN"]
SLOWNESS = float(os.environ.get("MW_TEST_SLOWNESS", "1"))  # of this build, beside a plain one
ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"
START_S = 60
STOP_S = 60
LISTENING = re.compile(r"listening on 127\.0\.0\.1:(\d+)\s*$")


def fixture(name):
    """The proc root of a fixture."""
    return str(FIXTURES / name / "proc")


def named(path):
    """A described path, with a name that is there for {name}."""
    names = {"heaps": "memwatchd", "queues": "events", "caches": "bodies"}
    kind = path.split("/")[-2]
    return path.replace("{name}", names[kind]) if "{name}" in path else path


# A rule that fires at once wherever there is a machine, for tests that need an alert.
ALWAYS = 'alert "always" { reading = "system.memTotal"  above = 1KB  labels = {"team=shop"} }\n'


def wait_until(condition, seconds=20, what="the condition"):
    """Its first true value. An exception in it counts as false until the time is over."""
    until = time.monotonic() + seconds
    while True:
        error = None
        try:
            value = condition()
            if value:
                return value
        except (OSError, AssertionError, http.client.HTTPException, KeyError) as caught:
            error = caught
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not hold within {seconds} s") from error
        time.sleep(0.02)


def run(*arguments, environment=None, timeout=30, **options):
    """Runs the daemon's program to its end; stdout and stderr as text."""
    return subprocess.run([BIN, *arguments], env=dict(os.environ, **(environment or {})),
                          stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="surrogateescape", timeout=timeout, **options)


def cpu_seconds(pid):
    """CPU time that a process has used so far, all threads."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


class Answer:
    def __init__(self, answer):
        self.status = answer.status
        self.headers = answer.headers
        self.body = answer.read()
        self.text = self.body.decode("utf-8", "surrogateescape")

    def json(self):
        return json.loads(self.body.decode("utf-8"))

    def unzipped(self):
        return gzip.decompress(self.body)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


class Frozen:
    """Holds one thread of a process still."""

    def __init__(self, tid):
        self.process = subprocess.Popen([os.environ["MW_TEST_FREEZE"], str(tid)],
                                        stdout=subprocess.PIPE, text=True)
        if self.process.stdout.readline() != "frozen\n":
            raise AssertionError("the thread could not be held")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


class Client:
    """Asks a daemon; who inherits it says how to connect(), and to connect_unix()."""

    def request(self, method, path, headers=None, body=None, unix=False):
        connection = self.connect_unix() if unix else self.connect()
        try:
            connection.request(method, path, body=body, headers=headers or {})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def get(self, path, headers=None, unix=False):
        return self.request("GET", path, headers, unix=unix)

    def post(self, path, headers=None, body=None, unix=True):
        return self.request("POST", path, headers, body, unix)

    def json(self, path, unix=False):
        """The document of a GET that must succeed."""
        answer = self.get(path, unix=unix)
        if answer.status != 200:
            raise AssertionError(f"GET {path}: {answer.status} {answer.text}")
        return answer.json()

    def alert_id(self):
        """Of an alert that there is."""
        alerts = wait_until(lambda: self.json("/api/v1/alerts?limit=1")["alerts"], what="an alert")
        return alerts[0]["id"]

    def wait_for_samples(self, count=2, seconds=20, unix=False):
        """Until as many new samples have been published."""
        first = self.json("/api/v1/memory", unix)["seq"]
        wait_until(lambda: self.json("/api/v1/memory", unix)["seq"] >= first + count, seconds,
                   f"{count} more samples")


class Daemon(Client):
    """with Daemon(proc_root=fixture("healthy")) as daemon: daemon.get("/api/v1/memory").json()

    `config` is added to the configuration; `ready` says whether to wait for the first sample;
    other options go to subprocess.Popen.
    """

    def __init__(self, *arguments, config="", interval="100ms", proc_root=None, ready=True,
                 environment=None, socket_path=None, wrapper=(), **options):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.directory = pathlib.Path(self._directory.name)
        self.config = self.directory / "memwatchd.conf"
        self.socket = socket_path or str(self.directory / "socket")
        self._head = (f'interval = {interval}\nlisten = {{"127.0.0.1:0"}}\n'
                      f'socket = "{self.socket}"\nsocket-group = ""\n')
        self.configure(config)
        self._command = [*wrapper, BIN, "--config", str(self.config), *arguments]
        if proc_root:
            self._command += ["--proc-root", proc_root]
        self._options = dict(options, env=dict(os.environ, **(environment or {})))
        self._ready = ready
        self._reader = None
        self.port = None
        self.lines = []
        self._changed = threading.Condition()

    def configure(self, text):
        """With a state directory of its own, unless the text says which."""
        if "state-dir" not in text:
            state = self.directory / "state"
            state.mkdir(exist_ok=True)
            text = f'state-dir = "{state}"\n' + text
        self.write_config(self._head + text)

    def write_config(self, text):
        """In one step: a reload may come at any moment, and half a file means something else."""
        new = self.directory / "new"
        new.write_text(text)
        new.rename(self.config)

    # ---- life ----

    def start_with_log(self, descriptor):
        """Only starts the process; its lines go there, and nobody waits for its address."""
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=descriptor,
                                        text=True, errors="surrogateescape", **self._options)
        self.pid = self.process.pid

    def start(self):
        self.start_with_log(subprocess.PIPE)
        self._reader = threading.Thread(target=self._read_lines, daemon=True)
        self._reader.start()
        self.port = int(self.wait_for_line(LISTENING, START_S).group(1))
        if self._ready:
            wait_until(lambda: self.get("/readyz").status == 200, START_S, "readiness")
        return self

    def _read_lines(self):
        for line in self.process.stderr:
            with self._changed:
                self.lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self.lines.append(None)
            self._changed.notify_all()

    def wait_for_line(self, pattern, seconds=20, after=0):
        """The match of the first line of the log, from number `after` on, that has the pattern."""
        def found():
            matches = (re.search(pattern, line) for line in self.lines[after:] if line is not None)
            return next((match for match in matches if match), None)

        with self._changed:
            self._changed.wait_for(lambda: found() or None in self.lines, seconds)
            match = found()
        if not match:
            raise AssertionError(f"no line like {pattern!r} in the log:\n{self.log()}")
        return match

    def log(self):
        return "\n".join(line for line in self.lines if line is not None)

    def stop(self, number=signal.SIGTERM):
        """Sends the signal; returns the exit code and how long it took."""
        begin = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(STOP_S)
        took = time.monotonic() - begin
        if self._reader:
            self._reader.join(STOP_S)
        return code, took

    def kill(self):
        self.process.kill()
        self.process.wait(STOP_S)
        self._reader.join(STOP_S)
        self.process.stderr.close()
        self._reader, self.lines = None, []

    def end(self):
        process = getattr(self, "process", None)
        if process:
            if process.poll() is None:
                process.kill()
                process.wait(STOP_S)
            if self._reader:
                self._reader.join(STOP_S)
                process.stderr.close()
        self._directory.cleanup()

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.end()
            raise

    def __exit__(self, kind, *_):
        """A daemon that ended badly by itself, or does not end well now, fails its test."""
        try:
            if self.process.poll() is None and kind is None:
                code, _ = self.stop()
                if code != 0:
                    raise AssertionError(f"exit code {code} on SIGTERM:\n{self.log()}")
            elif kind is None and self.process.returncode not in (0, -signal.SIGKILL):
                raise AssertionError(f"exit code {self.process.returncode}:\n{self.log()}")
        finally:
            self.end()

    def collector(self):
        """The collector thread's number."""
        tasks = pathlib.Path(f"/proc/{self.pid}/task")
        return next(int(task.name) for task in tasks.iterdir()
                    if (task / "comm").read_text() == "collect\n")

    # ---- talking to it ----

    def connect(self, timeout=30):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def connect_unix(self, timeout=30):
        return UnixConnection(self.socket, timeout)

    def connect_raw(self, timeout=30):
        return socket.create_connection(("127.0.0.1", self.port), timeout)

    def process_of(self, pid):
        answer = self.get(f"/api/v1/processes/{pid}")
        return answer.json() if answer.status == 200 else None
