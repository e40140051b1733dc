"""A load client for any SMSC: binds, keeps a window of submit_sm full, answers deliver_sm, and measures.

It speaks raw octets on purpose: PDUs are made once and only their sequence_number is patched, so that the client is not
what is measured. Its own CPU time is printed beside the result.

    python bench/load.py --port 2775 --binds 1 --window 100 --count 100000 [--receipts] [--rate 50] [--seconds 600]
"""

from __future__ import annotations

import argparse
import gc
import json
import resource
import selectors
import socket
import struct
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

HEADER = struct.Struct(">IIII")
ANSWERS = frozenset({0x80000004, 0x80000000})
"""submit_sm_resp, and the generic_nack of a server that cannot read it."""
DELIVER_SM, DELIVER_SM_RESP = 0x00000005, 0x80000005
ENQUIRE_LINK, ENQUIRE_LINK_RESP = 0x00000015, 0x80000015
BIND_TRANSCEIVER = 0x00000009
BIND_SECONDS = 10.0
SHORT_MESSAGE = 254
"""Octets that short_message holds; more travel as message_payload."""


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
    seconds: float = 0.0  # submit for so long instead of `count` messages, 0 = count decides
    octets: int = 100
    receipts: bool = False
    outstanding: int = 0  # messages that may lack their receipt, over all binds; 0 = as many as get in
    rate: float = 0.0  # submits per second over all binds, 0 = as fast as the window allows
    timeout: float = 60.0  # seconds without any answer or receipt before it gives up
    prefix: str = "4477009"  # how the numbers of the handsets begin
    recipients: int = 1  # handsets for each bind, in turn
    stamp: bool = False  # each text begins with the time of its submit, for `sink.py`


@dataclass
class Result:
    """What came of it. Times are seconds, latencies are submit → submit_sm_resp."""

    began: float = 0.0  # of the monotonic clock
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
        p50, p99, longest = percentiles(self.latencies)
        return {
            "answered": self.answered,
            "refused": self.refused,
            "receipts": self.receipts,
            "rate_per_s": round(self.answered / self.seconds) if self.seconds else 0,
            "circle_per_s": round(self.receipts / self.circle_seconds) if self.receipts else 0,
            "p50_ms": p50,
            "p99_ms": p99,
            "max_ms": longest,
            "client_cpu_s_per_1000": round(self.client_cpu / max(self.answered, 1) * 1000, 4),
        }


def percentiles(seconds: Sequence[float]) -> tuple[float, float, float]:
    """Half of them, 99 of 100 of them, and all of them took at most so many milliseconds."""
    ordered = sorted(seconds) or [0.0]
    return tuple(round(ordered[min(int(len(ordered) * q), len(ordered) - 1)] * 1000, 2) for q in (0.5, 0.99, 1.0))  # type: ignore[return-value]  # three go in


class Line(Protocol):
    """One connection of a load, whatever it speaks."""

    sock: socket.socket
    out: bytearray
    in_flight: int
    window: int

    def submit(self, many: int, now: float) -> None:
        """Put `many` messages into `out`."""

    def read(self, result: Result, now: float) -> None:
        """Take what arrived."""


class Connection:
    """One bind: its socket, its window, and what is not parsed yet."""

    def __init__(self, load: Load, number: int) -> None:
        self.sock = socket.create_connection((load.host, load.port), BIND_SECONDS)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._bind(load)
        self.sock.setblocking(False)
        self.buffer = b""
        self.out = bytearray()
        self.in_flight = 0
        self.window = load.window
        self.sequence = 1
        self.sent_at: dict[int, float] = {}
        first = number * load.recipients
        self.heads = [submit_head(load, each) for each in range(first, first + load.recipients)]
        self.text = b"x" * load.octets
        self.stamp = load.stamp

    def _bind(self, load: Load) -> None:
        body = load.system_id.encode() + b"\0" + load.password.encode() + b"\0\0\x34\0\0\0"
        self.sock.sendall(HEADER.pack(16 + len(body), BIND_TRANSCEIVER, 0, 1) + body)
        head = self.sock.recv(16, socket.MSG_WAITALL)
        length, _, status, _ = HEADER.unpack(head)
        self.sock.recv(length - 16, socket.MSG_WAITALL) if length > 16 else b""
        if status:
            sys.exit(f"bind refused with command_status 0x{status:08X}")

    def submit(self, many: int, now: float) -> None:
        text, heads, sent_at, pack = self.text, self.heads, self.sent_at, HEADER.pack
        if self.stamp:
            text = b"%016x" % time.monotonic_ns() + text[16:]
        if len(heads) == 1:
            body = heads[0] + text
            length = 16 + len(body)
            pieces = []
            for sequence in range(self.sequence + 1, self.sequence + 1 + many):
                pieces.append(pack(length, 4, 0, sequence))
                pieces.append(body)
                sent_at[sequence] = now
            self.out += b"".join(pieces)
        else:
            for sequence in range(self.sequence + 1, self.sequence + 1 + many):
                head = heads[sequence % len(heads)]
                self.out += pack(16 + len(head) + len(text), 4, 0, sequence) + head + text
                sent_at[sequence] = now
        self.sequence += many
        self.in_flight += many

    def read(self, result: Result, now: float) -> None:
        """Count answers, acknowledge receipts."""
        try:
            data = self.sock.recv(262144)
        except BlockingIOError:
            return
        if not data:
            sys.exit("the SMSC closed the connection")
        buffer = self.buffer + data if self.buffer else data
        at, end = 0, len(buffer)
        unpack, sent_at, latencies = HEADER.unpack_from, self.sent_at, result.latencies
        answered = refused = 0
        while end - at >= 16:
            length, command_id, status, sequence = unpack(buffer, at)
            if end - at < length:
                break
            at += length
            if command_id in ANSWERS:
                latencies.append(now - sent_at.pop(sequence))
                if status:
                    refused += 1
                else:
                    answered += 1
            elif command_id == DELIVER_SM:
                result.receipts += 1
                self.out += HEADER.pack(17, DELIVER_SM_RESP, 0, sequence) + b"\0"
            elif command_id == ENQUIRE_LINK:
                self.out += HEADER.pack(16, ENQUIRE_LINK_RESP, 0, sequence)
        self.buffer = buffer[at:]
        self.in_flight -= answered + refused
        result.answered += answered
        result.refused += refused


