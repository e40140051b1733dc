"""What one who floods does to one who does not: 50 messages a second of an honest ESME beside each flood, one table.

    python bench/floods.py [--rows quiet,plain,parts,…] [--seconds 10] [--rate 50] [--window 500] [--rounds 1]

    quiet                   nothing else
    plain                   another ESME submits as fast as a window of 500 allows
    parts, halves           the same with the halves of messages that an upstream wants whole; with first halves only
    multi, long, multi-long submit_multi to 254; texts of 38,000 octets that leave in 249 parts; both in one
    query, query-unknown    query_sm about messages that wait; about messages that never were
    replace, supersede      replace_sm; submit_sm with replace_if_present_flag
    cancel, cancel-pair     cancel_sm by message_id; between two addresses
    no-route, throttled, opted-out              submits that are refused
    mo, mo-parts, mo-halves, stop, receipts     the same from an upstream: messages of handsets, STOP, 100,000 receipts
    due, retries, expire    100,000 messages are due at once for an emulated network; for an upstream; are too old

The floor (see floor.py) has as many in the same seconds: its pauses are the machine's. Prints p50, p99, the longest
answer and how many took more than 20 ms, of both; how much of the flood was answered, and the CPU of smscd by piece;
and what the loop computed at most between two ticks of 10 ms (see diary.py): what one turn of it took, a slow or busy
machine apart.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import keeping
from flooding import ESME_FLOODS, ROW, UPSTREAM_FLOODS
from load import Load, percentiles, run
from processes import cpu_of, free_port, wait_for
from runs import table
from servers import EMULATED, HERE, Smscd, floor, route, sink, upstream
from stalls import ENVIRONMENT, WINDOW, Paced, pace

from smscd import pdu

MANY = 100_000
"""Rows that are due, or too old, at the same moment."""
LEAD = 4.0
"""Seconds from the start of the measuring to that moment."""
TOO_LONG = 0.020
LATE = re.compile(r"loop late, computed (\d+) ms")
ROWS = ("quiet", *ESME_FLOODS, *UPSTREAM_FLOODS, "due", "retries", "expire")
STORED_BEFORE = frozenset({"due", "retries", "expire", "receipts"})
"""Floods of rows that are in the database at the start."""
COLUMNS = (
    "beside", "p50 ms", "p99 ms", "longest ms", "over 20 ms", "floor p50", "p99", "longest", "over 20 ms",
    "flood, a second", "refused", "CPU, us a piece", "longest turn, ms",
)  # fmt: skip
ACCOUNT = """\
[[esme]]
system_id = "{name}"
password = "secret"
window = 500
deliver_window = 200
receives = ["{receives}"]
long_mo = "whole"
rate = {rate}
"""
OPT_OUT = "[opt_out]\nenabled = true\n"
STORED = """
    WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < :many - 1)
    INSERT INTO message (id, message_id, kind, system_id, connector, stage, message_state, error_code, attempts,
        accepted_at, due, expires, final_at, segments, in_doubt, original, receipt, owner, lease_until,
        source_addr, destination_addr, pdu, origin)
    SELECT :row + i, printf('%018d', :row + i), 0, 'flood', :connector, :stage, 1, 0, 1,
        :due, :due, :expires, 0, 1, 0, 0, 0, 0, 0, '12345', '4475019' || printf('%05d', i % 100000), :pdu, 0 FROM n
"""
PARTS = """
    INSERT INTO part (message, number, connector, stage, upstream_message_id, attempt, command_status, owner,
        lease_until, changed_at, provider, upstream_key)
    SELECT id, 1, connector, 2, id, 1, 0, 0, 0, due, connector, id FROM message WHERE id >= :row
