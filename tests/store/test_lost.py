"""A log that is damaged, or that has lost its database: refused or told, and never thrown away in silence."""

from __future__ import annotations

import os
import shutil
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
    database, _log = files(killed)
    chest = SqliteChest(killed)
    assert chest.store.path == database
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
