"""query_sm, cancel_sm, replace_sm and replace_if_present_flag, wherever the message happens to be."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from smscd import pdu
from smscd.ancillary import replaced
from smscd.clock import SECOND
from smscd.message import Accepted, Deferred, InDoubt, Kind, Message, Stage, Unanswered, octets_of
from smscd.pdu import MessageState
from tests.cast import DAY, NOON, deliver_sm, esme, submit_sm
from tests.play import DELIVERED, Play

FINAL = pdu.REGISTERED_RECEIPT_FINAL
ENROUTE, SCHEDULED, DELETED = (int(MessageState[name]) for name in ("ENROUTE", "SCHEDULED", "DELETED"))


async def query(play: Play, message_id: str, *, version: int = 0x34, source_addr: bytes = b"12345") -> pdu.QuerySmResp:
    question = pdu.QuerySm(message_id=message_id.encode(), source_addr=source_addr)
    return await play.ancillary.query(play.test, question, version)


async def cancel(play: Play, message_id: str = "", **fields: Any) -> int:
    return await play.ancillary.cancel(play.test, pdu.CancelSm(message_id=message_id.encode(), **fields))


async def replace(play: Play, message: Message, text: bytes = b"new", **fields: Any) -> int:
    asked = {"message_id": message.message_id.encode(), "source_addr": b"12345", "short_message": text} | fields
    return await play.ancillary.replace(play.test, pdu.ReplaceSm(**asked), 0x34)


# --- where a message can be -------------------------------------------------------------------------------------------


async def ready_in_its_lane(play: Play) -> Message:
    play.network.room = 0
    return await play.submitted(registered_delivery=FINAL)


async def on_disk_for_later(play: Play) -> Message:
    return await play.submitted(registered_delivery=FINAL, schedule_delivery_time=b"000000010000000R")


async def on_disk_for_a_retry(play: Play) -> Message:
    message = await play.submitted(registered_delivery=FINAL)
    play.network.outcome(message, Deferred("busy"))
    await play.quiet()
    return message


async def held(play: Play) -> Message:
    message = play.accepted(registered_delivery=FINAL)
    message.in_doubt = int(InDoubt.HOLD)
    await play.quiet()
    play.network.outcome(message, Unanswered())
    await play.quiet()
    return message


async def under_way_and_recallable(play: Play) -> Message:
    play.network.recallable = True
    message = await play.submitted(registered_delivery=FINAL)
    play.network.outcome(message, Accepted("1"), ends=False)
    await play.quiet()
    return message


async def under_way_for_good(play: Play) -> Message:
    return await play.submitted(registered_delivery=FINAL)


async def delivered(play: Play) -> Message:
    message = await play.submitted(registered_delivery=FINAL)
    play.network.settle(message)
    await play.quiet()
    return message


Somewhere = Callable[[Play], Awaitable[Message]]
WITHIN_REACH: list[Somewhere] = [
    ready_in_its_lane, on_disk_for_later, on_disk_for_a_retry, held, under_way_and_recallable
]  # fmt: skip
OUT_OF_REACH: list[Somewhere] = [under_way_for_good, delivered]


# --- cancel_sm --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("somewhere", WITHIN_REACH)
async def test_what_has_not_reached_its_recipient_is_cancelled_with_a_receipt(somewhere: Somewhere) -> None:
    async with Play() as play:
        message = await somewhere(play)
        assert await cancel(play, message.message_id) == pdu.ESME_ROK
        row = await play.stored(message)
        assert (row.stage, row.message_state) == (Stage.CLOSED, DELETED)
        await play.quiet()
        assert [one.kind for one in play.bound.handed] == [Kind.RECEIPT]
        play.bound.handed.clear()
        play.network.open()
        await play.advance(7200)
        assert [one for one in play.network.handed if one.id == message.id] == []
        assert play.counts().get("network") is None
        assert play.journey.queued == 0


async def test_a_cancelled_message_is_gone_for_good_once_it_is_said_so() -> None:
    """ESME_ROK is a promise here as well: it holds after a crash."""
    async with Play() as play:
        message = await on_disk_for_later(play)
        assert await cancel(play, message.message_id) == pdu.ESME_ROK
        await play.crash()
        assert (await play.stored(message)).message_state == DELETED


@pytest.mark.parametrize("somewhere", OUT_OF_REACH)
async def test_what_left_for_good_cannot_be_cancelled(somewhere: Somewhere) -> None:
    async with Play() as play:
        message = await somewhere(play)
        before = (await play.stored(message)).stage
        assert await cancel(play, message.message_id) == pdu.ESME_RCANCELFAIL
        assert (await play.stored(message)).stage == before


async def test_cancelling_twice_at_once_cancels_once() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted(registered_delivery=FINAL)
        answers = await asyncio.gather(cancel(play, message.message_id), cancel(play, message.message_id))
        assert sorted(answers) == [pdu.ESME_ROK, pdu.ESME_RCANCELFAIL]
        await play.quiet()
        assert len(play.bound.handed) == 1
        assert play.journey.queued == 0


async def test_an_unknown_or_foreign_message_id_is_refused() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        foreign = await play.submitted(by=esme("other"))
        mo = play.journey.accept_mo(deliver_sm())
        await play.quiet()
        for message_id in ("77", "nonsense", foreign.message_id, mo.message_id, "-fffffffffffffffffff", "\xe9"):
            asked = pdu.CancelSm(message_id=message_id.encode("latin-1"))
            assert await play.ancillary.cancel(play.test, asked) == pdu.ESME_RINVMSGID
            assert (await query(play, message_id)).command_status == pdu.ESME_RINVMSGID
        assert (await play.stored(message)).stage == Stage.QUEUED


async def test_the_addresses_that_come_with_an_id_must_be_those_of_the_message() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        assert await cancel(play, message.message_id, source_addr=b"54321") == pdu.ESME_RINVSRCADR
        assert await cancel(play, message.message_id, destination_addr=b"1") == pdu.ESME_RINVDSTADR
        assert await cancel(play, message.message_id, source_addr=b"12345", destination_addr=b"447700900001") == 0


async def test_without_an_id_everything_pending_between_two_addresses_is_cancelled() -> None:
    async with Play(network_room=0) as play:
        waiting, later = await play.submitted(), await on_disk_for_later(play)
        other = await play.submitted(destination_addr=b"447700900002")
        foreign = await play.submitted(by=esme("other"))
        asked: dict[str, Any] = {"source_addr": b"12345", "destination_addr": b"447700900001"}
        assert await cancel(play, **asked) == pdu.ESME_ROK
        ended = [(await play.stored(one)).message_state for one in (waiting, later, other, foreign)]
        assert ended == [DELETED, DELETED, ENROUTE, ENROUTE]
        assert await cancel(play, **asked) == pdu.ESME_RCANCELFAIL


async def test_a_cancel_between_addresses_finds_what_was_submitted_just_before_it() -> None:
    """One write of the peer may hold both; the submit is not committed yet when the cancel is looked at."""
    async with Play(network_room=0) as play:
        message = play.accepted()
        assert await cancel(play, source_addr=b"12345", destination_addr=b"447700900001") == pdu.ESME_ROK
        assert (await play.stored(message)).message_state == DELETED


async def test_without_an_id_both_addresses_are_needed_and_the_service_type_narrows() -> None:
    async with Play(network_room=0) as play:
        plain, wap = await play.submitted(), await play.submitted(service_type=b"WAP")
        assert await cancel(play, destination_addr=b"447700900001") == pdu.ESME_RINVSRCADR
        assert await cancel(play, source_addr=b"12345") == pdu.ESME_RINVDSTADR
        asked: dict[str, Any] = {"source_addr": b"12345", "destination_addr": b"447700900001", "service_type": b"WAP"}
        assert await cancel(play, **asked) == pdu.ESME_ROK
        assert [(await play.stored(one)).message_state for one in (plain, wap)] == [ENROUTE, DELETED]


async def test_one_id_cancels_what_is_left_of_a_submit_multi() -> None:
    async with Play(network_room=1) as play:
        first = play.accepted()
        second = play.accepted(destination_addr=b"447700900002", group=first)
        await play.quiet()
        assert play.network.handed == [first]
        assert await cancel(play, first.message_id) == pdu.ESME_ROK
        assert [(await play.stored(one)).message_state for one in (first, second)] == [ENROUTE, DELETED]


async def test_credit_that_a_cancelled_message_gives_back_is_used() -> None:
    async with Play(network_room=1) as play:
        first = await under_way_and_recallable(play)
        second = await play.submitted()
        assert await cancel(play, first.message_id) == pdu.ESME_ROK
        await play.quiet()
        assert play.network.handed == [second]


# --- races for one message --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("turns", range(10))
async def test_cancel_and_forward_never_both_get_a_message(turns: int) -> None:
    """The network gets credit at some moment while the cancel is on its way."""
    async with Play(network_room=0) as play:
        play.store.turns = 4
        messages = [await play.submitted() for _ in range(3)]
        asked = [asyncio.create_task(cancel(play, one.message_id)) for one in messages]
        for _ in range(turns):
            await asyncio.sleep(0)
        play.network.open(2)
        statuses = await asyncio.gather(*asked)
        await play.quiet()
        handed = {one.id for one in play.network.handed}
        for one, status in zip(messages, statuses, strict=True):
            row = await play.stored(one)
            assert (status == pdu.ESME_ROK) == (row.message_state == DELETED)
            assert not (one.id in handed and status == pdu.ESME_ROK)
        for out in list(play.network.handed):
            play.network.settle(out)
        await play.quiet()
        play.assert_nothing_left()


@pytest.mark.parametrize("turns", range(12))
async def test_a_message_that_is_closed_while_the_store_is_asked_for_it_is_not_brought_back(turns: int) -> None:
    async with Play() as play:
        play.store.turns = 4
        message = await play.submitted(registered_delivery=FINAL)
        asked = asyncio.create_task(cancel(play, message.message_id))
        changed = asyncio.create_task(replace(play, message))
        for _ in range(turns):
            await asyncio.sleep(0)
        play.network.settle(message)
        assert await asked == pdu.ESME_RCANCELFAIL
        assert await changed == pdu.ESME_RREPLACEFAIL
        await play.quiet()
        assert (await play.stored(message)).message_state == DELIVERED
        assert len(play.bound.handed) == 1
        play.bound.handed.clear()
        assert play.counts().get("network") is None


@pytest.mark.parametrize("turns", range(12))
async def test_a_message_on_disk_that_becomes_due_meanwhile_is_cancelled_or_sent_and_not_both(turns: int) -> None:
    async with Play() as play:
        play.store.turns = 4
        message = await play.submitted(schedule_delivery_time=b"000000000010000R")
        asked = asyncio.create_task(cancel(play, message.message_id))
        for _ in range(turns):
            await asyncio.sleep(0)
        await play.advance(10)
        status = await asked
        await play.quiet()
        sent = message.id in [one.id for one in play.network.handed]
        assert sent is (status != pdu.ESME_ROK)
        assert (await play.stored(message)).message_state == (ENROUTE if sent else DELETED)
        assert play.journey.queued == 0


@pytest.mark.parametrize("recallable", [True, False])
async def test_a_message_on_its_way_through_the_disk_is_waited_for(recallable: bool) -> None:
    """Back into its lane, out of it again, under way: each takes a commit, and in none of them is it lost for good."""
    async with Play() as play:
        play.network.recallable = recallable
        for turns in range(0, 30, 3):
            message = await play.submitted()
            play.network.outcome(message, Deferred("gone", retry_after=0.0, counts=False))
            for _ in range(turns):
                await asyncio.sleep(0)
            status = await cancel(play, message.message_id)
            await play.quiet()
            out = [one for one in play.network.handed if one.id == message.id]
            assert status == (pdu.ESME_RCANCELFAIL if out else pdu.ESME_ROK), turns
            assert not (out and recallable)


async def test_replace_and_cancel_one_after_the_other_both_hold() -> None:
    async with Play() as play:
        play.network.recallable = True
        message = await play.submitted()
        assert await replace(play, message) == pdu.ESME_ROK
        assert await cancel(play, message.message_id) == pdu.ESME_ROK
        await play.quiet()
        assert play.network.handed == []


async def test_a_lease_that_is_being_committed_is_not_taken_back() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        play.network.room = 1
        play.network.recallable = True
        play.journey.forward(play.network)  # its lease is in the batch
        assert play.ancillary.claim(message, set()) is None
        await play.quiet()
        assert play.network.handed == [message]


async def test_what_was_read_before_memory_let_go_of_it_is_not_acted_on() -> None:
    async with Play() as play:
        message = await play.submitted()
        stale = await play.stored(message)
        with play.journey.scheduler.watching() as gone:
            play.network.settle(message)
            await play.quiet()
        stale.stage = Stage.QUEUED
        assert play.ancillary.claim(stale, gone) is None


async def test_an_expiry_sweep_and_a_cancel_end_a_message_once() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted(registered_delivery=FINAL, validity_period=b"000000000010000R")
        play.clock.advance(11)
        claimed = play.ancillary.claim(message, set())
        assert claimed is message
        play.journey.expire(claimed)
        assert await cancel(play, message.message_id) == pdu.ESME_RCANCELFAIL
        await play.quiet()
        assert (await play.stored(message)).message_state == MessageState.EXPIRED
        assert len(play.bound.handed) == 1


# --- query_sm ---------------------------------------------------------------------------------------------------------


async def test_a_query_tells_the_state_and_when_it_became_final() -> None:
    async with Play() as play:
        message = await play.submitted()
        answer = await query(play, message.message_id)
        assert (answer.command_status, answer.message_state, answer.final_date) == (0, ENROUTE, b"")
        assert answer.message_id == message.message_id.encode()
        play.network.settle(message, int(MessageState.UNDELIVERABLE), 11)
        answer = await query(play, message.message_id)  # memory knows before the store does
        assert (answer.message_state, answer.error_code) == (MessageState.UNDELIVERABLE, 11)
        await play.quiet()
        answer = await query(play, message.message_id)
        assert (answer.message_state, answer.error_code) == (MessageState.UNDELIVERABLE, 11)
        assert pdu.times.parse_time(answer.final_date or b"", NOON) == pytest.approx(NOON, abs=SECOND)


@pytest.mark.parametrize(("version", "message_state"), [(0x33, ENROUTE), (0x34, ENROUTE), (0x50, SCHEDULED)])
async def test_what_is_scheduled_is_said_to_be_so_to_peers_that_know_the_word(version: int, message_state: int) -> None:
    async with Play() as play:
        message = await on_disk_for_later(play)
        assert (await query(play, message.message_id, version=version)).message_state == message_state


async def test_a_query_about_another_source_addr_finds_nothing() -> None:
    async with Play() as play:
        message = await play.submitted()
        assert (await query(play, message.message_id, source_addr=b"1")).command_status == pdu.ESME_RINVMSGID
        assert (await query(play, message.message_id, source_addr=b"")).command_status == pdu.ESME_ROK


async def test_of_a_submit_multi_the_query_tells_who_is_furthest_behind() -> None:
    async with Play() as play:
        first = play.accepted()
        second = play.accepted(destination_addr=b"447700900002", group=first)
        await play.quiet()
        play.network.settle(first)
        await play.quiet()
        assert (await query(play, first.message_id)).message_state == ENROUTE
        play.network.settle(second, int(MessageState.UNDELIVERABLE))
        await play.quiet()
        assert (await query(play, first.message_id)).message_state == DELIVERED


# --- replace_sm -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("somewhere", [one for one in WITHIN_REACH if one is not held])
async def test_what_has_not_reached_its_recipient_gets_a_new_text(somewhere: Somewhere) -> None:
    async with Play() as play:
        message = await somewhere(play)
        assert await replace(play, message, b"quite another text", registered_delivery=FINAL) == pdu.ESME_ROK
        assert octets_of((await play.stored(message)).content) == b"quite another text"
        play.network.open()
        await play.advance(7200)
        assert [octets_of(one.content) for one in play.network.handed] == [b"quite another text"]
        assert play.network.handed[0].id == message.id
        play.network.settle(play.network.handed[0])
        await play.quiet()
        assert play.counts().get("network") is None
        assert play.journey.queued == 0


async def test_a_replaced_text_is_on_disk_once_it_is_said_so() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        assert await replace(play, message) == pdu.ESME_ROK
        await play.crash()
        assert [octets_of(one.content) for one in play.network.handed] == [b"new"]


@pytest.mark.parametrize("somewhere", [*OUT_OF_REACH, held])
async def test_what_left_for_good_or_may_have_keeps_its_text_and_nothing_is_charged(somewhere: Somewhere) -> None:
    async with Play() as play:
        account = play.account(daily_quota=100)
        message = await somewhere(play)
        assert account.quota is not None
        used = account.quota.used
        assert await replace(play, message) == pdu.ESME_RREPLACEFAIL
        assert octets_of((await play.stored(message)).content) == b"hello"
        assert account.quota.used == used


async def test_replace_changes_times_and_receipts_only_where_it_says_so() -> None:
    async with Play() as play:
        message = await on_disk_for_later(play)
        expires = message.expires
        assert await replace(play, message, registered_delivery=0) == pdu.ESME_ROK
        row = await play.stored(message)
        assert (row.due, row.expires) == (NOON + 3600 * SECOND, expires)
        assert row.content.registered_delivery == 0
        asked = {"schedule_delivery_time": b"000000020000000R", "validity_period": b"000000030000000R"}
        assert await replace(play, message, **asked) == pdu.ESME_ROK
        row = await play.stored(message)
        assert (row.due, row.expires) == (NOON + 7200 * SECOND, NOON + 10_800 * SECOND)


async def test_replace_with_the_time_it_is_lets_a_scheduled_message_go() -> None:
    async with Play() as play:
        message = await on_disk_for_later(play)
        play.clock.advance(60)
        now = play.clock.wall()
        asked = {"schedule_delivery_time": pdu.times.format_absolute(now - SECOND // 10)}
        assert await replace(play, message, **asked) == pdu.ESME_ROK
        assert (await play.stored(message)).due == now


async def test_a_schedule_beyond_the_validity_that_stays_is_refused() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted(validity_period=b"000000010000000R")
        asked = {"schedule_delivery_time": b"000000020000000R"}
        assert await replace(play, message, **asked) == pdu.ESME_RINVSCHED
        assert (await play.stored(message)).due == NOON


async def test_a_validity_that_ends_before_the_schedule_that_stays_is_refused() -> None:
    async with Play() as play:
        message = await on_disk_for_later(play)
        assert await replace(play, message, validity_period=b"000000003000000R") == pdu.ESME_RINVEXPIRY
        assert await replace(play, message, validity_period=b"000000013000000R") == pdu.ESME_ROK
        row = await play.stored(message)
        assert (row.due, row.expires) == (NOON + 3600 * SECOND, NOON + 5400 * SECOND)


async def test_a_validity_is_cut_at_its_maximum_from_the_schedule_that_stays() -> None:
    async with Play() as play:
        message = await play.submitted(schedule_delivery_time=b"000005000000000R")
        assert await replace(play, message, validity_period=b"000006000000000R") == pdu.ESME_ROK
        row = await play.stored(message)
        assert (row.due, row.expires) == (NOON + 5 * DAY, NOON + 6 * DAY)


async def test_replace_is_refused_for_what_it_may_not_touch() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        assert await replace(play, message, source_addr=b"54321") == pdu.ESME_RINVSRCADR
        assert await replace(play, message, message_id=b"77") == pdu.ESME_RINVMSGID
        assert await replace(play, message, b"x" * 255) == pdu.ESME_RINVMSGLEN
        assert await replace(play, message, validity_period=b"nonsense") == pdu.ESME_RINVEXPIRY
        first = play.accepted()
        play.accepted(destination_addr=b"447700900002", group=first)
        await play.quiet()
        assert await replace(play, first) == pdu.ESME_RREPLACEFAIL
        assert octets_of((await play.stored(message)).content) == b"hello"


def test_a_replaced_content_keeps_what_replace_sm_cannot_say() -> None:
    content = submit_sm(
        b"old", data_coding=8, esm_class=0x40, protocol_id=3, priority_flag=2, service_type=b"WAP",
        tlvs=[(int(pdu.Tag.message_payload), b"old"), (0x1400, b"vendor")],
    )  # fmt: skip
    new = replaced(content, pdu.ReplaceSm(short_message=b"", tlvs=[(int(pdu.Tag.message_payload), b"long new")]))
    assert octets_of(new) == b"long new"
    assert new.tlvs == [(0x1400, b"vendor"), (int(pdu.Tag.message_payload), b"long new")]
    for field in ("data_coding", "esm_class", "protocol_id", "priority_flag", "service_type", "destination_addr"):
        assert getattr(new, field) == getattr(content, field)
    assert octets_of(replaced(content, pdu.ReplaceSm(short_message=b"short"))) == b"short"


# --- replace_if_present_flag ------------------------------------------------------------------------------------------


async def test_a_newer_message_takes_the_place_of_what_is_pending_between_the_same_addresses() -> None:
    async with Play(network_room=0) as play:
        old = await play.submitted(b"1 0", registered_delivery=FINAL)
        wap = await play.submitted(service_type=b"WAP")
        new = await play.submitted(b"2 0")
        await play.ancillary.supersede(new)
        await play.quiet()
        states = [(await play.stored(one)).message_state for one in (old, wap, new)]
        assert states == [DELETED, ENROUTE, ENROUTE]
        assert len(play.bound.handed) == 1


async def test_of_several_newer_messages_at_once_the_newest_stays() -> None:
    async with Play(network_room=0) as play:
        play.store.turns = 3
        messages = [play.accepted() for _ in range(4)]
        await play.store.committed()
        await asyncio.gather(*[play.ancillary.supersede(one) for one in messages])
        await play.quiet()
        states = [(await play.stored(one)).message_state for one in messages]
        assert states == [DELETED, DELETED, DELETED, ENROUTE]
        assert play.journey.queued == 1
