"""A disk that fails and a file that is damaged: what passes, what ends the process, and what harms one message only."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from smscd.errors import StoreBroken, StoreFull
from smscd.message import Stage
from smscd.store import Listing
from smscd.store.damage import PROBE, UNEXPLAINED, Disk
from tests.cast import NOON, message, with_part
from tests.store.chests import SqliteChest
from tests.store.contract import ids, put

PAGE = 4096


# --- a write that fails -----------------------------------------------------------------------------------------------


def fail(disk: Disk, code: int) -> None:
    """Let SQLite say `code` to whatever is written."""

    def work(_connection: sqlite3.Connection) -> None:
        fault = sqlite3.OperationalError("disk I/O error")
        fault.sqlite_errorcode = code
        raise fault

    disk.run(work, sqlite3.connect(":memory:"))


@pytest.mark.parametrize("code", [sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE])
def test_no_room_is_waited_for_however_often_it_is_said(tmp_path: Path, code: int) -> None:
    disk = Disk(tmp_path)
    for _ in range(UNEXPLAINED * 2):
        with pytest.raises(StoreFull):
            fail(disk, code)


@pytest.mark.parametrize("code", [sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_READ, sqlite3.SQLITE_CORRUPT, 0])
def test_whatever_else_fails_ends_it(tmp_path: Path, code: int) -> None:
    with pytest.raises(StoreBroken):
        fail(Disk(tmp_path), code)


def test_a_write_that_fails_where_nothing_can_be_written_ends_it(tmp_path: Path) -> None:
    with pytest.raises(StoreBroken):
        fail(Disk(tmp_path / "gone"), sqlite3.SQLITE_IOERR_WRITE)


def test_a_write_that_fails_without_a_reason_is_tried_a_few_times(tmp_path: Path) -> None:
    """Somebody may have made room between the failure and the look at it; but not every time."""
    disk = Disk(tmp_path)
    for _ in range(UNEXPLAINED - 1):
        with pytest.raises(StoreFull):
            fail(disk, sqlite3.SQLITE_IOERR_WRITE)
    disk.run(lambda _connection: None, sqlite3.connect(":memory:"))
    for _ in range(UNEXPLAINED - 1):
        with pytest.raises(StoreFull):
            fail(disk, sqlite3.SQLITE_IOERR_WRITE)
    with pytest.raises(StoreBroken):
        fail(disk, sqlite3.SQLITE_IOERR_WRITE)
    assert not list(tmp_path.iterdir()), "the look leaves nothing behind"
    assert PROBE


@pytest.mark.parametrize(
    ("code", "full"),
    [
        (sqlite3.SQLITE_FULL, True),
        (sqlite3.SQLITE_IOERR_SHMSIZE, True),
        (sqlite3.SQLITE_IOERR_WRITE, False),  # there is room, so it was something else
        (sqlite3.SQLITE_CORRUPT, False),
    ],
)
def test_an_opening_that_fails_is_for_want_of_room_only_if_the_disk_says_so(
    tmp_path: Path, code: int, full: bool
) -> None:
    fault = sqlite3.OperationalError("disk I/O error")
    fault.sqlite_errorcode = code
    assert Disk(tmp_path).is_full(fault) is full


# --- a read that fails ------------------------------------------------------------------------------------------------


async def ruin(chest: SqliteChest) -> None:
    """Overwrite every page but the first, as a dying disk might, of a database that is read anew."""
    await chest.store.close()
    with chest.store.path.open("r+b") as file:
        file.seek(PAGE)
        file.write(b"\xee" * (chest.store.path.stat().st_size - PAGE))


async def test_a_damaged_file_found_while_reading_ends_the_process(chest: SqliteChest) -> None:
    await put(chest.store, *[with_part(message(n)) for n in range(1, 500)])
    await chest.reopen()
    with chest.store.path.open("r+b") as file:  # under its feet: the schema is known, the rows are not
        file.seek(PAGE)
        file.write(b"\xff" * (chest.store.path.stat().st_size - PAGE))
    await chest.store._reader.execute("PRAGMA shrink_memory")
    with pytest.raises(StoreBroken, match="malformed"):
        await chest.store.get(range(1, 500))
    assert len(chest.broken) == 1


async def test_a_damaged_file_found_while_opening_is_told_to_whoever_opens(chest: SqliteChest) -> None:
    await put(chest.store, *[with_part(message(n)) for n in range(1, 500)])
    await ruin(chest)
    chest.store = chest._new(chest.store.path)
    with pytest.raises(StoreBroken):
        await chest.open()
    assert chest.broken == []


async def test_a_question_that_is_wrong_does_not_end_the_process(chest: SqliteChest) -> None:
    with pytest.raises(StoreBroken, match="no such column"):
        await chest.store._rows("SELECT nonsense FROM message")
    assert chest.broken == []


# --- a row that cannot be read ----------------------------------------------------------------------------------------


async def spoil(chest: SqliteChest, *numbers: int) -> None:
    """Contents that no decoder takes."""
    for number, octets in zip(
        numbers, [b"", b"\0\0\0\x10", b"\xff" * 40, b"\0\0\0\x10\0\0\0\x15" + bytes(8)], strict=False
    ):
        await chest.store._writer.on_writer(
            lambda c, number=number, octets=octets: c.execute(
                "UPDATE message SET pdu = ? WHERE id = ?", (octets, number)
            )  # type: ignore[misc]
        )


async def test_rows_that_cannot_be_read_keep_no_others_back(chest: SqliteChest) -> None:
    aside: list[tuple[str, int]] = []
    chest.store.on_set_aside = lambda connector, messages: aside.append((connector, messages))
    await put(chest.store, *[with_part(message(n), stage=Stage.QUEUED) for n in range(1, 9)])
    await spoil(chest, 1, 2, 4, 5)
    assert ids(await chest.store.due("network", NOON, 3)) == [3, 6, 7]
    assert sum(messages for _, messages in aside) == 4
    assert ids(await chest.store.due("network", NOON, 9)) == [3, 6, 7, 8]
    assert sum(messages for _, messages in aside) == 4
    assert [state.queued for state in await chest.store.queued_for_each()] == [4]
    assert chest.broken == []


async def test_rows_that_cannot_be_read_are_left_out_of_every_other_answer(chest: SqliteChest) -> None:
    await put(chest.store, *[with_part(message(n, message_id=str(n), stage=Stage.LEASED)) for n in (1, 2)])
    await spoil(chest, 1)
    assert ids(await chest.store.leased("network", 0, 9)) == [2]
    assert ids(await chest.store.listing(Listing())) == [2]
    assert await chest.store.find("1") == []


async def test_what_was_set_aside_is_forgotten_like_any_dead_letter(chest: SqliteChest) -> None:
    await put(chest.store, message(1))
    await spoil(chest, 1)
    assert await chest.store.due("network", NOON, 9) == []
    assert await chest.store.purge(0, NOON, 9) == 0
    assert await chest.store.purge(0, NOON + 1, 9) == 1