"""
SECOND = 1_000_000


class Flooded(Smscd):
    """smscd with a diary, every way a flood can take, and one that is flooded with."""

    def __init__(self, directory: Path, sink_port: int, flood_port: int) -> None:
        whole = upstream("gathering", sink_port) + 'long_messages = "payload"\n'
        cutting = upstream("cutting", sink_port) + 'long_messages = "udh"\n'
        ways = [
            ACCOUNT.format(name="flood", receives="54321", rate=0),
            ACCOUNT.format(name="slow", receives="9", rate=1),
        ]
        ways += [OPT_OUT, upstream("away", free_port()), whole, cutting, upstream("telling", flood_port)]
        ways += [route("gathering", "4471"), route("away", "4473"), route("cutting", "4474")]
        ways += [route("telling", "4475"), route("handsets", "4479")]
        ways += [EMULATED.replace("[[route]]", '[[route]]\ndestination_addr = "4477*"')]
        super().__init__(directory, "".join(ways))
        self.config.write_text(self.config.read_text().replace('receives = ["*"]', 'receives = ["12345"]', 1))

    @property
    def command(self) -> list[str]:
        return [
            sys.executable,
            str(HERE / "diary.py"),
            str(self.directory / "diary"),
            "run",
            "--config",
            str(self.config),
        ]

    def start(self) -> float:
        began = time.monotonic()
        self.process = subprocess.Popen(
            self.command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL, env=ENVIRONMENT, cwd=self.home
        )
        wait_for(self.port, self.process)
        return time.monotonic() - began

    def diary(self) -> list[tuple[float, float, str]]:
        """Once it has stopped."""
        return [tuple(json.loads(line)) for line in (self.directory / "diary").read_text().splitlines()]

    def opt_out(self) -> None:
        """All whom the flood of that name writes to."""
        file = self.directory / "list.csv"
        rows = "".join(f"4479009{number:05d},pair,12345\n" for number in range(100_000))
        file.write_text(f"recipient,scope,party\n{rows}")
        command = [sys.executable, "-m", "smscd", "optout", "import", str(file), "--data-dir", str(self.directory)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=ENVIRONMENT)

    def store(self, what: str, at: int) -> None:
        """Rows of before, `at` microseconds UTC being the moment that counts. It does not run meanwhile."""
        connector = {"due": "handsets", "retries": "cutting", "expire": "away", "receipts": "telling"}[what]
        asks = int(what in {"expire", "receipts"})
        content = pdu.SubmitSm(source_addr=b"12345", destination_addr=b"447501900000", short_message=b"x" * 100,
                               registered_delivery=asks)  # fmt: skip
        said = {
            "many": MANY, "row": ROW, "connector": connector, "stage": int(what == "receipts"),
            "pdu": pdu.encode(content),
            "due": at if what in {"due", "retries"} else at - 600 * SECOND,
            "expires": at if what == "expire" else at + 86400 * SECOND,
        }  # fmt: skip
        with contextlib.closing(sqlite3.connect(self.directory / "smscd.db")) as database, database:
            database.execute(STORED, said)
            if what == "receipts":
                database.execute(PARTS, said)


class Flooding:
    """The process that floods, if there is one."""

    def __init__(self, what: str, window: int, seconds: float) -> None:
        self.what = what
        self.options = ["--window", str(window), "--seconds", str(seconds)]
        self.process: subprocess.Popen[str] | None = None
        self.port = free_port()
        if what in UPSTREAM_FLOODS:
            self.port = int(self.started())

    def started(self, *options: str) -> str:
        command = [sys.executable, str(HERE / "flooding.py"), self.what, *self.options, *options]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
        )
        return self.line()

    def line(self) -> str:
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def prepare(self, port: int) -> None:
        """Until it could begin."""
        if self.what in ESME_FLOODS:
            self.started("--port", str(port))
        elif self.process is not None:
            self.line()

    def begin(self) -> None:
        if self.process is not None:
            assert self.process.stdin is not None
            self.process.stdin.write("go\n")
            self.process.stdin.flush()

    def told(self) -> dict[str, int]:
        """How many were answered, by command_status."""
        return json.loads(self.line() or "{}") if self.process is not None else {}

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@contextlib.contextmanager
def scene(what: str, window: int, seconds: float) -> Iterator[tuple[Flooded, Flooding]]:
    """Everybody in place, and the moment of the rows not far."""
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smscd-bench-")))
        sink_port = stack.enter_context(sink()).port
        if what in STORED_BEFORE:
            before = Flooded(directory, sink_port, free_port())
            before.start()
            before.stop()
            before.store(what, int((time.time() + LEAD + 4.0) * SECOND))
        flood = Flooding(what, window, seconds)
        stack.callback(flood.stop)
        server = Flooded(directory, sink_port, flood.port)
        server.start()
        stack.callback(server.stop)
        if what == "opted-out":
            server.opt_out()
        flood.prepare(server.port)
        yield server, flood


def row(what: str, rate: float, window: int, seconds: float) -> list[str]:
    with floor() as beneath, scene(what, window, seconds) as (server, flood):
        run(Load(port=server.port, rate=rate, count=50))
        both = Paced("smscd", server.port, WINDOW), Paced("floor", beneath.port, WINDOW)
        before, began = cpu_of(server.pid), time.monotonic()
        flood.begin()
        pace(list(both), rate, seconds)
        ended = time.monotonic()
        for one in both:
            one.close()
        told = flood.told()
        cpu, took = cpu_of(server.pid) - before, time.monotonic() - began
        server.stop()
        late = [LATE.match(did) for since, to, did in server.diary() if began < to and since < ended]
        turns = [float(found[1]) for found in late if found]
    if what in {"due", "retries", "expire"}:
        told = {"0x00000000": MANY}
    return cells(what, both, told, cpu, max(turns, default=0.0), took)


def cells(
    what: str, both: tuple[Paced, Paced], told: dict[str, int], cpu: float, turn: float, seconds: float
) -> list[str]:
    found = [what]
    for one in both:
        p50, p99, longest = percentiles(one.result.latencies)
        over = sum(latency > TOO_LONG for latency in one.result.latencies)
        found += [f"{p50:.1f}", f"{p99:.1f}", f"{longest:.0f}", str(over)]
    pieces = sum(told.values())
    refused = ", ".join(pdu.status.status_name(int(status, 16)) for status in told if int(status, 16)) or "-"
    a_piece = f"{1e6 * cpu / pieces:.0f}" if pieces else "-"
    return [*found, f"{pieces / seconds:,.0f}", refused, a_piece, f"{turn:.0f}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", default=",".join(one for one in ROWS if one != "answers"))
    parser.add_argument("--rate", type=float, default=50.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--window", type=int, default=500)
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    measured = keeping.circumstances()
    rows = []
    for what in asked.rows.split(","):
        rows.append(row(what, asked.rate, asked.window, asked.seconds))
        print(rows[-1], flush=True)
    print(table(rows, COLUMNS))
    keeping.keep("floods", {"measured": measured, "rate": asked.rate, "columns": COLUMNS, "rows": rows}, asked.out)


if __name__ == "__main__":
    main()
