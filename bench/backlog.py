"""What waits, and what idles: a queue for an upstream that is dead, starts with it, and bound sessions without traffic.

    python bench/backlog.py [--queued 100000,1000000] [--bound 1000] [--seconds 30]

Messages are queued for a dead upstream up to each number of `--queued`; each time: RSS, what a healthy upstream gets
meanwhile beside what it got with an empty queue, and how long the next start takes. Then `--bound` sessions that do
nothing but answer enquire_link: CPU of the server in per cent of one core.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import selectors
import socket
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from load import HEADER, Load, run
from processes import cpu_of, peak_rss_of, rss_of
from runs import table
from servers import SinkProcess, Smscd, route, sink, smscd, upstream

WAITS = "4499"
"""How the numbers of the dead upstream begin."""


@dataclass
class Backlog:
    """With so many queued. MiB, messages per second, seconds."""

    queued: int
    rss: float
    peak_rss: float
    filled_per_s: float
    healthy_per_s: float
    of_empty: float
    start: float
    rss_after_start: float
    healthy_after_start: float


@contextlib.contextmanager
def beside_a_dead_one() -> Iterator[tuple[Smscd, SinkProcess]]:
    """smscd with a healthy upstream, and one that answers binds only."""
    with sink() as alive, sink("--silent") as dead:
        ways = upstream("alive", alive.port) + upstream("dead", dead.port) + route("dead", WAITS) + route("alive")
        with smscd(ways) as server:
            yield server, alive


def healthy(server: Smscd, alive: SinkProcess, count: int, rounds: int = 3) -> float:
    """Messages per second that reach the healthy upstream; the median of the rounds."""
    found = []
    for _ in range(rounds):
        alive.figures()
        began = time.monotonic()
        run(Load(port=server.port, count=count))
        found.append(count / (alive.until(count)["last_submit"] - began))
    return statistics.median(found)


def fill(server: Smscd, count: int) -> float:
    """Messages per second that were taken into the queue."""
    return run(Load(port=server.port, count=count, window=1000, prefix=WAITS, recipients=100)).summary()["rate_per_s"]


def backlogs(steps: list[int], count: int) -> tuple[float, list[Backlog]]:
    """Messages per second with nothing queued, and what was found at each step."""
    found, queued = [], 0
    with beside_a_dead_one() as (server, alive):
        healthy(server, alive, count, 1)
        empty = healthy(server, alive, count)
        for step in steps:
            rate = fill(server, step - queued)
            queued = step
            rss, peak = rss_of(server.pid), peak_rss_of(server.pid)
            meanwhile = healthy(server, alive, count)
            server.stop()
            start = server.start()
            time.sleep(1.0)
            after = rss_of(server.pid)
            again = healthy(server, alive, count)
            found.append(Backlog(step, rss, peak, rate, meanwhile, meanwhile / empty, start, after, again))
    return empty, found


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
    parser.add_argument("--bound", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=30.0)
    arguments = parser.parse_args()
    print(f"idle: peak RSS {idle_rss():.0f} MiB", flush=True)
    if arguments.bound:
        idle = binds(arguments.bound, arguments.seconds)
        print(f"{idle.sessions} bound sessions, {idle.enquired} enquire_link in {arguments.seconds:.0f} s: ", end="")
        print(f"{idle.core:.1%} of a core, peak RSS {idle.rss:.0f} MiB", flush=True)
    steps = [int(step) for step in arguments.queued.split(",") if step]
    if steps:
        empty, found = backlogs(steps, arguments.count)
        print(f"upstream/s with an empty queue: {empty:,.0f}")
        print(table(
            [[f"{one.queued:,}", f"{one.filled_per_s:,.0f}", f"{one.rss:.0f} / {one.peak_rss:.0f}",
              f"{one.healthy_per_s:,.0f} ({one.of_empty:.0%})", f"{one.start:.2f}", f"{one.rss_after_start:.0f}",
              f"{one.healthy_after_start:,.0f}"] for one in found],
            ("queued", "filled at, msg/s", "RSS / peak MiB", "upstream/s meanwhile", "next start s", "RSS after it MiB",
             "upstream/s after it"),
        ))  # fmt: skip


if __name__ == "__main__":
    main()
