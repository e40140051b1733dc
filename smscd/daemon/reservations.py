"""Arrival numbers reserved for emulated networks, written down however long the disk is full."""

from __future__ import annotations

import asyncio

from smscd.errors import StoreFull
from smscd.store import Store
from smscd.store.commit import FULL_PAUSE


class Reservations:
    """The last number of each network that may have been given; only the newest is worth writing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._wanted: dict[str, int] = {}
        self._writing: dict[str, asyncio.Task[None]] = {}

    def reserve(self, name: str, arrivals: int) -> None:
        """Remember that the network `name` gives numbers up to `arrivals`."""
        self._wanted[name] = arrivals
        if name not in self._writing:
            self._writing[name] = asyncio.create_task(self._write(name), name=f"reserve for {name}")

    async def _write(self, name: str) -> None:
        try:
            while name in self._wanted:
                arrivals = self._wanted.pop(name)
                try:
                    await self._store.set_counter(f"arrivals:{name}", arrivals)
                except StoreFull:
                    self._wanted.setdefault(name, arrivals)
                    await asyncio.sleep(FULL_PAUSE)
        finally:
            del self._writing[name]

    async def finish(self, within: float) -> None:
        """Write what is left, `within` seconds at most: on a full disk the numbers reserved before still hold."""
        tasks = list(self._writing.values())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
