"""The compatible paths beside the real exporters, which read the same machine at the same time."""
import os
import re
import socket
import subprocess
import unittest
import urllib.request

from support.daemon import Daemon, wait_until

EXPORTERS = os.environ.get("MW_TEST_EXPORTERS", "")

# What may change between two readings of the same machine, which others use meanwhile.
SLACK_BYTES = 512 << 20
SLACK_PART = 0.1


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Exporter:
    """One of Debian's exporters on a port of its own, asked once."""

    def __init__(self, name, *arguments):
        self.url = f"127.0.0.1:{free_port()}"
        self.command = [os.path.join(EXPORTERS, name), f"--web.listen-address={self.url}",
                        *arguments]

    def text(self):
        process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            return wait_until(self.try_once, 30, "the exporter to answer")
        finally:
            process.terminate()
            process.wait()

    def try_once(self):
        try:
            with urllib.request.urlopen(f"http://{self.url}/metrics", timeout=10) as answer:
                return answer.read().decode()
        except OSError:
            return None


def metadata(text, families):
    """HELP and TYPE by name."""
    found = {}
    for kind, name, rest in re.findall(r"^# (HELP|TYPE) (\w+) (.*)$", text, re.MULTILINE):
        if re.match(families, name):
            found.setdefault(name, {})[kind] = rest
    return found


def samples(text, families):
    """Values by name and labels."""
    lines = (line.rsplit(" ", 1) for line in text.splitlines() if line and line[0] != "#")
    return {name: float(value) for name, value in lines if re.match(families, name)}


class Node(unittest.TestCase):
    FAMILIES = r"node_(memory|vmstat|pressure_memory)_"

    @classmethod
    def setUpClass(cls):
        theirs = Exporter("prometheus-node-exporter", "--collector.disable-defaults",
                          "--collector.meminfo", "--collector.vmstat", "--collector.pressure")
        with Daemon(interval="100ms") as daemon:
            cls.theirs = theirs.text()
            daemon.wait_for_samples()
            answer = daemon.get("/metrics/node")
        cls.status, cls.type = answer.status, answer.headers["Content-Type"]
        cls.ours = answer.text

    def test_it_is_prometheus_text(self):
        self.assertEqual((self.status, self.type), (200, "text/plain; version=0.0.4; charset=utf-8"))

    def test_names_types_and_help_are_the_same(self):
        ours, theirs = (metadata(text, self.FAMILIES) for text in (self.ours, self.theirs))
        self.assertGreater(len(theirs), 40)
        self.assertEqual(ours, theirs)

    def test_labels_are_the_same(self):
        ours, theirs = (set(samples(text, self.FAMILIES)) for text in (self.ours, self.theirs))
        self.assertEqual(ours, theirs)

    def test_values_are_about_the_same(self):
        ours, theirs = (samples(text, self.FAMILIES) for text in (self.ours, self.theirs))
        for name, value in theirs.items():
            slack = SLACK_BYTES if name.endswith("_bytes") else 1000
            self.assertAlmostEqual(ours[name], value, delta=slack + SLACK_PART * value, msg=name)
        for name in ("MemTotal", "SwapTotal", "CommitLimit", "VmallocTotal", "Hugepagesize"):
            name = f"node_memory_{name}_bytes"
            self.assertEqual(ours[name], theirs[name], name)


if __name__ == "__main__":
    unittest.main()
