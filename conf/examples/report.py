#!/usr/bin/env python3
"""Reports numbers to memwatchd, a line for each, in datagrams on a local socket.

    report.py queue.orders.length=42 queue.orders.capacity=200 queue.orders.enqueued+=3

In a program of your own: `reporter = Reporter()`, then `reporter.gauge("queue.orders.length", 42)`.
MEMWATCHD_PUSH names another socket.
"""
import os
import socket
import sys


class Reporter:
    """Never waits and never raises: a report that gets lost is made good by the next one."""

    def __init__(self, path=None):
        self.path = path or os.environ.get("MEMWATCHD_PUSH", "/run/memwatchd/push.sock")
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setblocking(False)

    def gauge(self, what, value):
        """KIND.NAME.FIELD is this now."""
        return self.send(what, value, "g")

    def count(self, what, more=1):
        """KIND.NAME.FIELD, a number that only grows, has grown by so much."""
        return self.send(what, more, "c")

    def send(self, what, value, kind):
        try:
            self.socket.sendto(f"{what}:{int(value)}|{kind}".encode(), self.path)
            return True
        except (OSError, ValueError, OverflowError, TypeError):  # no socket, or no whole number
            return False


def main():
    reporter = Reporter()
    sent = True
    for word in sys.argv[1:]:
        what, _, value = word.partition("=")
        if what.endswith("+"):
            sent &= reporter.count(what[:-1], value)
        else:
            sent &= reporter.gauge(what, value)
    return 0 if sent else 1


if __name__ == "__main__":
    sys.exit(main())
