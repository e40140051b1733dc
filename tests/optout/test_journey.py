"""STOP on a message's way: what leaves, what does not, and what is answered."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smscd import pdu
from smscd.admin.commands import handset_message
from smscd.admin.optouts import OptOutCommands
from smscd.interception import ACTION_TLV, ANSWER_VALIDITY
from smscd.message import FAIL, OPT_OUT, Accepted, Deferred, Message, Rejected, Stage, Unanswered, octets_of, text_of
from smscd.optout import BLOCKED_TEXT, OptOutSettings
from smscd.pdu import MessageState
from smscd.routing import RouteSettings, Ruleset
from tests.optout.stage import HANDSET, answers, mo, play
from tests.play import Play, Scripted


async def test_stop_blocks_the_next_submit_and_nobody_else() -> None:
    async with play() as one:
        mo(one)
        assert one.accept() == pdu.ESME_RSUBMITFAIL, "before the STOP is even committed"
        await one.quiet()
        assert isinstance(one.accept(destination_addr=b"447700900002"), Message)
        assert isinstance(one.accept(source_addr=b"54321"), Message), "another sender of the same account"
        assert one.counters.esme("test").blocked == {"pair": 1}
        assert one.counters.daemon.opt_outs == {"stop": 1}


async def test_stop_is_confirmed_once_from_the_number_that_got_it() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        (confirmation,) = one.network.handed
        assert confirmation.content.source_addr == b"12345"
        assert confirmation.content.destination_addr == HANDSET
        assert text_of(confirmation.content).startswith("You have successfully been unsubscribed.")
        assert (confirmation.origin, confirmation.in_doubt) == (OPT_OUT, FAIL)
        assert confirmation.content.registered_delivery == 0
        assert confirmation.expires - confirmation.accepted_at == ANSWER_VALIDITY * 1_000_000 == 300_000_000
        one.network.settle(confirmation)
        mo(one, "stop")
        await one.quiet()
        assert len(answers(one)) == 1, "not again within the day"
        await one.advance(90_000)
        mo(one, "stop")
        await one.quiet()
        assert len(answers(one)) == 2


async def test_a_confirmation_that_could_not_leave_within_five_minutes_never_does() -> None:
    async with Play(opt_out=OptOutSettings(), network_room=0) as one:
        mo(one)
        await one.advance(301)
        one.network.open()
        await one.quiet()
        assert one.network.history == []
        assert one.accept() == pdu.ESME_RSUBMITFAIL


async def test_a_confirmation_in_doubt_is_not_sent_again() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        (confirmation,) = one.network.handed
        one.network.outcome(confirmation, Unanswered())
        await one.quiet()
        assert (await one.stored(confirmation)).message_state == MessageState.UNKNOWN
        assert len(answers(one)) == 1


async def test_start_lifts_the_block_and_is_answered_once() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        mo(one, "START")
        await one.quiet()
        assert isinstance(one.accept(), Message)
        assert len(answers(one)) == 2
        mo(one, "START")
        await one.quiet()
        assert len(answers(one)) == 2, "there was nothing to start"


async def test_a_start_that_is_not_committed_lifts_nothing_and_a_stop_after_it_wins() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        mo(one, "START")
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        mo(one, "STOP")
        await one.quiet()
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        await one.crash()
        assert one.accept() == pdu.ESME_RSUBMITFAIL


async def test_yes_starts_only_somebody_who_has_stopped_lately() -> None:
    async with play() as one:
        mo(one, "yes")
        mo(one, "STOP")
        mo(one, "Yes!")
        await one.quiet()
        assert isinstance(one.accept(), Message)
        mo(one, "STOP")
        await one.advance(33 * 86_400)
        mo(one, "yes")
        await one.quiet()
        assert one.accept() == pdu.ESME_RSUBMITFAIL


async def test_help_is_answered_even_to_somebody_who_has_stopped_but_not_for_ever() -> None:
    async with play(help_text={"12345": "ACME. STOP to end."}, answer_limit=3) as one:
        mo(one, "STOP")
        for _ in range(5):
            mo(one, "help")
        await one.quiet()
        assert answers(one)[1:] == ["ACME. STOP to end."] * 2


async def test_a_crash_forgets_neither_the_block_nor_that_it_was_confirmed() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        one.network.outcome(one.network.handed[0], Accepted("1"))
        await one.crash()
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        mo(one)
        await one.quiet()
        assert answers(one) == [], "what the process before has answered is not answered again"


async def test_what_waits_is_looked_at_again_when_it_leaves() -> None:
    async with Play(opt_out=OptOutSettings(), network_room=0) as one:
        waiting = await one.submitted(registered_delivery=1)
        mo(one)
        one.network.open()
        await one.quiet()
        assert [message.origin for message in one.network.history] == [OPT_OUT]
        stored = await one.stored(waiting)
        assert (stored.stage, stored.message_state, stored.error_code) == (Stage.CLOSED, MessageState.REJECTED, 407)
        receipts = [m for m in one.bound.handed if m.content.esm_class & pdu.ESM_TYPE_RECEIPT]
        assert BLOCKED_TEXT.encode() in octets_of(receipts[0].content)
        assert one.counts().keys() <= {"esme:test", "network"}


async def test_of_many_that_leave_together_only_those_stay_whose_recipient_has_stopped() -> None:
    async with Play(opt_out=OptOutSettings(), network_room=0) as one:
        await one.journey.interception.tidy()  # the filter that a start makes
        others = [b"4477009%05d" % number for number in range(10, 14)]
        waiting = [await one.submitted(destination_addr=to) for to in (*others[:2], HANDSET, *others[2:])]
        mo(one)
        one.network.open()
        await one.quiet()
        left = [message.content.destination_addr for message in one.network.history if message.origin != OPT_OUT]
        assert sorted(left) == others
        assert (await one.stored(waiting[2])).message_state == MessageState.REJECTED


async def test_a_scheduled_message_whose_recipient_stops_before_its_time_stays() -> None:
    async with play() as one:
        later = pdu.times.format_relative(3600)
        await one.submitted(schedule_delivery_time=later)
        mo(one)
        await one.advance(3700)
        assert [message.origin for message in one.network.history] == [OPT_OUT]


async def test_a_message_that_is_tried_again_is_looked_at_again() -> None:
    async with play(confirm=False) as one:
        message = await one.submitted()
        one.network.outcome(message, Deferred("busy", retry_after=10.0))
        mo(one)
        await one.advance(60)
        assert one.network.handed == []
        assert (await one.stored(message)).message_state == MessageState.REJECTED


async def test_with_receipt_a_blocked_message_is_accepted_and_reported_and_never_sent() -> None:
    async with play(confirm=False) as one:
        one.account(opt_out="receipt")
        mo(one)
        message = await one.submitted(registered_delivery=1)
        assert one.answers.of(pdu.ESME_ROK)[-1] is message
        assert one.network.history == []
        receipt = next(m for m in one.bound.handed if m.content.esm_class & pdu.ESM_TYPE_RECEIPT)
        said = octets_of(receipt.content)
        assert b"stat:REJECTD err:407" in said
        assert said.endswith(BLOCKED_TEXT.encode())
        assert pdu.tlv.get(receipt.content.tlvs, pdu.Tag.message_state) == b"\x08"
        assert pdu.tlv.get(receipt.content.tlvs, pdu.Tag.network_error_code) == b"\x08\x01\x97"
        for waiting in list(one.bound.handed):
            one.bound.settle(waiting)
        await one.quiet()
        one.assert_nothing_left()


async def test_with_off_nothing_is_blocked_but_everything_is_recorded() -> None:
    async with play() as one:
        one.account(opt_out="off")
        mo(one)
        await one.submitted()
        assert len(one.network.history) == 2
        assert len(await one.store.opt_outs.rows(None, 10)) == 1


async def test_the_esme_is_told_what_was_understood() -> None:
    async with play() as one:
        for characters in ("STOP", "START", "INFO", "STPO", "hello"):
            mo(one, characters)
        await one.quiet()
        told = [pdu.tlv.get(message.content.tlvs, ACTION_TLV) for message in one.bound.handed]
        assert told == [b"stop\0", b"start\0", b"help\0", b"flag\0", None]


async def test_without_relay_the_esme_sees_only_what_is_not_understood_for_sure() -> None:
    async with play(relay=False) as one:
        stop = mo(one, "STOP")
        for characters in ("STPO", "hello"):
            mo(one, characters)
        await one.quiet()
        assert [octets_of(message.content) for message in one.bound.handed] == [b"STPO", b"hello"]
        assert (await one.stored(stop)).stage == Stage.CLOSED
        assert one.accept() == pdu.ESME_RSUBMITFAIL


async def test_stop_while_the_esme_is_away_blocks_and_waits_for_it() -> None:
    async with Play(opt_out=OptOutSettings(), bound_room=0) as one:
        mo(one)
        await one.quiet()
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        assert one.bound.handed == []
        one.bound.open()
        await one.quiet()
        assert [octets_of(message.content) for message in one.bound.handed] == [b"STOP"]


@pytest.mark.parametrize(
    "fields",
    [
        {"esm_class": pdu.ESM_TYPE_RECEIPT}, {"data_coding": 4}, {"data_coding": 0xF5}, {"source_addr": b"67890"},
        {"source_addr": b"ACME", "source_addr_ton": 5},
    ],
)  # fmt: skip
async def test_a_receipt_a_binary_message_and_a_machine_stop_nothing(fields: dict[str, Any]) -> None:
    async with play() as one:
        mo(one, "STOP", **fields)
        await one.quiet()
        assert isinstance(one.accept(), Message)
        assert answers(one) == []
        assert await one.store.opt_outs.journal(None, 1 << 60, 10) == []


async def test_a_carrier_managed_number_is_recorded_and_not_answered() -> None:
    async with play(carrier_managed=["+1800*"]) as one:
        mo(one, "STOP", destination_addr=b"18005550100", dest_addr_ton=1)
        await one.quiet()
        assert one.accept(source_addr=b"+18005550100") == pdu.ESME_RSUBMITFAIL
        assert answers(one) == []


@pytest.mark.parametrize(
    ("ton", "written"), [(1, b"447700900001"), (0, b"+447700900001"), (2, b"7700900001"), (0, b"07700900001"),
                         (0, b"00447700900001")],
)  # fmt: skip
async def test_a_recipient_is_blocked_however_its_number_is_written(ton: int, written: bytes) -> None:
    async with play(default_country="44") as one:
        mo(one)
        assert one.accept(dest_addr_ton=ton, destination_addr=written) == pdu.ESME_RSUBMITFAIL


async def test_stop_to_a_reply_number_reaches_the_names_that_it_serves() -> None:
    async with play(reply_number={"ACME": "12345", "Brand": "12345"}) as one:
        mo(one)
        for sender in (b"ACME", b"brand", b"12345"):
            assert one.accept(source_addr=sender, source_addr_ton=5) == pdu.ESME_RSUBMITFAIL, sender
        assert isinstance(one.accept(source_addr=b"OTHER", source_addr_ton=5), Message)


async def test_a_pool_stops_and_starts_together() -> None:
    async with play(scope="pool", pools={"brand": ["12345", "+447700900000"]}) as one:
        mo(one)
        assert one.accept(source_addr=b"447700900000", source_addr_ton=1) == pdu.ESME_RSUBMITFAIL
        assert isinstance(one.accept(source_addr=b"99999"), Message)
        mo(one, "START")
        await one.quiet()
        assert isinstance(one.accept(source_addr=b"447700900000", source_addr_ton=1), Message)


@pytest.mark.parametrize(
    ("asked", "handset", "reaches"),
    [
        ({}, HANDSET, False), ({"scope": "account"}, HANDSET, True), ({"us_revoke_all": True}, HANDSET, False),
        ({"us_revoke_all": True}, b"12025550123", True), ({"scope": "global"}, HANDSET, True),
    ],
)  # fmt: skip
async def test_how_far_a_stop_reaches(asked: dict[str, Any], handset: bytes, reaches: bool) -> None:
    async with play(**asked) as one:
        mo(one, source_addr=handset)
        other = one.accept(source_addr=b"99999", destination_addr=handset)
        assert isinstance(other, Message) is not reaches


async def test_stopall_reaches_every_sender_of_the_account() -> None:
    async with play() as one:
        mo(one, "STOPALL")
        assert one.accept(source_addr=b"99999") == pdu.ESME_RSUBMITFAIL
        mo(one, "START")
        await one.quiet()
        assert isinstance(one.accept(source_addr=b"99999"), Message)


async def test_stop_to_a_rewritten_sender_and_to_the_sender_of_a_failover_connector() -> None:
    async with play(confirm=False) as one:
        rewriting = Scripted("rewriting")
        rewriting.shows = b"67890"
        one.use(one.network, one.bound, rewriting)
        one.journey.routes = Ruleset([RouteSettings(["network", "rewriting"])])
        mo(one, destination_addr=b"67890")
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        assert isinstance(one.accept(destination_addr=b"447700900002"), Message)


async def test_a_stop_in_two_parts_is_a_stop_even_across_a_crash() -> None:
    long = " " * 160 + "STOP"
    async with play() as one:
        first, second = handset_message("447700900001", "12345", long, 7)
        one.journey.accept_mo(first, connector="network")
        await one.quiet()
        assert isinstance(one.accept(), Message)
        await one.crash()
        one.journey.accept_mo(second, connector="network")
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        await one.quiet()
        assert len(answers(one)) == 1


async def test_parts_whose_others_come_too_late_are_not_joined() -> None:
    first, second = handset_message("447700900001", "12345", " " * 160 + "STOP", 7)
    async with play() as one:
        one.journey.accept_mo(first, connector="network")
        await one.advance(601)
        one.journey.interception.forget_parts()
        one.journey.accept_mo(second, connector="network")
        assert isinstance(one.accept(), Message)


async def test_nothing_leaves_while_the_list_is_of_another_generation() -> None:
    async with play() as one:
        one.store.opt_outs.generation = 1
        message = await one.submitted()
        assert one.network.history == []
        one.store.opt_outs.generation = 0
        await one.advance(2)
        assert [left.id for left in one.network.handed] == [message.id]


async def test_a_refusal_of_upstream_blocks_nobody_else() -> None:
    async with play() as one:
        message = await one.submitted()
        one.network.outcome(message, Rejected(pdu.ESME_RSUBMITFAIL, "opted out"))
        await one.quiet()
        assert isinstance(one.accept(source_addr=b"99999"), Message)


async def erased(one: Play) -> None:
    await OptOutCommands(one.journey).erase({"to": HANDSET.decode(), "reason": "asked"})


async def test_an_erased_number_stays_blocked_for_what_is_submitted_and_what_waits() -> None:
    async with play() as one:
        waiting = await one.submitted(schedule_delivery_time=pdu.times.format_relative(3600))
        mo(one)
        await one.quiet()
        await erased(one)
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        assert isinstance(one.accept(source_addr=b"99999"), Message)
        await one.crash()
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        await one.advance(3700)
        assert (await one.stored(waiting)).message_state == pdu.MessageState.REJECTED


async def test_an_erasure_forgets_neither_the_answers_of_the_day_nor_that_yes_may_start() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        for given in (1, 0):  # the network of the second time has seen no other
            await erased(one)
            mo(one)
            await one.quiet()
            assert len(answers(one)) == given
            await one.crash()
        mo(one, "YES")
        await one.quiet()
        assert isinstance(one.accept(), Message)
        await one.crash()
        assert isinstance(one.accept(), Message)


async def test_a_number_that_is_erased_while_its_start_is_written_is_free() -> None:
    async with play() as one:
        mo(one)
        await one.quiet()
        mo(one, "START")
        await erased(one)
        assert isinstance(one.accept(), Message)
        await one.crash()
        assert isinstance(one.accept(), Message)


async def test_a_revoke_all_of_an_erased_number_still_reaches_the_account() -> None:
    async with play(us_revoke_all=True, confirm=False) as one:
        mo(one, source_addr=b"12025550123", source_addr_ton=1)
        await one.quiet()
        commands = OptOutCommands(one.journey)
        await commands.erase({"to": "12025550123", "reason": "asked"})
        mo(one, "START", source_addr=b"12025550123", source_addr_ton=1)
        await one.quiet()
        mo(one, source_addr=b"12025550123", source_addr_ton=1)
        await one.quiet()
        assert one.accept(source_addr=b"99999", destination_addr=b"12025550123") == pdu.ESME_RSUBMITFAIL


ACTS = st.lists(st.sampled_from(["STOP", "START", "submit", "turn", "take", "quiet", "crash", "erase"]), max_size=25)


@settings(max_examples=60, deadline=None)
@given(ACTS)
def test_no_interleaving_hands_a_message_over_after_a_stop_was_answered(acts: list[str]) -> None:
    asyncio.run(_interleaved(acts))


async def _interleaved(acts: list[str]) -> None:
    async with Play(opt_out=OptOutSettings(confirm=False, answer=False), network_room=0) as one:
        blocked_since: int | None = None
        for act in acts:
            if act == "submit":
                one.accept()
            elif act == "quiet":
                await one.quiet()
            elif act == "take":
                one.network.open(len(one.network.handed) + 1)
            elif act == "crash":
                await one.quiet()
                await one.crash(network_room=0)
                blocked_since = 0 if blocked_since is not None else None
            elif act == "erase":
                await erased(one)
            elif act in {"STOP", "START"}:
                mo(one, act)
                await one.quiet()  # its answer is written
                blocked_since = len(one.network.history) if act == "STOP" else None
            if blocked_since is not None:
                assert len(one.network.history) <= blocked_since
        if blocked_since is not None:
            one.network.open()
            await one.quiet()
            assert len(one.network.history) <= blocked_since
