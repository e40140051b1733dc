"""One kind of message stopped alone, and what is only taken for a STOP."""

from __future__ import annotations

from typing import Any

import pytest
from structlog.testing import capture_logs

from smscd import pdu
from smscd.interception import ACTION_TLV
from smscd.message import MO, Message
from smscd.optout import Entry, OptOutSettings
from smscd.optout.settings import CategorySettings
from tests.optout.stage import HANDSET, answers, mo, play
from tests.play import Play

OFFERS = CategorySettings("offers", ["offers", "12345"], service_type=["PROMO"])


def may(one: Play, **fields: Any) -> bool:
    return isinstance(one.accept(**fields), Message)


@pytest.mark.parametrize("written", ["STOP OFFERS", "stop 12345", "Offers: stop!", "please stop offers", "END OFFERS"])
async def test_a_stop_that_names_a_category_stops_that_and_nothing_else(written: str) -> None:
    """medic/cht-core #476: "STOP 12345" is for one service of several."""
    async with play(category=[OFFERS]) as one:
        mo(one, written)
        assert one.accept(service_type=b"PROMO") == pdu.ESME_RSUBMITFAIL
        assert may(one)
        assert may(one, service_type=b"OTP")
        assert may(one, service_type=b"PROMO", destination_addr=b"447700900002")
        await one.quiet()
        assert answers(one) == [
            "You have been unsubscribed from offers. Reply STOP to get no more messages from this number at all."
        ]


async def test_start_of_a_category_lifts_that_and_a_plain_start_lifts_everything() -> None:
    async with play(category=[OFFERS]) as one:
        mo(one, "STOP OFFERS")
        mo(one, "STOP")
        mo(one, "START OFFERS")
        await one.quiet()
        assert not may(one, service_type=b"PROMO"), "the plain STOP still holds"
        mo(one, "STOP OFFERS")
        mo(one, "START")
        await one.quiet()
        assert may(one, service_type=b"PROMO")


async def test_an_exempt_category_goes_on_after_a_plain_stop_and_that_is_logged() -> None:
    codes = CategorySettings("codes", ["codes"], service_type=["OTP"], exempt=True)
    async with play(category=[codes, OFFERS], pools={"brand": ["12345"]}) as one:
        mo(one, "STOP")
        with capture_logs() as logs:
            assert may(one, service_type=b"OTP")
            assert not may(one)
            assert not may(one, service_type=b"PROMO")
            await one.quiet()
        said = [line for line in logs if "exempt" in line["event"]]
        assert [(line["esme"], line["scope"]) for line in said] == [("test", "pair")] * 2, "as it came, and as it left"
        assert HANDSET.decode() not in str(said)
        mo(one, "STOP CODES")
        assert not may(one, service_type=b"OTP")
        mo(one, "START CODES")
        await one.quiet()
        assert may(one, service_type=b"OTP")
        optout = one.journey.interception.optout
        assert optout is not None
        optout.list.add(Entry("pool", b"brand", HANDSET))
        assert may(one, service_type=b"OTP")
        mo(one, "STOPALL")
        assert not may(one, service_type=b"OTP")


async def test_without_such_a_category_at_that_number_it_is_a_full_stop() -> None:
    elsewhere = CategorySettings("offers", ["offers"], senders=["67890"])
    async with play(category=[elsewhere]) as one:
        mo(one, "STOP OFFERS")
        assert not may(one)
        assert may(one, source_addr=b"67890")


async def test_a_category_may_be_one_account_of_a_shared_short_code() -> None:
    shop = CategorySettings("shop", ["shop"], esme=["test"])
    other = CategorySettings("bank", ["bank"], esme=["bank"])
    async with play(category=[shop, other]) as one:
        mo(one, "SHOP STOP")
        assert not may(one)
        mo(one, "SHOP START")
        await one.quiet()
        assert may(one)


async def test_the_categorys_own_text_confirms_it_and_a_crash_forgets_nothing() -> None:
    own = CategorySettings("offers", ["offers"], senders=["12345"], stop_text="No more offers.")
    async with play(category=[own]) as one:
        mo(one, "STOP OFFERS")
        await one.quiet()
        assert answers(one) == ["No more offers."]
        await one.crash()
        assert not may(one)
        assert may(one, source_addr=b"54321")


async def test_what_waits_is_looked_at_again_with_its_category() -> None:
    async with Play(opt_out=OptOutSettings(confirm=False, category=[OFFERS]), network_room=0) as one:
        await one.submitted(service_type=b"PROMO")
        plain = await one.submitted()
        mo(one, "STOP OFFERS")
        one.network.open()
        await one.quiet()
        assert one.network.handed == [plain]


# --- what is only taken for a STOP ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "written"), [({"fuzzy_action": "ask"}, "STPO"), ({"phrase_action": "ask"}, "lose my number")]
)
async def test_with_ask_silence_means_stop_and_start_undoes_it(asked: dict[str, Any], written: str) -> None:
    async with play(confirm=False, **asked) as one:
        mo(one, written)
        await one.quiet()
        assert not may(one)
        assert [text.split(".")[1].strip() for text in answers(one)] == ["If that is not what you meant, reply START"]
        (relayed,) = [message for message in one.bound.handed if message.kind == MO]
        assert pdu.tlv.get(relayed.content.tlvs, ACTION_TLV) == b"stop\0"
        mo(one, "START")
        await one.quiet()
        assert may(one)


async def test_where_the_carrier_gives_the_answers_nobody_can_be_asked() -> None:
    async with play(fuzzy_action="ask", carrier_managed=["+1800*"]) as one:
        mo(one, "STPO", destination_addr=b"18005550100", dest_addr_ton=1)
        await one.quiet()
        assert may(one, source_addr=b"18005550100", source_addr_ton=1)
        events = [event.kind for _, event in await one.store.opt_outs.journal(HANDSET, 1 << 60, 10)]
        assert events == ["flag"]
