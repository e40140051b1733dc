"""What commands print: tables on a terminal, JSON with --json or when piped.

What a peer may have chosen is escaped before it reaches a terminal; JSON escapes by itself, but for DEL, the control
characters above it, and what turns the direction of writing round.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.table import Table
from rich.text import Text

from smscd.cli.complaint import printable

_HIDDEN = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
JsonOption = Annotated[bool, typer.Option("--json", help="JSON, as it is given anyway when piped.")]


def on_terminal() -> bool:
    """Whether a person reads standard output."""
    return sys.stdout.isatty()


def show(value: Any, as_json: bool, render: Callable[[Any], Iterable[RenderableType]]) -> None:
    """Print `value`: as JSON if that is asked for or nobody watches, otherwise what `render` makes of it."""
    if as_json or not on_terminal():
        print_json(value)
        return
    console = Console(markup=False, highlight=False)
    for renderable in render(value):
        console.print(renderable)


def print_json(value: Any, indent: int | None = 2) -> None:
    """`value` on standard output; in ASCII if that is all it can say."""
    try:
        text = json.dumps(value, indent=indent, ensure_ascii=False)
        sys.stdout.write(_HIDDEN.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")
    except UnicodeEncodeError:
        sys.stdout.write(json.dumps(value, indent=indent) + "\n")
    sys.stdout.flush()  # a reader who has gone is noticed here, where the shell can answer for it


# --- cells ------------------------------------------------------------------------------------------------------------


def cell(value: Any) -> str:
    """A value as a table shows it: nothing for None, one line, no control characters."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict | list):
        return printable(json.dumps(value, ensure_ascii=False))
    return printable(str(value))


def moment(value: Any) -> str:
    """A time in UTC, to the second; microseconds since 1970 or an ISO 8601 text, and nothing for 0 or None."""
    if not value:
        return ""
    if isinstance(value, int):
        return datetime.fromtimestamp(value // 1_000_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError:
        return cell(value)
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def duration(seconds: float) -> str:
    """The two largest units of `seconds`: "3d 4h", "12m 5s"."""
    rest = int(seconds)
    words: list[str] = []
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, length)
        if count or (unit == "s" and not words):
            words.append(f"{count}{unit}")
    return " ".join(words[:2])


# --- tables -----------------------------------------------------------------------------------------------------------


def table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], dispensable: Sequence[str] = ()) -> Table:
    """A table whose cells are text and never markup.

    `dispensable` columns are left out one after the other until it fits the terminal; the caption says how many.
    """
    lines = [list(row) for row in rows]
    shown = _fitting(headings, lines, dispensable)
    drawn = Table(
        title=title or None, title_justify="left", title_style="bold", caption_justify="left", box=None, pad_edge=False,
        padding=(0, 2, 0, 0),
    )  # fmt: skip
    for column in shown:
        drawn.add_column(headings[column], overflow="fold")
    for line in lines:
        drawn.add_row(*(Text(line[column]) for column in shown))
    if len(shown) < len(headings):
        left_out = len(headings) - len(shown)
        drawn.caption = f"{left_out} more column{'s' * (left_out > 1)} in a wider terminal or with --json"
    return drawn


def _fitting(headings: Sequence[str], lines: Sequence[Sequence[str]], dispensable: Sequence[str]) -> list[int]:
    """The columns that fit next to each other, two blanks between them."""
    widths = [max(map(cell_len, column)) + 2 for column in zip(headings, *lines, strict=True)]
    shown = list(range(len(headings)))
    room = Console().width + 2
    for name in dispensable:
        if sum(widths[column] for column in shown) <= room:
            break
        shown.remove(headings.index(name))
    return shown


def details(title: str, values: Mapping[str, Any], times: frozenset[str] = frozenset()) -> Table:
    """Names and values, one a line; those in `times` are moments."""
    rows = [(name, moment(value) if name in times else cell(value)) for name, value in values.items()]
    drawn = table(title, ("", ""), rows)
    drawn.show_header = False
    return drawn


def story(title: str, values: Mapping[str, Any], times: frozenset[str] = frozenset()) -> Iterator[RenderableType]:
    """`details` of an object, and of what it brings along: an object name by name, a list of objects as a table."""
    inside = {name: value for name, value in values.items() if isinstance(value, dict) or _is_table(value)}
    yield details(title, {name: value for name, value in values.items() if name not in inside}, times)
    for name, value in inside.items():
        heading = f"\n{name.capitalize()}"
        if isinstance(value, dict):
            yield details(heading, value, times)
        else:
            columns = tuple(value[0])
            rows = [[moment(one.get(key)) if key in times else cell(one.get(key)) for key in columns] for one in value]
            yield table(heading, columns, rows)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
