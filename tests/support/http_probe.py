"""What the tests of HTTP share: http_test_server, and clients that say exactly what is sent.

Everything is on loopback, ports are the kernel's choice, and nothing waits without an end.
"""
import json
import os
import pathlib
import re
import select
import signal
import socket
import subprocess
import tempfile
import threading
import time

BIN = os.environ["MW_TEST_HTTP_SERVER"]
SLOWNESS = float(os.environ.get("MW_TEST_SLOWNESS", "1"))  # of this build, beside a plain one
ANSWERS_S = 20
# The runtime of the thread sanitizer loses a signal now and then when the machine is busy: the
# server sits in epoll_wait(), nothing is pending, and the next signal of the same kind arrives.
# (One in some hundred; none in 800 with a plain build beside it.)
TRIES = 3 if SLOWNESS > 1 else 1
PROBLEM = "application/problem+json"
OWN_HOST = b"Host: localhost\r\n"


def cpu_seconds(pid):
    """CPU time that a process has used so far."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1e9


def wait_until(condition, seconds=20, what="the condition"):
    until = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not hold within {seconds} s")
        time.sleep(0.02)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __getitem__(self, name):
        return self.headers.get(name.lower())

    def json(self):
        return json.loads(self.body)


class Client:
    """A connection; `to` is a port of 127.0.0.1, an address, or the path of a unix socket."""

    def __init__(self, to, timeout=20, receive_buffer=None):
        family = socket.AF_UNIX if isinstance(to, str) else socket.AF_INET
        if isinstance(to, tuple) and ":" in to[0]:
            family = socket.AF_INET6
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(("127.0.0.1", to) if isinstance(to, int) else to)
        except OSError:
            self.socket.close()
            raise
        self.buffer = bytearray()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def get(self, path, *fields, method="GET", version="HTTP/1.1", host=OWN_HOST):
        """Sends a request and reads its answer."""
        self.ask(path, *fields, method=method, version=version, host=host)
        return self.answer(head=method == "HEAD")

    def ask(self, path, *fields, method="GET", version="HTTP/1.1", host=OWN_HOST):
        lines = b"".join(field.encode("latin-1") + b"\r\n" for field in fields)
        self.send(f"{method} {path} {version}\r\n".encode("latin-1") + host + lines + b"\r\n")

    def _more(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError(f"the other side has closed after {bytes(self.buffer[-200:])}")
        self.buffer += data

    def until(self, end):
        """Bytes up to and with `end`."""
        while end not in self.buffer:
            self._more()
        return self._cut(self.buffer.index(end) + len(end))

    def take(self, size):
        while len(self.buffer) < size:
            self._more()
        return self._cut(size)

    def _cut(self, size):
        data = bytes(self.buffer[:size])
        del self.buffer[:size]
        return data

    def head(self):
        lines = self.until(b"\r\n\r\n").decode("latin-1").split("\r\n")[:-2]
        headers = {}
        for line in lines[1:]:
            name, value = line.split(": ", 1)
            assert name.lower() not in headers, f"{name} is there twice"
            headers[name.lower()] = value
        return int(lines[0].split(" ")[1]), headers

    def chunk(self):
        """One chunk of a chunked body; b"" is the last one."""
        size = int(self.until(b"\r\n"), 16)
        data = self.take(size)
        assert self.take(2) == b"\r\n"
        return data

    def answer(self, head=False):
        status, headers = self.head()
        body = b""
        if "content-length" in headers and not head and status != 304:
            body = self.take(int(headers["content-length"]))
        return Answer(status, headers, body)

    def rest(self):
        """All bytes until the other side closes."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError):
            return self._cut(len(self.buffer))

    def is_closed(self, seconds=0):
        """Whether the other side has closed, with nothing more to read."""
        readable = select.select([self.socket], [], [], seconds)[0]
        if not readable:
            return False
        try:
            return self.socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except ConnectionResetError:
            return True


class Stream(Client):
    """An event stream, past the head of its answer."""

    def __init__(self, to, path="/events", **options):
        super().__init__(to, **options)
        self.ask(path)
        self.status, self.headers = self.head()
        self.text = b""

    def event(self):
        """The next block up to a blank line, or None at the clean end."""
        while b"\n\n" not in self.text:
            data = self.chunk()
            if not data:
                return None
            self.text += data
        event, self.text = self.text.split(b"\n\n", 1)
        return event.decode()

    def number(self):
        return int(re.search(r"^id: (\d+)$", self.event(), re.M).group(1))


