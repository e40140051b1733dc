"""What one key of the file may be, read off the dataclass that owns it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from smscd.config.fault import value_text
from smscd.units import Between, Example, ExistingFile, NeedsRestart, Notation, Octets, Secret

_Mark = TypeVar("_Mark")
_MISSING = object()

_PLAIN = {
    str: "a string",
    int: "a whole number",
    float: "a number",
    bool: "true | false",
    Path: "a path",
}


@dataclass(slots=True, frozen=True)
class Key:
    """One field of a settings dataclass: `type` is what remains without Annotated and without None."""

    name: str
    type: Any
    optional: bool
    marks: tuple[Any, ...]
    default: Any = _MISSING

    @property
    def help(self) -> str:
        """The explanation, as the dataclass gives it."""
        return self._mark(str) or ""

    @property
    def notation(self) -> Notation | None:
        """How the file writes it, if not as a plain TOML value."""
        return next((mark for mark in self.marks if hasattr(mark, "read") and hasattr(mark, "write")), None)

    @property
    def between(self) -> Between | None:
        """Bounds of a number."""
        return self._mark(Between)

    @property
    def octets(self) -> Octets | None:
        """Bounds of a string."""
        return self._mark(Octets)

    @property
    def file(self) -> ExistingFile | None:
        """What kind of file a path has to lead to."""
        return self._mark(ExistingFile)

    @property
    def secret(self) -> bool:
        """Whether its value is never shown."""
        return self._mark(Secret) is not None

    @property
    def needs_restart(self) -> bool:
        """Whether a running process cannot change it."""
        return self._mark(NeedsRestart) is not None

    @property
    def required(self) -> bool:
        """Whether the file has to give it."""
        return self.default is _MISSING

    @property
    def table(self) -> type[Any] | None:
        """The dataclass behind a sub-table or behind the items of an array of tables."""
        kind = self.item.type if self.item else self.type
        return kind if dataclasses.is_dataclass(kind) and isinstance(kind, type) else None

    @property
    def item(self) -> Key | None:
        """What the items of a list or the values of a map are."""
        origin = get_origin(self.type)
        if origin is list:
            return _key("", get_args(self.type)[0])
        if origin is dict:
            return _key("", get_args(self.type)[1])
        return None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words it may be, if they can be counted."""
        if get_origin(self.type) is Literal:
            return tuple(str(word) for word in get_args(self.type))
        return self.notation.choices if self.notation else ()

    @property
    def allowed(self) -> str:
        """What the file may hold, in words."""
        if self.item is not None:
            if get_origin(self.type) is dict and self.notation is not None:
                return self.notation.allowed
            if get_origin(self.type) is dict:
                return f"a table of names, each with {self.item.allowed}"
            return "tables" if self.table else f"a list, each item {self.item.allowed}"
        if get_origin(self.type) is Literal:
            return " | ".join(self.choices)
        if self.notation is not None:
            return f"{self.notation.allowed}{self._bounds()}"
        plain = "a table" if self.table else _PLAIN[self.type]
        return f"{plain}{self._bounds()}"

    def write(self, value: object) -> str:
        """`value` as TOML."""
        return value_text(self.plain(value), cut=False)

    @property
    def example(self) -> object:
        """What the reference shows: the default, or the example where there is none."""
        mark = self._mark(Example)
        return mark.value if mark is not None and (self.required or not self.default) else self.default

    def plain(self, value: object) -> object:
        """`value` as TOML's own types: 30.0 seconds are "30s"."""
        if isinstance(value, list) and self.item is not None:
            return [self.item.plain(one) for one in value]
        if isinstance(value, str | dict):
            return value
        if isinstance(value, Path):
            return str(value)
        if self.notation is not None:
            return self.notation.write(value)
        return int(value) if isinstance(value, float) and value.is_integer() else value

    def _bounds(self) -> str:
        if self.octets is not None:
            return f", {self.octets.least} to {self.octets.most} octets"
        if self.between is None:
            return ""
        low, high = (None if end is None else self._bound(end) for end in (self.between.low, self.between.high))
        if low is None or high is None:
            return f", {low} or more" if low is not None else f", up to {high}"
        return f", {low} to {high}"

    def _bound(self, end: float) -> str:
        return self.notation.write(end) if self.notation else f"{end:g}" if end < 1e5 else str(int(end))

    def _mark(self, kind: type[_Mark]) -> _Mark | None:
        return next((mark for mark in self.marks if isinstance(mark, kind)), None)


_known: dict[type[Any], dict[str, Key]] = {}


def keys(settings: type[Any]) -> dict[str, Key]:
    """The keys of a settings dataclass, in the order in which it names them."""
    if settings not in _known:
        hints = get_type_hints(settings, include_extras=True)
        fields = dataclasses.fields(settings)
        _known[settings] = {field.name: _key(field.name, hints[field.name], _default(field)) for field in fields}
    return _known[settings]


def _default(field: dataclasses.Field[Any]) -> object:
    if field.default is not dataclasses.MISSING:
        return field.default
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return _MISSING


def _key(name: str, hint: Any, default: object = _MISSING) -> Key:
    bare, marks, optional = _unwrapped(hint)
    return Key(name, bare, optional, marks, default)


def _unwrapped(hint: Any) -> tuple[Any, tuple[Any, ...], bool]:
    """The type inside Annotated and inside `| None`, the marks of every Annotated, and whether None is allowed."""
    if get_origin(hint) is Annotated:
        bare, marks, optional = _unwrapped(get_args(hint)[0])
        return bare, (*marks, *hint.__metadata__), optional
    if _is_optional(hint):
        arms = [arm for arm in get_args(hint) if arm is not type(None)]
        bare, marks, _ = _unwrapped(arms[0])
        return bare, marks, True
    return hint, (), False


def _is_optional(hint: Any) -> bool:
    return type(None) in get_args(hint) and get_origin(hint) is not Literal
