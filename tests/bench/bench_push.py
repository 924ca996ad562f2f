#!/usr/bin/env python3
"""bench_push.py BUILD_DIR [--rate N] [--seconds N]: what datagrams of statsd cost the daemon.

Datagrams of one line arrive at the rate (50,000 a second) on the unix socket, for 100 queues in turn; CPU is
that of the whole daemon, less that of the same time without them. Every datagram that was sent must have
been counted, or the benchmark fails.
"""
import argparse
import http.client
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import time

import measure


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rate", type=int, default=50000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("build")
    return parser.parse_args()


def start(build, directory):
    config = pathlib.Path(directory, "bench.conf")
    config.write_text(f'listen = {{"127.0.0.1:0"}}\nsocket = ""\nlock-memory = false\n'
                      f'push-socket = "{directory}/push.sock"\nstate-dir = "{directory}"\n')
    daemon = measure.Child([f"{build}/bin/memwatchd", "--config", str(config)], stderr=subprocess.PIPE)
    for line in daemon.process.stderr:
        match = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        if match:
            threading.Thread(target=daemon.process.stderr.read, daemon=True).start()
            return daemon, int(match.group(1))
    raise RuntimeError("the daemon did not start")


def numbers(port):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request("GET", "/api/v1/daemon")
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return json.loads(body) if answer.status == 200 else {"pushDatagrams": 0}


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as directory:
        daemon, port = start(options.build, directory)
        with daemon:
            time.sleep(2)
            before = daemon.cpu_us()
            time.sleep(options.seconds)
            idle = daemon.cpu_us() - before
            before = daemon.cpu_us()
            flood = subprocess.run([f"{options.build}/tests/bench/push_flood", f"{directory}/push.sock",
                                    str(options.rate), str(options.seconds)], check=True,
                                   capture_output=True, text=True)
            sent, waits, seconds, own = flood.stdout.split()
            cost = daemon.cpu_us() - before - idle
            time.sleep(2.5)
            got = numbers(port)
    lost = int(sent) - got["pushDatagrams"]
    print(f"{sent} datagrams in {seconds} s, {waits} waits of the sender, whose CPU was {own} s")
    each = cost / int(sent)
    print(f"daemon: {each:.3f} us CPU a datagram, {each * options.rate / 1e4:.1f} % of a core at the rate; "
          f"{idle / options.seconds / 1e4:.1f} % without them")
    print(f"lost: {lost}, pushes: {got['pushes']}, drops: {got['pushDrops']}")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
