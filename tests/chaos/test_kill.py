"""P2: kill -9 at any instant loses nothing that was answered."""

from __future__ import annotations

import random

from tests.chaos.chaotic import Chaotic
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger

ROUNDS = 4


async def rounds(smscd: Chaotic, ledger: Ledger, dice: random.Random, count: int) -> None:
    """Pump at window 100, kill at a random moment, start again; `count` times."""
    await smscd.begin()
    for _ in range(count):
        esme = await Esme(ledger).bind(smscd.port)
        esme.pump()
        await ledger.more(dice.randrange(200, 3000))
        smscd.kill()
        await esme.gone.wait()
        await smscd.begin()


async def test_kill_9_under_load_loses_nothing_that_was_answered(build: Build, dice: random.Random) -> None:
    ledger = Ledger()
    smscd = build()
    await rounds(smscd, ledger, dice, ROUNDS)
    esme = await Esme(ledger).bind(smscd.port)
    verdict = await esme.verdict()
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_a_store_in_memory_is_seen_to_lose(build: Build, dice: random.Random) -> None:
    ledger = Ledger()
    smscd = build(sabotage="forgetful")
    await rounds(smscd, ledger, dice, 1)
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    assert verdict.lost, f"the harness does not see losses: {ledger}"
