"""The OpenAPI description is what is served: every route, every member, every limit of a parameter."""
import json
import unittest
import urllib.parse

from support.daemon import ALWAYS, Daemon, fixture, named
from support.schema import Schemas

PROBLEM = "application/problem+json"


def operations(description):
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def takes_of(operation):
    """The schema of the body that a request has, or None."""
    body = operation.get("requestBody")
    return body["content"]["application/json"]["schema"] if body else None


def objects_in(value):
    """Every object of a document, at any depth."""
    if isinstance(value, dict):
        yield value
    if isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from objects_in(item)


class Validator(unittest.TestCase):
    """The validator finds what it is there for."""

    def faults(self, value, schema):
        item = {"type": "object", "properties": {"a": {"type": "integer", "minimum": 1}},
                "required": ["a"]}
        return Schemas({"components": {"schemas": {"Item": item}}}).faults(value, schema)

    def test_good_documents_pass(self):
        reference = {"$ref": "#/components/schemas/Item"}
        for value, schema in (({"a": 1}, reference),
                              ([{"a": 1}, {"a": 2}], {"type": "array", "items": reference}),
                              (None, {"type": ["integer", "null"], "minimum": 0}),
                              ({"x": "b"}, {"type": "object", "additionalProperties":
                                            {"type": "string", "enum": ["b"]}}),
                              ({"x": 1}, {"type": "object", "additionalProperties": True}),
                              (1, {"type": "number", "x-unit": "bytes"})):
            with self.subTest(value):
                self.assertEqual(self.faults(value, schema), [])

    def test_bad_documents_do_not(self):
        reference = {"$ref": "#/components/schemas/Item"}
        for value, schema in (({}, reference), ({"a": 1, "b": 1}, reference), ({"a": None}, reference),
                              ({"a": 0}, reference), ({"a": True}, reference), ({"a": "1"}, reference),
                              ([{"a": 1}, {}], {"type": "array", "items": reference}),
                              (1.5, {"type": ["integer", "null"]}),
                              ({"x": "c"}, {"type": "object", "additionalProperties":
                                            {"type": "string", "enum": ["b"]}}),
                              ({"x": 1}, {"type": "object"}), (1, {}),
                              (3, {"type": "integer", "maximum": 2}),
                              ("abc", {"type": "string", "maxLength": 2}),
                              ("x", {"type": "string", "pattern": "y"})):
            with self.subTest(value):
                self.assertNotEqual(self.faults(value, schema), [])


class Described(unittest.TestCase):
    @classmethod
    def serve(cls, proc_root):
        cls.daemon = Daemon(proc_root=proc_root, config=ALWAYS).__enter__()
        cls.addClassCleanup(cls.daemon.__exit__, None)
        cls.description = cls.daemon.json("/api/v1/openapi.json")
        cls.schemas = Schemas(cls.description)

    def least_body(self, operation):
        """Headers and text of the least that an operation takes."""
        if not takes_of(operation):
            return {}, None
        schema = self.schemas.resolve(takes_of(operation))
        least = {name: schema["properties"][name].get("minimum", "a text")
                 for name in schema["required"]}
        return {"Content-Type": "application/json"}, json.dumps(least)

    def ask(self, method, path, operation):
        headers, body = self.least_body(operation)
        return self.daemon.request(method, path, headers, body, unix=True)

    def assert_fits(self, value, schema, what):
        faults = self.schemas.faults(value, schema)
        self.assertEqual(faults[:10], [], f"{what}: {len(faults)} faults")

    def assert_problem(self, answer, operation, status, what):
        self.assertEqual(answer.status, status, f"{what}: {answer.text}")
        content = self.schemas.response(operation, status)["content"]
        self.assertEqual(answer.headers["Content-Type"], PROBLEM, what)
        self.assert_fits(answer.json(), content[PROBLEM]["schema"], what)
        self.assertEqual(answer.json()["status"], status)


# What is sent where a body is needed for an answer with one.
TAKEN = {("POST", "/api/v1/silences"): ({"Content-Type": "application/json"},
                                        '{"rule":"no-such-rule","for":"1h","author":"test"}')}


