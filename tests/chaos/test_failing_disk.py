"""A sync that fails: nothing more is promised, the process ends at once, the next start recovers (RELIABILITY 4)."""

from __future__ import annotations

import errno
import random

from smscd import pdu
from smscd.daemon.house import EXIT_BROKEN
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.machine import Stopwatch, slack

AT_ONCE = 2.0
"""Seconds from the fault to the end of the process, on a quiet machine."""


async def test_a_failed_sync_ends_the_process_and_answers_nothing_more(build: Build, dice: random.Random) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(dice.randrange(300, 2000))
    with Stopwatch() as watch:
        failed_at = watch.read()
        smscd.shim.fail_sync(errno.EIO)
        assert await smscd.ended() == EXIT_BROKEN
        assert watch.read() - failed_at < AT_ONCE * slack()
    await esme.gone.wait()
    assert not ledger.refused, "an answer was made up for what nobody can know"
    smscd.shim.fail_sync(0)
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_a_disk_that_takes_no_more_writes_ends_the_process_and_answers_nothing_more(
    build: Build, dice: random.Random
) -> None:
    """A quota passes, and SQLite says the same of both: to wait for room on a dead disk would be to wait for ever."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(dice.randrange(300, 2000))
    smscd.shim.fail_write(errno.EIO)
    assert await smscd.ended() == EXIT_BROKEN
    await esme.gone.wait()
    assert not ledger.refused
    smscd.shim.fail_write(0)
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_nothing_is_answered_after_the_first_failed_sync(build: Build) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    smscd.shim.fail_sync(errno.EIO)
    esme.pump(count=100)
    assert await smscd.ended() == EXIT_BROKEN
    await esme.gone.wait()
    assert not ledger.accepted
    assert not ledger.refused


async def test_a_sync_that_fails_in_a_checkpoint_ends_the_process_too(build: Build) -> None:
    """The log can be synced and the database cannot: that is only seen when the one is copied to the other."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    smscd.shim.fail_sync(errno.EIO, of="smscd.db")
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    assert await smscd.ended() == EXIT_BROKEN
    await esme.gone.wait()
    smscd.shim.fail_sync(0)
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    assert not verdict.lost
    assert not verdict.waiting


async def test_a_sync_that_fails_in_the_last_checkpoint_keeps_the_log(build: Build) -> None:
    """SQLite would sync once more when it closes, be told that all is well, and delete the only good copy."""
    ledger = Ledger()
    smscd = build(shadowed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port, pdu.BindTransmitter)
    esme.pump(count=100)
    await ledger.until(lambda: esme.idle)
    smscd.shim.fail_sync(errno.EIO, of="smscd.db")
    assert await smscd.halt() == EXIT_BROKEN
    assert (smscd.data_dir / "smscd.db-wal").stat().st_size
    smscd.shim.fail_sync(0)
    smscd.cut_power()
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    assert not verdict.lost
    assert not verdict.waiting
