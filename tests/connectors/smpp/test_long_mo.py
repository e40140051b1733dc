"""Long messages from handsets behind a real upstream: joined, and safe from kill -9 once they were answered."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smscd import pdu
from smscd.text import segment
from tests.cast import deliver_sm
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.connectors.smpp.between import between
from tests.connectors.smpp.quirky import Quirky

TEXT = "x" * 100 + "y" * 100


def parts(reference: int = 5) -> list[pdu.DeliverSm]:
    return [
        pdu.DeliverSm(
            source_addr=b"447700900001", source_addr_ton=1, source_addr_npi=1, destination_addr=b"12345",
            esm_class=pdu.ESM_UDHI, short_message=part.octets,
        )
        for part in segment(TEXT, "gsm7", reference)
    ]  # fmt: skip


async def test_a_part_that_was_answered_survives_kill_9_and_the_whole_reaches_the_esme(tmp_path: Path) -> None:
    first, second = parts()
    async with Quirky() as upstream, between(tmp_path, upstream, 'long_mo = "whole"') as (gateway, esme):
        upstream.deliver(upstream.receiving, first)
        await upstream.until(lambda: len(upstream.acknowledged) == 1)
        await asyncio.to_thread(gateway.kill)
        await upstream.until(lambda: not upstream.bound)
        await esme.gone.wait()
        await asyncio.to_thread(gateway.start)
        await upstream.until(lambda: upstream.bound)
        again = await Esme(Ledger()).bind(gateway.port)
        upstream.deliver(upstream.receiving, second)
        await upstream.until(lambda: len(upstream.acknowledged) == 2)
        await again.ledger.until(lambda: again.ledger.mo)
        assert again.ledger.mo_order == [TEXT.encode()]
        assert esme.ledger.mo_order == []
        await again.leave()


async def test_what_stays_incomplete_is_delivered_in_parts(tmp_path: Path) -> None:
    retry = 'reassembly = "1s"'
    async with Quirky() as upstream, between(tmp_path, upstream, 'long_mo = "whole"', retry) as (_gateway, esme):
        (first, _second) = parts()
        upstream.deliver(upstream.receiving, first)
        await esme.ledger.until(lambda: esme.ledger.mo)
        assert esme.ledger.mo_order == [first.short_message]


async def test_data_coding_0_of_an_upstream_becomes_that_of_the_esme_in_one_piece_and_in_many(tmp_path: Path) -> None:
    more = 'default_alphabet = "latin1"\nlong_mo = "whole"'
    async with Quirky() as upstream, between(tmp_path, upstream, more) as (_gateway, esme):
        header = b"\5\0\3\x09\2"
        for octets in (b"me@example", header + b"\1\xe9t@", header + b"\2\xa9 \xd7"):  # the last fits no GSM 7-bit
            upstream.deliver(upstream.receiving, pdu.DeliverSm(
                source_addr=b"447700900001", destination_addr=b"12345", short_message=octets,
                esm_class=pdu.ESM_UDHI if octets.startswith(header) else 0,
            ))  # fmt: skip
        await esme.ledger.until(lambda: len(esme.ledger.mo_order) == 2)
        assert esme.ledger.mo_order == [b"me\0example", "\xe9t@\xa9 \xd7".encode("utf-16-be")]


async def test_an_mo_that_is_too_long_in_the_alphabet_of_its_esme_is_refused_and_the_next_one_is_not(
    tmp_path: Path,
) -> None:
    """What its alphabet lacks is UCS-2 for it, and that twice as long: no message_payload holds it."""
    more = 'default_alphabet = "latin1"'
    async with Quirky() as upstream, between(tmp_path, upstream, more) as (_gateway, esme):
        for octets in (b"\xfe" * 33_000, b"\xfe" * 32_000):
            upstream.deliver(upstream.receiving, deliver_sm(b"", tlvs=[(0x0424, octets)]))
        await upstream.until(lambda: len(upstream.acknowledged) == 2)
        assert [one.command_status for one in upstream.acknowledged] == [pdu.ESME_RINVMSGLEN, pdu.ESME_ROK]
        await esme.ledger.until(lambda: esme.ledger.mo)
        assert len(esme.ledger.mo_order) == 1


async def test_what_a_handset_asks_of_its_reader_is_asked_by_the_whole_too(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, 'long_mo = "whole"') as (_gateway, esme):
        for part in parts():
            part.registered_delivery = pdu.REGISTERED_USER_ACKNOWLEDGEMENT
            upstream.deliver(upstream.receiving, part)
        await esme.ledger.until(lambda: esme.ledger.mo)
        assert esme.ledger.mo_order == [TEXT.encode()]
        assert esme.ledger.last_mo.registered_delivery == pdu.REGISTERED_USER_ACKNOWLEDGEMENT


async def test_an_esme_of_3_3_gets_a_text_that_came_by_data_sm_or_in_message_payload(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream) as (gateway, esme):
        await esme.leave()
        old = await Esme(Ledger()).bind(gateway.port, version=pdu.INTERFACE_VERSION_3_3)
        payload = (int(pdu.Tag.message_payload), b"by message_payload")
        upstream.deliver(upstream.receiving, deliver_sm(b"", tlvs=[payload]))
        data_sm = pdu.DataSm(source_addr=b"447700900001", destination_addr=b"12345")
        data_sm.tlvs = [(payload[0], b"by data_sm")]
        upstream.deliver(upstream.receiving, data_sm)
        await old.ledger.until(lambda: len(old.ledger.mo_order) == 2)
        assert old.ledger.mo_order == [b"by message_payload", b"by data_sm"]
        await old.leave()
