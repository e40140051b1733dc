"""What upstreams do that the specification does not prepare an ESME for, on the wire.

The rest of the table of traps is in `test_dialects` (receipts), `test_flow` (flow control, doubt), `test_composing`
(content), and in the tests of session and link.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger
from tests.connectors.smpp.between import GATEWAY, all_reported, between, closed, shown, submitted
from tests.connectors.smpp.quirky import JANUARY, Quirky, plain, receipt
from tests.connectors.smpp.raw import Raw, answer
from tests.running import Running

QUICK = 'response_timer = "1s"'


@asynccontextmanager
async def beside(tmp_path: Path, upstream: Raw, more: str = QUICK, *, bound: bool = True) -> AsyncIterator[
    tuple[Running, Esme]
]:  # fmt: skip
    """A gateway with a raw upstream, and an ESME."""
    gateway = Running(tmp_path, GATEWAY.format(port=upstream.port, more=more, tables=""))
    try:
        await asyncio.to_thread(gateway.start)
        if bound:
            await asyncio.to_thread(gateway.wait_for, "bound upstream")
        esme = await Esme(Ledger()).bind(gateway.port)
        yield gateway, esme
        await esme.leave()
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)


def delivered(submit: pdu.SubmitSm, message_id: bytes) -> bytes:
    """A receipt on the wire."""
    report = receipt(submit, message_id)
    report.sequence_number = 77
    return pdu.encode(report)


@pytest.mark.parametrize(("status", "stat"), [(pdu.ESME_RINVCMDID, "REJECTD"), (pdu.ESME_RINVDSTADR, "REJECTD")])
async def test_a_generic_nack_under_a_known_number_is_the_answer(tmp_path: Path, status: int, stat: str) -> None:
    def nacks(received: pdu.Pdu) -> bytes | None:
        return answer(received, pdu.GenericNack(command_status=status)) if isinstance(received, pdu.SubmitSm) else None

    async with Raw(nacks) as upstream, beside(tmp_path, upstream) as (_gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == [stat]
        assert upstream.connections == 1


async def test_a_nack_of_nothing_and_an_answer_to_nothing_harm_nobody(tmp_path: Path) -> None:
    stray = [pdu.GenericNack(command_status=pdu.ESME_RINVCMDLEN), pdu.SubmitSmResp(message_id=b"9")]
    stray[1].sequence_number = 4711

    def with_noise(received: pdu.Pdu) -> bytes | None:
        if not isinstance(received, pdu.SubmitSm):
            return None
        noise = b"".join(pdu.encode(one) for one in stray)
        return noise + answer(received, pdu.SubmitSmResp(message_id=b"7")) + delivered(received, b"7")

    async with Raw(with_noise) as upstream, beside(tmp_path, upstream) as (_gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["DELIVRD"]
        assert upstream.connections == 1


async def test_a_service_type_that_is_too_long_loses_no_receipt_and_reaches_no_esme(tmp_path: Path) -> None:
    """ukarim's smscsim writes its name there: seven octets where five are allowed (SMPP 3.4 §5.2.11)."""

    def boasts(received: pdu.Pdu) -> bytes | None:
        if not isinstance(received, pdu.SubmitSm):
            return None
        report, mo = receipt(received, b"7"), pdu.DeliverSm(8, source_addr=b"447700900123", short_message=b"hi")
        report.service_type = mo.service_type = b"smscsim"
        report.sequence_number, mo.destination_addr = 9, received.source_addr
        return answer(received, pdu.SubmitSmResp(message_id=b"7")) + pdu.encode(report) + pdu.encode(mo)

    async with Raw(boasts) as upstream, beside(tmp_path, upstream) as (_gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        await esme.ledger.until(lambda: esme.ledger.mo[b"hi"])
        answers = [one for one in upstream.heard if isinstance(one, pdu.DeliverSmResp)]
        assert [one.command_status for one in answers] == [pdu.ESME_ROK] * 2


async def test_a_nul_that_sm_length_does_not_count_hides_neither_an_id_nor_a_text(tmp_path: Path) -> None:
    def ends_with_nul(received: pdu.Pdu) -> bytes | None:
        if not isinstance(received, pdu.SubmitSm):
            return None
        told = pdu.tlv.write([(pdu.Tag.receipted_message_id, b"7\0"), (pdu.Tag.message_state, b"\2")])
        text = pdu.tlv.write([(pdu.Tag.message_payload, b"long")])
        report = pdu.DeliverSm(
            9, source_addr=received.destination_addr, esm_class=pdu.ESM_TYPE_RECEIPT, tail=b"\0" + told
        )
        mo = pdu.DeliverSm(8, source_addr=b"447700900123", destination_addr=received.source_addr, tail=b"\0" + text)
        return answer(received, pdu.SubmitSmResp(message_id=b"7")) + pdu.encode(report) + pdu.encode(mo)

    async with Raw(ends_with_nul) as upstream, beside(tmp_path, upstream) as (_gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["DELIVRD"]
        await esme.ledger.until(lambda: esme.ledger.mo[b"long"])


async def test_what_cannot_be_read_is_refused_and_said_once(tmp_path: Path) -> None:
    def garbled(received: pdu.Pdu) -> bytes | None:
        if not isinstance(received, pdu.SubmitSm):
            return None
        bad = pdu.header(5, 0, 3)[4:] + b"\0\1\1" + b"4" * 30 + b"\0"
        return (
            answer(received, pdu.SubmitSmResp(message_id=b"7"))
            + 2 * ((4 + len(bad)).to_bytes(4, "big") + bad)
            + delivered(received, b"7")
        )

    async with Raw(garbled) as upstream, beside(tmp_path, upstream) as (gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        (line,) = gateway.lines("refused what the upstream sent")
        assert (line["level"], line["command"], line["status"]) == ("warning", "deliver_sm", "ESME_RINVSRCADR")


async def test_the_answer_of_another_bind_is_matched_by_its_number(tmp_path: Path) -> None:
    def confused(received: pdu.Pdu) -> bytes | None:
        if isinstance(received, pdu.Bind):
            return answer(received, pdu.BindReceiverResp(system_id=b"raw"))
        if isinstance(received, pdu.SubmitSm):
            return answer(received, pdu.SubmitSmResp(message_id=b"7")) + delivered(received, b"7")
        return None

    async with Raw(confused) as upstream, beside(tmp_path, upstream) as (_gateway, esme):
        await submitted(esme)
        await all_reported(esme)


async def test_an_error_with_a_body_and_octets_behind_the_end_are_read(tmp_path: Path) -> None:
    def with_body(received: pdu.Pdu) -> bytes | None:
        if not isinstance(received, pdu.SubmitSm):
            return None
        refused = pdu.SubmitSmResp(command_status=pdu.ESME_RINVDSTADR, message_id=b"")
        frame = answer(received, refused) + b"\x00\x1d\x00\x09junk"
        return len(frame).to_bytes(4, "big") + frame[4:]

    async with Raw(with_body) as upstream, beside(tmp_path, upstream) as (gateway, esme):
        message_id = await submitted(esme)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["REJECTD"]
        assert (await shown(gateway, message_id))["parts"][0]["command_status"] == "ESME_RINVDSTADR"


@pytest.mark.parametrize("noise", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\0\0\0\4\0\0\0\0", b""])
async def test_who_does_not_speak_smpp_is_called_again_later(tmp_path: Path, noise: bytes) -> None:
    def deaf(received: pdu.Pdu) -> bytes | None:
        return noise if isinstance(received, pdu.Bind) else None

    async with Raw(deaf) as upstream, beside(tmp_path, upstream, bound=False) as (gateway, _esme):
        await upstream.until(lambda: upstream.connections >= 2)  # a bind that meets silence ends by its timer
        assert gateway.lines("upstream is away")


async def test_an_upstream_that_is_silent_for_too_long_is_left_and_what_it_has_is_in_doubt(tmp_path: Path) -> None:
    def frozen(received: pdu.Pdu) -> bytes | None:
        return b"" if upstream.connections == 1 and not isinstance(received, pdu.Bind) else plainly(received)

    def plainly(received: pdu.Pdu) -> bytes | None:
        if isinstance(received, pdu.SubmitSm):
            return answer(received, pdu.SubmitSmResp(message_id=b"7")) + delivered(received, b"7")
        return None

    more = 'response_timer = "1s"\nenquire_link_timer = "1s"'
    async with Raw(frozen) as upstream, beside(tmp_path, upstream, more) as (gateway, esme):
        message_id = await submitted(esme)
        await upstream.until(lambda: upstream.connections >= 2)
        await all_reported(esme)
        assert gateway.lines("in doubt", message_id=message_id)
        assert any(isinstance(one, pdu.EnquireLink) for one in upstream.heard)


async def test_a_full_window_does_not_keep_us_from_asking_whether_the_upstream_is_there(tmp_path: Path) -> None:
    more = 'window = 2\nresponse_timer = "20s"\nenquire_link_timer = "1s"'
    async with Raw() as upstream, beside(tmp_path, upstream, more) as (_gateway, esme):
        for _ in range(4):
            await esme.submit()
        await upstream.until(lambda: sum(isinstance(one, pdu.EnquireLink) for one in upstream.heard) >= 2)
        assert len(upstream.submits()) == 2
        assert upstream.connections == 1


async def test_an_upstream_that_unbinds_is_answered_and_bound_to_again_and_nothing_is_lost(tmp_path: Path) -> None:
    def unbinds_once(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if len(upstream.submits) == 3:
            link.session.unbind(upstream._links.clock.monotonic())
        plain(upstream, link, submit)

    async with Quirky(unbinds_once) as upstream, between(tmp_path, upstream) as (_gateway, esme):
        for _ in range(10):
            await esme.submit()
        await all_reported(esme)
        assert len(upstream.binds) == 2
        assert len(upstream.texts) == 10


async def test_a_receipt_under_a_user_data_header_and_one_whose_ids_differ_find_their_message(tmp_path: Path) -> None:
    def odd(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        message_id = upstream.next_id()
        upstream.accept(link, submit, message_id)
        if len(upstream.submits) == 1:
            words = b"\5\0\3\7\1\1" + pdu.format_receipt(message_id, 2, JANUARY, JANUARY)
            upstream.deliver(link, receipt(submit, message_id, short_message=words, esm_class=0x44))
        else:
            other = [(int(pdu.Tag.receipted_message_id), b"quite-another\0"), (int(pdu.Tag.message_state), b"\2")]
            upstream.deliver(link, receipt(submit, message_id, tlvs=other))

    async with Quirky(odd) as upstream, between(tmp_path, upstream) as (_gateway, esme):
        for _ in range(2):
            await submitted(esme)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["DELIVRD"] * 2


async def test_one_id_for_all_parts_and_for_every_message_is_told_apart_by_recipient_and_order(tmp_path: Path) -> None:
    def always_the_same(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        upstream.accept(link, submit, b"1")
        upstream.deliver(link, receipt(submit, b"1"))

    more = 'long_messages = "udh"'
    async with Quirky(always_the_same) as upstream, between(tmp_path, upstream, more) as (_gateway, esme):
        long = [(int(pdu.Tag.message_payload), b"x" * 400)]
        for _ in range(5):
            await submitted(esme, lambda tag: message(tag, short_message=b"", tlvs=long))
            await submitted(esme)
        await all_reported(esme)
        assert {one.stat for one in esme.ledger.receipts} == {"DELIVRD"}


async def test_a_notification_after_the_final_state_is_answered_and_changes_nothing(tmp_path: Path) -> None:
    def talkative(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        message_id = upstream.next_id()
        upstream.accept(link, submit, message_id)
        upstream.deliver(link, receipt(submit, message_id, 5))
        upstream.deliver(link, receipt(submit, message_id, 1))
        upstream.deliver(link, receipt(submit, message_id, 2))

    async with Quirky(talkative) as upstream, between(tmp_path, upstream) as (gateway, esme):
        message_id = await submitted(esme)
        await all_reported(esme)
        await upstream.until(lambda: len(upstream.acknowledged) == 3)
        assert {one.command_status for one in upstream.acknowledged} == {pdu.ESME_ROK}
        assert (await closed(gateway, message_id))["message_state"] == "UNDELIVERABLE"
        assert len(esme.ledger.receipts) == 1


async def test_an_upstream_that_gives_no_message_id_is_told_of_once(tmp_path: Path) -> None:
    def nameless(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        upstream.accept(link, submit, b"")

    async with Quirky(nameless) as upstream, between(tmp_path, upstream) as (gateway, esme):
        for _ in range(3):
            await submitted(esme, lambda tag: message(tag, registered_delivery=0))
        await upstream.until(lambda: len(upstream.submits) == 3)
        await asyncio.to_thread(gateway.wait_for, "upstream gives no message_id")
        assert len(gateway.lines("upstream gives no message_id")) == 1


async def test_an_upstream_that_is_pinned_to_3_3_gets_no_tlvs_whatever_it_says(tmp_path: Path) -> None:
    more = 'upstream_version = "3.3"\ntlvs = { 0x1400 = "entity" }'
    async with Quirky() as upstream, between(tmp_path, upstream, more) as (_gateway, esme):
        await submitted(esme)
        await all_reported(esme)
        assert upstream.submits[0].tlvs == []
