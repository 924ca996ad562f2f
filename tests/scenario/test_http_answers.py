"""What requests are answered with: bodies that are kept and shared, events, roles, refusals."""
import gzip
import os
import signal
import threading
import unittest

from support.http_probe import (OWN_HOST, PROBLEM, Client, Server, Stream, directory, refused,
                                wait_until)

READER = "reader-token-0123456789"
ADMIN = "admin-token-0123456789"
NOBODY = 65534


class Case(unittest.TestCase):
    def assert_problem(self, answer, status, *says):
        self.assertEqual(answer.status, status)
        self.assertEqual(answer["Content-Type"], PROBLEM)
        problem = answer.json()
        self.assertEqual((problem["type"], problem["status"]), ("about:blank", status))
        self.assertTrue(problem["title"])
        for text in says:
            self.assertIn(text, problem["detail"])


class Quiet(Case):
    """One server for many; it publishes only when told to."""

    @classmethod
    def setUpClass(cls):
        cls.server = Server("--publish", "0").start()

    @classmethod
    def tearDownClass(cls):
        cls.server.__exit__(None)


class Bodies(Quiet):
    def test_a_body_is_rendered_once_for_a_publish(self):
        first = self.server.get("/small")
        self.assertEqual(first.body, self.server.get("/small").body)
        self.server.publish()
        second = self.server.get("/small")
        self.assertNotEqual(first["ETag"], second["ETag"])
        self.assertEqual(second.json_head()["seq"], first.json_head()["seq"] + 1)

    def test_the_fields_of_a_body(self):
        answer = self.server.get("/small")
        self.assertRegex(answer["ETag"], r'^"[0-9a-f]{16}-\d+-\d+-plain"$')
        self.assertEqual(answer["Vary"], "Accept-Encoding")
        self.assertEqual(answer["Cache-Control"], "no-cache")
        self.assertEqual(answer["X-Content-Type-Options"], "nosniff")
        self.assertEqual(answer["Content-Type"], "application/json")

    def test_who_has_it_gets_304(self):
        tag = self.server.get("/small")["ETag"]
        for value in (tag, "W/" + tag, f'"x", {tag}', "*"):
            answer = self.server.get("/small", f"If-None-Match: {value}")
            self.assertEqual((answer.status, answer["ETag"]), (304, tag), value)
            self.assertEqual(answer["Content-Length"], "2048") # of what a 200 would have
        for value in ('"x"', tag.strip('"'), tag.replace("plain", "gzip")):
            self.assertEqual(self.server.get("/small", f"If-None-Match: {value}").status, 200)
        self.server.publish()
        self.assertEqual(self.server.get("/small", f"If-None-Match: {tag}").status, 200)

    def test_a_304_leaves_the_connection_in_order(self):
        with self.server.client() as client:
            for _ in range(3):
                self.assertEqual(client.get("/small", "If-None-Match: *").status, 304)
                self.assertEqual(client.get("/small", method="HEAD").status, 200)
                self.assertEqual(len(client.get("/small").body), 2048)

    def test_another_start_has_other_tags(self):
        with Server("--publish", "0") as other:
            self.assertNotEqual(self.server.get("/small")["ETag"].split("-")[0],
                                other.get("/small")["ETag"].split("-")[0])

    def test_gzip_goes_to_who_takes_it(self):
        plain = self.server.get("/small")
        packed = self.server.get("/small", "Accept-Encoding: br, gzip;q=0.5")
        self.assertEqual(packed["Content-Encoding"], "gzip")
        self.assertEqual(packed["Vary"], "Accept-Encoding")
        self.assertEqual(gzip.decompress(packed.body), plain.body)
        self.assertRegex(packed["ETag"], r'-gzip"$')
        self.assertLess(len(packed.body), len(plain.body))
        for value in ("identity", "gzip;q=0", "gzip;q=0, *", ""):
            self.assertIsNone(
                self.server.get("/small", f"Accept-Encoding: {value}")["Content-Encoding"])
        again = self.server.get("/small", "Accept-Encoding: gzip",
                                f"If-None-Match: {packed['ETag']}")
        self.assertEqual(again.status, 304)

    def test_small_bodies_are_not_compressed(self):
        answer = self.server.get("/query", "Accept-Encoding: gzip")
        self.assertIsNone(answer["Content-Encoding"])

    def test_equal_queries_share_a_body(self):
        body = self.server.get("/query?limit=7&name=a%2Ab").body
        self.assertEqual(self.server.get("/query?name=a*b&limit=007").body, body)
        self.assertNotEqual(self.server.get("/query?limit=7&name=a").body, body)
        self.assertNotEqual(self.server.get("/query?limit=7").body, body)
        self.assertNotEqual(self.server.get("/items/1").body, self.server.get("/items/2").body)

    def test_what_is_for_ever_stays(self):
        tag = self.server.get("/forever")["ETag"]
        self.server.publish()
        self.assertEqual(self.server.get("/forever")["ETag"], tag)

    def test_what_is_fresh_is_not_kept(self):
        answer = self.server.get("/stats")
        self.assertIsNone(answer["ETag"])
        self.assertEqual(answer["Cache-Control"], "no-store")

    def test_head_is_get_without_the_body(self):
        for path in ("/small", "/big", "/items/1", "/stats", "/nothing", "/query?x=1"):
            with self.server.client() as client:
                head = client.get(path, method="HEAD")
                get = client.get(path)
                self.assertEqual(head.status, get.status, path)
                self.assertEqual(head["Content-Type"], get["Content-Type"])
                if path != "/stats":
                    self.assertEqual(int(head["Content-Length"]), len(get.body))
        with self.server.client() as client:
            head = client.get("/events", method="HEAD")
            self.assertEqual((head.status, head["Content-Type"]), (200, "text/event-stream"))
            self.assertEqual(client.get("/small").status, 200)


