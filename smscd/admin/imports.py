"""`smscd optout import` as the daemon sees it: many rows that take effect as one, and that nobody has to wait for.

Rows go into the store in portions under a generation that is not in force, and their keys into a layer beside the list.
The writer is lent for a few milliseconds at a time: what a portion took says how large the next may be, and while
messages are being committed the import works a fifth of the time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from smscd.errors import ControlError, StoreFull
from smscd.journey import Journey
from smscd.optout import Event, OptOut, OptOutList

MOST = 5000
"""Rows of one step."""
TURN = 0.004
"""Seconds that a portion should keep the writer, with what it waits for."""
SMALLEST, LARGEST = 32, 256
"""Rows of a portion."""
REST = 4
"""Rest, as a multiple of what a portion took, while messages are being committed."""
LONGEST_REST = 0.1
"""Seconds."""
SLICE = 32
"""Rows that are read at a time: less than a millisecond of the loop."""
ABANDONED = 60.0
"""Seconds after which an import that says nothing more makes room for another."""

AGAIN = "smscd optout import FILE again"


class Import:
    """One import under way: rows on disk that count for nothing yet, and their keys."""

    def __init__(self, generation: int, layer: OptOutList, now: float) -> None:
        self.generation = generation
        self.layer = layer
        self.heard_at = now
        self.rows = 0
        self.portion = SMALLEST
        self.is_ending = False


class Imports:
    """One import at a time. `read` makes an event of a row; ControlError if it says nothing sensible."""

    def __init__(self, journey: Journey, optout: Callable[[], OptOut], read: Callable[[dict[str, Any]], Event]) -> None:
        self._journey = journey
        self._store = journey.store
        self._optout = optout
        self._read = read
        self._import: Import | None = None
        self._commits = 0
        self.tidying: set[asyncio.Task[None]] = set()

    def table(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Every command by its name."""
        return {
            "optout.import.begin": self.begin,
            "optout.import.rows": self.rows,
            "optout.import.end": self.end,
            "optout.import.abandon": self.abandon,
        }

    async def begin(self, _arguments: dict[str, Any]) -> dict[str, Any]:
        """Begin an import; rows that one before left behind unfinished count for nothing."""
        self.give_way()
        optout = self._optout()
        generation = await self._store.opt_outs.new_generation()
        self._import = Import(generation, optout.begin_import(), self._now())
        return {"import": generation}

    def give_way(self) -> None:
        """Let go of an import that says nothing more; ControlError if one is under way."""
        under_way = self._import
        if under_way is not None and (under_way.is_ending or self._now() - under_way.heard_at < ABANDONED):
            raise ControlError("another import is under way", "again when it has ended")
        self._import = None

    async def abandon(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Whoever was importing has given up."""
        under_way = self._under_way(arguments)
        self._import = None
        return {"rows": under_way.rows}

    async def rows(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Rows of an import, all of them or, if one is faulty, none of this step."""
        under_way = self._under_way(arguments)
        given = arguments.get("rows")
        if not isinstance(given, list) or len(given) > MOST:
            raise ControlError(f"rows is no list of up to {MOST}", "rows as a list of tables")
        events = await self._events(given, under_way.rows)
        at = 0
        while at < len(events):
            portion = events[at : at + under_way.portion]
            await self._write(under_way, portion)
            at += len(portion)
        under_way.rows += len(events)
        return {"rows": under_way.rows}

    async def _events(self, given: list[Any], before: int) -> list[Event]:
        events: list[Event] = []
        for at, row in enumerate(given, start=before + 1):
            if not isinstance(row, dict):
                raise ControlError(f"row {at} is no table", "columns recipient, scope, sender")
            try:
                events.append(self._read(row))
            except ControlError as error:
                raise ControlError(f"row {row.get('row', at)}: {error.reason}", error.remedy) from None
            if at % SLICE == 0:
                await asyncio.sleep(0)
        return events

    async def _write(self, under_way: Import, portion: list[Event]) -> None:
        """One portion; then a rest if others want the writer, and learn for the next."""
        started = under_way.heard_at = self._now()
        try:
            await self._store.opt_outs.write(portion, under_way.generation)
        except StoreFull:
            raise ControlError("there is no room on the disk; nothing was imported", AGAIN) from None
        for event in portion:
            under_way.layer.add(event.entry)
        took = self._now() - started
        commits, self._commits = self._commits, sum(self._journey.counters.store.commits.counts)
        if took > TURN:
            under_way.portion = max(SMALLEST, under_way.portion // 2)
        elif took < TURN / 2:
            under_way.portion = min(LARGEST, under_way.portion * 5 // 4)
        is_busy = self._store.batch or commits != self._commits
        await asyncio.sleep(min(took * REST, LONGEST_REST) if is_busy else 0.0)

    async def end(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Everything that was imported blocks from now on, all of it at one moment."""
        under_way = self._under_way(arguments)
        under_way.is_ending = True
        try:
            async with self._journey.interception.keeping.turn:
                await self._put_in_force(under_way)
        except StoreFull:
            raise ControlError("there is no room on the disk; nothing was imported", AGAIN) from None
        finally:
            self._import = None
        task = asyncio.create_task(self._journey.interception.tidy(), name="tidy opt-outs")
        self.tidying.add(task)
        task.add_done_callback(self.tidying.discard)
        return {"rows": under_way.rows}

    async def _put_in_force(self, under_way: Import) -> None:
        generation, layer, optout = under_way.generation, under_way.layer, self._optout()
        await self._store.committed()  # a START of a moment ago has had its say
        while lifted := optout.lifted():  # the store knows which of the two came last
            for entry, blocks in await self._store.opt_outs.keys.state(list(lifted), generation):
                (layer.add if blocks else layer.discard)(entry)
        keys = await self._journey.interception.keeping.write(layer, generation)
        await self._store.opt_outs.put_in_force(generation, self._journey.clock.wall(), keys)
        optout.end_import(layer, generation)

    def _under_way(self, arguments: dict[str, Any]) -> Import:
        under_way = self._import
        if (
            under_way is None
            or under_way.is_ending
            or under_way.generation != arguments.get("import")
            or not self._optout().is_importing(under_way.layer)
        ):
            raise ControlError("this import is not under way", AGAIN)
        return under_way

    def _now(self) -> float:
        return self._journey.clock.monotonic()
