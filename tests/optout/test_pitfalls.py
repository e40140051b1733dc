"""What went wrong elsewhere, one test per complaint: the thread is named where there is one."""

from __future__ import annotations

from typing import Any

import pytest

from smscd import pdu
from smscd.message import OPT_OUT, Deferred, Message, Stage, Unanswered, octets_of, text_of
from smscd.optout import Matcher, OptOutSettings
from smscd.pdu import MessageState
from smscd.rerouting import reroute_all
from smscd.routing import Receivers, RouteSettings, Ruleset
from tests.cast import submit_sm
from tests.optout.stage import HANDSET, answers, mo, play
from tests.play import Play, Scripted

TOLL_FREE: dict[str, Any] = {"destination_addr": b"18005550100", "dest_addr_ton": 1, "dest_addr_npi": 1}


def relayed(one: Play) -> list[bytes]:
    return [octets_of(message.content) for message in one.bound.history if message.kind == 1]


# --- the confirmation -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scope", ["pair", "pool", "account", "global"])
async def test_no_block_eats_its_own_confirmation(scope: str) -> None:
    """SparkDevNetwork/Rock #7049: the row was there before the confirmation was sent, and stopped it."""
    async with play(scope=scope, pools={"brand": ["12345"]}) as one:
        mo(one)
        await one.quiet()
        assert len(answers(one)) == 1
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        mo(one, "HELP")
        await one.quiet()
        assert len(answers(one)) == 2


async def test_a_confirmation_that_is_tried_again_is_not_eaten_either() -> None:
    async with Play(opt_out=OptOutSettings(), network_room=0) as one:
        mo(one)
        await one.advance(120)
        one.network.open()
        await one.quiet()
        assert len(answers(one)) == 1


async def test_stop_to_a_rewritten_sender_is_confirmed_by_the_connector_that_shows_it() -> None:
    async with play() as one:
        rewriting = Scripted("rewriting")
        rewriting.shows = b"67890"
        one.use(one.network, one.bound, rewriting)
        one.journey.accept_mo(
            pdu.DeliverSm(source_addr=HANDSET, destination_addr=b"67890", short_message=b"STOP"), connector="rewriting"
        )
        await one.quiet()
        (confirmation,) = rewriting.history
        assert (confirmation.origin, confirmation.content.source_addr) == (OPT_OUT, b"67890")
        assert one.network.history == []


async def test_a_confirmation_takes_no_other_way_and_is_never_repeated_in_doubt() -> None:
    """Another connector may show another sender, and its policy for what is in doubt is not the confirmation's."""
    async with play() as one:
        spare = Scripted("spare")
        spare.shows = b"67890"
        one.use(one.network, one.bound, spare)
        one.journey.routes = Ruleset([RouteSettings(["network", "spare"])])
        mo(one)
        await one.quiet()
        (confirmation,) = one.network.handed
        one.network.outcome(confirmation, Deferred("throttled", command_status=pdu.ESME_RTHROTTLED))
        one.network.alive = False
        await reroute_all(one.journey)
        await one.advance(20)
        assert spare.history == []
        (again,) = one.network.handed
        one.network.outcome(again, Unanswered())
        await one.advance(200)
        assert [message.id for message in one.network.history] == [confirmation.id] * 2
        assert (await one.stored(confirmation)).message_state == MessageState.UNKNOWN


async def test_the_confirmation_can_be_left_to_somebody_else() -> None:
    """politics-rewired/Spoke #1066: the platform below confirms already, and people got two."""
    async with play(confirm=False) as one:
        mo(one)
        await one.quiet()
        assert answers(one) == []
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        mo(one, "START")
        await one.quiet()
        assert len(answers(one)) == 1, "only the confirmation of STOP is off"


async def test_a_stranger_is_confirmed_too() -> None:
    """CTIA short code handbook, CWTA: STOP is answered even to who never got anything."""
    async with play() as one:
        mo(one, source_addr=b"447700999999")
        await one.quiet()
        assert len(answers(one)) == 1