class Bounds(Case):
    def test_many_questions_cost_nobody_the_answer(self):
        """Of the particular ones those that are asked for again are kept, and paths alone are never
        pushed out."""
        with Server("--publish", "0") as server, server.client() as client:
            common = client.get("/small")["ETag"]
            kept = None
            for i in range(500):
                answer = client.get(f"/items/{i}")
                self.assertEqual(answer.status, 200)
                if i == 100:
                    kept = server.stats()["bodyBytes"]
            self.assertLess(server.stats()["bodyBytes"], kept + 1000)
            self.assertEqual(client.get("/small")["ETag"], common)
            first = client.get("/items/0")["ETag"]
            self.assertEqual(client.get("/items/0")["ETag"], first) # nobody has pushed it out
            self.assertNotEqual(client.get("/items/499")["ETag"], answer["ETag"]) # now it is kept
            again = client.get("/items/499")["ETag"]
            self.assertEqual(client.get("/items/499")["ETag"], again)
            server.publish() # what was asked before then does not count
            for i in range(100):
                client.get(f"/items/{i}")
            self.assertNotEqual(client.get("/items/499")["ETag"], client.get("/items/498")["ETag"])
            self.assertLess(server.stats()["bodyBytes"], kept + 1000)

    def test_what_is_kept_for_nobody_is_compressed_and_has_a_tag_all_the_same(self):
        with Server("--publish", "0") as server, server.client() as client:
            for i in range(100):
                client.get(f"/items/{i}")
            answers = [client.get(f"/big?limit={i}", "Accept-Encoding: gzip") for i in range(3)]
            for answer in answers:
                self.assertEqual(answer["Content-Encoding"], "gzip")
            self.assertEqual(len({answer["ETag"] for answer in answers}), 3)

    def test_bytes_of_bodies_are_bounded(self):
        with Server("--publish", "0", "--max-body-bytes", "50000000", "--big", "30000000") as server:
            empty = server.stats()["bodyBytes"]
            slow = server.client(receive_buffer=4096)
            self.addCleanup(slow.close)
            slow.ask("/big")
            wait_until(lambda: server.stats()["bodyBytes"] >= 30000000)
            server.publish() # the slow reader holds the old one
            full = server.get("/big")
            self.assert_problem(full, 503, "max-body-bytes")
            self.assertEqual(full["Retry-After"], "1")
            self.assertEqual(server.get("/small").status, 200)
            slow.close()
            wait_until(lambda: server.stats()["bodyBytes"] < 1000000)
            self.assertEqual(server.get("/big").status, 200)
            server.publish()
            wait_until(lambda: server.stats()["bodyBytes"] < empty + 10000)

    def test_a_body_fits_to_the_byte(self):
        with Server("--publish", "0", "--max-body-bytes", "100000", "--big", "100000") as server:
            self.assertEqual(server.get("/big").status, 200)
        with Server("--publish", "0", "--max-body-bytes", "99999", "--big", "100000") as server:
            self.assert_problem(server.get("/big"), 503, "max-body-bytes")

    def test_what_is_fresh_has_a_reserve(self):
        with Server("--publish", "0", "--max-body-bytes", "10") as server:
            self.assertEqual(server.get("/stats").status, 200)
            self.assert_problem(server.get("/small"), 503, "max-body-bytes")
            self.assert_problem(server.get("/events"), 503, "max-body-bytes")

    def test_without_room_gzip_falls_back(self):
        with Server("--publish", "0", "--max-body-bytes", "2100", "--big", "1") as server:
            with server.client() as client:
                answer = client.get("/small", "Accept-Encoding: gzip")
                self.assertEqual((answer.status, answer["Content-Encoding"]), (200, None))


