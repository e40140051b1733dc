"""Every request of a peer finds its act, and its answer finds the peer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from smscd import pdu
from smscd.daemon import House
from smscd.listener.pump import Pump
from smscd.listener.reception import Reception
from smscd.message import Message, Stage
from smscd.pdu import MessageState
from smscd.store import Answer, Listing
from tests.cast import deliver_sm, submit_sm
from tests.listener.calling import Caller, caller, housed
from tests.machine import PATIENCE

HOUSE = """
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]
destination_addr = ["44*", "999"]
daily_quota = 1000

[[esme]]
system_id = "other"
password = "secret"

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"
  [[connector.behaviour]]
  destination_addr = "4470*"
  delay = "1h"
  [[connector.behaviour]]
  destination_addr = "4499*"
  submit_status = "ESME_RSYSERR"

[[route]]
destination_addr = "44*"
connectors = ["handsets"]
"""
SLOW = b"447000000001"
"""A handset that is reached after an hour."""
OTHER, THIRD = b"447000000002", b"447000000003"
"""So are these."""


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path / "data", HOUSE) as house:
        yield house


def multi(*destinations: bytes | pdu.DistributionList, **fields: Any) -> pdu.SubmitMulti:
    return pdu.SubmitMulti(
        source_addr=b"12345", short_message=b"hello",
        dest_address=[pdu.SmeAddress(destination_addr=one) if isinstance(one, bytes) else one for one in destinations],
        **fields,
    )  # fmt: skip


async def stage_of(house: House, message_id: bytes) -> list[tuple[int, int]]:
    await house.store.committed()
    return [(one.stage, one.message_state) for one in await house.store.find(message_id.decode())]


async def until_deleted(house: House, message_id: bytes) -> None:
    """A message gives way after its successor was answered, and nobody announces it."""
    async with asyncio.timeout(PATIENCE):
        while await stage_of(house, message_id) != [(Stage.CLOSED, MessageState.DELETED)]:  # noqa: ASYNC110
            await asyncio.sleep(0)


# --- binds ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pdu.BindTransmitter, pdu.BindReceiver, pdu.BindTransceiver])
@pytest.mark.parametrize(("version", "has_version"), [(0x33, False), (0x34, True), (0x50, True)])
async def test_every_kind_of_bind_is_answered_in_its_version(
    house: House, kind: type[pdu.Bind], version: int, has_version: bool
) -> None:
    peer = await Caller(house).call()
    answer = await peer.bind(kind, version=version)
    assert (answer.command_status, answer.system_id) == (pdu.ESME_ROK, b"smscd")
    assert (pdu.tlv.get(answer.tlvs, pdu.Tag.sc_interface_version) is not None) is has_version
    (session,) = house._sessions()
    assert session["interface_version"] == f"0x{version:02x}"
    assert session["system_id"] == "test"


async def test_what_is_written_behind_a_bind_is_served_when_the_password_has_been_checked(house: House) -> None:
    peer = await Caller(house).call()
    bind = pdu.BindTransceiver(system_id=b"test", password=b"secret", interface_version=0x34)
    numbers = peer.send(bind, *[submit_sm() for _ in range(300)], pdu.Unbind())
    await peer.response(numbers[-1])
    answers = [one for one in peer.heard if one.command_id & pdu.RESPONSE]
    assert [one.sequence_number for one in answers] == numbers[:-1]
    assert {one.command_status for one in answers} == {pdu.ESME_ROK}


async def test_what_is_written_behind_a_bind_with_a_wrong_password_is_refused(house: House) -> None:
    peer = await Caller(house).call()
    number, submitted = peer.send(pdu.BindTransceiver(system_id=b"test", password=b"wrong"), submit_sm())
    assert (await peer.response(number)).command_status != pdu.ESME_ROK
    assert (await peer.response(submitted)).command_status == pdu.ESME_RINVBNDSTS
    await peer.gone.wait()
    assert await house.store.listing(Listing()) == []


async def test_a_receiver_gets_the_receipts_of_what_a_transmitter_submits(house: House) -> None:
    sender, receiver = await caller(house, kind=pdu.BindTransmitter), await caller(house, kind=pdu.BindReceiver)
    answer = await sender.ask(submit_sm(registered_delivery=1))
    (receipt,) = await receiver.deliveries(1)
    assert pdu.tlv.get(receipt.tlvs, pdu.Tag.receipted_message_id) == answer.message_id + b"\0"
    assert sender.of(pdu.DeliverSm) == []


async def test_a_receiver_may_not_submit_and_a_transmitter_may(house: House) -> None:
    receiver, sender = await caller(house, kind=pdu.BindReceiver), await caller(house, kind=pdu.BindTransmitter)
    assert (await receiver.ask(submit_sm())).command_status == pdu.ESME_RINVBNDSTS
    assert (await sender.ask(submit_sm())).command_status == pdu.ESME_ROK


async def test_after_an_unbind_the_account_has_no_session_and_its_receipts_wait(house: House) -> None:
    peer = await caller(house)
    await peer.ask(pdu.Unbind())
    await peer.gone.wait()
    sender = await caller(house, kind=pdu.BindTransmitter)
    await sender.ask(submit_sm(registered_delivery=1))
    back = await caller(house)
    assert len(await back.deliveries(1)) == 1


# --- submissions ------------------------------------------------------------------------------------------------------


async def test_a_submit_is_answered_with_its_id_and_reported(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(submit_sm(registered_delivery=1))
    assert isinstance(answer, pdu.SubmitSmResp)
    (receipt,) = await peer.deliveries(1)
    assert b"stat:DELIVRD" in receipt.short_message
    assert answer.message_id
    assert answer.message_id in receipt.short_message
    counters = house.counters.esme("test")
    assert (counters.accepted, counters.accepted_segments, sum(counters.refused.values())) == (1, 1, 0)


@pytest.mark.parametrize("replace", [0, 1])
async def test_no_receipt_is_written_before_the_answer_to_its_submit(house: House, replace: int) -> None:
    peer = await caller(house)
    numbers = peer.send(*[submit_sm(registered_delivery=1, replace_if_present_flag=replace) for _ in range(100)])
    for number in numbers:
        await peer.until(lambda number=number: any(one.sequence_number == number for one in peer.of(pdu.SubmitSmResp)))  # type: ignore[misc]
    await peer.until(lambda: len(peer.of(pdu.DeliverSm)) >= (100 if not replace else 1))
    answered: set[bytes | None] = set()
    for one in peer.heard:
        if isinstance(one, pdu.SubmitSmResp):
            answered.add((one.message_id or b"") + b"\0")
        elif isinstance(one, pdu.DeliverSm):
            about = pdu.tlv.get(one.tlvs, pdu.Tag.receipted_message_id)
            assert about is not None
            assert about in answered


async def test_refusals_come_at_once_and_are_counted(house: House) -> None:
    peer = await caller(house)
    for request, status in [
        (submit_sm(destination_addr=b"1"), pdu.ESME_RINVDSTADR),  # not among destination_addr
        (submit_sm(destination_addr=b"999"), pdu.ESME_RINVDSTADR),  # no route
        (submit_sm(destination_addr=b"4499"), pdu.ESME_RSYSERR),  # the network says so
        (submit_sm(priority_flag=9), pdu.ESME_RINVPRTFLG),
    ]:
        assert (await peer.ask(request)).command_status == status
    refused = house.counters.esme("test").refused
    assert refused == {pdu.ESME_RINVDSTADR: 2, pdu.ESME_RSYSERR: 1, pdu.ESME_RINVPRTFLG: 1}
    assert house.counters.esme("test").accepted == 0


async def test_what_is_refused_after_admission_has_used_no_quota(house: House) -> None:
    peer = await caller(house)
    quota = house.binding.esmes["test"].quota
    assert quota is not None
    await peer.ask(submit_sm(destination_addr=b"999"))
    await peer.ask(submit_sm(destination_addr=b"4499"))
    assert quota.used == 0
    await peer.ask(submit_sm())
    assert quota.used == 1


async def test_data_sm_is_answered_and_reported_like_a_submit(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(pdu.DataSm(
        source_addr=b"12345", destination_addr=b"447700900001", registered_delivery=1,
        tlvs=[(int(pdu.Tag.message_payload), b"hello")],
    ))  # fmt: skip
    assert isinstance(answer, pdu.DataSmResp)
    assert answer.message_id
    assert len(await peer.deliveries(1)) == 1


# --- submit_multi -----------------------------------------------------------------------------------------------------


async def test_a_submit_multi_has_one_answer_and_a_receipt_from_every_destination(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(multi(b"447700900001", b"447700900002", b"447700900003", registered_delivery=1))
    assert (answer.command_status, answer.unsuccess_sme) == (pdu.ESME_ROK, [])
    receipts = await peer.deliveries(3)
    assert {one.source_addr for one in receipts} == {b"447700900001", b"447700900002", b"447700900003"}
    assert {pdu.tlv.get(one.tlvs, pdu.Tag.receipted_message_id) for one in receipts} == {answer.message_id + b"\0"}
    assert (house.counters.esme("test").accepted, house.counters.esme("test").accepted_segments) == (3, 3)


async def test_a_submit_multi_names_the_destinations_that_were_refused(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(multi(b"1", b"447700900001", pdu.DistributionList(dl_name=b"friends"), b"4499"))
    assert answer.command_status == pdu.ESME_ROK
    assert answer.message_id
    assert [(one.destination_addr, one.error_status_code) for one in answer.unsuccess_sme] == [
        (b"1", pdu.ESME_RINVDSTADR), (b"friends", pdu.ESME_RINVDLNAME), (b"4499", pdu.ESME_RSYSERR)
    ]  # fmt: skip


async def test_a_submit_multi_of_which_nothing_was_accepted_is_refused_with_the_first_status(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(multi(b"4499", b"1"))
    assert answer.command_status == pdu.ESME_RSYSERR
    assert await house.store.listing(Listing()) == []


async def test_a_submit_multi_of_a_long_text_lets_everybody_else_have_their_turn(house: House) -> None:
    """Each destination is as much work as one long message: 254 of them kept the loop for a second."""
    peer = await caller(house)
    turns: list[int] = []
    turn = 0
    accept = house.journey.accept

    def accepting(*submission: Any) -> Message | int:
        turns.append(turn)
        return accept(*submission)

    async def count() -> None:
        nonlocal turn
        while True:
            await asyncio.sleep(0)
            turn += 1

    for pump in house._pumps():
        cast("Any", pump)._desk.journey.accept = accepting
    counting = asyncio.create_task(count())
    to = [b"4477009%05d" % number for number in range(20)]
    asked = pdu.SubmitMulti(
        source_addr=b"12345", dest_address=[*(pdu.SmeAddress(destination_addr=one) for one in to),
                                            pdu.SmeAddress(destination_addr=b"1")],
        tlvs=[pdu.tlv.payload(b"x" * 2000)],
    )  # fmt: skip
    answer = await peer.ask(asked)
    counting.cancel()
    assert len(turns) == 21
    assert len(set(turns)) == 21
    assert [one.destination_addr for one in answer.unsuccess_sme] == [b"1"]
    assert {one.content.destination_addr for one in await house.store.find(answer.message_id.decode())} == set(to)
    (link,) = [pump.link for pump in house._pumps()]
    assert link is not None
    assert (link.burden, link.session.owed) == (0, 0)


async def test_a_long_text_counts_as_more_than_one_submit_until_it_is_answered(house: House) -> None:
    """In octets that wait to be synced it is: a window of five hundred was one commit of twenty megabytes."""
    peer = await caller(house)
    (link,) = [pump.link for pump in house._pumps()]
    assert link is not None
    burdens: list[int] = []
    write = house.store._commit._write

    def writes(batch: Any) -> Any:
        burdens.append(link.burden)
        return write(batch)

    house.store._commit._write = writes
    long = [(int(pdu.Tag.message_payload), b"x" * 20_500)]
    assert (await peer.ask(submit_sm(b"", tlvs=long))).command_status == pdu.ESME_ROK
    assert (await peer.ask(submit_sm(b"", tlvs=long, destination_addr=b"1"))).command_status == pdu.ESME_RINVDSTADR
    assert burdens[0] == 20
    assert link.burden == 0


async def test_the_same_destination_twice_is_two_messages(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(multi(b"447700900001", b"447700900001"))
    assert len(await house.store.find(answer.message_id.decode())) == 2


async def test_cancel_and_query_mean_every_destination_of_a_submit_multi(house: House) -> None:
    peer = await caller(house)
    answer = await peer.ask(multi(SLOW, b"447000000002"))
    asked = pdu.QuerySm(message_id=answer.message_id, source_addr=b"12345")
    assert (await peer.ask(asked)).message_state == MessageState.ENROUTE
    assert (await peer.ask(pdu.CancelSm(message_id=answer.message_id, source_addr=b"12345"))).command_status == 0
    assert await stage_of(house, answer.message_id) == [(Stage.CLOSED, MessageState.DELETED)] * 2


# --- ancillary operations ---------------------------------------------------------------------------------------------


async def test_query_cancel_and_replace_by_message_id(house: House) -> None:
    peer = await caller(house)
    message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    changed = pdu.ReplaceSm(message_id=message_id, source_addr=b"12345", short_message=b"new")
    assert (await peer.ask(changed)).command_status == pdu.ESME_ROK
    queried = await peer.ask(pdu.QuerySm(message_id=message_id, source_addr=b"12345"))
    assert (queried.message_id, queried.message_state) == (message_id, MessageState.ENROUTE)
    assert (await peer.ask(pdu.CancelSm(message_id=message_id, source_addr=b"12345"))).command_status == pdu.ESME_ROK
    queried = await peer.ask(pdu.QuerySm(message_id=message_id, source_addr=b"12345"))
    assert queried.message_state == MessageState.DELETED
    assert (await peer.ask(pdu.CancelSm(message_id=message_id))).command_status == pdu.ESME_RCANCELFAIL


async def test_an_address_that_is_given_with_an_id_must_be_that_of_the_message(house: House) -> None:
    """SMPP 3.4 §4.9.1: "used for verification purposes, and must match that supplied in the original"."""
    peer = await caller(house)
    message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    wrong = pdu.CancelSm(message_id=message_id, destination_addr=b"447700900999")
    assert (await peer.ask(wrong)).command_status == pdu.ESME_RINVDSTADR
    wrong = pdu.CancelSm(message_id=message_id, source_addr=b"999", destination_addr=SLOW)
    assert (await peer.ask(wrong)).command_status == pdu.ESME_RINVSRCADR
    right = pdu.CancelSm(message_id=message_id, source_addr=b"12345", destination_addr=SLOW)
    assert (await peer.ask(right)).command_status == pdu.ESME_ROK


@pytest.mark.parametrize(("version", "status"), [(0x34, pdu.ESME_RINVSRCADR), (0x50, pdu.ESME_ROK)])
async def test_replace_without_a_source_address_is_of_5_0(house: House, version: int, status: int) -> None:
    """SMPP 5.0 §4.5.3.1: "If not known, set to NULL (Unknown)"; 3.4 §4.10.1 has no such words."""
    peer = await caller(house, version=version)
    message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    assert (await peer.ask(pdu.ReplaceSm(message_id=message_id, short_message=b"new"))).command_status == status
    wrong = pdu.ReplaceSm(message_id=message_id, source_addr=b"999", short_message=b"new")
    assert (await peer.ask(wrong)).command_status == pdu.ESME_RINVSRCADR


async def test_nobody_may_ask_after_the_messages_of_another(house: House) -> None:
    message_id = (await (await caller(house)).ask(submit_sm(destination_addr=SLOW))).message_id
    other = await caller(house, system_id=b"other")
    for request in (
        pdu.QuerySm(message_id=message_id, source_addr=b"12345"), pdu.CancelSm(message_id=message_id),
        pdu.ReplaceSm(message_id=message_id, source_addr=b"12345"),
    ):  # fmt: skip
        assert (await other.ask(request)).command_status == pdu.ESME_RINVMSGID


async def test_a_message_that_asks_to_replace_takes_the_place_of_the_pending_one(house: House) -> None:
    peer = await caller(house)
    old = (await peer.ask(submit_sm(b"1 0", destination_addr=SLOW))).message_id
    new = (await peer.ask(submit_sm(b"2 0", destination_addr=SLOW, replace_if_present_flag=1))).message_id
    await until_deleted(house, old)
    assert await stage_of(house, new) == [(Stage.LEASED, MessageState.ENROUTE)]


async def test_a_submit_multi_that_asks_to_replace_does_so_for_each_destination(house: House) -> None:
    peer = await caller(house)
    old = [(await peer.ask(submit_sm(destination_addr=one))).message_id for one in (SLOW, OTHER, THIRD)]
    asked = multi(SLOW, SLOW, OTHER, replace_if_present_flag=1)
    new = (await peer.ask(asked)).message_id
    for one in old[:2]:
        await until_deleted(house, one)
    assert await stage_of(house, old[2]) == [(Stage.LEASED, MessageState.ENROUTE)]
    assert await stage_of(house, new) == [(Stage.LEASED, MessageState.ENROUTE)] * 3, "it does not replace itself"
    (link,) = [pump.link for pump in house._pumps()]
    assert link is not None
    assert link.burden == 0


async def test_a_message_that_asks_to_replace_and_is_refused_leaves_the_pending_one_alone(house: House) -> None:
    peer = await caller(house)
    old = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    refused = submit_sm(destination_addr=SLOW, replace_if_present_flag=1, validity_period=b"nonsense")
    assert (await peer.ask(refused)).command_status == pdu.ESME_RINVEXPIRY
    assert await stage_of(house, old) == [(Stage.LEASED, MessageState.ENROUTE)]


async def test_what_asks_to_replace_and_is_stored_in_the_moment_its_peer_goes_still_replaces(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for it then: the worker of the link has just been told to stop, by a query that never ends."""
    accept, gone, stored, asked = house.journey.accept, Reception._gone, [], asyncio.Event()
    left: list[Pump] = []

    def accepted(content: Any, esme: Any, version: int, answer: Answer, group: Message | None = None) -> Message | int:
        later: Answer = lambda message, status: stored.append((answer, message, status))  # noqa: E731 - one line of it
        return accept(content, esme, version, later, group)

    async def query(*_: Any) -> int:
        asked.set()
        await asyncio.Event().wait()
        return 0

    def went(reception: Reception, pump: Pump) -> None:
        gone(reception, pump)
        left.append(pump)
        while stored and pump.link is peer_link:
            answer, message, status = stored.pop()
            answer(message, status)

    old = (await (await caller(house)).ask(submit_sm(destination_addr=SLOW))).message_id
    monkeypatch.setattr(house.journey, "accept", accepted)
    monkeypatch.setattr(house.ancillary, "query", query)
    monkeypatch.setattr(Reception, "_gone", went)
    peer = await caller(house)
    peer.send(submit_sm(destination_addr=SLOW, replace_if_present_flag=1), pdu.QuerySm(message_id=b"7"))
    async with asyncio.timeout(PATIENCE):
        await asked.wait()
        while not stored:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
        (peer_link,) = [pump.link for pump in house._pumps() if pump._waiting or pump._worker]
        assert peer_link is not None
        peer_link.abort("reset by peer")
        await until_deleted(house, old)
    assert [len(pump._waiting) for pump in left] == [0]


