"""Two smscd back to back: what the one says as an ESME, the other understands as an SMSC, and the way back."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd import pdu, text
from tests.interop.chain import FAILS, REFUSES, THROTTLES, WAYS, Chain, chain
from tests.running import until

pytestmark = pytest.mark.interop

LONG_GSM = "The quick brown fox jumps over the lazy dog and pays 5 € for it. " * 7
LONG_UCS2 = "Съешь же ещё этих мягких французских булок 👋🏽 " * 5
OPT_OUT = "\n[opt_out]\n"


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    """One pair for all tests that need nothing of their own: starting is what takes time."""
    with chain(tmp_path_factory.mktemp("chain"), ways=tuple(WAYS)) as both:
        yield both


@pytest.mark.parametrize("way", ["plain", "pairs", "5.0", "3.3", "tls"])
async def test_every_message_arrives_once_and_every_receipt_comes_back(both: Chain, way: str) -> None:
    handset = both.handset(way)
    async with both.bound() as account:
        await account.submits(handset, count=200)
        assert account.stats == ["DELIVRD"] * 200
        assert not account.ledger.duplicates
        assert not account.ledger.contradictions()
    listed = await asyncio.to_thread(both.far.ask, "message.list", kind="MT", to=handset.decode(), limit=1000)
    assert len(listed["messages"]) == 200


async def test_the_ids_of_the_far_one_are_in_the_parts_of_the_near_one(both: Chain) -> None:
    handset = both.handset()
    async with both.bound() as account:
        await account.submits(handset)
        (message_id,) = account.ledger.accepted.values()
    (there,) = await both.taken(handset)
    here = await asyncio.to_thread(both.near.ask, "message.show", message_id=message_id)
    assert [part["upstream_message_id"] for part in here["parts"]] == [there["message_id"]]
    assert (here["stage"], here["message_state"]) == ("CLOSED", "DELIVERED")


async def test_failures_and_refusals_of_the_far_one_reach_the_esme(both: Chain) -> None:
    async with both.bound() as account:
        await account.submits(both.handset(does=FAILS), count=5)
        await account.submits(both.handset(does=REFUSES), count=5)
        assert account.stats == ["UNDELIV"] * 5 + ["REJECTD"] * 5


@pytest.mark.parametrize(("way", "does", "count"), [("plain", THROTTLES, 5), ("slow", 0, 50)])
async def test_throttling_burns_no_attempt_and_loses_nothing(both: Chain, way: str, does: int, count: int) -> None:
    """The handsets' network refuses every other submit, or the near one is faster than its account allows."""
    handset = both.handset(way, does)
    async with both.bound() as account:
        await account.submits(handset, count=count)
        assert account.stats == ["DELIVRD"] * count
        assert not account.ledger.duplicates
    listed = await asyncio.to_thread(both.near.ask, "message.list", kind="MT", to=handset.decode(), limit=100)
    assert [one["attempts"] for one in listed["messages"]] == [1] * count


# --- what is in them --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("characters", [LONG_GSM, LONG_UCS2], ids=["gsm", "ucs2"])
@pytest.mark.parametrize("way", ["plain", "udh", "sar", "payload"])
async def test_a_long_text_arrives_whole_with_one_receipt(both: Chain, way: str, characters: str) -> None:
    alphabet, data_coding = text.choose(characters)
    handset = both.handset(way)
    async with both.bound() as account:
        await account.submits_raw(
            pdu.SubmitSm(
                source_addr=b"12345", dest_addr_ton=1, dest_addr_npi=1, destination_addr=handset,
                registered_delivery=1, data_coding=data_coding,
                tlvs=[(int(pdu.Tag.message_payload), text.encode(characters, alphabet))],
            )
        )  # fmt: skip
        await account.ledger.until(lambda: account.ledger.receipts)
        segments = len(text.segment(characters, alphabet, 1))
        assert segments > 2
        parts = await both.taken(handset)
        assert len(parts) == (segments if way in {"udh", "sar"} else 1)
        assert "".join(part["text"] for part in parts) == characters
        assert sum(part["segments"] for part in parts) == segments
        assert account.stats == ["DELIVRD"]


@pytest.mark.parametrize("way", ["plain", "sar"])
async def test_parts_that_the_esme_has_cut_itself_are_told_as_the_way_wants_them(both: Chain, way: str) -> None:
    handset = both.handset(way)
    parts = [part.octets for part in text.segment(LONG_UCS2, "ucs2", 99)]
    async with both.bound() as account:
        for octets in parts:
            await account.submits_raw(
                pdu.SubmitSm(source_addr=b"12345", destination_addr=handset, registered_delivery=1,
                             esm_class=pdu.ESM_UDHI, data_coding=8, short_message=octets)
            )  # fmt: skip
        await account.ledger.until(lambda: len(account.ledger.receipts) == len(parts))
    taken = [one["pdu"] for one in await both.taken(handset)]
    if way == "sar":
        parts = [octets[6:] for octets in parts]
        numbers = [one["tlvs"]["sar_segment_seqnum"] for one in taken]
        assert numbers == [f"{number:02x}" for number in range(1, len(parts) + 1)]
    assert [bytes.fromhex(one["short_message"]) for one in taken] == parts


async def test_known_and_vendor_tlvs_and_addresses_arrive_as_they_were_sent(both: Chain) -> None:
    handset = both.handset()
    tlvs = [(int(pdu.Tag.user_message_reference), b"\0\7"), (0x1400, b"1101234567890"), (0x1401, b"1107777")]
    async with both.bound() as account:
        await account.submits(
            handset, source_addr_ton=5, source_addr=b"ACME", service_type=b"CMT", protocol_id=0x40, tlvs=tlvs
        )
    (there,) = await both.taken(handset)
    told = there["pdu"]
    assert list(told["tlvs"].values()) == [value.hex() for _tag, value in tlvs]
    addressed = (told["source_addr_ton"], told["source_addr"], told["service_type"], told["protocol_id"])
    assert addressed == (5, "ACME", "CMT", 0x40)


