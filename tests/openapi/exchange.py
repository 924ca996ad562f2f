"""Asks a daemon for what its OpenAPI description says, and keeps what was said for the judge."""
import http.client
import json
import os
import pathlib
import shutil
import subprocess
import urllib.parse

NODE = os.environ.get("MW_TEST_NODE") or shutil.which("node")
JUDGES = os.environ.get("MW_TEST_OPENAPI_JUDGES") or os.environ.get("MW_TEST_OPENAPI_TOOLS", "")
JSON = {"Content-Type": "application/json"}
EVENTS_READ = 2
PATIENCE_S = 60  # a busy machine is no fault


def judge(**what):
    """What the third parties find wrong."""
    program = pathlib.Path(JUDGES) / "judge.mjs"
    if not NODE or not program.exists():
        raise AssertionError("Node.js and find_openapi_judges in cmake/setup.sh are needed")
    done = subprocess.run([NODE, str(program)], input=json.dumps(what), capture_output=True,
                          text=True, timeout=240)
    if done.returncode:
        raise AssertionError(done.stderr[-2000:])
    return json.loads(done.stdout)


class Operation:
    """One of the description, with its references resolved where the tests need it."""

    def __init__(self, document, method, path):
        self.method, self.path = method, path
        self.document = document
        self.row = document["paths"][path][method.lower()]

    def __str__(self):
        return f"{self.method} {self.path}"

    def statuses(self):
        return set(self.row["responses"])

    def parameters(self, place):
        return [each for each in self.row["parameters"] if each["in"] == place]

    def media_types(self):
        return list(self.row["responses"].get("200", {}).get("content", {}))

    def takes(self):
        """The schema of the body, or None."""
        body = self.row.get("requestBody")
        if not body:
            return None
        reference = body["content"]["application/json"]["schema"]["$ref"]
        return self.document["components"]["schemas"][reference.rpartition("/")[2]]


def operations(document):
    return [Operation(document, method.upper(), path)
            for path, methods in document["paths"].items() for method in methods]


def good_and_bad(schema):
    """A value of a parameter that its schema takes, and one that it does not."""
    if schema["type"] == "integer":
        return schema["maximum"], schema["maximum"] + 1
    if "enum" in schema:
        return schema["enum"][-1], schema["enum"][-1] + "x"
    if "examples" in schema:
        return schema["examples"][0], "a" * (schema["maxLength"] + 1)
    return "a" * schema["maxLength"], "a" * (schema["maxLength"] + 1)


def read_events(answer):
    """The text of the first events of a stream, and their data."""
    text, data = b"", []
    while len(data) < EVENTS_READ:
        line = answer.readline()
        if not line:
            raise AssertionError("the stream ended")
        text += line
        if line.startswith(b"data: "):
            data.append(json.loads(line[6:]))
    return text, data


class Exchanges:
    """What was asked and answered, ready for the judge."""

    def __init__(self):
        self.all = []

    def add(self, operation, method, asked, answer, body, events, sent):
        path = operation.path if operation else None
        kind = answer.headers["Content-Type"]
        text = body.decode("utf-8", "replace")
        value = json.loads(text) if kind and "json" in kind and text else text[:100000]
        self.all.append({"method": method, "path": path, "asked": asked, "status": answer.status,
                         "type": kind, "headers": dict(answer.headers.items()), "body": value,
                         "events": events, "sent": sent})

    def ask(self, daemon, operation, at=None, query="", headers=None, body=None, unix=True,
            method=None, version=None, chunked=False):
        """Returns the exchange. `at` stands for the described path."""
        connection = daemon.connect_unix(PATIENCE_S) if unix else daemon.connect(PATIENCE_S)
        if version:
            connection._http_vsn_str = version  # pylint: disable=protected-access
        asked = (at or operation.path) + ("?" + query if query else "")
        verb = method or operation.method
        try:
            connection.request(verb, asked, body=body, headers=headers or {}, encode_chunked=chunked)
            answer = connection.getresponse()
            events = None
            if answer.headers["Content-Type"] == "text/event-stream" and verb == "GET":
                text, events = read_events(answer)
            else:
                text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise AssertionError(f"{verb} {asked}: {error!r}") from error
        finally:
            connection.close()
        sent = json.loads(body) if isinstance(body, str) and answer.status < 300 else None
        self.add(operation, verb, asked, answer, text, events, sent)
        return self.all[-1]

    def seen(self):
        """(method, path) and the key of the response in the description."""
        return {(each["method"], each["path"], str(each["status"])) for each in self.all}

    def faults(self, document):
        found = judge(document=document, exchanges=self.all)
        return [f"{each['method']} {each['asked']:.80} -> {each['status']}: {fault}"
                for each, faults in zip(self.all, found, strict=True) for fault in faults]


def repeat(daemon, method, bodies):
    """Sends each body to its path over one connection, of which all must be taken."""
    connection = daemon.connect_unix(PATIENCE_S)
    try:
        for path, body in bodies:
            connection.request(method, path, body, JSON)
            answer = connection.getresponse()
            text = answer.read()
            if answer.status >= 300:
                raise AssertionError(f"{method} {path}: {answer.status} {text!r}")
    finally:
        connection.close()


def quoted(text):
    return urllib.parse.quote(str(text), safe="")
