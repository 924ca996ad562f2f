"""A real Alertmanager, and what amtool says that it has."""
import datetime
import json
import time
import unittest

from support.alertmanager import Alertmanager
from support.sinks import Receiver, Sinks, wait_for


def sink(*members, **more):
    urls = [member if isinstance(member, str) else member.url() for member in members]
    return dict(name="am", type="alertmanager", urls=urls, **more)


def seconds_from_now(text):
    at = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at - datetime.datetime.now(datetime.timezone.utc)).total_seconds()


class Real(unittest.TestCase):
    def test_firing_then_resolved(self):
        """And Alertmanager tells its own receivers of both."""
        with Receiver() as receiver, Alertmanager(receiver.url()) as manager:
            with Sinks(sink(manager)) as sinks:
                sinks.send("am", "f", labels={"alertname": "full", "name": "orders", "sub-ject": "x"},
                           annotations={"summary": 'a "quoted"\nline'})
                wait_for(lambda: "orders" in manager.alerts(), 60, "the alert")
                alert = manager.alerts()["orders"]
                self.assertEqual(alert["labels"]["alertname"], "full")
                self.assertEqual(alert["labels"]["sub_ject"], "x")
                self.assertEqual(alert["annotations"]["summary"], 'a "quoted"\nline')
                self.assertTrue(60 < seconds_from_now(alert["endsAt"]) <= 240)
                wait_for(lambda: len(receiver.requests) >= 1, 60, "its notification")
                sinks.send("am", "f", status="resolved", ends=int(time.time() * 1000),
                           labels={"alertname": "full", "name": "orders", "sub-ject": "x"})
                wait_for(lambda: manager.alerts() == {}, 60, "its end")
                wait_for(lambda: self.statuses(receiver)[-1:] == ["resolved"], 60,
                         "the second notification")
                self.assertEqual(self.statuses(receiver), ["firing", "resolved"])

    @staticmethod
    def statuses(receiver):
        with receiver.lock:
            return [json.loads(request.body)["status"] for request in receiver.requests]

    def test_what_fires_is_told_again(self):
        """Each time with a later end; without that it would be taken for resolved."""
        with Alertmanager() as manager, Sinks(sink(manager), resend=1500) as sinks:
            sinks.send("am", "f")
            sinks.wait_for_done(1, 60)
            first = manager.alerts()["f"]["endsAt"]
            wait_for(lambda: manager.alerts()["f"]["endsAt"] > first, 60, "a later end")
            time.sleep(6.5) # longer than the first one's end
            self.assertIn("f", manager.alerts())
            self.assertEqual(sinks.numbers("am")["active"], 1)
            self.assertEqual(len(sinks.done), 1)
            sinks.send("am", "f", status="resolved", ends=int(time.time() * 1000))
            wait_for(lambda: manager.alerts() == {}, 60, "its end")
            self.assertEqual(sinks.numbers("am")["active"], 0)

    def test_a_thousand_at_once_reach_it_within_5_s(self):
        """Through a queue of 256, whose sender waits when it is full."""
        with Alertmanager() as manager, Sinks(sink(manager)) as sinks:
            begin = time.monotonic()
            at_once = sinks.command(flood=dict(sink="am", count=1000))["result"]
            self.assertEqual(at_once, 256)
            wait_for(lambda: manager.count() == 1000, 30, "all of them")
            took = time.monotonic() - begin
            print(f"1000 alerts reached Alertmanager in {took:.2f} s")
            self.assertEqual(sinks.numbers("am")["capacity"], 256)
            sinks.wait_for_done(1000)
            self.assertEqual({done["outcome"] for done in sinks.done}, {"delivered"})
            self.assertLess(took, 5)

    def test_one_that_is_wrong_takes_none_along(self):
        """A batch that is refused goes again one by one."""
        with Alertmanager() as manager, Receiver(["hang"]) as receiver:
            with Sinks(sink(receiver, timeout=500)) as sinks:
                for i in range(6):  # they wait together, and go as one batch
                    labels = {"alertname": "test", "name": f"f{i}"} if i != 3 else {}
                    sinks.send("am", f"f{i}", labels=labels)
                sinks.apply(sink(manager))
                for i in range(6):
                    labels = {"alertname": "test", "name": f"f{i}"} if i != 3 else {}
                    sinks.send("am", f"f{i}", labels=labels)
                wait_for(lambda: len(manager.alerts()) == 5, 60, "the five")
                wait_for(lambda: any(done["outcome"] == "refused" for done in sinks.done), 30)
                refused = [done["id"] for done in sinks.done if done["outcome"] == "refused"]
                self.assertEqual(refused, ["f3-firing"])


class Members(unittest.TestCase):
    def test_all_members_are_told_and_one_that_is_down_delays_none(self):
        with Alertmanager() as one, Alertmanager() as other, Receiver(["hang"] * 50) as down:
            with Sinks(sink(one, down, other)) as sinks:
                begin = time.monotonic()
                for i in range(20):
                    sinks.send("am", f"f{i}")
                sinks.wait_for_done(20, 30)
                self.assertLess(time.monotonic() - begin, 9)  # a request's time limit is 10 s
                self.assertEqual({done["outcome"] for done in sinks.done}, {"delivered"})
                wait_for(lambda: one.count() == 20 and other.count() == 20, 30, "both members")
                self.assertEqual(len(sinks.done), 20)
                self.assertEqual(sinks.numbers("am-1")["length"], 0)
                self.assertEqual(sinks.numbers("am-2")["length"], 20)

    def test_a_member_whose_queue_is_full_stops_nobody(self):
        with Alertmanager() as one:
            with Sinks(sink(one, "http://127.0.0.1:9/", queue=8)) as sinks:
                sinks.send_all("am", [f"f{i}" for i in range(50)])
                sinks.wait_for_done(50, 60)
                wait_for(lambda: one.count() == 50, 30, "all of them")
                self.assertGreater(sinks.numbers("am-2")["expired"], 0)

    def test_one_that_comes_back_is_told_what_fires(self):
        with Alertmanager() as probe:
            port = probe.port
        with Sinks(sink(f"http://127.0.0.1:{port}")) as sinks:
            sinks.send("am", "f")
            wait_for(lambda: sinks.numbers("am")["retried"] > 1, 30, "two tries")
            with Alertmanager(port=port) as manager:
                wait_for(lambda: "f" in manager.alerts(), 60, "the alert")


if __name__ == "__main__":
    unittest.main()
