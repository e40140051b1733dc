"""The start after the crash: it may be killed too, the end of the log may be torn, and it must be quick."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from pathlib import Path

from smscd import pdu
from smscd.store.wal import WalIndex
from tests.chaos.chaotic import TEXT
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.machine import processor_time

SLOW = TEXT.replace('receipt_delay = "20ms"', 'receipt_delay = "1h"')
"""A network that takes everything and reports nothing for now."""
QUEUED = 100_000
LISTENING = 2.0
"""Seconds from the start of the process to READY with QUEUED messages (RELIABILITY 6), of the processor's time: by the
wall clock it is the same on a machine that has nothing else to do, and a test cannot know whether it is on one."""
MEMORY = 150 * 1024
"""KiB of RSS with QUEUED messages."""


async def test_kill_9_in_the_middle_of_the_recovery(build: Build, dice: random.Random) -> None:
    """Messages under way in the network, and in doubt, are taken up at the start; that may be interrupted anywhere."""
    ledger = Ledger()
    smscd = build(SLOW)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.until(lambda: len(ledger.accepted) >= 3000)
    smscd.kill()
    await esme.gone.wait()
    smscd.write_config(TEXT)
    for _ in range(3):
        smscd.process = smscd.launch()
        await asyncio.sleep(dice.uniform(0.2, 1.0))  # the random moment itself: nothing is waited for
        smscd.kill()
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    print(ledger, verdict)
    assert not verdict.lost
    assert not verdict.waiting
    assert not ledger.contradictions()


async def test_a_torn_end_of_the_log_costs_nothing_that_was_answered(build: Build, dice: random.Random) -> None:
    """Half a frame that was being written when the power went."""
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(dice.randrange(300, 1500))
    smscd.kill()
    await esme.gone.wait()
    log = smscd.data_dir / "smscd.db-wal"
    octets = log.read_bytes()
    with log.open("ab") as torn:
        torn.write(octets[-4120 : -dice.randrange(1, 4000)])
        torn.write(dice.randbytes(dice.randrange(1, 9000)))
    await smscd.begin()
    verdict = await (await Esme(ledger).bind(smscd.port)).verdict()
    assert not verdict.lost
    assert not verdict.waiting


async def test_a_log_cut_short_keeps_all_that_was_stored_before_the_cut(build: Build, dice: random.Random) -> None:
    """A disk that lost the end of the file: the rest counts, and smscd starts."""
    early, late = Ledger("A"), Ledger("B")
    smscd = build()
    await smscd.begin()
    esme = await Esme(early).bind(smscd.port)
    esme.pump(count=300)
    await early.until(lambda: esme.idle)
    kept = end_of_log(smscd.data_dir / "smscd.db")
    esme = await Esme(late).bind(smscd.port, pdu.BindTransmitter)  # the receipts of the early ones are theirs
    esme.pump()
    await late.more(300)
    smscd.kill()
    await esme.gone.wait()
    with (smscd.data_dir / "smscd.db-wal").open("r+b") as cut:
        cut.truncate(dice.randrange(kept, end_of_log(smscd.data_dir / "smscd.db")))
    await smscd.begin()
    verdict = await (await Esme(early).bind(smscd.port)).verdict()
    assert not verdict.lost
    assert not verdict.waiting


async def test_a_hundred_thousand_queued_receipts_delay_no_start(build: Build) -> None:
    ledger = Ledger()
    smscd = build()
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port, pdu.BindTransmitter)
    esme.pump(count=1)
    await smscd.waiting_for_esme(1)
    await smscd.halt()
    multiply(smscd.data_dir / "smscd.db", QUEUED)
    await smscd.begin()
    took = processor_time(smscd.pid)
    assert took < LISTENING
    receiver = await Esme(ledger).bind(smscd.port, pdu.BindReceiver)
    await ledger.more(3000)
    assert resident(smscd.pid) < MEMORY
    assert not receiver.gone.is_set()


def end_of_log(database: Path) -> int:
    """Where the last frame ends: the file itself is longer from the start."""
    index = WalIndex(database)
    try:
        return 32 + index.pages()[0] * (24 + 4096)
    finally:
        index.close()


def multiply(database: Path, count: int) -> None:
    """Make `count` receipts of the one that waits there."""
    with sqlite3.connect(database) as connection:
        columns = [row[1] for row in connection.execute("PRAGMA table_info(message)")]
        copied = ",".join("m.id + n.value" if name == "id" else f"m.{name}" for name in columns)
        connection.execute(
            f"WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {count - 1}) "
            f"INSERT INTO message SELECT {copied} FROM message AS m, n WHERE m.stage = 0"
        )


def resident(pid: int) -> int:
    """KiB of RSS."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1])
