"""Where the server listens: addresses, the unix socket, sockets from systemd, and reloading."""
import os
import socket
import stat
import subprocess
import unittest

from support.http_probe import (BIN, Client, Server, Stream, directory, refused, wait_until)

TOKEN = "reader-token-0123456789"


class Case(unittest.TestCase):
    def setUp(self):
        made, self.path = directory()
        self.addCleanup(made.cleanup)
        self.socket = str(self.path / "socket")


class Addresses(Case):
    def test_all_families_are_listened_on(self):
        with Server("--listen", "[::1]:0", "--socket", self.socket) as server:
            self.assertEqual(len(server.addresses), 3)
            self.assertRegex(server.addresses[0], r"^127\.0\.0\.1:\d+$")
            self.assertRegex(server.addresses[1], r"^\[::1\]:\d+$")
            self.assertEqual(server.addresses[2], self.socket)
            self.assertEqual(server.get("/small").status, 200)
            port = int(server.addresses[1].rsplit(":", 1)[1])
            with Client(("::1", port)) as client:
                self.assertEqual(client.get("/small", host=b"Host: [::1]\r\n").status, 200)
            with Client(self.socket) as client:
                self.assertEqual(client.get("/small").status, 200)

    def test_both_wildcards_share_a_port(self):
        with Server("--insecure", listen="0.0.0.0:0") as server:
            with Server("--insecure", listen=f"[::]:{server.port}") as other:
                self.assertEqual(other.port, server.port)
                with Client(("::1", other.port)) as client:
                    self.assertEqual(client.get("/small", host=b"Host: [::1]\r\n").status, 200)

    def test_what_cannot_be_listened_on_is_named(self):
        with Server() as server:
            address = f"127.0.0.1:{server.port}"
            said = refused(listen=address)
            self.assertIn(f"listen: {address}: Address already in use", said)
            self.assertIn("error 98", said)
        for address in ("localhost:80", "127.0.0.1", "127.0.0.1:65536", "::1:80", "*:80", ""):
            said = refused(listen=address) if address else refused("--listen", "", listen=None)
            self.assertIn(f'listen: "{address}" is not an address', said)
        self.assertIn("192.0.2.1:0", refused(listen="192.0.2.1:0"))
        self.assertIn("nobody could connect", refused(listen=None))

    @unittest.skipUnless(os.geteuid() == 0, "needs root for a network of its own")
    def test_a_machine_without_ipv6_does_without(self):
        alone = ("unshare", "--net", "sh", "-c",
                 'ip link set lo up; echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; exec "$@"', "sh")
        with Server("--listen", "[::1]:0", prefix=alone) as server:
            self.assertEqual(len(server.addresses), 1)
            wait_until(lambda: "no IPv6" in "".join(server.errors))
        done = subprocess.run([*alone, BIN, "--listen", "[::1]:0"], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 1)
        self.assertIn("none of the addresses", done.stderr)


class UnixSocket(Case):
    def mode(self):
        return stat.S_IMODE(os.stat(self.socket).st_mode)

    def test_everybody_may_read(self):
        with Server("--socket", self.socket, listen=None):
            self.assertEqual(self.mode(), 0o666)

    def test_a_mask_does_not_matter(self):
        with Server("--socket", self.socket, listen=None, umask=0o077) as server:
            self.assertEqual(self.mode(), 0o666)
            with open(f"/proc/{server.pid}/status") as status:
                self.assertIn("Umask:\t0077\n", status.read()) # it has its own back

    def test_what_a_killed_one_left_is_replaced(self):
        server = Server("--socket", self.socket, listen=None).start()
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        server.process.stderr.close()
        self.assertTrue(os.path.exists(self.socket))
        with Server("--socket", self.socket, listen=None):
            with Client(self.socket) as client:
                self.assertEqual(client.get("/small").status, 200)

    def test_a_living_one_is_left_alone(self):
        with Server("--socket", self.socket, listen=None):
            said = refused("--socket", self.socket, listen=None)
            self.assertIn(f"socket: {self.socket} is in use", said)
            self.assertIn("error 98", said)
            with Client(self.socket) as client:
                self.assertEqual(client.get("/small").status, 200)

    def test_other_files_are_left_alone(self):
        with open(self.socket, "w") as file:
            file.write("mine")
        self.assertIn("not a socket", refused("--socket", self.socket, listen=None))
        with open(self.socket) as file:
            self.assertEqual(file.read(), "mine")

    def test_paths_have_a_longest(self):
        head = str(self.path) + "/"
        longest = head + "a" * (107 - len(head))
        with Server("--socket", longest, listen=None):
            with Client(longest) as client:
                self.assertEqual(client.get("/small").status, 200)
        self.assertIn("too long", refused("--socket", longest + "a", listen=None))
        self.assertIn("No such file", refused("--socket", head + "no/such", listen=None))

    def test_it_is_gone_at_the_end(self):
        with Server("--socket", self.socket, listen=None):
            pass
        self.assertFalse(os.path.exists(self.socket))

    def test_what_came_in_its_place_stays(self):
        with Server("--socket", self.socket, listen=None):
            os.unlink(self.socket)
            with open(self.socket, "w"):
                pass
        self.assertTrue(os.path.exists(self.socket))