class Events(Case):
    def test_the_first_event_comes_at_once(self):
        with Server("--publish", "0") as server:
            server.publish()
            with Stream(server.port) as stream:
                self.assertEqual(stream.status, 200)
                self.assertEqual(stream.headers["content-type"], "text/event-stream")
                self.assertEqual(stream.headers["cache-control"], "no-store")
                self.assertEqual(stream.event(), 'event: sample\nid: 1\ndata: {"seq":1}')
                os.kill(server.pid, signal.SIGUSR1)
                self.assertEqual(stream.event(), 'event: sample\nid: 2\ndata: {"seq":2}')

    def test_all_streams_get_all_events(self):
        with Server("--publish", "50") as server:
            streams = [Stream(server.port) for _ in range(5)]
            for stream in streams:
                first = stream.number()
                for number in range(first + 1, first + 6):
                    self.assertEqual(stream.number(), number)
                stream.close()

    def test_a_slow_reader_goes_on_with_the_newest(self):
        size = 2000000
        with Server("--publish", "0", "--event", str(size)) as server:
            with Stream(server.port, receive_buffer=4096) as stream:
                for _ in range(12):
                    server.publish()
                numbers = [stream.number()]
                while numbers[-1] != 12:
                    numbers.append(stream.number())
                self.assertEqual(numbers, sorted(set(numbers)))
                self.assertLess(len(numbers), 8)
            self.assertLess(server.stats()["bodyBytes"], 3 * size)

    def test_a_full_queue_drops_the_slowest_and_nobody_else(self):
        """Of what is told nothing is left out, so it waits for one that does not read until there is
        no room: then that one goes."""
        with Server("--publish", "0", "--event", "8000", "--response-timeout", "600000",
                    "--max-body-bytes", "67108864") as server:
            with Stream(server.port, receive_buffer=4096) as stuck, Stream(server.port) as reader:
                self.assertTrue(reader.event())
                number, longest = 0, 0
                while server.stats()["dropped"] == 0:
                    self.assertEqual(server.get("/tell?limit=10", method="POST").status, 200)
                    for number in range(number + 1, number + 11):
                        self.assertTrue(reader.event().split("data: ")[1].startswith(f"{number} "))
                    queue = server.stats()["queue"]
                    longest = max(longest, queue["waiting"])
                    self.assertEqual(queue["offered"], queue["passed"] + queue["waiting"])
                    self.assertLess(number, 20000)
                self.assertEqual(queue["room"], 1024)
                self.assertGreater(longest, 1024 - 20)
                self.assertEqual(queue["refused"], 1)
                wait_until(lambda: server.stats()["streams"] == 1)
                self.assertEqual(server.stats()["dropped"], 1)
                self.assertLess(server.stats()["queue"]["waiting"], 20)
                self.assertTrue(stuck.socket)

    def test_what_nobody_waits_for_is_let_go(self):
        with Server("--publish", "0", "--event", "200000") as server:
            with Stream(server.port, receive_buffer=4096) as stuck:
                server.get("/tell?limit=100", method="POST")
                self.assertGreater(server.stats()["queue"]["waiting"], 50)
                self.assertGreater(server.stats()["bodyBytes"], 50 * 200000)
                self.assertTrue(stuck.socket)
            server.get("/tell", method="POST") # it is noticed when something is sent
            wait_until(lambda: server.stats()["streams"] == 0, 10)
            queue = server.stats()["queue"]
            self.assertEqual((queue["waiting"], queue["oldestAgeMs"]), (0, 0))
            self.assertEqual(queue["offered"], queue["passed"] + queue["left"])
            self.assertLess(server.stats()["bodyBytes"], 2 * 200000) # the newest sample is there

    def test_streams_are_bounded(self):
        with Server("--max-streams", "2", "--publish", "50") as server:
            first, second = Stream(server.port), Stream(server.port)
            full = server.get("/events")
            self.assert_problem(full, 503, "max-streams")
            self.assertEqual(full["Retry-After"], "1")
            self.assertEqual(server.stats()["rejections"], 1)
            first.close()
            wait_until(lambda: server.stats()["streams"] == 1)
            with Stream(server.port) as third:
                self.assertEqual(third.status, 200)
            second.close()

    def test_a_connection_can_do_only_one_thing(self):
        """What is pipelined behind a stream waits, and does not disturb it."""
        with Server("--publish", "50") as server, server.client() as client:
            client.send(b"GET /events HTTP/1.1\r\n" + OWN_HOST + b"\r\n"
                        b"GET /small HTTP/1.1\r\n" + OWN_HOST + b"\r\n")
            self.assertEqual(client.head()[0], 200)
            for _ in range(5):
                self.assertTrue(client.chunk().startswith(b"event: sample\n"))


