"""The opt-out list: what the question "may we?" costs, memory, a start, and what it takes off the throughput.

    python bench/optout.py look [--rows 0,100_000,1_000_000,10_000_000]
    python bench/optout.py start [--rows 1_000_000]
    python bench/optout.py throughput [--rows=-1,0,1_000_000] [--rounds 200] [--list 10_000_000=DIR]
                                      [--controls] [--receipts]

Rows are pairs of one of a hundred senders and a number. The look-up includes bringing both addresses to their canonical
form, as it does on a message's way. What answers wait while a list is imported: optout_import.py.

For the throughput one server for each number of rows runs at the same time, and slices of a tenth of a second take
turns between them, because a machine's speed changes within seconds: what counts is the difference to the first of the
same turn. `--controls` adds, for a list, its keys in a small file, and a file as large without a row. --list is
written to: give a copy.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple, TypeVar

from load import Load, run
from servers import EMULATED, Smscd

from smscd.blocklist import Keeping
from smscd.clock import SystemClock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken
from smscd.optout import Entry, OptOut, OptOutSettings
from smscd.store import SqliteStore

T = TypeVar("T")

TOGETHER = 100
"""Messages that arrive in one read."""
PEOPLE = 20_000
"""Recipients that messages go to in turn; none of them is on a list."""

SLICE = 2_000
"""Messages of a turn."""
SETTLES = 0.03
"""Seconds in which what followed the last answers is done, else the next server would share the machine with it."""
PADDING = 100_000
"""Octets of a row of padding."""
ENABLED = "[opt_out]\nenabled = true\n"

ROWS = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < ? - 1)
    INSERT INTO opt_out
    SELECT '4477' || printf('%09d', i), 'pair', CAST(10000 + i % 100 AS TEXT), 1, 1, 0, 'import', '', '' FROM n
"""


class To(NamedTuple):
    """What a look at many wants to know of a message."""

    destination_addr: bytes
    dest_addr_ton: int = 1


def resident() -> float:
    """MiB of this process, now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / (1 << 20)


def entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        yield Entry("pair", b"%d" % (10_000 + number % 100), b"4477%09d" % number)


def microseconds(work: Callable[[T], object], arguments: list[T]) -> float:
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
    crowds = [[To(number) for number in absent[at : at + TOGETHER]] for at in range(0, len(absent), TOGETHER)]
    said += f"; of {TOGETHER} together {microseconds(optout.perhaps, crowds) / TOGETHER:.2f} µs each"
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


def keys_alone(source: Path, path: Path) -> None:
    """The list of `source` as a start reads it, in a file without its rows and its journal."""
    with sqlite3.connect(path) as database:
        database.execute("ATTACH ? AS source", (str(source),))
        for table in ("opt_out_salt", "opt_out_keys", "opt_out_kept", "opt_out_generation"):
            database.execute(f"DELETE FROM main.{table}")
            database.execute(f"INSERT INTO main.{table} SELECT * FROM source.{table}")
    database.close()


def padded(octets: int, path: Path) -> None:
    """A table that nobody asks for makes the file so long."""
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE padding (id INTEGER PRIMARY KEY, octets BLOB)")
        database.executemany("INSERT INTO padding (octets) VALUES (randomblob(?))", [(PADDING,)] * (octets // PADDING))
    database.close()


async def _new(path: Path) -> None:
    path.parent.mkdir()
    store = SqliteStore(path, SystemClock(), StoreCounters(), _broken)
    await store.open()
    await store.close()


def controls(place: Path, rows: str, made: Path) -> dict[str, Path]:
    """What tells a list in memory from a long file: each without the other."""
    keys, file = made / "keys", made / "file"
    for each in (keys, file):
        asyncio.run(_new(each / "smscd.db"))
    keys_alone(place / "smscd.db", keys / "smscd.db")
    padded((place / "smscd.db").stat().st_size, file / "smscd.db")
    return {f"{rows}, a small file": keys, "no rows, as large a file": file}


def ran(pid: int) -> tuple[float, float]:
    """Microseconds of CPU of the loop's thread, and of all others."""
    took = {
        int(task.name): int((task / "schedstat").read_text().split()[0]) / 1000
        for task in Path(f"/proc/{pid}/task").iterdir()
    }
    loop = took.pop(pid)
    return loop, sum(took.values())


