"""The opt-out list on disk: one row per party and recipient, and the journal that says why.

A row is in force when its state is 1 and its generation stands in `opt_out_generation`. What people do one by one has
generation 0; an import writes its rows in portions under a number of its own and then puts that number into the table:
that takes effect as one, and an import that never ended counts for nothing.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from smscd.optout import Entry, Event
from smscd.store import rows
from smscd.store.optout_audit import MemoryAudit, OptOutAudit, SqliteAudit
from smscd.store.optout_keys import IN_FORCE, Aside, MemoryKeys, OptOutKeys, Read, SqliteKeys, Statements, entry_of
from smscd.store.schema import SECURE_DELETE

ROW = ("recipient", "scope", "party", "state", "generation", "since", "source", "keyword", "reason")
JOURNAL = (
    "at", "kind", "recipient", "scope", "party", "keyword", "rule", "source", "number", "connector", "message",
    "system_id", "answered", "actor", "reason", "generation",
)  # fmt: skip

PAGE = 5000
"""Rows read at a time when the list is loaded."""


@dataclass(slots=True)
class OptOutRow:
    """One row in force, as an operator sees it."""

    entry: Entry
    since: int  # microseconds UTC
    source: str
    keyword: str
    reason: str


@dataclass(slots=True, frozen=True)
class Imported:
    """Rows of an import, as they came: SQLite reads them, where nobody waits for the interpreter meanwhile."""

    rows: str
    """A JSON array of [recipient, scope, party, reason]; addresses in canonical form."""
    at: int  # microseconds UTC
    actor: str = ""


class OptOuts(Protocol):
    """What a store knows about opt-outs. Single events go into the batch (`Batch.opt_out`)."""

    generation: int
    """The last one that is in force."""
    keys: OptOutKeys
    audit: OptOutAudit

    async def open(self) -> None:
        """Find out which generation is in force."""

    def load(self) -> AsyncIterator[list[Entry]]:
        """Every row in force, a page at a time."""

    async def heard(self, since: int, limit: int) -> list[Event]:
        """What handsets wrote since `since`, oldest first."""

    async def rows(self, after: Entry | None, limit: int, recipient: bytes | None = None) -> list[OptOutRow]:
        """Rows in force in a fixed order, those behind `after`; of one recipient if asked for."""

    async def journal(
        self, recipient: bytes | None, before: int, limit: int, kind: str | None = None
    ) -> list[tuple[int, Event]]:
        """Numbered lines of the journal, newest first, those below number `before`."""

    async def known(self, recipient: bytes) -> list[Entry]:
        """All rows of a recipient, in force or not."""

    async def erased(self) -> list[tuple[bytes, int | None]]:
        """What stands for each number that was erased, and its glance; None: that is not known."""

    async def new_generation(self) -> int:
        """A number that no import has had."""

    async def write(self, imported: Imported, generation: int) -> None:
        """Rows of an import: on disk, and not in force."""

    async def put_in_force(self, generation: int, at: int, keys: int = -1) -> None:
        """All rows written under `generation` block from now on; `keys` is how many its layer has, -1: it has none."""


# --- rows and statements ----------------------------------------------------------------------------------------------


def _row(event: Event, generation: int) -> rows.Row:
    entry = event.entry
    return (
        entry.recipient.decode("latin-1"), entry.scope, entry.party.decode("latin-1"), int(bool(event.blocks)),
        generation, event.at, event.source, event.keyword, event.reason,
    )  # fmt: skip


def _line(event: Event, generation: int = 0) -> rows.Row:
    entry = event.entry
    return (
        event.at, event.kind, entry.recipient.decode("latin-1"), entry.scope, entry.party.decode("latin-1"),
        event.keyword, event.rule, event.source, event.number.decode("latin-1"), event.connector, event.message,
        event.system_id, int(event.answered), event.actor, event.reason, generation,
    )  # fmt: skip


def _event(row: rows.Row) -> Event:
    (at, kind, recipient, scope, party, keyword, rule, source, number, connector, message, system_id, answered, actor,
     reason, _generation) = row  # fmt: skip
    return Event(
        at, kind, entry_of(recipient, scope, party), keyword, rule, source, number.encode("latin-1"), connector,
        message, system_id, bool(answered), actor, reason,
    )  # fmt: skip


_UPSERT = (
    " ON CONFLICT (recipient, scope, party) DO UPDATE SET state = excluded.state, generation = excluded.generation,"
    " since = excluded.since, source = excluded.source, keyword = excluded.keyword, reason = excluded.reason WHERE "
)
_SETTLED = "opt_out.state <> excluded.state OR opt_out.generation <> excluded.generation"
"""A second STOP changes nothing: the row keeps the first one's time."""
_NEWS = f"NOT (opt_out.{IN_FORCE})"
"""What is in force already stays as it is when it is imported."""

