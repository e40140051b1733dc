"""A TCP proxy that writes down every octet, so that another decoder can read afterwards what smscd said."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Recorded:
    """One connection: what went to and fro, in the pieces and in the order in which it came."""

    title: str
    pieces: list[tuple[bool, bytes]] = field(default_factory=list)
    """(from smscd?, octets)"""

    @property
    def said(self) -> bytes:
        """Everything smscd sent."""
        return b"".join(octets for from_smscd, octets in self.pieces if from_smscd)


class Tape:
    """Proxies to smscd, one port for each of its own; lives in a thread, so that any kind of test can use it.

    Each connection reaches smscd from a loopback address of its own: no test is held to account for another's.
    """

    def __init__(self) -> None:
        self.recorded: list[Recorded] = []
        self.title = ""
        self._numbers = itertools.count(1)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._tasks: set[asyncio.Task[None]] = set()

    def record(self, port: int) -> int:
        """Start a proxy to `port`; the port it listens on."""
        return int(self._run(self._listen(port)))

    def stop(self) -> None:
        self._run(self._cancel())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self, port: int) -> int:
        async def accepted(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.current_task()
            assert task is not None
            self._tasks.add(task)
            try:
                await self._carry(reader, writer, port)
            finally:
                self._tasks.discard(task)

        server = await asyncio.start_server(accepted, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    async def _cancel(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
        recorded = Recorded(self.title)
        self.recorded.append(recorded)
        number = next(self._numbers)
        source = f"127.1.{number // 250}.{number % 250 + 1}"
        with suppress(OSError):  # either end may vanish in the middle: that is what some tests are about
            there, back = await asyncio.open_connection("127.0.0.1", port, local_addr=(source, 0))
            await asyncio.gather(
                self._copy(reader, back, recorded, from_smscd=False),
                self._copy(there, writer, recorded, from_smscd=True),
            )
            back.close()
        writer.close()

    @staticmethod
    async def _copy(
        reader: asyncio.StreamReader, writer: asyncio.StreamWriter, recorded: Recorded, *, from_smscd: bool
    ) -> None:
        with suppress(OSError):
            while octets := await reader.read(65536):
                recorded.pieces.append((from_smscd, octets))
                writer.write(octets)
                await writer.drain()
        with suppress(OSError):
            if from_smscd:
                writer.close()  # smscd has hung up: so do we
            else:
                writer.write_eof()
