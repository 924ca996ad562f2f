"""A machine on which everything goes wrong that dashboards are there to show, and Prometheus that watches
it: memory and swap run out, programs wait and are killed, a queue fills, a cache throws away."""
import json
import pathlib
import re
import shutil
import socket
import tempfile
import threading

from support.daemon import ROOT, Daemon, fixture
from support.prometheus import Prometheus, scrape

JSON = {"Content-Type": "application/json"}
TICK_S = 0.2


class Tree:
    """A copy of the healthy machine's /proc that gets worse with each tick(). Files are written in
    place and keep their lengths, since the daemon keeps them open."""

    def __init__(self, folder):
        self.root = pathlib.Path(folder) / "healthy"
        shutil.copytree(fixture("healthy").removesuffix("/proc"), self.root, symlinks=True)
        self.proc = self.root / "proc"
        self.ticks = 0

    def put(self, name, **values):
        """Each number behind such a word is another one."""
        path = self.proc / name
        text = path.read_text()
        for word, value in values.items():
            def replace(match, value=value):
                number = f"{value}".rjust(len(match.group(2)))
                if len(number) > len(match.group(2)):
                    raise AssertionError(f"{name}: {word}={value} is too long")
                return match.group(1) + number
            text = re.sub(rf"({word}[:=]?)( *[\d.]+)", replace, text)
        with open(path, "r+", encoding="ascii") as file:
            file.write(text)

    def tick(self):
        self.ticks += 1
        self.put("meminfo", MemAvailable=200000, SwapFree=max(2000000 - 1000 * self.ticks, 500000))
        self.put("vmstat", oom_kill=self.ticks % 10, pgmajfault=21044 + self.ticks)
        path = self.proc / "pressure" / "memory"
        total = 18204412 + 50000 * self.ticks
        path.write_text(f"some avg10=30.00 avg60=30.00 avg300=9.00 total={total}\n"
                        f"full avg10=20.00 avg60=20.00 avg300=9.00 total={total - 9000000}\n")


class Trouble:
    """with Trouble() as trouble: trouble.prometheus, trouble.troubled (its address), trouble.container"""

    def __init__(self):
        self._folder = tempfile.TemporaryDirectory(prefix="mw")
        self.tree = Tree(self._folder.name)
        self.tree.tick()
        self._daemon = Daemon(proc_root=str(self.tree.proc))
        self._other = Daemon(proc_root=fixture("container"))
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._worsen, daemon=True)
        self.failed = None

    def _put(self, path, **body):
        answer = self._daemon.request("PUT", path, JSON, json.dumps(body), unix=True)
        if answer.status != 204:
            raise AssertionError(answer.text)

    def _worsen(self):
        """Until it is over; what went wrong is kept for the end."""
        try:
            while not self._over.wait(TICK_S):
                self.tree.tick()
                now = self.tree.ticks
                self._put("/api/v1/queues/orders", length=100 + now, capacity=10000, oldestAgeMs=40000,
                          enqueuedTotal=100 + now, dequeuedTotal=0)
                self._put("/api/v1/caches/pages", entries=10, limit=10, hits=now, misses=9 * now,
                          evictions=9 * now)
        except Exception as error:  # pylint: disable=broad-except
            self.failed = error

    def _configuration(self):
        with socket.create_server(("127.0.0.1", 0)) as closed:  # nobody will be there
            nobody = f"127.0.0.1:{closed.getsockname()[1]}"
        config = scrape(self.troubled, self.container, nobody)
        rules = ROOT / "conf" / "prometheus" / "rules"
        return {**config, "rule_files": [str(rules / "*.yml")]}

    def __enter__(self):
        self._daemon.__enter__()
        self._other.__enter__()
        self.troubled, self.container = (f"127.0.0.1:{each.port}" for each in (self._daemon, self._other))
        self._daemon.post("/api/v1/heaps/memwatchd/collect")
        self._thread.start()
        self.prometheus = Prometheus(self._configuration(), scraped=False).__enter__()
        return self

    def __exit__(self, *_):
        self.prometheus.__exit__()
        self._over.set()
        self._thread.join(20)
        self._other.__exit__(None)
        self._daemon.__exit__(None)
        self._folder.cleanup()
        if self.failed:
            raise AssertionError(f"the trouble ended early: {self.failed!r}")
