"""Work that nobody awaits is kept, waited for at a stop, and heard of when it fails."""

from __future__ import annotations

import asyncio

import structlog

from smscd.errands import Errands, Together

log = structlog.get_logger("smscd.test")


async def test_a_fault_is_logged_with_what_it_means_and_ends_nothing_else() -> None:
    errands = Errands(log, "fetch", "it is fetched later")
    gate, fetched = asyncio.Event(), []

    async def fails() -> None:
        raise ZeroDivisionError

    async def fetches() -> None:
        await gate.wait()
        fetched.append(1)

    with structlog.testing.capture_logs() as logged:
        errands.begin(fails(), "one")
        errands.begin(fetches(), "another")
        await asyncio.sleep(0)
        gate.set()
        await errands.finished()
    (entry,) = logged
    assert (entry["event"], entry["task"], entry["log_level"]) == ("it is fetched later", "fetch one", "error")
    assert isinstance(entry["exc_info"], ZeroDivisionError)
    assert fetched == [1]


async def test_the_end_is_waited_for_also_of_what_an_errand_begins() -> None:
    errands = Errands(log, "search", "it is searched later")
    done: list[int] = []

    async def work(number: int) -> None:
        if number < 3:
            errands.begin(work(number + 1))
        await asyncio.sleep(0)
        done.append(number)

    errands.begin(work(1))
    await errands.finished()
    assert done == [1, 2, 3]
    await errands.finished()


async def test_one_that_is_cancelled_is_no_fault_and_is_not_waited_for() -> None:
    errands = Errands(log, "search", "it is searched later")
    with structlog.testing.capture_logs() as logged:
        errands.begin(asyncio.sleep(3600)).cancel()
        await errands.finished()
    assert logged == []


async def test_what_comes_while_work_is_under_way_is_done_together_by_one_errand() -> None:
    errands = Errands(log, "sweep", "it is swept later")
    gate, portions = asyncio.Event(), []

    async def sweep(things: list[int]) -> None:
        portions.append(things)
        await gate.wait()

    together = Together(errands, sweep, most=10)
    together.add([])
    assert not errands.under_way
    for thing in range(25):
        together.add([thing])
        await asyncio.sleep(0)
    assert (portions, len(errands.under_way)) == ([[0]], 1)
    gate.set()
    await errands.finished()
    assert portions == [[0], [*range(1, 11)], [*range(11, 21)], [*range(21, 25)]]
    together.add([25])
    await errands.finished()
    assert portions[-1] == [25]
