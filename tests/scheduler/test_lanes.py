"""A small window in memory on a queue of any length: nothing starves, overtakes, or is handed out twice."""

from __future__ import annotations

import asyncio
from itertools import count, zip_longest

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from smscd.clock import SECOND, FakeClock
from smscd.counters import StoreCounters
from smscd.message import Accepted, Deferred, Delivered, Message, Rejected, Stage
from smscd.scheduler import RetrySettings, Scheduler, lanes
from smscd.scheduler.lanes import LOW_WATER, WINDOW, Lane
from smscd.store import LaneState, MemoryStore
from tests.cast import NOON, deliver_sm, message
from tests.machine import PATIENCE, Stopwatch
from tests.play import Play


def lane(play: Play, name: str = "esme:test") -> Lane:
    return play.journey.scheduler.lane(name)


async def waiting_for_the_esme(play: Play, count: int) -> list[int]:
    """So many MO for an ESME that is not bound; their numbers in the order of accepting."""
    accepted = []
    for number in range(count):
        accepted.append(play.journey.accept_mo(deliver_sm(b"%d" % number)).id)
        if number % 500 == 499:
            await play.quiet()
    await play.quiet()
    return accepted


@pytest.fixture
def small_window(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(lanes, "WINDOW", 10)
    monkeypatch.setattr(lanes, "MOST", 10)
    monkeypatch.setattr(lanes, "LOW_WATER", 3)
    return 10


# --- a backlog --------------------------------------------------------------------------------------------------------


async def test_a_backlog_costs_disk_and_not_memory_and_is_delivered_once_and_in_order() -> None:
    async with Play(bound_room=0) as play:
        accepted = await waiting_for_the_esme(play, WINDOW + 500)
        assert lane(play).owned == WINDOW
        assert lane(play).queued == WINDOW + 500
        play.bound.at_once = lambda _message: Delivered()
        play.bound.open(room=20)
        most = 0
        async with asyncio.timeout(PATIENCE):
            while len(play.bound.history) < len(accepted):
                await asyncio.sleep(0)
                most = max(most, lane(play).owned)
        await play.quiet()
        assert [one.id for one in play.bound.history] == accepted
        assert most <= 2 * WINDOW
        play.assert_nothing_left()


async def test_what_comes_in_faster_than_it_leaves_is_not_read_back_until_it_is_much(
    small_window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MOST", 50)
    async with Play(network_room=5) as play:
        for number in range(45):
            play.accepted(b"%d" % number)
            await play.quiet()
        waiting = play.journey.scheduler.lane("network")
        assert (len(play.network.handed), len(waiting.ready), waiting.backlog) == (5, 40, False)
        for number in range(45, 100):
            play.accepted(b"%d" % number)
            await play.quiet()
        assert (len(waiting.ready), waiting.backlog, waiting.queued) == (45, True, 95)


async def test_what_waits_for_nobody_does_not_take_the_memory_of_what_flows(
    small_window: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lanes, "MOST", 50)
    async with Play(network_room=0) as play:
        for number in range(30):
            play.accepted(b"%d" % number)
        await play.quiet()
        waiting = play.journey.scheduler.lane("network")
        assert (len(waiting.ready), waiting.backlog) == (small_window, True)


async def test_a_destination_that_never_answers_costs_no_more_memory_the_longer_it_is_silent(small_window: int) -> None:
    """Each time that a retry was due a window more was fetched, though nothing of the last had left."""
    async with Play(network_room=5, retry=RetrySettings(schedule=[10.0])) as play:
        for number in range(200):
            play.accepted(b"%d" % number)
        await play.quiet()
        most = 0
        for _ in range(30):
            for message in list(play.network.handed):
                play.network.outcome(message, Deferred("nobody answered"))
            await play.quiet()
            await play.advance(10)
            most = max(most, play.journey.scheduler.lane("network").owned)
        assert most <= 2 * small_window + play.network.room
        play.network.at_once = lambda _message: Rejected(8, "no")
        for message in list(play.network.handed):
            play.network.outcome(message, Rejected(8, "no"))
        play.network.open()
        await play.quiet()
        await play.advance(10)
        assert len(play.closed) >= 200
        assert play.journey.queued == 0


@pytest.mark.parametrize("room", [1, 7, 20, 1000])
@pytest.mark.parametrize("turns", [0, 3, 40])
async def test_a_window_of_any_size_is_refilled_whatever_is_closed_and_not_yet_committed(
    small_window: int, room: int, turns: int
) -> None:
    """Messages that are final in memory and queued in the store came first in every fetch, and starved the lane."""
    async with Play(bound_room=0) as play:
        play.store.turns = turns
        accepted = await waiting_for_the_esme(play, 150)
        play.bound.at_once = lambda _message: Delivered()
        play.bound.open(room)
        await play.quiet()
        assert [one.id for one in play.bound.history] == accepted
        play.assert_nothing_left()


@pytest.mark.parametrize("turns", [0, 1, 5])
async def test_messages_that_come_while_the_window_is_refilled_are_neither_lost_nor_doubled(
    small_window: int, turns: int
) -> None:
    async with Play(bound_room=0) as play:
        play.store.turns = turns
        accepted = await waiting_for_the_esme(play, 35)

        def answer(_message: Message) -> Delivered:
            if len(accepted) < 90:
                accepted.append(play.journey.accept_mo(deliver_sm()).id)
            return Delivered()

        play.bound.at_once = answer
        play.bound.open(3)
        await play.quiet()
        assert [one.id for one in play.bound.history] == accepted
        play.assert_nothing_left()


async def test_an_esme_that_comes_and_goes_gets_everything_at_least_once_and_first_attempts_in_order(
    small_window: int,
) -> None:
    async with Play(bound_room=0) as play:
        accepted = await waiting_for_the_esme(play, 60)
        delivered: list[int] = []
        async with asyncio.timeout(PATIENCE):
            while len(delivered) < 60:
                play.bound.open(7)
                await play.quiet()
                for out in play.bound.handed[:3]:
                    delivered.append(out.id)
                    play.bound.outcome(out, Delivered())
                play.bound.room = 0
                for out in list(play.bound.handed):  # the link is gone, with these on it
                    play.bound.outcome(out, Deferred("gone", retry_after=0.0, counts=False))
                await play.quiet()
        assert delivered == accepted
        play.assert_nothing_left()


async def test_a_lane_that_nobody_takes_from_asks_the_store_for_nothing(small_window: int) -> None:
    async with Play(bound_room=0) as play:
        await waiting_for_the_esme(play, 50)
        asked = []
        due = play.store.due
        play.store.due = lambda *query: asked.append(query) or due(*query)  # type: ignore[func-returns-value, method-assign]
        for _ in range(20):
            await play.advance(1)
        assert len(asked) <= 1


async def test_one_lane_does_not_wait_for_another(small_window: int) -> None:
    async with Play(bound_room=0) as play:
        await waiting_for_the_esme(play, 50)
        message = await play.submitted()
        assert play.network.handed == [message]


async def test_the_low_water_is_below_the_window() -> None:
    assert 0 < LOW_WATER < WINDOW


# --- time -------------------------------------------------------------------------------------------------------------


async def test_messages_of_the_future_wake_on_time_each_at_its_own() -> None:
    async with Play() as play:
        times = {}
        for seconds in (30, 10, 20):
            scheduled = await play.submitted(schedule_delivery_time=b"0000000000%02d000R" % seconds)
            times[seconds] = scheduled.id
        assert lane(play, "network").next_due == NOON + 10 * SECOND
        assert lane(play, "network").owned == 0  # what is due later costs no memory
        for seconds in (10, 20, 30):
            await play.advance(9)
            assert times[seconds] not in [one.id for one in play.network.handed]
            await play.advance(1)
            assert [one.id for one in play.network.handed][-1] == times[seconds]


async def test_the_time_of_waking_is_slept_for_and_not_polled_for() -> None:
    """With the real loop: something due in 60 ms is forwarded then, though the clock is looked at once a second."""
    with Stopwatch() as watch:
        async with Play() as play:
            message = await play.submitted()
            play.network.outcome(message, Deferred("busy", retry_after=0.06))
            loop = asyncio.get_running_loop()
            began = watch.read()
            handed = asyncio.Event()
            play.network.at_once = lambda _message: handed.set()
            loop.call_later(0.06, play.clock.advance, 0.06)
            async with asyncio.timeout(PATIENCE):
                await handed.wait()
            assert watch.read() - began < 0.9


async def test_what_becomes_due_during_a_fetch_is_not_forgotten(small_window: int) -> None:
    async with Play(network_room=0) as play:
        for _ in range(15):
            await play.submitted()
        play.store.turns = 30
        retry = message(7, due=NOON + SECOND, connector="network")
        play.journey.queued += 1
        lane(play, "network").queued += 1
        play.store.batch.add(retry)
        lane(play, "network").entering += 1
        play.store.batch.then(retry, play.journey.scheduler.push)
        play.store.wake()
        await play.quiet()
        play.network.at_once = lambda _message: Delivered()
        play.network.open(2)
        for _ in range(5):
            await asyncio.sleep(0)
        play.clock.advance(1)  # between the two questions of a fetch
        await play.quiet()
        await play.look_at_the_clock()
        assert len(play.network.history) == 16
        play.assert_nothing_left()


async def test_a_clock_that_jumps_a_day_ahead_wakes_everything_that_is_due_by_then() -> None:
    async with Play() as play:
        message = await play.submitted(schedule_delivery_time=b"000000120000000R")
        play.clock.jump(86_400)
        await play.look_at_the_clock()
        assert [one.id for one in play.network.handed] == [message.id]


async def test_a_clock_that_is_set_back_stalls_nothing_and_hurries_nothing(small_window: int) -> None:
    async with Play(bound_room=0, network_room=0) as play:
        accepted = await waiting_for_the_esme(play, 40)
        scheduled = await play.submitted(schedule_delivery_time=b"000000010000000R")
        play.clock.jump(-3600)
        await play.look_at_the_clock()
        play.bound.at_once = lambda _message: Delivered()
        play.bound.open(5)
        await play.quiet()
        assert [one.id for one in play.bound.history] == accepted
        play.network.open()
        await play.quiet()
        assert play.network.handed == []
        await play.advance(3600 + 3599)
        assert play.network.handed == []
        await play.advance(1)
        assert [one.id for one in play.network.handed] == [scheduled.id]


async def test_a_retry_waits_its_pause_and_no_longer_though_the_clock_is_set_back() -> None:
    async with Play() as play:
        message = await play.submitted()
        play.network.outcome(message, Deferred("busy"))
        await play.quiet()
        play.clock.jump(-86_400)
        await play.look_at_the_clock()
        await play.advance(9)
        assert play.network.handed == []
        await play.advance(1)
        assert [one.id for one in play.network.handed] == [message.id]


@pytest.mark.parametrize("turns", range(7))
async def test_the_watch_over_the_time_ends_when_it_is_told_to_whatever_happens_in_that_moment(turns: int) -> None:
    async with Play() as play:
        watch = asyncio.create_task(play.journey.scheduler.run())
        await asyncio.sleep(0)
        play.journey.scheduler._changed.set()
        for _ in range(turns):
            await asyncio.sleep(0)
        watch.cancel()
        done, _ = await asyncio.wait([watch], timeout=PATIENCE)
        assert done
        assert watch.cancelled()


# --- ownership --------------------------------------------------------------------------------------------------------


async def test_memory_owns_a_message_until_the_end_of_it_is_committed() -> None:
    async with Play() as play:
        scheduler = play.journey.scheduler
        message = await play.submitted()
        play.network.outcome(message, Accepted("1"), ends=False)
        assert scheduler.owned == {message.id: message}
        play.network.settle(message)
        assert message.stage == Stage.CLOSED
        assert scheduler.owned == {message.id: message}
        await play.quiet()
        assert scheduler.owned == {}


async def test_who_watches_learns_of_everything_that_memory_lets_go_of_meanwhile() -> None:
    async with Play() as play:
        scheduler = play.journey.scheduler
        before, during = await play.submitted(), await play.submitted()
        play.network.settle(before)
        await play.quiet()
        with scheduler.watching() as outer, scheduler.watching() as inner:
            play.network.settle(during)
            await play.quiet()
        assert outer == inner == {during.id}
        after = await play.submitted()
        play.network.settle(after)
        await play.quiet()
        assert outer == {during.id}


async def test_one_of_two_who_watch_may_leave_first() -> None:
    async with Play() as play:
        scheduler = play.journey.scheduler
        first, second = scheduler.watching(), scheduler.watching()
        one, other = first.__enter__(), second.__enter__()
        first.__exit__(None, None, None)
        scheduler.release(message(5))
        second.__exit__(None, None, None)
        assert (one, other) == (set(), {5})


async def test_dropping_takes_a_message_out_of_its_lane_and_leaves_the_order_of_the_rest() -> None:
    async with Play(network_room=0) as play:
        messages = [await play.submitted() for _ in range(20)]
        scheduler = play.journey.scheduler
        assert scheduler.drop(messages[7])
        assert not scheduler.drop(messages[7])
        assert scheduler.owned[messages[7].id] is messages[7]
        left = lane(play, "network")
        assert scheduler.take_all(left, 3) == messages[:3]
        assert scheduler.take_all(left, 20) == messages[3:7] + messages[8:]
        assert scheduler.take_all(left, 1) == []


async def test_a_message_read_from_disk_before_it_was_pushed_is_in_the_lane_once(small_window: int) -> None:
    """A fetch may see a message that is committed, before the loop is told that it is."""
    async with Play(network_room=0) as play:
        for _ in range(12):
            await play.submitted()
        play.network.at_once = lambda _message: Delivered()
        play.store.turns = 6
        play.network.open(2)
        for _ in range(40):
            play.accepted()
            await asyncio.sleep(0)
        await play.quiet()
        assert len(play.network.history) == 52
        assert len({one.id for one in play.network.history}) == 52
        play.assert_nothing_left()


# --- recovery and faults ----------------------------------------------------------------------------------------------


async def test_what_the_store_found_at_the_start_is_fetched_when_its_time_has_come() -> None:
    async with Play() as play:
        for one in (message(1), message(2, due=NOON + 5 * SECOND)):
            play.store.batch.add(one)
        await play.store.committed()
        play.journey.queued = 2
        play.journey.scheduler.recover([LaneState("network", 2, NOON)])
        await play.quiet()
        assert [one.id for one in play.network.handed] == [1]
        await play.advance(5)
        assert [one.id for one in play.network.handed] == [1, 2]
        assert lane(play, "network").queued == 0


async def test_a_store_that_cannot_be_read_for_a_moment_stops_no_lane_for_good(small_window: int) -> None:
    async with Play(bound_room=0) as play:
        accepted = await waiting_for_the_esme(play, 30)
        due = play.store.due

        async def fails(*_query: object) -> list[Message]:
            play.store.due = due  # type: ignore[method-assign]
            raise OSError("no")

        play.store.due = fails  # type: ignore[method-assign, assignment]
        play.bound.at_once = lambda _message: Delivered()
        play.bound.open(5)
        await play.quiet()
        await play.advance(1.1)
        assert [one.id for one in play.bound.history] == accepted


# --- many at once -----------------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.integers(-3, 0), max_size=6), min_size=1, max_size=8),
    st.lists(st.integers(0, 7), min_size=1, max_size=8),
)
def test_what_is_taken_is_what_is_due_first_whatever_came_between(pushed: list[list[int]], takes: list[int]) -> None:
    clock, numbers = FakeClock(NOON), count(1)
    scheduler = Scheduler(MemoryStore(clock, StoreCounters(), lambda _broken: None), clock, lambda _connector: None)
    lane = scheduler.lane("network")
    waiting: list[Message] = []
    for dues, most in zip_longest(pushed, [*takes, 1000], fillvalue=None):
        some = [message(next(numbers), due=NOON + due) for due in dues or []]
        scheduler.push_all(some)
        waiting = sorted([*waiting, *some], key=lambda one: (one.due, one.id))
        assert scheduler.take_all(lane, most or 0) == waiting[: most or 0]
        waiting = waiting[most or 0 :]