async def test_two_machines_that_answer_each_other_stop_talking() -> None:
    async with play(answer_limit=4) as one:
        for _ in range(20):
            mo(one, "STOP")
            await one.quiet()
            mo(one, "START")
            await one.quiet()
        assert len(answers(one)) == 4
        await one.advance(26 * 3600)
        mo(one, "HELP")
        await one.quiet()
        assert len(answers(one)) == 5, "but not for ever"


# --- what counts as a keyword -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["stop", "quit", "end", "revoke", "opt out", "cancel", "unsubscribe"])
def test_every_word_that_the_law_names_stops(word: str) -> None:
    """47 CFR 64.1200(a)(10); SparkDevNetwork/Rock #6399: REVOKE and OPTOUT were missing."""
    matcher = Matcher(OptOutSettings())
    for written in (word, word.upper(), word.title() + ".", f"{word} please"):
        match = matcher.match(written)
        assert match is not None
        assert match.action == "stop"


@pytest.mark.parametrize("text", ["Stop. Thank you", "STOP!! thanks", "please stop"])
async def test_a_polite_stop_is_a_stop(text: str) -> None:
    """p2pu/learning-circles #593."""
    async with play() as one:
        mo(one, text)
        assert one.accept() == pdu.ESME_RSUBMITFAIL


@pytest.mark.parametrize("text", ["Count me in! We have got to STOP this terrible bill", "we have to STOP this bill"])
async def test_an_activist_is_not_opted_out(text: str) -> None:
    """ProgressiveCoders/Spoke #1016: a bare substring."""
    async with play() as one:
        mo(one, text)
        await one.quiet()
        assert isinstance(one.accept(), Message)
        assert answers(one) == []
        (relayed_mo,) = [message for message in one.bound.handed if message.kind == 1]
        assert relayed_mo.content.tlvs == []


@pytest.mark.parametrize(("action", "blocked"), [("flag", False), ("stop", True), ("off", False)])
async def test_plain_words_can_be_made_to_count(action: Any, blocked: bool) -> None:
    """ProgressiveCoders/Spoke #2184, p2pu/learning-circles #372: "please stop sending text reminders"."""
    async with play(phrase_action=action) as one:
        mo(one, "please stop sending text reminders")
        await one.quiet()
        assert isinstance(one.accept(), Message) is not blocked
        events = [event.kind for _, event in await one.store.opt_outs.journal(None, 1 << 60, 10)]
        assert events == {"flag": ["flag"], "stop": ["stop"], "off": []}[action]


# --- what the ESME sees -----------------------------------------------------------------------------------------------


async def test_with_relay_off_no_person_reads_a_stop_and_no_flow_gets_a_start() -> None:
    """p2pu/learning-circles #143; rapidpro/rapidpro #519: the START went into whatever flow was running."""
    async with play(relay=False) as one:
        for characters in ("STOP", "HELP", "START"):
            mo(one, characters)
            await one.quiet()
        assert relayed(one) == []


@pytest.mark.parametrize("relay", [True, False])
async def test_a_start_that_starts_nothing_is_the_esmes(relay: bool) -> None:
    """Somebody who was never stopped subscribes to the service."""
    async with play(relay=relay) as one:
        mo(one, "START")
        await one.quiet()
        assert relayed(one) == [b"START"]
        assert answers(one) == []


async def test_stop_to_a_number_that_nobody_receives_blocks_and_is_confirmed() -> None:
    async with play() as one:
        one.journey.receivers = Receivers({})
        stop = mo(one)
        await one.quiet()
        assert (await one.stored(stop)).stage == Stage.DEAD
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        assert len(answers(one)) == 1


# --- toll-free --------------------------------------------------------------------------------------------------------


async def test_on_a_number_that_its_carrier_manages_only_start_and_unstop_lift() -> None:
    async with play(carrier_managed=["+1800*"]) as one:
        mo(one, "STOP", **TOLL_FREE)
        mo(one, "YES", **TOLL_FREE)
        mo(one, "HELP", **TOLL_FREE)
        await one.quiet()
        assert one.accept(source_addr=b"18005550100", source_addr_ton=1) == pdu.ESME_RSUBMITFAIL
        mo(one, "UNSTOP", **TOLL_FREE)
        await one.quiet()
        assert isinstance(one.accept(source_addr=b"18005550100", source_addr_ton=1), Message)
        assert answers(one) == [], "the carrier gives its own"


