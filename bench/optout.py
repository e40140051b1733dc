"""The opt-out list: what the question "may we?" costs, memory, a start, and what it takes off the throughput.

    python bench/optout.py look [--rows 0,100_000,1_000_000,10_000_000]
    python bench/optout.py start [--rows 1_000_000]
    python bench/optout.py throughput [--rows=-1,0,1_000_000] [--rounds 5] [--list 10_000_000=DIR]

Rows are pairs of one of a hundred senders and a number. The look-up includes bringing both addresses to their canonical
form, as it does on a message's way. What answers wait while a list is imported: optout_import.py.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

import submit
from load import Load, run

from smscd.blocklist import Keeping
from smscd.clock import SystemClock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken
from smscd.optout import Entry, OptOut, OptOutSettings
from smscd.store import SqliteStore

PEOPLE = 20_000
"""Recipients that messages go to in turn; none of them is on a list."""

ROWS = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)
    INSERT INTO opt_out
    SELECT '4477' || printf('%09d', i), 'pair', CAST(10000 + i % 100 AS TEXT), 1, 1, 0, 'import', '', '' FROM n
"""


def resident() -> float:
    """MiB of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / (1 << 20)


def entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        yield Entry("pair", b"%d" % (10_000 + number % 100), b"4477%09d" % number)


def microseconds(work: Callable[[bytes], object], arguments: list[bytes]) -> float:
    best = float("inf")
    for _ in range(7):
        started = time.process_time_ns()
        for argument in arguments:
            work(argument)
        best = min(best, (time.process_time_ns() - started) / len(arguments))
    return best / 1000


def look(count: int) -> None:
    """One line: memory, and the question about people who are not on the list, who are, and who are blocked."""
    optout = OptOut(OptOutSettings())
    before = resident()
    optout.list.load(entries(count))
    optout.list.sort()
    for _ in optout.list.filtering():
        pass
    optout.list.settle(0)
    memory = resident() - before
    people = max(count, 100)
    absent = [b"4478%09d" % random.randrange(people) for _ in range(50_000)]
    others = [b"4477%09d" % (random.randrange(people) // 100 * 100 + 8) for _ in range(50_000)]
    blocked = [b"4477%09d" % (random.randrange(people) // 100 * 100 + 7) for _ in range(50_000)]
    took = [microseconds(lambda number: optout.forbidding(b"10007", 0, number, 1, "test"), who)
            for who in (absent, others, blocked)]  # fmt: skip
    names = ("not listed", "listed for another sender", "blocked")
    said = ", ".join(f"{name} {each:.2f} µs" for name, each in zip(names, took, strict=True))
    print(f"{count:>12,} rows {memory:8.1f} MiB; {said}", flush=True)


def _broken(fault: StoreBroken) -> None:
    raise fault


async def filled(path: Path, count: int) -> None:
    """A database of `count` rows, its keys kept as a running smscd would keep them."""
    store = SqliteStore(path, SystemClock(), StoreCounters(), _broken)
    await store.open()
    await store.close()
    with sqlite3.connect(path) as database:
        database.execute("INSERT INTO opt_out_generation VALUES (1, 0, -1)")
        database.execute(ROWS, (count,))
    database.close()
    await started(path, "by rows")


async def started(path: Path, how: str) -> None:
    store = SqliteStore(path, SystemClock(), StoreCounters(), _broken)
    await store.open()
    before, began = resident(), time.perf_counter()
    keeping = Keeping(store, SystemClock())
    found = await keeping.load()
    took = time.perf_counter() - began
    print(f"{len(found):>12,} rows, a start {how}: {took:.2f} s, {resident() - before:.0f} MiB", flush=True)
    await keeping.tidy(found)
    await store.close()


def start(count: int) -> None:
    """A start by rows, as after an upgrade, and one by keys, as ever after."""
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as data:
        asyncio.run(filled(Path(data) / "smscd.db", count))
        asyncio.run(started(Path(data) / "smscd.db", "by keys"))


def throughput(counts: list[int], rounds: int, lists: dict[int, Path]) -> None:
    """submit → durable answer with so many rows, in turn; -1: opt-out off. `lists` are data directories with them."""
    plain = submit.CONFIG.partition("[opt_out]")[0]
    cost: dict[int, list[float]] = {count: [] for count in counts}
    rate: dict[int, list[float]] = {count: [] for count in counts}
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as made:
        places = {count: lists.get(count, Path(made) / str(count)) for count in counts}
        for count, place in places.items():
            place.mkdir(exist_ok=True)
            if count > 0 and count not in lists:
                asyncio.run(filled(place / "smscd.db", count))
        for turn in range(rounds):
            for count, place in [*places.items()][:: -1 if turn % 2 else 1]:
                submit.CONFIG = plain + ("" if count < 0 else "[opt_out]\nenabled = true\n")
                with submit.server("smscd", place) as (pid, port):
                    run(Load(port=port, count=3_000, recipients=PEOPLE))
                    before = submit.cpu_of(pid)
                    result = run(Load(port=port, count=30_000, recipients=PEOPLE))
                    cost[count].append((submit.cpu_of(pid) - before) / max(result.answered, 1) * 1e6)
                    rate[count].append(result.answered / result.seconds)
    for count in counts:
        name = "off" if count < 0 else f"{count:,} rows"
        said = f"{median(rate[count]):,.0f} answers/s, {median(cost[count]):.1f} µs CPU a message (medians); µs:"
        print(f"{name:>16}: {said}", *(f"{one:.1f}" for one in cost[count]), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("look", "start", "throughput"))
    parser.add_argument("--rows", default="")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--list", action="append", default=[])
    asked = parser.parse_args()
    usual = {"look": "0,100_000,1_000_000,10_000_000", "start": "1_000_000", "throughput": "-1,0,1_000_000"}
    counts = [int(count) for count in (asked.rows or usual[asked.what]).split(",")]
    if asked.what == "throughput":
        made = (one.partition("=") for one in asked.list)
        throughput(counts, asked.rounds, {int(count): Path(place) for count, _, place in made})
        return
    for count in counts:
        {"look": look, "start": start}[asked.what](count)


if __name__ == "__main__":
    main()