async def test_data_sm_and_submit_multi_go_on_as_single_submits(both: Chain) -> None:
    alone, *others = [both.handset() for _ in range(21)]
    async with both.bound() as account:
        await account.esme.ask(
            pdu.DataSm(source_addr=b"12345", destination_addr=alone, registered_delivery=1,
                       tlvs=[(int(pdu.Tag.message_payload), b"in data")])
        )  # fmt: skip
        await account.esme.ask(
            pdu.SubmitMulti(source_addr=b"12345", registered_delivery=1, short_message=b"to all",
                            dest_address=[pdu.SmeAddress(1, 1, number) for number in others])
        )  # fmt: skip
        await account.ledger.until(lambda: len(account.ledger.receipts) == 21)
    assert [one["text"] for one in await both.taken(alone, *others)] == ["in data", *["to all"] * 20]


# --- the way back -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", ["plain", "pairs", "tls"])
@pytest.mark.parametrize("characters", ["Hello @ 5 €", "Привет 👋🏽", LONG_GSM, LONG_UCS2],
                         ids=["gsm", "ucs2", "long gsm", "long ucs2"])  # fmt: skip
async def test_what_a_handset_writes_arrives_in_the_parts_it_was_sent_in(
    both: Chain, way: str, characters: str
) -> None:
    alphabet, _ = text.choose(characters)
    count = len(text.segment(characters, alphabet, 1))
    async with both.bound() as account:
        await both.writes(both.handset(), characters, way)
        await account.ledger.until(lambda: len(account.ledger.mo_order) == count)
        bodies = [one[one[0] + 1 :] if count > 1 else one for one in account.ledger.mo_order]
        assert "".join(text.decode(one, alphabet) for one in bodies) == characters


async def test_what_comes_while_the_near_one_is_away_waits_at_the_far_one(both: Chain) -> None:
    """Replies and receipts: the far one keeps them until they are acknowledged, as it does for any ESME."""
    handset = both.handset()
    async with both.bound() as account:
        account.esme.pump(count=100)
        await account.ledger.until(lambda: account.esme.idle)
        await asyncio.to_thread(both.near.kill)
        await account.esme.gone.wait()
        for number in range(10):
            await both.writes(handset, f"reply {number}")
        await asyncio.to_thread(both.near.start)
        await account.bind()
        await account.ledger.until(lambda: not account.ledger.open and len(account.ledger.mo) == 10)
        assert account.ledger.mo_order == [b"reply %d" % number for number in range(10)]
        assert not account.ledger.contradictions()


# --- STOP at either end -----------------------------------------------------------------------------------------------


async def test_stop_at_the_near_one_blocks_there_and_its_answer_goes_to_the_handset(tmp_path: Path) -> None:
    with chain(tmp_path, near=OPT_OUT) as both:
        handset = both.handset()
        async with both.bound() as account:
            await both.writes(handset, "STOP")
            await account.ledger.until(lambda: account.ledger.mo[b"STOP"])
            refused = await account.esme.ask(to(handset, both))
            assert refused.command_status == pdu.ESME_RSUBMITFAIL
            (answer,) = await both.taken(handset)
            assert answer["source_addr"] == both.short_code()
            assert "no more" in answer["text"] or "unsubscribed" in answer["text"]
            await both.writes(handset, "START")
            await account.ledger.until(lambda: account.ledger.mo[b"START"])
            assert (await account.esme.ask(to(handset, both))).command_status == pdu.ESME_ROK
            await account.ledger.until(lambda: account.stats == ["DELIVRD"])


async def test_stop_at_the_far_one_is_a_rejection_to_the_near_one(tmp_path: Path) -> None:
    with chain(tmp_path, far=OPT_OUT) as both:
        stopped, other = both.handset(), both.handset()
        async with both.bound() as account:
            await both.writes(stopped, "STOP")
            await account.ledger.until(lambda: account.ledger.mo[b"STOP"])
            for handset, stat in ((stopped, "REJECTD"), (other, "DELIVRD")):
                assert (await account.esme.ask(to(handset, both))).command_status == pdu.ESME_ROK
                await account.ledger.until(lambda: len(account.stats) == 1)
                assert account.stats == [stat]
                account.ledger.receipts.clear()


async def test_where_both_understand_it_a_stop_is_answered_to_the_handset_once(tmp_path: Path) -> None:
    """The far one confirms and blocks; the near one's own confirmation is then for somebody who has stopped."""
    with chain(tmp_path, near=OPT_OUT, far=OPT_OUT) as both:
        handset = both.handset()
        async with both.bound() as account:
            await both.writes(handset, "STOP")
            await account.ledger.until(lambda: account.ledger.mo[b"STOP"])
            assert (await account.esme.ask(to(handset, both))).command_status == pdu.ESME_RSUBMITFAIL

        def rejected() -> object:
            answer = both.near.ask("message.list", to=handset.decode(), kind="MT", state="REJECTED")
            return answer["messages"]

        await asyncio.to_thread(until, rejected)
        assert len(await both.taken(handset)) == 1


def to(handset: bytes, both: Chain) -> pdu.SubmitSm:
    """From the number that the handset has written to."""
    return pdu.SubmitSm(source_addr=both.short_code().encode(), dest_addr_ton=1, dest_addr_npi=1,
                        destination_addr=handset, registered_delivery=1, short_message=b"hello")  # fmt: skip
