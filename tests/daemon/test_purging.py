"""What is due is forgotten in so many portions that nobody notices, and as fast as it comes."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from smscd.clock import SECOND, FakeClock
from smscd.daemon import purging
from smscd.daemon.purging import GREATEST, PAUSE, ROUND, SMALLEST, WITHIN, Pace
from smscd.store import Store, StoreSettings


class Remembering:
    """A store with so many messages to be forgotten, each portion of which takes so many seconds."""

    def __init__(self, due: int, clock: FakeClock, seconds: float) -> None:
        self.due = due
        self.portions: list[int] = []
        self.before: set[tuple[int, int]] = set()
        self._clock = clock
        self._seconds = seconds

    async def forgettable(self, closed_before: int, dead_before: int, most: int) -> int:
        self.before.add((closed_before, dead_before))
        return min(self.due, most)

    async def purge(self, closed_before: int, dead_before: int, limit: int) -> int:
        self.before.add((closed_before, dead_before))
        self.portions.append(limit)
        self._clock.advance(self._seconds)
        forgotten = min(limit, self.due)
        self.due -= forgotten
        return forgotten


async def purge(due: int, seconds: float) -> Remembering:
    clock = FakeClock()
    store = Remembering(due, clock, seconds)
    await purging.purge(cast("Store", store), clock, StoreSettings(retention=10.0, dead_letters=20.0))
    return store


@pytest.mark.parametrize("due", [1, 100, 1500, 10_000, 420_000, purging.MOST])
def test_what_is_due_is_forgotten_within_its_time_in_portions_not_greater_than_that_takes(due: int) -> None:
    pace = Pace(due)
    portion = pace.portion(0.0, 0)
    assert portion / pace.seconds * WITHIN == pytest.approx(due, rel=0.02)
    assert portion == SMALLEST or pace.seconds == PAUSE


def test_portions_that_come_late_are_greater_and_have_their_limit_whatever_is_due() -> None:
    pace = Pace(int(1000 / PAUSE * WITHIN))
    assert [pace.portion(at * PAUSE, at * 1000) for at in (0, 1, 2)] == [1000, 1000, 1000]
    assert pace.portion(PAUSE * 1.5, 1000) == 1500
    assert pace.portion(PAUSE * 100, 1000) == GREATEST
    assert pace.portion(PAUSE, 1 << 40) == SMALLEST


async def test_with_nothing_due_nothing_is_written() -> None:
    assert (await purge(0, 1.0)).portions == []


async def test_what_fits_into_one_portion_is_forgotten_at_once() -> None:
    store = await purge(SMALLEST, 0.0)
    assert (store.portions, store.due) == ([SMALLEST], 0)


async def test_after_a_round_it_is_counted_anew_how_much_is_due() -> None:
    store = await purge(1 << 30, ROUND / 2)
    assert store.portions == [GREATEST, GREATEST]


async def test_a_burst_is_forgotten_within_its_time_also_when_its_end_is_near(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = FakeClock()
    store = Remembering(42_000, clock, 0.0)

    async def sleep(seconds: float) -> None:
        clock.advance(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    began, at_least = clock.monotonic(), 0.0
    while store.due:
        at_least = await purging.purge(cast("Store", store), clock, StoreSettings(), at_least)
    assert clock.monotonic() - began == pytest.approx(WITHIN, rel=0.05)
    assert at_least == 0.0


async def test_closed_messages_and_dead_letters_are_remembered_for_their_own_time() -> None:
    now = FakeClock().wall()
    assert (await purge(1, 0.0)).before == {(now - 10 * SECOND, now - 20 * SECOND)}
