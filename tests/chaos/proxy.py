"""A bad cable: a TCP proxy that dribbles, swallows and resets."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import suppress
from types import TracebackType
from typing import Self


class Proxy:
    """Forwards to `target` on the loopback address.

    `portion`: octets forwarded at once, 0 for all there are. `swallows`: nothing is forwarded any more and nobody is
    told, as when a route disappears.
    """

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.portion = 0
        self.swallows = False
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._forwarding: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        await asyncio.gather(*self._forwarding)

    def reset(self) -> None:
        """RST on every connection, both ways: what is under way is destroyed."""
        for transport in (writer.transport for writer in self._writers if not writer.is_closing()):
            transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        self._writers.clear()

    def heal(self) -> None:
        """Forward again. What was connected hears that it is not any more, as by the first packet through."""
        self.swallows = False
        self.reset()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._forward(reader, writer))
        self._forwarding.add(task)
        task.add_done_callback(self._forwarding.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward_reader, onward_writer = await asyncio.open_connection("127.0.0.1", self.target)
        for one in (writer, onward_writer):
            one.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._writers.add(one)
        await asyncio.gather(self._pump(reader, onward_writer), self._pump(onward_reader, writer))

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            while octets := await reader.read(65536):
                if self.swallows:
                    continue
                size = self.portion or len(octets)
                for at in range(0, len(octets), size):
                    writer.write(octets[at : at + size])
                    await writer.drain()
                    if self.portion:
                        await asyncio.sleep(0)  # so that each portion is a read of its own
        if not self.swallows:
            writer.close()  # however the other side ended, by FIN or RST