async def test_of_two_in_one_write_that_replace_the_later_one_stays(house: House) -> None:
    peer = await caller(house)
    numbers = peer.send(*[submit_sm(destination_addr=SLOW, replace_if_present_flag=1) for _ in range(5)])
    answers = [await peer.response(number) for number in numbers]
    ids = [one.message_id for one in answers if isinstance(one, pdu.SubmitSmResp) and one.message_id]
    await until_deleted(house, ids[3])
    assert [(await stage_of(house, one))[0][0] for one in ids] == [Stage.CLOSED] * 4 + [Stage.LEASED]


# --- odd answers ------------------------------------------------------------------------------------------------------


async def test_answers_to_nothing_are_counted(house: House) -> None:
    peer = await caller(house)
    peer.send(pdu.DeliverSmResp(sequence_number=77), pdu.GenericNack(sequence_number=78), pdu.QuerySmResp())
    await peer.ask(pdu.EnquireLink())
    assert house.counters.daemon.unexpected == 3


async def test_a_fault_of_ours_costs_the_link_and_not_the_answers_behind_it(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fault(*_: Any) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(house.journey, "accept", fault)
    peer = await caller(house)
    peer.acknowledges = False
    numbers = [house.journey.accept_mo(deliver_sm()).id for _ in range(3)]
    delivered = await peer.deliveries(3)
    answers = [pdu.DeliverSmResp(sequence_number=one.sequence_number) for one in delivered]
    peer.send(pdu.DataSm(source_addr=b"12345", destination_addr=b"447700900001"), *answers)
    await peer.gone.wait()
    async with asyncio.timeout(PATIENCE):
        while house.journey.scheduler.owned:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
    stored = await house.store.get(numbers)
    assert [(one.stage, one.attempts) for one in stored] == [(Stage.CLOSED, 1)] * 3


@pytest.mark.parametrize(("version", "said"), [(0x34, None), (0x50, b"\x64")])
async def test_a_peer_of_5_0_is_told_that_we_are_congested(house: House, version: int, said: bytes | None) -> None:
    peer = await caller(house, version=version)
    house.journey.queue_limit = 1
    house.journey.queued = 1
    answer = await peer.ask(submit_sm())
    house.journey.queued = 0
    assert answer.command_status == pdu.ESME_RMSGQFUL
    assert pdu.tlv.get(answer.tlvs, pdu.Tag.congestion_state) == said


# --- everything else --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("request_of", [pdu.BroadcastSm, pdu.QueryBroadcastSm, pdu.CancelBroadcastSm])
async def test_broadcast_is_understood_and_not_offered(house: House, request_of: type[pdu.Pdu]) -> None:
    peer = await caller(house, version=0x50)
    answer = await peer.ask(request_of())
    assert answer.command_id == request_of.command_id | pdu.RESPONSE
    assert answer.command_status == pdu.ESME_RPROHIBITED
    assert (await peer.ask(pdu.EnquireLink())).command_status == pdu.ESME_ROK


async def test_what_an_esme_may_not_send_is_refused_and_the_session_lives_on(house: House) -> None:
    peer = await caller(house)
    for request in (pdu.DeliverSm(), pdu.AlertNotification(), pdu.BindReceiver(system_id=b"test")):
        assert (await peer.ask(request)).command_status in {pdu.ESME_RINVBNDSTS, pdu.ESME_RALYBND}
    assert (await peer.ask(submit_sm())).command_status == pdu.ESME_ROK


async def test_a_peer_that_goes_in_the_middle_of_everything_leaves_nothing_behind(house: House) -> None:
    peer = await caller(house)
    peer.send(
        *[submit_sm(registered_delivery=1) for _ in range(20)], multi(SLOW, b"447700900001"),
        submit_sm(destination_addr=SLOW, replace_if_present_flag=1), pdu.CancelSm(message_id=b"77"),
        pdu.QuerySm(message_id=b"77"), pdu.ReplaceSm(message_id=b"77"),
    )  # fmt: skip
    await peer.until(lambda: bool(peer.heard))
    peer.cut()
    back = await caller(house)
    await back.until(lambda: len(house._sessions()) == 1)
    async with asyncio.timeout(PATIENCE):
        while house.journey.queued or house.journey.scheduler.lane("esme:test").in_flight:  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    assert (await back.ask(submit_sm())).command_status == pdu.ESME_ROK
    assert house.counters.esme("test").sessions == {"transceiver": 1}


async def test_a_peer_that_does_not_acknowledge_gets_its_receipts_again_on_its_next_bind(house: House) -> None:
    peer = await caller(house)
    peer.acknowledges = False
    answer = await peer.ask(submit_sm(registered_delivery=1))
    await peer.deliveries(1)
    peer.cut()
    back = await caller(house)
    (receipt,) = await back.deliveries(1)
    assert pdu.tlv.get(receipt.tlvs, pdu.Tag.receipted_message_id) == answer.message_id + b"\0"


async def test_beyond_its_window_a_peer_is_not_read_from_and_then_it_is(house: House) -> None:
    peer = await caller(house)
    numbers = peer.send(*[submit_sm() for _ in range(500)])  # the window is 100
    answers = [await peer.response(number) for number in numbers]
    assert {one.command_status for one in answers} == {pdu.ESME_ROK}