class Bodies:
    """For one tree of /proc each."""

    def first_event(self, path):
        connection = self.daemon.connect()
        self.addCleanup(connection.close)
        connection.request("GET", path)
        answer = connection.getresponse()
        while True:
            line = answer.readline()
            self.assertTrue(line, "the stream ended before its first event")
            if line.startswith(b"data: "):
                return json.loads(line[6:])

    def pids(self):
        return [row["pid"] for row in self.daemon.json("/api/v1/processes")["processes"]]

    def fetch(self, method, path):
        """The answer; of a path of processes, that of one that is still there."""
        for pid in self.pids() if "{pid}" in path else [0]:
            path = named(path).replace("{id}", self.daemon.alert_id())
            headers, body = TAKEN.get((method, path), (None, None))
            answer = self.daemon.request(method, path.replace("{pid}", str(pid)), headers, body,
                                         unix=True)
            if answer.status != 404:
                return answer
        raise AssertionError(f"{path}: nothing there")

    def test_every_body_fits_its_schema(self):
        fetched = 0
        for method, path, operation in operations(self.description):
            if "204" in operation["responses"]:
                self.assertNotIn("200", operation["responses"])
                continue
            # Where there are several forms, the first is for who asks for none.
            media_type, media = next(iter(operation["responses"]["200"]["content"].items()))
            with self.subTest(f"{method} {path}"):
                self.assertIn("schema", media, "no schema")
                if media_type == "text/event-stream":
                    self.assertEqual(media["schema"], {"type": "string"})
                    self.assert_fits(self.first_event(path), media["x-data"], path)
                    continue
                answer = self.fetch(method, path)
                self.assertEqual(answer.status, 200, answer.text)
                self.assertEqual(answer.headers["Content-Type"], media_type)
                value = answer.json() if media_type == "application/json" else answer.text
                self.assert_fits(value, media["schema"], path)
                fetched += 1
        self.assertGreater(fetched, 10)

    def test_what_is_null_is_absent_with_a_reason(self):
        for path in ("memory", "system", "daemon", "processes", "heaps", "queues", "caches",
                     "heaps/memwatchd", "queues/events", "caches/bodies"):
            for value in objects_in(self.daemon.json("/api/v1/" + path)):
                nulls = {name for name, member in value.items() if member is None}
                self.assertEqual(nulls, set(value.get("absent", {})), path)