_IDENTITIES = f"SELECT recipient, scope, party FROM opt_out WHERE {IN_FORCE} AND"  # noqa: S608 - our own words
_ROWS = f"SELECT recipient, scope, party, since, source, keyword, reason FROM opt_out WHERE {IN_FORCE} AND"  # noqa: S608 - our own words
_LINES = f"SELECT {','.join(JOURNAL)} FROM opt_out_journal WHERE"  # noqa: S608 - our own words
_NUMBERED = f"SELECT id,{','.join(JOURNAL)} FROM opt_out_journal WHERE"  # noqa: S608 - our own words

_PUT = {n: sql + _UPSERT + _SETTLED for n, sql in rows.insert("INSERT INTO opt_out", ROW).items()}
_FIELDS = [f"json_extract(value, '$[{at}]')" for at in range(4)]
_IMPORT = (
    f"INSERT INTO opt_out ({','.join(ROW)}) SELECT {','.join(_FIELDS[:3])}, 1, ?2, ?3, 'import', '', {_FIELDS[3]}"  # noqa: S608 - our own words
    f" FROM json_each(?1) WHERE 1{_UPSERT}{_NEWS}"
)
_IMPORT_LINES = (
    "INSERT INTO opt_out_journal (at, kind, recipient, scope, party, keyword, rule, source, number, connector,"  # noqa: S608 - our own words
    f" message, system_id, answered, actor, reason, generation) SELECT ?3, 'import', {','.join(_FIELDS[:3])}, '', '',"
    f" 'import', '', '', 0, '', 0, ?4, {_FIELDS[3]}, ?2 FROM json_each(?1)"
)
_JOURNAL = rows.insert("INSERT INTO opt_out_journal", JOURNAL)


def _last_words(events: Iterable[Event]) -> list[Event]:
    """Of several events about one row, the last that touches it: one statement must not meet a row twice."""
    return list({event.entry: event for event in events if event.blocks is not None}.values())


def statements(events: Sequence[Event]) -> Statements:
    """What a batch writes for its events."""
    return [
        *rows.told([value for event in _last_words(events) for value in _row(event, 0)], len(ROW), _PUT),
        *rows.told([value for event in events for value in _line(event)], len(JOURNAL), _JOURNAL),
        *(statement for event in events if event.erases for statement in _erasing(event)),
    ]


def _erasing(event: Event) -> Statements:
    """A number in all that was written until now replaced, and what was in its place overwritten in the file.

    A row that goes by the hash already is of this very transaction, and later than the one by the number.
    """
    names = [event.entry.recipient.decode("latin-1"), event.erases.decode("latin-1")]
    return [
        ("PRAGMA secure_delete=ON", []),
        ("UPDATE OR IGNORE opt_out SET recipient = ? WHERE recipient = ?", names),
        ("DELETE FROM opt_out WHERE recipient = ?", names[1:]),
        ("UPDATE opt_out_journal SET recipient = ? WHERE recipient = ?", names),
        (SECURE_DELETE, []),
        ("INSERT OR REPLACE INTO opt_out_erased VALUES (?, ?)", [names[0], event.glance]),
    ]


