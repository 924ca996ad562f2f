"""Nothing grows: a million processes are born and die, a hundred thousand connections come and go,
and the daemon's memory stays where it was. Takes minutes; part of the deep checks. On a machine
that is busy with other things it ends after as many as came in a quarter of an hour, and says so.

The children live in a pid namespace of their own so that pids are recycled many times over, and the
daemon in a network of its own, where its port is free.
"""
import os
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

BIN = os.environ["MW_TEST_BIN"]
CHURN = os.environ["MW_TEST_CHURN"]
BIRTHS = int(os.environ.get("DEEP_BIRTHS", "1000000"))
CONNECTIONS = int(os.environ.get("DEEP_CONNECTIONS", "100000"))
SECONDS = int(os.environ.get("DEEP_SECONDS", "900"))
BATCH, BATCHES_LEAST = 2000, 300
SETTLED = 150  # batches, more than a minute, until the dead and all that is remembered are bounded
PORT = 19641
URL = f"http://127.0.0.1:{PORT}"


def in_own_namespaces():
    if os.environ.get("MW_TEST_DEEP_NAMESPACE"):
        return
    os.environ["MW_TEST_DEEP_NAMESPACE"] = "1"
    os.execvp("unshare", ["unshare", "--pid", "--net", "--fork", "--mount-proc", "--kill-child",
                          "sh", "-c", 'ip link set lo up; exec "$@"', "sh",
                          sys.executable, *sys.argv])


def get(path):
    with urllib.request.urlopen(URL + path, timeout=10) as answer:
        return answer.read().decode()


def reading(name):
    for line in get("/metrics").splitlines():
        if line.startswith(name + " "):
            return float(line.split()[1])
    raise AssertionError(f"{name} is not in /metrics")


def resident_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        return next(int(line.split()[1]) for line in rollup if line.startswith("Rss:"))


class Flat(unittest.TestCase):
    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        config = os.path.join(self.directory.name, "flat.conf")
        with open(config, "w") as file:
            file.write(f'interval = 100ms\nlisten = {{"127.0.0.1:{PORT}"}}\n'
                       f'socket = "{self.directory.name}/socket"\n'
                       'history-recent = 1m\nhistory-size = 4MB\n')
        self.daemon = subprocess.Popen([BIN, "--config", config], stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while True:
            try:
                get("/readyz")
                return
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.05)

    def tearDown(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(10), 0)
        self.directory.cleanup()

    def wait_for_processes(self, at_least, samples=2):
        """Until the daemon has seen them, in samples of their own."""
        first = reading("memwatch_daemon_samples_total")
        until = time.monotonic() + 30
        while time.monotonic() < until:
            if reading("memwatch_daemon_samples_total") >= first + samples and \
                    reading("memwatch_daemon_processes") >= at_least:
                return
            time.sleep(0.03)
        self.fail(f"the daemon did not see {at_least} processes within 30 s")

    def assert_flat(self, sizes, what):
        """The peaks of both halves: what is not collected yet goes up and down by megabytes, once in
        some minutes. Five in a hundred more would be three bytes a birth."""
        half = len(sizes) // 2
        early, late = max(sizes[:half]), max(sizes[half:])
        print(f"{what}: at most {early} KiB resident early, {late} KiB later", flush=True)
        self.assertLessEqual(late, early * 1.05)

    def test_births_and_deaths(self):
        with subprocess.Popen([CHURN, str(BATCH)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              text=True) as churn:
            sizes, until = [], time.monotonic() + SECONDS
            while len(sizes) < BATCHES_LEAST or (len(sizes) * BATCH < BIRTHS and
                                                 time.monotonic() < until):
                self.assertEqual(churn.stdout.readline(), "ready\n")
                self.wait_for_processes(BATCH)
                sizes.append(resident_kib(self.daemon.pid))
                churn.stdin.write("\n")
                churn.stdin.flush()
            self.assertEqual(churn.stdout.readline(), "ready\n")
            churn.stdin.close()
        self.assert_flat(sizes[SETTLED:], f"{len(sizes) * BATCH} births and deaths")

    def test_connections(self):
        sizes, request = [], b"GET /api/v1/memory HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for number in range(CONNECTIONS):
            with socket.create_connection(("127.0.0.1", PORT), timeout=10) as connection:
                connection.sendall(request)
                if number % 3:  # every third client leaves without reading
                    self.assertTrue(connection.recv(64).startswith(b"HTTP/1.1 200"))
            if number % max(1, CONNECTIONS // 100) == 0:
                sizes.append(resident_kib(self.daemon.pid))
        time.sleep(0.5)
        self.assert_flat(sizes[len(sizes) // 10:], f"{CONNECTIONS} connections")
        self.assertLessEqual(reading("memwatch_daemon_http_connections"), 2)


if __name__ == "__main__":
    in_own_namespaces()
    unittest.main(verbosity=2)
