"""Stores in a test: opened, filled, broken and opened again."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from smscd.clock import FakeClock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken, StoreFull
from smscd.message import Message
from smscd.store import Batch, MemoryStore, Recovered, SqliteStore


class _Chest:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.counters = StoreCounters()
        self.broken: list[StoreBroken] = []
        self.closed: list[list[Message]] = []
        self.dropped: list[Message] = []
        self.recovered = Recovered()


class MemoryChest(_Chest):
    """A `MemoryStore`; what is committed is carried over to the next one."""

    store: MemoryStore

    def __init__(self) -> None:
        super().__init__()
        self._new()

    def _new(self) -> None:
        self.store = MemoryStore(self.clock, self.counters, self.broken.append, self.closed.append, self.dropped.extend)

    async def open(self) -> None:
        self.recovered = await self.store.open()

    async def reopen(self) -> MemoryStore:
        await self.store.close()
        return await self._next()

    async def crash(self) -> MemoryStore:
        assert self.store._loop is not None
        self.store._loop.cancel()
        await asyncio.wait([self.store._loop])
        return await self._next()

    async def _next(self) -> MemoryStore:
        old = self.store
        self._new()
        self.store._messages, self.store._parts, self.store._counter = old._messages, old._parts, old._counter
        self.store.opt_outs = old.opt_outs
        await self.open()
        return self.store

    async def fill(self) -> None:
        self.store._commit._write = self._no_room

    async def make_room(self) -> None:
        self.store._commit._write = self.store._write

    async def _no_room(self, _batch: Batch) -> None:
        raise StoreFull("the disk is full")

    async def break_it(self) -> None:
        self.store._commit._write = self._fault

    async def _fault(self, _batch: Batch) -> None:
        raise StoreBroken("disk I/O error")

    async def discard(self) -> None:
        await self.store.close()


class SqliteChest(_Chest):
    """A `SqliteStore`. A crash is a copy of the files as they are, opened elsewhere."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self._crashes = 0
        self._left: list[SqliteStore] = []
        self.store = self._new(directory / "smscd.db")

    def _new(self, path: Path) -> SqliteStore:
        return SqliteStore(path, self.clock, self.counters, self.broken.append, self.closed.append, self.dropped.extend)

    async def open(self) -> None:
        self.recovered = await self.store.open()

    async def reopen(self) -> SqliteStore:
        await self.store.close()
        self.store = self._new(self.store.path)
        await self.open()
        return self.store

    async def crash(self) -> SqliteStore:
        self._crashes += 1
        there = self.directory / f"after-{self._crashes}.db"
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copy(f"{self.store.path}{suffix}", f"{there}{suffix}")
        self._left.append(self.store)
        self.store = self._new(there)
        await self.open()
        return self.store

    async def fill(self) -> None:
        """SQLite's own limit: SQLITE_FULL in the middle of a transaction, as from a disk without room."""
        writer = self.store._writer
        await writer.on_writer(_limit)
        self._roomy = writer.on_writer
        writer.on_writer = lambda work: self._roomy(lambda connection: work(_Brimful(connection)))  # type: ignore[method-assign, arg-type]

    async def make_room(self) -> None:
        self.store._writer.on_writer = self._roomy  # type: ignore[method-assign]
        await self._roomy(lambda connection: connection.execute("PRAGMA max_page_count=1073741823").fetchall())

    async def break_it(self) -> None:
        await self.store._writer.on_writer(lambda connection: connection.close())

    async def discard(self) -> None:
        for store in (*self._left, self.store):
            if self.broken:
                store._commit.stop()
                await store._disconnect()
            else:
                await store.close()


def _limit(connection: sqlite3.Connection) -> None:
    """Let the file grow no more."""
    connection.execute("CREATE TABLE IF NOT EXISTS ballast (octets BLOB)")
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count={pages}").fetchall()


class _Brimful:
    """A connection that has to store a megabyte with every transaction."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> sqlite3.Cursor:
        alone = not self._connection.in_transaction and sql.startswith(("INSERT", "UPDATE", "DELETE", "WITH"))
        if alone or sql == "COMMIT":
            self._connection.execute("INSERT INTO ballast VALUES (zeroblob(1048576))")
        return self._connection.execute(sql, parameters)
