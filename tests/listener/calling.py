"""A whole house in this process, and peers that call it over loopback."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self, TypeVar

from smscd import pdu
from smscd.clock import Clock
from smscd.config import Config, load
from smscd.daemon import House
from tests.machine import PATIENCE
from tests.running import EMULATOR

T = TypeVar("T", bound=pdu.Pdu)


def configured(directory: Path, text: str = EMULATOR) -> Config:
    """The settings of a file whose data is in `directory`."""
    directory.mkdir(exist_ok=True)
    path = directory / "smscd.toml"
    path.write_text(f'[smscd]\ndata_dir = "{directory}"\n{text}')
    return load(path)


@asynccontextmanager
async def housed(directory: Path, text: str = EMULATOR, clock: Clock | None = None) -> AsyncIterator[House]:
    """A house that has started, and stops at the end."""
    house = House(configured(directory, text), clock)
    await house.start()
    try:
        yield house
    finally:
        await house.stop()


def port_of(house: House, number: int = 0) -> int:
    return list(house.receptions.values())[number].port


class Caller(asyncio.Protocol):
    """A peer with no session: it says what it is told to, in any order, and keeps what it hears.

    While it `acknowledges`, it answers deliver_sm and enquire_link by itself.
    """

    def __init__(self, house: House) -> None:
        self.acknowledges = True
        self.heard: list[pdu.Pdu] = []
        self.house = house
        self.gone = asyncio.Event()
        self._transport: asyncio.Transport
        self._framer = pdu.Framer()
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()

    # -- asyncio.Protocol --------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for frame in self._framer.feed(data):
            received = pdu.decode(frame)
            self.heard.append(received)
            if self.acknowledges and isinstance(received, pdu.DeliverSm):
                self.send(pdu.DeliverSmResp(sequence_number=received.sequence_number))
            elif self.acknowledges and isinstance(received, pdu.EnquireLink):
                self.send(pdu.EnquireLinkResp(sequence_number=received.sequence_number))
            elif isinstance(received, pdu.Unbind):
                self.send(pdu.UnbindResp(sequence_number=received.sequence_number))
        self._news.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.gone.set()
        self._news.set()

    # -- what a test says --------------------------------------------------------------------------------------------

    async def call(self, port: int | None = None) -> Self:
        where = port_of(self.house) if port is None else port
        await asyncio.get_running_loop().create_connection(lambda: self, "127.0.0.1", where)
        return self

    def send(self, *pdus: pdu.Pdu) -> list[int]:
        """All in one write; their sequence_numbers."""
        for one in pdus:
            one.sequence_number = one.sequence_number or next(self._numbers)
        self._transport.write(b"".join(pdu.encode(one) for one in pdus))
        return [one.sequence_number for one in pdus]

    async def ask(self, request: pdu.Pdu) -> Any:
        """The response to `request`; deliver_sm and the like that come before it stay in `heard`."""
        (number,) = self.send(request)
        return await self.response(number)

    async def response(self, number: int) -> pdu.Pdu:
        found: list[pdu.Pdu] = []

        def there() -> bool:
            found[:] = [one for one in self.heard if one.command_id & pdu.RESPONSE and one.sequence_number == number]
            return bool(found)

        await self.until(there)
        self.heard.remove(found[0])
        return found[0]

    async def bind(self, kind: type[pdu.Bind] = pdu.BindTransceiver, *, version: int = 0x34,
                   system_id: bytes = b"test", password: bytes = b"secret") -> Any:  # fmt: skip
        """The bind_resp."""
        return await self.ask(kind(system_id=system_id, password=password, interface_version=version))

    def cut(self) -> None:
        self._transport.abort()

    # -- what a test hears -------------------------------------------------------------------------------------------

    def of(self, kind: type[T]) -> list[T]:
        return [one for one in self.heard if isinstance(one, kind)]

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fact():
                self._news.clear()
                await self._news.wait()

    async def deliveries(self, count: int) -> list[pdu.DeliverSm]:
        """The first `count` deliver_sm, now or when they come."""
        await self.until(lambda: len(self.of(pdu.DeliverSm)) >= count)
        return self.of(pdu.DeliverSm)


async def caller(house: House, **bind: Any) -> Caller:
    """A peer that is bound."""
    peer = await Caller(house).call()
    assert (await peer.bind(**bind)).command_status == pdu.ESME_ROK
    return peer
