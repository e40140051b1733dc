"""Parts that an ESME has cut, for an upstream that wants them whole: each is answered, and each has its own end."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from copy import deepcopy
from typing import Any, cast

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from smscd import gathering, pdu
from smscd.errors import StoreFull
from smscd.gathering import SLACK, TURN, Gathering
from smscd.message import WHOLE, Accepted, Deferred, Delivered, Message, Rejected, Stage, octets_of, text_of
from smscd.optout import OptOutSettings
from smscd.queueing import JOINED
from smscd.routing import RouteSettings, Ruleset
from smscd.text import segment
from tests.cast import submit_sm
from tests.play import DELIVERED, Play, Scripted, Turns

TEXT = "".join(chr(ord("a") + number % 26) for number in range(400))
WITHIN = 10.0
ASKS = 0x01


class Gathered(Play):
    """A play whose network wants long messages in one piece."""

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.network.parts_within = WITHIN
        self.gathering = Gathering(self.journey, self.ancillary)

    async def _open(self) -> None:
        leased = {m.connector for m in self.store._read(lambda m: m.stage == Stage.LEASED)}
        await super()._open()
        highest = max([message.id for message in self.store._read(lambda _message: True)], default=0)
        await self.gathering.take_up(leased, highest)
        await self.quiet()

    async def die(self) -> None:
        for task in self.gathering._errands.under_way:
            task.cancel()
        await super().die()

    async def quiet(self) -> None:
        await super().quiet()
        while self.gathering._errands.under_way:
            await self.gathering.stop()
            await super().quiet()

    def come(self, *parts: pdu.SubmitSm) -> list[Message]:
        came = [self.journey.accept(part, self.test, 0x34, self.answers) for part in parts]
        assert all(isinstance(message, Message) for message in came)
        return [message for message in came if isinstance(message, Message)]

    async def later(self, seconds: float) -> None:
        await self.advance(seconds)
        self.gathering.expire()
        await self.quiet()

    @property
    def left(self) -> list[str]:
        """The texts that the network was given."""
        return [text_of(message.content) for message in self.network.history]

    @property
    def reported(self) -> dict[bytes, str]:
        """By message_id, the state in the receipts that the ESME was given."""
        found: dict[bytes, str] = {}
        for message in self.bound.history:
            assert isinstance(message.content, pdu.DeliverSm)
            receipt = pdu.receipt.parse_receipt(message.content.short_message)
            assert receipt is not None
            assert receipt.message_id not in found, "reported twice"
            found[receipt.message_id] = receipt.stat
        return found

    async def acknowledge(self) -> None:
        for receipt in list(self.bound.handed):
            self.bound.outcome(receipt, Delivered())
        await self.quiet()


def parts_of(text: str = TEXT, reference: int = 7, how: Any = "udh8", **fields: Any) -> list[pdu.SubmitSm]:
    made = []
    for part in segment(text.encode(), "gsm7", reference, how=how):
        sar = [
            (0x020C, part.reference.to_bytes(2, "big")), (0x020E, bytes([part.total])), (0x020F, bytes([part.number])),
        ]  # fmt: skip
        said: dict[str, Any] = {"registered_delivery": ASKS, **fields}
        made.append(submit_sm(
            part.octets, esm_class=pdu.ESM_UDHI if part.udhi else 0, tlvs=[] if part.udhi else sar, **said
        ))  # fmt: skip
    return made


async def test_parts_in_any_order_leave_as_one_and_each_has_its_answer_and_its_receipt() -> None:
    async with Gathered() as play:
        first, second, third = parts_of()
        came = play.come(third, first)
        await play.quiet()
        assert len(play.answers.of(pdu.ESME_ROK)) == 2
        assert play.left == []
        came += play.come(second)
        await play.quiet()
        assert len(play.answers.of(pdu.ESME_ROK)) == 3
        assert play.left == [TEXT]
        (whole,) = play.network.handed
        content = whole.content
        assert isinstance(content, pdu.SubmitSm)
        assert (content.esm_class & pdu.ESM_UDHI, content.registered_delivery, content.short_message) == (0, 1, b"")
        assert pdu.tlv.get(content.tlvs, pdu.Tag.message_payload) == TEXT.encode()
        assert play.reported == {}
        play.network.outcome(whole, Accepted("their-id"), ends=False)
        play.network.settle(whole, DELIVERED)
        await play.quiet()
        assert play.reported == {message.message_id.encode(): "DELIVRD" for message in came}
        await play.acknowledge()
        play.assert_nothing_left()
        rows = [await play.stored(message) for message in came]
        assert [(row.stage, row.connector, row.attempts) for row in rows] == [(Stage.CLOSED, "network", 1)] * 3


async def test_sar_parts_are_gathered_too_and_further_elements_and_tlvs_stay() -> None:
    async with Gathered() as play:
        vendor = (0x1400, b"1201")
        parts = parts_of("x" * 200, how="sar")
        for part in parts:
            part.tlvs.append(vendor)
        play.come(*parts)
        ports = bytes((11, 5, 4, 0x15, 0x81, 0x15, 0x83))
        play.come(*(
            submit_sm(ports + bytes((0, 3, 9, 2, number)) + text, esm_class=pdu.ESM_UDHI)
            for number, text in ((1, b"ring"), (2, b"tone"))
        ))  # fmt: skip
        await play.quiet()
        sar, ringtone = (message.content for message in play.network.history)
        assert (sar.tlvs[0], text_of(sar)) == (vendor, "x" * 200)
        assert [tag for tag, _ in sar.tlvs] == [0x1400, 0x0424]
        assert ringtone.esm_class & pdu.ESM_UDHI
        assert octets_of(ringtone)[7:] == b"ringtone"


async def test_where_the_connector_does_not_want_it_parts_leave_as_they_come() -> None:
    async with Gathered() as play:
        play.network.parts_within = 0.0
        play.come(*parts_of()[:2])
        await play.quiet()
        assert [message.content.esm_class for message in play.network.history] == [pdu.ESM_UDHI] * 2


async def test_what_stays_incomplete_leaves_as_it_was_cut_when_the_time_is_over() -> None:
    async with Gathered() as play:
        first, second, _third = parts_of()
        came = play.come(second)
        await play.quiet()
        await play.later(WITHIN - 1)
        came += play.come(first)
        await play.quiet()
        assert play.left == []
        await play.later(1)
        assert {message.content.esm_class for message in play.network.history} == {pdu.ESM_UDHI}
        assert [message.id for message in play.network.history] == [message.id for message in came]
        for message in list(play.network.handed):
            play.network.settle(message, DELIVERED)
        await play.quiet()
        await play.acknowledge()
        play.assert_nothing_left()


async def test_a_clock_that_is_set_back_meanwhile_makes_nobody_wait_longer() -> None:
    async with Gathered() as play:
        complete, incomplete = parts_of(), parts_of(reference=8)
        play.come(*complete[:2], *incomplete[:2])
        await play.quiet()
        play.clock.jump(-3600)
        play.come(complete[2])
        await play.quiet()
        assert play.left == [TEXT]
        await play.later(WITHIN)
        assert [message.content for message in play.network.history[1:]] == incomplete[:2]


async def test_nor_does_one_that_is_set_back_between_a_crash_and_the_start() -> None:
    async with Gathered() as play:
        complete, incomplete = parts_of(), parts_of(reference=8)
        play.come(*complete[:2], *incomplete[:2])
        await play.quiet()
        play.clock.jump(-3600)
        await play.crash()
        play.come(complete[2])
        await play.quiet()
        assert play.left == [TEXT]
        await play.later(WITHIN)
        assert [message.content for message in play.network.history[1:]] == incomplete[:2]


async def test_what_becomes_of_the_whole_becomes_of_its_parts() -> None:
    async with Gathered() as play:
        came = play.come(*parts_of())
        await play.quiet()
        (whole,) = play.network.handed
        play.network.outcome(whole, Deferred("later", retry_after=1.0))
        await play.quiet()
        await play.advance(1)
        assert play.left == [TEXT, TEXT]
        (whole,) = play.network.handed
        play.network.outcome(whole, Rejected(pdu.ESME_RINVDSTADR, "no"))
        await play.quiet()
        assert set(play.reported.values()) == {"REJECTD"}
        rows = [await play.stored(message) for message in came]
        assert [(row.message_state, row.error_code) for row in rows] == [(8, pdu.ESME_RINVDSTADR)] * 3


async def test_parts_that_asked_for_nothing_hear_nothing_and_are_closed_all_the_same() -> None:
    async with Gathered() as play:
        first, second, third = parts_of(registered_delivery=0)
        third.registered_delivery = ASKS
        came = play.come(first, second, third)
        await play.quiet()
        play.network.settle(play.network.handed[0], DELIVERED)
        await play.quiet()
        assert list(play.reported) == [came[2].message_id.encode()]
        await play.acknowledge()
        play.assert_nothing_left()
        assert [(await play.stored(message)).stage for message in came] == [Stage.CLOSED] * 3


async def test_a_part_whose_answer_was_lost_may_come_twice_and_both_are_reported() -> None:
    async with Gathered() as play:
        first, second, third = parts_of()
        came = play.come(first, deepcopy(first))
        await play.quiet()
        came += play.come(second, third)
        await play.quiet()
        assert play.left == [TEXT]
        play.network.settle(play.network.handed[0], DELIVERED)
        await play.quiet()
        assert len(play.reported) == len(came) == 4


async def test_cancelling_any_part_cancels_all_while_they_wait_for_the_upstream() -> None:
    async with Gathered(network_room=0) as play:
        came = play.come(*parts_of())
        await play.quiet()
        cancelled = await play.ancillary.cancel(play.test, pdu.CancelSm(message_id=came[1].message_id.encode()))
        await play.quiet()
        assert cancelled == pdu.ESME_ROK
        assert set(play.reported.values()) == {"DELETED"}
        assert len(play.reported) == 3
        await play.acknowledge()
        play.assert_nothing_left()


async def test_a_part_that_was_cancelled_while_it_waited_is_not_sent_and_the_others_leave_as_they_were_cut() -> None:
    async with Gathered() as play:
        first, second, third = parts_of()
        (gone,) = play.come(first)
        await play.quiet()
        await play.ancillary.cancel(play.test, pdu.CancelSm(message_id=gone.message_id.encode()))
        play.come(second, third)
        await play.quiet()
        assert [message.content for message in play.network.history] == [second, third]


async def test_a_replaced_part_counts_as_it_was_replaced() -> None:
    async with Gathered() as play:
        first, second = parts_of("x" * 200)
        (one,) = play.come(first)
        await play.quiet()
        replacing = pdu.ReplaceSm(
            message_id=one.message_id.encode(), source_addr=b"12345", registered_delivery=1,
            short_message=first.short_message[:6] + b"changed ",
        )  # fmt: skip
        assert await play.ancillary.replace(play.test, replacing, 0x34) == pdu.ESME_ROK
        play.come(second)
        await play.quiet()
        assert play.left == ["changed " + "x" * (200 - 153)]


async def test_a_part_that_was_replaced_by_something_else_makes_no_whole() -> None:
    async with Gathered() as play:
        first, second = parts_of("x" * 200)
        (one,) = play.come(first)
        await play.quiet()
        replacing = pdu.ReplaceSm(
            message_id=one.message_id.encode(), source_addr=b"12345", registered_delivery=1,
            short_message=second.short_message,
        )  # fmt: skip
        assert await play.ancillary.replace(play.test, replacing, 0x34) == pdu.ESME_ROK
        play.come(second)
        await play.quiet()
        assert [octets_of(message.content) for message in play.network.history] == [second.short_message] * 2


async def test_whoever_finds_the_end_of_a_whole_first_closes_its_parts_and_nobody_else() -> None:
    async with Gathered() as play:
        play.come(*parts_of())
        await play.quiet()
        (whole,) = play.network.handed
        play.network.settle(whole, DELIVERED)
        while not play.gathering._errands.under_way:  # noqa: ASYNC110 - a turn of the loop, no time
            await asyncio.sleep(0)
        await asyncio.gather(*(play.gathering._close_parts([whole]) for _ in range(3)))
        await play.quiet()
        assert len(play.reported) == 3


async def test_validity_ends_for_parts_that_wait_and_for_the_whole() -> None:
    async with Gathered(network_room=0) as play:
        play.come(*parts_of(validity_period=b"000000000005000R"))
        await play.quiet()
        play.clock.advance(6)
        play.network.open()
        await play.quiet()
        assert play.left == []
        assert list(play.reported.values()) == ["EXPIRED"] * 3


async def test_a_recipient_that_stopped_meanwhile_is_not_sent_the_whole_and_each_part_says_why() -> None:
    async with Gathered(network_room=0, opt_out=OptOutSettings(enabled=True, confirm=False)) as play:
        play.come(*parts_of())
        await play.quiet()
        play.journey.accept_mo(
            pdu.DeliverSm(source_addr=b"447700900001", destination_addr=b"12345", short_message=b"STOP"),
            None,
            "network",
        )
        await play.quiet()
        play.network.open()
        await play.quiet()
        assert play.left == []
        receipts = [octets_of(m.content) for m in play.bound.history if m.content.esm_class == pdu.ESM_TYPE_RECEIPT]
        assert len(receipts) == 3
        assert all(b"stat:REJECTD" in octets and b"Sender blocked" in octets for octets in receipts)


async def test_the_whole_goes_another_way_and_its_parts_with_it() -> None:
    async with Gathered() as play:
        other = Scripted("other")
        play.use(play.network, other, play.bound)
        play.journey.routes = Ruleset([RouteSettings(["network", "other"])])
        came = play.come(*parts_of())
        await play.quiet()
        play.network.outcome(play.network.handed[0], Deferred("busy", command_status=pdu.ESME_RSYSERR))
        await play.quiet()
        assert [text_of(message.content) for message in other.history] == [TEXT]
        other.settle(other.handed[0], DELIVERED)
        await play.quiet()
        assert {(await play.stored(message)).connector for message in came} == {"other"}


async def test_a_crash_between_the_parts_loses_none_and_they_still_leave_as_one() -> None:
    async with Gathered() as play:
        first, second, third = parts_of()
        came = play.come(first)
        await play.quiet()
        await play.crash()
        came += play.come(second)
        await play.quiet()
        await play.crash()
        came += play.come(third)
        await play.quiet()
        assert play.left == [TEXT]
        play.network.settle(play.network.handed[0], DELIVERED)
        await play.quiet()
        assert len(play.reported) == 3


async def test_a_crash_after_the_end_of_the_whole_leaves_no_part_without_its_own() -> None:
    async with Gathered() as play:
        came = play.come(*parts_of())
        await play.quiet()
        play.network.settle(play.network.handed[0], DELIVERED)
        while not play.gathering._errands.under_way:  # noqa: ASYNC110 - the whole is on disk as closed, its parts not even read
            await asyncio.sleep(0)
        await play.crash()
        assert set(play.reported) == {message.message_id.encode() for message in came}
        assert {(await play.stored(message)).stage for message in came} == {Stage.CLOSED}


async def test_after_a_crash_an_incomplete_set_leaves_as_it_was_cut() -> None:
    async with Gathered() as play:
        first, second, _third = parts_of()
        play.come(first, second)
        await play.quiet()
        await play.crash()
        await play.advance(WITHIN + SLACK / 1_000_000 + 1)
        assert [message.content for message in play.network.history] == [first, second]


async def test_a_part_that_found_no_room_is_not_believed_to_be_there() -> None:
    async with Gathered() as play:
        first, second, third = parts_of()
        write, play.store._commit._write = play.store._commit._write, _no_room
        play.come(first)
        while not play.answers.of(pdu.ESME_RMSGQFUL):  # noqa: ASYNC110 - a turn of the loop, no time
            await asyncio.sleep(0)
        play.store._commit._write = write
        await play.quiet()
        play.come(second, third)
        await play.quiet()
        assert play.left == []
        play.come(first)
        await play.quiet()
        assert play.left == [TEXT]


async def test_destinations_of_a_submit_multi_and_scheduled_parts_leave_as_they_were_cut() -> None:
    async with Gathered() as play:
        first, second = parts_of("x" * 200)
        lead = play.come(deepcopy(first))[0]
        for part in (first, second):
            play.journey.accept(deepcopy(part), play.test, 0x34, play.answers, lead)
        play.come(*parts_of("y" * 200, schedule_delivery_time=b"000000000003000R"))
        await play.quiet()
        await play.advance(3)
        assert [message.content.esm_class for message in play.network.history] == [pdu.ESM_UDHI] * 4


async def test_a_listing_pages_past_a_group_whose_messages_do_not_follow_each_other() -> None:
    async with Gathered() as play:
        first, second = parts_of("x" * 200)
        came = [*play.come(first), play.accepted(b"between"), *play.come(second)]
        await play.quiet()
        found = await play.store.find(came[2].message_id)
        assert [message.id for message in found] == [came[0].id, came[2].id, found[-1].id]
        assert [message.connector for message in found] == [JOINED, JOINED, "network"]


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["come", "come", "come", "come", "crash", "wait", "quiet", "end", "cancel"]),
        ),
        max_size=30,
    ),
)
def test_whatever_happens_every_part_that_was_answered_has_one_end_and_one_receipt(
    steps: list[tuple[int, str]],
) -> None:
    asyncio.run(_conserved(steps))


async def _conserved(steps: list[tuple[int, str]]) -> None:
    every = [part for number in (1, 2) for part in parts_of(f"{number} " + " ".join(map(str, range(100))), number)]
    came: dict[bytes, str] = {}
    cancelled: set[bytes] = set()
    reported: dict[bytes, str] = {}
    async with Gathered() as play:
        sent: list[str] = []

        async def hear() -> None:
            await play.quiet()
            sent.extend(play.left)
            play.network.history.clear()
            for number, stat in play.reported.items():
                assert number not in reported
                reported[number] = stat
            await play.acknowledge()
            play.bound.history.clear()

        for at, what in steps:
            if what == "come":
                part = deepcopy(every[at % len(every)])
                came[play.come(part)[0].message_id.encode()] = text_of(part)
                continue
            if what == "crash":
                await play.store.committed()
                await hear()
                await play.crash()
            elif what == "wait":
                await play.later(6)
            elif what == "end" and play.network.handed:
                play.network.settle(play.network.handed[0], DELIVERED)
            elif what == "cancel" and came:
                number = sorted(came)[at % len(came)]
                if await play.ancillary.cancel(play.test, pdu.CancelSm(message_id=number)) == pdu.ESME_ROK:
                    cancelled.add(number)
            await hear()
        await play.later(WITHIN)
        await play.later(SLACK / 1_000_000 + WITHIN)
        for message in list(play.network.handed):
            play.network.settle(message, DELIVERED)
        await hear()
        assert reported.keys() == came.keys()
        for number, text in came.items():
            assert reported[number] in {"DELIVRD", "DELETED"}
            assert (reported[number] == "DELETED") >= (number in cancelled)
            if reported[number] == "DELIVRD":
                assert text in "\n".join(sent)
        play.assert_nothing_left()


async def _no_room(_batch: object) -> None:
    raise StoreFull("no room")


async def test_parts_that_are_too_long_for_a_message_payload_together_leave_as_they_were_cut() -> None:
    """In two alphabets they are joined as UCS-2: 255 ordinary parts are too long then."""
    parts = [
        submit_sm(bytes([5, 0, 3, 7, 255, number]) + b"x" * 134, esm_class=pdu.ESM_UDHI, data_coding=number % 2 * 3)
        for number in range(1, 256)
    ]  # fmt: skip
    async with Gathered() as play:
        play.come(*parts)
        await play.quiet()
        assert len(play.answers.of(pdu.ESME_ROK)) == 255
        assert [pdu.encode(message.content) for message in play.network.history] == [*map(pdu.encode, parts)]


class Counted(Gathered):
    """How often the store is asked about parts, and how many messages begin in each turn of the loop."""

    def count(self) -> None:
        self.asked: list[str] = []
        self.turns = Turns()
        get, members, enter = self.store.get, self.store.members, self.journey.enter

        async def counted_get(ids: Collection[int]) -> list[Message]:
            self.asked.append("get")
            return await get(ids)

        async def counted_members(groups: Collection[int]) -> list[Message]:
            self.asked.append("members")
            return await members(groups)

        def counted_enter(message: Message, now: int) -> None:
            self.turns.note(message.origin == WHOLE)
            enter(message, now)

        cast("Any", self.store).get, cast("Any", self.store).members = counted_get, counted_members
        cast("Any", self.journey).enter = counted_enter

    async def quiet_counting_turns(self) -> None:
        async with self.turns:
            await self.quiet()


async def test_sets_that_come_together_are_read_together_and_joined_turn_by_turn() -> None:
    """A flood of them would otherwise be a task and two questions to the store each, and one turn of the loop."""
    async with Counted() as play:
        play.count()
        for number in range(60):
            play.come(*parts_of("x" * 200, reference=number))
        await play.quiet_counting_turns()
        assert len(play.left) == 60
        assert play.asked == ["get"]
        assert sum(play.turns.noted.values()) == 60
        assert max(play.turns.noted.values()) <= TURN
        for message in list(play.network.handed):
            play.network.settle(message, DELIVERED)
        await play.quiet_counting_turns()
        assert play.asked == ["get", "members"]
        assert len(play.reported) == 120
        await play.acknowledge()
        play.assert_nothing_left()


async def test_no_more_than_a_page_of_parts_is_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets may have 255 parts each."""
    monkeypatch.setattr(gathering, "PAGE", 7)
    async with Counted() as play:
        play.count()
        for number in range(5):
            play.come(*parts_of(reference=number))
        await play.quiet()
        assert play.left == [TEXT] * 5
        assert play.asked == ["get"] * 3
        for message in list(play.network.handed):
            play.network.settle(message, DELIVERED)
        await play.quiet()
        assert play.asked == ["get"] * 3 + ["members"] * 3
        assert len(play.reported) == 15