class Healthy(Bodies, Described):
    @classmethod
    def setUpClass(cls):
        cls.serve(fixture("healthy"))

    def test_what_is_reported_fits_what_is_described(self):
        """The least body is taken, every member at its edges is, and what is just outside is not."""
        tried = 0
        for method, path, operation in operations(self.description):
            if method != "PUT":
                continue
            place, (headers, least) = path.replace("{name}", "described"), self.least_body(operation)
            schema = self.schemas.resolve(takes_of(operation))
            self.assertIs(schema["additionalProperties"], False)
            edges = [({name: edge}, 204 if inside else 400) for name, member in schema["properties"].items()
                     for edge, inside in ((member["minimum"], True), (member["maximum"], True),
                                          (member["minimum"] - 1, False), (member["maximum"] + 1, False),
                                          (None, "null" in member["type"]), ("1", False))]
            for change, status in [({}, 204), ({"colour": 1}, 400)] + edges:
                body = json.dumps({**json.loads(least), **change})
                answer = self.daemon.request(method, place, headers, body, unix=True)
                self.assertEqual(answer.status, status, f"{path} {body}: {answer.text}")
                tried += 1
            self.assertEqual(self.daemon.request("DELETE", place, unix=True).status, 204)
        self.assertGreater(tried, 60)

    def test_every_member_but_absent_is_required(self):
        reports = {takes_of(operation)["$ref"].rpartition("/")[2]
                   for _, _, operation in operations(self.description) if takes_of(operation)}
        self.assertTrue(reports)
        for name, schema in self.description["components"]["schemas"].items():
            if name in reports | {"Config"}:  # what clients send, and blocks of a file, may leave things out
                continue
            for value in objects_in(schema):
                if value.get("type") == "object" and "properties" in value:
                    optional = set(value["properties"]) - set(value.get("required", []))
                    self.assertLessEqual(optional, {"absent"}, name)

    def test_refusals_fit_the_problem_schema(self):
        for method, path, operation in operations(self.description):
            path = named(path).replace("{pid}", str(self.daemon.json(
                "/api/v1/processes?limit=1")["processes"][0]["pid"]))
            path = path.replace("{id}", self.daemon.alert_id())
            with self.subTest(f"{method} {path}"):
                self.assert_problem(self.daemon.request("PATCH", path, unix=True), operation, 405,
                                    "another method")
                self.assert_problem(self.daemon.request(method, path + "?colour=red", unix=True),
                                    operation, 400, "a word that is not described")
                if operation["x-role"] == "admin":
                    self.assert_problem(self.daemon.request(method, path), operation, 401, "TCP")
        operation = self.description["paths"]["/api/v1/memory"]["get"]
        self.assert_problem(self.daemon.get("/nothing"), operation, 404, "no such path")
        self.assert_problem(self.daemon.get("/api/v1/memory", {"Host": "evil.example"}), operation,
                            403, "another host")

    def test_a_refused_reload_fits_it_too(self):
        with Daemon(proc_root=fixture("healthy")) as daemon:
            daemon.configure("keep-fds = many\n")
            self.assert_problem(daemon.post("/api/v1/reload"),
                                self.description["paths"]["/api/v1/reload"]["post"], 500, "reload")

    # ---- parameters ----

    def values_at_the_edges(self, schema):
        """What a schema takes, and what lies just outside."""
        if schema["type"] == "integer":
            return ([schema["minimum"], schema["maximum"]],
                    [schema["minimum"] - 1, schema["maximum"] + 1, "x", "1.5"])
        if "enum" in schema:
            return schema["enum"], [word + "x" for word in schema["enum"]]
        if "examples" in schema:
            return schema["examples"], ["a" * (schema["maxLength"] + 1)]
        if "maxLength" in schema:
            return ["a" * schema["maxLength"]], ["a" * (schema["maxLength"] + 1)]
        raise AssertionError(f"a schema without a limit: {schema}")

    def test_query_words_take_what_their_schemas_say(self):
        tried = 0
        for method, path, operation in operations(self.description):
            for parameter in operation["parameters"]:
                if parameter["in"] != "query":
                    continue
                good, bad = self.values_at_the_edges(parameter["schema"])
                for value, status in [(v, 200) for v in good] + [(v, 400) for v in bad]:
                    query = urllib.parse.urlencode({parameter["name"]: value})
                    with self.subTest(f"{path}?{query:.60}"):
                        self.assertFalse(parameter["required"])
                        answer = self.daemon.request(method, f"{path}?{query}", unix=True)
                        self.assertEqual(answer.status, status, answer.text)
                        tried += 1
        self.assertGreater(tried, 12)

    def test_parts_of_paths_take_what_their_schemas_say(self):
        tried = 0
        for method, path, operation in operations(self.description):
            inside = [each for each in operation["parameters"] if each["in"] == "path"]
            self.assertEqual(path.count("{"), len(inside), path)
            for parameter in inside:
                self.assertTrue(parameter["required"])
                good, bad = self.values_at_the_edges(parameter["schema"])
                self.assertTrue(good and bad, path)
                for value, statuses in [(v, (200, 204, 404)) for v in good] + [(v, (400,)) for v in bad]:
                    with self.subTest(f"{path}: {value}"):
                        place = path.replace("{%s}" % parameter["name"], str(value))
                        answer = self.ask(method, place, operation)
                        self.assertIn(answer.status, statuses, answer.text)
                        tried += 1
        self.assertGreater(tried, 5)

    def test_sorting_takes_every_described_reading(self):
        """That each is taken, the test of query words tries."""
        members = set(self.description["components"]["schemas"]["Process"]["properties"])
        parameters = self.description["paths"]["/api/v1/processes"]["get"]["parameters"]
        sort, = (each["schema"] for each in parameters if each["name"] == "sort")
        self.assertEqual(set(sort["enum"]), members - {"pid", "absent"})


class OldKernel(Bodies, Described):
    """Where much is absent."""

    @classmethod
    def setUpClass(cls):
        cls.serve(fixture("old_kernel"))


class Truncated(Bodies, Described):
    """Where sources lie."""

    @classmethod
    def setUpClass(cls):
        cls.serve(fixture("truncated"))


class Live(Bodies, Described):
    @classmethod
    def setUpClass(cls):
        cls.serve(None)


if __name__ == "__main__":
    unittest.main()
