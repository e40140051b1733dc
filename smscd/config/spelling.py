"""Address patterns that will never meet a number: what other gateways write, or a number with something in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smscd.config.fault import Fault, Path, value_text
from smscd.config.key import keys
from smscd.config.schema import Parsed, tables
from smscd.units import AddressNotation, is_expression

_OF_EXPRESSIONS = frozenset("^$\\[](){}|?")


def check_patterns(parsed: Parsed) -> Iterator[Fault]:
    """A warning for every pattern that is taken for a name and hardly is meant as one: "44.*", "^44", "44-77"."""
    for _, settings in tables(parsed.config):
        yield from _in_table(settings, parsed.path_of(settings))


def _in_table(settings: Any, path: Path) -> Iterator[Fault]:
    for name, key in keys(type(settings)).items():
        value = getattr(settings, name)
        where = (*path, name)
        if isinstance(key.notation, AddressNotation):
            yield from _pattern(value, where)
        elif key.item is not None and isinstance(key.item.notation, AddressNotation):
            for at, pattern in enumerate(value):
                yield from _pattern(pattern, (*where, at))
        elif isinstance(value, list) and key.table is not None:
            for at, table in enumerate(value):
                yield from _in_table(table, (*where, at))


def _pattern(text: str, path: Path) -> Iterator[Fault]:
    stem = text.removesuffix("*")
    if is_expression(text) or not stem or (stem.isascii() and stem.isdigit()):
        return
    if _OF_EXPRESSIONS.isdisjoint(stem) and any(char.isalpha() for char in stem):
        return
    what = "is taken for a sender name: numbers are digits alone, a regular expression stands between slashes"
    yield Fault(what, path, severity="warning", value=value_text(text))
