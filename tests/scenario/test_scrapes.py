"""Many who scrape and listen: what is shown is made once for all, and nobody waits for another."""
import socket
import threading
import unittest

from support.daemon import Daemon, fixture, wait_until
from support.http_probe import Server, Stream

TEXT = "text/plain; version=0.0.4; charset=utf-8"


class Rendering(unittest.TestCase):
    """The cache of bodies counts: a miss is a body that was rendered."""

    SCRAPERS = 8

    def scrape(self, daemon, stop, counts):
        connection = daemon.connect(timeout=60)
        while not stop.is_set():
            connection.request("GET", "/metrics")
            answer = connection.getresponse()
            answer.read()
            counts.append(answer.status)
        connection.close()

    def numbers(self, daemon):
        """Misses and hits up to the sample before, and that sample's number."""
        seq = daemon.json("/api/v1/memory")["seq"]
        cache = daemon.json("/api/v1/caches/bodies")
        return cache["misses"], cache["hits"], seq

    def test_bodies_are_rendered_once_a_sample_however_many_scrapers(self):
        with Daemon(proc_root=fixture("healthy"), interval="1s") as daemon:
            stop, counts = threading.Event(), []
            threads = [threading.Thread(target=self.scrape, args=(daemon, stop, counts))
                       for _ in range(self.SCRAPERS)]
            first = self.numbers(daemon)
            for thread in threads:
                thread.start()
            try:
                wait_until(lambda: len(counts) > 2000 and
                           self.numbers(daemon)[2] > first[2] + 4, 120, "many scrapes")
            finally:
                stop.set()
                for thread in threads:
                    thread.join(60)
            asked = 0

            def all_counted():
                nonlocal asked
                asked += 2
                misses, hits, _ = (b - a for a, b in zip(first, self.numbers(daemon)))
                return misses + hits >= len(counts)
            wait_until(all_counted)
            misses, _, samples = (b - a for a, b in zip(first, self.numbers(daemon)))
        self.assertEqual(set(counts), {200})
        # those of the scrapers, and of /memory and /caches/bodies, which are asked for above
        self.assertLessEqual(misses, 3 * (samples + 2))
        self.assertLess(misses * 20, len(counts))


class Streams(unittest.TestCase):
    def test_a_stuck_reader_delays_nobody_and_is_dropped_and_counted(self):
        """Others get each event, none left out, while one that reads nothing has its socket full, is
        closed, and is counted."""
        with Server("--response-timeout", "1000", "--event", "500000", "--publish", "0",
                    "--max-streams", "8") as server:
            server.publish()
            with Stream(server.port, receive_buffer=4096):
                readers = [Stream(server.port, timeout=30) for _ in range(4)]
                numbers = [reader.number() for reader in readers]
                self.assertEqual(server.stats()["streams"], 5)
                while server.stats()["streams"] == 5:
                    server.publish()
                    before, numbers = numbers, [reader.number() for reader in readers]
                    self.assertEqual(numbers, [number + 1 for number in before])
                self.assertEqual(server.stats()["timeouts"], 1)
                self.assertEqual(server.stats()["streams"], 4)
            for reader in readers:
                server.publish()
                self.assertGreater(reader.number(), 0)
                reader.close()


class Nonsense(unittest.TestCase):
    """In the field that says which form is wanted."""

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), interval="1h").__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)

    def test_what_cannot_be_read_or_met_gets_the_text(self):
        open_metrics = "application/openmetrics-text"
        for accept in ("*/*;q=0", f"{open_metrics};q=abc", f"{open_metrics};q=-1",
                       f"{open_metrics};q=1e9", f"{open_metrics};q=0.0001", f"{open_metrics};q=",
                       f"{open_metrics};version=9", f"{open_metrics};q=0, */*;q=0", "q=abc",
                       "," * 4000, ";" * 4000, "*/*," * 1000, "/", "//", "*/", "a/b;c=\"d,e\"",
                       "\t", "\xff\xfe", "text/plain;" + "version=0.0.4;" * 200):
            answer = self.daemon.get("/metrics", {"Accept": accept})
            self.assertEqual((answer.status, answer.headers["Content-Type"]), (200, TEXT), accept)
            self.assertTrue(answer.text.startswith("# HELP memwatch_build_info "))

    def test_a_megabyte_of_it_is_refused_and_costs_nobody_else(self):
        with self.daemon.connect_raw(timeout=30) as client:
            try:
                client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: ")
                for _ in range(256):
                    client.sendall(b"text/plain;q=abc,*/*;q=0,".ljust(4096, b","))
                client.sendall(b"\r\n\r\n")
            except OSError:
                pass  # it has had enough
            self.assertEqual(self.first_line(client), b"HTTP/1.1 431 Request Header Fields Too Large")
        self.assertEqual(self.daemon.get("/metrics").status, 200)

    def first_line(self, client):
        text = b""
        client.shutdown(socket.SHUT_WR)
        while b"\r\n" not in text:
            data = client.recv(4096)
            self.assertNotEqual(data, b"", text)
            text += data
        return text.split(b"\r\n")[0]


if __name__ == "__main__":
    unittest.main()
