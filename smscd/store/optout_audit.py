"""Is the list what the journal says? Row by row, in SQL, a page at a time.

The last line about a row decides, lines of imports that never took effect left aside. Two walks find every difference:
one through the rows, each beside its last line; one through the lines, for those whose row is not there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import NamedTuple, Protocol

from smscd.optout import Entry
from smscd.optout.events import CHANGES
from smscd.store import rows
from smscd.store.optout_keys import IN_FORCE, Read, entry_of

PAGE = 500
BLOCKING = tuple(kind for kind, blocks in CHANGES.items() if blocks)


class Compared(NamedTuple):
    """One row, and what the journal says about it."""

    entry: Entry
    blocks: bool
    should_block: bool


class OptOutAudit(Protocol):
    """Reads everything; takes a minute or two for ten million rows."""

    def compared(self) -> AsyncIterator[list[Compared]]:
        """Every row, and every line without one, a page at a time."""


_WORDS = ",".join(f"'{kind}'" for kind in CHANGES)
_COUNTS = f"kind IN ({_WORDS}) AND line.generation IN (SELECT generation FROM opt_out_generation)"  # noqa: S608 - our own words
_ROWS = f"""
    SELECT recipient, scope, party, {IN_FORCE}, (
        SELECT kind FROM opt_out_journal AS line WHERE line.recipient = opt_out.recipient
        AND line.scope = opt_out.scope AND line.party = opt_out.party AND {_COUNTS} ORDER BY id DESC LIMIT 1)
    FROM opt_out WHERE (recipient, scope, party) > (?, ?, ?) ORDER BY recipient, scope, party LIMIT ?
"""  # noqa: S608 - our own words
_LINES = f"""
    SELECT id, recipient, scope, party, kind, NOT ({_COUNTS}) OR EXISTS (SELECT 1 FROM opt_out WHERE
        opt_out.recipient = line.recipient AND opt_out.scope = line.scope AND opt_out.party = line.party)
    FROM opt_out_journal AS line WHERE id > ? ORDER BY id LIMIT ?
"""  # noqa: S608 - our own words


class SqliteAudit:
    """See `OptOutAudit`."""

    def __init__(self, read: Read) -> None:
        self._read = read

    async def compared(self) -> AsyncIterator[list[Compared]]:
        after = ("", "", "")
        while found := await self._read(_ROWS, (*after, PAGE)):
            after = found[-1][:3]
            yield [Compared(entry_of(*row[:3]), bool(row[3]), row[4] in BLOCKING) for row in found]
        line = 0
        while found := await self._read(_LINES, (line, 8 * PAGE)):
            line = found[-1][0]
            yield [Compared(entry_of(*row[1:4]), False, row[4] in BLOCKING) for row in found if not row[5]]


class MemoryAudit:
    """The same in dictionaries; `lines` is the journal, `stored` the rows, `in_force` the imports."""

    def __init__(self, lines: list[rows.Row], stored: dict[Entry, rows.Row], in_force: dict[int, int]) -> None:
        self._lines = lines
        self._stored = stored
        self._in_force = in_force

    async def compared(self) -> AsyncIterator[list[Compared]]:
        should = dict.fromkeys(self._stored, False)
        for line in self._lines:
            if line[1] in CHANGES and line[-1] in self._in_force:
                should[entry_of(*line[2:5])] = line[1] in BLOCKING
        yield [Compared(entry, self._blocks(entry), blocks) for entry, blocks in should.items()]

    def _blocks(self, entry: Entry) -> bool:
        row = self._stored.get(entry)
        return row is not None and row[3] == 1 and row[4] in self._in_force
