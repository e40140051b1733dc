"""The tables of `docs/sessions.md`, printed from the code: `python -m smscd.session.table docs/sessions.md`."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from smscd.pdu import status_name
from smscd.session.states import COLUMNS, MATRIX
from smscd.session.versions import STATUS_BEFORE_5_0

_WORDS: Final = {"-": "", "E": "ESME", "M": "MC", "EM": "both"}


def matrix_table() -> str:
    """Who may send which command in which state."""
    rows = [(f"`{command.name}`", *(_WORDS[cell] for cell in cells)) for command, *cells in MATRIX]
    return _markdown(("", *(state.value for state in COLUMNS)), rows)


def status_table() -> str:
    """What a peer before 5.0 is told instead of a command_status that only 5.0 knows."""
    return _markdown(
        ("command_status of 5.0", "value", "sent to 3.4 and 3.3"),
        [(f"`{status_name(new)}`", f"0x{new:03X}", f"`{status_name(old)}`") for new, old in STATUS_BEFORE_5_0.items()],
    )


TABLES: Final[dict[str, Callable[[], str]]] = {"matrix": matrix_table, "status": status_table}


def fill(text: str) -> str:
    """`text` with every `<!-- table NAME -->` … `<!-- end -->` section as the code has it now."""
    return re.sub(
        r"(<!-- table (\w+) -->\n).*?(<!-- end -->)",
        lambda section: f"{section[1]}{TABLES[section[2]]()}{section[3]}",
        text,
        flags=re.DOTALL,
    )


def _markdown(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    cells = [list(head), *(list(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in cells
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> None:
    """Rewrites the given pages in place; without any, prints the tables."""
    for page in map(Path, arguments):
        page.write_text(fill(page.read_text(encoding="utf-8")), encoding="utf-8")
    if not arguments:
        sys.stdout.write("\n".join(table() for table in TABLES.values()))


if __name__ == "__main__":
    main(sys.argv[1:])
