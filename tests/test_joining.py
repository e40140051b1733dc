"""Parts of a long MO: held, joined, given up; and nothing is lost by a crash or a full disk in between."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from copy import deepcopy
from typing import Any, cast

import hypothesis.strategies as st
import structlog
from hypothesis import given, settings

from smscd import pdu
from smscd.errors import StoreBroken, StoreFull
from smscd.joining import SLACK, TURN, Joining
from smscd.message import Delivered, Message, Stage, octets_of, text_of
from smscd.optout import OptOutSettings
from smscd.scheduler import RetrySettings
from smscd.text import Reassembly, segment
from smscd.text.reassembly import PART
from tests.cast import deliver_sm
from tests.play import Play, Turns

TEXT = "".join(chr(ord("a") + number % 26) for number in range(400))
TEN_MINUTES = 600


class Joined(Play):
    """A play whose ESME wants its long messages whole."""

    def __init__(self, long_mo: str = "whole", **of: Any) -> None:
        self.long_mo = long_mo
        super().__init__(**of)

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.account(long_mo=self.long_mo)
        self.joining = Joining(self.journey, self.ancillary)

    async def quiet(self) -> None:
        await super().quiet()
        while self.joining._errands.under_way:
            await self.joining.stop()
            await super().quiet()

    def come(self, *parts: pdu.DeliverSm) -> list[Message]:
        return [self.journey.accept_mo(part, self.answers, "carrier") for part in parts]

    async def later(self, seconds: float) -> None:
        await self.advance(seconds)
        self.joining.expire()
        await self.quiet()

    @property
    def delivered(self) -> list[str]:
        return [text_of(message.content) for message in self.bound.history]


def parts_of(text: str = TEXT, reference: int = 7, how: Any = "udh8", **fields: Any) -> list[pdu.DeliverSm]:
    made = []
    for part in segment(text.encode(), "gsm7", reference, how=how):
        sar = [
            (0x020C, part.reference.to_bytes(2, "big")),
            (0x020E, bytes([part.total])),
            (0x020F, bytes([part.number])),
        ]
        made.append(deliver_sm(
            part.octets, esm_class=pdu.ESM_UDHI if part.udhi else 0, tlvs=[] if part.udhi else sar, **fields
        ))  # fmt: skip
    return made


async def test_parts_in_any_order_become_one_message_and_each_is_answered_once_it_is_stored() -> None:
    async with Joined() as play:
        first, second, third = parts_of()
        play.come(third, first)
        assert play.answers.given == []
        await play.quiet()
        assert [status for _, status in play.answers.given] == [pdu.ESME_ROK] * 2
        assert play.delivered == []
        (whole,) = play.come(second)
        await play.quiet()
        assert play.delivered == [TEXT]
        assert len(play.answers.of(pdu.ESME_ROK)) == 3
        content = play.bound.history[0].content
        assert isinstance(content, pdu.DeliverSm)
        assert (content.short_message, content.esm_class & pdu.ESM_UDHI) == (b"", 0)
        play.bound.outcome(whole, Delivered())
        await play.quiet()
        play.assert_nothing_left()
        assert [message.id for message in play.closed] == [whole.id]


async def test_what_fits_goes_into_short_message_and_sar_parts_are_joined_as_well() -> None:
    async with Joined() as play:
        play.come(*parts_of("x" * 200, how="sar"))
        await play.quiet()
        (whole,) = play.bound.history
        assert isinstance(whole.content, pdu.DeliverSm)
        assert whole.content.short_message == b"x" * 200
        assert whole.content.tlvs == []


async def test_an_esme_that_wants_parts_gets_them_as_they_come() -> None:
    async with Joined("parts") as play:
        play.come(*parts_of()[:2])
        await play.quiet()
        assert len(play.delivered) == 2


async def test_an_incomplete_set_is_delivered_as_it_came_when_the_time_is_over() -> None:
    async with Joined() as play:
        first, second, _third = parts_of()
        play.come(second)
        await play.quiet()
        await play.later(60)
        play.come(first)
        await play.quiet()
        await play.later(TEN_MINUTES - 61)
        assert play.delivered == []
        await play.later(1)
        assert [message.content for message in play.bound.history] == [second, first]
        for message in list(play.bound.handed):
            play.bound.outcome(message, Delivered())
        await play.quiet()
        play.assert_nothing_left()


async def test_a_clock_that_is_set_back_meanwhile_makes_nobody_wait_longer() -> None:
    async with Joined() as play:
        complete, incomplete = parts_of(), parts_of(reference=8)
        play.come(*complete[:2], *incomplete[:2])
        await play.quiet()
        play.clock.jump(-3600)
        play.come(complete[2])
        await play.quiet()
        assert play.delivered == [TEXT]
        await play.later(TEN_MINUTES)
        assert [message.content for message in play.bound.history[1:]] == incomplete[:2]


async def test_a_crash_between_the_parts_loses_none() -> None:
    async with Joined() as play:
        first, second, third = parts_of()
        play.come(first)
        await play.quiet()
        await play.crash()
        play.come(second)
        await play.quiet()
        await play.crash()
        play.come(third)
        await play.quiet()
        assert play.delivered == [TEXT]
        play.bound.outcome(play.bound.history[0], Delivered())
        await play.quiet()
        play.assert_nothing_left()


async def test_after_a_crash_an_incomplete_set_is_due_by_itself() -> None:
    async with Joined() as play:
        first, second, _third = parts_of()
        play.come(first, second)
        await play.quiet()
        await play.crash()
        await play.advance(TEN_MINUTES + SLACK / 1_000_000 + 1)
        assert [message.content for message in play.bound.history] == [first, second]


async def test_a_part_that_comes_again_is_answered_and_not_kept_twice() -> None:
    async with Joined() as play:
        first, second, third = parts_of()
        play.come(first, first)
        await play.quiet()
        play.come(first)
        await play.quiet()
        play.come(second, third)
        await play.quiet()
        assert play.delivered == [TEXT]
        assert len(play.answers.of(pdu.ESME_ROK)) == 5
        play.come(*parts_of())  # the whole once more is a whole once more; one part of it is not
        await play.quiet()
        play.come(second)
        await play.quiet()
        await play.later(TEN_MINUTES)
        assert play.delivered == [TEXT, TEXT]


async def test_the_last_part_of_a_set_that_was_joined_before_a_crash_is_only_answered() -> None:
    async with Joined() as play:
        *before, last = parts_of()
        play.come(*before, last)
        await play.quiet()
        assert play.delivered == [TEXT]
        await play.crash(bound_room=0)
        play.answers.given.clear()
        play.come(last)
        await play.quiet()
        assert len(play.answers.of(pdu.ESME_ROK)) == 1
        assert play.counts()["esme:test"][0] == 1  # the whole, which nobody has acknowledged yet


async def test_after_a_crash_a_reference_that_is_used_again_makes_another_message_of_other_parts() -> None:
    async with Joined() as play:
        *before, last = parts_of()
        play.come(*before, last)
        await play.quiet()
        await play.crash()
        other = parts_of(TEXT.upper())
        play.come(other[-1])  # the number that the last part of the first message had
        await play.quiet()
        play.come(*other[:-1])
        await play.quiet()
        assert len(play.answers.of(pdu.ESME_ROK)) == len(play.answers.given) == 6
        assert play.delivered == [TEXT, TEXT.upper()]


async def test_after_a_crash_no_part_waits_for_those_of_a_message_whose_time_was_over_before() -> None:
    async with Joined(retry=RetrySettings(reassembly=5.0)) as play:
        first, *_rest = parts_of()
        play.come(first)
        await play.quiet()
        await play.die()
        play.clock.advance(6)
        await play.rise(bound_room=1000, network_room=1000)
        other = parts_of(TEXT.upper())
        play.come(*other[1:])
        await play.quiet()
        play.come(other[0])
        await play.quiet()
        assert sorted(play.delivered) == sorted([text_of(first), TEXT.upper()])


async def test_a_part_that_was_cancelled_is_not_joined_and_the_others_are_delivered() -> None:
    async with Joined() as play:
        first, second, third = parts_of()
        (gone, _) = play.come(first, second)
        await play.quiet()
        with play.journey.scheduler.watching() as since:
            found = await play.store.get([gone.id])
        assert await play.ancillary.cancel_all(found, since) == 1
        play.come(third)
        await play.quiet()
        assert {octets_of(message.content) for message in play.bound.history} == {
            second.short_message, third.short_message,
        }  # fmt: skip


async def test_a_full_disk_at_the_last_part_leaves_the_others_held_until_it_comes_again() -> None:
    async with Joined() as play:
        first, second, third = parts_of()
        play.come(first, second)
        await play.quiet()
        write, play.store._commit._write = play.store._commit._write, _no_room
        play.come(third)
        await play.joining.stop()
        while not play.answers.of(pdu.ESME_RMSGQFUL):
            await _turn()
        play.store._commit._write = write
        await play.quiet()
        rows = [await play.stored(message) for message in play.answers.of(pdu.ESME_ROK)]
        assert [row.stage for row in rows] == [Stage.QUEUED] * 2
        play.come(third)
        await play.quiet()
        assert play.delivered == [TEXT]
        play.bound.outcome(play.bound.history[0], Delivered())
        await play.quiet()
        play.assert_nothing_left()


async def test_a_part_that_found_no_room_is_not_believed_to_be_there() -> None:
    async with Joined() as play:
        first, second, third = parts_of()
        write, play.store._commit._write = play.store._commit._write, _no_room
        play.come(first)
        while not play.answers.of(pdu.ESME_RMSGQFUL):
            await _turn()
        play.store._commit._write = write
        await play.quiet()
        play.come(second, third)
        await play.quiet()
        assert play.delivered == []
        play.come(first)
        await play.quiet()
        assert play.delivered == [TEXT]


async def test_the_first_half_of_a_stop_does_not_reach_an_esme_that_gets_no_keywords() -> None:
    opt_out = OptOutSettings(enabled=True, relay=False, confirm=False)
    async with Joined("parts", opt_out=opt_out) as play:
        play.come(*parts_of(" " * 160 + "STOP"))
        await play.quiet()
        assert play.delivered == []
        assert play.accept() == pdu.ESME_RSUBMITFAIL
        others = parts_of(reference=8, source_addr=b"447700900002")
        play.come(*others)
        await play.quiet()
        assert [message.content for message in play.bound.history] == others


async def test_long_stop_to_an_esme_that_wants_it_whole_is_read_once() -> None:
    async with Joined(opt_out=OptOutSettings(enabled=True, confirm=False)) as play:
        play.come(*parts_of("STOP" + " " * 200))
        await play.quiet()
        assert play.accept() == pdu.ESME_RSUBMITFAIL
        assert [text.strip() for text in play.delivered] == ["STOP"]
        assert play.counters.daemon.opt_outs["stop"] == 1


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.integers(0, 5), st.sampled_from(["come", "come", "come", "crash", "wait", "quiet"])), max_size=25
    ),
)
def test_whatever_happens_every_text_arrives_whole_or_in_parts(steps: list[tuple[int, str]]) -> None:
    asyncio.run(_conserved(steps))


async def _conserved(steps: list[tuple[int, str]]) -> None:
    every = [part for number in (1, 2) for part in parts_of(f"{number} " + " ".join(map(str, range(100))), number)]
    came: dict[int, str] = {}
    async with Joined(bound_room=0) as play:
        for at, what in steps:
            if what == "come":
                part = deepcopy(every[at % len(every)])
                came[play.come(part)[0].id] = text_of(part)
                continue
            if what == "crash":
                await play.crash(bound_room=0)
            elif what == "wait":
                await play.later(400)
            await play.quiet()
        await play.quiet()
        await play.later(TEN_MINUTES + 60)
        play.bound.open()
        await play.quiet()
        arrived = "\n".join(play.delivered)
        for message in play.answers.of(pdu.ESME_ROK):
            assert came[message.id] in arrived


async def _no_room(_batch: object) -> None:
    raise StoreFull("no room")


async def _turn() -> None:
    await asyncio.sleep(0)


async def test_parts_that_are_too_long_for_a_message_payload_together_are_delivered_as_they_came() -> None:
    parts = [
        deliver_sm(b"", esm_class=pdu.ESM_UDHI, tlvs=[(0x0424, bytes([5, 0, 3, 7, 2, number]) + bytes(40_000))])
        for number in (1, 2)
    ]  # fmt: skip
    async with Joined() as play:
        play.come(*parts)
        await play.quiet()
        assert [pdu.encode(message.content) for message in play.bound.history] == [pdu.encode(part) for part in parts]
        assert len(play.answers.of(pdu.ESME_ROK)) == 2
        for message in list(play.bound.handed):
            play.bound.outcome(message, Delivered())
        await play.quiet()
        play.assert_nothing_left()


async def test_a_flood_of_halves_is_given_up_together_and_every_half_is_delivered_once() -> None:
    """The store is asked once for all that one turn of the loop drives out, not once for each."""
    halves = [
        deliver_sm(
            bytes([5, 0, 3, 7, 2, 1]) + b"x", esm_class=pdu.ESM_UDHI, source_addr=b"%d" % number, tlvs=[(0x1400, b"y")],
        )
        for number in range(120)
    ]  # fmt: skip
    async with Joined() as play:
        play.joining._sets = Reassembly(TEN_MINUTES, most_octets=20 * PART)
        asked: list[int] = []
        get = play.store.get

        async def counted(ids: Any) -> list[Message]:
            asked.append(len(ids))
            return await get(ids)

        play.store.get = counted  # type: ignore[method-assign]
        play.come(*halves)
        await play.quiet()
        assert len(asked) <= 2
        assert len(play.joining._sets) == 19
        assert {message.content.source_addr for message in play.bound.history} == {b"%d" % n for n in range(101)}
        await play.later(TEN_MINUTES)
        assert sorted(message.id for message in play.bound.history) == sorted(
            {message.id for message in play.bound.history}
        )
        assert len(play.bound.history) == 120


async def test_sets_that_are_completed_together_are_read_together_and_joined_turn_by_turn() -> None:
    """A flood of them would otherwise be a task and a question to the store each."""
    asked: list[int] = []
    turns = Turns()
    async with Joined() as play:
        get, arrive = play.store.get, play.journey.arrive

        async def counted_get(ids: Collection[int]) -> list[Message]:
            asked.append(len(ids))
            return await get(ids)

        def counted_arrive(*arrived: Any) -> None:
            turns.note()
            arrive(*arrived)

        cast("Any", play.store).get, cast("Any", play.journey).arrive = counted_get, counted_arrive
        sets = [parts_of("x" * 200, reference=number) for number in range(60)]
        play.come(*(first for first, _ in sets))
        await play.quiet()
        async with turns:
            play.come(*(second for _, second in sets))
            await play.quiet()
        assert asked == [120]
        assert sum(turns.noted.values()) == 60
        assert max(turns.noted.values()) <= TURN
        assert play.delivered == ["x" * 200] * 60


async def test_where_the_store_cannot_be_read_the_last_part_of_each_set_has_to_come_again() -> None:
    async with Joined() as play:
        sets = [parts_of("x" * 200, reference=number) for number in range(3)]
        play.come(*(first for first, _ in sets))
        await play.quiet()

        async def unreadable(_ids: Collection[int]) -> list[Message]:
            raise StoreBroken("cannot be read")

        get, cast("Any", play.store).get = play.store.get, unreadable
        with structlog.testing.capture_logs() as logged:
            came = play.come(*(second for _, second in sets))
            await play.quiet()
        assert [entry["log_level"] for entry in logged] == ["error"]
        assert play.answers.of(pdu.ESME_RMSGQFUL) == came
        cast("Any", play.store).get = get
        assert play.delivered == []
