"""What the housekeeping of a running smscd does to those who wait for an answer.

    python bench/stalls.py [--rows quiet,checkpoint,gc,metrics,listing,reload,import,purge,load] [--seconds 20]
                           [--finished 1000000] [--routes 1000]

One ESME submits 50 messages a second while, from the second second on, the thing that the row is named after goes on:
checkpoints and full collections asked for every half second, /metrics and `message list` asked for ten times a second,
a SIGHUP with 1,000 routes every two seconds, an opt-out import of 100,000 rows, the purge of a million finished
messages. The floor (see floor.py) gets as many in the same seconds: its pauses are the machine's.
Row `load`: 80 % of the rate that a window of 1,000 reaches.

Prints a line per row, and each pause above 20 ms with what the server was doing then (see diary.py).
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import select
import selectors
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from load import Connection, Load, Result, run
from processes import cpu_of, peak_rss_of, wait_for
from servers import EMULATED, HOUSE, Smscd, floor, smscd

from smscd import pdu
from smscd.cli.control import call

WORTH = 0.02
"""Seconds: the longest that a submit at 50 a second should wait."""
HTTP_PORT = 9475
ADMIN = """
[admin]
address = "127.0.0.1:{port}"
[store]
retention = "{retention}"
[opt_out]
enabled = true
"""
HERE = Path(__file__).parent
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(HERE.parent)}
WIDTH = 132
MOST = 20
"""Pauses that are told of one row."""
WINDOW = 5000
PATIENCE = 5.0
MANY = 1000
"""A second: above it the floor would take from smscd what it needs."""

FINISHED = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
    INSERT INTO message (id, message_id, kind, system_id, connector, stage, message_state, error_code, attempts,
        accepted_at, due, expires, final_at, segments, in_doubt, original, receipt, owner, lease_until,
        source_addr, destination_addr, pdu, origin)
    SELECT i, printf('%018d', i), 0, 'test', 'handsets', 5, 2, 0, 1, i, i, i, i, 1, 0, 0, 0, 0, 0,
        '12345', '4477009' || printf('%05d', i % 100000), ?, 0 FROM n
"""


class Paced:
    """One bind that submits at its pace, and remembers when each answer came."""

    def __init__(self, name: str, port: int, window: int) -> None:
        self.name = name
        self.window = window
        self.connection = Connection(Load(port=port), 0)
        self.result = Result()
        self.waits: list[tuple[float, float]] = []  # (submitted, answered)

    def submit(self, many: int, now: float) -> None:
        self.connection.submit(min(many, self.window - self.connection.in_flight), now)
        self.write()

    def write(self) -> None:
        if out := self.connection.out:
            with contextlib.suppress(BlockingIOError):
                del out[: self.connection.sock.send(out)]

    def read(self) -> None:
        seen, now = len(self.result.latencies), time.monotonic()
        self.connection.read(self.result, now)
        self.write()
        self.waits += [(now - latency, now) for latency in self.result.latencies[seen:]]

    def close(self) -> None:
        """Once the last answer is here, or does not come."""
        while self.connection.in_flight and select.select([self.connection.sock], [], [], PATIENCE)[0]:
            self.read()
        self.connection.sock.close()

    def pauses(self) -> list[tuple[float, float]]:
        """From the first submit that waited too long to its answer; those that overlap are one."""
        merged: list[tuple[float, float]] = []
        for began, ended in sorted(wait for wait in self.waits if wait[1] - wait[0] > WORTH):
            if merged and began <= merged[-1][1]:
                merged[-1] = merged[-1][0], max(ended, merged[-1][1])
            else:
                merged.append((began, ended))
        return merged

    def figures(self) -> tuple[object, ...]:
        ordered = sorted(self.result.latencies) or [0.0]
        seconds = self.waits[-1][1] - self.waits[0][0] if self.waits else 1.0
        return (round(len(ordered) / seconds), *(round(ordered[int(len(ordered) * part)] * 1000, 2)
                for part in (0.5, 0.99, 0.999)), round(ordered[-1] * 1000, 2), len(self.pauses()))  # fmt: skip