def submit_head(load: Load, number: int) -> bytes:
    """The body of a submit_sm up to its text: each bind has recipients of its own, so per-recipient order matters."""
    head = (
        b"\0\0\x01" + b"12345\0" + b"\x01\x01" + f"{load.prefix}{number:05d}".encode() + b"\0" + b"\0\0\0" + b"\0\0"
        + bytes((1 if load.receipts else 0, 0, 0, 0))
    )  # fmt: skip
    if load.octets <= SHORT_MESSAGE:
        return head + bytes((load.octets,))
    return head + b"\0" + struct.pack(">HH", 0x0424, load.octets)


Watch = Callable[[Result, float], None]
"""Is told the result so far, and the seconds since the start, about once a second."""


class Client:
    """Keeps every line's window full, as far as count, seconds and rate allow, and takes what comes back."""

    def __init__(self, load: Load, lines: Sequence[Line], others: Sequence[Line] = (), watch: Watch | None = None):
        self.load, self.watch = load, watch
        self.result = Result()
        self.selector = selectors.DefaultSelector()
        self.lines = list(lines)
        for line in (*lines, *others):
            self.add(line)
        self.unsent: set[Line] = set()
        self.turn = deque(self.lines)
        self.left = load.count if not load.seconds else sys.maxsize

    def add(self, line: Line) -> None:
        self.selector.register(line.sock, selectors.EVENT_READ, line)

    def run(self) -> Result:
        """Until every answer is there, and every receipt if they were asked for."""
        load, result = self.load, self.result
        before, started = cpu(), time.monotonic()
        result.began = started
        watched, heard, heard_at = started, 0, started
        for line in self.lines if not load.rate else ():
            self.fill(line)
        while True:
            now = time.monotonic()
            if load.seconds and now - started >= load.seconds:
                self.left = 0
            if load.rate:
                self.pace(now - started)
            if self.watch is not None and now - watched >= 1.0:
                watched = now
                self.watch(result, now - started)
            done = result.answered + result.refused
            if not self.left and done == result.sent:
                result.seconds = result.seconds or now - started
                if not load.receipts or result.receipts >= result.answered:
                    break
            if done + result.receipts != heard:
                heard, heard_at = done + result.receipts, now
            elif now > heard_at + load.timeout:
                print("gave up: not everything was answered", file=sys.stderr)
                result.seconds = result.seconds or heard_at - started
                break
            self.turn_once(self.pause(now - started))
        result.circle_seconds = time.monotonic() - started
        result.client_cpu = cpu() - before
        self.close()
        return result

    def turn_once(self, pause: float) -> None:
        for key, _ in self.selector.select(pause):
            line: Line = key.data
            line.read(self.result, time.monotonic())
            if line.window and not self.load.rate:
                self.fill(line)
            elif line.out:
                self.write(line)
        for line in tuple(self.unsent):
            self.write(line)

    def fill(self, line: Line) -> None:
        room = min(line.window - line.in_flight, self.left)
        if self.load.outstanding:
            result = self.result
            room = min(room, self.load.outstanding - (result.sent - result.refused - result.receipts))
        if room > 0:
            line.submit(room, time.monotonic())
            self.result.sent += room
            self.left -= room
        if line.out:
            self.write(line)

    def pace(self, elapsed: float) -> None:
        """What is due by now, line after line."""
        due = min(int(elapsed * self.load.rate) + 1 - self.result.sent, self.left)
        for _ in range(len(self.turn)):
            line = self.turn[0]
            self.turn.rotate(-1)
            room = min(line.window - line.in_flight, -(-due // len(self.turn)))
            if room > 0:
                line.submit(room, time.monotonic())
                self.write(line)
                self.result.sent += room
                self.left -= room
                due -= room
            if due <= 0:
                return

    def pause(self, elapsed: float) -> float:
        if self.unsent:
            return 0.001
        if not self.load.rate or not self.left:
            return 0.2
        return max(0.0, min(0.2, self.result.sent / self.load.rate - elapsed))

    def write(self, line: Line) -> None:
        try:
            sent = line.sock.send(line.out)
        except BlockingIOError:
            sent = 0
        del line.out[:sent]
        if line.out:
            self.unsent.add(line)
        else:
            self.unsent.discard(line)

    def close(self) -> None:
        for key in list(self.selector.get_map().values()):
            if key.data.out:
                self.write(key.data)
            key.data.sock.close()
        self.selector.close()


def run(load: Load, watch: Watch | None = None) -> Result:
    """Bind and do what `load` says."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    return Client(load, [Connection(load, number) for number in range(load.binds)], watch=watch).run()


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
