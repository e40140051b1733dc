"""P2 and P4: kill -9 at any instant loses nothing that was answered, whatever it was waiting for."""

from __future__ import annotations

import asyncio
import random

import pytest

from smscd import pdu
from smscd.errors import ControlError
from tests.chaos.chaotic import Chaotic
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger

ROUNDS = 4


class Traffic:
    """Everything at once: submits of one account, some of them scheduled and some for another account, and MO.

    Both accounts come and go from round to round, so that receipts and messages wait for them through a crash.
    """

    def __init__(self, smscd: Chaotic, dice: random.Random) -> None:
        self.smscd = smscd
        self.dice = dice
        self.test, self.other, self.handsets = Ledger("A"), Ledger("B"), Ledger("M")
        self.for_other: set[bytes] = set()

    async def round(self, number: int) -> None:
        """Run against a started smscd and kill it at a random moment."""
        binds = [pdu.BindTransceiver, pdu.BindTransmitter][number % 2]
        esmes = [await Esme(self.test).bind(self.smscd.port, binds)]
        if number % 3 == 0:
            esmes.append(await Esme(self.other, system_id=b"other").bind(self.smscd.port, pdu.BindReceiver))
        handsets = asyncio.create_task(asyncio.to_thread(self.write_until_killed))
        esmes[0].pump(self.make)
        await self.test.more(self.dice.randrange(200, 2000))
        self.smscd.kill()
        for esme in esmes:
            await esme.gone.wait()
        await handsets

    def make(self, tag: bytes) -> pdu.SubmitSm:
        match self.dice.randrange(8):
            case 0:
                return message(tag, schedule_delivery_time=b"000000000002000R")
            case 1:
                self.for_other.add(tag)
                return message(tag, destination_addr=b"888" + tag[-6:])
            case _:
                return message(tag)

    def write_until_killed(self) -> None:
        """A handset that writes one message after the other; what the control socket has confirmed must arrive."""
        while True:
            tag = self.handsets.tag()
            self.handsets.submitted(tag)
            try:
                answer = self.smscd.ask("mo", **{"from": "447700900123", "to": "12345", "text": tag.decode()})
            except ControlError:
                return
            self.handsets.answered(tag, pdu.ESME_ROK, answer["message_id"].encode())

    async def settled(self) -> None:
        """Everybody is there: everything that was answered must arrive."""
        receiver = await Esme(self.other, system_id=b"other").bind(self.smscd.port, pdu.BindReceiver)
        esme = await Esme(self.test).bind(self.smscd.port)
        verdict = await esme.verdict()
        print(self.test, verdict, f"{len(self.other.mo)} to the other account, {len(self.handsets.accepted)} MO")
        assert not verdict.lost
        assert not verdict.waiting
        assert not self.test.contradictions()
        assert self.for_other & set(self.test.accepted) <= set(self.other.mo)
        await self.test.until(lambda: set(self.handsets.accepted) <= set(self.test.mo), patience=3.0)
        assert set(self.other.mo) <= self.for_other
        assert not receiver.gone.is_set()


async def test_kill_9_under_load_loses_nothing_that_was_answered(build: Build, dice: random.Random) -> None:
    traffic = Traffic(build(), dice)
    await traffic.smscd.begin()
    for number in range(ROUNDS):
        await traffic.round(number)
        await traffic.smscd.begin()
    await traffic.settled()


@pytest.mark.parametrize("sabotage", ["forgetful", "answer-first"])
async def test_a_build_that_loses_is_seen_to_lose(build: Build, dice: random.Random, sabotage: str) -> None:
    """Answering before the commit loses only what a kill finds in between: it may take a few."""
    ledger = Ledger()
    smscd = build(sabotage=sabotage)
    await smscd.begin()
    for _ in range(10):
        esme = await Esme(ledger).bind(smscd.port)
        esme.pump()
        await ledger.more(dice.randrange(200, 1000))
        smscd.kill()
        await esme.gone.wait()
        await smscd.begin()
        if (await (await Esme(ledger).bind(smscd.port)).verdict(silence=1.0)).lost:
            return
    pytest.fail(f"the harness does not see losses: {ledger}")
