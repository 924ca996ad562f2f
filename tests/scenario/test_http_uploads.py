"""Bodies of requests: taken whole or refused with a reason, within their bounds, and never a way to hide
another request; and who may send them."""
import os
import tempfile
import time
import unittest

from support.http_probe import PROBLEM, Client, Server, wait_until

MAX = 64 * 1024
PUSHER = "pusher-token-0123456789"
READER = "reader-token-0123456789"
NOBODY = 65534


def put(body, *fields, path="/echo", method="PUT", kind="application/json", length=None):
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", "Host: localhost", *fields]
    if kind:
        lines.append(f"Content-Type: {kind}")
    lines.append(f"Content-Length: {len(body) if length is None else length}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(folder.cleanup)
        os.chmod(folder.name, 0o755)
        cls.path = os.path.join(folder.name, "http.sock")
        tokens = os.path.join(folder.name, "tokens")
        with open(tokens, "w") as file:
            file.write(f"push {PUSHER}\nread {READER}\n")
        os.chmod(tokens, 0o600)
        cls.server = Server("--socket", cls.path, "--token-file", tokens).__enter__()
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def ask(self, request):
        with Client(self.path) as client:
            client.send(request)
            return client.answer()

    def assert_refused(self, request, status, closes=True):
        with Client(self.path) as client:
            client.send(request)
            answer = client.answer()
            self.assertEqual(answer.status, status, answer.body)
            self.assertEqual(answer["Content-Type"], PROBLEM)
            self.assertEqual(answer.json()["status"], status)
            if closes:
                self.assertEqual(client.rest(), b"")
        return answer


class Bodies(Case):
    def test_a_body_comes_as_it_was_sent(self):
        for body in (b"{}", b'{\n  "a" :\n\t1,\r\n :\r\n}', b"\n \n\t", "{\"ü\":1}".encode(),
                     b"x" * (MAX - 1), b"y" * MAX):
            answer = self.ask(put(body))
            self.assertEqual((answer.status, answer.body), (200, body), body[:40])

    def test_it_may_come_in_pieces(self):
        body = b'{\n  "length": 1,\n  "capacity": 2\n}'
        request = put(body)
        for cut in range(len(request) - len(body) - 2, len(request)):
            with Client(self.path) as client:
                client.send(request[:cut])
                time.sleep(0.002)
                client.send(request[cut:])
                self.assertEqual(client.answer().body, body, cut)

    def test_one_connection_takes_many(self):
        with Client(self.path) as client:
            for i in range(50):
                body = b'\n "%d" ' % i * (1 + i * 20)
                client.send(put(body) + b"GET /items/first HTTP/1.1\r\nHost: localhost\r\n\r\n")
                self.assertEqual(client.answer().body, body)
                self.assertEqual(client.answer().status, 200)

    def test_who_waits_to_be_asked_for_it_is_asked(self):
        with Client(self.path) as client:
            request = put(b"{}", "Expect: 100-continue")
            client.send(request[:-2])
            self.assertEqual(client.until(b"\r\n\r\n"), b"HTTP/1.1 100 Continue\r\n\r\n")
            client.send(b"{}")
            self.assertEqual(client.answer().body, b"{}")

    def test_an_answer_without_a_body_is_204(self):
        with Client(self.path) as client:
            for _ in range(2):
                answer = client.get("/echo", method="DELETE")
                self.assertEqual((answer.status, answer.body, answer["Content-Type"]), (204, b"", None))
            self.assertEqual(client.get("/small").status, 200)

    def test_no_body_at_all_is_an_empty_one(self):
        self.assertEqual(self.ask(put(b"")).body, b"")


class Refusals(Case):
    def test_a_length_is_needed(self):
        start = b"PUT /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        self.assert_refused(start + b"\r\n", 411, closes=False)
        self.assert_refused(start + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", 411)

    def test_too_large_a_body_is_not_read(self):
        self.assert_refused(put(b"x" * (MAX + 1)), 413)
        self.assert_refused(put(b"", length=1 << 40), 413)
        self.assert_refused(put(b"", length=10 ** 30), 413)

    def test_only_json_is_taken(self):
        for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonx"):
            self.assert_refused(put(b"{}", kind=kind), 415)

    def test_where_no_body_is_taken_none_is(self):
        self.assert_refused(put(b"{}", path="/touch", method="POST"), 413)
        self.assert_refused(put(b"{}", method="DELETE"), 413)
        self.assert_refused(put(b"{}", path="/no/such"), 404)

    def test_a_wrong_method_learns_the_right_ones(self):
        answer = self.assert_refused(put(b"{}", path="/small"), 405)
        self.assertEqual(answer["Allow"], "GET, HEAD")
        with Client(self.path) as client:
            answer = client.get("/echo")
            self.assertEqual((answer.status, answer["Allow"]), (405, "PUT, DELETE"))

    def test_what_follows_a_refused_body_is_not_a_request(self):
        hidden = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
        answer = self.assert_refused(put(hidden, kind="text/plain"), 415)
        self.assertNotIn(b"HTTP", answer.body)

    def test_what_is_in_a_body_is_not_a_request(self):
        hidden = b"GET /small HTTP/1.1\r\nHost: localhost\r\n\r\n"
        with Client(self.path) as client:
            client.send(put(hidden) + b"GET /items/first HTTP/1.1\r\nHost: localhost\r\n\r\n")
            self.assertEqual(client.answer().body, hidden)
            self.assertEqual(client.answer().status, 200)
            client.socket.settimeout(0.2)
            with self.assertRaises(TimeoutError):
                client.answer()

    def test_a_head_behind_a_body_is_as_clean_as_any(self):
        with Client(self.path) as client:
            client.send(put(b"{}") + b"GET /small HTTP/1.1\r\nHost: localhost\r\nContent-Length:\r\n 5\r\n\r\n")
            self.assertEqual(client.answer().body, b"{}")
            self.assertEqual(client.answer().status, 400)


class Bounds(unittest.TestCase):
    def test_bodies_are_charged(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "s")
            with Server("--socket", path, "--request-timeout", "2000") as server:
                before = server.stats()["bodyBytes"]
                clients = [Client(path) for _ in range(10)]
                for client in clients:
                    client.send(put(b"", length=MAX))
                wait_until(lambda: server.stats()["bodyBytes"] >= before + 10 * MAX)
                for client in clients[:5]:
                    client.close()
                for client in clients[5:]:
                    self.assertEqual(client.rest(), b"")
                    client.close()
                wait_until(lambda: server.stats()["bodyBytes"] < before + MAX)
                self.assertGreaterEqual(server.stats()["timeouts"], 5)


class Roles(Case):
    def test_over_tcp_a_push_takes_a_token(self):
        with self.server.client() as client:
            self.assertEqual(client.get("/whoami", method="POST").status, 401)
            self.assertEqual(client.get("/whoami", f"Authorization: Bearer {READER}",
                                        method="POST").status, 403)
            answer = client.get("/whoami", f"Authorization: Bearer {PUSHER}", method="POST")
            self.assertEqual((answer.status, answer.body), (200, b"-1 other\n"))
            self.assertEqual(client.get("/secret", f"Authorization: Bearer {PUSHER}").status, 403)
            client.send(put(b"{}", f"Authorization: Bearer {READER}"))
            self.assertEqual(client.answer().status, 403)

    def test_over_the_socket_the_user_is_known(self):
        with Client(self.path) as client:
            answer = client.get("/whoami", method="POST")
            self.assertEqual(answer.body, b"%d admin\n" % os.getuid())

    @unittest.skipUnless(os.geteuid() == 0, "needs root to ask as others")
    def test_any_user_may_push_and_is_no_administrator(self):
        read, write = os.pipe()
        if os.fork() == 0:
            try:
                os.setgroups([])
                os.setresgid(NOBODY, NOBODY, NOBODY)
                os.setresuid(NOBODY, NOBODY, NOBODY)
                with Client(self.path) as client:
                    os.write(write, client.get("/whoami", method="POST").body)
                    os.write(write, b"%d" % client.get("/secret").status)
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            self.assertEqual(pipe.read(), b"%d other\n403" % NOBODY)
        os.wait()

    def test_a_page_of_another_site_may_not(self):
        with Client(self.path) as client:
            client.send(put(b"{}", "Origin: https://evil.example"))
            self.assertEqual(client.answer().status, 403)


if __name__ == "__main__":
    unittest.main()
