"""The OpenAPI description, judged by others: its document is valid; every operation, parameter, media type
and status in it can be had from the daemon; and all that is answered is as it says, header fields included.
The requests are made from the document, so a new route is asked without a word here."""
import contextlib
import http
import json
import re
import unittest
import urllib.parse

from exchange import (JSON, PATIENCE_S, Exchanges, good_and_bad, judge, operations, quoted,
                      repeat)

from support.daemon import ALWAYS, ROOT, Daemon, Frozen, fixture, named, wait_until

BODIES = {"NewSilence": {"rule": "no-such-rule", "for": "1h", "author": "a test"},
          "Ack": {"author": "a test", "comment": "seen"}}
TOKEN = "a-token-of-the-tests-0123456789"
SILENCES_MAX, ACKS_MAX, NAMES_MAX = 256, 256, 1000
CONNECTIONS = 32


def sent_by(operation):
    """The least body that an operation takes, as text; None for none."""
    reference = operation.row.get("requestBody")
    if not reference:
        return None
    name = reference["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
    schema = operation.takes()
    return json.dumps(BODIES.get(name) or {key: schema["properties"][key]["minimum"]
                                           for key in schema["required"]})


class Case(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon(proc_root=fixture("healthy"), config=ALWAYS).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        cls.document = cls.daemon.json("/api/v1/openapi.json")
        cls.operations = operations(cls.document)
        cls.exchanges = Exchanges()

    # ---- a path that is there ----

    def silence_id(self):
        body = json.dumps(BODIES["NewSilence"])
        return self.daemon.request("POST", "/api/v1/silences", JSON, body, unix=True).json()["id"]

    def pid(self):
        return self.daemon.json("/api/v1/processes?limit=1")["processes"][0]["pid"]

    def report(self, path):
        key = {"heaps": "heapUsed", "queues": "length", "caches": "entries"}[path.split("/")[-2]]
        self.daemon.request("PUT", path, JSON, json.dumps({key: 1}), unix=True)

    def place(self, operation):
        """A path of the operation at which there is something."""
        path = operation.path
        if "{id}" in path:
            return path.replace("{id}", self.silence_id() if "silences" in path else
                                self.daemon.alert_id())
        if operation.row["x-role"] == "push":
            path = path.replace("{name}", "described")
            if operation.method == "DELETE":
                self.report(path)
            return path
        return named(path).replace("{pid}", str(self.pid()))

    def ask(self, operation, status, daemon=None, **how):
        how.setdefault("at", self.place(operation))
        if operation.takes() is not None and "headers" not in how and "body" not in how:
            how.update(headers=JSON, body=sent_by(operation))
        got = self.exchanges.ask(daemon or self.daemon, operation, **how)
        self.assertEqual(got["status"], status, f"{operation}: {got['asked']:.100} {got['body']!r:.300}")
        return got


class Document(Case):
    def test_the_document_is_valid(self):
        self.assertEqual(judge(document=self.document), [])

    def test_the_judge_of_documents_can_say_no(self):
        broken = json.loads(json.dumps(self.document))
        broken["paths"]["/metrics"]["get"]["responses"]["200"].pop("description")
        self.assertNotEqual(judge(document=broken), [])

    def test_the_judge_of_answers_can_say_no(self):
        operation = next(each for each in self.operations if each.path == "/healthz")
        got = self.ask(operation, 200)
        for change in ({"status": 204}, {"body": {"status": "well"}}, {"body": {}}, {"type": "text/plain"},
                       {"body": {"status": "ok", "more": 1}}, {"headers": {**got["headers"], "X-More": "1"}},
                       {"headers": {}}, {"path": None}, {"status": 301}, {"sent": {"a": 1}},
                       {"headers": {**got["headers"], "Cache-Control": "public"}}):
            found = judge(document=self.document, exchanges=[{**got, **change}, got])
            self.assertNotEqual(found[0], [], change)
            self.assertEqual(found[1], [])
        refused = self.ask(operation, 400, query="colour=red")
        found = judge(document=self.document, exchanges=[refused, {**refused, "status": 402}])
        self.assertEqual(found, [[], ["status 402 is not described"]])

    def test_names_of_operations_are_one_each(self):
        names = [operation.row["operationId"] for operation in self.operations]
        self.assertEqual(len(names), len(set(names)))
        for name in names:
            self.assertRegex(name, r"^[a-z]+([A-Z][a-z]*)+$")

    def test_every_component_is_used_or_told_of(self):
        text = json.dumps(self.document)
        for section, components in self.document["components"].items():
            for name in components:
                used = f'"#/components/{section}/{name}"' in text or section == "securitySchemes"
                told = name in self.document["info"]["description"]
                self.assertTrue(used or told, f"{section}/{name}")

    def test_sources_say_no_status_that_is_not_described(self):
        """What is not provoked here is at least not forgotten."""
        said = set()
        names = {status.name: int(status) for status in http.HTTPStatus}
        names.update(CONTENT_TOO_LARGE=413, URI_TOO_LONG=414)
        for file in [*ROOT.glob("daemon/http_*.c"), *ROOT.glob("daemon/app_*.c")]:
            text = file.read_text()
            said |= {int(number) for number in re.findall(
                r"(?:problem\(\s*\w+|problem\(&\w+|refuse\(reply|reply->status =|status = \.status =)"
                r"[\s,]*(?:r == -EINVAL \? 400 : )?([2-5]\d\d)\b", text)}
            said |= {names[name] for name in re.findall(r"\bMHD_HTTP_([A-Z_]+)\b", text) if name in names}
        described = {int(key) for operation in self.operations for key in operation.statuses()
                     if key != "default"}
        described |= {404, 405, 500, 505}  # components that info.description tells of, and `default`
        self.assertLessEqual({204, 400, 403, 404, 409, 413, 431, 503, 505}, said)
        self.assertEqual(said - described, set())


class Everything(Case):
    """One walk through the document; what was seen on it is counted at its end."""

    def test_all_that_is_described_is_served_and_all_that_is_served_is_described(self):
        for walk in (self.good_answers, self.not_modified, self.heads, self.bad_parameters, self.bad_bodies,
                     self.bad_requests, self.roles, self.names, self.refused_reload, self.full,
                     self.full_of_names, self.full_of_streams, self.full_of_acks, self.stale, self.undescribed):
            with self.subTest(walk.__name__):
                walk()
        self.assertEqual(self.exchanges.faults(self.document)[:20], [])
        self.every_status_was_seen()
        self.every_media_type_was_seen()

    # ---- what is asked for well ----

    def good_answers(self):
        for operation in self.operations:
            for media_type in operation.media_types():
                headers = {"Accept": media_type, **(JSON if operation.takes() is not None else {})}
                got = self.ask(operation, 200, headers=headers, body=sent_by(operation))
                self.assertEqual(got["type"], media_type)
            if not operation.media_types():
                self.ask(operation, 204)
            for parameter in operation.parameters("query"):
                value, _ = good_and_bad(parameter["schema"])
                self.ask(operation, 200, query=urllib.parse.urlencode({parameter["name"]: value}))

    def kept(self):
        return [each for each in self.operations if "304" in each.statuses()]

    def not_modified(self):
        for operation in self.kept():
            self.assertEqual([each["name"] for each in operation.parameters("header")], ["If-None-Match"])
            self.ask(operation, 304, headers={"If-None-Match": "*"})
            self.ask(operation, 304, headers={"If-None-Match": "*", "Accept-Encoding": "gzip"})

    def heads(self):
        for operation in self.operations:
            if operation.method == "GET":
                got = self.ask(operation, 200, method="HEAD")
                self.assertEqual(got["body"], "")
        self.assertNotEqual(self.kept(), [])

    # ---- 400 of each parameter, and of each member of a body ----

    def bad_parameters(self):
        for operation in self.operations:
            for parameter in operation.parameters("query"):
                _, bad = good_and_bad(parameter["schema"])
                got = self.ask(operation, 400, query=urllib.parse.urlencode({parameter["name"]: bad}))
                self.assertIn(parameter["name"], got["body"]["detail"])
            for parameter in operation.parameters("path"):
                _, bad = good_and_bad(parameter["schema"])
                self.ask(operation, 400, at=operation.path.replace("{%s}" % parameter["name"], quoted(bad)))

    def bad_bodies(self):
        for operation in self.operations:
            if operation.takes() is None:
                continue
            good = json.loads(sent_by(operation))
            bodies = [{**good, key: {"no": "such"} if "additionalProperties" not in member else 1}
                      for key, member in operation.takes()["properties"].items()]
            for body in [*map(json.dumps, bodies), json.dumps({**good, "colour": 1}), "[]", "{", ""]:
                self.ask(operation, 400, headers=JSON, body=body)

    # ---- what HTTP refuses, wherever it is asked ----

    def bad_requests(self):
        for operation in self.operations:
            at = self.place(operation)
            takes = operation.takes() is not None
            for status, how in (
                    (400, {"query": "colour=red"}),
                    (403, {"headers": {"Host": "evil.example"}, "unix": False}),
                    (413, {"headers": JSON, "body": "x" * (70000 if takes else 1)}),
                    (414, {"query": "a" * 3000}), (431, {"headers": {"X": "y" * 20000}}),
                    (505, {"version": "HTTP/3.0"})):
                self.ask(operation, status, at=at, **how)
            if takes:
                self.ask(operation, 411, at=at, headers={**JSON, "Transfer-Encoding": "chunked"},
                         body=iter([b"{}"]), chunked=True)
                self.ask(operation, 415, at=at, headers={"Content-Type": "text/plain"},
                         body=sent_by(operation))

    def roles(self):
        """From another machine nothing is free; a token that is not enough is none."""
        with self.far_daemon() as far:
            for operation in self.operations:
                self.ask(operation, 401, far, unix=False)
                self.ask(operation, 401, far, unix=False, headers={"Authorization": "Bearer wrong"})
                if operation.row["x-role"] == "admin":
                    self.ask(operation, 403, far, unix=False, body=sent_by(operation),
                             headers={"Authorization": f"Bearer {TOKEN}", **JSON})

    @contextlib.contextmanager
    def far_daemon(self):
        """One for which whoever asks is on another machine."""
        far = Daemon(proc_root=fixture("healthy"), ready=False)
        tokens = far.directory / "tokens"
        tokens.write_text(f"push {TOKEN}\n")
        tokens.chmod(0o600)
        far.write_config(f'listen = {{"127.0.0.1:0", "0.0.0.0:0"}}\nsocket = "{far.socket}"\n'
                         f'socket-group = ""\nstate-dir = "{far.directory}"\ntoken-file = "{tokens}"\n')
        with far:
            far.port = int(far.wait_for_line(r"listening on 0\.0\.0\.0:(\d+)").group(1))
            yield far

    # ---- what is not there, or somebody else's ----

    def names(self):
        unknown = {"name": "no-such-name", "pid": "4000000", "id": "0123456789abcdef"}
        for operation in self.operations:
            if "404" in operation.statuses() and operation.parameters("path"):
                name = operation.parameters("path")[0]["name"]
                self.ask(operation, 404, at=operation.path.replace("{%s}" % name, unknown[name]))
            elif "404" in operation.statuses():
                self.ask(operation, 404, query="reading=process.rss&subject=4000000")
            if "409" in operation.statuses():
                self.ask(operation, 409, at=named(operation.path))

    def refused_reload(self):
        operation, = (each for each in self.operations if "500" in each.statuses())
        with Daemon(proc_root=fixture("healthy")) as daemon:
            daemon.configure("keep-fds = many\n")
            self.ask(operation, 500, daemon)

    # ---- limits ----

    def full(self):
        """As many connections as there may be: nobody else gets in, whatever is asked."""
        with Daemon(proc_root=fixture("healthy"), config=f"max-connections = {CONNECTIONS}\n"
                    "request-timeout = 10m\n") as daemon, contextlib.ExitStack() as held:
            for _ in range(CONNECTIONS):
                held.enter_context(contextlib.closing(daemon.connect_raw()))
            wait_until(lambda: daemon.json("/api/v1/daemon", unix=True)["connections"] >= CONNECTIONS // 2)
            for operation in self.operations:
                self.ask(operation, 503, daemon, unix=False)

    def one(self, method, path):
        return next(each for each in self.operations if (each.method, each.path) == (method, path))

    def full_of_names(self):
        with Daemon(proc_root=fixture("healthy"), interval="10s") as daemon:
            repeat(daemon, "PUT", [(f"/api/v1/queues/q{n}", '{"length": 9}') for n in range(NAMES_MAX)])
            self.ask(self.one("PUT", "/api/v1/queues/{name}"), 503, daemon)
            silence = json.dumps(BODIES["NewSilence"])
            repeat(daemon, "POST", [("/api/v1/silences", silence)] * SILENCES_MAX)
            self.ask(self.one("POST", "/api/v1/silences"), 503, daemon)

    def full_of_streams(self):
        with Daemon(proc_root=fixture("healthy"), config="max-streams = 0\n") as daemon:
            self.ask(self.one("GET", "/api/v1/events"), 503, daemon)

    def full_of_acks(self):
        rule = 'alert "long" { reading = "queue.length"  above = 1 }\n'
        with Daemon(proc_root=fixture("healthy"), config=rule) as daemon:
            repeat(daemon, "PUT", [(f"/api/v1/queues/q{n}", '{"length": 9}') for n in range(ACKS_MAX + 1)])
            *ids, last = wait_until(lambda: self.firing(daemon, ACKS_MAX + 1), PATIENCE_S, "alerts")
            ack = self.one("POST", "/api/v1/alerts/{id}/ack")
            repeat(daemon, "POST", [(ack.path.replace("{id}", each), sent_by(ack)) for each in ids])
            self.ask(ack, 503, daemon, at=ack.path.replace("{id}", last))

    def firing(self, daemon, count):
        alerts = daemon.json("/api/v1/alerts?rule=long&state=firing")["alerts"]
        return [alert["id"] for alert in alerts] if len(alerts) == count else None

    def stale(self):
        with Daemon(proc_root=fixture("healthy")) as daemon, Frozen(daemon.collector()):
            wait_until(lambda: daemon.get("/readyz").status == 503, PATIENCE_S, "staleness")
            self.ask(self.one("GET", "/readyz"), 503, daemon)

    # ---- what is not described ----

    def undescribed(self):
        for operation in self.operations:
            got = self.exchanges.ask(self.daemon, None, at=self.place(operation), method="PATCH")
            self.assertEqual(got["status"], 405)
            self.assertIn(operation.method, got["headers"]["Allow"])
        for path in ("/nothing", "/api/v1", "/api/v1/memory/", "/api/v2/memory"):
            self.assertEqual(self.exchanges.ask(self.daemon, None, at=path, method="GET")["status"], 404)

    # ---- the count ----

    def every_status_was_seen(self):
        seen = self.exchanges.seen()
        unseen = [f"{operation} {status}" for operation in self.operations
                  for status in operation.statuses()
                  if (operation.method, operation.path, "505" if status == "default" else status) not in seen]
        self.assertEqual(unseen, [])

    def every_media_type_was_seen(self):
        seen = {(each["method"], each["path"], each["type"]) for each in self.exchanges.all
                if each["status"] == 200}
        unseen = [f"{operation} {media_type}" for operation in self.operations
                  for media_type in operation.media_types()
                  if (operation.method, operation.path, media_type) not in seen]
        self.assertEqual(unseen, [])


if __name__ == "__main__":
    unittest.main()
