"""An import as the command sees it: begin, all rows, all keys, end; whatever goes wrong, nothing of it is in force."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.progress import Progress

from smscd.cli.optout_file import SortedRows, names_of, rows_of
from smscd.errors import ControlError

COLUMNS = ("recipient", "scope", "party", "since", "source", "keyword", "reason")
STILL_THERE = 10.0
"""Seconds after which smscd hears that the file is still being read."""

STEP = 100
"""Numbers that are lifted at a time."""

Ask = Callable[..., Any]
"""Sends a command, see `control.conversation`."""


def imported(ask: Ask, actor: str, file: Path, plain: dict[str, Any], progress: Progress) -> dict[str, Any]:
    """Block everybody in `file`; `plain` holds where rows are silent. ControlError if that cannot be."""
    begun = ask("optout.import.begin", actor=actor)
    number = {"import": begun["import"]}
    try:
        reading = progress.add_task("reading", total=file.stat().st_size)
        still_there = _reminder(lambda: ask("optout.import.rows", **number))

        def read(octets: int) -> None:
            progress.update(reading, completed=octets)
            still_there()

        with SortedRows(file, plain, names_of(begun), read) as rows:
            _handed_over(ask, number, rows, begun["next"], progress)
            ask("optout.import.end", **number)
    except BaseException:
        with suppress(ControlError):
            ask("optout.import.abandon", **number)
        raise
    return {"rows": rows.count}


def _reminder(remind: Callable[[], object]) -> Callable[[], None]:
    """Calls `remind` when `STILL_THERE` has gone by since it did so last."""
    at = time.monotonic()

    def perhaps() -> None:
        nonlocal at
        if time.monotonic() - at > STILL_THERE:
            remind()
            at = time.monotonic()

    return perhaps


def _handed_over(ask: Ask, number: dict[str, Any], rows: SortedRows, size: int, progress: Progress) -> None:
    importing = progress.add_task("importing", total=rows.count)
    left = iter(rows)
    while some := list(itertools.islice(left, size)):
        said = ask("optout.import.rows", rows=f"[{', '.join(some)}]", **number)
        size = said["next"]
        progress.update(importing, completed=said["rows"])
    keys = progress.add_task("taking effect", total=rows.count)
    for pieces in rows.keys.pieces():
        progress.update(keys, completed=ask("optout.import.keys", portions=pieces, **number)["keys"])


def recycled(ask: Ask, actor: str, file: Path, plain: dict[str, Any], progress: Progress) -> dict[str, int]:
    """Lift the rows of every number in `file`; each step by itself, and doing it again changes nothing."""
    reading = progress.add_task("reading", total=file.stat().st_size)
    numbers = lifted = 0
    rows = enumerate(rows_of(file, lambda octets: progress.update(reading, completed=octets)), start=1)
    while some := [plain | row | {"row": number} for number, row in itertools.islice(rows, STEP)]:
        lifted += ask("optout.recycle", rows=some, actor=actor)["rows"]
        numbers += len(some)
    return {"numbers": numbers, "lifted": lifted}