def slices(servers: dict[str, Smscd], rounds: int, receipts: bool) -> dict[str, list[tuple[float, float]]]:
    """CPU a message, of the loop and of the others, of every slice: all servers live, and each has its turn."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    for server in servers.values():
        run(Load(port=server.port, count=2 * SLICE, recipients=PEOPLE, receipts=receipts))
    for _ in range(rounds):
        for name in random.sample([*servers], len(servers)):
            server = servers[name]
            before = ran(server.pid)
            answered = run(Load(port=server.port, count=SLICE, recipients=PEOPLE, receipts=receipts)).answered
            time.sleep(SETTLES)
            after = ran(server.pid)
            found[name].append(((after[0] - before[0]) / answered, (after[1] - before[1]) / answered))
    return found


def middle(values: list[float]) -> str:
    """The median, and between which values it is with a probability of 0.95 (by the binomial distribution)."""
    ordered = sorted(values)
    half, wide = len(ordered) / 2, 0.98 * len(ordered) ** 0.5
    low, high = ordered[max(0, int(half - wide))], ordered[min(len(ordered) - 1, int(half + wide))]
    return f"{median(ordered):6.2f} ({low:.2f} to {high:.2f})"


def told(found: dict[str, list[tuple[float, float]]]) -> None:
    """A line for each: what it costs, and what more than the first in the same turn."""
    first = next(iter(found.values()))
    for name, costs in found.items():
        beside = list(zip(costs, first, strict=True))
        loop = middle([one[0] - other[0] for one, other in beside])
        others = middle([one[1] - other[1] for one, other in beside])
        each = median(sum(one) for one in costs)
        print(f"{name:>28}: {each:5.1f} µs; more than the first: loop {loop}, other threads {others}", flush=True)


def throughput(counts: list[int], rounds: int, lists: dict[int, Path], has_controls: bool, receipts: bool) -> None:
    """submit → durable answer, or the full circle, with so many rows; -1: opt-out off. `lists` are data directories."""
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory, contextlib.ExitStack() as stack:
        made = Path(directory)
        servers: dict[str, Smscd] = {}
        for count in counts:
            name = "off" if count < 0 else f"{count:,} rows"
            place = lists.get(count, made / str(count))
            if count not in lists:
                asyncio.run(_new(place / "smscd.db"))  # so that no server has the first start of its file
            if count > 0 and count not in lists:
                asyncio.run(filled(place / "smscd.db", count))
            servers[name] = Smscd(place, EMULATED + ("" if count < 0 else ENABLED))
            if count > 0 and has_controls:
                for control, its in controls(place, name, made).items():
                    servers[control] = Smscd(its, EMULATED + ENABLED)
        for server in servers.values():
            server.start()
            stack.callback(server.stop)
        told(slices(servers, rounds, receipts))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("look", "start", "throughput"))
    parser.add_argument("--rows", default="")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--list", action="append", default=[])
    parser.add_argument("--controls", action="store_true")
    parser.add_argument("--receipts", action="store_true")
    asked = parser.parse_args()
    usual = {"look": "0,100_000,1_000_000,10_000_000", "start": "1_000_000", "throughput": "-1,0,1_000_000"}
    counts = [int(count) for count in (asked.rows or usual[asked.what]).split(",")]
    if asked.what == "throughput":
        made = (one.partition("=") for one in asked.list)
        throughput(
            counts, asked.rounds, {int(count): Path(place) for count, _, place in made}, asked.controls, asked.receipts
        )
        return
    for count in counts:
        {"look": look, "start": start}[asked.what](count)


if __name__ == "__main__":
    main()
