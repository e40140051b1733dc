"""The story: what becomes of a message between the submit and its receipt, one promise at a time."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from smscd import pdu
from smscd.clock import SECOND
from smscd.counters import MOST_STATUSES, OTHER
from smscd.errors import StoreFull
from smscd.message import Accepted, Deferred, Delivered, InDoubt, Kind, Message, Rejected, Stage, Unanswered, text_of
from smscd.pdu import MessageState
from smscd.routing import Receivers, RouteSettings, Ruleset
from smscd.scheduler import PRIORITY_STEP, RetrySettings
from smscd.store import Batch, Listing, commit
from tests.cast import NOON, deliver_sm, submit_sm
from tests.machine import PATIENCE
from tests.play import DELIVERED, Play, Scripted

FINAL = pdu.REGISTERED_RECEIPT_FINAL
NOTIFY = pdu.REGISTERED_INTERMEDIATE_NOTIFICATION


def receipt_of(message: Message) -> dict[str, object]:
    """What the TLVs and the text of a receipt say."""
    content = message.content
    assert isinstance(content, pdu.DeliverSm)
    parsed = pdu.receipt.parse_receipt(content.short_message)
    assert parsed is not None
    return {
        "id": pdu.tlv.get(content.tlvs, pdu.Tag.receipted_message_id),
        "state": pdu.tlv.get(content.tlvs, pdu.Tag.message_state),
        "text": content.short_message,
        "esm_class": content.esm_class,
        "from": content.source_addr,
        "to": content.destination_addr,
    }


# --- the three acts ---------------------------------------------------------------------------------------------------


async def test_a_message_is_accepted_forwarded_settled_and_reported() -> None:
    async with Play() as play:
        message = play.accepted(b"hello", registered_delivery=FINAL)
        assert play.answers.given == []
        assert play.network.handed == []  # nothing leaves before it is on disk
        await play.quiet()
        assert play.answers.given == [(message, pdu.ESME_ROK)]
        assert play.network.handed == [message]
        assert (await play.stored(message)).stage == Stage.LEASED
        play.network.outcome(message, Accepted("up-1"), ends=False)
        await play.quiet()
        assert (await play.stored(message)).parts[0].upstream_message_id == "up-1"
        play.network.settle(message)
        await play.quiet()
        row = await play.stored(message)
        assert (row.stage, row.message_state, row.attempts) == (Stage.CLOSED, DELIVERED, 1)
        (receipt,) = play.bound.handed
        assert receipt.id == row.receipt
        assert receipt_of(receipt) == {
            "id": message.message_id.encode() + b"\0", "state": b"\x02", "esm_class": 4, "from": b"447700900001",
            "to": b"12345", "text": receipt_of(receipt)["text"],
        }  # fmt: skip
        play.bound.outcome(receipt, Delivered())
        await play.quiet()
        assert (await play.stored(receipt)).stage == Stage.CLOSED
        assert [one.id for one in play.closed] == [message.id, receipt.id]
        play.assert_nothing_left()


async def test_the_receipt_and_the_end_of_its_message_share_one_commit() -> None:
    async with Play(bound_room=0) as play:
        message = await play.submitted(registered_delivery=FINAL)
        commits = sum(play.counters.store.batches.counts)
        play.network.settle(message)
        await play.quiet()
        assert sum(play.counters.store.batches.counts) == commits + 1
        await play.crash(bound_room=0)
        row = await play.stored(message)
        assert row.stage == Stage.CLOSED
        (receipt,) = await play.store.due("esme:test", play.clock.wall(), 9)
        assert receipt.id == row.receipt
        assert receipt.original == message.id


async def test_no_receipt_is_handed_over_before_the_answer_to_its_submit() -> None:
    """Even where the network reports before it has been asked."""
    async with Play() as play:
        order: list[str] = []
        play.network.at_once = lambda _message: Rejected(pdu.ESME_RINVDSTADR, "no such handset")
        play.bound.at_once = lambda message: order.append("receipt")
        play.journey.accept(
            submit_sm(registered_delivery=FINAL), play.test, 0x34, lambda _message, _status: order.append("answer")
        )
        await play.quiet()
        assert order == ["answer", "receipt"]


@pytest.mark.parametrize(
    ("registered_delivery", "message_state", "reported"),
    [
        (0, MessageState.DELIVERED, False), (0, MessageState.UNDELIVERABLE, False),
        (1, MessageState.DELIVERED, True), (1, MessageState.UNDELIVERABLE, True), (1, MessageState.EXPIRED, True),
        (1, MessageState.ACCEPTED, True), (1, MessageState.UNKNOWN, True), (1, MessageState.DELETED, True),
        (2, MessageState.DELIVERED, False), (2, MessageState.ACCEPTED, False), (2, MessageState.UNDELIVERABLE, True),
        (2, MessageState.REJECTED, True), (2, MessageState.EXPIRED, True),
        (3, MessageState.DELIVERED, True), (3, MessageState.UNDELIVERABLE, False), (3, MessageState.EXPIRED, False),
        (0x0C, MessageState.DELIVERED, False),  # SME acknowledgements are between the SMEs: SMPP 3.4 §5.2.17
        (0x10, MessageState.DELIVERED, False),  # an intermediate notification is no receipt
    ],
)  # fmt: skip
async def test_a_receipt_is_made_when_registered_delivery_asks_for_it_and_only_then(
    registered_delivery: int, message_state: MessageState, reported: bool
) -> None:
    async with Play() as play:
        message = await play.submitted(registered_delivery=registered_delivery)
        play.network.settle(message, int(message_state))
        await play.quiet()
        receipts = [one for one in play.bound.handed if one.kind == Kind.RECEIPT]
        assert [receipt_of(one)["state"] for one in receipts] == [bytes([message_state])] * reported
        assert bool((await play.stored(message)).receipt) is reported


# --- outcomes ---------------------------------------------------------------------------------------------------------


async def test_delivered_ends_a_message_at_once() -> None:
    async with Play() as play:
        message = await play.submitted()
        play.network.outcome(message, Delivered())
        await play.quiet()
        row = await play.stored(message)
        assert (row.stage, row.message_state, row.attempts) == (Stage.CLOSED, DELIVERED, 1)
        play.assert_nothing_left()


async def test_the_numbers_that_an_upstream_makes_up_do_not_make_metrics_without_end() -> None:
    async with Play() as play:
        for status in range(0x500, 0x500 + MOST_STATUSES + 50):
            play.network.outcome(await play.submitted(), Rejected(status, "no"))
        rejected = play.counters.connector("network").rejected
        play.network.outcome(await play.submitted(), Rejected(0x500, "no"))
        assert len(rejected) == MOST_STATUSES + 1
        assert (rejected[OTHER], rejected[0x500]) == (50, 2)


async def test_rejected_ends_a_message_with_what_it_was_refused_for() -> None:
    async with Play() as play:
        message = await play.submitted(registered_delivery=FINAL)
        play.network.outcome(message, Rejected(pdu.ESME_RINVDSTADR, "no such number"))
        await play.quiet()
        row = await play.stored(message)
        assert (row.stage, row.message_state, row.error_code) == (
            Stage.CLOSED, MessageState.REJECTED, pdu.ESME_RINVDSTADR
        )  # fmt: skip
        assert row.attempts == 1
        assert play.counters.connector("network").rejected == {pdu.ESME_RINVDSTADR: 1}
        assert len(play.bound.handed) == 1


@pytest.mark.parametrize("status", [0x401, 0xFFFFFFFF])
async def test_a_refusal_with_a_status_of_the_vendors_own_still_makes_a_receipt(status: int) -> None:
    async with Play() as play:
        message = await play.submitted(registered_delivery=FINAL)
        play.network.outcome(message, Rejected(status, "vendor"))
        await play.quiet()
        (receipt,) = play.bound.handed
        assert isinstance(receipt.content, pdu.DeliverSm)
        assert pdu.decode(pdu.encode(receipt.content)) == receipt.content


async def test_deferred_goes_back_to_the_queue_and_climbs_the_ladder() -> None:
    async with Play(retry=RetrySettings(schedule=[10.0, 60.0])) as play:
        message = await play.submitted()
        for attempt, pause in enumerate([10.0, 60.0, 60.0], start=1):
            (out,) = play.network.handed
            play.network.outcome(out, Deferred("busy"))
            await play.quiet()
            row = await play.stored(message)
            assert (row.stage, row.attempts) == (Stage.QUEUED, attempt)
            assert row.due == play.clock.wall() + int(pause * SECOND)
            assert play.journey.queued == 1
            await play.advance(pause - 0.5)
            assert play.network.handed == []
            await play.advance(0.5)
            assert [one.id for one in play.network.handed] == [message.id]
        assert play.network.handed[0].parts[0].attempt == 4


async def test_deferred_with_a_time_of_its_own_leaves_the_ladder_alone() -> None:
    async with Play() as play:
        message = await play.submitted()
        play.network.outcome(message, Deferred("throttled", retry_after=1.5))
        await play.quiet()
        assert (await play.stored(message)).due == play.clock.wall() + int(1.5 * SECOND)


async def test_a_destination_that_went_away_burns_no_attempt_and_the_message_keeps_its_place() -> None:
    async with Play() as play:
        first = play.journey.accept_mo(deliver_sm(b"1"))
        await play.quiet()
        play.bound.room = 1
        await play.advance(5)
        second = play.journey.accept_mo(deliver_sm(b"2"))
        await play.quiet()
        play.bound.room = 0
        play.bound.outcome(first, Deferred("gone", retry_after=0.0, counts=False))
        await play.quiet()
        assert (await play.stored(first)).attempts == 0
        play.bound.open()
        await play.quiet()
        assert [one.id for one in play.bound.handed] == [first.id, second.id]


async def test_a_part_that_was_refused_or_deferred_remembers_the_status() -> None:
    async with Play() as play:
        refused, deferred = await play.submitted(), await play.submitted()
        play.network.outcome(refused, Rejected(pdu.ESME_RINVDSTADR, "no"))
        play.network.outcome(deferred, Deferred("busy", command_status=pdu.ESME_RTHROTTLED))
        await play.quiet()
        assert refused.parts[0].command_status == pdu.ESME_RINVDSTADR
        assert (await play.stored(deferred)).parts[0].command_status == pdu.ESME_RTHROTTLED


@pytest.mark.parametrize(
    ("policy", "stage", "message_state"),
    [
        (InDoubt.RESEND, Stage.QUEUED, MessageState.ENROUTE), (InDoubt.FAIL, Stage.CLOSED, MessageState.UNKNOWN),
        (InDoubt.HOLD, Stage.HELD, MessageState.ENROUTE),
    ],
)  # fmt: skip
@pytest.mark.parametrize("how", ["unanswered", "after a crash"])
async def test_what_left_and_was_never_answered_becomes_what_its_policy_says(
    policy: InDoubt, stage: Stage, message_state: MessageState, how: str
) -> None:
    async with Play(bound_room=0) as play:
        message = play.accepted(registered_delivery=FINAL)
        message.in_doubt = int(policy)
        await play.quiet()
        if how == "unanswered":
            play.network.outcome(message, Unanswered())
            await play.quiet()
        else:
            await play.crash(network_room=0, bound_room=0)
        row = await play.stored(message)
        assert (row.stage, row.message_state) == (stage, message_state)
        assert play.counters.connector("network").in_doubt == 1
        assert bool(row.receipt) is (policy == InDoubt.FAIL)
        waiting = (1, 0, 0, how == "after a crash") if policy == InDoubt.RESEND else None
        assert play.counts().get("network") == waiting


async def test_an_outcome_that_comes_while_the_message_is_handed_over_is_as_good_as_any() -> None:
    async with Play() as play:
        play.network.at_once = lambda _message: Delivered()
        for _ in range(50):
            play.accepted()
        await play.quiet()
        assert len(play.closed) == 50
        play.assert_nothing_left()


# --- refusals ---------------------------------------------------------------------------------------------------------


async def test_what_no_route_takes_is_refused_and_leaves_no_trace() -> None:
    async with Play() as play:
        play.journey.routes = Ruleset([RouteSettings(["network"], destination_addr="49*")])
        assert play.accept() == pdu.ESME_RINVDSTADR
        await play.quiet()
        assert play.answers.given == []
        play.assert_nothing_left()


async def test_what_the_connector_refuses_is_not_stored() -> None:
    async with Play() as play:
        play.network.refuse = pdu.ESME_RTHROTTLED
        assert play.accept() == pdu.ESME_RTHROTTLED
        await play.quiet()
        assert await play.store.listing(_everything()) == []
        play.assert_nothing_left()


async def test_what_is_refused_after_it_was_charged_is_charged_no_more() -> None:
    async with Play() as play:
        account = play.account(daily_quota=100, rate=100.0)
        assert account.quota is not None
        play.network.refuse = pdu.ESME_RTHROTTLED
        assert play.accept() == pdu.ESME_RTHROTTLED
        play.journey.routes = Ruleset([RouteSettings(["network"], destination_addr="49*")])
        assert play.accept() == pdu.ESME_RINVDSTADR
        assert account.quota.used == 0


async def test_the_queue_limit_refuses_until_there_is_room_again() -> None:
    async with Play(queue_limit=2, network_room=0) as play:
        await play.submitted()
        await play.submitted()
        assert play.accept() == pdu.ESME_RMSGQFUL
        play.network.open(1)
        await play.quiet()
        assert play.journey.queued == 1
        await play.submitted()
        assert play.accept() == pdu.ESME_RMSGQFUL


async def test_a_disk_without_room_undoes_everything_that_a_message_took(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "FULL_PAUSE", 0.01)
    async with Play(network_room=3) as play:
        account = play.account(daily_quota=100, rate=100.0)
        full = _no_room(play)
        going = [play.accepted() for _ in range(3)]
        waiting = [play.accepted(), play.accepted(schedule_delivery_time=b"000000010000000R")]
        await play.quiet()
        assert [message for message, status in play.answers.given if status == pdu.ESME_RMSGQFUL] == going + waiting
        assert play.network.handed == []
        play.assert_nothing_left()
        assert account.quota is not None
        assert account.quota.used == 0
        full.clear()
        again = await play.submitted()
        assert play.network.handed == [again]


async def test_credit_that_a_dropped_message_gives_back_is_used_by_those_who_wait() -> None:
    async with Play(network_room=1) as play:
        scheduled = await play.submitted(schedule_delivery_time=b"000000000001000R")
        lane = play.journey.scheduler.lane("network")
        noticed = asyncio.Event()
        write = play.store._commit._write

        async def full_once(batch: Batch) -> None:
            await noticed.wait()
            play.store._commit._write = write
            raise StoreFull("the disk is full")

        play.store._commit._write = full_once
        play.accepted()  # takes the only credit, and will be dropped
        play.clock.advance(1)
        play.journey.scheduler._changed.set()
        async with asyncio.timeout(PATIENCE):
            while not lane.ready or lane.refilling:  # noqa: ASYNC110 - nobody announces it
                await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert play.network.handed == []
        noticed.set()
        await play.quiet()
        assert [one.id for one in play.network.handed] == [scheduled.id]


# --- identity ---------------------------------------------------------------------------------------------------------


async def test_a_3_3_bind_is_given_eight_hex_digits_that_find_the_message() -> None:
    async with Play() as play:
        first = await play.submitted(version=0x33)
        second = await play.submitted(version=0x33)
        assert [first.message_id, second.message_id] == ["00000001", "00000002"]
        assert [one.id for one in await play.store.find("00000002")] == [second.id]
        await play.crash()
        third = await play.submitted(version=0x33)
        assert third.message_id == "00000003"


async def test_all_messages_of_a_submit_multi_share_the_first_ones_id() -> None:
    async with Play() as play:
        first = play.accepted(destination_addr=b"447700900001")
        others = [play.accepted(destination_addr=b"44770090000%d" % n, group=first) for n in (2, 3)]
        await play.quiet()
        assert {one.message_id for one in others} == {first.message_id}
        assert [one.id for one in await play.store.find(first.message_id)] == [first.id, *[one.id for one in others]]
        assert len({one.id for one in [first, *others]}) == 3


async def test_numbers_grow_when_the_wall_clock_steps_back_even_over_a_restart() -> None:
    async with Play() as play:
        numbers = [(await play.submitted()).id]
        play.clock.jump(-3600)
        numbers.append((await play.submitted()).id)
        await play.crash()
        numbers.append((await play.submitted()).id)
        assert numbers == sorted(set(numbers))


# --- order, priority, time --------------------------------------------------------------------------------------------


async def test_first_attempts_leave_in_the_order_of_accepting() -> None:
    async with Play(network_room=0) as play:
        messages = [await play.submitted(b"%d" % n) for n in range(20)]
        play.network.open()
        await play.quiet()
        assert play.network.handed == messages


async def test_a_new_message_does_not_overtake_one_that_waits() -> None:
    async with Play(network_room=0) as play:
        first = await play.submitted()
        play.network.room = 1_000_000  # credit, and nobody has been told of it yet
        second = play.accepted()
        await play.quiet()
        assert play.network.handed == [first, second]


async def test_a_higher_priority_overtakes_what_has_not_waited_much_longer() -> None:
    async with Play(network_room=0) as play:
        old = await play.submitted(priority_flag=0)
        await play.advance(PRIORITY_STEP / SECOND + 1)
        normal = await play.submitted(priority_flag=0)
        urgent = await play.submitted(priority_flag=1)
        very = await play.submitted(priority_flag=3)
        play.network.open()
        await play.quiet()
        assert play.network.handed == [very, old, urgent, normal]


async def test_a_scheduled_message_waits_for_its_time_and_its_validity_begins_then() -> None:
    async with Play(retry=RetrySettings(validity=3600.0)) as play:
        play.account(validity=3600.0)
        message = await play.submitted(schedule_delivery_time=b"000000020000000R")
        assert (await play.stored(message)).due == NOON + 7200 * SECOND
        assert message.expires == NOON + (7200 + 3600) * SECOND
        await play.advance(7199)
        assert play.network.handed == []
        await play.advance(1)
        assert [one.id for one in play.network.handed] == [message.id]


async def test_what_expires_before_it_leaves_ends_expired_with_a_receipt() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted(validity_period=b"000000000100000R", registered_delivery=FINAL)
        await play.advance(61)
        play.network.open()
        await play.quiet()
        assert play.network.handed == []
        row = await play.stored(message)
        assert (row.stage, row.message_state) == (Stage.CLOSED, MessageState.EXPIRED)
        (receipt,) = play.bound.handed
        assert receipt_of(receipt)["state"] == bytes([MessageState.EXPIRED])
        assert play.journey.queued == 0


async def test_a_receipt_that_nobody_fetches_becomes_a_dead_letter() -> None:
    async with Play(bound_room=0, retry=RetrySettings(receipt_validity=60.0)) as play:
        message = await play.submitted(registered_delivery=FINAL)
        play.network.settle(message)
        await play.advance(61)
        play.bound.open()
        await play.quiet()
        (dead,) = await play.store.listing(_everything(stage=int(Stage.DEAD)))
        assert dead.id == message.receipt
        assert play.bound.history == []
        play.assert_nothing_left()


async def test_receipts_wait_for_an_absent_esme_and_come_in_order_when_it_binds() -> None:
    async with Play(bound_room=0) as play:
        messages = [await play.submitted(registered_delivery=FINAL) for _ in range(10)]
        for message in messages:
            play.network.settle(message)
            await play.quiet()
        assert play.bound.handed == []
        play.bound.open()
        await play.quiet()
        assert [one.original for one in play.bound.handed] == [one.id for one in messages]


# --- intermediate notifications ---------------------------------------------------------------------------------------


async def test_an_intermediate_notification_tells_of_every_attempt_and_is_not_the_final_word() -> None:
    async with Play(retry=RetrySettings(schedule=[10.0])) as play:
        message = await play.submitted(registered_delivery=NOTIFY | FINAL)
        play.network.outcome(message, Deferred("absent"))
        await play.advance(10)
        (again,) = play.network.handed
        play.network.outcome(again, Accepted("1"), ends=False)
        await play.quiet()
        play.network.settle(again)
        await play.quiet()
        told = [(one.kind, one.content.esm_class, receipt_of(one)["state"]) for one in play.bound.handed]
        assert told == [
            (Kind.NOTIFICATION, pdu.ESM_TYPE_INTERMEDIATE_NOTIFICATION, b"\x01"),
            (Kind.NOTIFICATION, pdu.ESM_TYPE_INTERMEDIATE_NOTIFICATION, b"\x01"),
            (Kind.RECEIPT, pdu.ESM_TYPE_RECEIPT, b"\x02"),
        ]
        assert again.receipt == play.bound.handed[2].id


# --- MO ---------------------------------------------------------------------------------------------------------------


async def test_an_mo_reaches_the_esme_that_receives_its_destination() -> None:
    async with Play() as play:
        mo = play.journey.accept_mo(deliver_sm(), play.answers)
        await play.quiet()
        assert play.answers.given == [(mo, pdu.ESME_ROK)]
        assert play.bound.handed == [mo]
        play.bound.outcome(mo, Delivered())
        await play.quiet()
        assert (await play.stored(mo)).stage == Stage.CLOSED
        play.assert_nothing_left()


async def test_an_mo_that_nobody_receives_is_stored_answered_and_dead() -> None:
    async with Play() as play:
        play.journey.receivers = Receivers({})
        mo = play.journey.accept_mo(deliver_sm(), play.answers)
        await play.quiet()
        assert play.answers.given == [(mo, pdu.ESME_ROK)]
        row = await play.stored(mo)
        assert (row.stage, row.message_state, row.connector) == (Stage.DEAD, MessageState.UNDELIVERABLE, "nobody")
        assert play.closed == [mo]
        play.assert_nothing_left()


async def test_an_mt_routed_to_another_esme_is_delivered_to_it_and_reported_to_its_sender() -> None:
    async with Play() as play:
        other = Scripted("esme:other", stores_lease=False)
        play.use(play.network, play.bound, other)
        play.journey.routes = Ruleset([RouteSettings(["esme:other"])])
        message = await play.submitted(registered_delivery=FINAL)
        assert other.handed == [message]
        other.outcome(message, Delivered())
        await play.quiet()
        assert (await play.stored(message)).message_state == DELIVERED
        assert [receipt_of(one)["state"] for one in play.bound.handed] == [b"\x02"]


async def test_an_end_without_a_receipt_shares_the_commit_of_the_next_message(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "LULL", 1000.0)
    async with Play() as play:
        messages = [await play.submitted() for _ in range(3)]
        commits = sum(play.counters.store.batches.counts)
        play.network.handed.clear()
        play.journey.settle_all(messages, DELIVERED, 0)
        play.accepted()
        await play.quiet()
        assert play.closed == messages
        assert sum(play.counters.store.batches.counts) == commits + 1


async def test_what_an_esme_has_acknowledged_is_committed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "LULL", 1000.0)
    async with Play() as play:
        message = await play.submitted(registered_delivery=FINAL)
        play.journey.settle_all([message], DELIVERED, 0)
        await play.quiet()
        (receipt,) = play.bound.handed
        play.journey.delivered([receipt])
        await play.quiet()
        assert [one.id for one in play.closed] == [message.id, receipt.id]


# --- crashes ----------------------------------------------------------------------------------------------------------


async def test_an_end_that_a_crash_has_lost_is_told_again_by_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commit, "LULL", 1000.0)
    async with Play() as play:
        message = await play.submitted()
        play.network.outcome(message, Accepted("up-1"), ends=False)
        await play.quiet()
        play.journey.settle_all([message], DELIVERED, 0)
        await play.crash()
        (resumed,) = play.network.resumed
        assert play.closed == []
        play.network.settle(resumed)
        await play.quiet()
        assert [one.id for one in play.closed] == [message.id]
        play.assert_nothing_left()


async def test_what_was_taken_over_before_a_crash_is_resumed_and_not_sent_again() -> None:
    async with Play() as play:
        message = await play.submitted(registered_delivery=FINAL)
        play.network.outcome(message, Accepted("up-1"), ends=False)
        await play.quiet()
        await play.crash()
        assert play.network.history == []
        (resumed,) = play.network.resumed
        assert (resumed.id, resumed.parts[0].upstream_message_id) == (message.id, "up-1")
        play.network.settle(resumed)
        await play.quiet()
        row = await play.stored(message)
        assert (row.stage, row.attempts) == (Stage.CLOSED, 1)
        assert len(play.bound.handed) == 1


async def test_a_receipt_in_flight_at_a_crash_is_delivered_again() -> None:
    async with Play() as play:
        message = await play.submitted(registered_delivery=FINAL)
        play.network.settle(message)
        await play.quiet()
        (receipt,) = play.bound.handed
        await play.crash()
        assert [one.id for one in play.bound.handed] == [receipt.id]
        play.bound.outcome(play.bound.handed[0], Delivered())
        await play.quiet()
        play.assert_nothing_left()


@pytest.mark.parametrize("turns", range(8))
async def test_after_a_crash_the_queue_is_counted_once(turns: int) -> None:
    """However long the store takes to answer, what is forwarded meanwhile is not counted as waiting."""
    async with Play() as play:
        play.store.turns = turns
        in_doubt = [play.accepted() for _ in range(5)]
        await play.quiet()
        play.network.room = 5
        queued = [await play.submitted() for _ in range(7)]
        await play.crash()
        assert {one.id for one in play.network.handed} == {one.id for one in [*in_doubt, *queued]}
        assert play.journey.queued == 0
        assert play.counts() == {"network": (0, 0, 12, 12)}


async def test_what_an_upstream_has_taken_over_waits_for_a_connector_that_is_gone_from_the_file() -> None:
    """It must not be sent again when the connector comes back: it was taken over."""
    async with Play() as play:
        message = await play.submitted()
        play.network.outcome(message, Accepted("up-1"), ends=False)
        await play.quiet()
        routes, network = play.journey.routes, play.network
        play.network = Scripted("elsewhere")
        begin = play._begin

        def without_network(bound_room: int, network_room: int) -> None:
            begin(bound_room, network_room)
            play.use(play.bound)

        play._begin = without_network  # type: ignore[method-assign]
        await play.crash()
        assert (await play.stored(message)).stage == Stage.LEASED
        play._begin = begin  # type: ignore[method-assign]
        await play.crash()
        assert [one.id for one in play.network.resumed] == [message.id]
        assert play.network.history == []
        assert routes
        assert network.history == [message]


def _everything(stage: int | None = None) -> Listing:
    return Listing(stage=stage)


def _no_room(play: Play) -> list[bool]:
    """Commits fail for want of room until the list is empty."""
    full = [True]
    write = play.store._write

    async def refuse(batch: Batch) -> None:
        if full:
            raise StoreFull("the disk is full")
        await write(batch)

    play.store._commit._write = refuse
    return full


async def test_of_messages_that_are_cut_only_as_many_leave_at_once_as_there_is_credit_for_their_parts() -> None:
    """A hundred texts of 249 parts each would otherwise be one commit of 24,900 rows, for which everybody waits."""
    async with Play(network_room=0) as play:
        cast("Any", play.network).divide = lambda message: message.segments
        texts = [("a", 60), ("b", 60), ("c", 1), ("d", 200), ("e", 30), ("f", 30), ("g", 30), ("h", 30)]
        for text, parts in texts:
            await play.submitted(b"", tlvs=[pdu.tlv.payload(text.encode() * 153 * parts)])
        left: list[str] = []

        def leaves() -> str:
            some = [text_of(message.content)[:1] for message in play.network.handed]
            left.extend(some)
            for message in list(play.network.handed):
                play.network.settle(message)
            return "".join(some)

        together = []
        play.network.open(100)
        await play.quiet()
        while some := leaves():
            together.append(some)
            await play.quiet()
        assert together == ["a", "bc", "d", "efg", "h"]
        play.assert_nothing_left()


async def test_of_long_messages_that_come_together_one_goes_straight_out_and_the_others_wait_for_their_turn() -> None:
    async with Play(network_room=100) as play:
        cast("Any", play.network).divide = lambda message: message.segments
        for text in (b"a", b"b", b"c"):
            play.accepted(b"", tlvs=[pdu.tlv.payload(text * 153 * 60)])
        await play.quiet()
        assert [text_of(message.content)[:1] for message in play.network.handed] == ["a", "b"]
        play.network.settle(play.network.handed[0])
        await play.quiet()
        assert [text_of(message.content)[:1] for message in play.network.handed] == ["b", "c"]
        play.network.settle(play.network.handed[0])
        play.network.settle(play.network.handed[0])
        await play.quiet()
        play.assert_nothing_left()
