#!/usr/bin/env python3
"""bench_scrape.py BUILD_DIR [--exporters DIR] [--only PART] [--seconds N]: what scrapes cost, in CPU time.

Parts, all in one run:
  exporters  1,000 idle processes in a pid namespace: a scrape of memwatchd beside one of process-exporter
             (by name, without smaps, threads and children, its cheapest) and of node_exporter with only
             its meminfo collector, each with gzip as Prometheus asks, and without. memwatchd is
             charged with the first scrape after a sample, which renders, and half a second away from
             any sample, so that nothing else falls into it.
  many       10,000 processes of a made /proc and 10 scrapers once a second each, less sampling alone in
             turn, A B A B; and the bodies rendered for each sample.
  streams    500 clients of /api/v1/events at one sample a second, less sampling alone in turn.

DIR holds Debian's exporters (default $MW_TEST_EXPORTERS). Ends with 1 when a figure misses what it must be.
"""
import argparse
import gzip
import http.client
import json
import os
import pathlib
import re
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import measure

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROCESSES, MANY, SCRAPERS, STREAMS = 1000, 10000, 10, 500
OPENMETRICS = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PARTS = "exporters", "many", "streams"


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--exporters", default=os.environ.get("MW_TEST_EXPORTERS", ""))
    parser.add_argument("--only", choices=PARTS, action="append")
    parser.add_argument("--seconds", type=float, default=6, help="of each window of many and streams")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--scrapes", type=int, default=15, help="of each exporter and path")
    parser.add_argument("build")
    return parser.parse_args()


class Verdict:
    """What was found beside what it must be."""

    def __init__(self):
        self.missed = []

    def say(self, text, value, most, unit=""):
        good = value <= most
        print(f"  {text}: {value:.4g}{unit}, must be at most {most:.4g}{unit}{'' if good else '  MISSED'}",
              flush=True)
        if not good:
            self.missed.append(text)


# ---- servers ----

def daemon_of(build, directory, config="", proc_root=None):
    """The daemon and its port, once it has a sample."""
    path = pathlib.Path(directory, "bench.conf")
    path.write_text('listen = {"127.0.0.1:0"}\nsocket = ""\nlock-memory = false\npush-socket = ""\n'
                    f'state-dir = "{directory}"\n{config}')
    command = [f"{build}/bin/memwatchd", "--config", str(path)]
    command += ["--proc-root", proc_root] if proc_root else []
    daemon = measure.Child(command, stderr=subprocess.PIPE)
    for line in daemon.process.stderr:
        match = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        if match:
            threading.Thread(target=daemon.process.stderr.read, daemon=True).start()
            daemon.port = int(match.group(1))
            measure.wait_until_answers(f"http://127.0.0.1:{daemon.port}/readyz", 30)
            return daemon
    raise RuntimeError("the daemon did not start")


def exporter(directory, name, *options):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    child = measure.Child([os.path.join(directory, name), f"--web.listen-address=127.0.0.1:{port}",
                           *options], stderr=subprocess.DEVNULL)
    child.port = port
    measure.wait_until_answers(f"http://127.0.0.1:{port}/", 60)  # /metrics may take seconds
    return child


class Scraper:
    """A connection that stays, as Prometheus keeps it."""

    def __init__(self, port, path="/metrics", zipped=True, accept=OPENMETRICS):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.path = path
        self.fields = {"Accept": accept, "Accept-Encoding": "gzip" if zipped else "identity"}
        self.bytes = self.lines = 0

    def scrape(self):
        self.connection.request("GET", self.path, headers=self.fields)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{self.path}: {answer.status} {body[:200]!r}")
        self.bytes, self.answer = len(body), answer
        return body

    def series(self):
        body = self.scrape()
        if self.answer.headers["Content-Encoding"] == "gzip":
            body = gzip.decompress(body)
        return sum(not line.startswith(b"#") for line in body.splitlines()), len(body)

    def json(self, path):
        self.connection.request("GET", path)
        return json.loads(self.connection.getresponse().read())


# ---- one scrape ----

def away_from_samples(port):
    """Half a second behind the sample of the daemon that is the newest, or the one after it."""
    newest = Scraper(port).json("/api/v1/memory")["timeMs"] / 1000
    at = newest + 0.5
    while at < time.time() + 0.01:
        at += 1
    time.sleep(at - time.time())


