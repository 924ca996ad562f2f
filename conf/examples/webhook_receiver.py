#!/usr/bin/env python3
"""A receiver of memwatchd's webhooks, in a page: prints one line for each alert.

    webhook_receiver.py [PORT] [TOKEN-FILE]

    sink "here" { type = webhook   url = "http://127.0.0.1:8080/"   token-file = "/etc/memwatchd/token" }

A firing and its resolved have one Idempotency-Key, and differ in their status. Either may come twice:
when the answer to the first time was lost. Here the last 1000 pairs of key and status are remembered,
and a known one is answered 204 without a line.
"""
import collections
import hmac
import http.server
import json
import sys

BODY_MAX = 64 * 1024
TOKEN = open(sys.argv[2]).readline().strip() if len(sys.argv) > 2 else None
known = collections.deque(maxlen=1000)


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        size = int(self.headers.get("Content-Length", 0))
        if size > BODY_MAX:
            self.close_connection = True
            return self.answer(413)
        body = self.rfile.read(size)
        if TOKEN and not hmac.compare_digest(self.headers.get("Authorization", ""),
                                             f"Bearer {TOKEN}"):
            return self.answer(401)
        try:
            alert = json.loads(body)
            line = f"{alert['status']} {alert['rule']} {alert['subject']}: {alert['summary']}"
        except (ValueError, KeyError, TypeError):
            return self.answer(400)  # for good: memwatchd does not send it again
        key = (self.headers.get("Idempotency-Key"), alert["status"])
        if key not in known:
            known.append(key)
            print(line, flush=True)
        return self.answer(204)

    def answer(self, status):
        self.send_response(status)
        if status != 204:
            self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 8080), Handler)
    print(f"listening on 127.0.0.1:{server.server_address[1]}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
