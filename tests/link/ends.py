"""Two real ends on a real socket, and owners that remember what they were told."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from smscd import pdu
from smscd.clock import Clock, SystemClock
from smscd.link import Door, Link, LinkLimits, Links, connect, listen
from smscd.session import Event, Session, SessionSettings, Side, State
from tests.machine import PATIENCE

T = TypeVar("T")


class End:
    """An owner that remembers; whoever waits, waits for a fact."""

    def __init__(self) -> None:
        self.heard: list[Event] = []
        self.calls = 0
        self.writables = 0
        self.reasons: list[str] = []
        self._gone: set[Link] = set()
        self._news = asyncio.Event()

    def events(self, link: Link, events: list[Event]) -> None:
        assert link not in self._gone, "an event after the end"
        self.calls += 1
        self.heard += events
        for event in events:
            self.act(link, event)
        self._news.set()

    def act(self, link: Link, event: Event) -> None:
        """What this end does about it."""

    def writable(self, link: Link) -> None:
        assert not link.writing_paused
        self.writables += 1
        self._news.set()

    def closed(self, link: Link, reason: str) -> None:
        assert link not in self._gone, "the end was told twice"
        self._gone.add(link)
        self.reasons.append(reason)
        self._news.set()

    def of(self, kind: type[T]) -> list[T]:
        return [event for event in self.heard if isinstance(event, kind)]

    async def until(self, fact: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not fact():
                self._news.clear()
                await self._news.wait()

    async def gone(self) -> str:
        await self.until(lambda: bool(self.reasons))
        return self.reasons[0]


class Centre(End):
    """A message centre that binds anybody and answers submit_sm, or keeps the answers back while `holding`."""

    def __init__(self) -> None:
        super().__init__()
        self.holding = False
        self.held: list[pdu.SubmitSm] = []
        self.links: list[Link] = []

    def meet(self, link: Link) -> None:
        self.links.append(link)
        self._news.set()

    def act(self, link: Link, event: Event) -> None:
        if isinstance(event, pdu.Bind):
            link.session.accept_bind(event, b"centre")
        elif isinstance(event, pdu.SubmitSm):
            self.held.append(event)
            if not self.holding:
                self.release(link, len(self.held))

    def release(self, link: Link, count: int) -> None:
        for request in self.held[:count]:
            link.session.respond(request, pdu.SubmitSmResp(message_id=b"%d" % request.sequence_number))
        del self.held[:count]
        link.flush_soon()


class Esme(End):
    """The other end."""

    async def bind(self, link: Link) -> None:
        link.session.request(pdu.BindTransceiver(system_id=b"test"), link.links.clock.monotonic())
        link.flush()
        await self.until(lambda: link.session.state is State.BOUND_TRX)

    def submit(self, link: Link, count: int = 1, text: bytes = b"hello") -> None:
        for number in range(count):
            link.session.request(submit_sm(text), link.links.clock.monotonic(), number)
        link.flush()


def submit_sm(text: bytes = b"hello") -> pdu.SubmitSm:
    return pdu.SubmitSm(source_addr=b"12345", destination_addr=b"447700900001", short_message=text)


@dataclass
class Place:
    """A door with a centre behind it, and the registry both ends share."""

    door: Door
    centre: Centre
    links: Links
    settings: SessionSettings

    def esme_link(self, esme: End, settings: SessionSettings | None = None) -> Link:
        session = Session(Side.ESME, settings or self.settings, self.links.clock.monotonic())
        return Link(session, esme, self.links)

    async def esme(
        self, *, tls: ssl.SSLContext | None = None, settings: SessionSettings | None = None
    ) -> tuple[Esme, Link]:
        """A bound ESME."""
        esme = Esme()
        link = self.esme_link(esme, settings)
        await connect("localhost" if tls else "127.0.0.1", self.door.port, link, tls=tls)
        await esme.bind(link)
        return esme, link

    async def accepted(self, count: int) -> None:
        """Wait until the door has made so many links."""
        await self.centre.until(lambda: len(self.centre.links) == count)

    async def opened(self, count: int) -> None:
        """Wait until so many links have their transport."""
        async with asyncio.timeout(PATIENCE):
            while len(self.links) < count:  # noqa: ASYNC110 - owners are not told, since they need not know
                await asyncio.sleep(0)

    async def raw(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A peer with no session at all."""
        return await asyncio.open_connection("127.0.0.1", self.door.port)


@asynccontextmanager
async def place(
    *,
    window: int = 0,
    limits: LinkLimits | None = None,
    clock: Clock | None = None,
    tls: ssl.SSLContext | None = None,
    settings: SessionSettings | None = None,
    centre: Centre | None = None,
    ticking: bool = True,
    handshake_timeout: float = 10.0,
) -> AsyncIterator[Place]:
    links = Links(clock or SystemClock(), limits, interval=0.1)
    centre = centre or Centre()
    settings = settings or SessionSettings(window=100_000)

    def maker(host: str) -> Link:
        assert host == "127.0.0.1"
        link = Link(Session(Side.MC, settings, links.clock.monotonic()), centre, links, window=window)
        centre.meet(link)
        return link

    door = await listen("127.0.0.1", 0, maker, tls=tls, handshake_timeout=handshake_timeout)
    door.open()
    if ticking:
        links.start()
    try:
        yield Place(door, centre, links, settings)
    finally:
        await door.close()
        for link in links:
            link.abort("end of test")
        assert await links.gone(PATIENCE)
        links.stop()


class Chatty(Centre):
    """Answers every request with far more than it took, as a query with a long answer would."""

    def act(self, link: Link, event: Event) -> None:
        if isinstance(event, pdu.Bind):
            super().act(link, event)
        elif isinstance(event, pdu.SubmitSm):
            link.session.respond(event, pdu.SubmitSmResp(message_id=b"m" * 64))
            link.session.respond_octets(b"\0" * 2048, answers=0)


async def flood(here: Place, tls: ssl.SSLContext | None = None) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A bound peer that sends and does not read: its own buffer fills, then the kernel's, then ours."""
    known = len(here.centre.links)
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # otherwise the kernel takes megabytes in its stead
    sock.setblocking(False)
    await asyncio.get_running_loop().sock_connect(sock, ("127.0.0.1", here.door.port))
    reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname="localhost" if tls else None)
    writer.write(pdu.encode(pdu.BindTransceiver(sequence_number=1, system_id=b"deaf")))
    await reader.readexactly(16)
    requests = []
    for number in range(2, 4000):
        request = submit_sm(b"x" * 100)
        request.sequence_number = number
        requests.append(pdu.encode(request))
    writer.write(b"".join(requests))
    assert here.centre.links[known].session.state is State.BOUND_TRX
    return reader, writer
