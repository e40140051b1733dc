"""kill -9 around a STOP: the block is there again, and the handset hears of it once or not at all."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smscd import pdu
from smscd.link import Link
from smscd.message import text_of
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger
from tests.connectors.smpp.between import between, closed
from tests.connectors.smpp.quirky import Quirky, plain
from tests.running import Running

ROUNDS = 2
AGAIN = b"again-000001"


def handset(number: int) -> bytes:
    return b"4477009001%02d" % number


def stop(number: int) -> pdu.DeliverSm:
    return pdu.DeliverSm(
        source_addr=handset(number), destination_addr=b"12345", short_message=b"STOP", source_addr_ton=1,
        source_addr_npi=1,
    )  # fmt: skip


def confirmations(upstream: Quirky, number: int) -> list[pdu.SubmitSm]:
    to = [submit for submit in upstream.submits if submit.destination_addr == handset(number)]
    return [submit for submit in to if "unsubscribed" in text_of(submit)]


async def kill_and_start(gateway: Running, upstream: Quirky) -> Esme:
    gateway.kill()
    await upstream.until(lambda: not upstream.bound)
    await asyncio.to_thread(gateway.start)
    await upstream.until(lambda: upstream.bound)
    return await Esme(Ledger()).bind(gateway.port)


async def test_a_stop_that_was_acknowledged_blocks_after_kill_9_and_is_confirmed_at_most_once(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, tables="[opt_out]\n") as (gateway, _esme):
        for number in range(ROUNDS):
            upstream.acknowledged.clear()
            upstream.deliver(upstream.receiving, stop(number))
            await upstream.until(lambda: upstream.acknowledged)
            esme = await kill_and_start(gateway, upstream)
            for known in range(number + 1):
                to = handset(known)
                answer = await esme.ask(message(AGAIN, destination_addr=to))
                assert answer.command_status == pdu.ESME_RSUBMITFAIL
            upstream.acknowledged.clear()
            upstream.deliver(upstream.receiving, stop(number))  # as a provider does that saw no answer
            await upstream.until(lambda: upstream.acknowledged)
            await esme.leave()
        assert [len(confirmations(upstream, number)) <= 1 for number in range(ROUNDS)] == [True] * ROUNDS
        assert all(submit.short_message != b"again" for submit in upstream.submits)


async def test_a_confirmation_that_left_and_was_not_answered_before_kill_9_is_not_sent_again(tmp_path: Path) -> None:
    def silent(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if submit.destination_addr != handset(0):
            plain(upstream, link, submit)

    async with Quirky(silent) as upstream, between(tmp_path, upstream, tables="[opt_out]\n") as (gateway, _esme):
        upstream.deliver(upstream.receiving, stop(0))
        await upstream.until(lambda: confirmations(upstream, 0))
        esme = await kill_and_start(gateway, upstream)
        listed = await asyncio.to_thread(gateway.ask, "message.list", kind="MT", to=handset(0).decode(), limit=10)
        (confirmation,) = listed["messages"]
        assert (await closed(gateway, confirmation["message_id"]))["message_state"] == "UNKNOWN"
        assert (await esme.submit()).command_status == pdu.ESME_ROK, "others go on"
        await esme.ledger.until(lambda: not esme.ledger.open)
        assert len(confirmations(upstream, 0)) == 1
        await esme.leave()


async def test_a_stop_while_the_esme_is_away_blocks_and_is_confirmed_and_relayed_later(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, tables="[opt_out]\n") as (gateway, esme):
        await esme.leave()
        upstream.deliver(upstream.receiving, stop(0))
        await upstream.until(lambda: confirmations(upstream, 0))
        gateway.kill()
        await asyncio.to_thread(gateway.start)
        back = await Esme(Ledger()).bind(gateway.port)
        await back.ledger.until(lambda: back.ledger.mo[b"STOP"])
        answer = await back.ask(message(AGAIN, destination_addr=handset(0)))
        assert answer.command_status == pdu.ESME_RSUBMITFAIL
        await back.leave()
