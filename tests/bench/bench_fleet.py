#!/usr/bin/env python3
"""bench_fleet.py BUILD_DIR [N ...] [--minutes M] [--hosts H]

What a fleet costs. For each N (default 200 1000): N idle processes under 50 names in a pid namespace
and memwatchd at its defaults. Prints for each path its series, its bytes plain and in gzip, and the
daemon's CPU for a scrape: the first of a sample, which renders the body, and the ones after it.

With --minutes (5 at least; none by default) a real Prometheus (MW_TEST_PROMETHEUS, or of the PATH) then
scrapes /metrics once a second as if it were H hosts (default 40), and writes blocks of two minutes.
Prints bytes a sample in their chunks, bytes of index a series, the CPU of Prometheus for a sample and
its memory for a series. The numbers in conf/prometheus/README.md are from here.
"""
import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
import urllib.request

import measure



def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


PORT = free_port()
URL = f"http://127.0.0.1:{PORT}"
PROMETHEUS_URL = f"http://127.0.0.1:{free_port()}"
PATHS = ("/metrics", "/metrics/node", "/metrics/process")
ACCEPT = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5"
SAMPLES = 15
BLOCK_S = 120


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("--hosts", type=int, default=40)
    parser.add_argument("build")
    parser.add_argument("counts", nargs="*", type=int, default=[200, 1000])
    return parser.parse_args()


# ---- one host ----

def start_daemon(build, directory):
    config = pathlib.Path(directory, "bench.conf")
    config.write_text(f'listen = {{"127.0.0.1:{PORT}"}}\nsocket = "{directory}/socket"\n'
                      f'state-dir = "{directory}"\n')
    return measure.Child([f"{build}/bin/memwatchd", "--config", str(config)],
                         stderr=subprocess.DEVNULL)


def fetch(path, coding):
    request = urllib.request.Request(URL + path, headers={"Accept": ACCEPT, "Accept-Encoding": coding})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return answer.read()


def charged(daemon, path):
    before = daemon.cpu_us()
    fetch(path, "gzip")
    return daemon.cpu_us() - before


def show_paths(daemon):
    print("  path               series   bytes    gzip   first us   again us")
    for path in PATHS:
        text = fetch(path, "identity").decode()
        series = sum(1 for line in text.splitlines() if line and line[0] != "#")
        first, again = [], []
        for _ in range(SAMPLES):  # sampling itself falls into few of them
            time.sleep(1.01)
            first.append(charged(daemon, path))
            again += [charged(daemon, path) for _ in range(3)]
        print(f"  {path:18} {series:6} {len(text):7} {len(fetch(path, 'gzip')):7} "
              f"{statistics.median(first):10.0f} {statistics.median(again):10.0f}")


# ---- many, as Prometheus sees them ----

def configuration(hosts):
    groups = [{"targets": [f"127.0.0.1:{PORT}"], "labels": {"instance": f"host{i:04}:9636"}}
              for i in range(hosts)]
    return json.dumps({"global": {"scrape_interval": "1s"},
                       "scrape_configs": [{"job_name": "memwatchd", "static_configs": groups}]})


def own_metric(name):
    """Of Prometheus itself, all its labels added up."""
    with urllib.request.urlopen(f"{PROMETHEUS_URL}/metrics", timeout=10) as answer:
        text = answer.read().decode()
    return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
               if line.split("{")[0].split(" ")[0] == name)


def start_prometheus(directory, hosts):
    config = pathlib.Path(directory, "prometheus.yml")
    config.write_text(configuration(hosts))
    program = os.environ.get("MW_TEST_PROMETHEUS") or shutil.which("prometheus")
    if not program:
        raise SystemExit("prometheus is needed: set MW_TEST_PROMETHEUS")
    return measure.Child([program, f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
                          f"--storage.tsdb.min-block-duration={BLOCK_S}s",
                          f"--storage.tsdb.max-block-duration={BLOCK_S}s",
                          f"--web.listen-address={PROMETHEUS_URL.split('//')[1]}"],
                         stderr=subprocess.DEVNULL)


def blocks(directory):
    """(samples, series, bytes of chunks, bytes of index) of each whole block."""
    for meta in pathlib.Path(directory, "data").glob("*/meta.json"):
        stats = json.loads(meta.read_text())["stats"]
        chunks = sum(path.stat().st_size for path in (meta.parent / "chunks").iterdir())
        yield (stats["numSamples"], stats["numSeries"], chunks, (meta.parent / "index").stat().st_size)


def show_storage(directory):
    found = sorted(blocks(directory))
    if not found:
        raise SystemExit("no block was written: give more --minutes")
    samples, series, chunks, index = found[-1]  # the fullest: the first one begins in its middle
    print(f"  blocks         {samples} samples of {series} series: {chunks / samples:.2f} bytes a sample "
          f"in chunks, {index / series:.0f} bytes of index a series")
    return chunks / samples, index / series


def show_prometheus(daemon, options, directory):
    with start_prometheus(directory, 0) as idle:
        measure.wait_until_answers(f"{PROMETHEUS_URL}/-/ready", 60)
        empty = own_metric("process_resident_memory_bytes")
        del idle
    shutil.rmtree(pathlib.Path(directory, "data"))
    with start_prometheus(directory, options.hosts) as prometheus:
        measure.wait_until_answers(f"{PROMETHEUS_URL}/-/ready", 60)
        time.sleep(20)
        counter = "prometheus_tsdb_head_samples_appended_total"
        before = own_metric(counter), prometheus.cpu_us(), daemon.cpu_us(), time.monotonic()
        time.sleep(options.minutes * 60)
        samples = own_metric(counter) - before[0]
        cpu, theirs = prometheus.cpu_us() - before[1], daemon.cpu_us() - before[2]
        seconds = time.monotonic() - before[3]
        series = own_metric("prometheus_tsdb_head_series")
        memory = own_metric("process_resident_memory_bytes")
        print(f"  Prometheus     {samples / seconds:.0f} samples a second of {series:.0f} series: "
              f"{cpu / samples:.2f} us a sample, "
              f"{(memory - empty) / series:.0f} bytes of memory a series above {empty / 2**20:.0f} MiB")
        print(f"  memwatchd      {theirs / seconds / 1e4:.2f} % of a core, "
              f"{options.hosts} scrapes a second included")
        show_storage(directory)


def main():
    options = arguments()
    measure.in_own_pid_namespace()
    for count in options.counts:
        with tempfile.TemporaryDirectory() as directory, \
                measure.Child([f"{options.build}/tests/bench/idle", str(count)], ready=True), \
                start_daemon(options.build, directory) as daemon:
            measure.wait_until_answers(f"{URL}/readyz", 20)
            print(f"{count} processes under 50 names:")
            show_paths(daemon)
            if options.minutes:
                show_prometheus(daemon, options, directory)


if __name__ == "__main__":
    main()
