"""A load client for any SMSC: binds, keeps a window of submit_sm full, answers deliver_sm, and measures.

It speaks raw octets on purpose: PDUs are made once and only their sequence_number is patched, so that the client is not
what is measured. Its own CPU time is printed beside the result.

    python bench/load.py --port 2775 --binds 1 --window 100 --count 100000 [--receipts] [--rate 50]
"""

from __future__ import annotations

import argparse
import json
import resource
import selectors
import socket
import struct
import sys
import time
from dataclasses import dataclass, field

HEADER = struct.Struct(">IIII")
SUBMIT_SM_RESP, DELIVER_SM, DELIVER_SM_RESP = 0x80000004, 0x00000005, 0x80000005
ENQUIRE_LINK, ENQUIRE_LINK_RESP = 0x00000015, 0x80000015
BIND_TRANSCEIVER = 0x00000009


@dataclass
class Load:
    """What to do."""

    host: str = "127.0.0.1"
    port: int = 2775
    system_id: str = "test"
    password: str = "secret"
    binds: int = 1
    window: int = 100
    count: int = 100_000
    octets: int = 100
    receipts: bool = False
    rate: float = 0.0  # submits per second over all binds, 0 = as fast as the window allows
    timeout: float = 120.0
    prefix: str = "4477009"  # how the numbers of the handsets begin
    stamp: bool = False  # each text begins with the time of its submit, for `sink.py`


@dataclass
class Result:
    """What came of it. Times are seconds, latencies are submit → submit_sm_resp."""

    sent: int = 0
    answered: int = 0
    refused: int = 0
    receipts: int = 0
    seconds: float = 0.0
    circle_seconds: float = 0.0
    client_cpu: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def summary(self) -> dict[str, float]:
        """The figures of one line of a table."""
        ordered = sorted(self.latencies) or [0.0]
        return {
            "answered": self.answered,
            "refused": self.refused,
            "receipts": self.receipts,
            "rate_per_s": round(self.answered / self.seconds) if self.seconds else 0,
            "circle_per_s": round(self.receipts / self.circle_seconds) if self.receipts else 0,
            "p50_ms": round(ordered[len(ordered) // 2] * 1000, 2),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] * 1000, 2),
            "max_ms": round(ordered[-1] * 1000, 2),
            "client_cpu_s_per_1000": round(self.client_cpu / max(self.answered, 1) * 1000, 4),
        }


class Connection:
    """One bind: its socket, its window, and what is not parsed yet."""

    def __init__(self, load: Load, number: int) -> None:
        self.sock = socket.create_connection((load.host, load.port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bind(load)
        self.sock.setblocking(False)
        self.buffer = b""
        self.out = bytearray()
        self.in_flight = 0
        self.sequence = 1
        self.sent_at: dict[int, float] = {}
        self.body = submit_body(load, number)
        self.stamp, self.octets = load.stamp, load.octets

    def _bind(self, load: Load) -> None:
        body = load.system_id.encode() + b"\0" + load.password.encode() + b"\0\0\x34\0\0\0"
        self.sock.sendall(HEADER.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body)
        head = self.sock.recv(16, socket.MSG_WAITALL)
        length, _, status, _ = HEADER.unpack(head)
        self.sock.recv(length - 16, socket.MSG_WAITALL) if length > 16 else b""
        if status:
            sys.exit(f"bind refused with command_status 0x{status:08X}")

    def submit(self, many: int, now: float) -> None:
        """Queue `many` submits."""
        body, length, out, sent_at = self.body, 16 + len(self.body), self.out, self.sent_at
        first = self.sequence + 1
        if self.stamp:
            body = body[: -self.octets] + b"%016x" % time.monotonic_ns() + body[16 - self.octets :]
        for sequence in range(first, first + many):
            out += HEADER.pack(length, 4, 0, sequence)
            out += body
            sent_at[sequence] = now
        self.sequence += many
        self.in_flight += many

    def write(self) -> None:
        if self.out:
            try:
                sent = self.sock.send(self.out)
            except BlockingIOError:
                return
            del self.out[:sent]

    def read(self, result: Result, now: float) -> None:
        """Take what arrived: count answers, acknowledge receipts."""
        try:
            data = self.sock.recv(262144)
        except BlockingIOError:
            return
        if not data:
            sys.exit("the SMSC closed the connection")
        buffer = self.buffer + data if self.buffer else data
        at, end = 0, len(buffer)
        while end - at >= 16:
            length, command_id, status, sequence = HEADER.unpack_from(buffer, at)
            if end - at < length:
                break
            at += length
            if command_id == SUBMIT_SM_RESP:
                result.latencies.append(now - self.sent_at.pop(sequence))
                self.in_flight -= 1
                if status:
                    result.refused += 1
                else:
                    result.answered += 1
            elif command_id == DELIVER_SM:
                result.receipts += 1
                self.out += HEADER.pack(17, DELIVER_SM_RESP, 0, sequence) + b"\0"
            elif command_id == ENQUIRE_LINK:
                self.out += HEADER.pack(16, ENQUIRE_LINK_RESP, 0, sequence)
        self.buffer = buffer[at:]


def submit_body(load: Load, number: int) -> bytes:
    """The body of every submit_sm of one bind: its own recipient, so that per-recipient order matters."""
    return (
        b"\0\x01\x01" + b"12345\0" + b"\x01\x01" + f"{load.prefix}{number:05d}".encode() + b"\0" + b"\0\0\0" + b"\0\0"
        + bytes((1 if load.receipts else 0, 0, 0, 0, load.octets)) + b"x" * load.octets
    )  # fmt: skip


def run(load: Load) -> Result:
    """Submit `count` messages and wait for every answer, and every receipt if they were asked for."""
    result = Result()
    connections = [Connection(load, number) for number in range(load.binds)]
    selector = selectors.DefaultSelector()
    for connection in connections:
        selector.register(connection.sock, selectors.EVENT_READ, connection)
    before = cpu()
    started = time.monotonic()
    give_up = started + load.timeout
    while True:
        now = time.monotonic()
        allowed = load.count if not load.rate else min(load.count, int((now - started) * load.rate) + 1)
        for connection in connections:
            room = min(load.window - connection.in_flight, allowed - result.sent)
            if room > 0:
                connection.submit(room, now)
                result.sent += room
            connection.write()
        done = result.answered + result.refused
        if done == load.count and not result.seconds:
            result.seconds = now - started
        if result.seconds and (not load.receipts or result.receipts >= result.answered):
            break
        if now > give_up:
            print("gave up: not everything was answered", file=sys.stderr)
            result.seconds = result.seconds or now - started
            break
        pause = 0.2 if not load.rate else max(0.0, min(0.2, (result.sent + 1) / load.rate - (now - started)))
        for key, _ in selector.select(pause):
            key.data.read(result, time.monotonic())
    result.circle_seconds = time.monotonic() - started
    result.client_cpu = cpu() - before
    for connection in connections:
        connection.write()
        connection.sock.close()
    return result


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in vars(Load()).items():
        flag = "--" + name.replace("_", "-")
        if isinstance(value, bool):
            parser.add_argument(flag, action="store_true")
        else:
            parser.add_argument(flag, type=type(value), default=value)
    arguments = parser.parse_args()
    print(json.dumps(run(Load(**vars(arguments))).summary()))


if __name__ == "__main__":
    main()