def pace(everybody: list[Paced], rate: float, seconds: float) -> None:
    """Each submits `rate` a second for so long; where there are several, in turn."""
    selector = selectors.DefaultSelector()
    for one in everybody:
        selector.register(one.connection.sock, selectors.EVENT_READ, one)
    began, sent = time.monotonic(), [0] * len(everybody)
    while (now := time.monotonic() - began) < seconds:
        for at, one in enumerate(everybody):
            behind = int(now * rate - at / len(everybody) + 1) - sent[at]
            if behind > 0:
                sent[at] += behind
                one.submit(behind, began + now)
        soonest = min((done + at / len(everybody)) / rate for at, done in enumerate(sent))
        for key, _ in selector.select(max(0.0, began + soonest - time.monotonic())):
            key.data.read()


class Kept(Smscd):
    """smscd with a diary."""

    retention = "36500d"
    """Nothing is purged."""

    def start(self) -> float:
        self.routes(0)
        began = time.monotonic()
        command = [sys.executable, str(HERE / "diary.py"), str(self.directory / "diary"),
                   "run", "--config", str(self.config)]  # fmt: skip
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT)
        wait_for(self.port, self.process)
        return time.monotonic() - began

    def routes(self, count: int) -> None:
        """Write the configuration, with so many routes before the one that takes all."""
        house = HOUSE.format(data=self.directory, port=self.port, enquire="30s")
        admin = ADMIN.format(port=HTTP_PORT, retention=self.retention)
        network, last = EMULATED.split("[[route]]")
        rules = "".join(
            f'[[route]]\ndestination_addr = "4499{n:05d}*"\nconnectors = ["handsets"]\n' for n in range(count)
        )
        self.config.write_text(f"{house}{admin}{network}{rules}[[route]]{last}")

    def diary(self) -> list[tuple[float, float, str]]:
        """Once it has stopped."""
        return [tuple(json.loads(line)) for line in (self.directory / "diary").read_text().splitlines()]


# --- what goes on meanwhile, in a process of its own: nothing of it is in the client's way ----------------------------


def scrape(_data: Path) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", HTTP_PORT)
    connection.request("GET", "/metrics")
    connection.getresponse().read()


def listing(data: Path) -> None:
    call(data, "message.list", limit=1000)


