"""Rows of the opt-out list that lapse because numbers find new owners: after a time, or because a file says so.

A row lapses `expire_after` behind the last event that would have made it, which the journal knows; or if that event was
before the day on which its number changed hands. Lapsing is one more line of the journal, like a START that nobody
wrote.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from smscd.clock import SECOND, Clock
from smscd.optout import Entry, Event, OptOut
from smscd.store import Store

PAGE = 1000
"""Rows read at a time."""
FEW = 20
"""Rows that lapse at once; a STOP meanwhile puts them off to the next time."""
LINES = 50
"""Lines of the journal that are read for one recipient."""
TRIES = 100
"""So often a number is looked at again because of a STOP meanwhile."""
PAUSE = 0.01
"""Seconds between two pages: nobody is in a hurry."""


async def expire(optout: OptOut | None, store: Store, clock: Clock) -> int:
    """Lift the rows whose time is over; how many."""
    if optout is None or optout.settings.expire_after is None:
        return 0
    before = clock.wall() - int(optout.settings.expire_after * SECOND)
    after: Entry | None = None
    ended = 0

    def lapsing(entry: Entry) -> Event:
        return Event(clock.wall(), "expire", entry, source="expiry")

    while page := await store.opt_outs.rows(after, PAGE):
        after = page[-1].entry
        old = [row.entry for row in page if row.since < before]
        for at in range(0, len(old), FEW):
            ended += await _lift(optout, store, old[at : at + FEW], before, lapsing) or 0
        await asyncio.sleep(PAUSE)
    return ended


async def recycle(optout: OptOut, store: Store, recipient: bytes, before: int, why: Callable[[Entry], Event]) -> int:
    """Lift the rows of a number that has a new owner, asked for by the old one: the last time before `before`.

    How many; `why` makes their lines for the journal. Raises TimeoutError if somebody asks for blocks all the time.
    """
    if not optout.list.perhaps([recipient]):  # nearly every number of such a file
        return 0
    rows = await store.opt_outs.rows(None, PAGE, recipient)
    for _ in range(TRIES):
        lifted = await _lift(optout, store, [row.entry for row in rows if row.since < before], before, why)
        if lifted is not None:
            return lifted
    raise TimeoutError


async def _lift(
    optout: OptOut, store: Store, entries: Sequence[Entry], before: int, why: Callable[[Entry], Event]
) -> int | None:
    """Lift what nobody has asked for since `before`; how many, or None if anybody asked for any block meanwhile."""
    changes = optout.changes
    await store.committed()  # what was asked for until now is in the journal
    silent = [entry for entry in entries if await _is_silent(store, entry, before)]
    if optout.changes != changes or optout.is_importing_rows:
        return None
    events = [why(entry) for entry in silent if entry in optout.list]
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
