#!/usr/bin/env python3
"""bench_heap.py BUILD_DIR [--rounds N] [--workloads a,b] [--peers a,b]

The managed heap beside other allocators and collectors: heap_bench with every allocator that was
found when it was built, and the same workloads in OCaml and JavaScript when ocamlopt and node are
there. Programs run in turn, A B C A B C, so that noise falls on all alike; the figures are CPU
time of the second run in each process, and the ratios are medians of the ratios within a round.
When nothing is said there are three rounds, or as many of them as four minutes have room for.
Fails when two that do the same work do not agree about its result.
"""
import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).parent / "heap"
NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
RUN_S = 300
ROUNDS, ROUNDS_S = 3, 240  # unless --rounds is given
SETTINGS = {  # of memwatch: what is added to the command line
    "memwatch": [],
    "memwatch-4m": ["--semi", "4096"],
    "memwatch-old": ["--pretenured"],
}
WORKLOADS = {  # name: settings of memwatch that are measured, peers in other languages
    "bintrees": (["memwatch", "memwatch-4m"], ["ocaml", "node"]),
    "gcbench": (["memwatch", "memwatch-4m"], ["ocaml", "node"]),
    "ring": (["memwatch", "memwatch-old"], ["ocaml", "node"]),
    "ringc": (["memwatch", "memwatch-old"], []),
    "lru": (["memwatch", "memwatch-old"], ["node"]),
    "pauses": (["memwatch"], []),
    "compact": (["memwatch"], []),
    "snapshot": (["memwatch"], []),
}
PLAIN = ["glibc", "bdwgc", "mimalloc", "jemalloc"]
ALONE = {"compact", "snapshot"}  # mean nothing to other allocators
OWN_CHECK = {("lru", "node")}  # values are other than in C

# workload, who, figure: one of FIGURES, or cpu_s beside whom; must, aim. At most so much.
FIGURES = {"cpu_s", "p99_pause_ms", "max_pause_ms", "more_memory_percent"}
GOALS = [
    ("bintrees", "memwatch", "glibc", 0.50, None),
    ("bintrees", "memwatch", "bdwgc", 0.25, None),
    ("bintrees", "memwatch-4m", "glibc", None, 0.30),
    ("bintrees", "memwatch-4m", "ocaml", None, 1.00),
    ("gcbench", "memwatch", "glibc", 0.60, 0.50),
    ("ringc", "memwatch", "glibc", 2.00, 1.30),
    ("ring", "memwatch", "glibc", 4.00, None),
    ("ring", "memwatch", "node", 0.10, None),
    ("ring", "memwatch-old", "glibc", None, 1.75),
    ("lru", "memwatch", "glibc", 1.30, 1.00),
    ("lru", "memwatch", "bdwgc", 1.00, None),
    ("pauses", "memwatch", "p99_pause_ms", 1.00, None),
    ("pauses", "memwatch", "max_pause_ms", 3.00, 1.00),
    ("compact", "memwatch", "max_pause_ms", 200.0, 100.0),
    ("snapshot", "memwatch", "cpu_s", 1.00, 0.50),
    ("snapshot", "memwatch", "more_memory_percent", 5.00, 1.00),
]


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--peers", default=",".join(PLAIN + ["ocaml", "node"]))
    parser.add_argument("build")
    return parser.parse_args()


def build_ocaml(directory):
    """The command of the OCaml peer, or None."""
    if not shutil.which("ocamlopt"):
        return None
    shutil.copy(HERE / "peer.ml", directory)
    subprocess.run(["ocamlopt", "-O3", "-unsafe", "-inline", "100", "-o", "peer", "peer.ml"],
                   cwd=directory, check=True, capture_output=True)
    return [f"{directory}/peer"]


def commands(options, directory):
    """Of everything that can be measured: name -> command without the workload."""
    bench = f"{options.build}/tests/bench/heap_bench"
    peers = options.peers.split(",")
    found = {name: ([bench], words) for name, words in SETTINGS.items()}
    for name in PLAIN:
        program = pathlib.Path(bench if name == "glibc" else f"{bench}_{name}")
        if program.exists():
            found[name] = ([bench], ["--allocator", name])
    ocaml = build_ocaml(directory) if "ocaml" in peers else None
    if ocaml:
        found["ocaml"] = (ocaml, [])
    if NODE:
        found["node"] = ([NODE, "--trace-gc", str(HERE / "peer.js")], [])
    return {name: command for name, command in found.items() if name in SETTINGS or name in peers}


