"""P1 and P2 where kill -9 proves nothing: the page cache survives a process, not a power cut."""

from __future__ import annotations

import random

from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger, Verdict
from tests.machine import PATIENCE

CUTS = 2


async def cuts(build: Build, dice: random.Random, count: int, sabotage: str = "") -> tuple[Ledger, Verdict]:
    """Pump at window 100 and cut the power at a random moment, `count` times; what became of it all."""
    ledger = Ledger()
    smscd = build(sabotage=sabotage, shadowed=True)
    await smscd.begin()
    for _ in range(count):
        esme = await Esme(ledger).bind(smscd.port)
        esme.pump()
        await ledger.more(dice.randrange(100, 1500))
        smscd.cut_power()
        await esme.gone.wait()
        await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict(silence=1.0 if sabotage else PATIENCE)
    print(ledger, verdict)
    return ledger, verdict


async def test_a_power_cut_loses_nothing_that_was_answered(build: Build, dice: random.Random) -> None:
    ledger, verdict = await cuts(build, dice, CUTS)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_a_store_that_does_not_sync_is_seen_to_lose(build: Build, dice: random.Random) -> None:
    _, verdict = await cuts(build, dice, 1, sabotage="unsynced")
    assert verdict.lost, "the harness does not see what a power cut costs"
