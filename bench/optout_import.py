"""Are answers later while an opt-out list is imported? Without, with, and without again, as long as with, in one run.

    python bench/optout_import.py [--rows 1_000_000] [--rate 50,1000] [--seconds 60] [--rounds 1]

An answer is late after 20 ms. Late answers that overlap are one pause, and of each it is told what went on meanwhile:
did smscd's threads, or this client, wait for a core (`/proc/PID/task/TID/schedstat`), did the writer wait for the disk
(its state), or did smscd compute? A bystander looks, which besides does nothing but sleep 4 ms, and sync 4 KiB ten
times a second: what it has to wait for is the machine's. Rows come in no order. `--seconds`: of the first control.
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
from bisect import bisect_left
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import submit
from load import Client, Connection, Load, run

QUANTILES = (0.5, 0.99, 0.999, 1.0)
LATE = 0.02
NAP = 0.004
SYNC_EVERY = 0.1
USUAL = ("chrt", "-o", "0", "nice", "-n", str(max(0, -os.nice(0))))
"""The command that imports has the usual priority, whatever this has."""
CAUSES = ("no core", "disk", "smscd", "client", "unknown")


# --- the bystander ----------------------------------------------------------------------------------------------------


class Seen(NamedTuple):
    """Seconds since a process began, but `at`; of the loop's thread, of the others together, and of the client."""

    at: float
    loop_ran: float
    loop_waited: float
    others_ran: float
    others_waited: float
    client_waited: float
    in_disk: float  # of the others, that something of them waited for the disk


class Threads:
    """What the kernel says about one process: how long its threads ran, and waited for a core."""

    def __init__(self, pid: int) -> None:
        tasks = sorted(int(task.name) for task in Path(f"/proc/{pid}/task").iterdir())
        self.statistics = [os.open(f"/proc/{pid}/task/{task}/schedstat", os.O_RDONLY) for task in tasks]
        self.states = [os.open(f"/proc/{pid}/task/{task}/stat", os.O_RDONLY) for task in tasks[1:]]

    def times(self) -> tuple[list[float], list[float]]:
        """Seconds that the first thread, and that the others, ran and waited."""
        each = [[int(word) / 1e9 for word in os.pread(one, 64, 0).split()[:2]] for one in self.statistics]
        return each[0], [sum(one[0] for one in each[1:]), sum(one[1] for one in each[1:])]

    def is_in_disk(self) -> bool:
        return any(os.pread(one, 128, 0).rpartition(b") ")[2][:1] == b"D" for one in self.states)


def bystander(place: str, server: int, client: int) -> None:
    """Until standard input ends: a line for each look, and for each nap and sync how much too long it took."""
    descriptor = os.open(Path(place) / "bystander", os.O_RDWR | os.O_CREAT)
    os.posix_fallocate(descriptor, 0, 4096)
    waiting = threading.Thread(target=sys.stdin.read, daemon=True)
    waiting.start()
    house, asking = Threads(server), Threads(client)
    synced = time.monotonic()
    in_disk = 0.0
    while waiting.is_alive():
        before = time.monotonic()
        time.sleep(NAP)
        now = time.monotonic()
        in_disk += (now - before) * house.is_in_disk()
        loop, others = house.times()
        print("seen", now, *loop, *others, asking.times()[0][1], in_disk)
        print("nap", now, now - before - NAP)
        if now - synced > SYNC_EVERY:
            os.pwrite(descriptor, os.urandom(4096), 0)
            os.fsync(descriptor)
            synced = time.monotonic()
            print("sync", synced, synced - now)


# --- answers ----------------------------------------------------------------------------------------------------------


class Latencies(list[float]):
    """Of every answer; of the late ones also when they were sent and when they came."""

    def __init__(self) -> None:
        super().__init__()
        self.late: list[tuple[float, float]] = []

    def append(self, latency: float) -> None:
        super().append(latency)
        if latency > LATE:
            now = time.monotonic()
            self.late.append((now - latency, now))

    def pauses(self) -> list[tuple[float, float]]:
        """Late answers that overlap, as one: from the first one's submit until the last one's answer."""
        found: list[tuple[float, float]] = []
        for sent, came in sorted(self.late):
            if found and sent <= found[-1][1]:
                found[-1] = (found[-1][0], max(found[-1][1], came))
            else:
                found.append((sent, came))
        return found


@dataclass
class Phase:
    """One stretch of load."""

    latencies: Latencies = field(default_factory=Latencies)
    spans: list[tuple[float, float]] = field(default_factory=list)

    def load(self, port: int, rate: float, until: threading.Thread | float) -> float:
        """Submit at `rate` for so many seconds, or while that thread lives; how long it was."""
        load = Load(port=port, rate=rate, seconds=1e9, window=1000)
        began = time.monotonic()

        def enough(_result: object, elapsed: float) -> None:
            if not until.is_alive() if isinstance(until, threading.Thread) else elapsed >= until:
                load.seconds = elapsed

        client = Client(load, [Connection(load, 0)], watch=enough)
        client.result.latencies = self.latencies
        client.run()
        self.spans.append((began, time.monotonic()))
        return time.monotonic() - began

    def holds(self, at: float) -> bool:
        return any(begin <= at <= end for begin, end in self.spans)


