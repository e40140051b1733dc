"""Command lines: several commands in one, basic and extended syntax (ITU-T V.250 §5.3, §5.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

Form = Literal["run", "read", "test", "set"]

_EXTENDED: Final = re.compile(r'([+^*#%$][A-Z0-9]+)\s*(=\?|\?|=(?:"[^"]*"|[^";])*|)\s*(?:;|$)', re.IGNORECASE)
_BASIC: Final = re.compile(r"(&?[A-CE-Z])(\d*)", re.IGNORECASE)
_REGISTER: Final = re.compile(r"(S\d+)(\?|=\d*)", re.IGNORECASE)
_DIAL: Final = re.compile(r"(D).*", re.IGNORECASE)
_FORMS: Final[dict[str, Form]] = {"": "run", "?": "read", "=?": "test"}


@dataclass(frozen=True, slots=True)
class Call:
    """One command: its name in capitals, its form, its arguments without quotes."""

    name: str
    form: Form = "run"
    args: tuple[str, ...] = ()
    raw: str = ""  # as it stood in the line, in capitals

    def text(self, position: int, default: str = "") -> str:
        """An argument; the default where it is left out."""
        return self.args[position] if position < len(self.args) and self.args[position] else default

    def number(self, position: int, default: int) -> int:
        """A numeric argument; the default where it is left out. Raises ValueError for anything else."""
        return int(self.text(position, str(default)))


def parse_line(line: str) -> list[Call] | None:
    """The commands of a line in their order; None for a line that is no command line, or not to be understood."""
    start = line.upper().rfind("AT") if line[:2].upper() != "AT" else 0
    rest = line[start + 2 :].strip() if start >= 0 else ""
    if start < 0:
        return None
    calls: list[Call] = []
    while rest:
        call, length = _next(rest)
        if call is None:
            return None
        calls.append(call)
        rest = rest[length:].lstrip(" ;")
    return calls


def _next(rest: str) -> tuple[Call | None, int]:
    if match := _EXTENDED.match(rest):
        name, suffix = match[1].upper(), match[2]
        if form := _FORMS.get(suffix):
            return Call(name, form, raw=name + suffix), match.end()
        return Call(name, "set", _arguments(suffix[1:]), name + suffix.upper()), match.end()
    if match := _REGISTER.match(rest):
        return Call("S", "read" if match[2] == "?" else "set", (match[1][1:], match[2][1:])), match.end()
    if match := _DIAL.match(rest):
        return Call("D"), match.end()
    if match := _BASIC.match(rest):
        return Call(match[1].upper(), "set", (match[2],)), match.end()
    return None, 0


def _arguments(text: str) -> tuple[str, ...]:
    found = [""]
    quoted = False
    for character in text:
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            found.append("")
        else:
            found[-1] += character
    return tuple(argument.strip() for argument in found)
