"""Receipts come back in every dialect that upstreams speak, and the ESME gets its own."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import message
from tests.connectors.smpp.between import all_reported, between, closed, shown, submitted
from tests.connectors.smpp.quirky import Quirky, plain, receipt


def hex_then_decimal(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    number = int(upstream.next_id())
    upstream.accept(link, submit, b"%X" % number)
    upstream.deliver(link, receipt(submit, b"%d" % number))


def decimal_then_hex(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    number = int(upstream.next_id())
    upstream.accept(link, submit, b"%d" % number)
    upstream.deliver(link, receipt(submit, b"%016x" % number))


def zeros_stripped(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    number = int(upstream.next_id())
    upstream.accept(link, submit, b"00%08X" % number)
    upstream.deliver(link, receipt(submit, b"%X" % number))


def other_case(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = b"1101C1-ab-%d" % int(upstream.next_id())
    upstream.accept(link, submit, message_id)
    upstream.deliver(link, receipt(submit, message_id.lower()))


def padded(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id + b"  ")
    upstream.deliver(link, receipt(submit, message_id))


def too_early(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = upstream.next_id()
    upstream.deliver(link, receipt(submit, message_id))
    upstream.accept(link, submit, message_id)


def twice(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    plain(upstream, link, submit)
    upstream.deliver(link, receipt(submit, b"%d" % (7_000_000_000 + len(upstream.submits))))


def by_data_sm(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id)
    upstream.deliver(link, pdu.DataSm(
        source_addr=submit.destination_addr, destination_addr=submit.source_addr, esm_class=pdu.ESM_TYPE_RECEIPT,
        tlvs=[(int(pdu.Tag.receipted_message_id), message_id + b"\0"), (int(pdu.Tag.message_state), b"\x02")],
    ))  # fmt: skip


def strange_words(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id)
    words = b"id:%b submit date:20260101120000 done date:0000000000 stat:DELIVRD err:0x0F Text:hello" % message_id
    upstream.deliver(link, receipt(submit, message_id, short_message=words, data_coding=8))


def on_the_way_first(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id)
    upstream.deliver(link, receipt(submit, message_id, 1))
    upstream.deliver(link, receipt(submit, message_id, 2))


def from_another_number(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id)
    upstream.deliver(link, receipt(submit, message_id, source_addr=b"+" + submit.destination_addr))


def nameless(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    """Neither the answer nor the receipt has an id: the recipient is all there is."""
    upstream.accept(link, submit, b"")
    words = b"sub:001 dlvrd:001 submit date:2601011200 done date:2601011201 stat:DELIVRD err:000 text:"
    upstream.deliver(link, receipt(submit, b"", short_message=words, tlvs=[(int(pdu.Tag.message_state), b"\2")]))


def with_the_id_of_another_system(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    upstream.accept(link, submit, b"")
    upstream.deliver(link, receipt(submit, b"internal-%d" % len(upstream.submits)))


DIALECTS: list[Callable[[Quirky, Link, pdu.SubmitSm], None]] = [
    plain, hex_then_decimal, decimal_then_hex, zeros_stripped, other_case, padded, too_early, twice, by_data_sm,
    strange_words, on_the_way_first, from_another_number,
]  # fmt: skip


async def test_every_dialect_of_a_receipt_reaches_the_esme_as_ours(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream) as (gateway, esme):
        for dialect in DIALECTS:
            upstream.on_submit = dialect
            for _ in range(5):
                await esme.submit()
            await all_reported(esme)
            assert not esme.ledger.faults, dialect.__name__
        stats = {one.stat for one in esme.ledger.receipts}
        assert stats == {"DELIVRD"}
        assert len(esme.ledger.receipts) == 5 * len(DIALECTS)
        await upstream.until(lambda: len(upstream.acknowledged) == 5 * (len(DIALECTS) + 2))
        assert {one.command_status for one in upstream.acknowledged} == {pdu.ESME_ROK}
        assert gateway.lines("message_id rule learned", provider="carrier-a", rule="hex-decimal")


async def test_receipts_without_a_usable_id_find_their_messages_where_the_operator_allows_it(tmp_path: Path) -> None:
    async with Quirky(nameless) as upstream, between(tmp_path, upstream, "receipts_by_address = true") as (_, esme):
        for _ in range(5):
            await esme.submit()
        await all_reported(esme)
        assert len(esme.ledger.receipts) == 5
        upstream.on_submit = with_the_id_of_another_system
        await esme.submit()
        await all_reported(esme)  # once its id has not come for a while
        assert {one.command_status for one in upstream.acknowledged} == {pdu.ESME_ROK}


@pytest.mark.parametrize("bind", ["transceiver", "transmitter+receiver"])
async def test_a_message_goes_out_and_its_receipt_comes_back(tmp_path: Path, bind: str) -> None:
    def on_the_receiver(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        message_id = upstream.next_id()
        upstream.accept(link, submit, message_id)
        upstream.deliver(upstream.receiving, receipt(submit, message_id, 5, err=11))

    async with Quirky(on_the_receiver) as upstream, between(tmp_path, upstream, f'bind = "{bind}"') as (gateway, esme):
        await upstream.until(lambda: len(upstream.bound) == 1 + (bind != "transceiver"))
        message_id = await submitted(esme)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["UNDELIV"]
        found = await shown(gateway, message_id)
        assert (found["message_state"], found["error_code"], found["stage"]) == ("UNDELIVERABLE", 11, "CLOSED")
        assert found["parts"][0]["upstream_message_id"] == "7000000001"


async def test_without_a_receipt_asked_for_the_message_ends_with_the_answer(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream) as (gateway, esme):
        message_id = await submitted(esme, lambda tag: message(tag, registered_delivery=0))
        await upstream.until(lambda: upstream.submits)
        assert upstream.submits[0].registered_delivery == 0
        assert (await closed(gateway, message_id))["message_state"] == "ACCEPTED"
