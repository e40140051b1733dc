"""What a reload changes, in lines that an operator can check against what was meant."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from smscd.config.fault import HIDDEN
from smscd.config.key import Key, keys
from smscd.config.schema import SECTIONS, Config, Section


@dataclass(slots=True, frozen=True)
class Change:
    """One thing that is different: a table that came or went, or one key of a table that stayed."""

    section: str
    name: str
    what: Literal["added", "removed", "changed"]
    key: str = ""
    before: str = ""
    after: str = ""
    needs_restart: bool = False

    def __str__(self) -> str:
        subject = f"{self.section} {self.name}" if self.name else self.section
        restart = " (needs a restart)" if self.needs_restart else ""
        if self.what != "changed":
            return f"{subject} {self.what}{restart}"
        return f"{subject}: {self.key} {self.before} -> {self.after}{restart}"


def diff(old: Config, new: Config) -> list[Change]:
    """Every change from `old` to `new`; secrets are named, never shown."""
    changes: list[Change] = []
    for section in SECTIONS:
        before, after = getattr(old, section.attribute), getattr(new, section.attribute)
        if section.name_key:
            changes += _named(section, before, after)
        elif section.is_array:
            changes += _ordered(section.name, "", before, after)
        else:
            changes += _single(section.name, "", before, after, needs_restart=section.needs_restart)
    return changes


def _named(section: Section, before: list[Any], after: list[Any]) -> Iterator[Change]:
    old = {getattr(settings, section.name_key): settings for settings in before}
    new = {getattr(settings, section.name_key): settings for settings in after}
    for name in old | new:
        yield from _single(section.name, name, old.get(name), new.get(name))


def _ordered(section: str, prefix: str, before: list[Any], after: list[Any]) -> Iterator[Change]:
    """Rules have no names: each is told by what it says, and one that moved goes and comes."""
    old, new = [_rule(settings) for settings in before], [_rule(settings) for settings in after]
    for tag, old_from, old_to, new_from, new_to in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            yield from (Change(section, f"{prefix}{rule}", "removed") for rule in old[old_from:old_to])
            yield from (Change(section, f"{prefix}{rule}", "added") for rule in new[new_from:new_to])


def _rule(settings: Any) -> str:
    known = keys(type(settings))
    said = {name: getattr(settings, name) for name in known if getattr(settings, name) != known[name].default}
    return ", ".join(f"{name} = {known[name].write(value)}" for name, value in said.items()) or "for everything"


def _single(section: str, name: str, before: Any, after: Any, *, needs_restart: bool = False) -> Iterator[Change]:
    if before is None or after is None:
        if before is not after:
            yield Change(section, name, "added" if before is None else "removed", needs_restart=needs_restart)
    elif type(before) is not type(after):
        yield Change(section, name, "changed", "kind", before.kind, after.kind)
    else:
        yield from _keys(section, name, before, after, "")


def _keys(section: str, name: str, before: Any, after: Any, prefix: str) -> Iterator[Change]:
    for key in keys(type(before)).values():
        old, new = getattr(before, key.name), getattr(after, key.name)
        if old == new:
            continue
        if dataclasses.is_dataclass(old) and dataclasses.is_dataclass(new):
            yield from _keys(section, name, old, new, f"{prefix}{key.name}.")
        elif key.table is not None and isinstance(old, list):
            yield from _ordered(section, f"{name}: {prefix}{key.name} ", old, new)
        else:
            shown = _shown(key, old), _shown(key, new)
            yield Change(section, name, "changed", prefix + key.name, *shown, needs_restart=key.needs_restart)


def _shown(key: Key, value: Any) -> str:
    if value is None:
        return "none"
    if key.secret:
        return HIDDEN
    if key.table is not None:
        return "given"
    return key.write(value).strip('"')
