"""Forgetting what has been final for long enough, at the pace at which it comes.

What is due goes within `WITHIN`, in portions spread over that time: little is due at fifty messages a second, and a
portion a second does for it; at full rate as much is forgotten as comes; and what a burst left does not go in a burst.
"""

from __future__ import annotations

import asyncio

from smscd.clock import SECOND, Clock
from smscd.store import Store, StoreSettings

ROUND = 5.0
"""Seconds after which is counted anew what is due."""
WITHIN = 30.0
"""Seconds in which what is due is forgotten."""
PAUSE = 0.02
"""Seconds from the beginning of one portion to the next, at the least."""
SMALLEST, GREATEST = 50, 2000
"""Messages in a portion; fifty are 0.2 ms of the store's writer."""
MOST = int(GREATEST / PAUSE * WITHIN)
"""Messages of which no more are counted, because it could not go faster for them."""


class Pace:
    """How much at a time, and how often."""

    def __init__(self, due: int, at_least: float = 0.0) -> None:
        self.a_second = max(due / WITHIN, at_least)
        """Messages."""
        self.seconds = max(SMALLEST / self.a_second, PAUSE)
        """From the beginning of one portion to the next."""

    def portion(self, elapsed: float, forgotten: int) -> int:
        """Messages, with so many `forgotten` in the seconds since the beginning: what came late is made up for."""
        behind = round(self.a_second * (elapsed + self.seconds)) - forgotten
        return min(max(behind, SMALLEST), GREATEST)


async def purge(store: Store, clock: Clock, remembers: StoreSettings, at_least: float = 0.0) -> float:
    """A round of it; sooner if nothing is left of what was due at its beginning.

    How many a second it was at if something is left, 0.0 if not: with `at_least` as many the next round goes on, and
    does not slow down because there is less left of the same.
    """
    closed_before = clock.wall() - int(remembers.retention * SECOND)
    dead_before = clock.wall() - int(remembers.dead_letters * SECOND)
    due = await store.forgettable(closed_before, dead_before, MOST)
    forgotten, began = 0, clock.monotonic()
    pace, now = Pace(due or 1, at_least), began
    while forgotten < due and now < began + ROUND:
        some = await store.purge(closed_before, dead_before, pace.portion(now - began, forgotten))
        if not some:
            return 0.0
        forgotten += some
        if forgotten < due:
            await asyncio.sleep(now + pace.seconds - clock.monotonic())
        now = clock.monotonic()
    return pace.a_second if forgotten < due else 0.0
