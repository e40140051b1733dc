"""Writes what was measured into docs/performance.md: the tables from docs/figures/*.json, between their marks.

    python bench/document.py [--figures docs/figures]

A mark is a comment that names a table; what stands between it and the next `end` is replaced.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import budget
import curves
import keeping
import pauses
import soak
import targets
from processes import Cost
from runs import COLUMNS, Figures, table

PAGE = keeping.ROOT / "docs" / "performance.md"
MARK = re.compile(r"(<!-- (?P<name>[a-z]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def figures_of(run: dict[str, Any]) -> Figures:
    costs = {name: Cost(**cost) for name, cost in run.pop("costs").items()}
    return Figures(**run, costs=costs)


def targets_table(kept: dict[str, Any]) -> str:
    return table([targets.Target(**each).cells() for each in kept["targets"]], targets.COLUMNS)


def runs_table(kept: dict[str, Any]) -> str:
    return table([figures_of(dict(each)).cells() for each in kept["runs"]], COLUMNS)


def budget_table(kept: dict[str, Any]) -> str:
    return budget.budget_table({name: tuple(found) for name, found in kept["work"].items()})


def soak_table(kept: dict[str, Any]) -> str:
    return soak.soak_table(soak.Soak(**kept["lines"]), kept["told"])


TABLES: dict[str, tuple[str, Callable[[dict[str, Any]], str]]] = {
    "targets": ("targets", targets_table),
    "runs": ("targets", runs_table),
    "windows": ("windows", runs_table),
    "peers": ("peers", runs_table),
    "budget": ("budget", budget_table),
    "pauses": ("pauses", lambda kept: table(kept["rows"], kept.get("columns", pauses.COLUMNS[:6]))),
    "floods": ("floods", lambda kept: table(kept["rows"], kept["columns"])),
    "soak": ("soak", soak_table),
    "curves": ("curves", curves.curves_table),
}
"""By mark: the file that it comes from, and what makes the table of it."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--figures", type=Path, default=keeping.OUT)
    asked = parser.parse_args()

    def renewed(mark: re.Match[str]) -> str:
        file, make = TABLES[mark["name"]]
        kept = keeping.read(file, asked.figures)
        if not kept:
            return mark[0]
        when = f"{keeping.sentence(kept['measured'])}\n\n" if "measured" in kept else ""  # else it is in the table
        return f"{mark[1]}\n{when}{make(kept)}\n\n{mark[3]}"

    PAGE.write_text(MARK.sub(renewed, PAGE.read_text()))


if __name__ == "__main__":
    main()
