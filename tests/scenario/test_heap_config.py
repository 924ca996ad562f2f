"""The block `heap` of the configuration: at start, at a reload, and on the command line."""
import json
import re
import unittest

from support.daemon import Daemon, fixture, run

TRACE = re.compile(r"\] *\d+ ms: (Scavenge|Mark-Compact|Mark-Sweep)|Scavenge|Mark-")


class Reload(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--interval", "100ms", proc_root=fixture("healthy"))
        self.addCleanup(self.daemon.stop)
        self.daemon.start()
        self.daemon.wait_for_samples(2)

    def reload(self, text):
        self.daemon.configure(text)
        return self.daemon.post("/api/v1/reload")

    def value(self, key):
        return self.daemon.json("/api/v1/config")[key]["value"]
