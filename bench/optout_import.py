"""How long answers take while an opt-out list is imported, next to the same load without, in turn, in one run.

    python bench/optout_import.py [--rows 100_000] [--rounds 10] [--rate 50,1000]

A bystander runs beside it all and does nothing but sleep for 2 ms, and write and sync 4 KiB of its own ten times a
second: what it has to wait for too is the machine's, not smscd's. Rows come in no order, every round brings others.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import submit
from load import Load, run

QUANTILES = (0.5, 0.99, 0.999, 1.0)
NAP = 0.002
SYNC_EVERY = 0.1


def bystander(place: str) -> None:
    """Until standard input ends: a line for each nap and each sync, when it ended and how long it took too long."""
    descriptor = os.open(Path(place) / "bystander", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(descriptor, 0, 4096)
    waiting = threading.Thread(target=sys.stdin.read, daemon=True)
    waiting.start()
    synced = time.monotonic()
    while waiting.is_alive():
        before = time.monotonic()
        time.sleep(NAP)
        now = time.monotonic()
        print("nap", now, now - before - NAP)
        if now - synced > SYNC_EVERY:
            os.pwrite(descriptor, os.urandom(4096), 0)
            os.fsync(descriptor)
            synced = time.monotonic()
            print("sync", synced, synced - now)


def written(file: Path, rows: int) -> None:
    with file.open("w") as out:
        out.write("recipient,scope,party\n")
        out.writelines(f"4477{random.randrange(10**9):09d},pair,{10_000 + n % 100}\n" for n in range(rows))


class Phases:
    """Latencies of both kinds of phase, and when each phase was."""

    def __init__(self) -> None:
        self.latencies: dict[str, list[float]] = {"without": [], "during": []}
        self.spans: dict[str, list[tuple[float, float]]] = {"without": [], "during": []}

    def load(self, phase: str, port: int, rate: float, until: threading.Thread | float) -> float:
        """Submit at `rate` for so many seconds, or while that thread lives; how long it was."""
        began = time.monotonic()
        while until.is_alive() if isinstance(until, threading.Thread) else time.monotonic() < began + until:
            self.latencies[phase] += run(Load(port=port, count=int(rate), rate=rate)).latencies
        self.spans[phase].append((began, time.monotonic()))
        return time.monotonic() - began

    def tell(self, told: list[tuple[str, float, float]]) -> None:
        for phase, latencies in self.latencies.items():
            print(f"  {phase:>8}: answers {_quantiles(latencies)}; {sum(one > 0.02 for one in latencies)} of "
                  f"{len(latencies):,} later than 20 ms", flush=True)  # fmt: skip
            for what in ("nap", "sync"):
                there = [late for kind, at, late in told if kind == what
                         and any(begin <= at <= end for begin, end in self.spans[phase])]  # fmt: skip
                print(f"  {phase:>8}: bystander's {what}s {_quantiles(there)}", flush=True)


def _quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1000 for q in QUANTILES]
    return "p50 {:.1f}, p99 {:.1f}, p99.9 {:.1f}, longest {:.1f} ms".format(*at)


def measure(rows: int, rounds: int, rate: float) -> None:
    submit.CONFIG = submit.CONFIG.partition("[opt_out]")[0] + "[opt_out]\nenabled = true\n"
    phases, took = Phases(), 0.0
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as data:
        beside = subprocess.Popen(
            [sys.executable, __file__, "--bystander", data], stdin=subprocess.PIPE,
            stdout=(Path(data) / "naps").open("w"),
        )  # fmt: skip
        assert beside.stdin is not None
        with submit.server("smscd", Path(data)) as (_, port):
            file = Path(data) / "list.csv"
            run(Load(port=port, count=int(rate) * 3, rate=rate))
            for _ in range(rounds):
                written(file, rows)
                command = [sys.executable, "-m", "smscd", "optout", "import", str(file), "--data-dir", data]
                thread = threading.Thread(target=subprocess.run, args=(command,), kwargs={"check": True})
                thread.start()
                seconds = phases.load("during", port, rate, thread)
                took += seconds
                phases.load("without", port, rate, seconds)
        beside.stdin.close()
        beside.wait()
        lines = [line.split() for line in (Path(data) / "naps").read_text().splitlines()]
    print(f"{rounds} x {rows:,} rows at {rate:.0f} messages a second, {took:.0f} s of imports", flush=True)
    phases.tell([(what, float(at), float(late)) for what, at, late in lines])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--rate", default="50,1000")
    parser.add_argument("--bystander", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bystander:
        bystander(asked.bystander)
        return
    for rate in asked.rate.split(","):
        measure(asked.rows, asked.rounds, float(rate))


if __name__ == "__main__":
    main()
