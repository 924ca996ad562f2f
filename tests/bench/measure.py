"""What the benchmarks share: CPU time and memory of other processes, and a pid namespace.

CPU time is the process's own CPU clock (all threads, nanoseconds): wall time on a shared machine
says little. Everything runs on loopback and ends with the script.
"""
import os
import statistics
import subprocess
import sys
import time
import urllib.request


def in_own_pid_namespace():
    """Starts the script again where /proc shows only its own processes, so that N is exact."""
    if os.environ.get("MW_TEST_BENCH_NAMESPACE"):
        return
    os.environ["MW_TEST_BENCH_NAMESPACE"] = "1"
    command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", sys.executable]
    os.execvp("unshare", command + sys.argv)


def cpu_us(pid):
    """CPU time of a process since its start; the clock id is made of its pid (clock_getcpuclockid)."""
    return time.clock_gettime_ns((~pid << 3) | 2) / 1000


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))


class Child:
    """A process of the benchmark's; ended with it by its own pid."""

    def __init__(self, command, ready=None, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, **options)
        self.pid = self.process.pid
        self.first_line = self.process.stdout.readline() if ready else ""

    def cpu_us(self):
        return cpu_us(self.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        try:
            self.process.wait(0.2)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdout.close()


def wait_until_answers(url, seconds=10):
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=1) as answer:
                return answer.read()
        except OSError:
            time.sleep(0.02)
    raise TimeoutError(f"{url} did not answer within {seconds} s")


def spread(values, digits=2):
    return (f"{statistics.median(values):.{digits}f} "
            f"({min(values):.{digits}f} to {max(values):.{digits}f})")
