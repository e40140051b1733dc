"""Who is connected to the admin address, for how long, and how many: no peer may take all file descriptors.

aiohttp waits for ever for the first request of a connection, and for a peer that does not read what it asked for. What
it could not read it keeps in cycles of exceptions and frames, megabytes for a connection of garbage; the collector,
which smscd has told to rest (see `daemon`), is called for them.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable

from aiohttp import web

MOST = 100
"""Connections at once; one more, and the oldest is cut: whoever holds the others is not asking."""
LONGEST = 30.0
"""Seconds after which a connection is closed unless it is being answered; scrapers connect again."""
PATIENCE = 30.0
"""Seconds more that an answer may take to be read."""

MOST_OCTETS = 128 << 10
"""What a connection may send in all: a minute of questions is a tenth of it."""


class Visitor(asyncio.Protocol):
    """A connection between its transport and aiohttp's `handler`, for as long as it sends no more than it may."""

    def __init__(self, handler: web.RequestHandler, gone: Callable[[], None]) -> None:
        self._handler = handler
        self._gone = gone
        self._left = MOST_OCTETS

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._handler.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            _cut(self._handler)
        else:
            self._handler.data_received(data)

    def eof_received(self) -> None:
        self._handler.eof_received()

    def pause_writing(self) -> None:
        self._handler.pause_writing()

    def resume_writing(self) -> None:
        self._handler.resume_writing()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._handler.connection_lost(exc)
        self._gone()


class Crowd:
    """A protocol factory around `server` that knows who came when; `sweep` is to be called every second."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._since: dict[web.RequestHandler, float] = {}
        self._left_something = False

    def __call__(self) -> asyncio.Protocol:
        there = self._server.connections
        for handler in there[: max(0, len(there) - MOST + 1)]:
            _cut(handler)
        return Visitor(self._server(), self._gone)

    def _gone(self) -> None:
        self._left_something = True

    def sweep(self, now: float) -> None:
        """Send away who has been here too long; `now` in monotonic seconds."""
        self._since = {handler: self._since.get(handler, now) for handler in self._server.connections}
        for handler, since in self._since.items():
            if now - since >= LONGEST + PATIENCE:
                _cut(handler)
            elif now - since >= LONGEST:
                handler.close()
        if self._left_something:
            self._left_something = False
            gc.collect(0)  # the youngest generation: a millisecond or two

    async def watch(self) -> None:
        """`sweep` every second."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            self.sweep(loop.time())


def _cut(handler: web.RequestHandler) -> None:
    if handler.transport is not None:
        handler.transport.abort()
