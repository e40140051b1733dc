"""The keys of the opt-out list on disk, so that a start need not read every row.

Layer 0 is the list as it was once: 256 portions, written over one by one, each in a transaction of its
own. Whatever happened later, or while they were written, stands in the journal behind `Kept.journal`, and the rows say
what it came to. An import is a layer of its own until layer 0 has been written again. A portion whose CRC is wrong is
left out: then the layer is not whole, and the rows are read instead.
"""

from __future__ import annotations

import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, NamedTuple, Protocol

from smscd.optout import Entry
from smscd.optout.keys import PORTIONS
from smscd.optout.list import Scope
from smscd.store import rows

PAGE = 5000
"""Lines of the journal at a time."""
AT_ONCE = 8
"""Portions read at a time; of ten million rows, 2.5 MB."""
FORGOTTEN = 4
"""Portions deleted at a time."""

Statements = list[tuple[str, list[Any]]]
Read = Callable[[str, Iterable[Any]], Awaitable[list[rows.Row]]]


class Portion(NamedTuple):
    """The keys that have `number` as their highest octet; see `KeySet.portion`."""

    number: int
    keys: bytes


class Kept(NamedTuple):
    """What layer 0 holds: imports up to `generation`, and everything else up to line `journal`; -1: there is none."""

    generation: int
    journal: int


class OptOutKeys(Protocol):
    """What a store keeps of the list's keys."""

    salt: bytes
    """What they are made with."""

    async def open(self) -> None:
        """Find the salt."""

    async def kept(self) -> Kept:
        """What layer 0 holds."""

    async def layers(self, after: int) -> list[tuple[int, int]]:
        """Imports in force later than generation `after`, and how many keys each has; -1 if its layer is missing."""

    def portions(self, layer: int) -> AsyncIterator[Portion]:
        """Those of a layer that are sound."""

    async def position(self) -> int:
        """The last line of the journal."""

    async def singles(self, after: int) -> int:
        """How many lines behind `after` are not an import's."""

    async def erasures(self, after: int) -> int:
        """How many lines behind `after` are of numbers that were erased: keys from before that still name them."""

    def changed(self, after: int) -> AsyncIterator[list[tuple[Entry, bool]]]:
        """The rows that such lines are about, and whether each blocks now; a row may come twice."""

    async def state(self, entries: Sequence[Entry], generation: int) -> list[tuple[Entry, bool]]:
        """Whether each blocks, or will once `generation` is in force."""

    async def write(self, layer: int, portions: Sequence[Portion]) -> None:
        """Write portions over those that are there."""

    async def keep(self, kept: Kept) -> None:
        """All of layer 0 has been written: it holds this. The layers up to its generation are no longer needed."""


class Aside(Protocol):
    """Writes a transaction of its own; without `synced` it is safe only once the next one is."""

    async def __call__(self, statements: Statements, *, synced: bool = True) -> None: ...


IN_FORCE = "state = 1 AND generation IN (SELECT generation FROM opt_out_generation)"
_WRITE = "INSERT OR REPLACE INTO opt_out_keys (layer, portion, crc, keys) VALUES (?, ?, ?, ?)"


