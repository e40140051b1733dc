"""`smscd optout import` as the daemon sees it: many rows that take effect as one, and that nobody has to wait for.

The command does the work: it reads the file, brings the rows into canonical form and order, and makes their keys by
what `begin` tells it. Here rows pass through, as text that SQLite reads, under a generation that is not in force. The
writer is lent for a few milliseconds at a time: what a portion took says how large the next may be, and while
messages are being committed the import works a fifth of the time. At the end come the keys, as a layer beside the list.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections.abc import Awaitable, Callable
from typing import Any

from smscd.admin.arguments import optional
from smscd.errors import ControlError, StoreFull
from smscd.journey import Journey
from smscd.optout import Entry, OptOut, OptOutList
from smscd.optout.keys import PORTIONS
from smscd.optout.list import SCOPES
from smscd.store import Imported

MOST = 5000
"""Rows of one step."""
TURN = 0.008
"""Seconds that a portion may take, most of which it waits for others: where it takes longer it becomes smaller."""
SMALLEST, LARGEST = 32, 256
"""Rows of a portion; the largest keeps the writer for one or two milliseconds."""
REST = 4
"""Rest, as a multiple of what a portion took, while messages are being committed."""
LONGEST_REST = 0.1
"""Seconds."""
ABANDONED = 60.0
"""Seconds after which an import that says nothing more makes room for another."""
SAMPLES = 500
"""Rows whose keys are looked for among those that came."""

AGAIN = "smscd optout import FILE again"
ALIKE = "the same version of smscd on both ends"


class Import:
    """One import under way: rows on disk that count for nothing yet, and their keys."""

    def __init__(self, generation: int, layer: OptOutList, now: float, actor: str) -> None:
        self.generation = generation
        self.layer = layer
        self.heard_at = now
        self.actor = actor
        self.rows = 0
        self.keys = 0
        self.portion = SMALLEST
        self.is_ending = False
        self.samples: list[Entry] = []


class Imports:
    """One import at a time."""

    def __init__(self, journey: Journey, optout: Callable[[], OptOut]) -> None:
        self._journey = journey
        self._store = journey.store
        self._optout = optout
        self._import: Import | None = None
        self._commits = 0
        self.tidying: set[asyncio.Task[None]] = set()

    def table(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Every command by its name."""
        return {
            "optout.import.begin": self.begin,
            "optout.import.rows": self.rows,
            "optout.import.keys": self.keys,
            "optout.import.end": self.end,
            "optout.import.abandon": self.abandon,
        }

    async def begin(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Begin an import, and tell what rows and keys are made by.

        Rows that one before left behind unfinished count for nothing.
        """
        self.give_way()
        optout = self._optout()
        generation = await self._store.opt_outs.new_generation()
        self._import = Import(generation, optout.begin_import(), self._now(), optional(arguments, "actor") or "")
        return {
            "import": generation,
            "salt": optout.list.hashing.salt.hex(),
            "default_country": optout.settings.default_country,
            "erased": sorted(number.decode() for number in optout.erased),
            "next": self._import.portion,
        }

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

    # -- rows --------------------------------------------------------------------------------------------------------

    async def rows(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Rows as JSON text, see `Imported`: all of them or, if one is faulty, none of this step. None: still there.

        `next` is how many the next step should have.
        """
        under_way = self._under_way(arguments)
        under_way.heard_at = self._now()
        text = arguments.get("rows")
        if text:
            rows = _rows(text)
            if len(under_way.samples) < SAMPLES:
                recipient, scope, party, _reason = rows[0]
                sample = Entry(scope, party.encode("latin-1"), recipient.encode("latin-1"))
                if self._optout().known_as(sample.recipient) != sample.recipient:
                    raise ControlError(
                        f"{recipient} is not in canonical form", "the same version of smscd on both ends"
                    )
                under_way.samples.append(sample)
            await self._write(under_way, text)
            under_way.rows += len(rows)
        return {"rows": under_way.rows, "next": under_way.portion}

    async def _write(self, under_way: Import, text: str) -> None:
        """One portion; then a rest if others want the writer, and learn for the next."""
        optout, started = self._optout(), self._now()
        optout.changes += 1
        optout.is_importing_rows = True
        try:
            imported = Imported(text, self._journey.clock.wall(), under_way.actor)
            await self._store.opt_outs.write(imported, under_way.generation)
        except StoreFull:
            raise ControlError("there is no room on the disk; nothing was imported", AGAIN) from None
        finally:
            optout.is_importing_rows = False
        took = self._now() - started
        commits, self._commits = self._commits, sum(self._journey.counters.store.commits.counts)
        if took > TURN:
            under_way.portion = max(SMALLEST, under_way.portion // 2)
        elif took < TURN / 2:
            under_way.portion = min(LARGEST, under_way.portion * 5 // 4)
        is_busy = self._store.batch or commits != self._commits
        await asyncio.sleep(min(took * REST, LONGEST_REST) if is_busy else 0.0)

    # -- keys, and the end -------------------------------------------------------------------------------------------

    async def keys(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Keys of the rows: [portion, keys in base64] each, see `KeySet.portion`; a portion may come in parts."""
        under_way = self._under_way(arguments)
        under_way.heard_at = self._now()
        portions = arguments.get("portions")
        try:
            for number, keys in portions if isinstance(portions, list) else ():
                octets = base64.b64decode(keys, validate=True)
                if not 0 <= number < PORTIONS or len(octets) % 8:
                    raise ValueError(number)
                under_way.layer.put(number, octets)
                under_way.keys += len(octets) // 8
        except (TypeError, ValueError, binascii.Error):
            raise ControlError("these are no keys", ALIKE) from None
        return {"keys": under_way.keys}

    async def end(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Everything that was imported blocks from now on, all of it at one moment."""
        under_way = self._under_way(arguments)
        under_way.is_ending = True
        try:
            self._verify(under_way)
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

    def _verify(self, under_way: Import) -> None:
        """Rows without their keys would not block before the next start: keys of other rows, or of another salt."""
        lifted, layer = self._optout().lifted_meanwhile, under_way.layer
        is_whole = 0 <= under_way.rows - under_way.keys <= under_way.rows >> 16  # two of many may have one key
        if not is_whole or any(entry not in layer and entry not in lifted for entry in under_way.samples):
            raise ControlError("the keys are not those of the rows", ALIKE)

    async def _put_in_force(self, under_way: Import) -> None:
        generation, layer, optout = under_way.generation, under_way.layer, self._optout()
        keeping = self._journey.interception.keeping
        await keeping.gently(optout.list.widening(layer))
        await self._store.committed()  # a START of a moment ago has had its say
        while lifted := optout.lifted():  # the store knows which of the two came last
            for entry, blocks in await self._store.opt_outs.keys.state(list(lifted), generation):
                (layer.add if blocks else layer.discard)(entry)
        keys = await keeping.write(layer, generation)
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


def _rows(text: object) -> list[Any]:
    """What `text` says, if it is rows."""
    try:
        rows = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not 0 < len(rows) <= MOST or not all(map(_is_row, rows)) or not _are_sayable(rows):
        raise ControlError(f"these are not up to {MOST} rows", ALIKE)
    return rows


def _are_sayable(rows: list[list[str]]) -> bool:
    """Whether they can be read back: JSON can say half a surrogate pair, and addresses are octets."""
    try:
        "".join([f"{recipient}{party}" for recipient, _scope, party, _reason in rows]).encode("latin-1")
        "".join([reason for *_entry, reason in rows]).encode()
    except UnicodeEncodeError:
        return False
    return True


def _is_row(row: object) -> bool:
    match row:
        case [str(recipient), str(scope), str(), str()]:
            return bool(recipient) and scope in SCOPES
    return False
