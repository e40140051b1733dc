"""Whether one rule leaves anything over for a later one: patterns compared without any message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from smscd.units import is_expression


class Rule(Protocol):
    """What routes and behaviours have in common: whom they meet."""

    destination_addr: str
    source_addr: str
    esme: list[str]
    text: str | None


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


def first_cover(earlier: Sequence[Rule], later: Rule) -> int | None:
    """The index of the first rule that covers `later`."""
    return next((index for index, rule in enumerate(earlier) if rule_covers(rule, later)), None)
