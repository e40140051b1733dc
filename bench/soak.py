"""Ten minutes at full rate through an upstream, receipts back, with a short retention: does anything grow?

    python bench/soak.py [--seconds 600] [--retention 60s] [--window 100] [--outstanding 1000]

A message is submitted when an earlier one has its receipt, so that no queue builds up: `--outstanding` are under way.

Every second: what the server holds in memory, how big the database, its WAL and the records are. Every ten seconds: the
rate of answers and of receipts, p50, p99 and the longest answer. Everything is written to `soak.json` and drawn in
`soak.svg`; the program prints what grew between the second and the last fifth of the time.
"""

from __future__ import annotations

import argparse
import statistics
from dataclasses import dataclass, field
from pathlib import Path

import keeping
from chart import Panel, figure
from load import Load, Result, percentiles, run
from processes import MEBIBYTE, Meter, rss_of
from runs import table
from servers import SinkProcess, Smscd, route, sink, smscd, upstream

SPAN = 10.0
"""Seconds of one rate and one p99."""


@dataclass
class Soak:
    """What was seen, by the seconds since the start."""

    memory: list[tuple[float, float]] = field(default_factory=list)
    database: list[tuple[float, float]] = field(default_factory=list)
    wal: list[tuple[float, float]] = field(default_factory=list)
    records: list[tuple[float, float]] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)
    receipts: list[tuple[float, float]] = field(default_factory=list)
    p50: list[tuple[float, float]] = field(default_factory=list)
    p99: list[tuple[float, float]] = field(default_factory=list)
    longest: list[tuple[float, float]] = field(default_factory=list)


class Watcher:
    """Looks at the server once a second, and at the answers of each span."""

    def __init__(self, server: Smscd) -> None:
        self.server = server
        self.soak = Soak()
        self.span_began = 0.0
        self.answered = self.receipts = 0

    def __call__(self, result: Result, elapsed: float) -> None:
        soak, directory = self.soak, self.server.directory
        soak.memory.append((elapsed, rss_of(self.server.pid)))
        soak.database.append((elapsed, size(directory, "smscd.db")))
        soak.wal.append((elapsed, size(directory, "smscd.db-wal")))
        soak.records.append((elapsed, size(directory, "records*")))
        took = elapsed - self.span_began
        if took < SPAN:
            return
        soak.answers.append((elapsed, (result.answered - self.answered) / took))
        soak.receipts.append((elapsed, (result.receipts - self.receipts) / took))
        for line, value in zip((soak.p50, soak.p99, soak.longest), percentiles(result.latencies), strict=True):
            line.append((elapsed, value))
        result.latencies.clear()
        self.span_began, self.answered, self.receipts = elapsed, result.answered, result.receipts


def size(directory: Path, pattern: str) -> float:
    """MiB of the files that are called so, and of those in folders that are."""
    found = [each for path in directory.glob(pattern) for each in ([path] if path.is_file() else path.rglob("*"))]
    return sum(path.stat().st_size for path in found if path.is_file()) / MEBIBYTE


def soaked(load: Load, retention: str) -> tuple[Soak, Result, dict[str, float]]:
    """What was seen, what the client counted, and CPU seconds per 1,000 messages by process."""
    store = f'[store]\nretention = "{retention}"\ndead_letters = "{retention}"\n'
    with (
        sink("--receipts") as alive,
        smscd(upstream("alive", alive.port, load.window) + route("alive") + store) as server,
    ):
        load.port = server.port
        return _soaked(server, alive, load)


def _soaked(server: Smscd, alive: SinkProcess, load: Load) -> tuple[Soak, Result, dict[str, float]]:
    watcher, meter = Watcher(server), Meter({"smscd": server.pid, "sink": alive.pid})
    result = run(load, watcher)
    costs = {name: cost.cpu_s_per_1000 for name, cost in meter.costs(result.answered).items()}
    costs["client"] = result.client_cpu * 1000 / max(result.answered, 1)
    return watcher.soak, result, costs


def growth(line: list[tuple[float, float]]) -> tuple[float, float]:
    """Medians of the second and of the last fifth: the first is for filling what is bounded."""
    fifth = max(len(line) // 5, 1)
    values = [value for _, value in line]
    return statistics.median(values[fifth : 2 * fifth] or values), statistics.median(values[-fifth:])


def draw(soak: Soak, path: Path) -> None:
    panels = [
        Panel("rate, msg/s", "seconds", {"answers": soak.answers, "receipts": soak.receipts}),
        Panel("answer, ms", "seconds", {"p50": soak.p50, "p99": soak.p99}),
        Panel("resident memory, MiB", "seconds", {"smscd": soak.memory}),
        Panel("files, MiB", "seconds", {"database": soak.database, "WAL": soak.wal, "records": soak.records}),
    ]
    figure("Soak: full circle through an upstream at full rate, finished messages purged", panels, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--outstanding", type=int, default=1000)
    parser.add_argument("--retention", default="60s")
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    measured = keeping.circumstances()
    load = Load(window=asked.window, seconds=asked.seconds, receipts=True, outstanding=asked.outstanding)
    soak, result, costs = soaked(load, asked.retention)
    told = (
        f"{result.answered:,} accepted, {result.refused:,} refused, {result.receipts:,} receipts in "
        f"{result.circle_seconds:.0f} s, retention {asked.retention}; CPU s/1000: "
        + ", ".join(f"{name} {cost:.4f}" for name, cost in costs.items())
    )
    keeping.keep("soak", {"measured": measured, "told": told, "lines": vars(soak)}, asked.out)
    draw(soak, asked.out / "soak.svg")
    print(soak_table(soak, told))


LINES = {
    "memory": "resident memory, MiB", "database": "database, MiB", "wal": "WAL, MiB", "records": "records, MiB",
    "answers": "answers/s", "receipts": "receipts/s", "p50": "answer p50, ms", "p99": "answer p99, ms",
    "longest": "answer, the longest of ten seconds, ms",
}  # fmt: skip


def soak_table(soak: Soak, told: str) -> str:
    rows = []
    for name, line in vars(soak).items():
        early, late = growth(line)
        rows.append([LINES[name], f"{early:,.1f}", f"{late:,.1f}", f"{max(value for _, value in line):,.1f}"])
    return f"{told}.\n\n" + table(rows, ("median of", "the second fifth", "the last fifth", "greatest of all"))


if __name__ == "__main__":
    main()
