"""What waits on an upstream's line while its recipient writes STOP does not leave any more."""

from __future__ import annotations

from pathlib import Path

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import message
from tests.connectors.smpp.between import all_reported, between, submitted
from tests.connectors.smpp.quirky import Quirky

STOPPED = b"447700900999"
OPT_OUT = "[opt_out]\nconfirm = false\n"


def to_the_stopped(tag: bytes) -> pdu.SubmitSm:
    return message(tag, destination_addr=STOPPED)


async def test_a_part_that_waits_for_its_turn_is_not_written_after_the_stop_of_its_recipient(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, "rate = 1", OPT_OUT) as (_gateway, esme):
        first, stopped, last = await submitted(esme), await submitted(esme, to_the_stopped), await submitted(esme)
        await upstream.until(lambda: len(upstream.submits) == 1)  # the others wait for the pace
        upstream.deliver(upstream.receiving, stop())
        await upstream.until(lambda: len(upstream.acknowledged) >= 2)  # of the first receipt, and of the STOP
        assert len(upstream.submits) == 1
        await all_reported(esme)
        assert STOPPED not in {submit.destination_addr for submit in upstream.submits}
        stats = {one.message_id: one.stat for one in esme.ledger.receipts}
        assert stats == {first: "DELIVRD", stopped: "REJECTD", last: "DELIVRD"}


async def test_what_was_throttled_is_not_written_again_after_the_stop_of_its_recipient(tmp_path: Path) -> None:
    def too_fast(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        upstream.refuse(link, submit, pdu.ESME_RTHROTTLED)  # it goes back to the line, past the last look at the list
        upstream.deliver(link, stop())

    async with Quirky(too_fast) as upstream, between(tmp_path, upstream, tables=OPT_OUT) as (_gateway, esme):
        stopped = await submitted(esme, to_the_stopped)
        await all_reported(esme)
        assert len(upstream.submits) == 1
        assert {one.message_id: one.stat for one in esme.ledger.receipts} == {stopped: "REJECTD"}


async def test_a_stop_is_read_in_the_alphabet_of_the_upstream(tmp_path: Path) -> None:
    french = '[opt_out]\nconfirm = false\npacks = ["fr"]\n'
    async with (
        Quirky() as upstream,
        between(tmp_path, upstream, 'default_alphabet = "latin1"', french) as (_gateway, esme),
    ):
        upstream.deliver(upstream.receiving, stop("ARRÊT".encode("latin-1")))
        await upstream.until(lambda: upstream.acknowledged)
        refused = await esme.submit(to_the_stopped)
        assert refused.command_status == pdu.ESME_RSUBMITFAIL


def stop(text: bytes = b"STOP") -> pdu.DeliverSm:
    return pdu.DeliverSm(
        source_addr=STOPPED, destination_addr=b"12345", short_message=text, source_addr_ton=1, source_addr_npi=1
    )
