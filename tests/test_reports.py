"""Receipts that find nobody at first: parked, stored before they are answered, found again after a crash."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import Any, cast

import pytest

from smscd import pdu
from smscd.admin.commands import Commands
from smscd.connectors.smpp.correlation import Report, key_of
from smscd.connectors.smpp.reading import read_report
from smscd.message import Accepted, Content, Deferred, Message, Stage
from smscd.parking import BY_ADDRESS_AFTER, LONGEST, Waiting
from smscd.pdu import MessageState
from smscd.reports import PAUSE, TRIES, TURN, Reports
from tests.play import Play, Scripted, Turns, _turn


class Carrier(Scripted):
    """A provider that says nothing by itself."""

    provider = "carrier"

    def __init__(self, name: str, *, by_address: bool) -> None:
        super().__init__(name)
        self.by_address = by_address
        self.parts = 1

    def divide(self, message: Message) -> int:
        return self.parts

    def read_report(self, request: Content) -> Report | None:
        return read_report(request, self.name, self.provider, "auto", sniff=False, by_address=self.by_address)


class Reported(Play):
    """A play with a provider behind its network."""

    def __init__(self, *, by_address: bool = False) -> None:
        self.by_address = by_address
        self.told: list[int] = []
        super().__init__()

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.carrier = Carrier("network", by_address=self.by_address)
        self.use(self.carrier, self.bound)
        self.reports = Reports(self.journey, self.ancillary)

    async def _open(self) -> None:
        await super()._open()
        await self.reports.take_up()
        await self.quiet()

    async def quiet(self) -> None:
        await super().quiet()
        while self.reports._task is not None:
            await self.reports._task
            await super().quiet()

    def receipt(self, upstream_message_id: bytes, **fields: Any) -> None:
        """The provider reports a message delivered."""
        text = pdu.format_receipt(upstream_message_id, MessageState.DELIVERED, 0, 0) if upstream_message_id else b""
        plain: dict[str, Any] = {
            "source_addr": b"447700900001", "destination_addr": b"12345", "esm_class": pdu.ESM_TYPE_RECEIPT,
            "short_message": text, "tlvs": [(int(pdu.Tag.message_state), b"\2")],
        }  # fmt: skip
        report = self.carrier.read_report(pdu.DeliverSm(**(plain | fields)))
        assert report is not None
        self.reports.report(report, self.told.append)

    async def taken(self, message: Message, upstream_message_id: str) -> None:
        """The provider answers the submit."""
        self.carrier.outcome(message, Accepted(upstream_message_id, key_of(upstream_message_id)))

    async def later(self, seconds: float) -> None:
        await self.advance(seconds)
        self.reports.expire()
        await self.quiet()

    @property
    def states(self) -> list[int]:
        """message_state of what was closed, in order."""
        return [message.message_state for message in self.closed if message.kind == 0]


async def test_a_receipt_before_its_answer_is_stored_before_it_is_answered_and_matched_later() -> None:
    async with Reported() as play:
        message = await play.submitted(registered_delivery=1)
        play.receipt(b"A1")
        assert play.told == []
        await play.quiet()
        assert (play.told, play.reports.parked) == ([pdu.ESME_ROK], 1)
        operator = Commands(play.journey, play.ancillary, list, dict)
        listed = (await operator.message_list({}))["messages"]
        assert [one["message_id"] for one in listed] == [message.message_id]
        await play.taken(message, "A1")
        await play.quiet()
        assert (play.states, play.reports.parked) == ([MessageState.DELIVERED], 0)
        assert play.told == [pdu.ESME_ROK]


async def test_a_parked_receipt_is_not_lost_by_a_crash_after_its_message_got_its_id() -> None:
    async with Reported() as play:
        message = await play.submitted(registered_delivery=1)
        play.receipt(b"A1")
        await play.quiet()
        await play.taken(message, "A1")
        while not (await play.stored(message)).parts[0].upstream_message_id:
            await play.store.committed()
        await play.crash()  # the id is on disk, what the receipt says is not
        assert play.states == [MessageState.DELIVERED]
        assert play.reports.parked == 0
        await play.crash()
        assert play.states == [MessageState.DELIVERED]


async def test_a_parked_receipt_is_not_taken_for_that_of_another_number_that_gets_the_same_id() -> None:
    async with Reported() as play:
        lost = await play.submitted(registered_delivery=1)  # its answer never came: a crash, and it left again
        play.receipt(b"160", source_addr=lost.content.destination_addr)
        await play.quiet()
        other = await play.submitted(registered_delivery=1, destination_addr=b"447700900777")
        await play.taken(other, "160")
        await play.quiet()
        assert (play.states, play.reports.parked) == ([], 1)
        play.receipt(b"160", source_addr=b"447700900777")
        await play.quiet()
        assert [one.id for one in play.closed if one.kind == 0] == [other.id]


async def test_a_receipt_that_names_another_number_waits_for_its_own_message_first() -> None:
    async with Reported() as play:
        other = await play.submitted(registered_delivery=1, destination_addr=b"447700900777")
        await play.taken(other, "31")
        late = await play.submitted(registered_delivery=1)
        await play.quiet()
        play.receipt(b"31")  # 0x1F, of `late`, whose answer is still on its way
        await play.quiet()
        assert (play.states, play.reports.parked) == ([], 1)
        await play.taken(late, "1f")
        await play.quiet()
        assert [one.id for one in play.closed if one.kind == 0] == [late.id]


async def test_a_provider_whose_receipts_never_name_the_recipient_is_believed_after_a_while() -> None:
    async with Reported() as play:
        first, second = [await play.submitted(registered_delivery=1) for _ in range(2)]
        for message, name in ((first, "A1"), (second, "A2")):
            await play.taken(message, name)
        play.receipt(b"A1", source_addr=b"15550000000")
        await play.quiet()
        assert (play.states, play.reports.parked) == ([], 1)
        await play.later(BY_ADDRESS_AFTER + 1)
        assert play.states == [MessageState.DELIVERED]
        play.receipt(b"A2", source_addr=b"15550000000")  # and from then on at once
        await play.quiet()
        assert play.states == [MessageState.DELIVERED] * 2


async def test_a_receipt_for_nobody_is_given_up_and_does_not_come_back_with_a_start() -> None:
    async with Reported() as play:
        play.receipt(b"X")
        await play.quiet()
        await play.later(LONGEST - 10)
        await play.crash()
        assert play.reports.parked == 1
        await play.later(11)
        assert play.reports.parked == 0
        assert play.counters.connector("network").receipts["unknown"] == 1
        await play.crash()
        assert play.reports.parked == 0
        rows = [row for row in play.store._read(lambda m: m.kind == 2) if not row.original]
        assert [row.stage for row in rows] == [Stage.CLOSED]


async def test_receipts_for_nobody_are_given_up_turn_by_turn() -> None:
    async with Reported() as play:
        for number in range(4 * TURN):
            play.receipt(f"X{number:04}".encode())
        await play.quiet()
        await play.later(BY_ADDRESS_AFTER + 1)
        play.clock.advance(LONGEST)
        unknown, given_up = play.counters.connector("network").receipts, [0]
        play.reports.expire()
        while play.reports.parked:
            await asyncio.sleep(0)
            given_up.append(unknown["unknown"])
        assert max(later - before for before, later in pairwise(given_up)) <= TURN
        assert given_up[-1] == 4 * TURN


async def test_a_store_that_cannot_be_asked_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smscd.reports.PAUSE", PAUSE / 100)
    async with Reported() as play:
        message = await play.submitted(registered_delivery=1)
        await play.taken(message, "A1")
        await play.quiet()
        sent, failures = play.store.sent, iter(range(2))

        async def moody(provider: str, keys: Any) -> list[Message]:
            if next(failures, None) is not None:
                raise RuntimeError("not now")
            return await sent(provider, keys)

        monkeypatch.setattr(play.store, "sent", moody)
        play.receipt(b"A1")
        await play.quiet()
        assert (play.states, play.told) == ([MessageState.DELIVERED], [pdu.ESME_ROK])


async def test_a_store_that_can_never_be_asked_has_the_provider_send_the_receipt_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("smscd.reports.PAUSE", PAUSE / 100)
    async with Reported() as play:
        asked: list[Any] = []

        async def broken(_provider: str, keys: Any) -> list[Message]:
            asked.append(keys)
            raise RuntimeError("never")

        monkeypatch.setattr(play.store, "sent", broken)
        play.receipt(b"A1")
        await play.quiet()
        assert play.told == [pdu.ESME_RX_T_APPN]
        assert len(asked) == TRIES
        assert play.reports.parked == 0


async def test_receipts_without_an_id_go_to_the_messages_to_their_recipient_in_order() -> None:
    async with Reported(by_address=True) as play:
        first, second = await play.submitted(registered_delivery=1), await play.submitted(registered_delivery=1)
        await play.taken(first, "")
        await play.quiet()
        await play.advance(1)
        await play.taken(second, "")
        await play.quiet()
        play.receipt(b"", tlvs=[(int(pdu.Tag.message_state), b"\5")])
        play.receipt(b"")
        await play.quiet()
        assert {message.id: message.message_state for message in play.closed if message.kind == 0} == {
            first.id: MessageState.UNDELIVERABLE, second.id: MessageState.DELIVERED,
        }  # fmt: skip
        play.receipt(b"")
        await play.quiet()
        assert play.told == [pdu.ESME_ROK] * 3
        assert play.counters.connector("network").receipts["unknown"] == 1


async def test_an_id_that_does_not_come_stops_being_waited_for_where_addresses_may_do() -> None:
    for by_address in (True, False):
        async with Reported(by_address=by_address) as play:
            message = await play.submitted(registered_delivery=1)
            await play.taken(message, "A1")
            play.receipt(b"quite-another")
            await play.quiet()
            assert play.states == []
            await play.later(BY_ADDRESS_AFTER)
            assert play.states == [MessageState.DELIVERED] * by_address


def test_a_receipt_is_answered_once() -> None:
    told: list[int] = []
    waiting = Waiting(None, told.append, 0.0, frozenset())  # type: ignore[arg-type]  # nobody reads it here
    waiting.answered()
    waiting.answered(pdu.ESME_RX_T_APPN)
    assert told == [pdu.ESME_ROK]


class InParts(Reported):
    """Messages of three parts, and a provider whose receipts need no look into the store."""

    async def _open(self) -> None:
        await super()._open()
        self.carrier.parts = 3
        for before in (b"X", b"Y", b"Z"):
            message = await self.submitted(registered_delivery=1)
            await self.has(message, before, 1, 2, 3)
            for number in b"123":
                self.receipt(before + bytes([number]))
            await self.quiet()

    async def has(self, message: Message, name: bytes, *numbers: int) -> None:
        """The provider has these parts of it."""
        self.carrier.handed.clear()
        for number in numbers:
            upstream_message_id = f"{name.decode()}{number}"
            self.journey.outcome(message, number, Accepted(upstream_message_id, key_of(upstream_message_id)))
        await self.quiet()


@pytest.mark.parametrize(("between", "before"), [(0, 0), (0, 4), (1, 7), (1, 8), (2, 6), (4, 2)])
async def test_receipts_for_parts_while_the_part_that_was_put_off_becomes_due_are_not_forgotten(
    between: int, before: int
) -> None:
    """`between`, `before`: turns of the loop from one receipt to the next, and from that to the fetch."""
    async with InParts() as play:
        message = await play.submitted(registered_delivery=1)
        await play.has(message, b"A", 1, 3)
        play.journey.outcome(message, 2, Deferred("later", retry_after=1.0))
        await play.quiet()
        play.clock.advance(1)
        play.receipt(b"A1")
        await _turn(between)
        play.receipt(b"A3")
        await _turn(before)
        await play.look_at_the_clock()
        (again,) = play.carrier.handed
        await play.has(again, b"A", 2)
        play.receipt(b"A2")
        await play.quiet()
        assert play.states == [MessageState.DELIVERED] * 4
        assert play.journey.scheduler.owned.keys() == {one.id for one in play.bound.handed}


async def test_receipts_that_are_looked_up_together_end_their_messages_turn_by_turn() -> None:
    """Five hundred of them were one turn of the loop, for which everybody else waited."""
    async with Reported() as play:
        for number in range(60):
            await play.taken(await play.submitted(registered_delivery=1), f"A{number}")
        await play.quiet()
        await play.crash()  # nothing of them is in memory
        turns, settle_all = Turns(), play.reports._settle_all

        def settling(found: list[Any]) -> None:
            turns.note(len(found))
            settle_all(found)

        cast("Any", play.reports)._settle_all = settling
        async with turns:
            for number in range(60):
                play.receipt(b"A%d" % number)
            await play.quiet()
        assert play.told == [pdu.ESME_ROK] * 60
        assert sum(turns.noted.values()) == 60
        assert max(turns.noted.values()) <= TURN
