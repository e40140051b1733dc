"""A full disk: new work is refused with ESME_RMSGQFUL, nothing else suffers, and it passes without a restart."""

from __future__ import annotations

import errno
import random
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from smscd import pdu
from smscd.clock import SystemClock
from smscd.counters import Counters
from smscd.errors import StoreBroken, StoreFull
from smscd.message import Kind, Message, Stage
from smscd.store import SqliteStore
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme, message
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


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT], ids=["disk", "quota"])
async def test_submits_are_refused_while_the_disk_is_full_and_accepted_again_after(
    build: Build, dice: random.Random, fault: int
) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(dice.randrange(300, 2000))
    smscd.shim.fail_write(fault)
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


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EDQUOT], ids=["disk", "quota"])
async def test_a_start_without_room_asks_for_room_and_for_no_backup(build: Build, fault: int) -> None:
    """Whoever put an older file there would lose what the one that is left as it is has."""
    smscd = build(shimmed=True)
    smscd.shim.fail_write(fault)
    smscd.process = smscd.launch()
    assert await smscd.ended(patience=60.0) == 1
    said = smscd.log.read_text()
    assert "smscd.db" in said
    assert "make room on that disk" in said
    assert "backup" not in said
    smscd.shim.fail_write(0)
    await smscd.begin()
    esme = await Esme(Ledger()).bind(smscd.port)
    assert (await esme.submit()).command_status == pdu.ESME_ROK


async def test_no_room_for_a_checkpoint_is_waited_for(build: Build) -> None:
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    smscd.shim.fail_write(errno.ENOSPC, of="smscd.db")
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.until(lambda: smscd.lines("no room for a checkpoint"))
    await ledger.more(1000)
    assert not ledger.refused, "the log has room"
    smscd.shim.fail_write(0)
    await conserved(esme)


async def test_no_room_for_the_index_of_the_log_is_waited_for(build: Build) -> None:
    """A reader that does not finish (a backup, an operator) keeps the log from being reused; its index must grow."""
    ledger = Ledger()
    smscd = build(shimmed=True)
    await smscd.begin()
    with sqlite3.connect(smscd.data_dir / "smscd.db") as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM message").fetchall()
        smscd.shim.fail_write(errno.ENOSPC, of="-shm")
        esme = await Esme(ledger).bind(smscd.port)
        esme.pump()
        await ledger.until(lambda: ledger.refused or esme.gone.is_set())
        assert not esme.gone.is_set(), f"exit code {await smscd.ended()}"
        smscd.shim.fail_write(0)
        await accepts_again(esme)
        await conserved(esme)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own with room for 24 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip("NOT PROVEN HERE: mounting is not permitted; the shim's full disk is the only one tried")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(disk: Path) -> None:
    """Take what is left, to the last octet."""
    with suppress(OSError), (disk / "ballast").open("ab", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4096))


async def test_a_real_disk_runs_full_under_load_and_is_freed(build: Build, small_disk: Path) -> None:
    """Nothing is played here: log, index, database, records and lock share what room there is."""
    ledger = Ledger()
    smscd = build(data_dir=small_disk / "data")
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    esme.pump()
    await ledger.more(500)
    for _ in range(3):
        fill(small_disk)
        ledger.refused.clear()
        await ledger.until(lambda: ledger.refused or esme.gone.is_set())
        assert set(ledger.refused.values()) <= {FULL}
        fill(small_disk)
        assert not esme.gone.is_set(), smscd.log.read_text()
        esme.rest()
        await ledger.until(lambda: esme.idle)
        (small_disk / "ballast").unlink()
        await accepts_again(esme)
        esme.pump()
        await ledger.more(500)
    await conserved(esme)


async def test_a_purge_that_finds_no_room_leaves_no_transaction_open(tmp_path: Path) -> None:
    """The next batch would run into it, and the process would end for want of a few octets."""
    broken: list[StoreBroken] = []
    store = SqliteStore(tmp_path / "smscd.db", SystemClock(), Counters().store, broken.append)
    await store.open()
    for number in (1, 2):
        finished = Message(number, str(number), Kind.MT, "test", "handsets", message(b"A00000001"), 1, 1, 1)
        finished.stage = Stage.CLOSED
        store.batch.add(finished)
        await store.committed()
    with sqlite3.connect(store.path) as elsewhere:
        elsewhere.executescript(
            "CREATE TABLE ballast (octets BLOB);"
            "CREATE TRIGGER greedy BEFORE DELETE ON message BEGIN INSERT INTO ballast VALUES (zeroblob(9000000)); END;"
        )
    await store._writer.on_writer(lambda connection: connection.execute("PRAGMA max_page_count=100"))
    with pytest.raises(StoreFull):
        await store.purge(closed_before=2, dead_before=0, limit=10)
    synchronous = await store._writer.on_writer(lambda connection: connection.execute("PRAGMA synchronous").fetchone())
    assert synchronous == (2,), "what comes next would be answered before it is on stable storage"
    answers: list[int] = []
    store.batch.add(late := Message(3, "3", Kind.MT, "test", "handsets", message(b"A00000003"), 1, 1, 1))
    store.batch.answer(late, lambda _message, status: answers.append(status))
    await store.committed()
    await store.close()
    assert answers == [pdu.ESME_ROK]
    assert not broken