def first_scrape_us(daemon, path, zipped, count):
    """CPU of the first scrape after a sample."""
    scraper, costs = Scraper(daemon.port, path, zipped), []
    scraper.scrape()
    for _ in range(count):
        away_from_samples(daemon.port)
        before = daemon.cpu_us()
        scraper.scrape()
        costs.append(daemon.cpu_us() - before)
    return costs, scraper.series(), scraper.bytes


def next_scrape_us(daemon, path, zipped, count):
    """CPU of one that another has asked before, each of a hundred within a sample."""
    scraper, costs = Scraper(daemon.port, path, zipped), []
    for _ in range(count):
        away_from_samples(daemon.port)
        scraper.scrape()
        before = daemon.cpu_us()
        for _ in range(100):
            scraper.scrape()
        costs.append((daemon.cpu_us() - before) / 100)
    return costs


def exporter_us(server, zipped, count):
    """CPU of a scrape, less what it uses in the same time by itself."""
    scraper, costs = Scraper(server.port, zipped=zipped), []
    scraper.scrape()
    for _ in range(count):
        before, begin = server.cpu_us(), time.monotonic()
        scraper.scrape()
        used, took = server.cpu_us() - before, time.monotonic() - begin
        before = server.cpu_us()
        time.sleep(took)
        costs.append(used - (server.cpu_us() - before))
    return costs, scraper.series(), scraper.bytes


def say_cost(name, costs, series, size):
    print(f"  {name:42} {measure.spread(costs, 0):>28} us, {series[0]} series, {series[1]} bytes, "
          f"{size} sent", flush=True)
    return statistics.median(costs)


def compare_exporters(options, daemon, theirs, verdict):
    ours, others = {}, {}
    for zipped in (True, False):
        word = "gzip" if zipped else "plain"
        for name, server in theirs.items():
            others[name, zipped] = say_cost(f"{name}, {word}",
                                            *exporter_us(server, zipped, options.scrapes))
        for path in "/metrics", "/metrics/process", "/metrics/node":
            ours[path, zipped] = say_cost(f"memwatchd {path}, {word}",
                                          *first_scrape_us(daemon, path, zipped, options.scrapes))
            again = next_scrape_us(daemon, path, zipped, 3)
            print(f"  {'  and each further one of that sample':42} {measure.spread(again, 0):>28} us")
    for zipped in (True, False):
        word = "gzip" if zipped else "plain"
        process, node = others["process-exporter", zipped], others["node_exporter", zipped]
        verdict.say(f"/metrics to process-exporter, {word}", ours["/metrics", zipped] / process, 1 / 200)
        verdict.say(f"/metrics to node_exporter meminfo, {word}", ours["/metrics", zipped] / node, 1)
        verdict.say(f"/metrics/process to process-exporter, {word}",
                    ours["/metrics/process", zipped] / process, 1 / 100)


def exporters(options, directory, verdict):
    print(f"exporters: {PROCESSES} idle processes")
    rules = pathlib.Path(directory, "names.yml")
    rules.write_text('process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n')
    with measure.Child([f"{options.build}/tests/bench/idle", str(PROCESSES)], ready=True), \
            exporter(options.exporters, "prometheus-process-exporter", "--config.path", str(rules),
                     "--gather-smaps=false", "--threads=false", "--children=false") as process, \
            exporter(options.exporters, "prometheus-node-exporter", "--collector.disable-defaults",
                     "--collector.meminfo") as node, \
            daemon_of(options.build, directory) as daemon:
        time.sleep(3)
        compare_exporters(options, daemon, {"process-exporter": process, "node_exporter": node}, verdict)


# ---- many scrapers, many streams ----

class Window:
    """CPU over some seconds, and the samples taken in it: a machine that others use takes fewer than one
    a second, so sampling alone is known by the sample."""

    def __init__(self, daemon, seconds):
        asker = Scraper(daemon.port)
        first, before, begin = asker.json("/api/v1/memory")["seq"], daemon.cpu_us(), time.monotonic()
        time.sleep(seconds)
        self.cpu_us = daemon.cpu_us() - before
        self.seconds = time.monotonic() - begin
        self.samples = max(1, asker.json("/api/v1/memory")["seq"] - first)