class Watched:
    """What the bystander told."""

    def __init__(self, told: Path) -> None:
        lines = [line.split() for line in told.read_text().splitlines()]
        self.seen = [Seen(*map(float, line[1:])) for line in lines if line[0] == "seen" and len(line) == 8]
        self.others = [(line[0], float(line[1]), float(line[2])) for line in lines if line[0] in {"nap", "sync"}]
        self._at = [one.at for one in self.seen]

    def late(self, what: str, phase: Phase) -> list[float]:
        return [late for kind, at, late in self.others if kind == what and phase.holds(at)]

    def cause(self, pause: tuple[float, float]) -> str:
        """What most of a pause went into."""
        first, last = bisect_left(self._at, pause[0]) - 1, bisect_left(self._at, pause[1])
        before, after = self.seen[max(0, first)], self.seen[min(last, len(self.seen) - 1)]
        took = Seen._make(end - begin for begin, end in zip(before, after, strict=True))
        spent = (
            took.loop_waited + took.others_waited, took.in_disk, took.loop_ran + took.others_ran, took.client_waited,
        )  # fmt: skip
        most = max(range(len(spent)), key=spent.__getitem__)
        return CAUSES[most] if spent[most] > took.at / 4 else CAUSES[-1]


def quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    at = [ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1000 for q in QUANTILES]
    return " ".join(f"{one:>9.1f}" for one in at)


def written(file: Path, rows: int) -> None:
    with file.open("w") as out:
        out.write("recipient,scope,party\n")
        out.writelines(f"4477{random.randrange(10**9):09d},pair,{10_000 + n % 100}\n" for n in range(rows))
        out.flush()
        os.fsync(out.fileno())  # now, and not beside the answers


def measure(rows: int, rounds: int, rate: float, seconds: float) -> None:
    submit.CONFIG = submit.CONFIG.partition("[opt_out]")[0] + "[opt_out]\nenabled = true\n"
    phases = {"before": Phase(), "import": Phase(), "after": Phase()}
    took = 0.0
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as data, submit.server("smscd", Path(data)) as (pid, port):
        file = Path(data) / "list.csv"
        run(Load(port=port, count=int(rate) * 3, rate=rate))
        beside = subprocess.Popen(
            [sys.executable, __file__, "--bystander", data, str(pid), str(os.getpid())], stdin=subprocess.PIPE,
            stdout=(Path(data) / "seen").open("w"),
        )  # fmt: skip
        assert beside.stdin is not None
        for _ in range(rounds):
            written(file, rows)
            phases["before"].load(port, rate, seconds)
            command = [*USUAL, sys.executable, "-m", "smscd", "optout", "import", str(file), "--data-dir", data]
            thread = threading.Thread(target=subprocess.run, args=(command,), kwargs={"check": True})
            thread.start()
            once = phases["import"].load(port, rate, thread)
            took += once
            phases["after"].load(port, rate, max(once - seconds, seconds / 2))
        beside.stdin.close()
        beside.wait()
        watched = Watched(Path(data) / "seen")
    print(f"{rounds} x {rows:,} rows at {rate:.0f} messages a second, {took:.0f} s of imports; ms")
    tell({**phases, "without": _both(phases["before"], phases["after"])}, watched)


def _both(first: Phase, second: Phase) -> Phase:
    both = Phase(spans=first.spans + second.spans)
    both.latencies.extend(first.latencies + second.latencies)
    both.latencies.late = first.latencies.late + second.latencies.late
    return both


def tell(phases: dict[str, Phase], watched: Watched) -> None:
    quantile = " ".join(f"{name:>9}" for name in ("p50", "p99", "p99.9", "longest"))
    print(f"  {'':8}{'answers':>9} {quantile} {'late':>6} {'%':>6} {'pauses':>6}", *(f"{one:>8}" for one in CAUSES))
    for name, phase in phases.items():
        latencies, pauses = phase.latencies, phase.latencies.pauses()
        causes = [watched.cause(pause) for pause in pauses]
        late = len(latencies.late)
        print(f"  {name:8}{len(latencies):>9,} {quantiles(latencies)} {late:>6} {late / max(1, len(latencies)):>6.2%} "
              f"{len(pauses):>6}", *(f"{causes.count(one):>8}" for one in CAUSES))  # fmt: skip
    for what in ("nap", "sync"):
        for name in ("import", "without"):
            there = watched.late(what, phases[name])
            print(f"  bystander's {what}s, {name:8} {quantiles(there)}, {sum(one > LATE for one in there)} late")
    sys.stdout.flush()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--rate", default="50,1000")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--bystander", nargs=3, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.bystander:
        bystander(asked.bystander[0], int(asked.bystander[1]), int(asked.bystander[2]))
        return
    for rate in asked.rate.split(","):
        measure(asked.rows, asked.rounds, float(rate), asked.seconds)


if __name__ == "__main__":
    main()
