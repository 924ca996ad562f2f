"""Alerts outlive the process: whatever moment it is killed at, each firing and its end arrive, twice
only under one key, and what people said of them still holds."""
import os
import random
import signal
import threading
import time
import unittest

from support.ctl import ctl
from support.daemon import Daemon, wait_until
from support.hook import Hook, Machine

KILLS = int(os.environ.get("MW_TEST_KILLS", "20"))
RULE = 'alert "low" { reading = system.memAvailable below = 10% clear = 12% }\n'


class Case(unittest.TestCase):
    def setUp(self):
        self.machine = Machine()
        self.hook = Hook().__enter__()
        self.addCleanup(self.hook.__exit__, None, None, None)
        self.addCleanup(self.machine.__exit__, None, None, None)

    def daemon(self, **options):
        """The rules that are built in would tell of this machine too."""
        options.setdefault("proc_root", self.machine.proc)
        state = options.pop("state", self.machine.state)
        return Daemon(config=f'state-dir = "{state}"\n'
                             f'sink "hook" {{ type = webhook url = "{self.hook.url}" }}\n'
                             'alert "memory-low" { to = {} }\nalert "memory-critical" { to = {} }\n'
                             + RULE, **options)

    def alert(self, daemon, state="firing"):
        alerts = daemon.json("/api/v1/alerts")["alerts"]
        return next((a for a in alerts if a["rule"] == "low" and a["state"] == state), None)


class Killer(threading.Thread):
    """Starts the daemon, kills it a moment later, and starts it again. `longest` is how late that
    may be, in seconds: some lives must be long enough to tell of anything."""

    def __init__(self, daemon, kills, longest, seed):
        super().__init__()
        self.daemon, self.left, self.longest = daemon, kills, longest
        self.random = random.Random(seed)

    def run(self):
        with open(os.devnull, "w") as nothing:
            while True:
                self.daemon.start_with_log(nothing)
                if self.left == 0:
                    return
                time.sleep(self.random.uniform(0, self.longest))
                self.daemon.process.kill()
                self.daemon.process.wait()
                self.left -= 1


