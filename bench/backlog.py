"""What waits, and what idles: a queue for an upstream that is dead, starts with it, and bound sessions without traffic.

    python bench/backlog.py [--queued 100000,1000000] [--sent 1000000] [--bound 1000] [--seconds 30]

Messages are queued for a dead upstream up to each number of `--queued`; each time: RSS, what a healthy upstream gets
meanwhile, and how long the next start takes. A second server, with nothing queued, runs at the same time, and loads
take turns between the two, `--rounds` times: one is idle while the other is measured, and the ratio is the median of
those of each turn, for a machine's speed changes within seconds. `--sent`: starts with so many that an upstream has,
and has not reported on, beside starts with nothing. Then `--bound` sessions that do nothing but answer enquire_link:
CPU of the server in per cent of one core.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import selectors
import socket
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from load import HEADER, Load, run
from processes import cpu_of, peak_rss_of, rss_of
from runs import table
from servers import SinkProcess, Smscd, route, sink, smscd, upstream

from smscd import pdu
from smscd.message import first_id

WAITS = "4499"
"""How the numbers of the dead upstream begin."""
SETTLES = 0.3
"""Seconds in which a server ends what followed the last answers: commits, records."""
CALM = 3.0
"""Seconds after which it has nothing to do with what was queued."""


@dataclass
class Turns:
    """A server with a queue and one without, in turn: medians, and the median of the ratios of each turn.

    Messages per second at the healthy upstream, microseconds of the server's CPU a message.
    """

    queued: float
    empty: float
    of_empty: float
    queued_us: float
    empty_us: float

    def __str__(self) -> str:
        rates = f"{self.queued:,.0f} of {self.empty:,.0f} ({self.of_empty:.0%})"
        return f"{rates}, {self.queued_us:.0f} and {self.empty_us:.0f} µs"


@dataclass
class Backlog:
    """With so many queued, and after the next start. MiB, messages per second, seconds."""

    queued: int
    rss: float
    peak_rss: float
    filled_per_s: float
    healthy: Turns
    start: float
    rss_after_start: float
    healthy_after_start: Turns


@dataclass
class Way:
    """A server and its healthy upstream."""

    server: Smscd
    alive: SinkProcess

    def turn(self, count: int) -> tuple[float, float]:
        """Messages per second that reach the upstream, and microseconds of the server's CPU for each."""
        self.alive.figures()
        before, began = cpu_of(self.server.pid), time.monotonic()
        run(Load(port=self.server.port, count=count))
        rate = count / (self.alive.until(count)["last_submit"] - began)
        time.sleep(SETTLES)  # else the other server would have to share the machine with what is still being done
        return rate, (cpu_of(self.server.pid) - before) / count * 1e6


@contextlib.contextmanager
def beside_a_dead_one() -> Iterator[Way]:
    """smscd with a healthy upstream, and one that answers binds only."""
    with sink() as alive, sink("--silent") as dead:
        ways = upstream("alive", alive.port) + upstream("dead", dead.port) + route("dead", WAITS) + route("alive")
        with smscd(ways) as server:
            yield Way(server, alive)


def in_turn(queued: Way, empty: Way, count: int, rounds: int) -> Turns:
    """`count` messages each, so many times; who comes first changes."""
    found: dict[int, list[tuple[float, float]]] = {id(queued): [], id(empty): []}
    for number in range(rounds):
        for way in (queued, empty) if number % 2 else (empty, queued):
            found[id(way)].append(way.turn(count))
    ours, theirs = found[id(queued)], found[id(empty)]
    of_empty = statistics.median(one[0] / other[0] for one, other in zip(ours, theirs, strict=True))
    rate, cost = (statistics.median(each[at] for each in ours) for at in (0, 1))
    empty_rate, empty_cost = (statistics.median(each[at] for each in theirs) for at in (0, 1))
    return Turns(rate, empty_rate, of_empty, cost, empty_cost)


def fill(server: Smscd, count: int) -> float:
    """Messages per second that were taken into the queue."""
    return run(Load(port=server.port, count=count, window=1000, prefix=WAITS, recipients=100)).summary()["rate_per_s"]


