"""P2 and P3 through to the upstream: nothing is lost, and what comes twice is bounded and named."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest

from smscd.daemon.house import EXIT_BROKEN
from tests.chaos.conftest import Build
from tests.chaos.road import SESSIONS, WINDOW, Road, road

KILLS = 3
BOUND = WINDOW * SESSIONS
"""What may be on its way to the upstream, and come again, per crash."""
UNSYNCED = BOUND
"""Answered by the upstream, and the commit of that had not reached the disk."""
LINGERING = ("--answer-after", "0.005")
"""So that the window is full when the blow falls."""


async def struck(way: Road, dice: random.Random) -> None:
    """A fresh bind pumps; somewhere in the middle of it this returns."""
    await way.pump()
    await way.ledger.more(dice.randrange(200, 1500))


async def test_kill_9_loses_nothing_and_repeats_no_more_than_was_on_its_way(
    build: Build, dice: random.Random, tmp_path: Path
) -> None:
    async with road(build, tmp_path, *LINGERING, "--mo-every", "10") as way:
        for _ in range(KILLS):
            await struck(way, dice)
            way.smscd.kill()
            await way.smscd.begin()
        assert not await way.conserved()
        assert way.duplicates <= KILLS * BOUND
        assert {delivery.stat for delivery in way.ledger.receipts} == {"DELIVRD"}
        assert way.ledger.mo, "no handset has replied: this has shown less than it says"


async def test_a_power_cut_loses_nothing_and_repeats_no_more_than_was_on_its_way(
    build: Build, dice: random.Random, tmp_path: Path
) -> None:
    async with road(build, tmp_path, *LINGERING, shadowed=True) as way:
        await struck(way, dice)
        way.smscd.cut_power()
        await way.smscd.begin()
        assert not await way.conserved()
        assert way.duplicates <= UNSYNCED + BOUND


async def test_a_failed_sync_ends_the_process_and_the_next_start_loses_nothing(
    build: Build, dice: random.Random, tmp_path: Path
) -> None:
    async with road(build, tmp_path, *LINGERING, shimmed=True) as way:
        await struck(way, dice)
        way.smscd.shim.fail_sync(errno.EIO)
        assert await way.smscd.ended() == EXIT_BROKEN
        way.smscd.shim.fail_sync(0)
        await way.smscd.begin()
        assert not await way.conserved()
        assert way.duplicates <= UNSYNCED + BOUND


# --- what would be seen if it were otherwise --------------------------------------------------------------------------


@pytest.mark.parametrize(("sabotage", "within"), [("", True), ("amnesiac", False)], ids=["smscd", "amnesiac"])
async def test_a_build_that_forgets_answers_is_seen_to_exceed_the_bound(
    build: Build, tmp_path: Path, sabotage: str, within: bool
) -> None:
    """A thousand wait for their receipts: the carrier has them, and smscd has to know that it has."""
    async with road(build, tmp_path, "--report-after", "3600", sabotage=sabotage) as way:
        await way.pump()
        await way.carried(1000)
        way.smscd.kill()
        await way.smscd.begin()
        probe = await way.pump(count=1)
        await way.ledger.until(lambda: probe.idle)
        await way.carried_text(max(way.ledger.accepted))  # it leaves after all that is older
        assert (way.duplicates <= BOUND) is within, way.duplicates


async def test_a_build_that_forgets_messages_is_seen_to_lose(build: Build, dice: random.Random, tmp_path: Path) -> None:
    async with road(build, tmp_path, "--answer-after", "0.1", sabotage="forgetful") as way:
        await struck(way, dice)
        way.smscd.kill()
        await way.smscd.begin()
        assert await way.conserved(silence=1.0)
        assert way.missing