# --- SQLite -----------------------------------------------------------------------------------------------------------


class SqliteOptOuts:
    """See `OptOuts`. `read` asks the reader, `aside` writes a transaction of its own."""

    def __init__(self, read: Read, aside: Aside) -> None:
        self.generation = 0
        self.keys: OptOutKeys = SqliteKeys(read, aside)
        self.audit: OptOutAudit = SqliteAudit(read)
        self._read = read
        self._aside = aside

    async def open(self) -> None:
        await self.keys.open()
        self.generation = (await self._read("SELECT max(generation) FROM opt_out_generation", ()))[0][0]

    async def load(self) -> AsyncIterator[list[Entry]]:
        after = ("", "", "")
        while True:
            found = await self._read(
                f"{_IDENTITIES} (recipient, scope, party) > (?, ?, ?) ORDER BY recipient, scope, party LIMIT ?",
                (*after, PAGE),
            )
            if not found:
                return
            after = found[-1]
            yield [entry_of(*row) for row in found]

    async def heard(self, since: int, limit: int) -> list[Event]:
        found = await self._read(
            f"{_LINES} source = 'mo' AND at >= ? ORDER BY at DESC LIMIT ?",
            (since, limit),
        )
        return [_event(row) for row in reversed(found)]

    async def rows(self, after: Entry | None, limit: int, recipient: bytes | None = None) -> list[OptOutRow]:
        clause, parameters = ("1", []) if recipient is None else ("recipient = ?", [recipient.decode("latin-1")])
        if after is not None:
            clause += " AND (recipient, scope, party) > (?, ?, ?)"
            parameters += [after.recipient.decode("latin-1"), after.scope, after.party.decode("latin-1")]
        found = await self._read(
            f"{_ROWS} {clause} ORDER BY recipient, scope, party LIMIT ?",
            (*parameters, limit),
        )
        return [OptOutRow(entry_of(*row[:3]), *row[3:]) for row in found]

    async def journal(
        self, recipient: bytes | None, before: int, limit: int, kind: str | None = None
    ) -> list[tuple[int, Event]]:
        clause, parameters = ("", []) if recipient is None else ("recipient = ? AND", [recipient.decode("latin-1")])
        if kind is not None:
            clause += " kind = ? AND"
            parameters.append(kind)
            if kind != "import" and recipient is None:  # there is an index for the few that are not of imports
                clause += " source <> 'import' AND"
        found = await self._read(
            f"{_NUMBERED} {clause} id < ? ORDER BY id DESC LIMIT ?",
            (*parameters, before, limit),
        )
        return [(row[0], _event(row[1:])) for row in found]

    async def known(self, recipient: bytes) -> list[Entry]:
        sql = "SELECT recipient, scope, party FROM opt_out WHERE recipient = ?"
        return [entry_of(*row) for row in await self._read(sql, (recipient.decode("latin-1"),))]

    async def erased(self) -> list[tuple[bytes, int | None]]:
        found = await self._read("SELECT recipient, glance FROM opt_out_erased", ())
        return [(recipient.encode("latin-1"), glance) for recipient, glance in found]

    async def new_generation(self) -> int:
        used = await self._read("SELECT value FROM counter WHERE name = 'opt_out_generation'", ())
        number = max(self.generation, used[0][0] if used else 0) + 1
        await self._aside([("INSERT OR REPLACE INTO counter VALUES ('opt_out_generation', ?)", [number])])
        return number

    async def write(self, imported: Imported, generation: int) -> None:
        told = [imported.rows, generation, imported.at]
        await self._aside([(_IMPORT, told), (_IMPORT_LINES, [*told, imported.actor])], synced=False)

    async def put_in_force(self, generation: int, at: int, keys: int = -1) -> None:
        await self._aside([("INSERT INTO opt_out_generation VALUES (?, ?, ?)", [generation, at, keys])])
        self.generation = generation


# --- memory -----------------------------------------------------------------------------------------------------------