class Server:
    """with Server("--publish", "0") as server: server.get("/small")

    `listen` of None leaves the TCP listener out; `prefix` goes before the command; other options go
    to subprocess.Popen.
    """

    def __init__(self, *arguments, listen="127.0.0.1:0", prefix=(), environment=None, **options):
        self.command = [*prefix, BIN, *(["--listen", listen] if listen else []), *arguments]
        self.options = dict(options, env=dict(os.environ, **(environment or {})))
        self.addresses = []
        self.said = b""  # of its output, what is not read yet
        self.closed_ms = None

    def start(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                        **self.options)
        self.said = b""
        self.pid = self.process.pid
        self.errors = []
        self._reader = threading.Thread(target=self._read_errors, daemon=True)
        self._reader.start()
        self.read_addresses()
        return self

    def _read_errors(self):
        self.errors.extend(self.process.stderr)

    def read_line(self):
        """The next line of its output; "" at the end of it. TimeoutError when none comes."""
        out = self.process.stdout.fileno()
        until = time.monotonic() + ANSWERS_S * SLOWNESS
        while b"\n" not in self.said:
            if not select.select([out], [], [], max(0, until - time.monotonic()))[0]:
                raise TimeoutError("the server says nothing")
            data = os.read(out, 4096)
            if not data:
                return ""
            self.said += data
        line, self.said = self.said.split(b"\n", 1)
        return line.decode() + "\n"

    def read_addresses(self):
        """What comes up to "ready"; returns the complaint of a reload that failed."""
        addresses = []
        while line := self.read_line():
            if line.startswith("address "):
                addresses.append(line.split()[1])
            elif line.startswith("reload: "):
                return line[8:].strip()
            elif line == "ready\n":
                self.addresses = addresses
                return None
        raise AssertionError("the server did not start: " + self.error_text())

    def reload(self):
        """With the arguments that its file has now. Returns the complaint, or None."""
        for attempt in range(TRIES):
            os.kill(self.pid, signal.SIGHUP)
            try:
                return self.read_addresses()
            except TimeoutError:
                if attempt + 1 == TRIES:
                    raise
        return None

    def error_text(self):
        self._reader.join(2)
        return "".join(self.errors)

    @property
    def port(self):
        return int(next(a for a in self.addresses if ":" in a).rsplit(":", 1)[1])

    def __enter__(self):
        return self.start()

    def __exit__(self, failed, *_):
        if self.process.poll() is None:
            self.stop()
        self.process.stdout.close()
        self._reader.join(2)
        self.process.stderr.close()
        if not failed:
            assert self.process.returncode == 0, self.error_text()

    def stop(self):
        """Ends it as systemd would, and how long its closing took goes to closed_ms."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise
        said = self.said.decode() + self.process.stdout.read()
        match = re.search(r"^closed (\d+)$", said, re.M)
        self.closed_ms = int(match.group(1)) if match else None

    def publish(self):
        """One publish, done when this returns."""
        before = self.sequence()
        os.kill(self.pid, signal.SIGUSR1)
        wait_until(lambda: self.sequence() > before, what="the publish")

    def sequence(self):
        return int(self.get("/small").json_head()["seq"])

    def client(self, **options):
        return Client(self.port, **options)

    def get(self, path, *fields, **options):
        with self.client() as client:
            return SmallAnswer(client.get(path, *fields, **options))

    def stats(self):
        return self.get("/stats").json()


class SmallAnswer(Answer):
    def __init__(self, answer):
        super().__init__(answer.status, answer.headers, answer.body)

    def json_head(self):
        """The object that /small begins with."""
        return json.loads(self.body[:self.body.index(b"}") + 1])


def refused(*arguments, listen="127.0.0.1:0", **options):
    """What a server that does not start says."""
    command = [BIN, *(["--listen", listen] if listen else []), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, **options)
    assert done.returncode == 1, f"it ended with {done.returncode}: {done.stdout}{done.stderr}"
    return done.stderr


def directory():
    """A new directory that others may enter; call cleanup() on the first of the two."""
    made = tempfile.TemporaryDirectory(prefix="mw")
    os.chmod(made.name, 0o755)
    return made, pathlib.Path(made.name)
