"""The traps of libmicrohttpd in a libuv loop: each test springs one of them on purpose.

Limits, deadlines, descriptors, framing, the end. The server is http_test_server; time-outs are short
so that the file takes seconds.
"""
import os
import resource
import signal
import socket
import time
import unittest

from support.http_probe import (OWN_HOST, PROBLEM, Client, Server, Stream, cpu_seconds, directory,
                                wait_until)

LATE = 8  # seconds: no machine is that slow, and what never ends takes longer
MAX = 32  # connections, of which 16 are kept for the unix socket when there is one


def hold(count, to):
    """Connections that are let in and say nothing."""
    return [Client(to) for _ in range(count)]


def close_all(clients):
    for client in clients:
        client.close()


class Limits(unittest.TestCase):
    def assert_turned_away(self, client):
        answer = client.answer()
        self.assertEqual(answer.status, 503)
        self.assertEqual(answer["Content-Type"], PROBLEM)
        self.assertEqual(answer["Retry-After"], "1")
        self.assertEqual(answer["Connection"], "close")
        self.assertEqual(answer.json()["status"], 503)
        self.assertEqual(client.rest(), b"")
        client.close()

    def test_one_over_the_limit_is_told_so(self):
        with Server("--max-connections", str(MAX)) as server:
            held = hold(MAX - 1, server.port)
            with server.client() as last:
                self.assertEqual(last.get("/small").status, 200)
                self.assert_turned_away(server.client())
                last.ask("/stats")
                stats = last.answer().json()
            self.assertEqual(stats["connections"], MAX)
            self.assertEqual(stats["rejections"], 1)
            close_all(held)

    def test_a_request_sent_meanwhile_does_not_cost_the_answer(self):
        with Server("--max-connections", str(MAX)) as server:
            held = hold(MAX, server.port)
            for _ in range(10):
                client = server.client()
                client.ask("/small")
                self.assert_turned_away(client)
            close_all(held)

    def test_the_last_places_are_for_the_unix_socket(self):
        made, path = directory()
        self.addCleanup(made.cleanup)
        unix = str(path / "socket")
        with Server("--max-connections", str(MAX), "--socket", unix) as server:
            held = hold(MAX - 16, server.port)
            self.assert_turned_away(server.client())
            held += hold(15, unix)
            with Client(unix) as last:
                self.assertEqual(last.get("/small").status, 200)
                self.assert_turned_away(Client(unix))
            close_all(held)

    def test_it_is_not_deaf_after_the_limit(self):
        with Server("--max-connections", str(MAX)) as server:
            for _ in range(3):
                held = hold(MAX, server.port)
                self.assert_turned_away(server.client())
                close_all(held)
                before = time.monotonic()
                self.assertEqual(server.get("/small").status, 200)
                self.assertLess(time.monotonic() - before, 3)

    def test_it_is_not_deaf_without_descriptors(self):
        def few_descriptors():
            resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))

        with Server(preexec_fn=few_descriptors) as server:
            held, refusals = [], 0
            while refusals < 5:
                client = server.client()
                client.ask("/small")
                answer = client.answer()
                if answer.status == 200:
                    held.append(client)
                else:
                    self.assertEqual((answer.status, answer["Retry-After"]), (503, "1"))
                    self.assertEqual(answer["Content-Type"], PROBLEM)
                    self.assertIn("no descriptor is left", answer.json()["detail"])
                    client.close()
                    refusals += 1
            self.assertGreater(len(held), 5)
            before = cpu_seconds(server.pid)
            time.sleep(0.5)
            self.assertLess(cpu_seconds(server.pid) - before, 0.2)
            self.assertEqual(held[0].get("/stats").json()["rejections"], refusals)
            close_all(held)
            before = time.monotonic()
            self.assertEqual(wait_until(lambda: server.get("/small")).status, 200)
            self.assertLess(time.monotonic() - before, 3)

    def test_nothing_is_left_of_many_connections(self):
        with Server() as server:
            for _ in range(300):
                self.assertEqual(server.get("/small").status, 200)
                server.client().close()
            stats = wait_until(lambda: server.stats()["connections"] == 1 and server.stats())
            self.assertGreaterEqual(stats["total"], 600)
            self.assertEqual(stats["rejections"], 0)