class MemoryOptOuts:
    """The same in dictionaries, for tests."""

    def __init__(self) -> None:
        self.generation = 0
        self.stored: dict[Entry, rows.Row] = {}
        self.lines: list[rows.Row] = []
        self.glances: dict[bytes, int] = {}
        self.in_force = {0: 0}
        self.highest = 0
        self.keys: OptOutKeys = MemoryKeys(self.lines, self.in_force, self._will_block)
        self.audit: OptOutAudit = MemoryAudit(self.lines, self.stored, self.in_force)

    def put(self, events: Sequence[Event], generation: int = 0) -> None:
        """Write events, as a batch or as an import."""
        for event in events:
            self.lines.append(_line(event, generation))
            if event.erases:
                self._erase(event.erases.decode("latin-1"), event.entry.recipient.decode("latin-1"))
                self.glances[event.entry.recipient] = event.glance
            if event.blocks is None:
                continue
            row, before = _row(event, generation), self.stored.get(event.entry)
            kept = before is not None and (
                self._blocks(before) if generation else (before[3], before[4]) == (row[3], row[4])
            )
            if not kept:
                self.stored[event.entry] = row

    def _erase(self, number: str, erased: str) -> None:
        for at, line in enumerate(self.lines):
            if line[2] == number:
                self.lines[at] = (*line[:2], erased, *line[3:])
        for entry, row in list(self.stored.items()):
            if row[0] == number:
                del self.stored[entry]
                self.stored.setdefault(entry_of(erased, *row[1:3]), (erased, *row[1:]))

    def _blocks(self, row: rows.Row) -> bool:
        return row[3] == 1 and row[4] in self.in_force

    def _will_block(self, entry: Entry, generation: int) -> bool:
        row = self.stored.get(entry)
        return row is not None and row[3] == 1 and row[4] in {generation, *self.in_force}

    async def open(self) -> None:
        self.generation = max(self.in_force)

    async def load(self) -> AsyncIterator[list[Entry]]:
        yield [entry for entry, row in sorted(self.stored.items()) if self._blocks(row)]

    async def heard(self, since: int, limit: int) -> list[Event]:
        return [_event(line) for line in self.lines if line[7] == "mo" and line[0] >= since][-limit:]

    async def rows(self, after: Entry | None, limit: int, recipient: bytes | None = None) -> list[OptOutRow]:
        found = sorted((row[:3], entry, row) for entry, row in self.stored.items() if self._blocks(row))
        behind = ("", "", "") if after is None else _row(Event(0, "add", after), 0)[:3]
        return [
            OptOutRow(entry, *row[5:])
            for key, entry, row in found
            if key > behind and (recipient is None or entry.recipient == recipient)
        ][:limit]

    async def journal(
        self, recipient: bytes | None, before: int, limit: int, kind: str | None = None
    ) -> list[tuple[int, Event]]:
        numbered = [(number, _event(line)) for number, line in enumerate(self.lines, start=1)]
        wanted = [
            (number, event)
            for number, event in numbered
            if number < before
            and (recipient is None or event.entry.recipient == recipient)
            and kind in {None, event.kind}
        ]
        return wanted[::-1][:limit]

    async def known(self, recipient: bytes) -> list[Entry]:
        return [entry for entry in self.stored if entry.recipient == recipient]

    async def erased(self) -> list[tuple[bytes, int | None]]:
        return list(self.glances.items())

    async def new_generation(self) -> int:
        self.highest = max(self.highest, self.generation) + 1
        return self.highest

    async def write(self, imported: Imported, generation: int) -> None:
        entries = [(entry_of(*row[:3]), row[3]) for row in json.loads(imported.rows)]
        self.put(
            [Event(imported.at, "import", entry, source="import", actor=imported.actor, reason=reason)
             for entry, reason in entries],
            generation,
        )  # fmt: skip

    async def put_in_force(self, generation: int, at: int, keys: int = -1) -> None:  # noqa: ARG002 - SQLite tells when
        self.in_force[generation] = keys
        self.generation = generation
