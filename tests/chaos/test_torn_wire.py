"""P7: what a bad network does to one session stays there, and nothing that was answered is lost by it."""

from __future__ import annotations

import random

from smscd import pdu
from tests.chaos.chaotic import TEXT, Chaotic
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger
from tests.chaos.proxy import Proxy

WATCHFUL = (
    TEXT.replace('address = "127.0.0.1:0"', 'address = "127.0.0.1:0"\nenquire_link_timer = "500ms"')
    + """
[[listener]]
address = "127.0.0.1:0"
enquire_link_timer = "500ms"
response_timer = "500ms"
"""
)
"""By the second address a dead peer is noticed within two seconds; who lives has more time to say so by the first."""

DELIVER_WINDOW = 20
"""Unanswered deliver_sm per bind, unless configured."""


def credit_of(smscd: Chaotic, connector: str) -> int:
    """How many messages a connector would take now."""
    (found,) = [one for one in smscd.ask("status")["connectors"] if one["name"] == connector]
    return int(found["credit"])


async def test_every_pdu_in_single_octets(build: Build) -> None:
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    async with Proxy(smscd.port) as cable:
        cable.portion = 1
        esme = await Esme(ledger).bind(cable.port)
        esme.pump(count=50)
        await ledger.until(lambda: esme.idle and not ledger.open)
        assert len(ledger.accepted) == 50
        await esme.leave()
    assert not ledger.contradictions()
    assert not ledger.duplicates


async def test_a_thousand_pdus_in_one_write(build: Build) -> None:
    """Ten windows at once: the ninth is read when there is room for it, and none is lost on the way."""
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    esme = await Esme(ledger, window=1000).bind(smscd.port)
    esme.pump(count=1000)
    await ledger.until(lambda: esme.idle and not ledger.open)
    assert len(ledger.accepted) == 1000
    assert not ledger.refused


async def test_resets_in_the_middle_of_a_window_lose_nothing(build: Build, dice: random.Random) -> None:
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    async with Proxy(smscd.port) as cable:
        for _ in range(10):
            esme = await Esme(ledger).bind(cable.port)
            esme.pump()
            await ledger.more(dice.randrange(1, 300))
            cable.reset()
            await esme.gone.wait()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_a_peer_that_vanished_is_noticed_and_its_messages_go_elsewhere(build: Build) -> None:
    """The network swallows everything and nobody is told: enquire_link finds out."""
    ledger = Ledger()
    smscd = build(WATCHFUL)
    await smscd.begin()
    async with Proxy(smscd.ports[1]) as cable:
        vanished = await Esme(ledger).bind(cable.port)
        sender = await Esme(ledger).bind(smscd.port, pdu.BindTransmitter)
        cable.swallows = True
        sender.pump(count=200)
        await ledger.until(lambda: sender.idle)
        assert not ledger.receipts
        healthy = await Esme(ledger).bind(smscd.port, pdu.BindReceiver)
        await ledger.until(lambda: not ledger.open)
        await ledger.until(lambda: credit_of(smscd, "esme:test") == DELIVER_WINDOW)
        assert not vanished.gone.is_set(), "it could not be told"
        assert healthy.enquired
    verdict = await healthy.verdict()
    assert not verdict.lost
    assert not verdict.waiting


async def test_a_stopped_esme_delays_nobody_else(build: Build) -> None:
    """SIGSTOP of an ESME: its kernel takes octets for a while, then no more. Another one is served meanwhile."""
    stopped, canary = Ledger("A"), Ledger("B")
    smscd = build()
    await smscd.begin()
    sleeper = await Esme(stopped).bind(smscd.port)
    sleeper.pump()
    await stopped.more(300)
    sleeper.deafen()
    other = await Esme(canary, system_id=b"other").bind(smscd.port)
    other.pump(count=2000)
    await canary.until(lambda: other.idle and not canary.open)
    assert not canary.refused
    sleeper.listen()
    await stopped.more(300)
    sleeper.rest()
    verdict = await sleeper.verdict()
    assert not verdict.lost
    assert not verdict.waiting


async def test_another_account_gets_what_is_sent_to_it_over_a_torn_wire(build: Build, dice: random.Random) -> None:
    """From one ESME to another: the second is reset again and again, and acknowledges what it gets in between."""
    sent, received = Ledger("A"), Ledger("B")
    smscd = build()
    await smscd.begin()
    sender = await Esme(sent).bind(smscd.port)
    sender.pump(lambda tag: message(tag, destination_addr=b"888" + tag[-6:]), count=2000)
    async with Proxy(smscd.port) as cable:
        while len(received.mo) < 2000:
            receiver = await Esme(received, system_id=b"other").bind(cable.port, pdu.BindReceiver)
            await received.more(min(dice.randrange(1, 500), 2000 - len(received.mo)))
            cable.reset()
            await receiver.gone.wait()
    await Esme(received, system_id=b"other").bind(smscd.port, pdu.BindReceiver)
    verdict = await sender.verdict()
    assert not verdict.lost
    assert not verdict.waiting
    assert set(received.mo) == set(sent.accepted)
