"""A receiver of webhooks, and a machine whose available memory a test can turn up and down."""
import http.server
import json
import pathlib
import re
import shutil
import tempfile
import threading

from support.daemon import fixture, wait_until


class Hook:
    """with Hook() as hook: hook.url; hook.messages has (key, status, body) as they came."""

    def __init__(self, port=0):
        hook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.take(self.headers["Idempotency-Key"], json.loads(body))
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.messages = []
        self._lock = threading.Lock()

    def take(self, key, body):
        with self._lock:
            self.messages.append((key, body["status"], body))

    def keys(self, status):
        """Different ones, in the order in which they first came."""
        with self._lock:
            return list(dict.fromkeys(key for key, at, _ in self.messages if at == status))

    def bodies(self, status, **members):
        with self._lock:
            return [body for _, at, body in self.messages if at == status and
                    all(body[key] == value for key, value in members.items())]

    def wait_for(self, status, count=1, seconds=30):
        return wait_until(lambda: len(self.keys(status)) >= count and self.keys(status), seconds,
                          f"{count} {status}")

    def __enter__(self):
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_):
        if self._thread.is_alive():
            self.server.shutdown()
            self._thread.join()
        self.server.server_close()


class Machine:
    """A copy of a fixture; set(percent) of its memory is available from the next sample on."""

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.directory = pathlib.Path(self._directory.name)
        self.proc = str(self.directory / "proc")
        self.state = self.directory / "state"
        self.state.mkdir()
        shutil.copytree(fixture("healthy"), self.proc, symlinks=True)
        self._meminfo = pathlib.Path(self.proc) / "meminfo"
        self._text = self._meminfo.read_text()
        self._total = int(re.search(r"MemTotal: *(\d+)", self._text).group(1))
        self.set(50)

    def set(self, percent):
        """In place and with the same size, as the daemon keeps the file open."""
        value = f"MemAvailable:   {self._total * percent // 100:>8} kB"
        text = re.sub(r"MemAvailable: .*", value, self._text)
        with open(self._meminfo, "r+b", buffering=0) as file:
            file.write(text.encode())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._directory.cleanup()
