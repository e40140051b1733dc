"""Delivery to a bound ESME: by which of its links, in which order, and what becomes of what it does not acknowledge."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smscd import pdu
from smscd.clock import FakeClock
from smscd.connectors import Connector, EsmeConnector
from smscd.connectors.esme import as_deliver_sm
from smscd.message import Deferred, Delivered, Kind, Message, Rejected
from tests.cast import deliver_sm, message, submit_sm
from tests.connectors.contract import ConnectorContract
from tests.connectors.wire import Told, Wire


class Bound:
    """An ESME with one transceiver whose window is three."""

    most = 3

    def __init__(self, **wire: Any) -> None:
        self.told = Told()
        self.esme = EsmeConnector("test", self.told, FakeClock())
        self.connector: Connector = self.esme
        self.wires = [Wire(self.esme, **wire)] if wire.get("kind", pdu.Bind) is not None else []

    def message(self, number: int, handset: bytes = b"447700900001") -> Message:
        content = deliver_sm(b"%d" % number, source_addr=handset)
        return message(number, kind=Kind.MO, connector="esme:test", content=content)

    async def finish(self) -> None:
        for wire in self.wires:
            await wire.answer(100)

    def submit(self, number: int, handset: bytes = b"447700900001") -> Message:
        one = self.message(number, handset)
        self.esme.submit([one])
        return one


@pytest.fixture
async def way() -> Bound:
    return Bound()


class TestEsmeConnector(ConnectorContract):
    """Every test of the contract."""


# --- answers ----------------------------------------------------------------------------------------------------------


async def test_an_acknowledged_message_is_delivered() -> None:
    bound = Bound()
    one = bound.submit(1)
    assert await bound.wires[0].arrived() == [b"1"]
    await bound.wires[0].answer()
    assert [(message.id, type(outcome)) for message, outcome in bound.told.outcomes] == [(one.id, Delivered)]
    assert bound.told.credit


@pytest.mark.parametrize("status", [pdu.ESME_RX_T_APPN, pdu.ESME_RMSGQFUL, pdu.ESME_RSYSERR, 0x0401])
async def test_an_error_puts_it_off_and_keeps_the_status(status: int) -> None:
    bound = Bound()
    bound.submit(1)
    await bound.wires[0].answer(status=status)
    ((_, outcome),) = bound.told.outcomes
    assert isinstance(outcome, Deferred)
    assert (outcome.counts, outcome.command_status, outcome.retry_after) == (True, status, None)


@pytest.mark.parametrize("status", [pdu.ESME_RX_P_APPN, pdu.ESME_RX_R_APPN])
async def test_a_permanent_error_ends_it(status: int) -> None:
    bound = Bound()
    bound.submit(1)
    await bound.wires[0].answer(status=status)
    ((_, outcome),) = bound.told.outcomes
    assert isinstance(outcome, Rejected)
    assert outcome.command_status == status


async def test_a_generic_nack_acknowledges_nothing_whatever_its_status() -> None:
    bound = Bound()
    bound.submit(1)
    await bound.wires[0].answer(response=pdu.GenericNack)
    assert bound.told.of(Deferred) == [1]


async def test_an_esme_that_does_not_answer_in_time_gets_it_again_as_the_ladder_says() -> None:
    bound = Bound()
    bound.submit(1)
    await bound.wires[0].arrived()
    bound.wires[0].advance(11)
    ((_, outcome),) = bound.told.outcomes
    assert isinstance(outcome, Deferred)
    assert outcome.counts
    assert bound.esme.credit() == 3


# --- which link -------------------------------------------------------------------------------------------------------


async def test_without_a_bind_that_receives_there_is_no_credit() -> None:
    bound = Bound(kind=pdu.BindTransmitter)
    assert bound.esme.credit() == 0
    assert bound.told.credit == []
    assert bound.esme.status()["state"] == "no receiving bind"
    bound.wires.append(Wire(bound.esme, kind=pdu.BindReceiver))
    assert bound.esme.credit() == 3
    assert bound.told.credit == ["esme:test"]
    bound.submit(1)
    assert await bound.wires[1].arrived() == [b"1"]
    assert await bound.wires[0].arrived() == []


async def test_a_message_for_an_esme_that_has_just_gone_comes_back_unharmed() -> None:
    bound = Bound()
    bound.wires[0].cut()
    bound.submit(1)
    ((_, outcome),) = bound.told.outcomes
    assert outcome == Deferred("the ESME is not bound", retry_after=0.0, counts=False)
    assert bound.esme.status() == {"state": "no receiving bind", "in_flight": 0, "credit": 0}


async def test_handsets_are_spread_over_the_links_and_each_stays_on_its_own() -> None:
    bound = Bound()
    bound.wires.append(Wire(bound.esme))
    for number in range(1, 7):
        bound.submit(number, b"44770090000%d" % (number % 2))
    one, other = [await wire.arrived() for wire in bound.wires]
    assert sorted([one, other]) == [[b"1", b"3", b"5"], [b"2", b"4", b"6"]]


async def test_a_handset_whose_link_is_full_waits_for_it_and_keeps_its_order() -> None:
    bound = Bound()
    bound.wires.append(Wire(bound.esme))
    for number in range(1, 6):
        bound.submit(number)
    first, second = bound.wires
    assert await first.arrived() == [b"1", b"2", b"3"]
    assert await second.arrived() == []
    await first.answer(1)
    assert await first.arrived() == [b"2", b"3", b"4"]
    for _ in range(4):
        await first.answer(1)
    assert bound.told.of(Delivered) == [1, 2, 3, 4, 5]


async def test_a_handset_with_nothing_in_flight_may_use_any_link() -> None:
    bound = Bound()
    bound.submit(1)
    await bound.wires[0].answer()
    bound.wires.append(Wire(bound.esme, window=10))
    bound.submit(2)
    assert await bound.wires[1].arrived() == [b"2"]


async def test_a_link_whose_peer_does_not_read_gets_nothing_until_it_does() -> None:
    bound = Bound()
    bound.wires[0].writing_paused = True
    assert bound.esme.credit() == 0
    bound.wires[0].writing_paused = False
    bound.submit(1)
    bound.wires[0].writing_paused = True
    bound.submit(2)
    assert await bound.wires[0].arrived() == [b"1"]
    bound.wires[0].writing_paused = False
    bound.esme.writable(bound.wires[0].link)
    assert await bound.wires[0].arrived() == [b"1", b"2"]
    assert bound.told.credit[-1] == "esme:test"


async def test_credit_is_never_less_than_nothing() -> None:
    bound = Bound()
    for number in range(1, 11):
        bound.submit(number)
    assert bound.esme.credit() == 0
    assert bound.esme.status()["credit"] == 0


# --- links that end ---------------------------------------------------------------------------------------------------


async def test_what_a_lost_link_had_comes_back_at_once_in_order_and_without_an_attempt() -> None:
    bound = Bound()
    for number in range(1, 6):  # three on the wire, two behind them
        bound.submit(number)
    await bound.wires[0].arrived()
    bound.wires[0].cut()
    assert bound.told.of(Deferred) == [1, 2, 3, 4, 5]
    assert all(isinstance(out, Deferred) and not out.counts and out.retry_after == 0 for _, out in bound.told.outcomes)
    assert bound.esme.status()["in_flight"] == 0
    assert bound.esme._pinned == {}


async def test_the_other_links_go_on_when_one_is_lost() -> None:
    bound = Bound()
    bound.wires.append(Wire(bound.esme))
    bound.submit(1, b"441")
    bound.submit(2, b"442")
    lost, kept = bound.wires
    await kept.arrived()
    lost.cut()
    assert len(bound.told.of(Deferred)) == 1
    bound.submit(3, b"441")
    bound.submit(4, b"442")
    await kept.answer(10)
    await kept.answer(10)
    assert len(bound.told.of(Delivered)) == 3


async def test_an_answer_that_comes_after_the_time_was_over_is_not_counted_twice() -> None:
    bound = Bound()
    bound.submit(1)
    await bound.wires[0].arrived()
    bound.wires[0].advance(11)
    bound.wires[0].pair.cut = False
    await bound.wires[0].answer()
    assert bound.told.ends == {1: 1}
    assert bound.esme.status()["in_flight"] == 0


async def test_what_cannot_be_said_to_its_bind_is_rejected_and_the_next_goes_on() -> None:
    bound = Bound(version=0x33)
    too_long = deliver_sm(b"", tlvs=[(int(pdu.Tag.message_payload), b"x" * 300)])
    one = message(1, kind=Kind.MO, connector="esme:test", content=too_long)
    bound.esme.submit([one])
    bound.submit(2)
    await bound.finish()
    assert bound.told.of(Rejected) == [1]
    assert bound.told.of(Delivered) == [2]
    assert bound.esme.credit() == 3


async def test_a_message_of_another_esme_reaches_it_as_a_deliver_sm() -> None:
    bound = Bound()
    content = submit_sm(b"hello", esm_class=0x43, registered_delivery=1, validity_period=b"000000010000000R",
                        tlvs=[(int(pdu.Tag.more_messages_to_send), b"\1"), (0x1400, b"vendor")])  # fmt: skip
    bound.esme.submit([message(1, connector="esme:test", content=content)])
    await bound.wires[0].arrived()
    (delivered,) = bound.wires[0].heard
    assert (delivered.short_message, delivered.esm_class, delivered.tlvs) == (b"hello", 0x40, [(0x1400, b"vendor")])
    assert (delivered.validity_period, delivered.registered_delivery) == (b"", 0)
    await bound.finish()
    assert bound.told.of(Delivered) == [1]


@pytest.mark.parametrize("octets", [254, 255])
def test_a_data_sm_becomes_a_deliver_sm_that_can_be_read_back(octets: int) -> None:
    payload = (int(pdu.Tag.message_payload), b"x" * octets)
    made = as_deliver_sm(pdu.DataSm(source_addr=b"1", destination_addr=b"2", tlvs=[payload]))
    assert pdu.decode(pdu.encode(made)) == made
    assert (made.short_message, made.tlvs) == ((b"x" * octets, []) if octets <= 254 else (b"", [payload]))


@pytest.mark.parametrize(("asked", "of_the_recipient"), [(0x01, 0), (0x1D, 0x0C), (0x08, 0x08), (0x04, 0x04)])
def test_what_the_sender_asks_of_the_recipient_itself_reaches_it(asked: int, of_the_recipient: int) -> None:
    """SMPP 3.4 §4.6.1: registered_delivery of a deliver_sm "indicates if an ESME acknowledgement is required"."""
    assert as_deliver_sm(submit_sm(registered_delivery=asked)).registered_delivery == of_the_recipient
    assert as_deliver_sm(pdu.DataSm(registered_delivery=asked)).registered_delivery == of_the_recipient


@pytest.mark.parametrize("version", [0x34, 0x50])
@pytest.mark.parametrize("network", [1, 3, 4, 7, 8])
@pytest.mark.parametrize("framed", [False, True], ids=["as a PDU", "as its frame"])
async def test_a_network_error_code_of_a_kind_that_3_4_does_not_know_is_for_5_0(
    version: int, network: int, framed: bool
) -> None:
    bound = Bound(version=version)
    code = (int(pdu.Tag.network_error_code), bytes((network, 0, 8)))
    named = [(int(pdu.Tag.receipted_message_id), b"7\0"), (int(pdu.Tag.message_state), b"\5")]
    receipt = message(1, kind=Kind.RECEIPT, connector="esme:test", content=deliver_sm(esm_class=4, tlvs=[*named, code]))
    receipt.frame = pdu.encode(receipt.content) if framed else b""
    bound.esme.submit([receipt])
    await bound.wires[0].arrived()
    (heard,) = bound.wires[0].heard
    assert heard.tlvs == ([*named, code] if version == 0x50 or network <= 3 else named)
    await bound.wires[0].answer()
    assert bound.told.of(Delivered) == [1]


async def test_handing_over_and_answering_in_any_order_leaves_nothing_behind() -> None:
    bound = Bound()
    bound.wires += [Wire(bound.esme, window=2), Wire(bound.esme, window=1)]
    number = 0
    for turn in range(200):
        if bound.esme.credit() > 0:
            number += 1
            bound.submit(number, b"44%d" % (number * 7 % 5))
        if turn % 3 == 0:
            await bound.wires[turn % 3].answer(1)
        if turn == 100:
            bound.wires[0].cut()
            bound.wires[0] = Wire(bound.esme)
    for _ in range(20):
        await asyncio.sleep(0)
        await bound.finish()
    assert bound.told.ends == dict.fromkeys(range(1, number + 1), 1)
    assert bound.esme._pinned == {}
    assert bound.esme.status()["in_flight"] == 0
    assert bound.esme.credit() == 6


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 3, 5])
@pytest.mark.parametrize("version", [0x33, 0x34, 0x50])
@pytest.mark.parametrize("links", [1, 2])
async def test_what_leaves_together_leaves_as_one_by_one(count: int, version: int, links: int) -> None:
    """As the octets the store was given where that can be; behind a full window, and for old peers, as ever."""
    heard, states = [], []
    for framed in (True, False):
        bound = Bound(version=version)
        bound.wires += [Wire(bound.esme, version=version) for _ in range(links - 1)]
        some = [bound.message(number, b"44770090000%d" % (number % 2)) for number in range(1, count + 1)]
        for one in some:
            one.content.tlvs = [(int(pdu.Tag.message_state), b"\2")]
            one.frame = pdu.encode(one.content) if framed else b""
        bound.esme.submit(some)
        for wire in bound.wires:
            await wire.arrived()
        states.append(bound.esme.status())
        heard.append([list(wire.heard) for wire in bound.wires])
        for _ in range(3):
            for wire in bound.wires:
                await wire.answer(100)
        assert sorted(bound.told.of(Delivered)) == [one.id for one in some]
        assert bound.esme.status()["in_flight"] == 0
        assert not bound.esme._pinned
    assert heard[0] == heard[1]
    assert states[0] == states[1]