class Deadlines(unittest.TestCase):
    """A deadline of 1 s, where without one nothing would end before LATE."""

    def assert_closed_in_time(self, client, started, seconds=1.0):
        while not client.is_closed(0.05):
            self.assertLess(time.monotonic() - started, LATE)
        self.assertGreater(time.monotonic() - started, seconds - 0.1)

    def drip(self, client, text, started):
        """Sends a byte now and then until the other side has had enough."""
        for byte in text:
            try:
                client.send(bytes([byte]))
            except OSError:
                return
            if client.is_closed(0.1):
                return
            self.assertLess(time.monotonic() - started, LATE)

    def test_who_drips_a_request_is_closed(self):
        request = b"GET /small HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 100
        with Server("--request-timeout", "1000") as server, server.client() as client:
            started = time.monotonic()
            self.drip(client, request, started)
            self.assert_closed_in_time(client, started)
            self.assertEqual(server.stats()["timeouts"], 1)

    def test_who_drips_header_fields_is_closed(self):
        with Server("--request-timeout", "1000") as server, server.client() as client:
            started = time.monotonic()
            client.send(b"GET /small HTTP/1.1\r\n")
            self.drip(client, b"A: b\r\n" * 20, started)
            self.assert_closed_in_time(client, started)

    def test_who_drips_a_second_request_is_closed(self):
        with Server("--request-timeout", "1000") as server, server.client() as client:
            started = time.monotonic()  # the deadline runs from the end of the first answer
            self.assertEqual(client.get("/small").status, 200)
            self.drip(client, b"GET /small HTTP/1.1\r\nX: " + b"a" * 100, started)
            self.assert_closed_in_time(client, started)

    def test_who_says_nothing_is_closed(self):
        with Server("--request-timeout", "1000") as server:
            started = time.monotonic()
            with server.client() as fresh, server.client() as used:
                used.get("/small")
                self.assert_closed_in_time(fresh, started)
                self.assert_closed_in_time(used, started)

    def test_who_asks_in_time_is_kept(self):
        with Server("--request-timeout", "3000") as server, server.client() as client:
            for _ in range(5):
                self.assertEqual(client.get("/small").status, 200)
                time.sleep(1)

    def test_who_does_not_read_the_answer_is_closed(self):
        # More than the kernel takes, and made in less than the deadline, which goes on meanwhile for
        # those that ask for the numbers.
        with Server("--response-timeout", "3000", "--big", "8000000", "--publish", "0") as server:
            with server.client(receive_buffer=4096) as client:
                client.ask("/big")
                wait_until(lambda: server.stats()["bodyBytes"] >= 8000000)
                started = time.monotonic()
                wait_until(lambda: server.stats()["connections"] == 1)
                self.assertLess(time.monotonic() - started, LATE)
                self.assertEqual(server.stats()["timeouts"], 1)

    def test_who_does_not_read_events_is_closed(self):
        with Server("--response-timeout", "1000", "--event", "500000", "--publish", "50") as server:
            with Stream(server.port, receive_buffer=4096):
                self.assertEqual(server.stats()["streams"], 1)
                started = time.monotonic()
                wait_until(lambda: server.stats()["streams"] == 0)
                self.assertGreater(time.monotonic() - started, 0.5)
                self.assertEqual(server.stats()["timeouts"], 1)

    def test_a_stream_outlives_the_deadlines(self):
        with Server("--response-timeout", "1000", "--request-timeout", "1000") as server:
            with Stream(server.port) as stream:
                started = time.monotonic()
                while time.monotonic() - started < 3:
                    stream.event()
            with Server("--response-timeout", "1000", "--publish", "0") as silent:
                with Stream(silent.port) as stream:
                    stream.event()
                    self.assertFalse(stream.is_closed(3))


class Suspension(unittest.TestCase):
    def test_a_stream_without_news_costs_nothing(self):
        with Server("--publish", "0") as server:
            streams = [Stream(server.port) for _ in range(5)]
            for stream in streams:
                stream.event()
            before = cpu_seconds(server.pid)
            time.sleep(1)
            self.assertLess(cpu_seconds(server.pid) - before, 0.2)
            close_all(streams)

    def test_news_come_at_once(self):
        with Server("--publish", "0") as server, Stream(server.port) as stream:
            first = stream.number()
            os.kill(server.pid, signal.SIGUSR1)
            before = time.monotonic()
            self.assertEqual(stream.number(), first + 1)
            self.assertLess(time.monotonic() - before, 3)

    def test_a_dead_reader_is_noticed(self):
        with Server("--publish", "100") as server:
            stream = Stream(server.port)
            stream.event()
            stream.close()
            wait_until(lambda: server.stats()["streams"] == 0, 10)

    def test_silence_is_broken_every_15_seconds(self):
        with Server("--publish", "0") as server, Stream(server.port, timeout=20) as stream:
            stream.event()
            before = time.monotonic()
            self.assertEqual(stream.chunk(), b":\n\n")
            self.assertGreater(time.monotonic() - before, 14)
            self.assertLess(time.monotonic() - before, 18)


