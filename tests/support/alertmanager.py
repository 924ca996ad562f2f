"""Alertmanager itself, on a free port of loopback, and what its own tool says about it."""
import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import urllib.error
import urllib.request

from support.sinks import wait_for

LISTENING = re.compile(r"address=127\.0\.0\.1:(\d+)")


def find(program):
    path = shutil.which(program)
    if not path:
        raise AssertionError(f"{program} is needed: it is in the package prometheus-alertmanager")
    return path


class Alertmanager:
    """with Alertmanager(receiver.url()) as manager: it tells that webhook of what it is told, each
    alert alone and at once. Without one it groups all alerts and tells nobody. With the text of a
    configuration it does what that says."""

    def __init__(self, webhook=None, port=0, config=None):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.directory = pathlib.Path(self._directory.name)
        self.config = self.directory / "alertmanager.yml"
        if config:
            self.config.write_text(config)
        elif webhook:
            self.config.write_text(
                "route: {receiver: test, group_by: ['...'], group_wait: 50ms, group_interval: 50ms}\n"
                f"receivers: [{{name: test, webhook_configs: [{{url: '{webhook}'}}]}}]\n")
        else:
            self.config.write_text("route: {receiver: test}\nreceivers: [{name: test}]\n")
        self.wanted_port = port
        self.lines = []

    def __enter__(self):
        command = [find("prometheus-alertmanager"), f"--config.file={self.config}",
                   f"--storage.path={self.directory}/data", "--cluster.listen-address=",
                   f"--web.listen-address=127.0.0.1:{self.wanted_port}"]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        try:
            wait_for(self._find_port, 60, "Alertmanager's address")
            wait_for(self._is_ready, 60, "Alertmanager")
        except BaseException:
            self.__exit__()
            raise
        return self

    def _read(self):
        for line in self.process.stderr:
            self.lines.append(line)

    def _find_port(self):
        for line in self.lines:
            match = LISTENING.search(line)
            if match and match.group(1) != "0":
                self.port = int(match.group(1))
                return True
        return False

    def _is_ready(self):
        try:
            with urllib.request.urlopen(f"{self.url()}/-/ready", timeout=5) as answer:
                return answer.status == 200
        except (urllib.error.URLError, OSError):
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait(20)
        self.reader.join(20)
        self.process.stderr.close()
        self._directory.cleanup()

    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def alerts(self):
        """Those that fire, by their label `name`, as amtool has them."""
        result = subprocess.run([find("amtool"), "alert", "query", "--output=json",
                                 f"--alertmanager.url={self.url()}"],
                                capture_output=True, text=True, timeout=60, check=True)
        return {alert["labels"]["name"]: alert for alert in json.loads(result.stdout)}

    def count(self):
        """How many fire; cheaper than amtool."""
        return len(self.every())

    def every(self):
        """Those that fire, held back or not, as its API has them."""
        with urllib.request.urlopen(f"{self.url()}/api/v2/alerts?active=true", timeout=20) as answer:
            return json.load(answer)
