"""A store that forgets everything at exit: for tests, and for measuring what durability costs."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection
from dataclasses import fields
from typing import Any

from smscd.clock import Clock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken
from smscd.message import Kind, Message, Part, Stage, numbers_of
from smscd.store import rows
from smscd.store.batch import Batch
from smscd.store.commit import GroupCommit
from smscd.store.interface import LaneState, Listing, Recovered
from smscd.store.optouts import MemoryOptOuts


class MemoryStore:
    """See `store.interface.Store`: the same rows, in dictionaries."""

    def __init__(
        self,
        clock: Clock,
        counters: StoreCounters,
        on_broken: Callable[[StoreBroken], None],
        on_closed: Callable[[list[Message]], None] = lambda _closed: None,
        on_dropped: Callable[[list[Message]], None] = lambda _dropped: None,
    ) -> None:
        self._commit = GroupCommit(self._write, lambda: None, clock, counters, on_broken, on_closed, on_dropped)
        self._messages: dict[int, rows.Row] = {}
        self._parts: dict[tuple[int, int], rows.Row] = {}
        self._counter: dict[str, int] = {}
        self._loop: asyncio.Task[None] | None = None
        self.opt_outs = MemoryOptOuts()

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

    def _write(self, batch: Batch) -> Awaitable[None]:
        for message in (*batch.new.values(), *batch.rewritten.values()):
            self._messages[message.id] = rows.message_row(message)
        for message in batch.changed.values():
            self._update(message.id, rows.CHANGED, rows.changed_row(message))
        for message in batch.attempted.values():
            self._update(message.id, ("attempts",), (message.attempts,))
        for message in batch.closing.values():
            self._update(message.id, rows.CLOSED, rows.closed_row(message))
        for key, part in batch.parts.items():
            self._parts[key] = rows.part_row(part)
        self.opt_outs.put(batch.opt_outs)
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        written.set_result(None)
        return written

    def _update(self, number: int, columns: tuple[str, ...], values: rows.Row) -> None:
        if number not in self._messages:  # forgotten meanwhile: an UPDATE finds no row
            return
        row = dict(zip(rows.MESSAGE, self._messages[number], strict=True))
        row.update(zip(columns, values, strict=True))
        self._messages[number] = tuple(row.values())

    async def open(self) -> Recovered:
        self._loop = asyncio.create_task(self._commit.run(), name="store")
        await self.opt_outs.open()
        everything = self._read(lambda _m: True)
        alias = max((m.alias or 0 for m in everything), default=0)
        highest = max((m.id for m in everything), default=0)
        dead = sum(m.stage == Stage.DEAD for m in everything)
        floor, alias_floor = self._counter.get("highest_id", 0), self._counter.get("highest_alias", 0)
        return Recovered(max(highest, floor), max(alias, alias_floor), await self.leased_to(), dead)

    async def make_room(self) -> None:
        """There is no log to be given its length."""

    async def close(self) -> None:
        if self._loop is not None:
            self._commit.stop()
            await self._loop
            self._loop = None

    def _read(self, wanted: Callable[[Message], bool]) -> list[Message]:
        found = [message for row in self._messages.values() if wanted(message := rows.message_of(row))]
        for message in found:
            message.parts = [rows.part_of(row) for key, row in sorted(self._parts.items()) if key[0] == message.id]
            rows.complete(message)
        return sorted(found, key=lambda m: m.id)

    def _queued(self, connector: str) -> list[Message]:
        return self._read(lambda m: m.stage == Stage.QUEUED and m.connector == connector)

    async def due(self, connector: str, now: int, limit: int) -> list[Message]:
        return sorted((m for m in self._queued(connector) if m.due <= now), key=lambda m: (m.due, m.id))[:limit]

    async def next_due(self, connector: str, after: int) -> int | None:
        return min((m.due for m in self._queued(connector) if m.due > after), default=None)

    async def set_back(self, connector: str, by: int, now: int) -> None:
        for message in self._queued(connector):
            if message.due > now and (message.attempts or message.due <= message.accepted_at):
                message.due -= by
                self._messages[message.id] = rows.message_row(message)

    async def queued_for_each(self) -> list[LaneState]:
        lanes: dict[str, LaneState] = {}
        for m in self._read(lambda m: m.stage == Stage.QUEUED):
            lane = lanes.setdefault(m.connector, LaneState(m.connector, 0, m.due))
            lane.queued += 1
            lane.next_due = min(lane.next_due, m.due)
        return list(lanes.values())

    async def expired(self, now: int, limit: int) -> list[Message]:
        return self._read(lambda m: m.stage == Stage.QUEUED and m.expires <= now)[:limit]

    async def leased(self, connector: str, after: int, limit: int) -> list[Message]:
        return self._read(lambda m: m.stage == Stage.LEASED and m.connector == connector and m.id > after)[:limit]

    async def undecided(self, connector: str, after: int, limit: int) -> list[Message]:
        found = await self.leased(connector, after, len(self._messages))
        return [m for m in found if any(p.provider and p.stage == Stage.LEASED for p in m.parts)][:limit]

    async def sent(self, provider: str, keys: Collection[str]) -> list[Message]:
        wanted = {key for key in keys if key}
        at, key_at = rows.PART.index("provider"), rows.PART.index("upstream_key")
        ids = {row[0] for row in self._parts.values() if row[at] == provider and row[key_at] in wanted}
        return self._read(lambda m: m.id in ids)[::-1]

    async def index_recipients(self, wanted: bool) -> None:
        """Nothing is indexed here."""

    async def sent_to(self, connectors: Collection[str], destinations: Collection[bytes]) -> list[Message]:
        return self._read(
            lambda m: (
                m.stage == Stage.LEASED and m.connector in connectors and m.content.destination_addr in destinations
            )
        )

    async def queued(self, connector: str, after: tuple[int, int], limit: int) -> list[Message]:
        waiting = sorted(self._queued(connector), key=lambda m: (m.due, m.id))
        return [m for m in waiting if (m.due, m.id) > after][:limit]

    async def requeue_leases(self, connector: str) -> int:
        found = await self.leased(connector, 0, len(self._messages))
        found = [m for m in found if not m.provider and not any(part.provider for part in m.parts)]
        for message in found:
            message.stage = Stage.QUEUED
            self._messages[message.id] = rows.message_row(message)
        return len(found)

    async def leased_to(self) -> list[str]:
        return sorted({m.connector for m in self._read(lambda m: m.stage == Stage.LEASED)})

    async def overdue(self, connector: str, before: int, after: int, limit: int) -> tuple[list[Message], int | None]:
        looked_at = await self.leased(connector, after, limit)
        found = [m for m in looked_at if m.kind == Kind.MT and m.expires <= before]
        return found, looked_at[-1].id if len(looked_at) == limit else None

    async def find(self, message_id: str) -> list[Message]:
        numbers, alias = numbers_of(message_id)
        found = self._read(
            lambda m: (
                m.message_id == message_id
                and (m.id in numbers or m.group_id in numbers or (alias is not None and m.alias == alias))
            )
        )[-1:]
        if found and found[0].group_id:
            group = found[0].group_id
            return self._read(lambda m: m.group_id == group)
        return found

    async def get(self, ids: Collection[int]) -> list[Message]:
        return self._read(lambda m: m.id in ids)

    async def members(self, groups: Collection[int]) -> list[Message]:
        return self._read(lambda m: m.group_id in groups)

    async def arrived(self, after: int, limit: int) -> list[Message]:
        return self._read(lambda m: m.kind == Kind.MO and m.id > after)[:limit]

    async def pending(self, system_id: str, source_addr: str, destination_addr: str) -> list[Message]:
        source, destination = source_addr.encode("latin-1"), destination_addr.encode("latin-1")
        return self._read(
            lambda m: (
                m.stage == Stage.QUEUED
                and m.kind == Kind.MT
                and m.system_id == system_id
                and m.content.source_addr == source
                and m.content.destination_addr == destination
            )
        )

    async def listing(self, wanted: Listing) -> list[Message]:
        asked = {f.name: getattr(wanted, f.name) for f in fields(wanted) if f.name not in {"named", "before", "limit"}}
        columns = {name: rows.MESSAGE.index(name) for name, value in asked.items() if value is not None}
        named = rows.MESSAGE.index("message_id")
        chosen = [
            row[0]
            for row in self._messages.values()
            if all(row[at] == asked[name] for name, at in columns.items())
            and (row[named] or not wanted.named)
            and (wanted.before is None or row[0] < wanted.before)
        ]
        newest = set(sorted(chosen, reverse=True)[: wanted.limit])
        return self._read(lambda m: m.id in newest)[::-1]

    async def purge(self, closed_before: int, dead_before: int, limit: int) -> int:
        old = self._old(closed_before, dead_before, limit)
        for message in old:
            self._forget(message)
        return len(old)

    async def forgettable(self, closed_before: int, dead_before: int, most: int) -> int:
        return len(self._old(closed_before, dead_before, most))

    def _old(self, closed_before: int, dead_before: int, limit: int) -> list[Message]:
        """Those of each stage that were final before its time, the oldest first."""
        found: list[Message] = []
        final = self._read(lambda m: m.stage in (Stage.CLOSED, Stage.DEAD))
        for stage, before in ((Stage.CLOSED, closed_before), (Stage.DEAD, dead_before)):
            old = [m for m in final if m.stage == stage and m.final_at < before]
            found += sorted(old, key=lambda m: m.final_at)[:limit]
        return found

    def _forget(self, message: Message) -> None:
        self._floor("highest_id", message.id)
        self._floor("highest_alias", message.alias or 0)
        del self._messages[message.id]
        self._parts = {key: row for key, row in self._parts.items() if key[0] != message.id}

    def _floor(self, name: str, value: int) -> None:
        self._counter[name] = max(value, self._counter.get(name, 0))

    async def set_counter(self, name: str, value: int) -> None:
        self._counter[name] = value

    async def counter(self, name: str) -> int:
        return self._counter.get(name, 0)

    def part(self, message: int, number: int) -> Part:
        """One stored part; KeyError if there is none."""
        return rows.part_of(self._parts[message, number])

    def statistics(self) -> dict[str, Any]:
        return {"database_octets": 0, "wal_octets": 0}
