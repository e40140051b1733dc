"""A log that is damaged, or that has lost its database: refused or told, and never thrown away in silence."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from smscd.errors import StoreBroken
from tests.cast import message
from tests.store.chests import SqliteChest
from tests.store.contract import put

COMMITS = 10
FRAME = 24 + 4096


@pytest.fixture
async def killed(tmp_path: Path) -> Path:
    """The directory as kill -9 leaves it after `COMMITS` commits."""
    (tmp_path / "lived").mkdir()
    chest = SqliteChest(tmp_path / "lived")
    await chest.open()
    for number in range(1, COMMITS + 1):
        await put(chest.store, message(number))
    left = tmp_path / "left"
    shutil.copytree(tmp_path / "lived", left)
    await chest.discard()
    return left


def files(killed: Path) -> tuple[Path, Path]:
    (log,) = killed.glob("*-wal")
    return log.with_name(log.name.removesuffix("-wal")), log


async def opened(killed: Path) -> tuple[int, list[str]]:
    """How many messages are found, and what was logged as an error."""
    chest = SqliteChest(killed)
    with capture_logs() as said:
        await chest.open()
    found = len(await chest.store.get(range(1, COMMITS + 1)))
    await chest.discard()
    return found, [one["event"] for one in said if one["log_level"] == "error"]


async def test_after_a_kill_all_is_there_and_nothing_is_told(killed: Path) -> None:
    assert await opened(killed) == (COMMITS, [])


@pytest.mark.parametrize("harm", ["database missing", "database empty", "log's magic", "log's checksum", "log's salt"])
async def test_what_sqlite_would_throw_away_is_refused_and_left_as_it_is(killed: Path, harm: str) -> None:
    database, log = files(killed)
    whole = database.read_bytes(), log.read_bytes()
    if harm == "database missing":
        database.unlink()
    elif harm == "database empty":
        os.truncate(database, 0)
    else:
        flip(log, {"log's magic": 3, "log's checksum": 30, "log's salt": 17}[harm])
    harmed = log.read_bytes()
    with pytest.raises(StoreBroken, match=r"smscd|\.db"):
        await opened(killed)
    assert log.read_bytes() == harmed
    database.write_bytes(whole[0])
    log.write_bytes(whole[1])
    assert await opened(killed) == (COMMITS, [])


def index_of(killed: Path) -> Path:
    (index,) = killed.glob("*-shm")
    return index


def take_away(log: Path, how: str) -> None:
    if how == "missing":
        log.unlink()
    else:
        os.truncate(log, 0)
        os.truncate(log, 5 * FRAME if how == "zeros" else 0)


@pytest.mark.parametrize("how", ["missing", "empty", "zeros"])
async def test_a_log_that_somebody_took_away_is_asked_for(killed: Path, how: str) -> None:
    """Moved, forgotten in a copy, or emptied by hand, after a kill: all that was not copied back would be gone."""
    database, log = files(killed)
    whole, stored = log.read_bytes(), database.read_bytes()
    take_away(log, how)
    for _ in range(2):  # the next start too
        with pytest.raises(StoreBroken, match=r"put it back, or remove .*smscd.*-shm"):
            await opened(killed)
    assert database.read_bytes() == stored
    log.write_bytes(whole)
    assert await opened(killed) == (COMMITS, [])


async def test_to_go_on_without_it_is_decided_by_hand(killed: Path) -> None:
    _database, log = files(killed)
    log.unlink()
    index_of(killed).unlink()
    assert (await opened(killed))[0] < COMMITS


async def test_what_was_copied_back_needs_no_log(killed: Path) -> None:
    """As between the last checkpoint and the next commit."""
    database, log = files(killed)
    with sqlite3.connect(database) as other:
        other.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        left = shutil.copytree(killed, killed.with_name("copied"))
    other.close()
    (left / log.name).unlink()
    assert index_of(left).exists()
    assert await opened(left) == (COMMITS, [])


async def test_another_program_that_has_looked_into_it_leaves_nothing_to_be_asked_for(killed: Path) -> None:
    """`sqlite3 smscd.db` copies the log back when it ends, and removes it."""
    database, log = files(killed)
    other = sqlite3.connect(database)
    assert other.execute("SELECT count(*) FROM message").fetchone() == (COMMITS,)
    other.close()
    assert not log.exists()
    assert await opened(killed) == (COMMITS, [])


@pytest.mark.parametrize("harm", ["short", "zeros", "torn", "another version"])
async def test_an_index_that_cannot_be_believed_refuses_nothing(killed: Path, harm: str) -> None:
    """A power cut may leave of it what it likes: it is never synced."""
    _database, log = files(killed)
    log.unlink()
    index = index_of(killed)
    octets = bytearray(index.read_bytes())
    if harm == "short":
        del octets[50:]
    elif harm == "zeros":
        octets[:200] = bytes(200)
    elif harm == "torn":
        octets[16] ^= 1
    else:
        octets[0] ^= 1
        octets[48] ^= 1
    index.write_bytes(octets)
    assert (await opened(killed))[1] == []


@pytest.mark.parametrize("damaged", [1, 3])
async def test_commits_behind_a_damaged_frame_are_told_unless_they_may_be_a_torn_one(
    killed: Path, damaged: int
) -> None:
    """`damaged`: which of the last commits."""
    _database, log = files(killed)
    frames = log.read_bytes()
    commits = [at for at in range(32, len(frames), FRAME) if any(frames[at + 4 : at + 8])]
    flip(log, commits[-damaged] + 100)
    found, errors = await opened(killed)
    assert found < COMMITS
    assert len(errors) == (damaged > 1)


def flip(file: Path, at: int) -> None:
    octets = bytearray(file.read_bytes())
    octets[at] ^= 0x55
    file.write_bytes(octets)
