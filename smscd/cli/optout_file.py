"""A file of rows for the opt-out list, brought into the order and the form in which smscd keeps them.

Rows in the order of the table cost a tenth of the pages that rows in any order do. The file may be larger than memory:
runs of rows are sorted, put into temporary files, and merged. Keys are eight octets a row, and stay in memory.
"""

from __future__ import annotations

import base64
import csv
import heapq
import itertools
import json
import os
import sys
import tempfile
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, Self

from smscd.admin.arguments import optional
from smscd.admin.optout_rows import entry_of
from smscd.errors import ControlError
from smscd.optout import Entry, OptOut, OptOutList, OptOutSettings
from smscd.optout.keys import PORTIONS

READ = frozenset({"recipient", "to", "scope", "party", "sender", "reason"})
"""Columns that an import looks at."""
RUN = 300_000
"""Rows sorted in memory: about 50 MB."""
LEAVING = 5000
"""Of those, rows that go to a temporary file, and on to the disk, at a time."""
PIECE = 1 << 14
"""Keys that are sent at a time: a millisecond of smscd."""

Row = dict[str, Any]


def names_of(begun: Mapping[str, Any]) -> OptOut:
    """Addresses and keys as the smscd has them that said `begun`; a ControlError if it is too old to say."""
    if "salt" not in begun:
        raise ControlError("the smscd that is running is older than this command", "smscd, started again")
    names = OptOut(OptOutSettings(default_country=begun["default_country"]))
    names.list = OptOutList(bytes.fromhex(begun["salt"]))
    names.list.erased = {number.encode() for number in begun["erased"]}
    return names


class Keys:
    """The keys of rows, by portion."""

    def __init__(self) -> None:
        self._portions = [array("Q") for _ in range(PORTIONS)]

    def add(self, key: int) -> None:
        self._portions[key >> 56].append(key)

    def pieces(self) -> Iterator[list[tuple[int, str]]]:
        """All of them once, in order: about `PIECE` at a time, each portion or part of one with its number."""
        some: list[tuple[int, str]] = []
        many = 0
        for number, portion in enumerate(self._portions):
            keys = array("Q", sorted(set(portion)))
            if sys.byteorder == "big":
                keys.byteswap()
            for at in range(0, len(keys), PIECE):
                part = keys[at : at + PIECE]
                some.append((number, base64.b64encode(part.tobytes()).decode()))
                many += len(part)
                if many >= PIECE:
                    yield some
                    some, many = [], 0
        if some:
            yield some


class SortedRows:
    """The rows of `file` in order of recipient, `plain` where they are silent; each of them once.

    `told` hears how many octets have been read. All of it has been read when the block begins; ControlError if it
    cannot be, or if a row is none. Rows are JSON text: [recipient, scope, party, reason].
    """

    def __init__(self, file: Path, plain: Row, names: OptOut, told: Callable[[int], None]) -> None:
        self.count = 0
        self.keys = Keys()
        self._opened = ExitStack()
        self._runs: list[Iterable[str]] = []
        self._file, self._plain, self._names, self._told = file, plain, names, told

    def __enter__(self) -> Self:
        with ExitStack() as opened:  # closed at once if the file turns out to be none
            run: list[str] = []
            for row in rows_of(self._file, self._told):
                self.count += 1
                run.append(self._line(row))
                if len(run) == RUN:
                    self._runs.append(opened.enter_context(_written(run)))
                    run = []
            self._runs.append(sorted(run))
            self._opened = opened.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._opened.close()

    def __iter__(self) -> Iterator[str]:
        for identity, same in itertools.groupby(map(_parts, heapq.merge(*self._runs)), key=_first):
            yield f"{identity}, {next(same)[1]}]"

    def _line(self, row: Row) -> str:
        said = self._plain | {key: value for key, value in row.items() if key in READ and value}
        try:
            entry = entry_of(self._names, said)
            reason = optional(said, "reason") or ""
        except ControlError as error:
            raise ControlError(f"row {self.count}: {error.reason}", error.remedy) from None
        self.keys.add(self._names.list.key(entry))
        return f"{_identity(entry)}\t{json.dumps(reason)}\n"


def _identity(entry: Entry) -> str:
    """All of a row but its reason and the closing bracket; JSON has no tab in it."""
    return json.dumps([entry.recipient.decode("latin-1"), entry.scope, entry.party.decode("latin-1")])[:-1]


def _parts(line: str) -> list[str]:
    return line.rstrip("\n").split("\t")


def _first(parts: list[str]) -> str:
    return parts[0]


def _written(run: list[str]) -> IO[str]:
    run.sort()
    out = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - the caller closes it, after the merge
    for at in range(0, len(run), LEAVING):  # what the system wrote out later, all at once, others would wait for
        out.writelines(run[at : at + LEAVING])
        out.flush()
        if sys.platform == "linux":
            os.posix_fadvise(out.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    out.seek(0)
    return out


def rows_of(file: Path, told: Callable[[int], None]) -> Iterator[Row]:
    """The rows of a file of CSV with a header, or of JSON lines, as they are."""
    with file.open(encoding="utf-8-sig", newline="") as lines:
        counted = _counted(lines, told)
        rows = _csv_rows(counted) if file.suffix.lower() == ".csv" else _json_lines(counted)
        try:
            yield from rows
        except (UnicodeDecodeError, csv.Error) as fault:
            raise ControlError(f"{file} cannot be read: {fault}", "CSV or JSON lines in UTF-8") from None


def _counted(lines: IO[str], told: Callable[[int], None]) -> Iterator[str]:
    read = 0
    for number, line in enumerate(lines):
        read += len(line.encode())
        if number % 1000 == 0:
            told(read)
        yield line
    told(read)


def _csv_rows(lines: Iterator[str]) -> Iterator[Row]:
    """By the header's names, in whatever case, and by its delimiter: spreadsheets write what their country uses."""
    header = next(lines, "")
    delimiter = next((mark for mark in ",;\t" if mark in header), ",")
    names = [name.strip().casefold() for name in next(csv.reader([header], delimiter=delimiter), [])]
    if header.strip() and not {"recipient", "to"} & set(names):
        raise ControlError(f"the header names no recipient: {header.strip()[:80]}", "recipient,scope,party,reason")
    yield from csv.DictReader(lines, names, delimiter=delimiter)


def _json_lines(lines: Iterator[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):  # nested deeper than anybody means it
            row = None
        if not isinstance(row, dict):
            raise ControlError(f"line {number} is no JSON object", 'lines like {"recipient": "+447700900123"}')
        yield row
