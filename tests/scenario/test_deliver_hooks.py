"""Hooks: programs that are run for an alert. And the examples of conf/examples."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

from support.sinks import Sinks, alive, wait_for, webhook

EXAMPLES = pathlib.Path(__file__).resolve().parents[2] / "conf" / "examples"


def hook(*arguments, **more):
    return dict(name="hook", type="exec", arguments=[str(argument) for argument in arguments], **more)


class Hooks(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.addCleanup(self._directory.cleanup)
        self.directory = pathlib.Path(self._directory.name)

    def script(self, text):
        path = self.directory / "hook"
        path.write_text("#!/bin/sh\n" + text)
        path.chmod(0o755)
        return path

    def read(self, name):
        path = self.directory / name
        return path.read_text() if path.exists() else ""

    def test_it_gets_the_alert_on_stdin(self):
        """Arguments as they are configured, without a shell in between."""
        path = self.script(f'cat >{self.directory}/in; printf "%s|" "$@" "$MEMWATCHD_SINK" '
                           f'"$MEMWATCHD_ID" "$MEMWATCHD_STATUS" >{self.directory}/args\n')
        with Sinks(hook(path, "a b", "$HOME;`id`", "*")) as sinks:
            sinks.send("hook", "f", "one", body='{"a": "ü"}')
            sinks.wait_for_done(1)
            self.assertEqual(sinks.done[0]["outcome"], "delivered")
            self.assertEqual(self.read("in"), '{"a":"ü"}')
            self.assertEqual(self.read("args"), "a b|$HOME;`id`|*|hook|one|firing|")

    def test_one_that_does_not_read_is_none_the_worse(self):
        body = json.dumps({"a": "x" * 900, "b": ["y" * 900] * 60})
        with Sinks(hook("/bin/true")) as sinks:
            sinks.send("hook", "f", "one", body=body)
            sinks.wait_for_done(1)
            self.assertEqual(sinks.done[0]["outcome"], "delivered")

    def test_one_that_fails_is_run_again_and_its_words_are_logged(self):
        path = self.script(f'echo run >>{self.directory}/runs; echo "not today" >&2\n'
                           f'[ "$(wc -l <{self.directory}/runs)" -ge 3 ]\n')
        with Sinks(hook(path)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            self.assertEqual(self.read("runs"), "run\n" * 3)
            self.assertTrue(any("exit code 1: not today" in line for line in sinks.log), sinks.log)

    def test_one_that_hangs_is_killed_with_all_it_started(self):
        path = self.script(f'sleep 300 & echo $! $$ >{self.directory}/pids; wait\n')
        with Sinks(hook(path, timeout=1500, deadline=2000)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            self.assertIn("did not end within", sinks.done[0]["why"])
            for pid in self.read("pids").split():
                wait_for(lambda: not alive(int(pid)), 5, "the end of the group")

    def test_what_it_leaves_behind_ends_with_it(self):
        path = self.script(f'sleep 300 & echo $! >{self.directory}/pids\n')
        with Sinks(hook(path)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            wait_for(lambda: not alive(int(self.read("pids"))), 5, "its end")

    def test_it_ends_with_the_daemon(self):
        path = self.script(f'echo $$ >{self.directory}/pids; exec sleep 300\n')
        with Sinks(hook(path, timeout=60000)) as sinks:
            sinks.send("hook", "f", "one")
            wait_for(lambda: self.read("pids"), what="its start")
        wait_for(lambda: not alive(int(self.read("pids"))), 5, "its end")

    def test_much_output_is_bounded(self):
        path = self.script("head -c 2000000 /dev/zero | tr '\\0' x; exit 1\n")
        with Sinks(hook(path, deadline=1500)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1, 40)
            self.assertLess(len(sinks.done[0]["why"]), 1100)
            self.assertTrue(all(len(line) < 2200 for line in sinks.log))

    def test_one_that_is_not_there(self):
        with Sinks(hook("/nonexistent/hook", deadline=1000)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            self.assertIn("cannot be executed: No such file or directory", sinks.done[0]["why"])

    def test_one_that_hangs_delays_no_other(self):
        slow = dict(hook("/bin/sleep", "30", timeout=20000), name="slow")
        with Sinks(slow, hook("/bin/cat")) as sinks:
            sinks.send("slow", "f", "one")
            for i in range(5):
                sinks.send("hook", f"f{i}", f"{i}")
            sinks.wait_for_done(5, 15)

    def test_it_inherits_nothing(self):
        """3 is the folder that it reads."""
        with Sinks(hook("/bin/ls", "/proc/self/fd")) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            wait_for(lambda: any("the hook says: 0 1 2 3\n" in line for line in sinks.log), 5, "its words")
        path = self.script(f'ulimit -f >{self.directory}/files; env >{self.directory}/env\n')
        with Sinks(hook(path), environment={"SECRET": "1"}) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            self.assertEqual(self.read("files").strip(), "unlimited")
            self.assertNotIn("SECRET", self.read("env"))


class Examples(unittest.TestCase):
    BODY = {"version": 1, "id": "one", "status": "firing", "rule": "queue-full", "subject": "orders",
            "summary": "orders holds 80 of 100"}

    def test_the_hook(self):
        """An alert that is told twice stands there once."""
        with tempfile.TemporaryDirectory(prefix="mw") as directory:
            log = pathlib.Path(directory) / "alerts.log"
            with Sinks(hook(EXAMPLES / "alert-hook.sh", log)) as sinks:
                for i, status in enumerate(("firing", "firing", "resolved")):
                    body = dict(self.BODY, status=status)
                    sinks.send("hook", "f", "one", status=status, body=json.dumps(body))
                    sinks.wait_for_done(i + 1)
            lines = [line.split(" ", 2) for line in log.read_text().splitlines()]
            self.assertEqual([line[:2] for line in lines], [["one", "firing"], ["one", "resolved"]])
            self.assertEqual(json.loads(lines[1][2])["status"], "resolved")

    def test_the_receiver(self):
        with tempfile.TemporaryDirectory(prefix="mw") as directory:
            token = pathlib.Path(directory) / "token"
            token.write_text("secret\n")
            receiver = subprocess.Popen([sys.executable, str(EXAMPLES / "webhook_receiver.py"), "0",
                                         str(token)], stdout=subprocess.PIPE, text=True)
            self.addCleanup(receiver.stdout.close)
            self.addCleanup(receiver.wait, 20)
            self.addCleanup(receiver.kill)
            port = re.search(r":(\d+)", receiver.stdout.readline()).group(1)
            sink = webhook(f"http://127.0.0.1:{port}/", **{"token-file": str(token)})
            with Sinks(sink) as sinks:
                sinks.send("hook", "f", "one", body=json.dumps(self.BODY))
                sinks.wait_for_done(1)
                sinks.send("hook", "f", "one", body=json.dumps(self.BODY))
                sinks.send("hook", "g", "two", body="{}")
                sinks.send("hook", "f", "one", status="resolved",
                           body=json.dumps(dict(self.BODY, status="resolved")))
                sinks.wait_for_done(4)
                self.assertEqual({(done["id"], done["outcome"]) for done in sinks.done},
                                 {("one", "delivered"), ("two", "refused")})
            self.assertEqual([receiver.stdout.readline() for _ in range(2)],
                             ["firing queue-full orders: orders holds 80 of 100\n",
                              "resolved queue-full orders: orders holds 80 of 100\n"])


if __name__ == "__main__":
    unittest.main()