def importing(data: Path) -> None:
    file = data / "list.csv"
    if not file.exists():
        rows = "".join(f"4477{n * 7919 % 100_000:08d},pair,12345\n" for n in range(100_000))
        file.write_text(f"recipient,scope,party\n{rows}")
        command = [sys.executable, "-m", "smscd", "optout", "import", str(file), "--data-dir", str(data)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


ELSEWHERE: dict[str, tuple[Callable[[Path], None], float]] = {
    "metrics": (scrape, 0.1), "listing": (listing, 0.1), "import": (importing, 1.0),
}  # fmt: skip


@contextlib.contextmanager
def meanwhile(what: str, server: Kept, routes: int) -> Iterator[None]:
    """`what` goes on, from the second second on."""
    if what == "reload":
        server.routes(routes)
        script = f"import os, time\ntime.sleep(2)\nwhile True: os.kill({server.pid}, 1); time.sleep(2)"
        command = [sys.executable, "-c", script]
    elif what in {"checkpoint", "gc"}:
        again = f"while True: print({what!r}, flush=True); time.sleep(0.5)"
        command = [sys.executable, "-c", f"import time\ntime.sleep(2)\n{again}"]
    elif what in ELSEWHERE:
        command = [sys.executable, __file__, "--do", what, "--data", str(server.directory)]
    else:
        yield
        return
    assert server.process is not None
    helper = subprocess.Popen(command, stdout=server.process.stdin, env=ENVIRONMENT)
    try:
        yield
    finally:
        helper.kill()
        helper.wait()


def go_on(what: str, data: Path) -> None:
    do, pause = ELSEWHERE[what]
    time.sleep(2)
    while True:
        do(data)
        time.sleep(pause)


# --- rows -------------------------------------------------------------------------------------------------------------


def finished(directory: Path, count: int) -> Path:
    """A database of so many messages that were closed long ago; made once."""
    file = directory / "finished.db"
    if not file.exists():
        empty = Smscd(directory)
        empty.start()
        empty.stop()
        (directory / "smscd.db").rename(file)
        content = pdu.SubmitSm(source_addr=b"12345", destination_addr=b"447700900001", short_message=b"x" * 100)
        with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute(FINISHED, (count, pdu.encode(content)))
    return file


def row(what: str, template: Path | None, seconds: float, routes: int, rate: float) -> None:
    """One line, and the pauses behind it."""
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory, contextlib.ExitStack() as stack:
        data = Path(directory)
        if template is not None:
            shutil.copy(template, data / "smscd.db")
            with (data / "smscd.db").open("rb") as copy:
                os.fsync(copy.fileno())  # or the first checkpoint would have to wait for all of it
        server = Kept(data)
        if what == "purge":
            server.retention = "1h"
        server.start()
        subject = Paced("smscd", server.port, WINDOW)
        everybody = [subject]
        if rate <= MANY:
            everybody.append(Paced("floor", stack.enter_context(floor()).port, WINDOW))
        before, began = cpu_of(server.pid), time.monotonic()
        with meanwhile(what, server, routes):
            pace(everybody, rate, seconds)
        cpu = (cpu_of(server.pid) - before) / (time.monotonic() - began)
        sizes = [(data / f"smscd.db{name}").stat().st_size >> 20 for name in ("", "-wal")]
        rss = peak_rss_of(server.pid)
        for one in everybody:
            one.close()
        server.stop()
        cells = "".join(f"{cell!s:>10}" for one in everybody for cell in one.figures())
        print(f"{what:>12}{cells}   {cpu:.0%} of a core, {rss:.0f} MiB, database and log {sizes} MiB", flush=True)
        explain(subject.pauses(), server.diary(), began)


def explain(pauses: list[tuple[float, float]], diary: list[tuple[float, float, str]], began: float) -> None:
    """What the server was doing in each of them."""
    for start, end in pauses[:MOST]:
        doing = [f"{did} {1000 * (to - since):.0f} ms" for since, to, did in diary if since < end and to > start]
        what = ", ".join(doing)[:WIDTH] or "nothing of ours"
        print(f"{'':>14}{1000 * (end - start):.0f} ms at {start - began:.2f} s: {what}", flush=True)


def fastest() -> float:
    """What a window of 1,000 reaches, without a diary."""
    with smscd() as server:
        run(Load(port=server.port, window=1000, count=5000))
        return run(Load(port=server.port, window=1000, count=60_000)).summary()["rate_per_s"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default="quiet,checkpoint,gc,metrics,listing,reload,import,purge,load")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--finished", type=int, default=1_000_000)
    parser.add_argument("--routes", type=int, default=1000)
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--do", help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.do:
        go_on(asked.do, asked.data)
    columns = ("rate/s", "p50 ms", "p99 ms", "p99.9", "max", "pauses")
    print(f"{'':>12}" + "".join(f"{cell:>10}" for cell in (*columns, *(f"floor {cell}"[:9] for cell in columns))))
    with tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory:
        for what in asked.rows.split(","):
            template = finished(Path(directory), asked.finished) if what in {"purge", "listing"} else None
            rate = round(0.8 * fastest()) if what == "load" else asked.rate
            row(what, template, asked.seconds, asked.routes, rate)


if __name__ == "__main__":
    main()
