"""What nobody waits for: written in a lull without a sync, and synced with whatever comes, or soon."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3

import pytest

from smscd.message import Stage
from smscd.store import commit
from tests.cast import message
from tests.machine import PATIENCE
from tests.store.chests import SqliteChest
from tests.store.contract import put


class Syncs:
    """Counts the syncs that are not SQLite's own, and may let them fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.fault = 0
        self._sync = os.fdatasync
        monkeypatch.setattr(os, "fdatasync", self)

    def __call__(self, descriptor: int) -> None:
        self.count += 1
        if self.fault:
            raise OSError(self.fault, os.strerror(self.fault))
        self._sync(descriptor)


@pytest.fixture
def syncs(chest: SqliteChest, monkeypatch: pytest.MonkeyPatch) -> Syncs:
    monkeypatch.setattr(commit, "LULL", 0.001)
    monkeypatch.setattr(commit, "LEISURE", 1000.0)
    return Syncs(monkeypatch)


async def end_at_leisure(chest: SqliteChest) -> None:
    """Close a message that nobody waits for, and see it written."""
    one, written = message(), asyncio.Event()
    await put(chest.store, one)
    one.stage = Stage.CLOSED
    chest.store.batch.close(one)
    chest.store.batch.once_written(written.set)
    chest.store.wake_later()
    async with asyncio.timeout(PATIENCE):
        await written.wait()


async def test_what_nobody_waits_for_is_in_the_file_after_a_lull_and_not_synced(
    chest: SqliteChest, syncs: Syncs
) -> None:
    await end_at_leisure(chest)
    with sqlite3.connect(chest.store.path) as other:  # what a kill -9 leaves is what another process reads
        assert other.execute("SELECT stage FROM message").fetchall() == [(Stage.CLOSED,)]
    assert syncs.count == 0


async def test_what_was_written_in_a_lull_is_synced_where_nothing_else_comes(
    chest: SqliteChest, syncs: Syncs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "LEISURE", 0.001)
    await end_at_leisure(chest)
    async with asyncio.timeout(PATIENCE):
        while not syncs.count:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
    await chest.store.committed()
    assert syncs.count == 1


async def test_a_commit_that_somebody_waits_for_syncs_what_was_written_in_a_lull_with_it(
    chest: SqliteChest, syncs: Syncs
) -> None:
    await end_at_leisure(chest)
    await put(chest.store, message())
    await chest.store.committed()
    assert syncs.count == 0


async def test_who_asks_whether_all_is_committed_hears_of_it_after_the_sync(chest: SqliteChest, syncs: Syncs) -> None:
    await end_at_leisure(chest)
    await chest.store.committed()
    assert syncs.count == 1
    await chest.store.committed()
    assert syncs.count == 1


async def test_what_was_written_in_a_lull_is_synced_also_when_the_next_commit_finds_no_room(
    chest: SqliteChest, syncs: Syncs
) -> None:
    await end_at_leisure(chest)
    await chest.fill()
    one, refused = message(), asyncio.Event()
    chest.store.batch.answer(one, lambda _message, _status: refused.set())
    chest.store.batch.add(one)
    chest.store.wake()
    async with asyncio.timeout(PATIENCE):
        await refused.wait()
        while not syncs.count:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
    await chest.make_room()
    assert chest.broken == []


async def test_a_sync_that_fails_ends_the_store(chest: SqliteChest, syncs: Syncs) -> None:
    await end_at_leisure(chest)
    syncs.fault = errno.EIO
    committed = asyncio.create_task(chest.store.committed())
    async with asyncio.timeout(PATIENCE):
        while not chest.broken:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
    committed.cancel()
    assert "smscd.db-wal" in str(chest.broken[0])
