"""The floor: the least that a durable SMSC in Python can do. It stores what it is sent and answers, nothing else.

No accounts, no routes, no receipts, no delivery. Run beside smscd it says how much of a figure is the machine's disk,
loopback and interpreter, on this day: absolute figures drift, ratios of one run do not.
"""

from __future__ import annotations

import asyncio
import gc
import queue
import sqlite3
import sys
import threading
from pathlib import Path
from typing import Any, cast

import uvloop

from smscd import pdu

SCHEMA = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=0;
CREATE TABLE message (id INTEGER PRIMARY KEY, source_addr TEXT, destination_addr TEXT, pdu BLOB);
"""

Waiting = tuple[asyncio.Transport, int, int]


class Writer:
    """Rows gather while a commit is under way; its end releases the answers and begins the next."""

    def __init__(self, path: Path) -> None:
        self.count = 0
        self.rows: list[tuple[int, str, str, bytes]] = []
        self.waiting: list[Waiting] = []
        self._busy = False
        self._loop = asyncio.get_running_loop()
        self._batches: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.executescript(SCHEMA)
        threading.Thread(target=self._run, daemon=True).start()

    def begin(self) -> None:
        if self.rows and not self._busy:
            self._busy = True
            self._batches.put((self.rows, self.waiting))
            self.rows, self.waiting = [], []

    def _run(self) -> None:
        while True:
            rows, waiting = self._batches.get()
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO message VALUES (?, ?, ?, ?)", rows)
            self._database.execute("COMMIT")
            self._loop.call_soon_threadsafe(self._done, waiting)

    def _done(self, waiting: list[Waiting]) -> None:
        self._busy = False
        answers: dict[asyncio.Transport, list[bytes]] = {}
        for transport, sequence_number, number in waiting:
            answers.setdefault(transport, []).append(pdu.submit_sm_resp(sequence_number, b"%018d" % number))
        for transport, octets in answers.items():
            transport.write(b"".join(octets))
        self.begin()


class Peer(asyncio.Protocol):
    """Answers binds, stores submits."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._framer = pdu.Framer()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's transports are of no asyncio class

    def data_received(self, data: bytes) -> None:
        writer = self._writer
        for frame in self._framer.feed(data):
            received = pdu.decode(frame)
            if isinstance(received, pdu.SubmitSm):
                writer.count += 1
                writer.rows.append(
                    (writer.count, received.source_addr.decode(), received.destination_addr.decode(), frame)
                )
                writer.waiting.append((self._transport, received.sequence_number, writer.count))
            elif isinstance(received, pdu.BindTransceiver):
                answer = pdu.BindTransceiverResp(sequence_number=received.sequence_number, system_id=b"floor")
                self._transport.write(pdu.encode(answer))
        writer.begin()


async def main(path: Path, port: int) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    writer = Writer(path)
    server = await asyncio.get_running_loop().create_server(lambda: Peer(writer), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(Path(sys.argv[1]) / "floor.db", int(sys.argv[2])))