class Kill(Case):
    def check(self, turns):
        """One firing and one end for each turn, in that order, and nothing else."""
        firing, resolved = self.hook.keys("firing"), self.hook.keys("resolved")
        self.assertEqual(len(firing), turns)
        self.assertEqual(firing, resolved)
        for key, _, body in list(self.hook.messages):
            self.assertEqual(key, body["id"])

    def time_to_tell(self, daemon):
        """From the start of a daemon to a message; as long as this machine takes now."""
        self.machine.set(5)
        begin = time.monotonic()
        daemon.start()
        self.hook.wait_for("firing", 1, 120)
        took = time.monotonic() - begin
        self.machine.set(50)
        self.hook.wait_for("resolved", 1, 120)
        daemon.kill()
        return took

    def test_every_firing_and_end_arrives(self):
        seed = int(os.environ.get("MW_TEST_SEED", time.time_ns() % 1000000))
        daemon = self.daemon()
        self.addCleanup(daemon.end)
        killer = Killer(daemon, KILLS, 3 * self.time_to_tell(daemon), seed)
        killer.start()
        turns = 1
        with self.subTest(seed=seed):
            while killer.is_alive():
                self.machine.set(5)
                turns += 1
                self.hook.wait_for("firing", turns, 120)
                self.machine.set(50)
                self.hook.wait_for("resolved", turns, 120)
            killer.join()
            time.sleep(1)
            self.check(turns)
        self.assertGreater(turns, 1)
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.process.wait(20), 0)

    def test_firing_goes_on_under_its_id(self):
        self.machine.set(5)
        with self.daemon() as daemon:
            key, = self.hook.wait_for("firing")
            before = self.alert(daemon)
            daemon.kill()
            daemon.start()
            after = wait_until(lambda: self.alert(daemon), what="the alert after the restart")
            self.assertEqual((after["id"], after["sinceMs"]), (before["id"], before["sinceMs"]))
            self.machine.set(50)
            self.assertEqual(self.hook.wait_for("resolved"), [key])
        self.assertEqual(self.hook.keys("firing"), [key])

    def test_end_of_the_cause_while_nobody_looked_is_told(self):
        self.machine.set(5)
        with self.daemon() as daemon:
            key, = self.hook.wait_for("firing")
            daemon.kill()
            self.machine.set(50)
            daemon.start()
            self.assertEqual(self.hook.wait_for("resolved"), [key])

    def test_what_was_owed_is_sent_after_the_restart(self):
        self.hook.__exit__()
        self.machine.set(5)
        with self.daemon() as daemon:
            wait_until(lambda: self.alert(daemon), what="an alert")
            daemon.wait_for_line("sink hook: ")
            identity = self.alert(daemon)["id"]
            daemon.kill()
            port = int(self.hook.url.split(":")[2].split("/")[0])
            self.hook = Hook(port).__enter__()
            self.addCleanup(self.hook.__exit__, None, None, None)
            daemon.start()
            self.assertEqual(self.hook.wait_for("firing"), [identity])

    def test_oscillation_with_a_kill_in_it_is_told_once(self):
        self.machine.set(9)
        with self.daemon() as daemon:
            self.hook.wait_for("firing")
            for turn in range(30):
                self.machine.set(11 if turn % 2 else 9)  # between the two levels, and under both
                time.sleep(0.15)
                if turn == 15:
                    daemon.kill()
                    daemon.start()
            self.assertEqual(len(self.hook.keys("firing")), 1)
            self.assertEqual(self.hook.keys("resolved"), [])

    def test_reload_keeps_what_fires(self):
        self.machine.set(5)
        with self.daemon() as daemon:
            key, = self.hook.wait_for("firing")
            text = daemon.config.read_text()
            daemon.write_config(text.replace("clear = 12%", "clear = 12% severity = critical"))
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for_line("configuration reloaded")
            daemon.wait_for_samples(3)
            self.assertEqual(self.alert(daemon)["id"], key)
            daemon.write_config(text.replace('"low" {', '"low" { enabled = false'))
            daemon.process.send_signal(signal.SIGHUP)
            self.hook.wait_for("resolved")
            self.assertEqual(self.hook.bodies("resolved")[0]["reason"], "rule-gone")
        self.assertEqual(self.hook.keys("firing"), [key])

    def rename_sink(self, daemon):
        """With an address of its own, so that it shows who was told."""
        daemon.write_config(daemon.config.read_text()
                            .replace('sink "hook"', 'sink "new"').replace("/hook", "/new"))

    def test_sink_that_is_new_is_told_of_what_fires_and_of_its_end(self):
        for how in "reload", "restart":
            with self.subTest(how), self.daemon() as daemon:
                self.hook.messages.clear()
                self.machine.set(5)
                key, = self.hook.wait_for("firing")
                self.rename_sink(daemon)
                if how == "reload":
                    daemon.process.send_signal(signal.SIGHUP)
                    daemon.wait_for_line("configuration reloaded")
                else:
                    daemon.kill()
                    daemon.start()
                # Nothing else is counted: what a daemon that was ended had sent may come once more.
                wait_until(lambda: len(self.hook.bodies("firing", id=key)) == 2,
                           what="the second telling")
                self.assertEqual(self.hook.keys("firing"), [key])
                self.machine.set(50)
                wait_until(lambda: key in self.hook.keys("resolved"), what="its end")

    def test_disk_that_takes_nothing_holds_no_alert_back(self):
        self.machine.set(5)
        with self.daemon(state="/proc/self/nothing") as daemon:
            self.hook.wait_for("firing")
            daemon.wait_for_line("alerts.log cannot be written: .*alerts go out all the same")
            own = wait_until(lambda: (lambda row: row["stateFailing"] and row)(
                daemon.json("/api/v1/daemon")), what="a reading that tells of it")
            self.assertGreater(own["stateFailures"], 0)
            wait_until(lambda: [a for a in daemon.json("/api/v1/alerts")["alerts"]
                                if a["rule"] == "alerts-not-stored" and a["state"] == "firing"],
                       what="the rule that tells of it")
            self.machine.set(50)
            self.hook.wait_for("resolved")

    def test_a_disk_that_takes_everything_is_no_failure(self):
        with self.daemon() as daemon:
            self.machine.set(5)
            self.hook.wait_for("firing")
            own = daemon.json("/api/v1/daemon")
            self.assertEqual((own["stateFailing"], own["stateFailures"]), (0, 0))

    def test_queue_of_a_sink_is_one_that_rules_see(self):
        """So that a target that takes nothing is told of through the others."""
        self.hook.__exit__()
        self.machine.set(5)
        with self.daemon() as daemon:
            daemon.configure(daemon.config.read_text().split('socket-group = ""\n')[1] +
                             'alert "target" { reading = queue.length subject = "sinks/hook" '
                             'above = 0 to = {} }\n')
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for_line("configuration reloaded")
            queue = wait_until(lambda: next((q for q in daemon.json("/api/v1/queues")["queues"]
                                             if q["name"] == "sinks/hook" and q["length"] == 1), None),
                               what="a message in the queue")
            self.assertEqual(queue["capacity"], 256)
            wait_until(lambda: [a for a in daemon.json("/api/v1/alerts")["alerts"]
                                if a["rule"] == "target" and a["state"] == "firing"],
                       what="an alert of the queue")


