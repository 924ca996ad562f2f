#!/usr/bin/env python3
"""bench_http.py BUILD_DIR [--path /api/v1/memory] [--rounds N] [--seconds S] [--connections N]

CPU per HTTP request of memwatchd, beside the least that libmicrohttpd in libuv can do (bare_http),
which gets a body of the same size and media type. wrk (one thread) asks both in turn, A B A B, so
that noise falls on both alike; each is charged by its own CPU clock. memwatchd samples once a second
meanwhile, and that is charged to it too.
"""
import argparse
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

import measure

START_S = 10


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--path", default="/api/v1/memory")
    parser.add_argument("build")
    return parser.parse_args()


def find_port(stream):
    """The port in the first line that names one; the rest is read away, so that nobody blocks."""
    for line in stream:
        match = re.search(r"127\.0\.0\.1:(\d+)", line)
        if match:
            threading.Thread(target=stream.read, daemon=True).start()
            return int(match.group(1))
    raise SystemExit("the command ended without naming its address")


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.STDOUT, text=True)


def start_ours(options, directory):
    config = pathlib.Path(directory, "bench.conf")
    config.write_text('listen = {"127.0.0.1:0"}\nsocket = ""\n')
    return start([f"{options.build}/bin/memwatchd", "--config", str(config)])


def stop(process):
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def fetch(url):
    """Size and media type, once the server answers."""
    until = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                return len(answer.read()), answer.headers["Content-Type"]
        except (OSError, urllib.error.URLError):
            if time.monotonic() > until:
                raise
            time.sleep(0.05)


def load(url, pid, options):
    """CPU us a request of `pid` while wrk asks for `url`, and requests a second."""
    before = measure.cpu_us(pid)
    wrk = subprocess.run(["wrk", "-t1", f"-c{options.connections}", f"-d{options.seconds}s", url],
                         capture_output=True, text=True, check=True)
    used = measure.cpu_us(pid) - before
    requests, seconds = re.search(r"(\d+) requests in ([\d.]+)s", wrk.stdout).groups()
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)|Socket errors: (.*)", wrk.stdout)
    if bad:
        raise SystemExit(f"{url}: {bad.group(0)}")
    return used / int(requests), int(requests) / float(seconds)


def compare(ours, ours_url, bare, bare_url, options):
    ratios, columns = [], ([], [])
    print("round   bare us   ours us   ratio   bare req/s   ours req/s")
    for number in range(options.rounds):
        bare_us, bare_rate = load(bare_url, bare.pid, options)
        ours_us, ours_rate = load(ours_url, ours.pid, options)
        ratios.append(ours_us / bare_us)
        columns[0].append(bare_us)
        columns[1].append(ours_us)
        print(f"{number + 1:5}   {bare_us:7.2f}   {ours_us:7.2f}   {ratios[-1]:5.3f}"
              f"   {bare_rate:10.0f}   {ours_rate:10.0f}", flush=True)
    print(f"median  {statistics.median(columns[0]):7.2f}   {statistics.median(columns[1]):7.2f}"
          f"   {statistics.median(ratios):5.3f}")


def measure_both(options, directory):
    ours, bare = start_ours(options, directory), None
    try:
        ours_url = f"http://127.0.0.1:{find_port(ours.stdout)}{options.path}"
        size, media_type = fetch(ours_url)
        print(f"{options.path}: {size} bytes of {media_type}, {options.connections} connections")
        bare = start([f"{options.build}/tests/bench/bare_http", str(size), media_type])
        bare_url = f"http://127.0.0.1:{int(bare.stdout.readline())}/"
        fetch(bare_url)
        compare(ours, ours_url, bare, bare_url, options)
    finally:
        for process in (ours, bare):
            if process:
                stop(process)


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as directory:
        measure_both(options, directory)


if __name__ == "__main__":
    main()