class Log(Case):
    def test_complaints_of_tcp_options_are_dropped(self):
        with Server("--socket", self.socket, "--debug") as server:
            for _ in range(3):
                with Client(self.socket) as client:
                    self.assertEqual(client.get("/small").status, 200)
                    self.assertEqual(client.get("/big").status, 200)
            with server.client() as client:
                client.send(b"GET /small HTTP/3.0\r\n\r\n")
                self.assertEqual(client.answer().status, 505)
            wait_until(lambda: "debug: libmicrohttpd: " in "".join(server.errors))
        self.assertNotIn("TCP_", "".join(server.errors))


class Activation(Case):
    """Sockets are handed over as systemd does it: from descriptor 3 on."""

    SHELL = ("sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh")

    def listener(self, family, address):
        made = socket.socket(family, socket.SOCK_STREAM)
        self.addCleanup(made.close)
        made.bind(address)
        made.listen()
        return made

    def tcp(self):
        return self.listener(socket.AF_INET, ("127.0.0.1", 0))

    def options(self, sockets, names=None, prefix=SHELL, **environment):
        numbers = [made.fileno() for made in sockets]

        def place():
            high = [os.dup2(number, 100 + i) for i, number in enumerate(numbers)]
            for i, number in enumerate(high):
                os.dup2(number, 3 + i)
                os.close(number)

        environment = {"LISTEN_FDS": str(len(sockets)), **environment}
        if names is not None:
            environment["LISTEN_FDNAMES"] = names
        return {"prefix": prefix, "environment": environment, "preexec_fn": place,
                "close_fds": False}

    def assert_refused(self, says, *arguments, sockets, **options):
        options = self.options(sockets, **options)
        done = subprocess.run([*options["prefix"], BIN, "--activated", *arguments],
                              env=dict(os.environ, **options["environment"]), close_fds=False,
                              preexec_fn=options["preexec_fn"], capture_output=True, text=True,
                              timeout=20)
        self.assertEqual(done.returncode, 1, done.stdout)
        self.assertIn(says, done.stderr)

    def test_all_kinds_are_taken(self):
        four, six = self.tcp(), self.listener(socket.AF_INET6, ("::1", 0))
        unix = self.listener(socket.AF_UNIX, self.socket)
        with Server("--activated", listen=None,
                    **self.options([four, six, unix], "four:six:unix")) as server:
            self.assertEqual(len(server.addresses), 3)
            with Client(four.getsockname()[1]) as client:
                self.assertEqual(client.get("/small").status, 200)
            with Client(six.getsockname()[:2]) as client:
                self.assertEqual(client.get("/small", host=b"Host: [::1]\r\n").status, 200)
            with Client(self.socket) as client:
                self.assertEqual(client.get("/secret").status, 200)
        self.assertTrue(os.path.exists(self.socket)) # it is not ours to remove

    def test_they_stand_in_place_of_the_settings(self):
        four = self.tcp()
        with Server("--activated", "--socket", self.socket, **self.options([four])) as server:
            self.assertEqual(sorted(server.addresses),
                             sorted([f"127.0.0.1:{four.getsockname()[1]}", self.socket]))

    def test_those_of_another_process_are_not_taken(self):
        four = self.tcp()
        with Server("--activated", **self.options([four], prefix=(), LISTEN_PID="1")) as server:
            self.assertNotEqual(server.port, four.getsockname()[1])
        with Server("--activated", **self.options([four], prefix=())) as server:
            self.assertNotEqual(server.port, four.getsockname()[1])
        with Server(**self.options([four])) as server: # not asked for
            self.assertNotEqual(server.port, four.getsockname()[1])

    def test_what_does_not_fit_is_refused(self):
        four = self.tcp()
        deaf = socket.socket()
        self.addCleanup(deaf.close)
        datagram = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(datagram.close)
        file = open("/dev/null")
        self.addCleanup(file.close)
        self.assert_refused("LISTEN_FDNAMES", sockets=[four], names="a:b")
        self.assert_refused("LISTEN_FDS", sockets=[four], LISTEN_FDS="many")
        self.assert_refused("LISTEN_FDS", sockets=[four], LISTEN_FDS="65")
        self.assert_refused('("b") does not listen', sockets=[four, deaf], names="a:b")
        self.assert_refused("not a stream", sockets=[datagram])
        self.assert_refused("not a socket", sockets=[file])

    def test_they_need_a_decision_too(self):
        everywhere = self.listener(socket.AF_INET, ("0.0.0.0", 0))
        self.assert_refused("insecure", sockets=[everywhere])

    def test_a_reload_keeps_them(self):
        four = self.tcp()
        file = self.path / "arguments"
        with Server("--activated", "--reload-file", str(file), **self.options([four])) as server:
            file.write_text(f"--listen\n127.0.0.1:0\n--socket\n{self.socket}\n")
            self.assertIsNone(server.reload())
            self.assertEqual(server.port, four.getsockname()[1])
            self.assertEqual(len(server.addresses), 2)