# --- how far it reaches -----------------------------------------------------------------------------------------------


async def test_start_lifts_what_us_revoke_all_has_made() -> None:
    handset: dict[str, Any] = {"source_addr": b"12025550123"}
    async with play(us_revoke_all=True) as one:
        mo(one, **handset)
        assert one.accept(source_addr=b"99999", destination_addr=b"12025550123") == pdu.ESME_RSUBMITFAIL
        mo(one, "START", **handset)
        await one.quiet()
        assert isinstance(one.accept(source_addr=b"99999", destination_addr=b"12025550123"), Message)


async def test_switching_us_revoke_all_on_touches_no_row_of_before() -> None:
    handset: dict[str, Any] = {"source_addr": b"12025550123"}
    async with play() as one:
        mo(one, **handset)
        await one.quiet()
        before = await one.store.opt_outs.rows(None, 10)
        optout = one.journey.interception.optout
        assert optout is not None
        optout.apply(OptOutSettings(us_revoke_all=True))
        assert await one.store.opt_outs.rows(None, 10) == before
        assert isinstance(one.accept(source_addr=b"99999", destination_addr=b"12025550123"), Message)
        mo(one, **handset)
        assert one.accept(source_addr=b"99999", destination_addr=b"12025550123") == pdu.ESME_RSUBMITFAIL


# --- enforcement ------------------------------------------------------------------------------------------------------


async def test_a_data_sm_and_each_destination_of_a_submit_multi_are_looked_at() -> None:
    async with play() as one:
        mo(one)
        data = pdu.DataSm(
            source_addr=b"12345", destination_addr=HANDSET, tlvs=[(int(pdu.Tag.message_payload), b"hello")]
        )
        assert one.journey.accept(data, one.test, 0x34, one.answers) == pdu.ESME_RSUBMITFAIL
        first = one.accepted(destination_addr=b"447700900002")
        second = one.journey.accept(submit_sm(), one.test, 0x34, one.answers, first)
        assert second == pdu.ESME_RSUBMITFAIL


async def test_a_message_that_fails_over_is_looked_at_with_the_sender_that_the_other_connector_shows() -> None:
    async with play(confirm=False) as one:
        spare = Scripted("spare")
        spare.shows = b"67890"
        one.use(one.network, one.bound, spare)
        one.journey.routes = Ruleset([RouteSettings(["network", "spare"])])
        one.network.room = spare.room = 0
        waiting = await one.submitted()
        mo(one, destination_addr=b"67890")
        one.network.alive = False
        spare.open()
        await reroute_all(one.journey)
        await one.advance(60)
        assert spare.history == []
        assert (await one.stored(waiting)).message_state == MessageState.REJECTED


async def test_a_blocked_attempt_is_counted_and_costs_no_quota() -> None:
    """episphere/connect #913: a blocked message was an error, and no record of it was kept."""
    async with play(confirm=False) as one:
        one.account(daily_quota=1)
        mo(one)
        for _ in range(3):
            assert one.accept() == pdu.ESME_RSUBMITFAIL
        assert one.counters.esme("test").blocked == {"pair": 3}
        assert isinstance(one.accept(destination_addr=b"447700900002"), Message)


async def test_a_long_message_whose_list_is_not_loaded_waits_whole() -> None:
    class Dividing(Scripted):
        provider = "carrier"

        def divide(self, message: Message) -> int:
            return 3

    async with play() as one:
        dividing = Dividing("network")
        one.use(dividing, one.bound)
        one.store.opt_outs.generation = 1
        message = await one.submitted()
        assert dividing.history == []
        one.store.opt_outs.generation = 0
        await one.advance(2)
        assert [left.id for left in dividing.handed] == [message.id]


async def test_the_answer_is_in_the_language_of_the_keyword_and_keeps_its_accents() -> None:
    async with play(packs=["us", "ca"]) as one:
        mo(one, "ARRET")
        await one.quiet()
        (confirmation,) = one.network.handed
        assert text_of(confirmation.content).startswith("Désabonnement confirmé.")
