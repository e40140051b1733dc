"""The locator against `tomllib`: every value that has a key has a line, and it is the right one."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smscd.config.fault import Path
from smscd.config.locate import locate

EVERYTHING = '''\
# a comment with [brackets] and "quotes"
a = 1
[x]
y.z = "a # b"   # c
"q \\" \\u0041".w = \'\'\'
multi [x]
k = 1 \'\'\'
l = [ "a", # one
  "b]",
  [1,
   2], { i = 1, j.k = [3] } ]
[[c]]
n = """a\\"""b"""""
 [[ c . 'b' ]]
 d = 1
 [[c.b]]
 d = 2
 [c.t]
 e = 1979-05-27 07:32:00
[[c]]
[[c.b]]
d=-inf
s = ''
'''


def paths(value: Any, path: Path = ()) -> list[Path]:
    """Every path in a parsed document, tables and list items included."""
    here = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return here + [found for key, item in items for found in paths(item, (*path, key))]


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("a",), 2),
        (("x",), 3),
        (("x", "y", "z"), 4),
        (("x", 'q " A', "w"), 5),
        (("x", "l"), 8),
        (("x", "l", 1), 9),
        (("x", "l", 2, 1), 11),
        (("x", "l", 3, "j", "k", 0), 11),
        (("c", 0), 12),
        (("c", 0, "n"), 13),
        (("c", 0, "b", 0), 14),
        (("c", 0, "b", 1, "d"), 17),
        (("c", 0, "t", "e"), 19),
        (("c", 1), 20),
        (("c", 1, "b", 0, "d"), 22),
        (("c", 1, "b", 0, "s"), 23),
    ],
)
def test_a_key_is_found_on_its_line(path: Path, line: int) -> None:
    assert locate(EVERYTHING)[path] == line


def test_everything_that_tomllib_sees_is_located() -> None:
    assert sorted(map(repr, locate(EVERYTHING))) == sorted(map(repr, paths(tomllib.loads(EVERYTHING))))


def test_line_ends_of_windows_count_once() -> None:
    assert locate("a = 1\r\n[b]\r\nc = 2\r\n")[("b", "c")] == 3


KEYS = st.one_of(st.from_regex(r"[a-z]{1,3}", fullmatch=True), st.text(st.characters(codec="utf-8"), max_size=3))
STRINGS = st.text(st.characters(codec="utf-8"), max_size=12)
SCALARS = st.one_of(st.integers(-9, 9), st.booleans(), STRINGS)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3), max_leaves=6
)


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def written_key(key: str) -> str:
    return key if key.isascii() and key.isalpha() else quoted(key)


def written(value: Any, newline: bool) -> str:
    """`value` as TOML, lists over several lines if `newline`."""
    if isinstance(value, list):
        gap = "\n" if newline else " "
        return f"[{gap}{''.join(f'{written(item, newline)},{gap}' for item in value)}# ]\n]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{written_key(key)} = {written(item, newline)}" for key, item in value.items()) + "}"
    return quoted(value) if isinstance(value, str) else json.dumps(value)


@given(st.dictionaries(KEYS, st.dictionaries(KEYS, VALUES, max_size=4), max_size=4), st.booleans())
def test_whatever_the_file_is_every_value_has_a_line_and_its_key_stands_there(
    document: dict[str, dict[str, Any]], newline: bool
) -> None:
    text = ""
    for table, content in document.items():
        text += f"[{written_key(table)}] # [x]\n"
        text += "".join(f"{written_key(key)} = {written(value, newline)} # = 1\n" for key, value in content.items())
    parsed = tomllib.loads(text)
    lines = locate(text)
    assert sorted(map(repr, lines)) == sorted(map(repr, paths(parsed)))
    by_line = text.split("\n")
    for path, line in lines.items():
        if len(path) <= 2:
            assert written_key(str(path[-1])) in by_line[line - 1]
