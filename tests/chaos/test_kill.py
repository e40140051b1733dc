"""P2 and P4: kill -9 at any instant loses nothing that was answered, whatever it was waiting for."""

from __future__ import annotations

import random

import pytest

from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.chaos.traffic import Traffic

ROUNDS = 3


async def test_kill_9_under_load_loses_nothing_that_was_answered(build: Build, dice: random.Random) -> None:
    traffic = Traffic(build(), dice)
    await traffic.smscd.begin()
    for number in range(ROUNDS):
        await traffic.begin(number)
        await traffic.test.more(dice.randrange(200, 2000))
        traffic.smscd.kill()
        await traffic.end()
        await traffic.smscd.begin()
    wrong = await traffic.settled()
    print(traffic)
    assert not wrong


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