def backlogs(steps: list[int], count: int, rounds: int) -> list[Backlog]:
    """What was found at each step."""
    found, filled = [], 0
    with beside_a_dead_one() as queued, beside_a_dead_one() as empty:
        server = queued.server
        for way in (queued, empty):
            way.turn(count)  # files are created, caches are filled
        for step in steps:
            rate = fill(server, step - filled)
            filled = step
            time.sleep(CALM)
            rss, peak = rss_of(server.pid), peak_rss_of(server.pid)
            meanwhile = in_turn(queued, empty, count, rounds)
            server.stop()
            start = server.start()
            time.sleep(1.0)
            after = rss_of(server.pid)
            queued.turn(count)
            again = in_turn(queued, empty, count, (rounds + 1) // 2)
            found.append(Backlog(step, rss, peak, rate, meanwhile, start, after, again))
    return found


SENT = """
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
    INSERT INTO message (id, message_id, kind, system_id, connector, stage, message_state, error_code, attempts,
        accepted_at, due, expires, final_at, segments, in_doubt, original, receipt, owner, lease_until,
        source_addr, destination_addr, pdu, origin, provider)
    SELECT :first + i, printf('%018d', :first + i), 0, 'test', 'alive', 1, 1, 0, 1, :now, :now, :now + 86400000000, 0,
        1, 0, 0, 0, 0, :now, '12345', '4477009' || printf('%05d', i % 100000), :pdu, 0, 'alive' FROM n
"""
ANSWERED = """
    INSERT INTO part (message, number, connector, stage, upstream_message_id, attempt, command_status, owner,
        lease_until, changed_at, provider, upstream_key)
    SELECT id, 1, connector, 2, id, 1, 0, 0, lease_until, accepted_at, provider, id FROM message
"""


def send(database: Path, count: int) -> None:
    """As if so many had been forwarded and answered."""
    now = time.time_ns() // 1000
    content = pdu.SubmitSm(destination_addr=b"447700900001", registered_delivery=1, short_message=b"x" * 100)
    with contextlib.closing(sqlite3.connect(database, isolation_level=None)) as connection:
        rows = {"count": count, "first": first_id(now) - count, "now": now, "pdu": pdu.encode(content)}
        connection.execute(SENT, rows)
        connection.execute(ANSWERED)


def starts_with_sent(count: int, starts: int = 3) -> list[tuple[float, float]]:
    """Seconds until it listens, and of CPU: with so many messages that wait for their receipts, and with none."""
    with sink() as alive, contextlib.ExitStack() as stack:
        found: list[tuple[Smscd, list[tuple[float, float]]]] = []
        for many in (count, 0):
            directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smscd-bench-")))
            server = Smscd(directory, upstream("alive", alive.port) + route("alive"))
            stack.callback(server.stop)
            server.start()
            server.stop()
            if many:
                send(directory / "smscd.db", many)
            found.append((server, []))
        for _ in range(starts):
            for server, times in found:
                times.append((server.start(), cpu_of(server.pid)))
                server.stop()
        return [(statistics.median(t for t, _ in times), statistics.median(c for _, c in times)) for _, times in found]


@dataclass
class Bound:
    """Idle sessions: enquire_link answered, per cent of one core, MiB."""

    sessions: int
    enquired: int
    core: float
    rss: float


def binds(bound: int, seconds: float) -> Bound:
    """Sessions that only answer enquire_link, which the server sends every ten seconds."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with smscd(enquire="10s") as server, contextlib.ExitStack() as stack:
            selector = stack.enter_context(selectors.DefaultSelector())
            body = b"test\0secret\0\0\x34\0\0\0"
            for _ in range(bound):
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
                sock.sendall(HEADER.pack(16 + len(body), 0x09, 0, 1) + body)
                sock.recv(1024)
                selector.register(sock, selectors.EVENT_READ, sock)
            enquired, before, end = 0, cpu_of(server.pid), time.monotonic() + seconds
            while (left := end - time.monotonic()) > 0:
                for key, _ in selector.select(left):
                    data = key.data.recv(4096)
                    for at in range(0, len(data) - 15, 16):
                        sequence = HEADER.unpack_from(data, at)[3]
                        key.data.sendall(HEADER.pack(16, 0x80000015, 0, sequence))
                        enquired += 1
            used = cpu_of(server.pid) - before
            return Bound(bound, enquired, used / seconds, peak_rss_of(server.pid))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def idle_rss() -> float:
    """MiB of a server that nobody has spoken to, ten seconds after its start."""
    with smscd() as server:
        time.sleep(10.0)
        return peak_rss_of(server.pid)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queued", default="100000,1000000")
    parser.add_argument("--count", type=int, default=20_000, help="messages for the healthy upstream, each time")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sent", type=int, default=1_000_000, help="messages that wait for receipts; 0: leave it out")
    parser.add_argument("--bound", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    print(f"idle: peak RSS {idle_rss():.0f} MiB", flush=True)
    if arguments.bound:
        idle = binds(arguments.bound, arguments.seconds)
        print(f"{idle.sessions} bound sessions, {idle.enquired} enquire_link in {arguments.seconds:.0f} s: ", end="")
        print(f"{idle.core:.1%} of a core, peak RSS {idle.rss:.0f} MiB", flush=True)
    if arguments.sent:
        (took, cpu), (empty, of_empty) = starts_with_sent(arguments.sent)
        print(f"start with {arguments.sent:,} that wait for receipts: {took:.2f} s, {cpu:.2f} of CPU; ", end="")
        print(f"with none: {empty:.2f} s, {of_empty:.2f} of CPU", flush=True)
    steps = [int(step) for step in arguments.queued.split(",") if step]
    if steps:
        print(table(
            [[f"{one.queued:,}", f"{one.filled_per_s:,.0f}", f"{one.rss:.0f} / {one.peak_rss:.0f}", str(one.healthy),
              f"{one.start:.2f}", f"{one.rss_after_start:.0f}", str(one.healthy_after_start)]
             for one in backlogs(steps, arguments.count, arguments.rounds)],
            ("queued", "filled at, msg/s", "RSS / peak MiB", "upstream/s meanwhile, CPU a message", "next start s",
             "RSS after it MiB", "upstream/s after it, CPU a message"),
        ))  # fmt: skip


if __name__ == "__main__":
    main()
