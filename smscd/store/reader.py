"""The connection that reads: rows become messages here, and what cannot be read is told apart."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiosqlite
import structlog

from smscd.errors import StoreBroken
from smscd.message import Message
from smscd.store import rows
from smscd.store.damage import is_unreadable

log = structlog.get_logger("smscd.store")

COLUMNS = ",".join(f"message.{name}" for name in rows.MESSAGE)
PARTS = ",".join(rows.PART)
LEASED_TO = """
    SELECT name FROM (
        WITH RECURSIVE one(name) AS (
            SELECT min(connector) FROM message WHERE stage = 1 UNION ALL
            SELECT (SELECT min(connector) FROM message WHERE stage = 1 AND connector > name)
                FROM one WHERE name NOT NULL
        ) SELECT name FROM one
    ) WHERE name NOT NULL
"""
"""Connectors with something leased to them: a look into the index for each; DISTINCT would walk through all of it."""
AT_ONCE = 500
"""Values in one IN (…)."""
PORTION = 50
"""Rows that are decoded before everybody else has their turn: a millisecond."""


class Reader(aiosqlite.Connection):
    """aiosqlite's connection, in questions about messages. `on_unreadable`: the file is damaged, or the disk is."""

    def __init__(self, path: Path, on_unreadable: Callable[[StoreBroken], None]) -> None:
        super().__init__(lambda: sqlite3.connect(path, isolation_level=None), AT_ONCE)
        self._path = path
        self._on_unreadable = on_unreadable
        self._named: set[int] = set()

    @asynccontextmanager
    async def silence(self) -> AsyncIterator[None]:
        """Nothing is read in this block: the question under way is answered before it, later ones after it."""
        begun, over = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()
        hold: Callable[..., Awaitable[None]] = self._execute

        def wait() -> None:
            loop.call_soon_threadsafe(begun.set)
            over.wait()

        held = asyncio.ensure_future(hold(wait))
        try:
            await begun.wait()
            yield
        finally:
            over.set()
            await held

    async def ask(self, sql: str, parameters: Iterable[Any] = ()) -> list[rows.Row]:
        """Every row of the answer. Raises StoreBroken."""
        try:
            return [tuple(row) for row in await self.execute_fetchall(sql, parameters)]
        except sqlite3.Error as fault:
            broken = StoreBroken(f"{self._path}: {fault}")
            if is_unreadable(fault):
                self._on_unreadable(broken)
            raise broken from fault

    async def messages(
        self, where: str, parameters: Iterable[Any] = (), unreadable: list[rows.Row] | None = None
    ) -> list[Message]:
        """The messages that meet `where`, without their parts.

        A row whose content is no PDU must not keep the others from those who asked: it is logged once, left out, and
        put into `unreadable`.
        """
        found: list[Message] = []
        answer = await self.ask(f"SELECT {COLUMNS} FROM message WHERE {where}", parameters)  # noqa: S608 - clauses of our own, values bound
        for at, row in enumerate(answer):
            if at % PORTION == PORTION - 1:
                await asyncio.sleep(0)
            try:
                found.append(rows.message_of(row))
            except Exception as fault:  # noqa: BLE001 - whatever a decoder says to octets that nobody ever encoded
                self._name(row, fault)
                if unreadable is not None:
                    unreadable.append(row)
        return found

    def _name(self, row: rows.Row, fault: Exception) -> None:
        if row[0] not in self._named:
            self._named.add(row[0])
            said = dict(zip(rows.MESSAGE, row, strict=True))
            log.error(
                "a stored message cannot be read", message_id=said["message_id"], esme=said["system_id"],
                connector=said["connector"], stage=said["stage"], why=repr(fault),
            )  # fmt: skip

    async def with_parts(self, messages: list[Message]) -> list[Message]:
        """The same messages, their parts loaded."""
        by_id = {m.id: m for m in messages}
        ids = list(by_id)
        for at in range(0, len(ids), AT_ONCE):
            some = ids[at : at + AT_ONCE]
            marks = ",".join("?" * len(some))
            sql = f"SELECT {PARTS} FROM part WHERE message IN ({marks}) ORDER BY message, number"  # noqa: S608 - our own words
            for row in await self.ask(sql, some):
                by_id[row[0]].parts.append(rows.part_of(row))
        return [rows.complete(message) for message in messages]