class SqliteKeys:
    """See `OptOutKeys`. `read` asks the reader, `aside` writes a transaction of its own."""

    def __init__(self, read: Read, aside: Aside) -> None:
        self.salt = b""
        self._read = read
        self._aside = aside

    async def open(self) -> None:
        self.salt = (await self._read("SELECT salt FROM opt_out_salt", ()))[0][0]

    async def kept(self) -> Kept:
        return Kept(*(await self._read("SELECT generation, journal FROM opt_out_kept", ()))[0])

    async def layers(self, after: int) -> list[tuple[int, int]]:
        found = await self._read(
            "SELECT generation, keys FROM opt_out_generation WHERE generation > ? ORDER BY generation", (after,)
        )
        return [(row[0], row[1]) for row in found]

    async def portions(self, layer: int) -> AsyncIterator[Portion]:
        for first in range(0, PORTIONS, AT_ONCE):
            found = await self._read(
                "SELECT portion, crc, keys FROM opt_out_keys"
                " WHERE layer = ? AND portion BETWEEN ? AND ? ORDER BY portion",
                (layer, first, first + AT_ONCE - 1),
            )
            for number, crc, keys in found:
                if zlib.crc32(keys) == crc and len(keys) % 8 == 0:
                    yield Portion(number, keys)

    async def position(self) -> int:
        return await self._number("SELECT coalesce(max(id), 0) FROM opt_out_journal")

    async def singles(self, after: int) -> int:
        sql = "SELECT count(*) FROM opt_out_journal WHERE source <> 'import' AND id > ?"
        return await self._number(sql, after)

    async def erasures(self, after: int) -> int:
        sql = "SELECT count(*) FROM opt_out_journal INDEXED BY opt_out_journal_erased WHERE kind = 'erase' AND id > ?"
        return await self._number(sql, after)

    async def _number(self, sql: str, *values: int) -> int:
        return int((await self._read(sql, values))[0][0])

    async def changed(self, after: int) -> AsyncIterator[list[tuple[Entry, bool]]]:
        sql = (
            "SELECT id, line.recipient, line.scope, line.party, EXISTS (SELECT 1 FROM opt_out WHERE"  # noqa: S608 - our own words
            " opt_out.recipient = line.recipient AND opt_out.scope = line.scope AND opt_out.party = line.party"
            f" AND {IN_FORCE}) FROM opt_out_journal AS line WHERE line.source <> 'import' AND id > ?"
            " ORDER BY id LIMIT ?"
        )
        while found := await self._read(sql, (after, PAGE)):
            after = found[-1][0]
            yield [(entry_of(*row[1:4]), bool(row[4])) for row in found]

    async def state(self, entries: Sequence[Entry], generation: int) -> list[tuple[Entry, bool]]:
        sql = (
            "SELECT 1 FROM opt_out WHERE recipient = ? AND scope = ? AND party = ?"  # noqa: S608 - our own words
            f" AND ({IN_FORCE} OR (state = 1 AND generation = ?))"
        )
        return [(entry, bool(await self._read(sql, (*identity(entry), generation)))) for entry in entries]

    async def write(self, layer: int, portions: Sequence[Portion]) -> None:
        await self._aside(
            [(_WRITE, [layer, one.number, zlib.crc32(one.keys), one.keys]) for one in portions],
            synced=False,
        )

    async def keep(self, kept: Kept) -> None:
        await self._aside([("UPDATE opt_out_kept SET generation = ?, journal = ?", list(kept))])
        for (layer,) in await self._read(
            "SELECT DISTINCT layer FROM opt_out_keys WHERE layer BETWEEN 1 AND ?", (kept.generation,)
        ):
            for first in range(0, PORTIONS, FORGOTTEN):
                sql = "DELETE FROM opt_out_keys WHERE layer = ? AND portion BETWEEN ? AND ?"
                await self._aside([(sql, [layer, first, first + FORGOTTEN - 1])], synced=False)


class MemoryKeys:
    """The same in dictionaries. `lines` is the journal, `in_force` the imports; `blocks` looks at a row."""

    def __init__(self, lines: list[rows.Row], in_force: dict[int, int], blocks: Callable[[Entry, int], bool]) -> None:
        self.salt = b"memory"
        self._lines = lines
        self._in_force = in_force
        self._blocks = blocks
        self._kept = Kept(0, -1)
        self._portions: dict[tuple[int, int], bytes] = {}

    async def open(self) -> None:
        """The salt is there."""

    async def kept(self) -> Kept:
        return self._kept

    async def layers(self, after: int) -> list[tuple[int, int]]:
        return sorted((generation, keys) for generation, keys in self._in_force.items() if generation > after)

    async def portions(self, layer: int) -> AsyncIterator[Portion]:
        for number in range(PORTIONS):
            if (keys := self._portions.get((layer, number))) is not None:
                yield Portion(number, keys)

    async def position(self) -> int:
        return len(self._lines)

    async def singles(self, after: int) -> int:
        return sum(not line[-1] for line in self._lines[max(0, after) :])

    async def erasures(self, after: int) -> int:
        return sum(line[1] == "erase" for line in self._lines[max(0, after) :])

    async def changed(self, after: int) -> AsyncIterator[list[tuple[Entry, bool]]]:
        entries = [entry_of(*line[2:5]) for line in self._lines[max(0, after) :] if not line[-1]]
        yield [(entry, self._blocks(entry, 0)) for entry in entries]

    async def state(self, entries: Sequence[Entry], generation: int) -> list[tuple[Entry, bool]]:
        return [(entry, self._blocks(entry, generation)) for entry in entries]

    async def write(self, layer: int, portions: Sequence[Portion]) -> None:
        self._portions |= {(layer, one.number): one.keys for one in portions}

    async def keep(self, kept: Kept) -> None:
        self._kept = kept
        self._portions = {at: keys for at, keys in self._portions.items() if not 0 < at[0] <= kept.generation}


def entry_of(recipient: str, scope: Scope, party: str) -> Entry:
    return Entry(scope, party.encode("latin-1"), recipient.encode("latin-1"))


def identity(entry: Entry) -> tuple[str, str, str]:
    return entry.recipient.decode("latin-1"), entry.scope, entry.party.decode("latin-1")
