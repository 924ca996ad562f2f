"""The compatible paths beside the real exporters, which read the same machine at the same time."""
import os
import re
import socket
import subprocess
import tempfile
import unittest
import urllib.request

from support.daemon import Daemon, wait_until

PROMTOOL = os.environ.get("MW_TEST_PROMTOOL") or "promtool"
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


class Process(unittest.TestCase):
    FAMILIES = r"namedprocess_namegroup_(memory_bytes|num_procs|oldest_start_time_seconds)"
    BY_NAME = 'process_names:\n  - name: "{{.Comm}}"\n    cmdline: [".+"]\n'

    @classmethod
    def setUpClass(cls):
        with tempfile.NamedTemporaryFile("w", suffix=".yml") as rules:
            rules.write(cls.BY_NAME)
            rules.flush()
            theirs = Exporter("prometheus-process-exporter", "--config.path", rules.name,
                              "--gather-smaps=false", "--children=false")
            with Daemon(interval="100ms") as daemon:
                cls.child = subprocess.Popen(["sleep", "100"])  # lives all the while
                try:
                    cls.theirs = theirs.text()
                    daemon.wait_for_samples()
                    cls.ours = daemon.get("/metrics/process").text
                finally:
                    cls.child.kill()
                    cls.child.wait()

    def test_types_and_help_are_the_same(self):
        ours, theirs = (metadata(text, self.FAMILIES) for text in (self.ours, self.theirs))
        self.assertEqual(len(ours), 3)
        self.assertEqual(ours, theirs)

    def steady(self):
        """Those that both saw: programs come and go on a machine."""
        ours, theirs = (samples(text, self.FAMILIES) for text in (self.ours, self.theirs))
        both = set(ours) & set(theirs)
        self.assertGreater(len(both), len(theirs) * 0.5)
        return {name: (ours[name], theirs[name]) for name in both}

    def test_labels_and_values_are_the_same(self):
        front = "namedprocess_namegroup_"
        steady = self.steady()
        for family in ('memory_bytes{groupname="sleep",memtype="resident"}',
                       'memory_bytes{groupname="sleep",memtype="virtual"}',
                       'memory_bytes{groupname="sleep",memtype="swapped"}',
                       'num_procs{groupname="sleep"}',
                       'oldest_start_time_seconds{groupname="sleep"}'):
            self.assertIn(front + family, steady)
        for name in (front + 'num_procs{groupname="prometheus-proc"}',
                     front + 'memory_bytes{groupname="memwatchd",memtype="virtual"}'):
            self.assertIn(name, samples(self.theirs, self.FAMILIES))

    def test_most_values_are_the_same(self):
        steady = self.steady()
        close = [name for name, (ours, theirs) in steady.items()
                 if abs(ours - theirs) <= max(1, SLACK_PART * theirs)]
        self.assertGreater(len(close), len(steady) * 0.8)

    def test_promtool_has_nothing_to_say(self):
        result = subprocess.run([PROMTOOL, "check", "metrics"], input=self.ours.encode(),
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60)
        self.assertEqual((result.returncode, result.stdout.decode()), (0, ""))


if __name__ == "__main__":
    unittest.main()
