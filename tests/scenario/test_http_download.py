"""Downloads: bodies of unknown length, read from a pipe while they are sent. The server is
http_test_server."""
import pathlib
import time
import unittest

from support.http_probe import Server, cpu_seconds, wait_until

BIG = 20_000_000
LETTERS = b"abcdefghijklmnopqrstuvwxyz"


def children(server):
    return pathlib.Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()


class Downloads(unittest.TestCase):
    def start(self, *arguments, big=BIG):
        server = Server("--publish", "0", "--big", str(big), *arguments).__enter__()
        self.addCleanup(server.__exit__, None)
        return server

    def ask(self, server, path="/download", *fields, **options):
        client = server.client(**options)
        self.addCleanup(client.close)
        client.ask(path, "Content-Length: 0", *fields, method="POST")
        return client

    def body(self, client):
        data = b""
        while chunk := client.chunk():
            data += chunk
        client.take(2)
        return data

    def test_all_of_it_comes_and_the_connection_goes_on(self):
        for size in 0, 1, 65536, 65537, BIG:
            with self.subTest(size):
                server = self.start(big=size)
                client = self.ask(server)
                status, headers = client.head()
                self.assertEqual(status, 200)
                self.assertEqual(headers["content-disposition"], 'attachment; filename="a.txt"')
                self.assertEqual(headers["content-type"], "text/plain")
                body = self.body(client)
                self.assertEqual(len(body), size)
                self.assertEqual(body, (LETTERS * (size // 26 + 1))[:size])
                self.assertEqual(client.get("/stats").status, 200)
                self.assertEqual(children(server), [])

    def test_one_that_is_not_whole_has_no_last_chunk(self):
        server = self.start("--response-timeout", "20000", big=1000)
        rest = self.ask(server, "/cut").rest()
        self.assertIn(b"abcdef", rest)
        self.assertFalse(rest.endswith(b"0\r\n\r\n"))

    def test_others_are_answered_meanwhile(self):
        server = self.start()
        client = self.ask(server, receive_buffer=4096)
        client.head()
        for _ in range(20):
            self.assertEqual(server.get("/stats").status, 200)
        self.assertEqual(len(children(server)), 1)

    def test_a_slow_client_stops_the_source_and_costs_nothing(self):
        server = self.start()
        client = self.ask(server, receive_buffer=4096)
        client.head()
        time.sleep(0.3)
        before = cpu_seconds(server.pid)
        time.sleep(1)
        self.assertLess(cpu_seconds(server.pid) - before, 0.2)
        rss = int(pathlib.Path(f"/proc/{server.pid}/statm").read_text().split()[1]) * 4096
        self.assertEqual(len(self.body(client)), BIG)
        self.assertLess(rss, 200_000_000)

    def test_a_source_that_waits_costs_nothing_and_is_cut_off_in_time(self):
        server = self.start("--response-timeout", "1500", big=1000)
        client = self.ask(server, "/stuck", timeout=15)
        client.head()
        client.chunk()
        before = cpu_seconds(server.pid)
        rest = client.rest()
        self.assertFalse(rest.endswith(b"0\r\n\r\n"))
        self.assertLess(cpu_seconds(server.pid) - before, 0.3)
        wait_until(lambda: not children(server), 10, "the end of the source")

    def test_a_client_that_hangs_up_ends_the_source(self):
        server = self.start()
        for read_some in False, True:
            client = self.ask(server, receive_buffer=4096)
            if read_some:
                client.head()
            wait_until(lambda: children(server), 10, "a source")
            client.close()
            wait_until(lambda: not children(server), 10, "the end of the source")

    def test_the_server_stops_meanwhile(self):
        for path in "/download", "/stuck":
            with self.subTest(path):
                server = self.start(big=1000 if path == "/stuck" else BIG)
                client = self.ask(server, path, receive_buffer=4096)
                client.head()
                server.stop()
                self.assertEqual(server.process.returncode, 0)
                self.assertFalse(client.rest().endswith(b"0\r\n\r\n"))

    def test_http_1_0_ends_with_the_connection(self):
        server = self.start(big=100)
        with server.client() as client:
            client.ask("/download", "Content-Length: 0", method="POST", version="HTTP/1.0")
            head, _, body = client.rest().partition(b"\r\n\r\n")
        self.assertNotIn(b"chunked", head)
        self.assertEqual(body, (LETTERS * 4)[:100])


if __name__ == "__main__":
    unittest.main()
