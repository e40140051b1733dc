"""Rows of the opt-out list that lapse, where the configuration says that they do: numbers find new owners.

A row lapses `expire_after` behind the last event that would have made it, which the journal knows. Lapsing is one more
line of the journal, like a START that nobody wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from smscd.clock import SECOND, Clock
from smscd.optout import Entry, Event, OptOut
from smscd.store import Store

PAGE = 1000
"""Rows read at a time."""
FEW = 20
"""Rows that lapse at once; a STOP meanwhile puts them off to the next time."""
LINES = 50
"""Lines of the journal that are read for one recipient."""
PAUSE = 0.01
"""Seconds between two pages: nobody is in a hurry."""


async def expire(optout: OptOut | None, store: Store, clock: Clock) -> int:
    """Lift the rows whose time is over; how many."""
    if optout is None or optout.settings.expire_after is None:
        return 0
    before = clock.wall() - int(optout.settings.expire_after * SECOND)
    after: Entry | None = None
    ended = 0
    while page := await store.opt_outs.rows(after, PAGE):
        after = page[-1].entry
        old = [row.entry for row in page if row.since < before]
        for at in range(0, len(old), FEW):
            ended += await _expire(optout, store, clock, old[at : at + FEW], before)
        await asyncio.sleep(PAUSE)
    return ended


async def _expire(optout: OptOut, store: Store, clock: Clock, entries: Sequence[Entry], before: int) -> int:
    changes = optout.changes
    await store.committed()  # what was asked for until now is in the journal
    silent = [entry for entry in entries if await _is_silent(store, entry, before)]
    if optout.changes != changes or optout.is_importing_rows:
        return 0
    events = [Event(clock.wall(), "expire", one, source="expiry") for one in silent]
    optout.lifting(events)
    store.batch.opt_out(events)
    store.batch.once_written(lambda: optout.lift(events))
    store.wake()
    return len(events)


async def _is_silent(store: Store, entry: Entry, before: int) -> bool:
    """Whether nobody has asked for the row since `before`."""
    for _, event in await store.opt_outs.journal(entry.recipient, 1 << 62, LINES):
        if event.entry == entry and event.blocks:
            return event.at < before
    return False
