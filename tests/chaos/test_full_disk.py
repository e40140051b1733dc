"""A full disk: new work is refused with ESME_RMSGQFUL, nothing else suffers, and it passes without a restart."""

from __future__ import annotations

import errno
import random

import pytest

from smscd import pdu
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger

FULL = pdu.ESME_RMSGQFUL


async def conserved(esme: Esme) -> None:
    """Everything that was answered ESME_ROK comes to its end."""
    esme.rest()
    verdict = await esme.verdict()
    print(esme.ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not esme.ledger.contradictions()


async def accepts_again(esme: Esme) -> None:
    """Submits until one is taken."""
    while (await esme.submit()).command_status == FULL:
        pass


async def test_submits_are_refused_while_the_disk_is_full_and_accepted_again_after(
    build: Build, dice: random.Random
) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(dice.randrange(300, 2000))
    smscd.shim.fail_write(errno.ENOSPC)
    await ledger.until(lambda: len(ledger.refused) >= 100)
    assert set(ledger.refused.values()) == {FULL}
    esme.rest()
    await ledger.until(lambda: esme.idle)
    assert (await esme.submit()).command_status == FULL
    assert not esme.gone.is_set(), "a full disk is nobody's fault, and no reason to end a session"
    smscd.shim.fail_write(0)
    await accepts_again(esme)
    esme.pump(count=500)
    await ledger.until(lambda: esme.idle)
    await conserved(esme)


async def test_what_is_stored_is_delivered_while_the_disk_is_full(build: Build) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    transmitter = await Esme(ledger).bind(smscd.port, pdu.BindTransmitter)
    transmitter.pump(count=300)
    await ledger.until(lambda: len(ledger.accepted) == 300)
    await smscd.waiting_for_esme(300)
    smscd.shim.fail_write(errno.ENOSPC)
    assert (await transmitter.submit()).command_status == FULL
    receiver = await Esme(ledger).bind(smscd.port, pdu.BindReceiver)
    await ledger.until(lambda: not ledger.open)
    smscd.shim.fail_write(0)
    await accepts_again(transmitter)
    await smscd.waiting_for_esme(0)
    await conserved(receiver)


@pytest.mark.parametrize("file", ["smscd.db", "-shm"])
async def test_no_room_to_tidy_the_log_or_to_index_it_ends_nothing(build: Build, file: str) -> None:
    """A checkpoint needs room in the database, a long log needs room in its index: neither may cost the process."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    smscd.shim.fail_write(errno.ENOSPC, of=file)
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump(count=20_000)
    await ledger.until(lambda: esme.idle or esme.gone.is_set())
    assert smscd.alive
    assert not esme.gone.is_set()
    smscd.shim.fail_write(0)
    await accepts_again(esme)
    await conserved(esme)


async def test_a_purge_without_room_ends_nothing(build: Build) -> None:
    pytest.skip("TBD")


async def test_sigterm_ends_it_while_the_disk_is_full(build: Build, dice: random.Random) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(dice.randrange(300, 1000))
    smscd.shim.fail_write(errno.ENOSPC)
    await ledger.until(lambda: ledger.refused)
    assert await smscd.halt(patience=15) in {0, 1}
    smscd.shim.fail_write(0)
    await smscd.begin()
    await conserved(await Esme(ledger).bind(smscd.port))