class Refusals(Quiet):
    def test_unknown_paths(self):
        for path in ("/", "/smal", "/small/", "/items", "/items/", "/items/1/2", "//small", "/Small",
                     "*"):
            self.assert_problem(self.server.get(path), 404)

    def test_wrong_methods(self):
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "get", "X-Y"):
            answer = self.server.get("/small", method=method)
            self.assert_problem(answer, 405, "GET, HEAD")
            self.assertEqual(answer["Allow"], "GET, HEAD")
        answer = self.server.get("/touch")
        self.assertEqual(answer["Allow"], "POST")
        self.assert_problem(answer, 405)
        answer = self.server.get("/secret", method="PUT")
        self.assertEqual(answer["Allow"], "GET, HEAD, POST")
        self.assertEqual(self.server.get("/touch", method="POST").status, 200)

    def test_wrong_queries(self):
        for query, *says in (("limit=101", "limit", "from 0 to 100"),
                             ("limit=x", "limit", "from 0 to 100"),
                             ("limit=", "limit", "from 0 to 100"), ("order=up", "desc or asc"),
                             ("limit=1&limit=1", "limit", "twice"), ("sort=a", "sort", "limit"),
                             ("name=%zz", "name", "a glob"), ("LIMIT=1", "LIMIT")):
            self.assert_problem(self.server.get("/query?" + query), 400, *says)
        self.assert_problem(self.server.get("/small?x=1"), 400, "x")
        self.assertEqual(self.server.get("/small?").status, 200)
        self.assertEqual(self.server.get("/small?&&").status, 200)

    def test_paths_in_full_go_before_braces(self):
        self.assertEqual(self.server.get("/items/first").body, b"{}\n")
        self.assertIn(b"value a/b\n", self.server.get("/items/a%2fb").body)

    def test_handlers_refuse_and_fail(self):
        answer = self.server.get("/refuse")
        self.assert_problem(answer, 503, 'not "yet"')
        self.assertEqual(answer["Retry-After"], "7")
        self.assert_problem(self.server.get("/fail"), 500)
        self.assertIn("/fail", wait_until(lambda: "".join(self.server.errors)))

    def test_refusals_are_counted(self):
        before = self.server.stats()
        self.server.get("/nothing")
        self.server.get("/small")
        after = self.server.stats()
        self.assertEqual(after["errors"], before["errors"] + 1)
        self.assertEqual(after["requests"], before["requests"] + 3)

    def test_other_names_are_refused(self):
        port = self.server.port
        for host in ("localhost", "LocalHost:1", f"127.0.0.1:{port}", "127.0.0.1", "localhost."):
            answer = self.server.get("/small", host=f"Host: {host}\r\n".encode())
            self.assertEqual(answer.status, 200, host)
        for host in ("evil.example", f"evil.example:{port}", "localhost.evil.example", "", "127.0.0.2",
                     "localhost, evil", "0.0.0.0", "[::1]"):
            answer = self.server.get("/small", host=f"Host: {host}\r\n".encode())
            self.assert_problem(answer, 403, "hosts")

    def test_absolute_forms_are_checked_too(self):
        self.assertEqual(self.server.get("http://localhost/small").status, 200)
        self.assert_problem(self.server.get("http://evil.example/small"), 403)
        self.assert_problem(
            self.server.get("http://localhost/small", host=b"Host: evil.example\r\n"), 403)

    def test_pages_of_others_cannot_change_anything(self):
        for origin in ("http://evil.example", "null", "https://localhost.evil.example", "",
                       "file://"):
            answer = self.server.get("/touch", f"Origin: {origin}", method="POST")
            self.assert_problem(answer, 403)
        for fields in ((), ("Origin: http://localhost:8080",),
                       (f"Origin: http://127.0.0.1:{self.server.port}",)):
            self.assertEqual(self.server.get("/touch", *fields, method="POST").status, 200)
        self.assertEqual(self.server.get("/small", "Origin: http://evil.example").status, 200)


