"""The first of many rules without looking at all of them.

Rules that look at the same number of digits stand in one table together, so that a look-up costs one step per length
in use and not one per rule: ten thousand country prefixes have a handful of lengths. Expressions, texts and hours have
no place in a key; the caller decides about those among the rules that a key has found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product

from smscd.routing.numbers import Numbers
from smscd.units import is_expression

WHOLE = -1
"""The length of a pattern that is a whole address."""

Key = tuple[str, bytes, bytes]


@dataclass(slots=True)
class Table:
    """Rules that ask for the ESME or do not, and look at as many digits of either address."""

    by_esme: bool
    source_length: int
    destination_length: int
    numbers: Numbers | None
    first: int
    """The lowest rank in it."""
    ranks: dict[Key, list[int]] = field(default_factory=dict)
    """Ascending."""


class Index:
    """Ranks of rules by what they meet; a lower rank goes first."""

    __slots__ = ("_tables",)

    def __init__(self, rules: Iterable[tuple[frozenset[str], str, str, Numbers | None]]) -> None:
        """`rules`: ESMEs, source pattern, destination pattern, and the form that numbers are matched in."""
        tables: dict[tuple[bool, int, int, int], Table] = {}
        for rank, (esmes, source, destination, numbers) in enumerate(rules):
            (source_length, source_key), (length, key) = _pattern(source), _pattern(destination)
            shape = (bool(esmes), source_length, length, id(numbers))
            if shape not in tables:
                tables[shape] = Table(bool(esmes), source_length, length, numbers, rank)
            for system_id in esmes or ("",):
                tables[shape].ranks.setdefault((system_id, source_key, key), []).append(rank)
        self._tables = list(tables.values())  # in the order of their first ranks

    def first(
        self, system_id: str, source: bytes, destination: bytes, ton: int, holds: Callable[[int], bool]
    ) -> int | None:
        """The lowest rank that the addresses lead to and for which `holds` is true, or None."""
        source, plain = source.removeprefix(b"+"), destination.removeprefix(b"+")
        best: int | None = None
        for table in self._tables:
            if best is not None and table.first > best:
                break
            to = plain if table.numbers is None else table.numbers.digits(destination, ton) or plain
            key = (
                system_id if table.by_esme else "",
                source if table.source_length == WHOLE else source[: table.source_length],
                to if table.destination_length == WHOLE else to[: table.destination_length],
            )
            for rank in table.ranks.get(key, ()):
                if best is not None and rank > best:
                    break
                if holds(rank):
                    best = rank
                    break
        return best


def _pattern(pattern: str) -> tuple[int, bytes]:
    """How many octets of an address decide about `pattern`, and which; an expression may be met by any address."""
    if is_expression(pattern):
        return 0, b""
    if pattern.endswith("*"):
        prefix = pattern[:-1].encode()
        return len(prefix), prefix
    return WHOLE, pattern.encode()


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
