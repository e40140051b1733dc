"""The first of many rules without looking at all of them.

Rules that ask for addresses and ESMEs only are sure: where these lead there is nothing left to ask. They stand on lines
(see `line`), one for each ESME and sender that they name; a price list is one line. Rules with an expression, a text or
hours stand in tables, one for each number of digits that they look at, and the caller decides about those that a key
finds there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import NamedTuple

from smscd.routing.line import WHOLE, Line, key_of
from smscd.routing.numbers import Numbers
from smscd.units import is_expression


class Entry(NamedTuple):
    """What a rule asks for; its place among all is its rank."""

    esmes: frozenset[str]
    source: str
    destination: str
    numbers: Numbers | None
    """The form that numbers are matched in."""
    has_conditions: bool
    """It asks for the text or the time as well."""

    @property
    def is_sure(self) -> bool:
        return not (self.has_conditions or is_expression(self.source) or is_expression(self.destination))


@dataclass(slots=True)
class Lines:
    """Sure rules that ask for the ESME or do not, and look at as many digits of the sender."""

    by_esme: bool
    source_length: int
    numbers: Numbers | None
    found: dict[tuple[str, bytes], Line] = field(default_factory=dict)


@dataclass(slots=True)
class Table:
    """Other rules that ask for the ESME or do not, and look at as many digits of either address."""

    by_esme: bool
    source_length: int
    destination_length: int
    numbers: Numbers | None
    first: int
    """The lowest rank in it."""
    ranks: dict[tuple[str, bytes, bytes], list[int]] = field(default_factory=dict)
    """Ascending."""


class Index:
    """Ranks of rules by what they meet; a lower rank goes first."""

    __slots__ = ("_lines", "_nothing", "_tables", "only")

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._nothing = len(entries)
        self._lines = _lines(entries)
        self._tables = _tables(entries)
        self.only = self._only()
        """The line that decides by itself about every message."""

    def first(self, system_id: str, source: bytes, destination: bytes, ton: int, holds: Callable[[int], bool]) -> int:
        """The lowest rank that the addresses lead to, and for which `holds` is true where the rule is not sure.

        The number of all entries if there is none.
        """
        if self.only is not None:
            return self.only.rank(destination)
        source = source.removeprefix(b"+")
        best = self._nothing
        for lines in self._lines:
            line = lines.found.get((system_id if lines.by_esme else "", _head(source, lines.source_length)))
            if line is not None:
                best = min(best, line.rank(_form(lines.numbers, destination, ton)))
        for table in self._tables:
            if table.first > best:
                break
            to = _form(table.numbers, destination, ton).removeprefix(b"+")
            key = (
                system_id if table.by_esme else "",
                _head(source, table.source_length), _head(to, table.destination_length),
            )  # fmt: skip
            for rank in table.ranks.get(key, ()):
                if rank > best:
                    break
                if holds(rank):
                    best = rank
                    break
        return best

    def _only(self) -> Line | None:
        if self._tables or len(self._lines) != 1:
            return None
        lines = self._lines[0]
        return None if lines.by_esme or lines.source_length or lines.numbers is not None else lines.found["", b""]


def _form(numbers: Numbers | None, destination: bytes, ton: int) -> bytes:
    return destination if numbers is None else numbers.digits(destination, ton) or destination


def _head(address: bytes, length: int) -> bytes:
    return address if length == WHOLE else address[:length]


def _lines(entries: Sequence[Entry]) -> list[Lines]:
    """All sure rules."""
    kinds: dict[tuple[bool, int, int], Lines] = {}
    found: dict[tuple[bool, int, int], dict[tuple[str, bytes], list[tuple[str, int]]]] = {}
    for rank, entry in enumerate(entries):
        if entry.is_sure:
            length, source = key_of(entry.source)
            kind = (bool(entry.esmes), length, id(entry.numbers))
            kinds.setdefault(kind, Lines(bool(entry.esmes), length, entry.numbers))
            for system_id in entry.esmes or ("",):
                found.setdefault(kind, {}).setdefault((system_id, source), []).append((entry.destination, rank))
    for kind, lines in kinds.items():
        lines.found = {key: Line(ranked, len(entries)) for key, ranked in found[kind].items()}
    return list(kinds.values())


def _tables(entries: Sequence[Entry]) -> list[Table]:
    """All others, in the order of their first ranks."""
    tables: dict[tuple[bool, int, int, int], Table] = {}
    for rank, entry in enumerate(entries):
        if not entry.is_sure:
            (source_length, source_key), (length, key) = _decisive(entry.source), _decisive(entry.destination)
            shape = (bool(entry.esmes), source_length, length, id(entry.numbers))
            table = tables.setdefault(shape, Table(bool(entry.esmes), source_length, length, entry.numbers, rank))
            for system_id in entry.esmes or ("",):
                table.ranks.setdefault((system_id, source_key, key), []).append(rank)
    return list(tables.values())


def _decisive(pattern: str) -> tuple[int, bytes]:
    """`key_of`; an expression may be met by any address."""
    return (0, b"") if is_expression(pattern) else key_of(pattern)


def wider(source: str, destination: str) -> Iterator[tuple[str, str]]:
    """Every pair of patterns that meets all that this pair meets, as far as that can be told without trying."""
    return product(_wider(source), _wider(destination))


def _wider(pattern: str) -> Iterator[str]:
    yield pattern
    if pattern != "*":
        yield "*"
    if not is_expression(pattern):
        digits = pattern.removesuffix("*")
        yield from (f"{digits[:length]}*" for length in range(1, len(digits) + (pattern != f"{digits}*")))
