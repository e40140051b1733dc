"""The default store: one SQLite file in WAL mode with synchronous=FULL, one writer, one reader.

All writes of a batch cost one hop to the writer's thread. The reader never commits and never checkpoints: SQLite up to
3.51.2 can damage a file where two connections do so at once (PERFORMANCE.md, "What the prototypes taught" 6).
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Awaitable, Callable, Collection, Iterable
from pathlib import Path
from typing import Any, TypeVar

import aiosqlite
import structlog

from smscd.clock import Clock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken, StoreError, StoreFull
from smscd.message import Kind, Message, numbers_of
from smscd.store import forgetting, optouts, rows
from smscd.store.batch import Batch
from smscd.store.commit import GroupCommit
from smscd.store.damage import Disk
from smscd.store.interface import LaneState, Listing, Recovered
from smscd.store.listing import NO_END, listing
from smscd.store.lost import refuse_what_would_be_lost
from smscd.store.reader import LEASED_TO, Reader
from smscd.store.schema import DROP_RECIPIENTS, INDEX_RECIPIENTS, MIGRATIONS, SECURE_DELETE
from smscd.store.statements import statements_of
from smscd.store.transaction import transaction, unsynced, write
from smscd.store.wal import Log, lengthen, sync

T = TypeVar("T")

log = structlog.get_logger("smscd.store")


class Writer(aiosqlite.Connection):
    """aiosqlite's connection, with whole functions as the unit of work: one hop a batch instead of one a statement."""

    def on_writer(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run `work` in the connection's thread, after what was asked for before: asked for now, not when awaited."""
        done: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        connection = self._conn
        self._tx.put_nowait((done, lambda: work(connection)))
        return done


class SqliteStore:
    """See `store.interface.Store`. `on_broken` is called once, from the loop, when nothing more can be promised."""

    def __init__(
        self,
        path: Path,
        clock: Clock,
        counters: StoreCounters,
        on_broken: Callable[[StoreBroken], None],
        on_closed: Callable[[list[Message]], None] = lambda _closed: None,
        on_dropped: Callable[[list[Message]], None] = lambda _dropped: None,
    ) -> None:
        self.path = path
        self._clock = clock
        self._counters = counters
        self._on_broken = on_broken
        self._commit = GroupCommit(
            self._write, self._sync, clock, counters, on_broken, on_closed, on_dropped, self._mind_the_log
        )  # fmt: skip
        self._writer: Writer
        self._reader: Reader
        self._disk = Disk(path.parent)
        self._connections: list[aiosqlite.Connection] = []
        self._loop: asyncio.Task[None] | None = None
        self.on_set_aside: Callable[[str, int], None] = lambda _connector, _messages: None
        self._recipients_indexed = False
        self._log: Log | None = None
        self.opt_outs: optouts.OptOuts = optouts.SqliteOptOuts(self._rows, self._aside)

    # -- writing -----------------------------------------------------------------------------------------------------

    @property
    def batch(self) -> Batch:
        return self._commit.gathering

    @property
    def full(self) -> bool:
        return self._commit.full

    def wake(self) -> None:
        self._commit.wake()

    def wake_later(self) -> None:
        self._commit.wake_later()

    def read_ended(self) -> None:
        self._commit.read_ended()

    async def committed(self) -> None:
        await self._commit.drained()

    def _on_writer(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """Run `work` in the writer's thread. Ends with StoreFull or StoreBroken where it fails."""
        return self._writer.on_writer(lambda connection: self._disk.run(work, connection))

    def _write(self, batch: Batch) -> Awaitable[None] | None:
        statements = statements_of(batch)
        within = unsynced if batch.at_leisure else transaction
        return self._on_writer(lambda connection: write(connection, statements, within)) if statements else None

    def _sync(self) -> Awaitable[None]:
        return self._on_writer(lambda _connection: sync(self.path))

    async def _aside(self, statements: list[tuple[str, list[Any]]], *, synced: bool = True) -> None:
        """A transaction beside the batches.

        Without `synced` it is on stable storage only once the next one is: for what counts for nothing before that.
        """
        within = transaction if synced else unsynced
        await self._beside(lambda connection: write(connection, statements, within))

    async def _beside(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """`work`, a transaction of its own. StoreFull if there is no room; a failed sync ends the process here too."""
        try:
            done = await self._on_writer(work)
        except StoreBroken as broken:
            self._on_broken(broken)
            raise
        self._mind_the_log()
        return done

    def _mind_the_log(self) -> None:
        if self._log is not None:
            self._log.mind()

    async def _checkpoint(self) -> None:
        await self._on_writer(_checkpoint)

    def _log_octets(self) -> int:
        try:
            return os.stat(f"{self.path}-wal").st_size  # noqa: PTH116 - a Path object a batch is waste
        except FileNotFoundError:
            return 0

    def statistics(self) -> dict[str, Any]:
        octets = self.path.stat().st_size if self.path.exists() else 0
        return {"database_octets": octets, "wal_octets": self._log_octets()}

    # -- life --------------------------------------------------------------------------------------------------------

    async def open(self) -> Recovered:
        if sqlite3.sqlite_version_info < (3, 35):
            raise StoreBroken(f"SQLite {sqlite3.sqlite_version} is too old: 3.35 or newer is needed")
        refuse_what_would_be_lost(self.path)
        try:
            self._writer = Writer(lambda: _connect(self.path), 64)
            await self._writer
            self._connections.append(self._writer)
            await self._writer.on_writer(_prepare)
            await self._writer.on_writer(_migrate)
            self._reader = Reader(self.path, self._unreadable)
            await self._reader
            self._connections.append(self._reader)
            await self._reader.execute("PRAGMA query_only=ON")
            recovered = await self._recover()
            await self.opt_outs.open()
        except sqlite3.Error as fault:
            await self._disconnect()
            kind = StoreFull if self._disk.is_full(fault) else StoreBroken
            raise kind(f"{self.path}: {fault}") from fault
        except StoreError:
            await self._disconnect()
            raise
        self._log = Log(self.path, self._commit, self._checkpoint, self._reader.silence)
        self._loop = asyncio.create_task(self._commit.run(), name="store")
        return recovered

    async def make_room(self) -> None:
        """Give the log the length that it will have under load: a sync takes half as long as while it grows."""
        await self._writer.on_writer(lambda _connection: lengthen(self.path))

    async def _recover(self) -> Recovered:
        highest = await self._value("SELECT max(id) FROM message")
        alias = await self._value("SELECT max(alias) FROM message WHERE alias IS NOT NULL")
        dead = await self._value("SELECT count(*) FROM message WHERE stage = 6")
        floor, alias_floor = await self.counter("highest_id"), await self.counter("highest_alias")
        return Recovered(max(highest or 0, floor), max(alias or 0, alias_floor), await self.leased_to(), dead or 0)

    async def close(self) -> None:
        if self._loop is None:
            return
        self._commit.stop()
        await self._loop
        self._loop = None
        if self._log is not None:
            await self._log.close()
        await self._reader.close()
        try:
            await self._checkpoint()
        except StoreFull as full:  # nothing is lost by a log that was not copied back: the next start reads it
            log.warning("no room for a checkpoint", why=str(full))
        except StoreBroken as broken:
            # closing the connection would sync again, believe it, and delete the log that is the only good copy
            self._on_broken(broken)
            return
        await self._disconnect()

    async def _disconnect(self) -> None:
        """Close what was opened: the thread of an open connection keeps the process alive."""
        for connection in self._connections:
            await connection.close()
        self._connections.clear()
        if self._log is not None:
            self._log.forget()
            self._log = None

    # -- reading -----------------------------------------------------------------------------------------------------

    async def _rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[rows.Row]:
        return await self._reader.ask(sql, parameters)

    async def _value(self, sql: str, parameters: Iterable[Any] = ()) -> Any:
        return (await self._rows(sql, parameters))[0][0]

    def _unreadable(self, broken: StoreBroken) -> None:
        """Nobody can be told what is stored. While it opens, `open` says so to its caller."""
        if self._loop is not None:
            self._on_broken(broken)

    async def due(self, connector: str, now: int, limit: int) -> list[Message]:
        while True:
            unreadable: list[rows.Row] = []
            found = await self._reader.messages(
                "stage = 0 AND connector = ? AND due <= ? ORDER BY due, id LIMIT ?", (connector, now, limit), unreadable
            )
            if not unreadable:
                return await self._reader.with_parts(found)
            await self._set_aside(connector, unreadable, now)

    async def _set_aside(self, connector: str, unreadable: list[rows.Row], now: int) -> None:
        """Rows that nobody can read are dead letters: asked for again and again, they would fill the window."""
        sql = "UPDATE message SET stage = 6, message_state = 7, final_at = ? WHERE id = ? AND stage = 0"
        await self._aside([(sql, [now, row[0]]) for row in unreadable])
        self.on_set_aside(connector, len(unreadable))

    async def next_due(self, connector: str, after: int) -> int | None:
        value: int | None = await self._value(
            "SELECT min(due) FROM message WHERE stage = 0 AND connector = ? AND due > ?", (connector, after)
        )
        return value

    async def set_back(self, connector: str, by: int, now: int) -> None:
        sql = (
            "UPDATE message SET due = due - ? "
            "WHERE stage = 0 AND connector = ? AND due > ? AND (attempts > 0 OR due <= accepted_at)"
        )
        await self._aside([(sql, [by, connector, now])])

    async def queued_for_each(self) -> list[LaneState]:
        sql = "SELECT connector, count(*), min(due) FROM message WHERE stage = 0 GROUP BY connector"
        return [LaneState(*row) for row in await self._rows(sql)]

    async def expired(self, now: int, limit: int) -> list[Message]:
        found = await self._reader.messages("stage = 0 AND expires <= ? ORDER BY expires LIMIT ?", (now, limit))
        return await self._reader.with_parts(found)

    async def leased(self, connector: str, after: int, limit: int) -> list[Message]:
        found = await self._reader.messages(
            "stage = 1 AND connector = ? AND id > ? ORDER BY id LIMIT ?", (connector, after, limit)
        )
        return await self._reader.with_parts(found)

    async def undecided(self, connector: str, after: int, limit: int) -> list[Message]:
        found = await self._reader.messages(
            "stage = 1 AND connector = ? AND id > ?"
            " AND (id IN (SELECT message FROM part WHERE stage = 1 AND provider != '' AND message > ?)"
            # NOT IN: a million that wait for receipts are walked through, a quarter sooner than with NOT EXISTS
            " OR (id NOT IN (SELECT message FROM part) AND provider != ''))"
            " ORDER BY id LIMIT ?",
            (connector, after, after, limit),
        )
        return await self._reader.with_parts(found)

    async def sent(self, provider: str, keys: Collection[str]) -> list[Message]:
        found: list[Message] = []
        wanted = list(keys)
        for at in range(0, len(wanted), 500):
            some = wanted[at : at + 500]
            where = f"provider = ? AND upstream_key != '' AND upstream_key IN ({','.join('?' * len(some))})"
            found += await self._reader.messages(f"id IN (SELECT message FROM part WHERE {where})", (provider, *some))  # noqa: S608 - our own words
        unique = {message.id: message for message in found}
        return await self._reader.with_parts(sorted(unique.values(), key=lambda m: -m.id))

    async def sent_to(self, connectors: Collection[str], destinations: Collection[bytes]) -> list[Message]:
        ways, to = ",".join("?" * len(connectors)), ",".join("?" * len(destinations))
        by = "+" if self._recipients_indexed else ""  # `+` keeps SQLite from the index by connector
        where = f"stage = 1 AND {by}connector IN ({ways}) AND destination_addr IN ({to}) ORDER BY id"
        addresses = [address.decode("latin-1") for address in destinations]
        return await self._reader.with_parts(await self._reader.messages(where, (*connectors, *addresses)))

    async def index_recipients(self, wanted: bool) -> None:
        await self._on_writer(lambda connection: connection.execute(INDEX_RECIPIENTS if wanted else DROP_RECIPIENTS))
        self._recipients_indexed = wanted

    async def queued(self, connector: str, after: tuple[int, int], limit: int) -> list[Message]:
        found = await self._reader.messages(
            "stage = 0 AND connector = ? AND (due, id) > (?, ?) ORDER BY due, id LIMIT ?", (connector, *after, limit)
        )
        return await self._reader.with_parts(found)

    async def requeue_leases(self, connector: str) -> int:
        sql = (
            "UPDATE message SET stage = 0 WHERE stage = 1 AND connector = ? AND provider = '' AND NOT EXISTS"
            " (SELECT 1 FROM part WHERE part.message = message.id AND part.provider != '')"
        )
        return await self._on_writer(lambda connection: connection.execute(sql, (connector,)).rowcount)

    async def leased_to(self) -> list[str]:
        return [row[0] for row in await self._rows(LEASED_TO)]

    async def overdue(self, connector: str, before: int, after: int, limit: int) -> tuple[list[Message], int | None]:
        given = "stage = 1 AND connector = ? AND id > ?"
        sql = f"SELECT id FROM message WHERE {given} ORDER BY id LIMIT 1 OFFSET ?"  # noqa: S608 - our own words
        last = await self._rows(sql, (connector, after, limit - 1))
        end: int | None = last[0][0] if last else None
        found = await self._reader.messages(
            f"{given} AND id <= ? AND kind = 0 AND expires <= ?", (connector, after, end or NO_END, before)
        )
        return await self._reader.with_parts(found), end

    async def find(self, message_id: str) -> list[Message]:
        numbers, alias = numbers_of(message_id)
        marks = ",".join("?" * len(numbers))
        found = await self._reader.messages(
            # by group_id too: the first of a submit_multi may be forgotten before the rest
            f"(id IN ({marks}) OR (group_id IN ({marks}) AND group_id IS NOT NULL)"
            " OR (alias = ? AND alias IS NOT NULL)) AND message_id = ? ORDER BY id DESC LIMIT 1",
            (*numbers, *numbers, alias, message_id),
        )
        if found and found[0].group_id:
            found = await self._reader.messages(
                "group_id = ? AND group_id IS NOT NULL ORDER BY id", (found[0].group_id,)
            )
        return await self._reader.with_parts(found)

    async def get(self, ids: Collection[int]) -> list[Message]:
        found = await self._reader.messages(f"id IN ({','.join('?' * len(ids))}) ORDER BY id", ids)
        return await self._reader.with_parts(found)

    async def members(self, groups: Collection[int]) -> list[Message]:
        marks = ",".join("?" * len(groups))
        return await self._reader.messages(f"group_id IN ({marks}) AND group_id IS NOT NULL ORDER BY id", groups)

    async def arrived(self, after: int, limit: int) -> list[Message]:
        return await self._reader.messages("kind = 1 AND id > ? ORDER BY id LIMIT ?", (after, limit))

    async def pending(self, system_id: str, source_addr: str, destination_addr: str) -> list[Message]:
        found = await self._reader.messages(
            "stage = 0 AND destination_addr = ? AND source_addr = ? AND system_id = ? AND kind = ? ORDER BY id",
            (destination_addr, source_addr, system_id, int(Kind.MT)),
        )
        return await self._reader.with_parts(found)

    async def listing(self, wanted: Listing) -> list[Message]:
        return await listing(self._reader, wanted)

    # -- upkeep ------------------------------------------------------------------------------------------------------

    async def forgettable(self, closed_before: int, dead_before: int, most: int) -> int:
        counted: int = await self._value(forgetting.COUNT, (closed_before, most, dead_before, most))
        return counted

    async def purge(self, closed_before: int, dead_before: int, limit: int) -> int:
        def forget(connection: sqlite3.Connection) -> int:
            enough = self._clock.monotonic() + forgetting.ENOUGH
            before = closed_before, dead_before
            return forgetting.forget(
                connection, before, limit, lambda: self._clock.monotonic() > enough and bool(self.batch)
            )

        return await self._beside(forget)

    async def set_counter(self, name: str, value: int) -> None:
        await self._aside([("INSERT OR REPLACE INTO counter (name, value) VALUES (?, ?)", [name, value])], synced=False)

    async def counter(self, name: str) -> int:
        found = await self._rows("SELECT value FROM counter WHERE name = ?", (name,))
        return int(found[0][0]) if found else 0


# --- in the writer's thread -------------------------------------------------------------------------------------------


sqlite3.register_adapter(bytes, bytes.__bytes__)
"""Octets are bound as they are. Without this, sqlite3 asks each of them in vain how it wants to be bound: 0.4 µs."""

STATEMENTS = 256
"""Statements kept prepared: all that a batch may consist of. To prepare one anew costs up to 2 ms."""


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=STATEMENTS)


def _prepare(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")  # the promise P1: a commit returns after its WAL frames are synced
    connection.execute("PRAGMA wal_autocheckpoint=0")  # done by hand, outside the commits that people wait for
    connection.execute("PRAGMA journal_size_limit=67108864")
    connection.execute("PRAGMA cache_size=-16384")
    connection.execute("PRAGMA temp_store=MEMORY")
    connection.execute(SECURE_DELETE)


def _migrate(connection: sqlite3.Connection) -> None:
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(MIGRATIONS):
        raise StoreBroken(f"the database is of version {version}, this smscd knows {len(MIGRATIONS)}: upgrade smscd")
    for number, migration in enumerate(MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {migration} PRAGMA user_version={number}; COMMIT;")


def _checkpoint(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