class Load:
    """Something that goes on in a thread between begin() and end()."""

    def __init__(self, work):
        self.stop = threading.Event()
        self.thread = threading.Thread(target=work, args=(self.stop,), daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(30)


def beyond_sampling(options, daemon, work):
    """Percent of a core with the load less without, round by round."""
    alone, more = [], []
    for _ in range(options.rounds):
        quiet = Window(daemon, options.seconds)
        with Load(work):
            time.sleep(1.5)
            loaded = Window(daemon, options.seconds)
        time.sleep(0.5)
        alone.append(quiet.cpu_us / quiet.samples)
        more.append((loaded.cpu_us / loaded.samples - alone[-1]) / 1e4)
    print(f"  sampling alone {measure.spread(alone, 0)} us a sample, beyond it "
          f"{measure.spread(more)} % of a core at one a second")
    return statistics.median(more)


def scrape_in_turn(port, paths):
    """SCRAPERS connections, each once a second, spread over it."""
    def work(stop):
        scrapers = [Scraper(port, paths[i % len(paths)]) for i in range(SCRAPERS)]
        at = time.monotonic()
        while not stop.is_set():
            for scraper in scrapers:
                scraper.scrape()
                at += 1 / SCRAPERS
                time.sleep(max(0, at - time.monotonic()))
    return work


def bodies(port):
    """Samples so far, and bodies that were rendered."""
    asker = Scraper(port)
    cache = asker.json("/api/v1/caches/bodies")
    return asker.json("/api/v1/memory")["seq"], cache["misses"], cache["hits"]


def count_renderings(daemon, verdict):
    """A miss of the cache is a body rendered, or its gzip form made; counters are those of the sample
    before, so both ends are read in the same way."""
    with Load(scrape_in_turn(daemon.port, ["/metrics"])):
        time.sleep(2)
        first = bodies(daemon.port)
        time.sleep(10)
        last = bodies(daemon.port)
    samples, misses, hits = (b - a for a, b in zip(first, last))
    print(f"  {samples} samples, {misses} bodies rendered or compressed, {hits} given again")
    # two of them, and those that were read here: /memory and /caches/bodies
    verdict.say("bodies rendered or compressed for each sample", (misses - 2) / samples, 2)


def many(options, directory, verdict):
    print(f"many: {MANY} processes of a made /proc, {SCRAPERS} scrapers at 1 s, gzip, OpenMetrics")
    subprocess.run([sys.executable, str(ROOT / "tests/fixtures/generate.py"), str(MANY), directory], check=True)
    with daemon_of(options.build, directory, "keep-fds = 12000\n", f"{directory}/proc") as daemon:
        time.sleep(3)
        series = Scraper(daemon.port).series()
        print(f"  {series[0]} series, {series[1]} bytes")
        for paths in ["/metrics"], ["/metrics", "/metrics/process", "/metrics/node"]:
            print(f"  {' '.join(paths)}")
            more = beyond_sampling(options, daemon, scrape_in_turn(daemon.port, paths))
            verdict.say(f"{SCRAPERS} scrapers of {' '.join(paths)} beyond sampling", more, 3, " %")
        count_renderings(daemon, verdict)


def read_streams(port, counts):
    """Opens all streams, and reads away whatever comes."""
    def work(stop):
        with selectors.DefaultSelector() as selector:
            clients = []
            for _ in range(STREAMS):
                client = socket.create_connection(("127.0.0.1", port), timeout=30)
                client.sendall(b"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
                selector.register(client, selectors.EVENT_READ)
                clients.append(client)
            while not stop.is_set():
                for key, _ in selector.select(0.1):
                    data = key.fileobj.recv(1 << 16)
                    if not data:
                        raise RuntimeError("the daemon closed a stream")
                    counts["events"] += data.count(b"event: sample")
            for client in clients:
                client.close()
    return work


def streams(options, directory, verdict):
    print(f"streams: {STREAMS} clients of /api/v1/events, one sample a second")
    config = f"max-streams = {STREAMS + 20}\nmax-connections = {STREAMS + 100}\n"
    with daemon_of(options.build, directory, config) as daemon:
        time.sleep(3)
        counts = {"events": 0}
        more = beyond_sampling(options, daemon, read_streams(daemon.port, counts))
        expected = STREAMS * options.rounds * options.seconds
        print(f"  {counts['events']} events came")
        verdict.say("share of streams that got less than an event a second",
                    max(0, 1 - counts["events"] / expected), 0)
        verdict.say(f"{STREAMS} event streams beyond sampling", more, 10, " %")


def main():
    options = arguments()
    options.build = os.path.abspath(options.build)
    options.exporters = os.path.abspath(options.exporters) if options.exporters else ""
    measure.in_own_pid_namespace()
    verdict = Verdict()
    for part in options.only or PARTS:
        with tempfile.TemporaryDirectory() as directory:
            globals()[part](options, directory, verdict)
    return 1 if verdict.missed else 0


if __name__ == "__main__":
    sys.exit(main())
