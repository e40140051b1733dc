"""What is wrong with a file, one line per fault, for the person who has to mend it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

Path = tuple[str | int, ...]
"""Where a value stands: ("esme", 0, "rate")."""

HIDDEN = '"…"'
"""What a fault shows instead of a secret."""

LONGEST_VALUE = 80
"""Characters of a value that a fault shows."""


@dataclass(slots=True, frozen=True)
class Fault:
    """One thing to mend.  `run` tells whether a daemon refuses to start over it; an error always is such a thing."""

    what: str
    path: Path = ()
    severity: Literal["error", "warning"] = "error"
    value: str | None = None
    allowed: str = ""
    nearest: str = ""
    file: str = ""
    line: int = 0
    stops_run: bool = False

    @property
    def blocks_run(self) -> bool:
        """Whether a daemon may not start with it."""
        return self.stops_run or self.severity == "error"

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        sign = "warning: " if self.severity == "warning" else ""
        key = key_text(self.path)
        subject = f"{key} = {self.value}: " if self.value is not None else f"{key}: " if key else ""
        allowed = f"; allowed: {self.allowed}" if self.allowed else ""
        nearest = f'; did you mean "{self.nearest}"?' if self.nearest else ""
        said = f"{place}{sign}{subject}{self.what}{allowed}{nearest}"
        if said.isprintable():
            return said
        return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in said)

    def as_json(self) -> dict[str, object]:
        """The same for programs."""
        return {
            "severity": self.severity,
            "file": self.file,
            "line": self.line,
            "key": key_text(self.path),
            "value": self.value,
            "what": self.what,
            "allowed": self.allowed,
            "did_you_mean": self.nearest,
            "refuses_to_run": self.blocks_run,
        }


def key_text(path: Path) -> str:
    """`esme.allow_from[1]`: the number of a table among its like is left to the line, that of a list item is not."""
    words: list[str] = []
    for at, step in enumerate(path):
        if isinstance(step, str):
            words.append(step if not words else f".{step}")
        elif at == len(path) - 1 and at > 1:
            words.append(f"[{step}]")
    return "".join(words)


def value_text(value: object, *, cut: bool = True) -> str:
    """`value` as a TOML file would hold it, on one line, cut to a readable length, control characters escaped."""
    try:
        text = _inline(value)
    except RecursionError:  # lists in lists in lists
        text = "…"
    return text if not cut or len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 1] + "…"


def _inline(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list):
        return f"[{', '.join(_inline(item) for item in value)}]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(item)}" for key, item in value.items()) + " }"
    return str(value)


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that `word` was probably meant to be, or ""."""
    by_folded = {item.casefold(): item for item in known}
    matches: Sequence[str] = difflib.get_close_matches(word.casefold(), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else ""
