"""submit → durable answer, and the full circle with the emulated network, beside the floor, in one run.

    python bench/submit.py [--count 50000] [--rounds 1] [--rows windows,binds,circle,pace]

Prints rates, p50, p99 and the longest, CPU seconds per 1,000 messages and peak RSS of every process.
"""

from __future__ import annotations

import argparse
import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import keeping
from load import Load
from processes import cpu_of
from runs import Plan, many, show
from servers import EMULATED, HOUSE, Smscd, floor

__all__ = ["CONFIG", "cpu_of", "server"]

CONFIG = HOUSE.replace("{enquire}", "30s") + EMULATED
"""Of the smscd that `server` starts."""


@contextlib.contextmanager
def server(kind: str, data_dir: Path | None = None) -> Iterator[tuple[int, int]]:
    """(pid, port) of a fresh smscd with CONFIG, or of a fresh floor; on what `data_dir` holds if one is given."""
    if kind == "floor":
        with floor() as running:
            yield running.pids["floor"], running.port
        return
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as fresh:
        smscd = Smscd(data_dir or Path(fresh))
        smscd.config.write_text(CONFIG.format(data=smscd.directory, port=smscd.port))
        try:
            smscd.start()
            yield smscd.pid, smscd.port
        finally:
            smscd.stop()


def plans(rows: list[str], count: int) -> list[Plan]:
    found = []
    if "windows" in rows:
        for window in (1, 10, 100, 1000):
            load = Load(window=window, count=min(count, 5000 * window))
            found += [Plan(f"window {window}", kind, load) for kind in ("floor", "smscd")]
    if "binds" in rows:
        found += [
            Plan(f"{binds} binds x 10", "smscd", Load(binds=binds, window=10, count=count)) for binds in (1, 10, 100)
        ]
    if "circle" in rows:
        found.append(Plan("full circle", "smscd", Load(receipts=True, count=count)))
    if "pace" in rows:
        found += [Plan("50 msg/s", kind, Load(rate=50.0, count=500)) for kind in ("floor", "smscd")]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=1, help="of which the medians are told")
    parser.add_argument("--rows", default="windows,binds,circle,pace")
    parser.add_argument("--out", type=Path, help="keep the figures there, as windows.json")
    arguments = parser.parse_args()
    measured = keeping.circumstances()
    figures = many(plans(arguments.rows.split(","), arguments.count), arguments.rounds)
    show(figures)
    if arguments.out:
        keeping.keep_runs("windows", measured, arguments.rounds, figures, arguments.out)


if __name__ == "__main__":
    main()