class Names(Case):
    def test_further_names_come_from_the_settings(self):
        with Server("--host", "Box.Example:80", "--host", "::2") as server:
            for host in (b"box.example:9636", b"BOX.EXAMPLE", b"[::2]"):
                self.assertEqual(server.get("/small", host=b"Host: " + host + b"\r\n").status, 200)
        self.assertIn("hosts", refused("--host", "a b"))


class Roles(Case):
    def setUp(self):
        made, self.path = directory()
        self.addCleanup(made.cleanup)
        self.tokens = str(self.path / "tokens")
        self.write_tokens(f"# who may what\nread {READER}\nadmin {ADMIN}\n")
        self.socket = str(self.path / "socket")

    def write_tokens(self, text, mode=0o600):
        with open(self.tokens, "w") as file:
            file.write(text)
        os.chmod(self.tokens, mode)

    def bearer(self, token):
        return "Authorization: Bearer " + token

    def test_loopback_reads_without_a_token(self):
        with Server("--token-file", self.tokens) as server:
            self.assertEqual(server.get("/small").status, 200)
            self.assertEqual(server.get("/small", self.bearer("x" * 16)).status, 200)
            answer = server.get("/secret")
            self.assert_problem(answer, 401)
            self.assertTrue(answer["WWW-Authenticate"].startswith("Bearer"))
            self.assert_problem(server.get("/secret", self.bearer(READER)), 403)
            self.assert_problem(server.get("/secret", self.bearer(ADMIN + "x")), 401)
            self.assertEqual(server.get("/secret", self.bearer(ADMIN)).status, 200)
            self.assertEqual(server.get("/secret", self.bearer(ADMIN), method="POST").status, 200)

    def test_without_tokens_nobody_administrates_over_tcp(self):
        with Server() as server:
            self.assert_problem(server.get("/secret"), 401)
            self.assert_problem(server.get("/secret", self.bearer(ADMIN)), 401)
            self.assert_problem(server.get("/secret", "Authorization: Basic YTpi"), 401)

    def test_other_addresses_take_a_token(self):
        with Server("--token-file", self.tokens, listen="0.0.0.0:0") as server:
            answer = server.get("/small")
            self.assert_problem(answer, 401)
            self.assertTrue(answer["WWW-Authenticate"].startswith("Bearer"))
            self.assert_problem(server.get("/nothing"), 401)
            self.assert_problem(server.get("/small", self.bearer("x" * 20)), 401)
            self.assertEqual(server.get("/small", self.bearer(READER)).status, 200)
            self.assert_problem(server.get("/secret", self.bearer(READER)), 403)
            self.assertEqual(server.get("/secret", self.bearer(ADMIN)).status, 200)

    def test_a_wildcard_answers_to_the_address_of_arrival(self):
        with Server("--insecure", listen="0.0.0.0:0") as server:
            with Client(("127.0.0.2", server.port)) as client:
                for host, status in ((b"127.0.0.2", 200), (b"127.0.0.1", 403), (b"0.0.0.0", 403),
                                     (b"localhost", 200)):
                    answer = client.get("/small", host=b"Host: " + host + b":1\r\n")
                    self.assertEqual(answer.status, status, host)

    def test_insecure_lets_everybody_read(self):
        with Server("--insecure", listen="0.0.0.0:0") as server:
            self.assertEqual(server.get("/small").status, 200)
            self.assert_problem(server.get("/secret"), 401)

    def test_other_addresses_need_a_decision(self):
        said = refused(listen="0.0.0.0:0")
        self.assertIn("0.0.0.0:", said)
        self.assertIn("token-file", said)
        self.assertIn("insecure", said)

    def test_token_files_are_checked(self):
        for text, mode, says in ((f"read {READER}\n", 0o644, "644"),
                                 (f"read {READER}\n", 0o602, "602"),
                                 (f"read {READER}\nroot {ADMIN}\n", 0o600, "tokens:2:"),
                                 ("\nread 0123456789abcde\n", 0o600, "tokens:2:"),
                                 ("# nothing\n", 0o600, "no token")):
            self.write_tokens(text, mode)
            said = refused("--token-file", self.tokens)
            self.assertIn(self.tokens, said)
            self.assertIn(says, said)
        self.assertIn("No such file", refused("--token-file", self.tokens + "x"))

    def ask_as(self, path, uid, gid, groups=()):
        """Status and detail of a GET over the unix socket, asked by another user."""
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.setgroups(groups)
                os.setresgid(gid, gid, gid)
                os.setresuid(uid, uid, uid)
                with Client(self.socket) as client:
                    answer = client.get(path)
                    os.write(write, b"%d %s" % (answer.status, answer.body[:200]))
            finally:
                os._exit(0)
        os.close(write)
        with os.fdopen(read, "rb") as pipe:
            said = pipe.read().decode()
        os.waitpid(child, 0)
        return said

    @unittest.skipUnless(os.geteuid() == 0, "needs root to ask as others")
    def test_peers_are_known_by_their_uid(self):
        with Server("--socket", self.socket):
            with Client(self.socket) as client:
                self.assertEqual(client.get("/secret").status, 200)
            self.assertTrue(self.ask_as("/small", NOBODY, NOBODY).startswith("200 "))
            said = self.ask_as("/secret", NOBODY, NOBODY)
            self.assertTrue(said.startswith("403 "), said)
            self.assertIn(str(NOBODY), said)

    @unittest.skipUnless(os.geteuid() == 0, "needs root to ask as others")
    def test_members_of_the_group_administrate(self):
        with Server("--socket", self.socket, "--socket-group", "daemon"):
            self.assertTrue(self.ask_as("/secret", NOBODY, 1).startswith("200 "))
            self.assertTrue(self.ask_as("/small", NOBODY, NOBODY).startswith("200 "))
            self.assertTrue(self.ask_as("/secret", NOBODY, NOBODY).startswith("403 "))
        self.assertIn("socket-group", refused("--socket", self.socket, "--socket-group", "no-such"))

    def test_a_token_works_over_the_socket_too(self):
        with Server("--socket", self.socket, "--token-file", self.tokens):
            with Client(self.socket) as client:
                self.assertEqual(client.get("/secret", self.bearer(ADMIN)).status, 200)

    def test_names_do_not_matter_over_the_socket(self):
        with Server("--socket", self.socket):
            with Client(self.socket) as client:
                self.assertEqual(client.get("/small", host=b"Host: anything\r\n").status, 200)
                self.assertEqual(client.get("/small", host=b"").status, 400)


class Load(Case):
    def test_readers_and_publishes_do_not_mix(self):
        """Each body is whole and of one publish, whoever reads while the next one comes."""
        wrong = []

        def read(server):
            with server.client() as client:
                for i in range(200):
                    answer = client.get("/small", *(["Accept-Encoding: gzip"] if i % 2 else []))
                    body = gzip.decompress(answer.body) if i % 2 else answer.body
                    if answer.status != 200 or len(body) != 2048 or body[:7] != b'{"seq":':
                        wrong.append(answer)

        with Server("--publish", "3") as server:
            threads = [threading.Thread(target=read, args=(server,)) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join(60)
            self.assertEqual(wrong, [])
            stats = server.stats()
            self.assertGreaterEqual(stats["requests"], 1600)
            self.assertEqual(stats["errors"], 0)


if __name__ == "__main__":
    unittest.main()
