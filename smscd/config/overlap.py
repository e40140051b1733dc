"""Whether one rule leaves anything over for a later one: patterns compared without any message."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol, TypeVar

from smscd.routing.index import wider
from smscd.units import is_expression


class Rule(Protocol):
    """What routes and behaviours have in common: whom they meet."""

    destination_addr: str
    source_addr: str
    esme: list[str]
    text: str | None


R = TypeVar("R", bound=Rule)


def covers(wide: str, narrow: str) -> bool:
    """Whether every address that `narrow` matches is matched by `wide` too; False where only trying could tell."""
    if wide in {"*", narrow}:
        return True
    if is_expression(wide) or is_expression(narrow) or not wide.endswith("*"):
        return False
    return narrow.startswith(wide[:-1])


def rule_covers(earlier: Rule, later: Rule) -> bool:
    """Whether nothing can reach `later` because `earlier` takes it first."""
    return (
        covers(earlier.destination_addr, later.destination_addr)
        and covers(earlier.source_addr, later.source_addr)
        and earlier.text in {None, later.text}
        and (not earlier.esme or bool(later.esme and set(later.esme) <= set(earlier.esme)))
    )


def first_covers(rules: Sequence[R], also: Callable[[R, R], bool]) -> Iterator[int | None]:
    """For every rule the index of the first one before it that covers it; `also` adds conditions.

    Not every pair is compared: what covers a pair of patterns is looked up by the patterns that are wider.
    """
    before: dict[tuple[str, str], list[int]] = {}
    for index, rule in enumerate(rules):
        candidates = heapq.merge(*(before.get(pair, ()) for pair in wider(rule.source_addr, rule.destination_addr)))
        yield next((at for at in candidates if rule_covers(rules[at], rule) and also(rules[at], rule)), None)
        before.setdefault((rule.source_addr, rule.destination_addr), []).append(index)


def first_cover(earlier: Sequence[Rule], later: Rule) -> int | None:
    """The index of the first rule that covers `later`."""
    return next((index for index, rule in enumerate(earlier) if rule_covers(rule, later)), None)
