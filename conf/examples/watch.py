#!/usr/bin/env python3
"""Reads from memwatchd: what there is now, what was, and what happens.

    watch.py memory [COUNT]               asks each second, and prints what is new
    watch.py history READING [SUBJECT]    the last hour of a reading
    watch.py events [COUNT]               follows samples and alerts, over any interruption

With COUNT it ends after so many lines. MEMWATCHD_URL names another daemon, MEMWATCHD_TOKEN is sent to
one that wants a token, MEMWATCHD_SECONDS is the time between two attempts. Lines are

    TIME AVAILABLE TOTAL                  of memory: milliseconds since 1970, bytes
    TIME VALUE                            of history; - when nothing is known
    sample|missed TIME AVAILABLE, alert TIME STATE RULE SUBJECT
"""
import http.client
import json
import os
import sys
import time
import urllib.parse

URL = urllib.parse.urlsplit(os.environ.get("MEMWATCHD_URL", "http://127.0.0.1:9636"))
SECONDS = float(os.environ.get("MEMWATCHD_SECONDS", "1"))
PATIENCE_S = 30
SILENCE_S = 60  # an event stream says something each 15 s, if only a comment


class Refused(Exception):
    """The daemon answered that it will not; its words say why."""


def show(*words):
    print(*words, flush=True)


def connect(path, headers, timeout):
    """The connection, which is to be closed, and the answer."""
    if "MEMWATCHD_TOKEN" in os.environ:
        headers = {**headers, "Authorization": f"Bearer {os.environ['MEMWATCHD_TOKEN']}"}
    connection = http.client.HTTPConnection(URL.hostname, URL.port, timeout=timeout)
    try:
        connection.request("GET", path, headers=headers)
        return connection, connection.getresponse()
    except BaseException:
        connection.close()
        raise


def get(path, **headers):
    """Status, header fields, and the document or None. Errors are problem documents (RFC 9457)."""
    connection, answer = connect(path, headers, PATIENCE_S)
    body = answer.read()
    connection.close()
    document = json.loads(body) if body else None
    if answer.status >= 400 and answer.status != 503:
        raise Refused(document["detail"])
    return answer.status, answer.headers, document


# ---- now ----

def memory(count):
    """An answer stays true until the next sample. Who sends back its ETag is told in a few bytes
    (304) that there is none yet."""
    known = {}
    while count:
        status, headers, document = get("/api/v1/memory", **known)
        if status == 200:
            known = {"If-None-Match": headers["ETag"]}
            show(document["timeMs"], document["freemem"], document["totalmem"])
            count -= 1
        # 503 is what is said before the first sample; Retry-After tells how long to wait.
        time.sleep(float(headers.get("Retry-After", SECONDS)) if count else 0)


# ---- then ----

def points_of(**words):
    """(time, mean) of each step; a mean is None where nothing is known, which is not 0."""
    _, _, document = get("/api/v1/history?" + urllib.parse.urlencode(words))
    return [(at, mean) for at, _, mean, _ in document["points"]]


def history(reading, *subject):
    words = {"subject": subject[0]} if subject else {}
    for at, mean in points_of(reading=reading, **words, **{"from": "-1h"}):
        show(at, "-" if mean is None else mean)


# ---- whatever comes ----

def events_of(answer):
    """(event, id, document) of each event of a stream."""
    event, number, data = "message", None, []
    while line := answer.readline().decode():
        field, _, value = line.rstrip("\r\n").partition(":")
        value = value.removeprefix(" ")
        if field == "event":
            event = value
        elif field == "id":
            number = int(value)
        elif field == "data":
            data.append(value)
        elif line in ("\n", "\r\n") and data:
            yield event, number, json.loads("\n".join(data))
            event, data = "message", []


class Follower:
    """What has been seen, so that an interruption leaves no hole."""

    def __init__(self, count):
        self.count, self.number, self.time = count, None, 0

    def say(self, *words):
        show(*words)
        self.count -= 1
        return self.count == 0

    def fill_gap(self, until):
        """A stream begins with the newest sample. What was between it and the last one that came
        is in the history: means by the second, or by longer steps after a long time."""
        for at, mean in points_of(**{"from": self.time + 1, "to": until}):
            if mean is not None and at < until and self.say("missed", at, round(mean)):
                return True
        return False

    def take(self, event, number, document):
        """Returns whether that was all that was wanted."""
        if event == "alert":
            return self.say("alert", document["sinceMs"], document["state"], document["rule"],
                            document["subject"])
        begins, self.number = self.number is None, number
        missed = not begins and self.fresh and document["timeMs"] > self.time
        if missed and self.fill_gap(document["timeMs"]):
            return True
        self.fresh, self.time = False, document["timeMs"]
        return self.say("sample", document["timeMs"], document["freemem"])

    def follow(self):
        """One stream, to its end. Returns as take()."""
        last = {} if self.number is None else {"Last-Event-ID": str(self.number)}
        connection, answer = connect("/api/v1/events", last, SILENCE_S)
        self.fresh = True
        try:
            if answer.status != 200:
                return False
            return any(self.take(*event) for event in events_of(answer))
        finally:
            connection.close()


def events(count):
    follower = Follower(count)
    while True:
        try:
            if follower.follow():
                return
        except (OSError, http.client.HTTPException):
            pass  # it is down, or the way to it; it will be back
        time.sleep(SECONDS)


def main(verb="", *words):
    try:
        if verb in ("memory", "events") and (not words or len(words) == 1 and words[0].isdecimal()):
            {"memory": memory, "events": events}[verb](int(words[0]) if words else -1)
        elif verb == "history" and 1 <= len(words) <= 2:
            history(*words)
        else:
            sys.exit("usage: watch.py memory [COUNT] | history READING [SUBJECT] | events [COUNT]")
    except (Refused, OSError, http.client.HTTPException) as error:
        sys.exit(f"watch.py: {error}")


if __name__ == "__main__":
    main(*sys.argv[1:])
