"""Webhooks: what a target does, and what comes of alerts. The sinks of the daemon with the real
memwatchd-deliver, against servers of the test's own."""
import contextlib
import json
import os
import pathlib
import random
import signal
import socket
import tempfile
import time
import unittest

from support.sinks import Authority, Receiver, Sinks, alive, wait_for, webhook


def outcomes(sinks):
    return {(done["id"], done["outcome"]) for done in sinks.done}


def in_three_seconds():
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(time.time() + 3))


class Answers(unittest.TestCase):
    """Each answer of a target, once, and then it is well again."""

    def check_retried(self, step, **more):
        with Receiver([step]) as receiver, Sinks(webhook(receiver, **more)) as sinks:
            self.assertEqual(sinks.send("hook", "f", "one"), 0)
            sinks.wait_for_done(1)
            self.assertEqual(receiver.ids(), ["one", "one"])
            self.assertEqual(outcomes(sinks), {("one", "delivered")})
            self.assertEqual(sinks.numbers("hook")["retried"], 1)

    def check_refused(self, step, said):
        with Receiver([step]) as receiver, Sinks(webhook(receiver)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.send("hook", "g", "two")
            sinks.wait_for_done(2)
            self.assertEqual(receiver.ids(), ["one", "two"])
            self.assertEqual(outcomes(sinks), {("one", "refused"), ("two", "delivered")})
            self.assertIn(said, sinks.done[0]["why"])
            self.assertEqual(sinks.numbers("hook")["refused"], 1)
            wait_for(lambda: any(said in line for line in sinks.log), what="a line that tells")

    def test_500_is_tried_again(self):
        self.check_retried(500)

    def test_503_is_tried_again(self):
        self.check_retried(503)

    def test_408_is_tried_again(self):
        self.check_retried(408)

    def test_reset_is_tried_again(self):
        self.check_retried("reset")

    def test_a_connection_closed_without_an_answer_is_tried_again(self):
        self.check_retried("close")

    def test_a_target_that_hangs_is_tried_again(self):
        self.check_retried("hang", timeout=300)

    def test_400_is_refused_for_good(self):
        self.check_refused((400, (), b"no such field: \x1b[31mred"), "answered 400: no such field")

    def test_401_is_refused_for_good(self):
        self.check_refused(401, "answered 401")

    def test_redirects_are_not_followed(self):
        with Receiver() as elsewhere:
            self.check_refused((302, [("Location", elsewhere.url())]), "redirects are not followed")
            self.assertEqual(elsewhere.ids(), [])

    def test_an_answer_without_an_end_is_one(self):
        with Receiver(["forever"]) as receiver, Sinks(webhook(receiver)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            self.assertEqual(receiver.ids(), ["one"])
            self.assertEqual(outcomes(sinks), {("one", "delivered")})

    def check_retry_after(self, status, value, least, most):
        with Receiver([(status, [("Retry-After", value)])]) as receiver:
            with Sinks(webhook(receiver)) as sinks:
                sinks.send("hook", "f", "one")
                sinks.wait_for_done(1)
                waited = receiver.requests[1].at - receiver.requests[0].at
                self.assertGreaterEqual(waited, least)
                self.assertLess(waited, most)

    def test_retry_after_is_kept(self):
        self.check_retry_after(429, "1", 1.0, 3)
        self.check_retry_after(503, "1", 1.0, 3)

    def test_retry_after_as_a_date_is_kept(self):
        self.check_retry_after(429, in_three_seconds, 1.0, 6)

    def test_what_goes_out(self):
        with Receiver() as receiver, Sinks(webhook(receiver)) as sinks:
            sinks.send("hook", "f", "one", body='{"version": 1, "value": 4.5}')
            sinks.wait_for_done(1)
            request = receiver.requests[0]
            self.assertEqual(request.body, b'{"version":1,"value":4.5}')
            self.assertEqual(request.headers["Content-Type"], "application/json")
            self.assertEqual(request.id, "one")
            self.assertTrue(request.headers["User-Agent"].startswith("memwatchd/"))
            self.assertNotIn("Authorization", request.headers)

    def test_a_large_body_is_cut_and_marked(self):
        body = json.dumps({"id": "one", "labels": {str(i): "ü" * 600 for i in range(100)}})
        with Receiver() as receiver, Sinks(webhook(receiver)) as sinks:
            self.assertEqual(sinks.send("hook", "f", "one", body=body), 0)
            sinks.wait_for_done(1)
            sent = receiver.requests[0].body
            self.assertLessEqual(len(sent), 64 * 1024)
            self.assertGreater(len(sent), 60 * 1024)
            document = json.loads(sent)
            self.assertIs(document["truncated"], True)
            self.assertEqual(document["id"], "one")
            self.assertGreater(len(document["labels"]), 40)


class Trouble(unittest.TestCase):
    def test_a_target_that_is_down_and_comes_back(self):
        """Refused connections cost nothing but time."""
        with Receiver() as probe:
            port = probe.port
        with Sinks(webhook(f"http://127.0.0.1:{port}/")) as sinks:
            sinks.send("hook", "f", "one")
            wait_for(lambda: sinks.numbers("hook")["retried"] >= 3, what="three tries")
            self.assertGreater(sinks.numbers("hook")["failingMs"], 0)
            with Receiver(port=port) as receiver:
                sinks.wait_for_done(1)
                self.assertEqual(receiver.ids(), ["one"])
            self.assertEqual(sinks.numbers("hook")["failingMs"], 0)

    def test_tries_come_further_and_further_apart(self):
        with Receiver([500] * 6) as receiver:
            with Sinks(webhook(receiver), retry_first=40, retry_max=400) as sinks:
                sinks.send("hook", "f", "one")
                sinks.wait_for_done(1)
                at = [request.at for request in receiver.requests]
                gaps = [after - before for before, after in zip(at, at[1:])]
                for gap, longest in zip(gaps, (40, 80, 160, 320, 400, 400)):
                    self.assertGreaterEqual(gap, longest / 2000)
                self.assertGreater(gaps[-1], gaps[0])

    def test_a_message_that_is_always_refused_a_while_delays_no_other(self):
        """One that the target cannot digest goes behind the rest."""
        with Receiver([500]) as receiver, Sinks(webhook(receiver)) as sinks:
            for i in range(5):
                sinks.send("hook", f"f{i}", f"{i}")
            sinks.wait_for_done(5)
            self.assertEqual(receiver.ids(), ["0", "1", "2", "3", "4", "0"])

    def test_a_slow_target_delays_no_other(self):
        with Receiver(["hang"] * 10) as slow, Receiver() as quick:
            with Sinks(webhook(slow, "slow"), webhook(quick, "quick")) as sinks:
                sinks.send("slow", "f", "a")
                begin = time.monotonic()
                for i in range(20):
                    sinks.send("quick", f"f{i}", f"{i}")
                sinks.wait_for_done(20)
                self.assertLess(time.monotonic() - begin, 5)
                self.assertEqual(sinks.numbers("slow")["length"], 1)

    def test_a_deadline_ends_it(self):
        with Receiver([500] * 1000) as receiver, Sinks(webhook(receiver, deadline=4000)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            self.assertEqual(outcomes(sinks), {("one", "expired")})
            self.assertIn("answered 500", sinks.done[0]["why"])
            self.assertGreater(len(receiver.requests), 1)

    def test_a_resolved_comes_behind_its_firing(self):
        """Also when the firing has to be tried again."""
        with Receiver([500, "reset"]) as receiver, Sinks(webhook(receiver)) as sinks:
            sinks.send("hook", "f", "a")
            sinks.send("hook", "f", "a-r", status="resolved")
            sinks.send("hook", "f", "b")
            sinks.wait_for_done(3)
            self.assertEqual(receiver.ids(), ["a", "a", "a", "a-r", "b"])

    def test_a_full_queue_loses_nothing(self):
        with Receiver([500] * 3) as receiver, Sinks(webhook(receiver, queue=4)) as sinks:
            sinks.send_all("hook", [f"f{i}" for i in range(40)])
            sinks.wait_for_done(40)
            self.assertEqual(set(receiver.ids()), {f"f{i}-firing" for i in range(40)})
            self.assertGreater(sinks.rooms, 0)

    def test_a_reload_in_the_middle_loses_nothing(self):
        with Receiver() as old, Receiver() as new:
            with Sinks(webhook(old)) as sinks:
                for i in range(50):
                    sinks.send("hook", f"f{i}", f"{i}")
                    if i == 25:
                        sinks.apply(webhook(new))
                sinks.wait_for_done(50)
                self.assertEqual({done["outcome"] for done in sinks.done}, {"delivered"})
                self.assertEqual(set(old.ids()) | set(new.ids()), {str(i) for i in range(50)})
                self.assertGreater(len(new.ids()), 0)


class Child(unittest.TestCase):
    def test_it_goes_when_there_is_nothing_to_do(self):
        with Receiver() as receiver, Sinks(webhook(receiver), idle=300) as sinks:
            self.assertEqual(sinks.child()["pid"], 0)
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            pid = sinks.child()["pid"]
            self.assertTrue(alive(pid))
            wait_for(lambda: not alive(pid), 5, "its end")
            self.assertEqual(sinks.child()["crashes"], 0)
            sinks.send("hook", "f", "two")
            sinks.wait_for_done(2)
            self.assertEqual(sinks.child()["starts"], 2)

    def test_killed_at_random_it_loses_nothing(self):
        """What it had not answered is sent again, with the same id."""
        chance = random.Random(6)
        with Receiver() as receiver, Sinks(webhook(receiver)) as sinks:
            for i in range(120):
                sinks.send("hook", f"f{i}", f"{i}")
                if i % 6 == 0:
                    time.sleep(chance.random() * 0.03)
                    pid = sinks.child()["pid"]
                    if pid:
                        with contextlib.suppress(ProcessLookupError):  # the one before may be told of
                            os.kill(pid, signal.SIGKILL)
            sinks.wait_for_done(120, 60)
            self.assertEqual(set(receiver.ids()), {str(i) for i in range(120)})
            self.assertEqual({done["outcome"] for done in sinks.done}, {"delivered"})
            self.assertEqual(len(sinks.done), 120)
            self.assertGreater(sinks.child()["crashes"], 3)

    def test_one_that_is_stuck_is_replaced(self):
        with Receiver() as receiver, Sinks(webhook(receiver, timeout=200)) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            pid = sinks.child()["pid"]
            os.kill(pid, signal.SIGSTOP)
            sinks.send("hook", "f", "two")
            sinks.wait_for_done(2, 20)
            self.assertNotEqual(sinks.child()["pid"], pid)

    def test_one_that_cannot_start_is_tried_ever_more_seldom(self):
        with Receiver() as receiver:
            with Sinks(webhook(receiver), program="/bin/false", retry_max=400) as sinks:
                sinks.send("hook", "f", "one")
                time.sleep(2)
                crashes = sinks.child()["crashes"]
                self.assertGreater(crashes, 2)
                self.assertLess(crashes, 25)
                self.assertEqual(sinks.numbers("hook")["length"], 1)
                self.assertEqual(sinks.done, [])

    def test_it_has_nothing_of_its_parent(self):
        """No descriptor but the socket, no variable but those it needs, no new privileges."""
        environment = {"NOTIFY_SOCKET": "/run/x", "SECRET": "1", "LISTEN_FDS": "1"}
        with Receiver() as receiver, Sinks(webhook(receiver), environment=environment) as sinks:
            sinks.send("hook", "f", "one")
            sinks.wait_for_done(1)
            proc = pathlib.Path(f"/proc/{sinks.child()['pid']}")
            status = (proc / "status").read_text()
            self.assertIn("NoNewPrivs:\t1", status)
            names = {variable.split(b"=")[0] for variable in (proc / "environ").read_bytes().split(b"\0")}
            self.assertFalse(names & {b"NOTIFY_SOCKET", b"SECRET", b"LISTEN_FDS"})
            limits = (proc / "limits").read_text()
            self.assertRegex(limits, r"Max core file size +0 ")
            self.assertRegex(limits, r"Max file size +0 ")
            kinds = [os.readlink(fd) for fd in (proc / "fd").iterdir() if int(fd.name) > 2]
            self.assertTrue(all(kind.startswith(("socket:", "anon_inode:", "pipe:")) for kind in kinds),
                            kinds)


class Secrets(unittest.TestCase):
    def setUp(self):
        self._directory = tempfile.TemporaryDirectory(prefix="mw")
        self.addCleanup(self._directory.cleanup)
        self.directory = pathlib.Path(self._directory.name)
        self.token = self.directory / "token"

    def test_a_bearer_token_is_read_again_when_it_changed(self):
        self.token.write_text("first\n")
        with Receiver() as receiver:
            with Sinks(webhook(receiver, **{"token-file": str(self.token)})) as sinks:
                sinks.send("hook", "f", "one")
                sinks.wait_for_done(1)
                self.token.write_text("second")
                sinks.send("hook", "f", "two")
                sinks.wait_for_done(2)
                self.assertEqual([request.headers["Authorization"] for request in receiver.requests],
                                 ["Bearer first", "Bearer second"])

    def test_without_its_token_nothing_goes_out(self):
        for content in (None, b"", b"\n", b"two words", b"bad\x01byte", b"x" * 5000):
            if content is not None:
                self.token.write_bytes(content)
            with Receiver() as receiver:
                with Sinks(webhook(receiver, **{"token-file": str(self.token)})) as sinks:
                    sinks.send("hook", "f", "one")
                    wait_for(lambda: sinks.numbers("hook")["retried"] > 0, what="a try")
                    self.assertEqual(receiver.requests, [])
                    wait_for(lambda: any("token-file" in line for line in sinks.log), what="a line")
                    self.token.write_text("good\n")
                    sinks.wait_for_done(1)
                self.assertEqual(receiver.requests[0].headers["Authorization"], "Bearer good")
            self.token.unlink()

    def test_https_with_an_authority_of_ones_own(self):
        authority = Authority(self.directory)
        with Receiver(context=authority.context()) as receiver:
            with Sinks(webhook(receiver, timeout=60000, **{"ca-file": str(authority.ca)})) as sinks:
                sinks.send("hook", "f", "one")
                sinks.send("hook", "g", "two")
                sinks.wait_for_done(2, 60)
                self.assertEqual(receiver.ids(), ["one", "two"])

    def check_not_trusted(self, context, settings, said):
        with Receiver(context=context) as receiver:
            with Sinks(webhook(receiver, timeout=60000, **settings)) as sinks:
                sinks.send("hook", "f", "one")
                wait_for(lambda: sinks.numbers("hook")["retried"] > 1, 60, "two tries")
                self.assertEqual(receiver.requests, [])
                self.assertTrue(any(said in line for line in sinks.log), sinks.log)

    def test_https_of_an_authority_that_nobody_knows(self):
        self.check_not_trusted(Authority(self.directory).context(), {}, "certificate")

    def test_https_of_another_name(self):
        authority = Authority(self.directory)
        self.check_not_trusted(authority.context("DNS:elsewhere.example"),
                               {"ca-file": str(authority.ca)}, "127.0.0.1")


class Journal(unittest.TestCase):
    def test_entries_are_the_daemons_own(self):
        """No child is needed for them."""
        with tempfile.TemporaryDirectory(prefix="mw") as directory:
            path = pathlib.Path(directory) / "journal"
            journal = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self.addCleanup(journal.close)
            journal.settimeout(10)
            journal.bind(str(path))
            with Sinks(dict(name="log", type="journal"), journal=path) as sinks:
                sinks.send("log", "f", "one", severity="critical", summary="it is full")
                sinks.wait_for_done(1)
                entry = journal.recv(1 << 16).decode()
                self.assertIn("MEMWATCHD_ID=one\n", entry)
                self.assertIn("MESSAGE=it is full\n", entry)
                self.assertEqual(sinks.child()["starts"], 0)


if __name__ == "__main__":
    unittest.main()
