"""The daemon's sinks on a loop of their own (tests/support/sink_driver.c), and the servers that they
talk with: each answers as its script says, and remembers what it was told."""
import http.server
import json
import os
import pathlib
import queue
import signal
import socket
import ssl
import struct
import subprocess
import tempfile
import threading
import time

DRIVER = os.environ["MW_TEST_SINK_DRIVER"]
DELIVER = os.environ["MW_TEST_DELIVER"]


class Request:
    def __init__(self, path, headers, body):
        self.path, self.headers, self.body = path, headers, body
        self.at = time.monotonic()
        self.id = headers.get("Idempotency-Key")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.owner.answer(self, Request(self.path, dict(self.headers), body))

    def log_message(self, *_):
        pass

    def reply(self, status, headers=(), body=b""):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value() if callable(value) else value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def reset(self):
        """Ends the connection with RST, without a word."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass


class Receiver:
    """with Receiver([429, "hang"]) as receiver: answers 429, then hangs, then 200 for ever.

    A header's value may be a function, which is called when it is sent.
    A script's step is a status, (status, headers, body), "hang", "reset", "close" (no answer) or
    "forever" (a body without an end).
    """

    def __init__(self, script=(), port=0, context=None):
        self.script = list(script)
        self.requests = []
        self.lock = threading.Lock()
        self.released = threading.Event()
        self.server = Server(("127.0.0.1", port), Handler)
        self.server.owner = self
        if context:
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                     do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.scheme = "https" if context else "http"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def url(self, path="/hook"):
        return f"{self.scheme}://127.0.0.1:{self.port}{path}"

    def answer(self, handler, request):
        with self.lock:
            self.requests.append(request)
            step = self.script.pop(0) if self.script else 200
        if step == "hang":
            self.released.wait(60)
            handler.close_connection = True
        elif step == "reset":
            handler.reset()
        elif step == "close":
            handler.close_connection = True
        elif step == "forever":
            self.pour(handler)
        elif isinstance(step, int):
            handler.reply(step)
        else:
            handler.reply(*step)

    def pour(self, handler):
        handler.send_response(200)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        try:
            while not self.released.is_set():
                handler.wfile.write(b"1000\r\n" + b"x" * 4096 + b"\r\n")
        except OSError:
            handler.close_connection = True

    def ids(self):
        with self.lock:
            return [request.id for request in self.requests]

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(10)


class Sinks:
    """The driver. Waits are short in it, so that tests are: 20 ms before the second try, at most
    200 ms between two."""

    def __init__(self, *settings, retry_first=20, retry_max=200, resend=60000, idle=60000,
                 journal=None, program=DELIVER, environment=None):
        self.settings = list(settings)
        self.environment = dict(os.environ, DRIVER_PROGRAM=program,
                                DRIVER_RETRY_FIRST_MS=str(retry_first),
                                DRIVER_RETRY_MAX_MS=str(retry_max), DRIVER_RESEND_MS=str(resend),
                                DRIVER_IDLE_MS=str(idle), **(environment or {}))
        if journal:
            self.environment["DRIVER_JOURNAL"] = str(journal)
        self.events = queue.Queue()
        self.done = []
        self.rooms = 0
        self.changed = threading.Condition()
        self.log = []

    # ---- life ----

    def __enter__(self):
        self.process = subprocess.Popen([DRIVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True, env=self.environment)
        self.readers = [threading.Thread(target=read, daemon=True)
                        for read in (self._read_events, self._read_log)]
        for reader in self.readers:
            reader.start()
        try:
            self.apply(*self.settings)
        except BaseException:
            self.process.kill()
            self.process.wait(20)
            raise
        return self

    def __exit__(self, kind, *_):
        """It must end by itself, and well: a leak or a fault fails its test."""
        child = self.child()["pid"] if kind is None else 0
        self.process.stdin.close()
        try:
            code = self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        for reader in self.readers:
            reader.join(20)
        self.process.stdout.close()
        self.process.stderr.close()
        if kind is None and code != 0:
            raise AssertionError(f"the driver ended with {code}:\n" + "".join(self.log))
        if child:
            wait_for(lambda: not alive(child), 10, "memwatchd-deliver's end")

    def _read_events(self):
        for line in self.process.stdout:
            event = json.loads(line)
            with self.changed:
                if event["event"] == "done":
                    self.done.append(event)
                elif event["event"] == "room":
                    self.rooms += 1
                else:
                    self.events.put(event)
                self.changed.notify_all()

    def _read_log(self):
        for line in self.process.stderr:
            self.log.append(line)

    # ---- commands ----

    def command(self, **command):
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self.events.get(timeout=30)

    def apply(self, *settings):
        result = self.command(apply=list(settings))["result"]
        if result != 0:
            raise AssertionError(f"settings were refused: {result}")

    def send(self, sink, fingerprint, id=None, status="firing", body=None, **more):
        """The result: 0 or a negative errno."""
        id = id or f"{fingerprint}-{status}"
        body = json.dumps({"id": id, "status": status}) if body is None else body
        labels = more.pop("labels", {"alertname": "test", "name": fingerprint})
        return self.command(send=dict(sink=sink, fingerprint=fingerprint, id=id, status=status,
                                      body=body, labels=labels, starts=int(time.time() * 1000),
                                      **more))["result"]

    def numbers(self, name):
        return self.command(numbers=True)["queues"][name]

    def child(self):
        return self.command(numbers=True)

    def wait_for_done(self, count, seconds=20):
        with self.changed:
            if not self.changed.wait_for(lambda: len(self.done) >= count, seconds):
                raise AssertionError(f"{len(self.done)} of {count} done:\n" + "".join(self.log))
        return self.done

    def send_all(self, sink, fingerprints, **more):
        """As the daemon does: when there is no room, waits until it is called."""
        for fingerprint in fingerprints:
            while True:
                rooms = self.rooms
                if self.send(sink, fingerprint, **more) == 0:
                    break
                with self.changed:
                    self.changed.wait_for(lambda: self.rooms > rooms, 30)


def webhook(receiver, name="hook", **more):
    url = receiver if isinstance(receiver, str) else receiver.url()
    return dict(name=name, type="webhook", urls=[url], **more)


def alive(pid):
    """A process that only waits to be reaped is none."""
    try:
        return "State:\tZ" not in pathlib.Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_for(condition, seconds=20, what="the condition"):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"{what} did not come within {seconds} s")
        time.sleep(0.01)


class Authority:
    """A certificate authority of the test's own, and a certificate for 127.0.0.1."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.ca = self.directory / "ca.pem"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                  "-nodes", "-days", "2", "-subj", "/CN=test authority", "-keyout", "ca.key",
                  "-out", "ca.pem")

    def _run(self, *arguments):
        subprocess.run(["openssl", *arguments], cwd=self.directory, check=True,
                       capture_output=True, timeout=60)

    def context(self, name="IP:127.0.0.1"):
        """What a server needs whose certificate says that it is `name`."""
        (self.directory / "names").write_text(f"subjectAltName={name}\n")
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                  "-subj", "/CN=server", "-keyout", "server.key", "-out", "server.csr")
        self._run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                  "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem", self.directory / "server.key")
        return context
