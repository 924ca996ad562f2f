"""Prometheus itself, on a free port of loopback: what it has scraped, and what its rules make of it."""
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from support.daemon import ROOT, wait_until

PROGRAM = os.environ.get("MW_TEST_PROMETHEUS") or shutil.which("prometheus")
PROMTOOL = os.environ.get("MW_TEST_PROMTOOL") or shutil.which("promtool")
LISTENING = re.compile(r'msg="Listening on" address=127\.0\.0\.1:(\d+)')
START_S = 60


def promtool(*arguments, **options):
    """Runs Prometheus' checker to its end; stdout and stderr as one text."""
    if not PROMTOOL:
        raise AssertionError("promtool is needed: set MW_TEST_PROMTOOL")
    return subprocess.run([PROMTOOL, *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, **options)


def scrape(*targets, interval="1s", **jobs):
    """A configuration, as JSON, which is YAML too: each keyword is a job and its path.

    scrape("127.0.0.1:9636") reads /metrics; scrape(ADDRESS, node="/metrics/node") that path.
    """
    jobs = jobs or {"memwatchd": "/metrics"}
    return {"global": {"scrape_interval": interval, "evaluation_interval": interval},
            "scrape_configs": [{"job_name": name, "metrics_path": path,
                                "static_configs": [{"targets": list(targets)}]}
                               for name, path in jobs.items()]}


class Prometheus:
    """with Prometheus(scrape(address)) as prometheus: prometheus.query("up")

    The configuration is an object, or text, or the path of a file, which then stays where it is and
    may name others beside it. `agent` says whether it only passes on what it scrapes; then it cannot
    be asked. More arguments go to the program.
    """

    def __init__(self, config, *arguments, agent=False, scraped=True):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.directory = pathlib.Path(self._directory.name)
        self.agent = agent
        self._scraped = scraped
        self.config = self._write(config)
        data = ["--enable-feature=agent", f"--storage.agent.path={self.directory}/data"] if agent else [
            f"--storage.tsdb.path={self.directory}/data"]
        self._command = [PROGRAM, f"--config.file={self.config}", *data,
                         "--web.listen-address=127.0.0.1:0", *arguments]
        self.lines = []

    def _write(self, config):
        if isinstance(config, pathlib.Path):
            return config
        path = self.directory / "prometheus.yml"
        path.write_text(config if isinstance(config, str) else json.dumps(config))
        return path

    # ---- life ----

    def __enter__(self):
        if not PROGRAM:
            raise AssertionError("prometheus is needed: set MW_TEST_PROMETHEUS")
        self.process = subprocess.Popen(self._command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.pid = self.process.pid
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        try:
            wait_until(self._find_port, START_S, "Prometheus' address")
            wait_until(self._is_ready, START_S, "Prometheus")
            if self._scraped:
                self.wait_for_scrape()
        except BaseException as error:
            self.__exit__()
            raise AssertionError(f"{error}; it said:\n{self.log()}") from error
        return self

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def log(self):
        return "".join(self.lines)

    def _find_port(self):
        if self.process.poll() is not None:
            raise RuntimeError(f"Prometheus ended with {self.process.returncode}")
        match = LISTENING.search(self.log())
        self.port = int(match.group(1)) if match else None
        return self.port

    def _is_ready(self):
        with urllib.request.urlopen(f"{self.url()}/-/ready", timeout=5) as answer:
            return answer.status == 200

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(20)
        self._reader.join(20)
        self.process.stderr.close()
        self._directory.cleanup()

    # ---- its API ----

    def url(self, path=""):
        return f"http://127.0.0.1:{self.port}{path}"

    def get(self, path, **parameters):
        """`data` of an answer; what it complains of is an AssertionError."""
        words = f"?{urllib.parse.urlencode(parameters, doseq=True)}" if parameters else ""
        try:
            with urllib.request.urlopen(self.url(path) + words, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path}{words}: {error.code} {error.read().decode()}") from error

    def query(self, expression, **parameters):
        """(labels, value) of each series now; values are as it writes them, made numbers."""
        data = self.get("/api/v1/query", query=expression, **parameters)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def value(self, expression, seconds=30):
        """Of an expression that gives one series; a scrape that took too long leaves out one."""
        def one():
            found = self.query(expression)
            if len(found) != 1:
                raise AssertionError(f"one series expected, there are {found}")
            return found

        return wait_until(one, seconds, expression)[0][1]

    def wait_for_value(self, expression, seconds=30):
        return wait_until(lambda: self.query(expression), seconds, expression)

    def query_range(self, expression, seconds=60, step=1):
        """(labels, [(time, value), ...]) of each series over the last seconds."""
        now = time.time()
        data = self.get("/api/v1/query_range", query=expression, start=now - seconds, end=now,
                        step=step)
        return [(one["metric"], [(at, float(value)) for at, value in one["values"]])
                for one in data["result"]]

    def targets(self):
        return self.get("/api/v1/targets", state="active")["activeTargets"]

    def wait_for_scrape(self, seconds=START_S):
        """Until each target has been scraped and is well, and that can be asked for; says else what
        is wrong with one."""
        def scraped():
            targets = self.targets()
            if targets and all(target["health"] == "up" for target in targets):
                return self.agent or self.query(f"sum(up) == {len(targets)}")
            raise AssertionError([(target["scrapeUrl"], target["health"], target["lastError"])
                                  for target in targets])

        return wait_until(scraped, seconds, "a scrape of each target")

    def alerts(self):
        return self.get("/api/v1/alerts")["alerts"]


class Shipped:
    """A copy of conf/prometheus that may be changed: with Shipped() as shipped: ...

    shipped.path("agent.yml") is the file. change() puts other text in it, which must be there.
    """

    def __init__(self):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.folder = pathlib.Path(self._directory.name) / "prometheus"
        shutil.copytree(ROOT / "conf" / "prometheus", self.folder)

    def path(self, name):
        return self.folder / name

    def change(self, name, *changes):
        text = self.path(name).read_text()
        for old, new in changes:
            if old not in text:
                raise AssertionError(f"{name} has no {old!r}")
            text = text.replace(old, new)
        self.path(name).write_text(text)

    def uncomment(self, name, *beginnings):
        """Of each block of comments, from the line that so begins on."""
        lines = self.path(name).read_text().splitlines()
        for beginning in beginnings:
            at = next(i for i, line in enumerate(lines)
                      if line.lstrip().startswith(f"# {beginning}"))
            indent = lines[at][:lines[at].index("#")]
            while at < len(lines) and lines[at].startswith(f"{indent}# "):
                lines[at] = indent + lines[at][len(indent) + 2:]
                at += 1
        self.path(name).write_text("\n".join(lines) + "\n")

    def set_targets(self, *addresses, **labels):
        self.path("targets.json").write_text(json.dumps([{"targets": addresses, "labels": labels}]))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._directory.cleanup()


class Relay:
    """with Relay(daemon.port) as relay: stands between a scraper and a daemon, passes on whole
    answers as they are, and remembers what was asked for and what came. `accept` says what it
    puts in place of the scraper's own."""

    def __init__(self, port, accept=None):
        self.seen = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler(port, accept))
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def _handler(self, port, accept):
        seen = self.seen

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                asked = {name: value for name, value in self.headers.items() if name != "Host"}
                if accept is not None:
                    asked["Accept"] = accept
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
                connection.request("GET", self.path, headers=asked)
                answer = connection.getresponse()
                body = answer.read()
                connection.close()
                seen.append((dict(self.headers), answer.status, dict(answer.getheaders()), body))
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        return Handler

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(10)
