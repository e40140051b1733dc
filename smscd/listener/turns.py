"""One at a time, and every address in its turn: a crowd from one place keeps nobody from elsewhere waiting."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Turns:
    """A queue per address; whoever has the turn passes it on to the address that has waited longest for its next."""

    def __init__(self) -> None:
        self._queues: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self._taken = False

    def waiting(self, address: str) -> int:
        """How many from `address` wait for a turn."""
        return len(self._queues.get(address, ()))

    @asynccontextmanager
    async def turn(self, address: str) -> AsyncIterator[None]:
        """Wait for a turn of `address`; it ends with the block."""
        if self._taken:
            ticket: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queues.setdefault(address, deque()).append(ticket)
            try:
                await ticket
            except asyncio.CancelledError:
                if ticket.done() and not ticket.cancelled():  # it was ours in the moment of leaving
                    self._pass_on()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._pass_on()

    def _pass_on(self) -> None:
        while self._queues:
            address, queue = self._queues.popitem(last=False)
            ticket = queue.popleft()
            if queue:
                self._queues[address] = queue
            if not ticket.done():  # else its connection is gone
                ticket.set_result(None)
                return
        self._taken = False
