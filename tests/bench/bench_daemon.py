#!/usr/bin/env python3
"""bench_daemon.py BUILD_DIR [N ...]: CPU of the whole daemon beside the bare loop, in one run.

For each N (default 1000 5000): N idle processes in a pid namespace, then memwatchd at its defaults
(with keep-fds = 6000 from 5000 processes on) and bare_scan side by side for the same seconds. Prints
microseconds a process of each and the ratio window by window, PSS, the latency of /healthz while
scans go on, and the time from start to the first sample.
"""
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

import measure

WINDOWS = int(os.environ.get("WINDOWS", "7"))
SECONDS = float(os.environ.get("SECONDS", "6"))
PORT = 19636


def start_daemon(build, keep_fds, directory):
    config = pathlib.Path(directory, "bench.conf")
    config.write_text(f'interval = 1s\nkeep-fds = {keep_fds}\nlisten = {{"127.0.0.1:{PORT}"}}\n'
                      f'socket = "{directory}/socket"\n')
    command = [f"{build}/bin/memwatchd", "--config", str(config)]
    if os.environ.get("CGROUP"):
        script = 'echo $$ > "$CGROUP/cgroup.procs"; exec "$@"'
        command = ["sh", "-c", script, "sh", *command]
    return measure.Child(command, stderr=subprocess.DEVNULL)


def first_sample_ms(started):
    while time.monotonic() < started + 20:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{PORT}/readyz", timeout=1):
                return (time.monotonic() - started) * 1000
        except OSError:
            time.sleep(0.002)
    raise TimeoutError("the daemon had no sample within 20 s")


def compare(daemon, bare, count):
    ours, theirs, ratios = [], [], []
    for _ in range(WINDOWS):
        before, begin = (daemon.cpu_us(), bare.cpu_us()), time.monotonic()
        time.sleep(SECONDS)
        seconds = time.monotonic() - begin
        ours.append((daemon.cpu_us() - before[0]) / seconds / count)
        theirs.append((bare.cpu_us() - before[1]) / seconds / count)
        ratios.append(ours[-1] / theirs[-1])
    print(f"  memwatchd  {measure.spread(ours)} us a process and second")
    print(f"  bare loop  {measure.spread(theirs)} us a process and second")
    print(f"  ratio      {measure.spread(ratios)}")


def healthz_latency(seconds=5):
    values, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        begin = time.perf_counter()
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/healthz").read()
        values.append((time.perf_counter() - begin) * 1000)
        time.sleep(0.003)
    values.sort()
    print(f"  /healthz   median {statistics.median(values):.2f} ms, 99 % "
          f"{values[len(values) * 99 // 100]:.2f} ms, worst {values[-1]:.2f} ms "
          f"of {len(values)} while sampling")


def charged():
    group = os.environ.get("CGROUP")
    if not group:
        return
    stat = pathlib.Path(group, "memory.stat").read_text().split("\n")
    anon = next(int(line.split()[1]) for line in stat if line.startswith(("rss ", "anon ")))
    kernel_file = pathlib.Path(group, "memory.kmem.usage_in_bytes")
    if kernel_file.exists():
        kernel = int(kernel_file.read_text())
    else:
        kernel = next(int(line.split()[1]) for line in stat if line.startswith("kernel "))
    print(f"  charged    {(anon + kernel) / 2**20:.1f} MiB (anonymous {anon / 2**20:.1f}, "
          f"kernel {kernel / 2**20:.1f})")


def run(build, count):
    keep_fds = 6000 if count == 5000 else 2000
    print(f"N = {count} idle processes, keep-fds = {keep_fds}")
    bench = f"{build}/tests/bench"
    with tempfile.TemporaryDirectory() as directory, \
            measure.Child([f"{bench}/idle", str(count)], ready=True):
        started = time.monotonic()
        with start_daemon(build, keep_fds, directory) as daemon:
            print(f"  first sample after {first_sample_ms(started):.0f} ms")
            with measure.Child([f"{bench}/bare_scan", "1000"], ready=True) as bare:
                time.sleep(3)
                compare(daemon, bare, count)
            print(f"  PSS        {measure.pss_kib(daemon.pid) / 1024:.1f} MiB")
            charged()
            healthz_latency()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    measure.in_own_pid_namespace()
    for count in [int(word) for word in sys.argv[2:]] or [1000, 5000]:
        run(os.path.abspath(sys.argv[1]), count)


if __name__ == "__main__":
    main()
