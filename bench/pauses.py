"""Is anything that the house does for itself felt by those who send? The answers at an even pace, while it is done.

    python bench/pauses.py [--rate 50] [--seconds 30] [--phases quiet,reload,import,purge,burst]

    quiet     nothing else
    reload    SIGHUP every two seconds
    import    100,000 opt-outs are imported
    purge     200,000 messages that have ended are purged; retention 20 s
    burst     another ESME's bind submits as fast as it can, a window of 100

The floor has as many in the same seconds. Prints p50, p99, the longest answer and how many took more than 20 ms, of
both; and where those of smscd went:

    machine   the floor had one that took more than 10 ms at the same time: both waited for the disk, or for a core
    core      its threads were ready to run, and somebody else had the core, for most of the time
    smscd     its threads ran for most of the time
    disk      neither: they slept until a sync came back

What smscd was doing in each pause: stalls.py.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import os
import random
import signal
import subprocess
import sys
import threading
import time
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import keeping
from load import Load, percentiles, run
from processes import scheduled
from runs import table
from servers import EMULATED, HERE, Smscd, floor, smscd
from stalls import WINDOW, Paced, pace

TOO_LONG, LONG = 0.020, 0.010
"""Seconds: what is a pause, and what tells that the floor waited for the same thing."""
COLUMNS = (
    "meanwhile", "answers", "p50 ms", "p99 ms", "longest ms", "over 20 ms", "of these", "floor p50", "p99", "longest",
    "over 20 ms",
)  # fmt: skip
WAYS = EMULATED + '[opt_out]\nenabled = true\n[store]\nretention = "20s"\n'


class Watched(Paced):
    """A bind to a server of which is known, at every submit and answer, how long it has run and waited for a core."""

    def __init__(self, port: int, pid: int) -> None:
        super().__init__("smscd", port, WINDOW)
        self.pid = pid
        self.samples: list[tuple[float, float, float]] = []

    def submit(self, many: int, now: float) -> None:
        self.sample()
        super().submit(many, now)

    def read(self) -> None:
        super().read()
        self.sample()

    def sample(self) -> None:
        self.samples.append((time.monotonic(), *scheduled(self.pid)))

    def within(self, began: float, ended: float) -> tuple[float, float]:
        """Seconds that it ran and waited for a core in that time."""
        first = max(bisect_right(self.samples, (began, math.inf)) - 1, 0)
        last = min(bisect_left(self.samples, (ended,)), len(self.samples) - 1)
        return tuple(self.samples[last][at] - self.samples[first][at] for at in (1, 2))  # type: ignore[return-value]  # two


def causes(smscd: Watched, beneath: Paced) -> Counter[str]:
    """Where the time went of each answer that took too long."""
    slow = [wait for wait in beneath.waits if wait[1] - wait[0] > LONG]
    found: Counter[str] = Counter()
    for began, ended in smscd.waits:
        if ended - began <= TOO_LONG:
            continue
        ran, waited = smscd.within(began, ended)
        shares = {"core": waited, "smscd": ran, "disk": ended - began - ran - waited}
        is_shared = any(since < ended and until > began for since, until in slow)
        found["machine" if is_shared else max(shares, key=lambda name: shares[name])] += 1
    return found


@contextlib.contextmanager
def beside(work: Callable[[], object]) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    yield thread
    thread.join()


def reload_often(server: Smscd, seconds: float) -> None:
    for _ in range(int(seconds / 2)):
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(2.0)


def imported(server: Smscd, rows: int) -> None:
    file = server.directory / "list.csv"
    with file.open("w") as out:
        out.write("recipient,scope,party\n")
        out.writelines(f"4478{random.randrange(10**9):09d},pair,{10_000 + n % 100}\n" for n in range(rows))
    command = [sys.executable, "-m", "smscd", "optout", "import", str(file), "--data-dir", str(server.directory)]
    environment = {**os.environ, "PYTHONPATH": str(HERE.parent)}
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environment)


def another(port: int, seconds: float) -> None:
    """In a process of its own, or its work would be felt in ours."""
    command = [sys.executable, str(HERE / "load.py"), "--port", str(port), "--count", "1000000000"]
    command += ["--seconds", str(seconds), "--prefix", "4479009"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def phase(name: str, server: Smscd, floor_port: int, rate: float, seconds: float) -> tuple[Watched, Paced]:
    """Both, after a load during which it was done."""
    works: dict[str, Callable[[], object]] = {
        "reload": lambda: reload_often(server, seconds),
        "import": lambda: imported(server, 100_000),
        "burst": lambda: another(server.port, seconds),
    }
    if name == "purge":
        run(Load(port=server.port, count=200_000))
        time.sleep(20.0)
        seconds *= 2  # half of it is forgotten in half a minute
    both = Watched(server.port, server.pid), Paced("floor", floor_port, WINDOW)
    with beside(works.get(name, lambda: None)):
        pace(list(both), rate, seconds)
    for one in both:
        one.close()
    return both


def row(name: str, both: tuple[Watched, Paced]) -> list[str]:
    cells = [name, f"{len(both[0].waits):,}"]
    for one in both:
        p50, p99, longest = percentiles(one.result.latencies)
        over = sum(latency > TOO_LONG for latency in one.result.latencies)
        cells += [f"{p50:.2f}", f"{p99:.2f}", f"{longest:.1f}", str(over)]
        if one is both[0]:
            cells.append(", ".join(f"{cause} {count}" for cause, count in causes(*both).most_common()) or "-")
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--phases", default="quiet,reload,import,purge,burst")
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    measured = keeping.circumstances()
    rows = []
    with smscd(WAYS) as server, floor() as beneath:
        for port in (server.port, beneath.port):
            run(Load(port=port, rate=asked.rate, count=100))
        for name in asked.phases.split(","):
            rows.append(row(name, phase(name, server, beneath.port, asked.rate, asked.seconds)))
            print(rows[-1], flush=True)
    print(table(rows, COLUMNS))
    keeping.keep("pauses", {"measured": measured, "rate": asked.rate, "columns": COLUMNS, "rows": rows}, asked.out)


if __name__ == "__main__":
    main()
