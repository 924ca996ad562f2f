#!/usr/bin/env python3
"""bench_dump.py BUILD_DIR [--objects N] [--rounds N] [--readers DIR]: what reading a large heap
snapshot takes, in CPU time and memory, beside memlab.

One file of N records and as many texts is read by lib/dump and by memlab in turn, A B A B. Both
work out dominators and retained sizes, and must see the same nodes and edges. CPU is that of the
whole process, memory its peak. DIR is where find_heap_readers of cmake/setup.sh has put memlab
(default $MW_TEST_HEAP_READERS); without it lib/dump is measured alone.
"""
import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile

import measure

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
READERS = os.environ.get("MW_TEST_HEAP_READERS") or "build/tools/heapsnapshot"
READER = pathlib.Path(__file__).with_name("memlab_count.cjs")


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--objects", type=int, default=300000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--readers", default=READERS)
    parser.add_argument("build")
    return parser.parse_args()


def run(command, environment):
    """What it says, and what it took: seconds of CPU, MiB at its peak."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                               env={**os.environ, **environment})
    said = process.stdout.read().decode()
    process.stdout.close()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        raise RuntimeError(f"{command[0]} failed: {said}")
    return json.loads(said.splitlines()[-1]), (usage.ru_utime + usage.ru_stime,
                                               usage.ru_maxrss / 1024)


def programs(options):
    readers = pathlib.Path(options.readers).resolve()
    found = {"lib/dump": ([f"{options.build}/tests/bench/dump_bench"], {})}
    if NODE and (readers / "node_modules").is_dir():
        found["memlab"] = ([NODE, "--max-old-space-size=8192", str(READER)],
                           {"NODE_PATH": str(readers / "node_modules")})
    else:
        print(f"memlab is not in {readers}: lib/dump alone")
    return found


def measure_all(options, file):
    commands = programs(options)
    took = {name: [] for name in commands}
    seen = {}
    for _ in range(options.rounds):
        for name, (command, environment) in commands.items():
            said, cost = run([*command, file], environment)
            took[name].append(cost)
            seen[name] = said["nodes"], said["edges"]
    if len(set(seen.values())) != 1:
        raise RuntimeError(f"they see different graphs: {seen}")
    return took


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as folder:
        file = f"{folder}/large.heapsnapshot"
        made, _ = run([f"{options.build}/tests/bench/dump_bench", "--make", str(options.objects),
                       file], {})
        print(f"{made['nodes']} nodes, {made['edges']} edges, {made['bytes']} bytes")
        took = measure_all(options, file)
    for name, costs in took.items():
        print(f"{name}: {measure.spread([cpu for cpu, _ in costs], 2)} s CPU, "
              f"{measure.spread([peak for _, peak in costs], 0)} MiB")
    if "memlab" in took:
        ours, theirs = ([min(column) for column in zip(*took[name])]
                        for name in ("lib/dump", "memlab"))
        print(f"memlab takes {theirs[0] / ours[0]:.1f} times the CPU and "
              f"{theirs[1] / ours[1]:.1f} times the memory")


if __name__ == "__main__":
    main()
