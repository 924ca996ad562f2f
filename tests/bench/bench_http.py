"""CPU per HTTP request, ours against the least that libmicrohttpd in libuv can do.

  bench_http.py [--rounds N] [--seconds S] [--connections N] [--limit RATIO] BARE URL COMMAND...

BARE is the program bare_http, COMMAND starts our server, which answers URL within a few seconds; a
port of 0 in URL is replaced by the last number of the first line of COMMAND's output that has
"127.0.0.1:" in it. The bare one gets a body of the same size and media type. wrk (one thread) asks
both in turn, A B A B, so that noise falls on both alike; each is charged by its own CPU clock.
Exits with 1 when the median ratio is over --limit.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

import measure

START_S = 10


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--limit", type=float, default=1.15)
    parser.add_argument("bare")
    parser.add_argument("url")
    parser.add_argument("command", nargs=argparse.REMAINDER)
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
    ratio = statistics.median(ratios)
    print(f"median  {statistics.median(columns[0]):7.2f}   {statistics.median(columns[1]):7.2f}"
          f"   {ratio:5.3f}   (limit {options.limit})")
    return ratio


def main():
    options = arguments()
    ours = start(options.command)
    bare = None
    try:
        ours_url = options.url
        if ":0/" in ours_url:
            ours_url = ours_url.replace(":0/", f":{find_port(ours.stdout)}/", 1)
        size, media_type = fetch(ours_url)
        print(f"{ours_url}: {size} bytes of {media_type}, {options.connections} connections")
        bare = start([os.path.abspath(options.bare), str(size), media_type])
        bare_url = f"http://127.0.0.1:{int(bare.stdout.readline())}/"
        fetch(bare_url)
        ratio = compare(ours, ours_url, bare, bare_url, options)
    finally:
        for process in (ours, bare):
            if process:
                stop(process)
    return 1 if ratio > options.limit else 0


if __name__ == "__main__":
    sys.exit(main())
