"""A modem, connected to the other rooms: what it has to remember stands in the store's counters."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable

from smscd.clock import Clock
from smscd.connectors import Modem, ModemSettings, Returns
from smscd.connectors.modem.keeper import Notes
from smscd.counters import ConnectorCounters
from smscd.journey import Journey
from smscd.store import Store
from smscd.text import Alphabet


class StoredNotes(Notes):
    """Notes of one modem, in the store."""

    def __init__(self, store: Store, settings: ModemSettings) -> None:
        self._store = store
        self._name = settings.name
        self._pin = zlib.crc32((settings.pin or "").encode()) + 1
        self._writing: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read what was remembered."""
        self.used = await self._store.counter(f"modem used:{self._name}")
        self.pin_refused = await self._store.counter(f"modem pin:{self._name}") == self._pin

    def keep_used(self, state: int) -> None:
        self.used = state
        task = asyncio.ensure_future(self._store.set_counter(f"modem used:{self._name}", state))
        self._writing.add(task)
        task.add_done_callback(self._written)

    def _written(self, task: asyncio.Task[None]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # a full disk: the quota of today begins anew after a restart

    async def pin_tried(self, is_refused: bool) -> None:
        self.pin_refused = is_refused
        await self._store.set_counter(f"modem pin:{self._name}", self._pin if is_refused else 0)


async def make_modem(
    settings: ModemSettings, journey: Journey, returns: Returns, clock: Clock, counters: ConnectorCounters,
    alphabet_of: Callable[[str], Alphabet],
) -> Modem:  # fmt: skip
    """A modem, not started, which knows what it did before."""
    notes = StoredNotes(journey.store, settings)
    await notes.load()
    modem = Modem(settings, journey, returns, clock, counters, alphabet_of, notes)
    modem.is_stopped = lambda message: journey.interception.stops(
        message, journey.esmes.get(message.system_id), modem, journey.shows(message)
    )
    return modem
