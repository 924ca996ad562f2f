#!/usr/bin/env python3
"""bench_pauses.py BUILD_DIR [--processes N] [--changing N] [--churn N] [--seconds N]: how long the
collector keeps the loop from its work.

A recording of an hour (1000 processes, the rss of 100 changing each second, 50 dying and as many born
each second under names of their own) is played as fast as it goes: all of an hour's garbage, and less
idle time than there would be. Pauses are collections and slices of marking in CPU time of the thread,
as /api/v1/heaps/memwatchd counts them. Fails when one took longer than 3 ms.
"""
import argparse
import http.client
import json
import subprocess
import sys
import tempfile
import time

import bench_history

LIMIT_US = 3000


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--processes", default="1000")
    parser.add_argument("--changing", default="100")
    parser.add_argument("--churn", default="50")
    parser.add_argument("--seconds", default="3600")
    parser.add_argument("--trace", action="store_true", help="print the last collections")
    parser.add_argument("build")
    return parser.parse_args()


def show(heap):
    counts = heap["collections"]
    print(f"  heapUsed {heap['heapUsed']}, heapTotal {heap['heapTotal']}, limit {heap['heapLimit']}; "
          f"{counts['scavenge']} scavenges, {counts['markSweep']} mark-sweeps, "
          f"{counts['markCompact']} mark-compacts, {heap['pauses']['totalUs'] / 1000:.0f} ms in all")
    histogram = heap["pauses"]["histogram"]
    for bound, count in zip([*histogram["boundsUs"], "more"], histogram["counts"]):
        if count:
            print(f"  {bound:>8} us: {count}")
    print(f"  longest {heap['pauses']['maxUs']} us of {LIMIT_US}")


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as directory:
        recording = f"{directory}/hour"
        subprocess.run([f"{options.build}/tests/bench/long_recording", recording]
                       + [word for name in ("processes", "changing", "churn", "seconds")
                          for word in (f"--{name}", getattr(options, name))], check=True)
        daemon, port = bench_history.start(f"{options.build}/bin/memwatchd", recording, directory)
        with daemon:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            bench_history.wait_for_end(connection, int(options.seconds))
            time.sleep(1)
            heap = json.loads(bench_history.get(connection, "/api/v1/heaps/memwatchd")[1])
            if options.trace:
                print(bench_history.get(connection, "/api/v1/heaps/memwatchd/trace")[1].decode())
            connection.close()
    print(f"an hour of {options.processes} processes, {options.churn} born a second:")
    show(heap)
    return int(heap["pauses"]["maxUs"] > LIMIT_US)


if __name__ == "__main__":
    sys.exit(main())
