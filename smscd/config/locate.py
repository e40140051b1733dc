"""Finds the line on which each key of a TOML file stands; `tomllib` gives values without their places.

Only for text that `tomllib` has accepted: it does not check anything, it walks.
"""

from __future__ import annotations

import re
from typing import Final

from smscd.config.fault import Path

_SPACE: Final = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK: Final = re.compile(r"[ \t]*")
_KEY_PART: Final = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
_ESCAPED: Final = re.compile(r"\\(?:U[0-9A-Fa-f]{8}|u[0-9A-Fa-f]{4}|.)")
_STRING: Final = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}' r"|'''.*?'{3,5}" r'|"(?:[^"\\\n]|\\.)*"' r"|'[^'\n]*'", re.DOTALL
)
_BARE: Final = re.compile(r"[^,\]}#\r\n]+")

KEY_PARTS: Final = 32
"""Parts of a dotted key. No key of ours has more than four, and `tomllib` takes minutes over one of 50,000."""
_LONG_KEY: Final = re.compile(
    rf"(?P<key>(?:(?:{_KEY_PART.pattern})[ \t]*+\.[ \t]*+){{{KEY_PARTS}}})|{_STRING.pattern}|#[^\n]*+|[A-Za-z0-9_-]++",
    re.DOTALL,
)
"""Such a key, or else what is passed over because dots mean nothing in it."""


def line_of_long_key(text: str) -> int:
    """The line (from 1) of the first key of more than `KEY_PARTS` parts, 0 if there is none; `text` may be anything."""
    found = next((match for match in _LONG_KEY.finditer(text) if match["key"]), None)
    return text.count("\n", 0, found.start()) + 1 if found is not None else 0


def locate(text: str) -> dict[Path, int]:
    """The line (from 1) of every table header, key, array item and inline key of `text`, which has to be valid TOML."""
    return _Walker(text).walk()


class _Walker:
    """Goes through the text once, from expression to expression."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._line = 1
        self._counted = 0  # up to here the line ends are in _line
        self._lines: dict[Path, int] = {}
        self._arrays: dict[Path, int] = {}  # arrays of tables -> index of their latest table

    def walk(self) -> dict[Path, int]:
        table: Path = ()
        self._skip(_SPACE)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._key_and_value(table)
            self._skip(_SPACE)
        return self._lines

    def _skip(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match[0]

    def _note(self, path: Path, at: int) -> None:
        self._line += self._text.count("\n", self._counted, at)
        self._counted = at
        for length in range(1, len(path) + 1):
            self._lines.setdefault(path[:length], self._line)

    def _header(self) -> Path:
        start = self._at
        is_array = self._text.startswith("[[", start)
        self._at += 2 if is_array else 1
        keys = self._key()
        self._at += 2 if is_array else 1
        path = (*self._resolved(keys[:-1]), keys[-1])
        if is_array:
            self._arrays[path] = self._arrays.get(path, -1) + 1
        path = self._indexed(path)
        self._note(path, start)
        return path

    def _resolved(self, keys: Path) -> Path:
        """`keys` with the index of the table that a later header goes into: [[a]] then [a.b] is ("a", 0, "b")."""
        path: Path = ()
        for key in keys:
            path = self._indexed((*path, key))
        return path

    def _indexed(self, path: Path) -> Path:
        return (*path, self._arrays[path]) if path in self._arrays else path

    def _key(self) -> Path:
        parts: list[str] = []
        while True:
            self._skip(_BLANK)
            parts.append(_unquoted(self._skip(_KEY_PART)))
            self._skip(_BLANK)
            if self._text[self._at] != ".":
                return tuple(parts)
            self._at += 1

    def _key_and_value(self, table: Path) -> None:
        start = self._at
        path = table + self._key()
        self._note(path, start)
        self._at += 1  # the equals sign
        self._skip(_BLANK)
        self._value(path)

    def _value(self, path: Path) -> None:
        first = self._text[self._at]
        if first == "[":
            self._array(path)
        elif first == "{":
            self._inline_table(path)
        elif first in "\"'":
            self._skip(_STRING)
        else:
            self._skip(_BARE)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        while True:
            self._skip(_SPACE)
            if self._text[self._at] == "]":
                self._at += 1
                return
            self._note((*path, index), self._at)
            self._value((*path, index))
            self._skip(_SPACE)
            index += 1
            if self._text[self._at] == ",":
                self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        while True:
            self._skip(_SPACE)
            if self._text[self._at] == "}":
                self._at += 1
                return
            if self._text[self._at] == ",":
                self._at += 1
            else:
                self._key_and_value(path)


def _unquoted(key: str) -> str:
    if key.startswith("'"):
        return key[1:-1]
    if key.startswith('"'):
        return _ESCAPED.sub(_unescaped, key[1:-1])
    return key


def _unescaped(match: re.Match[str]) -> str:
    code = match[0][1:]
    if code[0] in "uU" and len(code) > 1:
        return chr(int(code[1:], 16))
    return {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}.get(code, code)
