"""Faults by chance, from a printed seed; `scripts/soak --gateway` is the same for as long as one likes."""

from __future__ import annotations

import random
from pathlib import Path

from tests.chaos.conftest import Build
from tests.chaos.ordeal import WATCHFUL, Ordeal
from tests.chaos.road import road

ROUNDS = 4


async def test_whatever_happens_everything_accepted_arrives(build: Build, dice: random.Random, tmp_path: Path) -> None:
    options = ("--answer-after", "0.002", "--mo-every", "10")
    async with road(build, tmp_path, *options, keys=WATCHFUL, shadowed=True) as way:
        ordeal = Ordeal(way, dice, load=400)
        for _ in range(ROUNDS):
            await ordeal.round()
        wrong = await ordeal.judged()
        assert not wrong, ordeal.suffered
