"""What other programs report: taken from who may, shown everywhere, refused and counted when it is wrong,
gone when nobody reports it any more."""
import json
import os
import re
import socket
import threading
import time
import unittest

from support.ctl import ctl
from support.daemon import Daemon, fixture, wait_until

NOBODY = 65534
JSON = {"Content-Type": "application/json"}
KINDS = {"queues": {"length": 1}, "heaps": {"heapUsed": 1}, "caches": {"entries": 1}}


def as_user(uid, work):
    """What `work` returns, a text, when another user does it."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            os.write(write, work().encode())
        except BaseException as error:
            os.write(write, f"failed: {error!r}".encode())
        finally:
            os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        said = pipe.read().decode()
    os.waitpid(child, 0)
    return said


class Case(unittest.TestCase):
    config = ""

    def setUp(self):
        self.daemon = Daemon(proc_root=fixture("healthy"), config=self.config).__enter__()
        self.addCleanup(self.daemon.__exit__, None)
        os.chmod(self.daemon.directory, 0o755)
        self.path = str(self.daemon.directory / "push.sock")

    def ask(self, method, path, body=None, headers=JSON):
        connection = self.daemon.connect_unix()
        try:
            text = json.dumps(body) if isinstance(body, dict) else body
            connection.request(method, "/api/v1/" + path, text, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def put(self, path, body, status=204):
        got, said = self.ask("PUT", path, body)
        self.assertEqual(got, status, said)
        return said

    def one(self, path):
        answer = self.daemon.get("/api/v1/" + path)
        return answer.json() if answer.status == 200 else None

    def names(self, kind):
        return [row["name"] for row in self.daemon.json("/api/v1/" + kind)[kind]]

    def numbers(self):
        return self.daemon.json("/api/v1/daemon")

    def refused(self):
        numbers = self.numbers()
        return sum(numbers[key] for key in numbers if key.startswith("pushRefused"))

    def send(self, *datagrams):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.connect(self.path)
            for datagram in datagrams:
                sender.send(datagram if isinstance(datagram, bytes) else datagram.encode())


class Reports(Case):
    def test_what_waits_is_shown_by_memwatchctl(self):
        """How full, how fast, how old, until when: marked where it is estimated, "-" where unknown."""
        self.put("queues/exact", {"length": 10, "capacity": 40, "oldestAgeMs": 1500})
        for i in range(14):
            time.sleep(0.4)
            self.put("queues/rated", {"length": 100 + 20 * i, "capacity": 1000,
                                      "enqueuedTotal": 30 * i, "dequeuedTotal": 10 * i})
        answer = ctl("--socket", str(self.daemon.socket), "queues")
        self.assertEqual(answer.returncode, 0, answer.stderr)
        lines = [re.split(r"  +", line.strip()) for line in answer.stdout.splitlines()]
        rows = {line[0]: dict(zip(lines[0], line)) for line in lines}
        self.assertEqual(lines[0], ["QUEUE", "LENGTH", "CAPACITY", "FILL", "IN", "OUT", "OLDEST",
                                    "FULL IN", "STALLED", "REFUSED"])
        self.assertEqual([rows["exact"][key] for key in ("LENGTH", "CAPACITY", "FILL", "IN")],
                         ["10", "40", "25.0 %", "-"])
        self.assertRegex(rows["exact"]["OLDEST"], r"^\d\.\d{3} s$")
        self.assertRegex(rows["rated"]["IN"], r"^\d+(\.\d)?/s$")
        self.assertRegex(rows["rated"]["OUT"], r"^\d+(\.\d)?/s$")
        self.assertRegex(rows["rated"]["OLDEST"], r"^~\d+\.\d+ s$")
        self.assertRegex(rows["rated"]["FULL IN"], r"^\d+\.\d+ s$")
        self.assertRegex(rows["rated"]["STALLED"], r"^\d+\.\d{3} s$")

    def test_what_is_reported_is_shown_everywhere(self):
        self.put("queues/orders", {"length": 10, "capacity": 40})
        self.put("heaps/api", {"heapUsed": 3, "heapLimit": 4})
        self.put("caches/pages", {"entries": 7})
        wait_until(lambda: self.one("queues/orders"))
        self.assertEqual(self.one("queues/orders")["fillRatio"], 0.25)
        self.assertEqual(self.one("heaps/api")["fillRatio"], 0.75)
        wait_until(lambda: "pages" in self.names("caches"))
        self.assertEqual(self.names("queues"), ["events", "orders"])
        self.assertEqual(self.names("heaps"), ["memwatchd", "api"])
        metrics = self.daemon.get("/metrics").text
        for line in ('memwatch_queue_length{name="orders"} 10', 'memwatch_heap_used_bytes{name="api"} 3',
                     'memwatch_cache_entries{name="pages"} 7'):
            self.assertIn(line + "\n", metrics)
        self.assertNotIn('memwatch_queue_out_per_second{name="orders"}', metrics)
        path = "/api/v1/history?reading=queue.length&subject=orders&from=-10s"
        points = wait_until(lambda: [point for point in self.daemon.json(path)["points"]
                                     if point[1] is not None])
        self.assertEqual(points[0][1:], [10, 10, 10])

    def test_a_report_is_shown_at_once(self):
        with Daemon(proc_root=fixture("healthy"), interval="30s") as self.daemon:
            begun = time.monotonic()
            self.put("queues/orders", {"length": 10})
            wait_until(lambda: self.one("queues/orders"), 5)
            self.put("queues/orders", {"length": 11})
            wait_until(lambda: self.one("queues/orders")["length"] == 11, 5)
            self.assertLess(time.monotonic() - begun, 10)

    def test_rates_follow_from_totals(self):
        for i in range(14):
            self.put("queues/orders", {"length": 100 + 20 * i, "capacity": 1000, "enqueuedTotal": 30 * i,
                                       "dequeuedTotal": 10 * i})
            time.sleep(0.4)
        queue = self.one("queues/orders")
        self.assertAlmostEqual(queue["inRate"] / queue["outRate"], 3, delta=0.01)
        self.assertGreater(queue["inRate"], 20)
        self.assertEqual(queue["oldestAgeEstimated"], 1)
        self.assertAlmostEqual(queue["oldestAgeMs"], queue["length"] / queue["outRate"] * 1000,
                               delta=queue["oldestAgeMs"] / 3)
        self.assertGreater(queue["timeToFullMs"], 0)
        self.assertIsNone(queue["timeToDrainMs"])
        self.assertLess(queue["stalledMs"], 1000)

    def test_what_does_not_drain_is_stalled(self):
        for _ in range(4):
            self.put("queues/orders", {"length": 5, "dequeuedTotal": 9})
            time.sleep(0.3)
        wait_until(lambda: self.one("queues/orders")["stalledMs"] >= 600)
        self.put("queues/orders", {"length": 5, "dequeuedTotal": 10})
        wait_until(lambda: self.one("queues/orders")["stalledMs"] < 300)

    def test_deleted_is_gone(self):
        for kind, body in KINDS.items():
            self.put(f"{kind}/x", body)
            wait_until(lambda: "x" in self.names(kind))
            self.assertEqual(self.ask("DELETE", f"{kind}/x", headers={})[0], 204)
            wait_until(lambda: "x" not in self.names(kind))
            self.assertEqual(self.ask("DELETE", f"{kind}/x", headers={})[0], 404)


class Refusals(Case):
    def test_hostile_bodies_change_nothing(self):
        self.put("queues/orders", {"length": 7})
        wait_until(lambda: self.one("queues/orders"))
        for body, says in (("", "JSON object"), ("null", "JSON object"), ("[" * 60000, "JSON object"),
                           ('{"length":' * 6000, "JSON object"), ('{"length":1}\0', "JSON object"),
                           ('{"length":1,"\0":1}', ""), ('{"length":"7"}', "whole number"),
                           ('{"length":1e308}', "whole number"), ('{"length":-0.1}', "whole number"),
                           ('{"length":1,"capacity":NaN}', "JSON object"),
                           ('{"length":1,"nonsense":1}', "which takes length, capacity"),
                           ('{"length":1,"\\ud800":1}', ""), ('{"capacity":1}', "length is missing")):
            said = json.loads(self.put("queues/orders", body, 400))
            self.assertEqual(said["status"], 400)
            self.assertIn(says, said["detail"])
        self.assertEqual(self.one("queues/orders")["length"], 7)
        wait_until(lambda: self.refused() == 13)
        self.assertEqual(self.numbers()["pushes"], 1)

    def test_names_are_checked(self):
        for name in ("a%20b", "%22", "-x", "%C3%BC", "x" * 65, "a%0Ab", "%2E"):
            self.put(f"queues/{name}", {"length": 1}, 400)
        for name in ("a.b-c_d@e", "a%2Fb", "x" * 64):
            self.put(f"queues/{name}", {"length": 1})
        wait_until(lambda: "a/b" in self.names("queues"))
        self.assertEqual(self.daemon.get("/api/v1/queues/a%2Fb").json()["length"], 1)

    def test_the_daemons_own_names_are_its_own(self):
        for path, body in (("queues/events", {"length": 1}), ("heaps/memwatchd", {"heapUsed": 1}),
                           ("caches/bodies", {"entries": 1}), ("caches/history", {"entries": 1})):
            self.put(path, body, 409)
            self.assertEqual(self.ask("DELETE", path, headers={})[0], 409)

    def test_over_tcp_it_takes_a_token(self):
        connection = self.daemon.connect()
        connection.request("PUT", "/api/v1/queues/orders", '{"length":1}', JSON)
        self.assertEqual(connection.getresponse().status, 401)
        connection.close()

    def test_methods_of_a_path_are_told(self):
        status, said = self.ask("POST", "queues/orders", {"length": 1})
        self.assertEqual(status, 405, said)
        self.assertIn("GET, HEAD, PUT, DELETE", said)

    def test_names_have_a_bound(self):
        connection = self.daemon.connect_unix()
        self.addCleanup(connection.close)
        for i in range(1001):
            connection.request("PUT", f"/api/v1/queues/q{i}", '{"length":1}', JSON)
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, 204 if i < 1000 else 503, i)
        self.assertTrue(answer.headers["Retry-After"])
        wait_until(lambda: len(self.names("queues")) == 1001)
        wait_until(lambda: self.numbers()["pushNames"] == 1000)
        wait_until(lambda: self.numbers()["pushRefusedFull"] == 1)
        self.put("caches/other", {"entries": 1})


@unittest.skipUnless(os.geteuid() == 0, "needs root to report as others")
class Owners(Case):
    def put_as(self, uid, path, body, method="PUT"):
        return as_user(uid, lambda: str(self.ask(method, path, body)[0]))

    def test_a_name_is_of_its_first_user(self):
        self.assertEqual(self.put_as(NOBODY, "queues/orders", {"length": 1}), "204")
        self.assertEqual(self.put_as(NOBODY - 1, "queues/orders", {"length": 2}), "403")
        self.assertEqual(self.put_as(NOBODY - 1, "queues/orders", None, "DELETE"), "403")
        self.assertEqual(self.put_as(NOBODY - 1, "caches/orders", {"entries": 2}), "204")
        self.put("queues/orders", {"length": 3}) # an administrator may
        wait_until(lambda: self.one("queues/orders")["length"] == 3)
        self.assertEqual(self.put_as(NOBODY, "queues/orders", {"length": 4}), "204")
        self.assertEqual(self.put_as(NOBODY, "queues/orders", None, "DELETE"), "204")
        self.assertEqual(self.put_as(NOBODY - 1, "queues/orders", {"length": 5}), "204")

    def test_datagrams_have_an_owner_too(self):
        def report(value):
            return lambda: str(self.send(f"queue.orders.length:{value}|g"))

        self.assertEqual(as_user(NOBODY, report(1)), "None")
        wait_until(lambda: self.one("queues/orders"))
        self.assertEqual(as_user(NOBODY - 1, report(2)), "None")
        wait_until(lambda: self.numbers()["pushRefusedOwner"] == 1)
        self.assertEqual(self.one("queues/orders")["length"], 1)
        self.assertEqual(self.put_as(NOBODY - 1, "queues/orders", {"length": 2}), "403")
        self.assertEqual(self.put_as(NOBODY, "queues/orders", {"length": 3}), "204")


class Expiry(Case):
    config = "push-expire = 1s\n"

    def test_who_falls_silent_goes_and_it_is_said(self):
        self.put("queues/silent", {"length": 1})
        wait_until(lambda: self.one("queues/silent"))
        for _ in range(8):
            self.put("queues/alive", {"length": 1})
            time.sleep(0.25)
        self.assertEqual(self.names("queues"), ["events", "alive"])
        self.daemon.wait_for_line(r'queue "silent" has not been reported for 1 s')
        wait_until(lambda: self.numbers()["pushExpired"] == 1)
        self.assertEqual(self.daemon.get("/api/v1/queues/silent").status, 404)
        history = self.daemon.json("/api/v1/history?reading=queue.length&subject=silent&from=-1m")
        self.assertFalse(history["alive"])
        self.put("queues/silent", {"length": 2})
        wait_until(lambda: self.one("queues/silent"))

    def test_a_reload_changes_the_time(self):
        self.daemon.configure("push-expire = 1h\n")
        self.assertEqual(self.daemon.request("POST", "/api/v1/reload", unix=True).status, 200)
        self.put("queues/silent", {"length": 1})
        time.sleep(1.5)
        self.assertIn("silent", self.names("queues"))


class Datagrams(Case):
    config = 'push-udp = "127.0.0.1:0"\n'

    def test_lines_are_taken(self):
        self.send("queue.orders.length:42|g\nqueue.orders.capacity:84|g\n", "queue.orders.enqueued:1|c",
                  "queue.orders.enqueued:1|c|@0.1\n", "heap.api.v1.used:1234|g", "queue.orders.length:+8|g")
        wait_until(lambda: (self.one("heaps/api.v1") or {}).get("heapUsed") == 1234)
        wait_until(lambda: self.one("queues/orders")["length"] == 50)
        queue = self.one("queues/orders")
        self.assertEqual((queue["capacity"], queue["enqueuedTotal"]), (84, 11))
        self.assertIsNone(queue["dequeuedTotal"])

    def test_wrong_ones_are_counted_by_reason(self):
        self.send("queue.orders.length:7|g")
        wrong = {"Syntax": [b"x", b"\0\xff\xfe", b"queue.orders:1|g"],
                 "Field": [b"queue.orders.size:1|g", b"system.x.y:1|g", b"queue.orders.length:1|ms"],
                 "Value": [b"queue.orders.length:-8|g", b"queue.orders.length:nan|g",
                           b"queue.orders.enqueued:-1|c", b"queue.orders.length:99999999999999999999|g"],
                 "Name": [b"queue.or ders.length:1|g", b"queue." + b"x" * 65 + b".length:1|g"],
                 "Owner": [b"queue.events.length:1|g"], "Size": [b"queue.orders.length:1|g\n" * 400]}
        for datagrams in wrong.values():
            self.send(*datagrams)
        self.send(b"", b"\n\n\n")
        wait_until(lambda: self.numbers()["pushDatagrams"] == 17)
        wait_until(lambda: self.refused() == 14)
        numbers = self.numbers()
        for reason, datagrams in wrong.items():
            self.assertEqual(numbers["pushRefused" + reason], len(datagrams), reason)
        self.assertEqual(self.one("queues/orders")["length"], 7)
        self.assertEqual(self.names("queues"), ["events", "orders"])

    def test_good_lines_beside_bad_ones_count(self):
        self.send("nonsense\nqueue.orders.length:1|g\nqueue.orders.nope:1|g")
        wait_until(lambda: (self.one("queues/orders") or {}).get("length") == 1)
        wait_until(lambda: self.numbers()["pushRefusedField"] == 1)

    def test_udp_is_taken_where_it_is_wanted(self):
        port = int(self.daemon.wait_for_line(r"taking reports on udp 127\.0\.0\.1:(\d+)").group(1))
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.sendto(b"queue.far.length:5|g", ("127.0.0.1", port))
        wait_until(lambda: self.one("queues/far"))
        self.send("queue.far.length:6|g") # whose it is the kernel did not say
        wait_until(lambda: self.numbers()["pushRefusedOwner"] == 1)

    def test_none_is_lost_uncounted(self):
        """Many senders at once, as fast as they can: what was sent arrived."""
        count, senders = 5000, 4

        def flood(number):
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.connect(self.path)
                for _ in range(count):
                    sender.send(b"queue.q%d.enqueued:1|c" % number)

        threads = [threading.Thread(target=flood, args=(i,)) for i in range(senders)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        wait_until(lambda: self.numbers()["pushDatagrams"] == count * senders)
        for i in range(senders):
            wait_until(lambda: self.one(f"queues/q{i}")["enqueuedTotal"] == count)
        self.assertEqual(self.daemon.get("/healthz").status, 200)

    def test_the_socket_goes_with_the_daemon(self):
        self.assertTrue(os.path.exists(self.path))
        self.daemon.stop()
        self.assertFalse(os.path.exists(self.path))


class Sockets(unittest.TestCase):
    def start(self, config):
        return Daemon(proc_root=fixture("healthy"), config=config)

    def test_none_is_none(self):
        with self.start('push-socket = ""\n') as daemon:
            self.assertFalse((daemon.directory / "push.sock").exists())
            self.assertFalse(any("taking reports" in line for line in daemon.lines))

    def test_one_that_was_left_is_replaced(self):
        daemon = self.start("")
        left = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        left.bind(str(daemon.directory / "push.sock"))
        left.close()
        with daemon:
            daemon.wait_for_line("taking reports on .*push.sock")

    def test_one_in_use_and_other_files_are_not(self):
        for precious in (True, False):
            daemon = self.start("")
            path = daemon.directory / "push.sock"
            if precious:
                path.write_text("precious")
            else:
                other = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                self.addCleanup(other.close)
                other.bind(str(path))
            with self.assertRaisesRegex(AssertionError, re.escape(f"push-socket: {path} is ")):
                daemon.__enter__()


if __name__ == "__main__":
    unittest.main()
