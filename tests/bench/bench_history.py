#!/usr/bin/env python3
"""bench_history.py BUILD_DIR [--other MEMWATCHD] [--seconds N] [--rounds N]: what history costs the
whole daemon, and what an answer costs.

A recording of an hour (500 processes, the rss of 50 changing each second) is played as fast as it
goes; CPU is that of the whole process for each sample, PSS that at the end. With --other the same
recording is played by another daemon in turn, A B A B, for one without history. Then an hour of one
reading is asked for again and again: CPU for each answer, less that of an answer of /healthz.
"""
import argparse
import http.client
import json
import pathlib
import re
import statistics
import subprocess
import tempfile
import threading
import time

import measure

ANSWERS = 300


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--other")
    parser.add_argument("--seconds", type=int, default=3600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("build")
    return parser.parse_args()


def start(program, recording, directory, more="", on_log=lambda lines: lines.read()):
    """`more` is configuration; `on_log` gets what the daemon says on stderr, in a thread of its own."""
    config = pathlib.Path(directory, "bench.conf")
    config.write_text(f'listen = {{"127.0.0.1:0"}}\nsocket = ""\nlock-memory = false\n{more}')
    daemon = measure.Child([program, "--config", str(config), "--replay", recording, "--speed", "max"],
                           stderr=subprocess.PIPE)
    for line in daemon.process.stderr:
        match = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        if match:
            threading.Thread(target=on_log, args=[daemon.process.stderr], daemon=True).start()
            return daemon, int(match.group(1))
    raise RuntimeError(f"{program} did not start")


def get(connection, path):
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    return answer.status, body


def wait_for_end(connection, seconds):
    """Until the newest sample is the last of the recording."""
    until, last = time.monotonic() + 120, 1795377600000 + seconds * 1000
    while time.monotonic() < until:
        status, body = get(connection, "/api/v1/memory")
        if status == 200 and json.loads(body)["timeMs"] >= last:
            return
        time.sleep(0.3)
    raise TimeoutError("the recording does not end")


def cpu_of(daemon, connection, paths):
    """Microseconds an answer; each path is another one, so that nothing is kept from before."""
    before = daemon.cpu_us()
    for path in paths:
        status, body = get(connection, path)
        if status != 200:
            raise RuntimeError(f"{path}: {body!r}")
    return (daemon.cpu_us() - before) / len(paths), len(body)


def least_cpu(daemon, connection, query, step):
    """The best of three, as others use the machine too; the end of the time makes each path new."""
    def paths(begin):
        return [f"/api/v1/history?{query}&step={step}&from=-1h&to=-{begin + i}ms"
                for i in range(ANSWERS)]

    return min(cpu_of(daemon, connection, paths(k * ANSWERS)) for k in range(3))


def answers(daemon, connection):
    bare = min(cpu_of(daemon, connection, ["/healthz"] * ANSWERS)[0] for _ in range(3))
    for what, query in (("the machine", "reading=system.memFree"),
                        ("a process, watched", "reading=process.rss&subject=1"),
                        ("a process, quiet", "reading=process.rss&subject=400")):
        for step in 10, 1:
            took, size = least_cpu(daemon, connection, query, f"{step}s")
            print(f"  an hour of {what} in steps of {step} s: {took - bare:.0f} us, {size} bytes"
                  f" (/healthz: {bare:.0f} us)")


def play(program, recording, options, ask):
    with tempfile.TemporaryDirectory() as directory:
        daemon, port = start(program, recording, directory)
        with daemon:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            wait_for_end(connection, options.seconds)
            time.sleep(1)
            result = daemon.cpu_us() / options.seconds, measure.pss_kib(daemon.pid) / 1024
            if ask:
                answers(daemon, connection)
            connection.close()
    return result


def main():
    options = arguments()
    programs = {"memwatchd": f"{options.build}/bin/memwatchd"}
    if options.other:
        programs["the other"] = options.other
    with tempfile.TemporaryDirectory() as directory:
        recording = f"{directory}/hour"
        subprocess.run([f"{options.build}/tests/bench/long_recording", recording, "--seconds",
                        str(options.seconds)], check=True)
        found = {name: [] for name in programs}
        for i in range(options.rounds):
            for name, program in programs.items():
                found[name].append(play(program, recording, options, i == 0 and name == "memwatchd"))
        for name, values in found.items():
            print(f"{name}: {measure.spread([cpu for cpu, _ in values], 1)} us CPU a sample, "
                  f"PSS {measure.spread([pss for _, pss in values], 1)} MiB")
        if options.other:
            cpu = [statistics.median(cpu for cpu, _ in values) for values in found.values()]
            print(f"ratio {cpu[0] / cpu[1]:.2f}")


if __name__ == "__main__":
    main()
