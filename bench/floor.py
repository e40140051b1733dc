"""The floor: the least that a durable SMSC in Python can do. It stores what it is sent and answers, nothing else.

    python bench/floor.py DIRECTORY PORT [UPSTREAM_PORT]

No accounts, no routes, no retries, no look-ups that could fail. With an upstream it hands every message over once its
row is on disk, stores the id that it gets, and brings the receipt back: a row for it, then the ESME's acknowledgement.
Run beside smscd it says how much of a figure is the machine's disk, loopback and interpreter, on this day: absolute
figures drift, ratios of one run do not.
"""

from __future__ import annotations

import asyncio
import gc
import queue
import sqlite3
import struct
import sys
import threading
from pathlib import Path
from typing import Any, cast

import uvloop

from smscd import pdu

SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;
CREATE TABLE message (id INTEGER PRIMARY KEY, source_addr TEXT, destination_addr TEXT, pdu BLOB);
CREATE TABLE sent (id INTEGER PRIMARY KEY, upstream_message_id TEXT);
CREATE TABLE receipt (id INTEGER PRIMARY KEY, pdu BLOB, acknowledged INTEGER);
"""
MESSAGE = "INSERT INTO message VALUES (?, ?, ?, ?)"
SENT = "INSERT INTO sent VALUES (?, ?)"
RECEIPT = "INSERT INTO receipt VALUES (?, ?, 0)"
ACKNOWLEDGED = "UPDATE receipt SET acknowledged = 1 WHERE id = ?"
HEADER = struct.Struct(">IIII")

Release = tuple[asyncio.Transport, bytes]
"""Octets that may leave once the rows are on disk."""


class Writer:
    """Rows gather while a commit is under way; its end releases the octets that waited for it and begins the next."""

    def __init__(self, path: Path) -> None:
        self.rows: dict[str, list[Any]] = {}
        self.released: list[Release] = []
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._batches: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(SCHEMA)
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, statement: str, row: tuple[Any, ...], *released: Release) -> None:
        self.rows.setdefault(statement, []).append(row)
        self.released += released

    def begin(self) -> None:
        if self.rows and not self._busy:
            self._busy = True
            self._batches.put((self.rows, self.released))
            self.rows, self.released = {}, []

    def _run(self) -> None:
        while True:
            rows, released = self._batches.get()
            self._database.execute("BEGIN")
            for statement, some in rows.items():
                self._database.executemany(statement, some)
            self._database.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._done, released)

    def _done(self, released: list[Release]) -> None:
        self._busy = False
        by_transport: dict[asyncio.Transport, list[bytes]] = {}
        for transport, octets in released:
            by_transport.setdefault(transport, []).append(octets)
        for transport, pieces in by_transport.items():
            transport.write(b"".join(pieces))
        self.begin()


class Line(asyncio.Protocol):
    """A connection whose PDUs are taken one by one and stored by the read."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.framer = pdu.Framer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transports are of no asyncio class

    def data_received(self, data: bytes) -> None:
        for frame in self.framer.feed(data):
            self.take(frame)
        self.house.writer.begin()

    def take(self, frame: bytes) -> None:
        raise AssertionError(frame)


class House:
    """What the lines share."""

    def __init__(self, path: Path) -> None:
        self.writer = Writer(path)
        self.count = 0
        self.upstream: Upstream | None = None
        self.unanswered: dict[int, Esme] = {}
        self.sent: dict[bytes, tuple[int, Esme]] = {}


class Esme(Line):
    """Answers binds, stores submits."""

    def take(self, frame: bytes) -> None:
        received, house = pdu.decode(frame), self.house
        if isinstance(received, pdu.SubmitSm):
            house.count += 1
            number = house.count
            row = (number, received.source_addr.decode(), received.destination_addr.decode(), frame)
            answer = (self.transport, pdu.submit_sm_resp(received.sequence_number, b"%018d" % number))
            if house.upstream is None:
                house.writer.add(MESSAGE, row, answer)
            else:
                house.unanswered[number] = self
                forwarded = HEADER.pack(len(frame), 4, 0, number) + frame[16:]
                house.writer.add(MESSAGE, row, answer, (house.upstream.transport, forwarded))
        elif isinstance(received, pdu.DeliverSmResp):
            house.writer.add(ACKNOWLEDGED, (received.sequence_number,))
        elif isinstance(received, pdu.BindTransceiver):
            bound = pdu.BindTransceiverResp(sequence_number=received.sequence_number, system_id=b"floor")
            self.transport.write(pdu.encode(bound))


class Upstream(Line):
    """Hands over, and brings receipts back."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        bind = pdu.BindTransceiver(sequence_number=1, system_id=b"gw", password=b"gw-pass", interface_version=0x34)
        self.transport.write(pdu.encode(bind))

    def take(self, frame: bytes) -> None:
        received, house = pdu.decode(frame), self.house
        if isinstance(received, pdu.SubmitSmResp):
            number = received.sequence_number
            assert received.message_id is not None
            house.sent[received.message_id] = number, house.unanswered.pop(number)
            house.writer.add(SENT, (number, received.message_id.decode()))
        elif isinstance(received, pdu.DeliverSm):
            told = pdu.parse_receipt(received.short_message)
            assert told is not None
            number, esme = house.sent.pop(told.message_id)
            receipt = HEADER.pack(len(frame), 5, 0, number) + frame[16:]
            taken = HEADER.pack(17, 0x80000005, 0, received.sequence_number) + b"\0"
            house.writer.add(RECEIPT, (number, receipt), (self.transport, taken), (esme.transport, receipt))


async def main(path: Path, port: int, upstream_port: int) -> None:
    house = House(path)
    loop = asyncio.get_running_loop()
    if upstream_port:
        _, house.upstream = await loop.create_connection(lambda: Upstream(house), "127.0.0.1", upstream_port)
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    server = await loop.create_server(lambda: Esme(house), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    upstream = int(sys.argv[3]) if len(sys.argv) > 3 else 0
    uvloop.run(main(Path(sys.argv[1]) / "floor.db", int(sys.argv[2]), upstream))
