"""The opt-out list: memory, and what the question "may we?" costs.

    .venv/bin/python bench/optout.py [rows]
    .venv/bin/python bench/optout.py 10_000_000

Rows are pairs of one of a hundred senders and a number. The look-up includes bringing both addresses to their canonical
form, as it does on a message's way.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Callable, Iterator

from smscd.optout import Entry, OptOut, OptOutSettings


def resident() -> float:
    """MiB of this process, now."""
    with open("/proc/self/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * resource.getpagesize() / (1 << 20)


def entries(count: int) -> Iterator[Entry]:
    for number in range(count):
        yield Entry("pair", b"%d" % (10_000 + number % 100), b"4477%09d" % number)


def nanoseconds(work: Callable[[bytes], object], arguments: list[bytes]) -> float:
    best = float("inf")
    for _ in range(5):
        started = time.process_time_ns()
        for argument in arguments:
            work(argument)
        best = min(best, (time.process_time_ns() - started) / len(arguments))
    return best


def main() -> None:
    count = int(sys.argv[1].replace("_", "")) if len(sys.argv) > 1 else 1_000_000
    optout = OptOut(OptOutSettings())
    before, started = resident(), time.perf_counter()
    optout.list.load(entries(count))
    optout.list.settle(0)
    print(f"{count:>12,} rows: {resident() - before:8.1f} MiB, loaded in {time.perf_counter() - started:.1f} s")
    chosen = [b"4477%09d" % random.randrange(count) for _ in range(100_000)]
    absent = [b"4478%09d" % random.randrange(count) for _ in range(100_000)]
    for name, numbers in (("not blocked", absent), ("blocked, perhaps", chosen)):
        took = nanoseconds(lambda number: optout.blocking(b"10007", 0, number, 1, "test"), numbers)
        print(f"{name:>17}: {took / 1000:.2f} µs")
    some = [Entry("pair", b"10007", b"4479%09d" % number) for number in range(100_000)]
    started = time.perf_counter()
    for entry in some:
        optout.list.add(entry)
    print(f"{'one more row':>17}: {(time.perf_counter() - started) * 10:.2f} µs")


if __name__ == "__main__":
    main()
