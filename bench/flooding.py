"""One side of a flood, in a process of its own: an ESME that asks, or an upstream that tells, as fast as it may.

    python bench/flooding.py WHAT --port 2775 [--window 500] [--seconds 10]     # an ESME: binds there
    python bench/flooding.py WHAT [--window 500] [--seconds 10]                 # an upstream: prints its port

It prints `ready` when it can begin, begins at a line on standard input, and prints what came of it as JSON. What there
is: ESME_FLOODS and UPSTREAM_FLOODS below.
"""

from __future__ import annotations

import argparse
import itertools
import json
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

from load import HEADER

from smscd import pdu

RESPONSE = 0x80000000
BINDS = frozenset({0x01, 0x02, 0x09})
WAITING = 20_000
"""Messages that wait, to be asked for, replaced or cancelled."""
OCTETS = 38_000
"""Of a text that is as long as it may be: 249 parts."""
ROW = 1 << 40
"""The first number of the rows that floods.py writes into a database by itself."""


def encoded(one: pdu.Pdu) -> bytes:
    return pdu.encode(one)


def submit(number: int, text: bytes = b"x" * 100, prefix: str = "4477019", **fields: object) -> bytes:
    to = f"{prefix}{number % 100_000:05d}".encode()
    said = {"source_addr": b"12345", "destination_addr": to, "short_message": text, **fields}
    return encoded(pdu.SubmitSm(**said))  # type: ignore[arg-type]  # as they are named there


# --- what an ESME asks ------------------------------------------------------------------------------------------------


def plain() -> Iterator[bytes]:
    return (submit(number) for number in itertools.count())


def part(number: int, which: int) -> bytes:
    """The first or the second half of message `number`, for the upstream that wants it whole."""
    header = bytes((6, 8, 4, number >> 8 & 255, number & 255, 2, which))
    return submit(number, header + b"x" * 100, "4471019", esm_class=pdu.ESM_UDHI)


def parts() -> Iterator[bytes]:
    for number in itertools.count():
        yield part(number, 1)
        yield part(number, 2)


def halves() -> Iterator[bytes]:
    return (part(number, 1) for number in itertools.count())


def multi(prefix: str, **fields: Any) -> Iterator[bytes]:
    for number in itertools.count():
        to: list[pdu.SmeAddress | pdu.DistributionList] = [
            pdu.SmeAddress(destination_addr=prefix.encode() + b"%05d" % ((number * 254 + at) % 100_000))
            for at in range(254)
        ]
        yield encoded(pdu.SubmitMulti(source_addr=b"12345", dest_address=to, **fields))


def long(prefix: str) -> Iterator[bytes]:
    tlvs = [pdu.tlv.payload(b"x" * OCTETS)]
    return (submit(number, b"", prefix, tlvs=tlvs) for number in itertools.count())


def asking(ids: list[bytes], make: Callable[[bytes, int], pdu.Pdu]) -> Iterator[bytes]:
    return (encoded(make(ids[number % len(ids)], number)) for number in itertools.count())


def replacing(one: bytes, number: int) -> pdu.Pdu:
    return pdu.ReplaceSm(message_id=one, source_addr=b"12345", short_message=b"%d" % number)


def between(_one: bytes, number: int) -> pdu.Pdu:
    return pdu.CancelSm(source_addr=b"12345", destination_addr=b"4473029%05d" % (number % 100_000))


Asks = Callable[[list[bytes]], Iterator[bytes]]

ESME_FLOODS: dict[str, tuple[bool, Asks]] = {
    "plain": (False, lambda _: plain()),
    "parts": (False, lambda _: parts()),
    "halves": (False, lambda _: halves()),
    "multi": (False, lambda _: multi("4477019", short_message=b"x" * 100)),
    "long": (False, lambda _: long("4474019")),
    "multi-long": (False, lambda _: multi("4474019", tlvs=[pdu.tlv.payload(b"x" * OCTETS)])),
    "query": (True, lambda ids: asking(ids, lambda one, _: pdu.QuerySm(message_id=one))),
    "query-unknown": (False, lambda _: asking([b""], lambda _, n: pdu.QuerySm(message_id=b"%018d" % n))),
    "replace": (True, lambda ids: asking(ids, replacing)),
    "cancel": (True, lambda ids: asking(ids, lambda one, _: pdu.CancelSm(message_id=one))),
    "cancel-pair": (True, lambda ids: asking(ids, between)),
    "supersede": (True, lambda _: (submit(n, prefix="4473029", replace_if_present_flag=1) for n in itertools.count())),
    "no-route": (False, lambda _: (submit(number, prefix="4999") for number in itertools.count())),
    "opted-out": (False, lambda _: (submit(number, prefix="4479009") for number in itertools.count())),
    "throttled": (False, lambda _: plain()),
}
"""By name: whether there have to be messages that wait, and what is asked, given their message_ids."""


# --- what an upstream tells -------------------------------------------------------------------------------------------


def deliver(number: int, text: bytes, **fields: object) -> bytes:
    sender = b"4478%08d" % (number % 100_000_000)
    said = {"source_addr": sender, "destination_addr": b"54321", "short_message": text, **fields}
    return encoded(pdu.DeliverSm(**said))  # type: ignore[arg-type]  # as they are named there


def mo_part(number: int, which: int) -> bytes:
    header = bytes((6, 8, 4, number >> 8 & 255, number & 255, 2, which))
    return deliver(number, header + b"y" * 100, esm_class=pdu.ESM_UDHI)


