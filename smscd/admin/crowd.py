"""Who is connected to the admin address, for how long, and how many: no peer may take all file descriptors.

aiohttp waits for ever for the first request of a connection, and for a peer that does not read what it asked for.
"""

from __future__ import annotations

import asyncio
from typing import cast

from aiohttp import web

MOST = 100
"""Connections at once; one more, and the oldest is cut: whoever holds the others is not asking."""
LONGEST = 30.0
"""Seconds after which a connection is closed unless it is being answered; scrapers connect again."""
PATIENCE = 30.0
"""Seconds more that an answer may take to be read."""


class Crowd:
    """A protocol factory around `server` that knows who came when; `sweep` is to be called every second."""

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._since: dict[web.RequestHandler, float] = {}

    def __call__(self) -> asyncio.Protocol:
        there = self._server.connections
        for handler in there[: max(0, len(there) - MOST + 1)]:
            _cut(handler)
        return cast("asyncio.Protocol", self._server())

    def sweep(self, now: float) -> None:
        """Send away who has been here too long; `now` in monotonic seconds."""
        self._since = {handler: self._since.get(handler, now) for handler in self._server.connections}
        for handler, since in self._since.items():
            if now - since >= LONGEST + PATIENCE:
                _cut(handler)
            elif now - since >= LONGEST:
                handler.close()

    async def watch(self) -> None:
        """`sweep` every second."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(1.0)
            self.sweep(loop.time())


def _cut(handler: web.RequestHandler) -> None:
    if handler.transport is not None:
        handler.transport.abort()