class Reload(Case):
    def setUp(self):
        super().setUp()
        self.file = self.path / "arguments"

    def start(self, *arguments, **options):
        server = Server("--reload-file", str(self.file), *arguments, **options).start()
        self.addCleanup(lambda: server.__exit__(None))
        return server

    def reload(self, server, *arguments):
        """The complaint, or None."""
        self.file.write_text("\n".join(("--reload-file", str(self.file), *arguments)))
        return server.reload()

    def test_open_connections_stay(self):
        server = self.start("--publish", "50")
        with server.client() as client, Stream(server.port) as stream:
            client.get("/small")
            number = stream.number()
            self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", "--listen", "[::1]:0"))
            self.assertIsNone(self.reload(server, "--listen", "[::1]:0", "--host", "127.0.0.1"))
            self.assertEqual(len(server.addresses), 1)
            self.assertEqual(client.get("/small").status, 200)
            for i in range(3):
                self.assertEqual(stream.number(), number + 1 + i)

    def test_listeners_that_stay_stay_open(self):
        server = self.start()
        port = server.port
        self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", "--socket", self.socket))
        self.assertEqual(server.port, port)
        before = os.stat(self.socket).st_ino
        self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", "--socket", self.socket))
        self.assertEqual((server.port, os.stat(self.socket).st_ino), (port, before))

    def test_nobody_is_turned_away_meanwhile(self):
        server = self.start()
        for i in range(20):
            more = ("--listen", "[::1]:0") if i % 2 else ()
            self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", *more))
            self.assertEqual(server.get("/small").status, 200)

    def test_listeners_come_and_go(self):
        server = self.start("--socket", self.socket)
        old = server.port
        other = str(self.path / "other")
        self.assertIsNone(self.reload(server, "--listen", "127.0.0.2:0", "--socket", other))
        self.assertFalse(os.path.exists(self.socket))
        with Client(other) as client:
            self.assertEqual(client.get("/small").status, 200)
        with self.assertRaises(ConnectionRefusedError):
            Client(old)
        with Client(("127.0.0.2", server.port)) as client:
            self.assertEqual(client.get("/small", host=b"Host: 127.0.0.2\r\n").status, 200)
            self.assertEqual(client.get("/small", host=b"Host: 127.0.0.1\r\n").status, 403)

    def test_a_bad_one_changes_nothing(self):
        server = self.start("--socket", self.socket)
        port = server.port
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            address = f"127.0.0.1:{taken.getsockname()[1]}"
            said = self.reload(server, "--listen", "[::1]:0", "--listen", address)
            self.assertIn(address, said)
        for arguments in (("--listen", "0.0.0.0:0"), ("--listen", "x"), ("--token-file", "/no/such"),
                          ("--socket-group", "no-such-group"), ("--host", "a b"), ()):
            self.assertTrue(self.reload(server, *arguments))
        self.assertEqual(server.get("/small").status, 200)
        with Client(self.socket) as client:
            self.assertEqual(client.get("/small").status, 200)
        with Client(port) as client:
            self.assertEqual(client.get("/small").status, 200)

    def test_tokens_and_names_are_swapped(self):
        tokens = self.path / "tokens"
        tokens.write_text(f"admin {TOKEN}\n")
        tokens.chmod(0o600)
        server = self.start()
        bearer = f"Authorization: Bearer {TOKEN}"
        listen = ("--listen", "127.0.0.1:0")
        with server.client() as client:
            self.assertEqual(client.get("/secret", bearer).status, 401)
            self.assertIsNone(self.reload(server, *listen, "--token-file", str(tokens)))
            self.assertEqual(client.get("/secret", bearer).status, 200)
            self.assertEqual(client.get("/small", host=b"Host: box\r\n").status, 403)
            self.assertIsNone(self.reload(server, *listen, "--host", "box"))
            self.assertEqual(client.get("/secret", bearer).status, 401)
            self.assertEqual(client.get("/small", host=b"Host: box\r\n").status, 200)

    def test_limits_are_swapped(self):
        server = self.start("--max-connections", "32")
        held = [server.client() for _ in range(32)]
        with server.client() as client:
            self.assertEqual(client.answer().status, 503)
        self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", "--max-connections", "40"))
        with server.client() as client:
            self.assertEqual(client.get("/small").status, 200)
        self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", "--max-connections", "32"))
        self.assertEqual(held[0].get("/small").status, 200)
        for client in held:
            client.close()

    def test_a_socket_that_somebody_removed_comes_back(self):
        server = self.start("--socket", self.socket)
        os.unlink(self.socket)
        self.assertIsNone(self.reload(server, "--listen", "127.0.0.1:0", "--socket", self.socket))
        with Client(self.socket) as client:
            self.assertEqual(client.get("/small").status, 200)


if __name__ == "__main__":
    unittest.main()
