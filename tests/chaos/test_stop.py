"""SIGTERM and SIGHUP in the middle of it."""

from __future__ import annotations

import asyncio
import random
import signal

from tests.chaos.chaotic import TEXT
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger


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
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict(silence=2.0)
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()
    assert not ledger.duplicates, "everything was acknowledged before the end"
    untold = {delivery.tag for delivery in ledger.receipts} & ledger.unknown
    assert not untold, f"stored, and its sender was not told: {sorted(untold)[:5]}"


async def test_sigterm_does_not_wait_for_ever_for_an_esme_that_has_stopped_listening(build: Build) -> None:
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(300)
    esme.deafen()
    assert await smscd.halt(patience=15.0) == 0
    esme.listen()
    await esme.gone.wait()
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict(silence=2.0)
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting


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
    smscd = build(TEXT)
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
