"""What waits on an upstream's line while its recipient writes STOP does not leave any more."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import message
from tests.connectors.smpp.between import all_reported, between, submitted
from tests.connectors.smpp.quirky import OnSubmit, Quirky, plain, receipt
from tests.running import until

STOPPED = b"447700900999"
OPT_OUT = "[opt_out]\nconfirm = false\nanswer = false\n"


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


OPTED_OUT = 0x40A


def refusing(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    """Knows a recipient who has opted out with the carrier."""
    if submit.destination_addr == STOPPED:
        upstream.refuse(link, submit, OPTED_OUT)
    else:
        plain(upstream, link, submit)


def reporting(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    """Takes every message and says by receipt who has opted out."""
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id)
    gone = submit.destination_addr == STOPPED
    upstream.deliver(link, receipt(submit, message_id, state=5 if gone else 2, err=407 if gone else 0))


@pytest.mark.parametrize(
    ("habit", "told", "why"),
    [(refusing, 'opted_out = ["0x40A"]', "0x0000040A"), (reporting, "opted_out_errors = [407]", "err:407")],
)
async def test_a_carrier_that_knows_of_an_opt_out_teaches_one_pair_and_no_more(
    habit: OnSubmit, told: str, why: str, tmp_path: Path
) -> None:
    """SparkDevNetwork/Rock #5581: one error of a carrier had become a ban of the person."""
    async with Quirky(habit) as upstream, between(tmp_path, upstream, told, OPT_OUT) as (gateway, esme):
        await submitted(esme, to_the_stopped)
        await all_reported(esme)
        assert (await esme.submit(to_the_stopped)).command_status == pdu.ESME_RSUBMITFAIL
        await submitted(esme, lambda tag: message(tag, destination_addr=STOPPED, source_addr=b"67890"))
        await submitted(esme)
        await all_reported(esme)
        (line,) = (await asyncio.to_thread(gateway.ask, "optout.audit", limit=1))["events"]
        expected = {"event": "carrier", "source": "carrier-error", "reason": why, "scope": "pair", "party": "67890"}
        assert {name: line[name] for name in expected} == expected
        upstream.deliver(upstream.receiving, stop(b"START"))
        pair = {"from": "12345", "to": STOPPED.decode()}
        await asyncio.to_thread(until, lambda: gateway.ask("optout.check", **pair)["may_send"])
        assert (await esme.submit(to_the_stopped)).command_status == pdu.ESME_ROK


async def test_without_being_told_so_an_error_of_a_carrier_means_nothing(tmp_path: Path) -> None:
    async with Quirky(refusing) as upstream, between(tmp_path, upstream, tables=OPT_OUT) as (_gateway, esme):
        for _ in range(2):
            await submitted(esme, to_the_stopped)
            await all_reported(esme)
        assert len(upstream.submits) == 2


def stop(text: bytes = b"STOP") -> pdu.DeliverSm:
    return pdu.DeliverSm(
        source_addr=STOPPED, destination_addr=b"12345", short_message=text, source_addr_ton=1, source_addr_npi=1
    )
