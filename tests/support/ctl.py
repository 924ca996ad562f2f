"""Runs memwatchctl for scenario tests: in a pipe, or on a terminal of a given size."""
import fcntl
import http.server
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import threading
import time

CTL = os.environ["MW_TEST_CTL"]


def ctl(*arguments, environment=None, timeout=30, stdin="", **options):
    """To its end, without a terminal; stdin, stdout and stderr as text."""
    return subprocess.run([CTL, *arguments], env=dict(os.environ, **(environment or {})),
                          input=stdin, capture_output=True, text=True,
                          errors="surrogateescape", timeout=timeout, **options)


class Terminal:
    """with Terminal(40, 10, "top", ...) as terminal: what it shows is in terminal.text"""

    def __init__(self, columns, rows, *arguments, environment=None):
        self.controller, self._other = pty.openpty()
        self.resize(columns, rows)
        self.modes = termios.tcgetattr(self._other)
        variables = {name: value for name, value in os.environ.items() if name != "NO_COLOR"}
        self.process = subprocess.Popen([CTL, *arguments], stdin=self._other, stdout=self._other,
                                        stderr=subprocess.PIPE, text=True,
                                        env=dict(variables, TERM="xterm", **(environment or {})))
        self.text = ""

    def resize(self, columns, rows):
        fcntl.ioctl(self.controller, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        if hasattr(self, "process"):
            self.process.send_signal(signal.SIGWINCH)

    def read(self, seconds=0.1):
        """Adds what comes in that time."""
        until = time.monotonic() + seconds
        while select.select([self.controller], [], [], max(0, until - time.monotonic()))[0]:
            self.text += os.read(self.controller, 65536).decode("utf-8", "replace")

    def wait_for(self, condition, seconds=20):
        until = time.monotonic() + seconds
        while not condition(self.text):
            if time.monotonic() > until:
                raise AssertionError(f"the terminal shows {self.text!r}")
            self.read()

    def type(self, keys):
        os.write(self.controller, keys.encode())

    def end(self, seconds=20):
        """Waits for its end; returns the exit code."""
        until = time.monotonic() + seconds
        while self.process.poll() is None:
            if time.monotonic() > until:
                raise AssertionError(f"it does not end, and shows {self.text!r}")
            self.read()
        self.read()
        return self.process.returncode

    def stderr(self):
        return self.process.stderr.read()

    def is_as_before(self):
        """The modes of the terminal."""
        return termios.tcgetattr(self._other) == self.modes

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(20)
        self.process.stderr.close()
        os.close(self.controller)
        os.close(self._other)


class Impostor:
    """A server that answers everything with the same bytes, or never: what else may be there."""

    def __init__(self, answer, silent=False):
        class Handler(http.server.BaseHTTPRequestHandler):
            def handle_one_request(handler):
                handler.rfile.readline(65537)
                if silent:
                    handler.connection.recv(65536)
                    handler.connection.recv(65536)
                handler.wfile.write(answer)
                handler.close_connection = True

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