def mo_parts() -> Iterator[bytes]:
    for number in itertools.count():
        yield mo_part(number, 1)
        yield mo_part(number, 2)


def receipts() -> Iterator[bytes]:
    """For the rows that floods.py has written; each once."""
    for number in range(100_000):
        text = (b"id:%d sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:"
                % (ROW + number))  # fmt: skip
        yield encoded(pdu.DeliverSm(source_addr=b"4475019%05d" % number, destination_addr=b"12345",
                                    esm_class=pdu.ESM_TYPE_RECEIPT, short_message=text))  # fmt: skip


UPSTREAM_FLOODS: dict[str, Callable[[], Iterator[bytes]]] = {
    "mo": lambda: (deliver(number, b"y" * 100) for number in itertools.count()),
    "mo-parts": mo_parts,
    "mo-halves": lambda: (mo_part(number, 1) for number in itertools.count()),
    "stop": lambda: (deliver(number, b"STOP") for number in itertools.count()),
    "receipts": receipts,
    "answers": lambda: iter(()),
}
"""By name, what comes from it. `answers` only takes what it is given."""


# --- the wire ---------------------------------------------------------------------------------------------------------


class Wire:
    """A socket that speaks SMPP: requests leave as the window has room, what the peer asks is answered."""

    def __init__(self, sock: socket.socket, window: int) -> None:
        self.sock = sock
        self.window = window
        self.sequence = 0
        self.in_flight = 0
        self.buffer = b""
        self.out = bytearray()
        self.is_bound = False
        self.statuses: Counter[int] = Counter()
        self.ids: list[bytes] = []
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)

    def ask(self, frame: bytes) -> None:
        self.sequence += 1
        self.in_flight += 1
        self.out += frame[:12] + self.sequence.to_bytes(4, "big") + frame[16:]

    def turn(self, pause: float = 0.1) -> None:
        """Write and read what there is."""
        readable, writable, _ = select.select([self.sock], [self.sock] if self.out else [], [], pause)
        if writable:
            del self.out[: self.sock.send(memoryview(self.out)[: 1 << 20].tobytes())]
        if readable:
            data = self.sock.recv(1 << 18)
            if not data:
                sys.exit("the other side has left")
            self.take(self.buffer + data)

    def take(self, buffer: bytes) -> None:
        at = 0
        while len(buffer) - at >= HEADER.size:
            length, command_id, status, sequence = HEADER.unpack_from(buffer, at)
            if len(buffer) - at < length:
                break
            if command_id & RESPONSE:
                self.in_flight -= 1
                self.statuses[status] += 1
                if command_id == pdu.SubmitSmResp.command_id:
                    self.ids.append(buffer[at + 16 : at + length - 1])
            else:
                self.answer(command_id, sequence)
            at += length
        self.buffer = buffer[at:]

    def answer(self, command_id: int, sequence: int) -> None:
        body = b""
        if command_id in BINDS:
            body, self.is_bound = b"flood\0", True
        elif command_id == pdu.SubmitSm.command_id:
            body = b"%d\0" % (ROW + ROW + sequence)
        elif command_id == pdu.DeliverSm.command_id:
            body = b"\0"
        self.out += HEADER.pack(16 + len(body), command_id | RESPONSE, 0, sequence) + body

    def flood(self, frames: Iterator[bytes], seconds: float) -> None:
        """Until it is over, and answered."""
        ends = time.monotonic() + seconds
        self.statuses.clear()
        while time.monotonic() < ends:
            for frame in itertools.islice(frames, self.window - self.in_flight):
                self.ask(frame)
            self.turn()
        while self.in_flight and time.monotonic() < ends + seconds:
            self.turn()


def esme(port: int, system_id: str, window: int) -> Wire:
    wire = Wire(socket.create_connection(("127.0.0.1", port), 10.0), window)
    wire.ask(encoded(pdu.BindTransceiver(system_id=system_id.encode(), password=b"secret", interface_version=0x34)))
    while wire.in_flight:
        wire.turn()
    if set(wire.statuses) != {0}:
        sys.exit(f"bind refused: {wire.statuses}")
    return wire


def begin() -> None:
    print("ready", flush=True)
    sys.stdin.readline()


def as_esme(what: str, port: int, window: int, seconds: float) -> Wire:
    wire = esme(port, "slow" if what == "throttled" else "flood", window)
    needs, make = ESME_FLOODS[what]
    if needs:
        waiting = (submit(number, prefix="4473019") for number in range(WAITING))
        while len(wire.ids) < WAITING:
            for frame in itertools.islice(waiting, window - wire.in_flight):
                wire.ask(frame)
            wire.turn()
    begin()
    wire.flood(make([bytes(one) for one in wire.ids]), seconds)
    return wire


def as_upstream(what: str, window: int, seconds: float) -> Wire:
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        wire = Wire(server.accept()[0], window)
    while not wire.is_bound:
        wire.turn()
    print("ready", flush=True)
    while not select.select([sys.stdin], [], [], 0)[0]:
        wire.turn()
    sys.stdin.readline()
    wire.flood(UPSTREAM_FLOODS[what](), seconds)
    return wire


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=[*ESME_FLOODS, *UPSTREAM_FLOODS])
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--seconds", type=float, default=10.0)
    asked = parser.parse_args()
    if asked.what in ESME_FLOODS:
        wire = as_esme(asked.what, asked.port, asked.window, asked.seconds)
    else:
        wire = as_upstream(asked.what, asked.window, asked.seconds)
    print(json.dumps({f"0x{status:08X}": count for status, count in wire.statuses.items()}), flush=True)


if __name__ == "__main__":
    main()
