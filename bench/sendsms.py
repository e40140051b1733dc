"""A load for Kannel's HTTP door, as `load.py` is one for SMPP: raw sockets, requests made once, connections kept alive.

    python bench/sendsms.py --port 13013 --window 100 --count 100000 [--receipts] [--pipeline 1]

`window` connections, each with `pipeline` requests under way. What becomes of the messages comes back as calls of a
dlr-url, which the same loop answers. It knows nothing of HTTP but what Kannel says.
"""

from __future__ import annotations

import argparse
import json
import socket
import sys
import time
import urllib.parse
from collections import deque

from load import Client, Load, Result, Watch

ACCEPTED = b"HTTP/1.1 202"
THANKS = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


class Door:
    """One kept-alive connection to `sendsms`."""

    def __init__(self, load: Load, number: int, dlr_port: int, pipeline: int) -> None:
        self.sock = socket.create_connection((load.host, load.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self.window = pipeline
        self.in_flight = 0
        self.out = bytearray()
        self.buffer = b""
        self.asked: deque[float] = deque()
        query = {"username": load.system_id, "password": load.password, "from": "12345"}
        query |= {"to": f"{load.prefix}{number % load.recipients:05d}"}
        if load.receipts:
            query |= {"dlr-mask": "3", "dlr-url": f"http://127.0.0.1:{dlr_port}/"}
        self.head = b"GET /cgi-bin/sendsms?" + urllib.parse.urlencode(query).encode() + b"&text="
        self.text = b"x" * load.octets
        self.stamp = load.stamp
        self.tail = b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"

    def submit(self, many: int, now: float) -> None:
        text = b"%016x" % time.monotonic_ns() + self.text[16:] if self.stamp else self.text
        self.out += (self.head + text + self.tail) * many
        self.asked.extend([now] * many)
        self.in_flight += many

    def read(self, result: Result, now: float) -> None:
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        if not data:
            sys.exit("kannel closed the connection")
        buffer = self.buffer + data if self.buffer else data
        while (found := buffer.find(b"\r\n\r\n")) >= 0:
            at = buffer.index(b"Content-Length:") + 15
            end = found + 4 + int(buffer[at : buffer.index(b"\r", at)])
            if len(buffer) < end:
                break
            result.latencies.append(now - self.asked.popleft())
            self.in_flight -= 1
            if buffer.startswith(ACCEPTED):
                result.answered += 1
            else:
                result.refused += 1
            buffer = buffer[end:]
        self.buffer = buffer


class Reports:
    """One connection that Kannel opened to call the dlr-url."""

    window = 0
    in_flight = 0

    def __init__(self, sock: socket.socket, listener: Listener | None = None) -> None:
        self.sock = sock
        self.sock.setblocking(False)
        self.out = bytearray()
        self.buffer = b""
        self.listener = listener

    def read(self, result: Result, now: float) -> None:  # noqa: ARG002 - as every line is read
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        if not data and self.listener is not None:
            self.listener.forget(self)
            return
        buffer = self.buffer + data if self.buffer else data
        calls = buffer.count(b"\r\n\r\n")
        if calls:
            buffer = buffer[buffer.rindex(b"\r\n\r\n") + 4 :]
            self.out += THANKS * calls
            result.receipts += calls
        self.buffer = buffer

    def submit(self, many: int, now: float) -> None:
        raise AssertionError((many, now))


class Listener(Reports):
    """Takes such connections, and forgets those that Kannel has closed."""

    def __init__(self) -> None:
        super().__init__(socket.create_server(("127.0.0.1", 0), backlog=1000))
        self.port = int(self.sock.getsockname()[1])
        self.client: Client | None = None

    def read(self, result: Result, now: float) -> None:  # noqa: ARG002 - as every line is read
        sock, _ = self.sock.accept()
        assert self.client is not None
        self.client.add(Reports(sock, self))

    def forget(self, connection: Reports) -> None:
        assert self.client is not None
        self.client.selector.unregister(connection.sock)
        connection.sock.close()


def run(load: Load, watch: Watch | None = None, pipeline: int = 1) -> Result:
    """As `load.run`, by HTTP."""
    listener = Listener()
    doors = [Door(load, number, listener.port, pipeline) for number in range(load.binds * load.window)]
    client = Client(load, doors, [listener], watch)
    listener.client = client
    return client.run()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pipeline", type=int, default=1)
    for name, value in vars(Load()).items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(value), default=value)
    arguments = vars(parser.parse_args())
    pipeline = arguments.pop("pipeline")
    print(json.dumps(run(Load(**arguments), pipeline=pipeline).summary()))


if __name__ == "__main__":
    main()
