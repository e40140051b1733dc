"""A bad cable, a frozen upstream, a clock that jumps, a full disk: between smscd and the carrier nothing gets lost."""

from __future__ import annotations

import asyncio
import errno
import random
import signal
from pathlib import Path

from smscd import pdu
from tests.chaos.conftest import Build
from tests.chaos.road import SESSIONS, WINDOW, road
from tests.chaos.test_recovery import LISTENING, MEMORY, QUEUED, multiply, resident
from tests.machine import processor_time

BOUND = WINDOW * SESSIONS
DAY, HOUR = 86_400, 3600
LOOK = 1.1
"""Seconds within which smscd looks at the clock."""
WATCHFUL = 'response_timer = "2s"\nenquire_link_timer = "1s"\nlate_grace = "0s"'
"""A dead upstream is noticed within five seconds, and a busy one not taken for it."""


async def test_every_pdu_in_single_octets_in_both_directions(build: Build, tmp_path: Path) -> None:
    async with road(build, tmp_path, "--mo-every", "5") as way:
        way.cable.portion = 1
        esme = await way.pump(count=50)
        await way.ledger.until(lambda: esme.idle and not way.ledger.open and len(way.ledger.mo) == 10)
        assert way.handed.keys() == way.ledger.accepted.keys()
        assert not way.duplicates
        assert not way.ledger.duplicates


async def test_resets_of_the_upstream_connection_repeat_no_more_than_was_on_its_way(
    build: Build, dice: random.Random, tmp_path: Path
) -> None:
    resets = 5
    async with road(build, tmp_path, "--answer-after", "0.003") as way:
        esme = await way.pump()
        for _ in range(resets):
            await way.ledger.more(dice.randrange(50, 500))
            way.cable.reset()
        await way.ledger.more(300)
        esme.rest()
        assert not await way.conserved()
        assert way.duplicates <= resets * BOUND


async def test_a_black_hole_delays_and_what_it_swallowed_is_sent_again(build: Build, tmp_path: Path) -> None:
    """Nobody is told that the route is gone; meanwhile the ESME is answered, and its messages wait."""
    async with road(build, tmp_path, keys=WATCHFUL) as way:
        esme = await way.pump()
        await way.ledger.more(500)
        way.cable.swallows = True
        await way.ledger.more(1000)
        esme.rest()
        await asyncio.to_thread(way.smscd.wait_for, "upstream is away")
        assert not way.ledger.refused
        way.cable.heal()
        assert not await way.conserved()
        assert way.duplicates <= BOUND, "only those whose answers were swallowed had arrived"


async def test_an_upstream_that_stands_still_for_a_second_gets_nothing_twice(build: Build, tmp_path: Path) -> None:
    async with road(build, tmp_path) as way:
        esme = await way.bind()
        for _ in range(2):
            esme.pump(count=600)
            await way.ledger.more(200)
            way.carrier.freeze()
            await asyncio.sleep(0.8)  # the standing still itself: nothing is waited for
            way.carrier.thaw()
            await way.ledger.until(lambda: esme.idle)
        assert not await way.conserved()
        assert not way.duplicates


async def test_smscd_standing_still_repeats_nothing(build: Build, tmp_path: Path) -> None:
    async with road(build, tmp_path) as way:
        esme = await way.pump()
        assert way.smscd.process is not None
        for _ in range(2):
            await way.ledger.more(300)
            way.smscd.process.send_signal(signal.SIGSTOP)
            assert not await way.ledger.quiet(lambda: False, silence=0.8)
            way.smscd.process.send_signal(signal.SIGCONT)
        esme.rest()
        assert not await way.conserved()
        assert not way.duplicates


async def test_a_clock_that_jumps_changes_nothing_for_the_upstream(build: Build, tmp_path: Path) -> None:
    """A day on, and a day and an hour back, each time with messages on their way."""
    async with road(build, tmp_path, shimmed=True) as way:
        esme = await way.bind()
        for offset in (DAY, -HOUR, 0):
            esme.pump(count=1000)
            await way.ledger.more(400)
            way.smscd.shim.step_clock(offset)
            await way.ledger.until(lambda: esme.idle and not way.ledger.open)
            await asyncio.sleep(LOOK)  # a clock that was never looked at in between has not jumped
        assert not await way.conserved()
        assert not way.duplicates
        assert {delivery.stat for delivery in way.ledger.receipts} == {"DELIVRD"}


async def test_a_full_disk_refuses_and_nothing_that_was_accepted_is_lost_or_repeated(
    build: Build, dice: random.Random, tmp_path: Path
) -> None:
    async with road(build, tmp_path, "--mo-every", "10", shimmed=True) as way:
        esme = await way.pump()
        await way.ledger.more(dice.randrange(300, 1500))
        way.smscd.shim.fail_write(errno.ENOSPC)
        await way.ledger.until(lambda: len(way.ledger.refused) >= 100)
        assert set(way.ledger.refused.values()) == {pdu.ESME_RMSGQFUL}
        way.smscd.shim.fail_write(0)
        accepted = len(way.ledger.accepted)
        await way.ledger.until(lambda: len(way.ledger.accepted) > accepted + 200)
        esme.rest()
        await way.ledger.until(lambda: esme.idle)
        assert not await way.conserved()
        assert not way.duplicates
        assert not set(way.handed) & set(way.ledger.refused)


async def test_sigterm_under_load_sends_nothing_twice(build: Build, dice: random.Random, tmp_path: Path) -> None:
    """The upstream answers within the time that a stop is given."""
    async with road(build, tmp_path, "--answer-after", "0.1") as way:
        for _ in range(2):
            esme = await way.pump()
            await way.ledger.more(dice.randrange(200, 1000))
            assert await way.smscd.halt() == 0
            await esme.gone.wait()
            await way.smscd.begin()
        assert not await way.conserved()
        assert not way.duplicates
        assert not way.ledger.duplicates


async def test_a_hundred_thousand_for_a_dead_upstream_delay_no_start_and_no_one_else(
    build: Build, tmp_path: Path
) -> None:
    async with road(build, tmp_path, keys=WATCHFUL) as way:
        way.cable.swallows = True
        await asyncio.to_thread(way.smscd.wait_for, "upstream is away")
        esme = await way.pump(count=1)
        await way.ledger.until(lambda: esme.idle)
        await way.smscd.halt()
        multiply(way.smscd.data_dir / "smscd.db", QUEUED)
        await way.smscd.begin()
        assert processor_time(way.smscd.pid) < LISTENING
        esme = await way.pump(count=1000)
        await way.ledger.until(lambda: esme.idle)
        assert not way.ledger.refused
        assert resident(way.smscd.pid) < MEMORY
        way.cable.heal()
        await way.carried(3000)
        assert resident(way.smscd.pid) < MEMORY