def node_pauses(output):
    """Of the second run, milliseconds."""
    lines = output.split("second run\n")[-1]
    return sorted(float(ms) for ms in re.findall(r"MB, ([\d.]+) / [\d.]+ ms", lines))


def run(command, workload):
    words, tail = command
    done = subprocess.run(words + [workload] + tail, capture_output=True, text=True, timeout=RUN_S)
    if done.returncode != 0:
        raise SystemExit(f"{words[0]} {workload} {' '.join(tail)}: {done.stderr}")
    # The last line, but for what Node may still say of a collection.
    result = json.loads([line for line in done.stdout.splitlines() if line.startswith("{")][-1])
    if words[0] == NODE:
        pauses = node_pauses(done.stdout) or [0]
        result["max_pause_ms"] = pauses[-1]
        result["p99_pause_ms"] = pauses[(len(pauses) * 99 + 99) // 100 - 1]
    if workload == "snapshot":
        result["more_memory_percent"] = float(re.findall(r"([\d.]+) % more memory", done.stderr)[-1])
    return result


def names_for(workload, found):
    settings, others = WORKLOADS[workload]
    if workload in ALONE:
        return settings
    return [name for name in settings + PLAIN + others if name in found]


def measure(options, found):
    """(workload, name) -> results, one a round."""
    results = collections.defaultdict(list)
    begin = time.monotonic()
    for number in range(1, (options.rounds or ROUNDS) + 1):
        for workload in options.workloads.split(","):
            for name in names_for(workload, found):
                results[workload, name].append(run(found[name], workload))
        took = time.monotonic() - begin
        print(f"{number} rounds in {took:.0f} s", file=sys.stderr, flush=True)
        if options.rounds is None and took * (number + 1) / number > ROUNDS_S:
            break
    return results


def median(results, key, figure):
    return statistics.median(result[figure] for result in results[key])


def ratio(results, workload, name, beside):
    """The median over the rounds, each compared within itself."""
    pairs = zip(results[workload, name], results[workload, beside])
    return statistics.median(ours["cpu_s"] / theirs["cpu_s"] for ours, theirs in pairs)


def print_figures(results):
    print(f"{'workload':9} {'allocator':13} {'cpu s':>8} {'x glibc':>8} {'max ms':>8} {'p99 ms':>8} "
          f"{'rss MiB':>8}")
    for workload, name in results:
        key = (workload, name)
        beside = (f"{ratio(results, workload, name, 'glibc'):8.2f}"
                  if (workload, "glibc") in results else " " * 8)
        print(f"{workload:9} {name:13} {median(results, key, 'cpu_s'):8.4f} {beside} "
              f"{median(results, key, 'max_pause_ms'):8.3f} {median(results, key, 'p99_pause_ms'):8.3f} "
              f"{median(results, key, 'rss_kib') / 1024:8.1f}")


def verdict(value, bound):
    return "" if bound is None else f"{bound:.2f} {'yes' if value <= bound else 'NO'}"


def print_goals(results):
    print(f"\n{'goal':38} {'is':>7}   {'must':9} {'aim':9}")
    for workload, name, figure, must, aim in GOALS:
        if (workload, name) not in results:
            continue
        if figure in FIGURES:
            value, what = median(results, (workload, name), figure), f"{workload} {name} {figure}"
        elif (workload, figure) in results:
            value, what = ratio(results, workload, name, figure), f"{workload} {name} / {figure}"
        else:
            continue
        print(f"{what:38} {value:7.3f}   {verdict(value, must):9} {verdict(value, aim):9}")


def disagreements(results):
    """Names of those whose work is not that of the first of its workload."""
    first, wrong = {}, []
    for (workload, name), rounds in results.items():
        for result in rounds:
            work = (result["ops"], result["check"])
            if (workload, name) not in OWN_CHECK and first.setdefault(workload, work) != work:
                wrong.append(f"{workload} {name}: {work}, not {first[workload]}")
    return wrong


def main():
    options = arguments()
    with tempfile.TemporaryDirectory() as directory:
        results = measure(options, commands(options, directory))
    print_figures(results)
    print_goals(results)
    wrong = disagreements(results)
    for line in wrong:
        print(f"different work: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