class Silence(Case):
    def command(self, daemon, *words):
        result = ctl(*words, "--socket", daemon.socket)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return result.stdout

    def silence(self, daemon, *words):
        text = self.command(daemon, "silence", "add", "--rule", "low", "--author", "ann", *words)
        return text.split()[-1]

    def test_silenced_alert_is_shown_and_told_when_that_is_undone(self):
        with self.daemon() as daemon:
            identity = self.silence(daemon, "--comment", "a \"test\"")
            self.machine.set(5)
            wait_until(lambda: self.alert(daemon), what="an alert")
            self.assertEqual(self.alert(daemon)["silencedBy"], identity)
            daemon.kill()
            daemon.start()
            listed = daemon.json("/api/v1/silences")["silences"]
            self.assertEqual([(s["id"], s["rule"], s["author"], s["comment"]) for s in listed],
                             [(identity, "low", "ann", 'a "test"')])
            time.sleep(1.5)
            self.assertEqual(self.hook.messages, [])
            self.assertIn(identity, self.command(daemon, "silence", "list"))
            self.command(daemon, "silence", "undo", identity)
            self.hook.wait_for("firing")
            self.assertIsNone(self.alert(daemon)["silencedBy"])
            self.machine.set(50)
            self.hook.wait_for("resolved")

    def test_silence_that_ends_by_itself(self):
        with self.daemon() as daemon:
            self.silence(daemon, "--for", "2s")
            self.machine.set(5)
            wait_until(lambda: self.alert(daemon), what="an alert")
            self.assertEqual(self.hook.messages, [])
            self.hook.wait_for("firing")
            self.assertEqual(daemon.json("/api/v1/silences")["silences"], [])

    def test_end_of_what_nobody_was_told_is_not_told(self):
        with self.daemon() as daemon:
            self.silence(daemon)
            self.machine.set(5)
            wait_until(lambda: self.alert(daemon), what="an alert")
            self.machine.set(50)
            wait_until(lambda: self.alert(daemon, "resolved"), what="its end")
            time.sleep(1.5)
        self.assertEqual(self.hook.messages, [])

    def test_acknowledgement_is_kept(self):
        self.machine.set(5)
        with self.daemon() as daemon:
            identity = wait_until(lambda: self.alert(daemon), what="an alert")["id"]
            self.command(daemon, "ack", identity, "--author", "bob", "--comment", "mine")
            daemon.wait_for_samples(2)
            daemon.kill()
            daemon.start()
            alert = wait_until(lambda: self.alert(daemon), what="the alert after the restart")
            self.assertEqual((alert["ack"]["author"], alert["ack"]["comment"]), ("bob", "mine"))

    def test_bad_ones_are_refused_with_what_they_take(self):
        def post(daemon, body, path="/api/v1/silences"):
            answer = daemon.post(path, {"Content-Type": "application/json"}, body)
            return answer.status, answer.json()["detail"]

        rows = [
            ('{"rule":"a","for":"1h"}', "author"),
            ('{"for":"1h","author":"a"}', "matcher|rule"),
            ('{"rule":"a","author":"a"}', "needs an end: endsMs, or for"),
            ('{"rule":"a","author":"a","for":"1"}', 'for takes a span from 1s to 366d, as "2h"'),
            ('{"rule":"a","author":"a","endsMs":5}', "endsMs is past"),
            ('{"rule":"a","author":"a","for":"1h","severity":["bad"]}', "severity takes"),
            ('{"rule":"a","author":"a","for":"1h","x":1}', '"x" is no member of a silence'),
            ('{"rule":7,"author":"a","for":"1h"}', "rule takes a text of at most 128 bytes"),
            ("[]", "is no JSON object"),
        ]
        with self.daemon() as daemon:
            for body, detail in rows:
                with self.subTest(body):
                    status, said = post(daemon, body)
                    self.assertEqual(status, 400)
                    self.assertRegex(said, detail)
            status, said = post(daemon, '{"author":"a"}', "/api/v1/alerts/0-0/ack")
            self.assertEqual(status, 404)
            self.assertEqual(daemon.request("DELETE", "/api/v1/silences/12", unix=True).status, 404)
            self.assertEqual(daemon.post("/api/v1/silences", unix=False).status, 401)
            self.assertEqual(daemon.json("/api/v1/silences")["silences"], [])


if __name__ == "__main__":
    unittest.main()
