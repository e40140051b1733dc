"""An upstream without any manners: it reads frames and writes whatever octets a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Self

from smscd import pdu
from tests.machine import PATIENCE


class Raw:
    """`on_pdu` is called with every PDU; what it returns is written. A bind is answered unless it says something."""

    def __init__(self, on_pdu: Callable[[pdu.Pdu], bytes | None] = lambda _pdu: None) -> None:
        self.on_pdu = on_pdu
        self.heard: list[pdu.Pdu] = []
        self.connections = 0
        self.port = 0
        self._writer: asyncio.StreamWriter | None = None
        self._news = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_fault: object) -> None:
        self._server.close()
        self.hang_up()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writer = writer
        framer = pdu.Framer(1 << 20)
        while data := await reader.read(65536):
            for frame in framer.feed(data):
                self._answer(pdu.decode(frame), writer)
        writer.close()
        self._news.set()

    def _answer(self, received: pdu.Pdu, writer: asyncio.StreamWriter) -> None:
        self.heard.append(received)
        said = self.on_pdu(received)
        if said is None and isinstance(received, pdu.Bind):
            said = answer(received, pdu.BindTransceiverResp(system_id=b"raw"))
        if said is None and isinstance(received, pdu.EnquireLink):
            said = answer(received, pdu.EnquireLinkResp())
        if said:
            writer.write(said)
        self._news.set()

    def say(self, octets: bytes) -> None:
        """Write something of its own accord."""
        assert self._writer is not None
        self._writer.write(octets)

    def hang_up(self) -> None:
        if self._writer is not None:
            self._writer.close()

    def submits(self) -> list[pdu.SubmitSm]:
        """The submit_sm heard so far."""
        return [one for one in self.heard if isinstance(one, pdu.SubmitSm)]

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until `holds`, looking again whenever something was heard."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()


def answer(request: pdu.Pdu, response: pdu.Pdu) -> bytes:
    """`response` under the number of `request`."""
    response.sequence_number = request.sequence_number
    return pdu.encode(response)