class Framing(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)

    def assert_refused(self, request, status, closes=True):
        """Exactly one answer comes, a problem document."""
        with self.server.client() as client:
            client.send(request)
            answer = client.answer()
            self.assertEqual(answer.status, status, request[:80])
            self.assertEqual(answer["Content-Type"], PROBLEM)
            problem = answer.json()
            self.assertEqual((problem["type"], problem["status"]), ("about:blank", status))
            self.assertTrue(problem["title"] and problem["detail"])
            if closes:
                self.assertEqual(answer["Connection"], "close")
                self.assertEqual(client.rest(), b"")
            return problem["detail"]

    def request(self, *lines):
        return b"\r\n".join((*lines, b"", b""))

    def test_host_must_be_there_once(self):
        self.assert_refused(self.request(b"GET /small HTTP/1.1"), 400)
        self.assert_refused(self.request(b"GET /small HTTP/1.1", b"Host: localhost",
                                         b"Host: localhost"), 400)

    def test_an_end_that_reads_in_two_ways_is_refused(self):
        start = (b"POST /touch HTTP/1.1", b"Host: localhost")
        for fields in ((b"Content-Length: 5", b"Transfer-Encoding: chunked"),
                       (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
                       (b"Content-Length: 0", b"Transfer-Encoding: identity"),
                       (b"Content-Length: 0", b"Content-Length: 0"),
                       (b"Content-Length : 0",), (b"Content-Length: -1",),
                       (b"Content-Length: 5x",), (b"Content-Length:",)):
            self.assert_refused(self.request(*start, *fields) + b"0\r\n\r\n", 400)

    def test_no_request_hides_behind_a_line_that_is_none(self):
        """Folded fields and fields without a name, which libmicrohttpd reads in its own way; also when
        they come in pieces."""
        hidden = "GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for lines in (f"Content-Length:\r\n {len(hidden)}\r\n\r\n", "Transfer-Encoding:\r\n\tchunked\r\n\r\n",
                      ": x\r\n", ":\r\n", " : x\r\n\r\n"):
            for cut in (None, *range(1, len(lines))):
                with self.server.client() as client:
                    request = f"GET /small HTTP/1.1\r\nHost: localhost\r\n{lines}{hidden}".encode()
                    at = len(request) - len(hidden) - len(lines) + (cut or 0)
                    client.send(request[:at])
                    if cut:
                        time.sleep(0.002)
                    client.send(request[at:])
                    said = client.rest()
                self.assertEqual(said.count(b"HTTP/1.1 "), 1 if said else 0, (lines, cut, said))
                self.assertNotIn(b"HTTP/1.1 200", said, (lines, cut))

    def test_bodies_are_refused(self):
        start = b"POST /touch HTTP/1.1\r\nHost: localhost\r\n"
        self.assert_refused(start + b"Content-Length: 5\r\n\r\nhello", 413)
        self.assert_refused(start + b"Content-Length: 5\r\n\r\n", 413)
        self.assert_refused(start + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                            413)
        self.assert_refused(start + b"Transfer-Encoding: chunked\r\n\r\n", 413)
        self.assert_refused(start + b"Content-Length: 5\r\nExpect: 100-continue\r\n\r\n", 413)
        self.assert_refused(start + b"Content-Length: 99999999999999999999999\r\n\r\n", 413)
        self.assert_refused(b"GET /small HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\nx",
                            413)

    def test_a_large_body_does_not_cost_the_answer(self):
        start = b"POST /touch HTTP/1.1\r\nHost: localhost\r\n"
        self.assert_refused(start + b"Content-Length: 300000\r\n\r\n" + b"x" * 300000, 413)
        chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
        self.assert_refused(start + b"Transfer-Encoding: chunked\r\n\r\n" + chunk * 20, 413)
        with self.server.client() as client: # nor does who is still sending get a reset
            client.send(start + b"Content-Length: 300000\r\n\r\n")
            for _ in range(6):
                time.sleep(0.05)
                client.send(b"x" * 50000)
            self.assertEqual(client.answer().status, 413)

    def test_what_follows_a_refused_body_is_not_a_request(self):
        with self.server.client() as client:
            client.send(b"POST /touch HTTP/1.1\r\nHost: localhost\r\nContent-Length: 43\r\n\r\n"
                        b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(client.answer().status, 413)
            self.assertEqual(client.rest(), b"")

    def test_an_empty_body_is_none(self):
        answer = self.server.get("/touch", "Content-Length: 0", method="POST")
        self.assertEqual(answer.status, 200)

    def test_large_headers_are_refused(self):
        field = b"X: " + b"a" * 65536
        self.assert_refused(self.request(b"GET /small HTTP/1.1", b"Host: localhost", field), 431)
        fields = [b"X-%d: %s" % (i, b"a" * 100) for i in range(600)]
        self.assert_refused(self.request(b"GET /small HTTP/1.1", b"Host: localhost", *fields), 431)
        tiny = [b"a:b"] * 3000
        self.assert_refused(self.request(b"GET /small HTTP/1.1", b"Host: localhost", *tiny), 431)

    def sized(self, size):
        """A request whose head is so many bytes long."""
        head = b"GET /small HTTP/1.1\r\nHost: localhost\r\nX: %s\r\n\r\n"
        return head % (b"a" * (size - len(head) + 2))

    def test_the_header_limit_holds_exactly(self):
        for size, status in ((16383, 200), (16384, 200), (16385, 431)):
            with self.server.client() as client:
                client.send(self.sized(size))
                self.assertEqual(client.answer().status, status, size)

    def test_headers_of_any_size_get_an_answer(self):
        for size in range(15900, 21500, 130):
            with self.server.client() as client:
                client.send(self.sized(size))
                self.assertEqual(client.answer().status, 200 if size <= 16384 else 431, size)

    def test_long_request_lines_are_refused(self):
        self.assert_refused(self.request(b"GET /" + b"a" * 65536 + b" HTTP/1.1", b"Host: localhost"),
                            414)
        self.assert_refused(self.request(b"GET /" + b"a" * 2048 + b" HTTP/1.1", b"Host: localhost"),
                            414, closes=False)
        self.assert_refused(self.request(b"GET /" + b"a" * 2047 + b" HTTP/1.1", b"Host: localhost"),
                            404, closes=False)

    def test_what_libmicrohttpd_refuses_is_a_problem_too(self):
        host = b"Host: localhost"
        self.assert_refused(self.request(b"GET /small HTTP/2.0", host), 505)
        self.assert_refused(self.request(b"GET /small HTTP/0.9", host), 505)
        self.assert_refused(self.request(b"GET /small HTTP/1.1x", host), 400)
        self.assert_refused(self.request(b"GET /small", host), 400)
        self.assert_refused(self.request(b"GET /small HTTP/1.1", b"no colon", host), 400)

    def test_what_is_no_http_is_closed(self):
        with self.server.client() as client:
            client.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
            client.rest()
            self.assertTrue(client.is_closed(1))

    def test_nul_and_bad_utf8_are_refused(self):
        for path in (b"/sm\0all", b"/small\0", b"/small?x=\0", b"/%00", b"/items/%00",
                     b"/items/%ff", b"/items/\xff", b"/items/%zz", b"/items/%", b"/query?name=%00",
                     b"/query?name=%ff", b"/query?name=\xff", b"/query?name=%c3", b"/query?%ff=1"):
            self.assert_refused(self.request(b"GET " + path + b" HTTP/1.1", b"Host: localhost"), 400,
                                closes=False)

    def test_queries_that_fill_the_pool_do_no_harm(self):
        """libmicrohttpd frees its pool and reads on, unless it sees no query at all."""
        for line in (b"GET /query?" + b"a&" * 1000, b"GET /query?" + b"name=a&" * 1000,
                     b"GET /\0?" + b"&" * 300, b"GET /\0HTTP/1.1\0\0?" + b"&" * 5000,
                     *(b"GET /\0" + b"x" * size + b"?a" for size in range(20300, 20480, 4))):
            with self.server.client() as client:
                client.send(line + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertIn(client.answer().status, (400, 414, 431))
        with self.server.client() as client:
            self.assertEqual(client.get("/small").status, 200)

    def test_pipelined_requests_are_all_answered(self):
        one = self.request(b"GET /items/%d HTTP/1.1", b"Host: localhost")
        other = self.request(b"GET /nothing HTTP/1.1", b"Host: localhost")
        with self.server.client() as client:
            client.send(b"".join(one % i + other for i in range(30)))
            for i in range(30):
                self.assertIn(b"value %d\n" % i, client.answer().body)
                self.assertEqual(client.answer().status, 404)

    def test_a_request_in_pieces_is_understood(self):
        with self.server.client() as client:
            for byte in self.request(b"GET /items/a%20b HTTP/1.1", b"Host: localhost"):
                client.send(bytes([byte]))
            self.assertIn(b"value a b\n", client.answer().body)

    def test_http_1_0_works(self):
        with self.server.client() as client:
            answer = client.get("/small", version="HTTP/1.0", host=b"")
            self.assertEqual((answer.status, len(answer.body)), (200, 2048))
            self.assertEqual(client.rest(), b"")
        with self.server.client() as client:
            for _ in range(3):
                answer = client.get("/small", "Connection: keep-alive", version="HTTP/1.0")
                self.assertEqual(answer.status, 200)
        with self.server.client() as client:
            client.ask("/events", version="HTTP/1.0", host=b"")
            self.assertNotIn("transfer-encoding", client.head()[1])
            self.assertTrue(client.until(b"\n\n").startswith(b"event: sample\nid: "))

    def test_a_connection_is_closed_on_request(self):
        with self.server.client() as client:
            self.assertEqual(client.get("/small", "Connection: close").status, 200)
            self.assertEqual(client.rest(), b"")


class Uploads(unittest.TestCase):
    def test_an_endless_body_ends(self):
        """Who goes on sending after the refusal is cut off, and costs nothing meanwhile."""
        with Server() as server, server.client() as client:
            client.send(b"POST /touch HTTP/1.1\r\nHost: localhost\r\n"
                        b"Transfer-Encoding: chunked\r\n\r\n")
            self.assertEqual(client.answer().status, 413)
            started = time.monotonic()
            with self.assertRaises(OSError):
                while time.monotonic() - started < LATE:
                    client.send(b"x" * 1000)
                    time.sleep(0.02)


class Stopping(unittest.TestCase):
    def test_it_stops_at_once_with_everything_open(self):
        with Server("--max-connections", "256", "--drain", "9000") as server:
            clients = [server.client() for _ in range(100)]
            for client in clients[:50]:
                self.assertEqual(client.get("/small").status, 200)
            clients[60].send(b"GET /small HTTP/1.1\r\nHo")
            streams = [Stream(server.port) for _ in range(10)]
            server.stop()
            self.assertLess(server.closed_ms, 3000)
            for stream in streams: # each to the last chunk
                while stream.event():
                    pass
            for client in clients:
                self.assertEqual(client.rest(), b"")
            close_all(clients + streams)

    def test_silent_streams_end_cleanly(self):
        with Server("--publish", "0") as server:
            streams = [Stream(server.port) for _ in range(3)]
            for stream in streams:
                stream.event()
            time.sleep(0.2)
            server.stop()
            for stream in streams:
                self.assertIsNone(stream.event())
                stream.close()

    def test_who_does_not_read_does_not_hold_it_up(self):
        with Server("--big", "30000000", "--event", "5000000", "--publish", "50") as server:
            with server.client(receive_buffer=4096) as client:
                client.ask("/big")
                with Stream(server.port, receive_buffer=4096):
                    time.sleep(0.3)
                    server.stop()
                    self.assertIn(server.closed_ms, range(350, 4000))

    def test_answers_on_their_way_arrive(self):
        with Server("--big", "6000000", "--publish", "0", "--drain", "9000") as server:
            with server.client(receive_buffer=65536) as client:
                client.ask("/big")
                status, headers = client.head()
                os.kill(server.pid, signal.SIGTERM)
                self.assertEqual((status, headers["content-length"]), (200, "6000000"))
                self.assertEqual(len(client.take(6000000)), 6000000)
                server.process.wait(10) # a second signal would end it before it has closed

    def test_nobody_is_let_in_any_more(self):
        with Server() as server:
            port = server.port
            server.stop()
            with self.assertRaises(ConnectionRefusedError):
                socket.create_connection(("127.0.0.1", port), 1)

    def test_it_stops_when_nobody_came(self):
        with Server("--publish", "0", "--drain", "9000") as server:
            server.stop()
            self.assertLess(server.closed_ms, 3000)


if __name__ == "__main__":
    unittest.main()
