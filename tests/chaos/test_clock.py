"""The wall clock jumps: nothing expires, repeats or stalls beyond what the arithmetic of validity demands."""

from __future__ import annotations

import asyncio
from functools import partial

import pytest

from smscd import pdu
from tests.chaos.chaotic import TEXT
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger

DAY, HOUR = 86_400, 3600
WATCHED = TEXT.replace('log_level = "warning"', 'log_level = "info"')


async def test_steps_under_load_change_nothing_for_anybody(build: Build) -> None:
    """A day on, then an hour back, then a crash."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    for offset in (DAY, DAY - HOUR):
        await ledger.more(700)
        smscd.shim.step_clock(offset)
    await ledger.more(700)
    smscd.kill()
    await esme.gone.wait()
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump(count=500)
    await ledger.until(lambda: esme.idle)
    verdict = await esme.verdict()
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions(), "an id was given twice?"
    assert {delivery.stat for delivery in ledger.receipts} == {"DELIVRD"}


@pytest.mark.parametrize("restart", [False, True], ids=["running", "restarted"])
async def test_what_waits_for_an_esme_leaves_when_it_binds_though_the_clock_was_set_back(
    build: Build, restart: bool
) -> None:
    """More than fits into memory, so that it is looked up by its due time."""
    sent, received = Ledger("A"), Ledger("B")
    smscd = build(shimmed=True)
    await smscd.begin()
    sender = await Esme(sent).bind(smscd.port)
    sender.pump(lambda tag: message(tag, destination_addr=b"888" + tag[-6:]), count=2500)
    await sent.until(lambda: sender.idle)
    smscd.shim.step_clock(-HOUR)
    if restart:
        smscd.kill()
        await smscd.begin()
    await Esme(received, system_id=b"other").bind(smscd.port, pdu.BindReceiver)
    await received.until(lambda: len(received.mo) == 2500)


async def test_retries_go_on_after_a_step_back(build: Build) -> None:
    """The pause was one second; an hour is not part of it."""
    sent, received = Ledger("A"), Ledger("B")
    smscd = build(WATCHED.replace('schedule = ["200ms", "1s"]', 'schedule = ["1s"]'), shimmed=True)
    await smscd.begin()
    sender = await Esme(sent).bind(smscd.port)
    receiver = await Esme(received, system_id=b"other").bind(smscd.port, pdu.BindReceiver)
    receiver.status = pdu.ESME_RX_T_APPN
    sender.pump(lambda tag: message(tag, destination_addr=b"888" + tag[-6:]), count=10)
    await asyncio.to_thread(smscd.wait_for, "deferred", count=10)
    smscd.shim.step_clock(-HOUR)
    receiver.status = pdu.ESME_ROK
    await received.until(lambda: min(received.mo.values()) > 1)
    await sent.until(lambda: not sent.open)


async def test_a_schedule_is_kept_by_the_wall_clock(build: Build) -> None:
    """Set forward past it: it is due. Set back: it waits for the time it was given."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump(lambda tag: message(tag, schedule_delivery_time=b"000000003000000R"), count=5)
    await ledger.until(lambda: esme.idle)
    smscd.shim.step_clock(-HOUR)
    assert not await ledger.quiet(lambda: ledger.receipts, silence=2.0)
    smscd.shim.step_clock(HOUR)
    await ledger.until(lambda: not ledger.open)


async def test_validity_is_arithmetic_on_the_wall_clock(build: Build) -> None:
    """An hour of validity is over a day later, and two days are not."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    for validity_period in (b"000000010000000R", b"000002000000000R"):
        make = partial(message, destination_addr=b"888", validity_period=validity_period)
        assert (await esme.submit(make)).command_status == pdu.ESME_ROK
    smscd.shim.step_clock(DAY)
    await ledger.until(lambda: ledger.receipts)
    assert [(delivery.tag, delivery.stat) for delivery in ledger.receipts] == [(b"A00000001", "EXPIRED")]
    await Esme(Ledger("B"), system_id=b"other").bind(smscd.port, pdu.BindReceiver)
    await ledger.until(lambda: not ledger.open)
    assert ledger.receipts[-1].stat == "DELIVRD"
