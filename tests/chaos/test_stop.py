"""SIGTERM and SIGHUP in the middle of it."""

from __future__ import annotations

import asyncio
import errno
import random
import signal

from tests.chaos.chaotic import Chaotic
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.machine import PATIENCE


async def test_sigterm_under_load_answers_what_is_stored_and_repeats_nothing(build: Build, dice: random.Random) -> None:
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    esmes = [await Esme(ledger).bind(smscd.port) for _ in range(2)]
    for esme in esmes:
        esme.pump()
    await ledger.more(dice.randrange(500, 3000))
    assert await smscd.halt() == 0
    for esme in esmes:
        await esme.gone.wait()
    assert not smscd.lines("a request failed")
    await conserved(smscd, ledger)
    assert not ledger.duplicates, "everything was acknowledged before the end"
    untold = {delivery.tag for delivery in ledger.receipts} & ledger.unknown
    assert not untold, f"stored, and its sender was not told: {sorted(untold)[:5]}"


async def test_sigterm_waits_for_ever_neither_for_a_disk_nor_for_an_esme(build: Build) -> None:
    """Side by side, because both take the whole time that a stop is given."""
    await asyncio.gather(stop_on_a_full_disk(build), stop_with_a_deaf_esme(build))


async def stop_on_a_full_disk(build: Build) -> None:
    ledger = Ledger("A")
    smscd = build(name="full", shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(300)
    smscd.shim.fail_write(errno.ENOSPC)
    await ledger.until(lambda: ledger.refused)
    esme.rest()
    assert await smscd.halt(patience=PATIENCE) == 0
    smscd.shim.fail_write(0)
    await conserved(smscd, ledger)


async def stop_with_a_deaf_esme(build: Build) -> None:
    ledger = Ledger("B")
    smscd = build(name="deaf")
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(300)
    esme.deafen()
    assert await smscd.halt(patience=PATIENCE) == 0
    esme.listen()
    await esme.gone.wait()
    await conserved(smscd, ledger)


async def conserved(smscd: Chaotic, ledger: Ledger) -> None:
    """Start again: everything that was answered comes to its end."""
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_sighup_with_a_faulty_file_under_load_changes_nothing(build: Build) -> None:
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    good = smscd.config.read_text()
    for number, text in enumerate(("[[listener]\n", good + "\n[nonsense]\n", good.replace("secret", ""), ""), start=1):
        await ledger.more(200)
        smscd.reload(text)
        await asyncio.to_thread(smscd.wait_for, "reload refused, nothing changed", count=number)
    await ledger.more(500)
    assert not esme.gone.is_set()
    assert not ledger.refused
    assert smscd.alive
    esme.rest()
    await ledger.until(lambda: esme.idle)
    verdict = await esme.verdict()
    assert not verdict.lost
    assert not verdict.waiting


async def test_a_stopped_process_goes_on_where_it_was(build: Build) -> None:
    """SIGSTOP, as a debugger or a hypervisor does: no session is lost, nothing is repeated."""
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    assert smscd.process is not None
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    for _ in range(2):
        await ledger.more(300)
        smscd.process.send_signal(signal.SIGSTOP)
        assert not await ledger.quiet(lambda: False, silence=0.5)
        smscd.process.send_signal(signal.SIGCONT)
    await ledger.more(300)
    esme.rest()
    await ledger.until(lambda: esme.idle and not ledger.open)
    assert not esme.gone.is_set()
    assert not ledger.duplicates
    assert not ledger.contradictions()
