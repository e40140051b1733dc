"""Rate and p99 against what grows: binds, window, message size, queue, opt-out rows, routes, connectors.

    python bench/curves.py [--curves binds,window,queue,optout,routes,connectors,size] [--rounds 3] [--seconds 1]
    python bench/curves.py --resume --minutes 20    # only what is missing (see `is_known`), begins nothing after 20
    python bench/curves.py --draw                   # only the pictures, from what was measured before

Each point has a server of its own, all of a curve at the same time, and loads of `--seconds` take turns among them, so
that the machine's good and bad minutes fall on every point alike; medians are kept in `docs/figures/curves.json` and
drawn into `docs/figures/*.svg`, curve by curve: what was measured stays if a later one fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import datetime as dt
import io
import math
import random
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import backlog
import keeping
import optout
import routing
from chart import Panel, figure
from load import Load
from runs import Figures, Plan, measured, median, table
from servers import EMULATED, Running, SinkProcess, Smscd, floor, route, sink, smscd, upstream

IN_FLIGHT = 1000
"""Over all binds, so that their number is all that changes."""
SEED = 1
RECENT = dt.timedelta(hours=12)
QUIET = 2.0
"""Load of the machine before it: the curve before leaves somewhat above one, others at work more than this."""


@dataclass
class Point:
    """One server under one load."""

    line: str
    x: float
    server: Running
    load: Load
    sink: SinkProcess | None = None


Make = Callable[[ExitStack, list[int]], Iterator[Point]]


def emulating(stack: ExitStack, ways: str = EMULATED) -> Running:
    server = stack.enter_context(smscd(ways))
    return Running(server.port, {"smscd": server.pid})


def both(stack: ExitStack) -> Iterator[tuple[str, Running]]:
    yield "smscd", emulating(stack)
    yield "floor", stack.enter_context(floor())


def by_binds(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    for binds in steps:
        for line, server in both(stack):
            yield Point(line, binds, server, Load(binds=binds, window=max(IN_FLIGHT // binds, 1)))


def by_window(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    for window in steps:
        for line, server in both(stack):
            yield Point(line, window, server, Load(window=window))


def by_size(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    for octets in steps:
        yield Point("smscd", octets, emulating(stack), Load(octets=octets))


def by_routes(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    """A price list of prefixes, whose last rule is for everything else."""
    for count in steps:
        found = routing.prefixes(count, random.Random(SEED))
        ways = EMULATED.partition("[[route]]")[0]
        ways += "".join(route("handsets", (each.destination_addr or "").rstrip("*")) for each in found)
        yield Point("smscd", count, emulating(stack, ways), Load(recipients=100))


def by_connectors(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    """Fifty recipients, each on the way to one of so many upstreams, which are one and the same sink."""
    alive = stack.enter_context(sink())
    for count in steps:
        ways = "".join(upstream(f"way{number}", alive.port) for number in range(count))
        ways += "".join(route(f"way{number % count}", f"4477009{number:05d}") for number in range(50))
        yield Point("smscd", count, emulating(stack, ways), Load(recipients=50), alive)


def by_queue(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    """What a healthy upstream gets while so many wait for a dead one."""
    for queued in steps:
        way = stack.enter_context(backlog.beside_a_dead_one())
        if queued:
            backlog.fill(way.server, queued)
        yield Point("smscd", queued, Running(way.server.port, {"smscd": way.server.pid}), Load(), way.alive)


def by_optout(stack: ExitStack, steps: list[int]) -> Iterator[Point]:
    """Opt-outs of other people."""
    for rows in steps:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="smscd-bench-")))
        if rows:
            with contextlib.redirect_stdout(io.StringIO()):
                asyncio.run(optout.filled(directory / "smscd.db", rows))
        server = Smscd(directory, EMULATED + "[opt_out]\nenabled = true\n")
        stack.callback(server.stop)
        server.start()
        yield Point("smscd", rows, Running(server.port, {"smscd": server.pid}), Load(prefix="4478009"))


@dataclass
class Curve:
    """`make` yields the points; `rate` is the field of Figures that is drawn."""

    title: str
    x: str
    make: Make
    steps: list[int]
    rate: str = "answers"


CURVES = {
    "binds": Curve("submit → durable answer by binds, 1,000 in flight over all", "binds", by_binds,
                   [1, 3, 10, 30, 100, 300, 1000]),
    "window": Curve("submit → durable answer by window, one bind", "window", by_window, [1, 3, 10, 30, 100, 300, 1000]),
    "queue": Curve("ESME → healthy upstream while others wait for a dead one, window 100", "queued messages", by_queue,
                   [0, 1000, 10_000, 100_000, 1_000_000], "upstream"),
    "optout": Curve("submit → durable answer by opt-out rows, window 100", "opt-out rows", by_optout,
                    [0, 1000, 100_000, 1_000_000, 10_000_000]),
    "routes": Curve("submit → durable answer by prefix rules, window 100", "routes", by_routes,
                    [1, 10, 100, 1000, 10_000]),
    "connectors": Curve("ESME → upstream by connectors, window 100", "connectors", by_connectors,
                        [1, 2, 5, 10, 20, 50], "upstream"),
    "size": Curve("submit → durable answer by size, window 100 (above 254: message_payload)", "octets of text", by_size,
                  [10, 50, 100, 160, 254, 1000, 4000]),
}  # fmt: skip


PANELS = (("rate, msg/s", "rate"), ("p99 of the answer, ms", "p99_ms"), ("CPU of the server, µs a message", "cpu_us"))


def curve(name: str, steps: list[int], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Medians of all points of one curve."""
    wanted = CURVES[name]
    with ExitStack() as stack:
        points = list(wanted.make(stack, steps))
        found: list[list[Figures]] = [[] for _ in points]
        for _ in range(rounds):
            for point, figures in zip(points, found, strict=True):
                point.load.seconds = seconds
                plan = Plan(f"{point.x:g}", point.line, point.load, point.sink is not None)
                figures.append(measured(plan, point.server, point.sink))
    return [told(wanted, point, median(figures)) for point, figures in zip(points, found, strict=True)]


def told(wanted: Curve, point: Point, figures: Figures) -> dict[str, Any]:
    rate, (p50, p99, longest) = getattr(figures, wanted.rate), figures.answered_in
    name = next(iter(figures.costs))
    cost = figures.costs[name]
    print(
        f"{wanted.x:>16} {point.x:>12,.0f} {point.line:>6}: {rate:>9,.0f}/s, answer p50 {p50:.2f} p99 {p99:.2f} ms, ",
        end="",
    )
    print(f"{cost.cpu_s_per_1000 * 1000:.1f} µs CPU, {cost.peak_rss_mib:.0f} MiB {figures.remark}", flush=True)
    return {
        "line": point.line, "x": point.x, "rate": round(rate), "p50_ms": p50, "p99_ms": p99, "max_ms": longest,
        "cpu_us": round(cost.cpu_s_per_1000 * 1000, 1), "peak_rss_mib": round(cost.peak_rss_mib),
        "client_us": round(figures.costs["client"].cpu_s_per_1000 * 1000, 1),
    }  # fmt: skip


def draw(measured_curves: dict[str, Any], out: Path) -> None:
    for name, kept in measured_curves.items():
        wanted = CURVES[name]
        panels = []
        for title, value in PANELS:
            lines: dict[str, list[tuple[float, float]]] = {}
            for point in kept["points"]:
                lines.setdefault(point["line"], []).append((point["x"], point[value]))
            panels.append(Panel(title, wanted.x, dict(lines), is_log=True))
        figure(f"{wanted.title}  ({kept['measured']['on']})", panels, out / f"{name}.svg", across=3)


COLUMNS = ("by", "measured", "load before", "rate/s", "answer p99 ms", "CPU µs a message")


def curves_table(kept: dict[str, Any]) -> str:
    """From the smallest to the greatest step of each curve of smscd."""
    rows = []
    for name in (name for name in CURVES if name in kept):
        points = [point for point in kept[name]["points"] if point["line"] == "smscd"]
        first, last = points[0], points[-1]
        rows.append(
            [f"{CURVES[name].x}, {first['x']:,} to {last['x']:,}", kept[name]["measured"]["on"],
             kept[name]["measured"]["load"], f"{first['rate']:,} to {last['rate']:,}",
             f"{first['p99_ms']:.1f} to {last['p99_ms']:.1f}", f"{first['cpu_us']:.0f} to {last['cpu_us']:.0f}"]
        )  # fmt: skip
    return table(rows, COLUMNS)


def is_known(kept: dict[str, Any]) -> bool:
    """Whether it was measured in these hours, with nobody else at work."""
    measured = kept["measured"]
    then = dt.datetime.strptime(measured["on"], "%Y-%m-%d %H:%M UTC").replace(tzinfo=dt.UTC)
    return dt.datetime.now(dt.UTC) - then < RECENT and float(measured["load"]) <= QUIET


def measure(names: list[str], asked: argparse.Namespace, kept: dict[str, Any]) -> None:
    """Each curve is kept as soon as it is known. One that fails leaves its place to the next."""
    end = time.monotonic() + 60 * (asked.minutes or math.inf)
    for name in names:
        if time.monotonic() > end:
            print(f"{name}: left out, {asked.minutes} minutes are over", flush=True)
            continue
        steps = [step for step in CURVES[name].steps if not asked.most or step <= asked.most]
        circumstances, began = keeping.circumstances(), time.monotonic()
        try:
            points = curve(name, steps, asked.rounds, asked.seconds)
        except (SystemExit, OSError, RuntimeError, ValueError, AssertionError, subprocess.SubprocessError) as fault:
            print(f"{name}: left out, {fault!r}", flush=True)
            continue
        kept[name] = {"measured": circumstances, "rounds": asked.rounds, "points": points}
        keeping.keep("curves", kept, asked.out)
        draw({name: kept[name]}, asked.out)
        print(f"{name}: {time.monotonic() - began:.0f} s", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--curves", default=",".join(CURVES))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--most", type=int, default=0, help="leave out greater steps; 0: none")
    parser.add_argument("--minutes", type=float, default=0.0, help="begin no curve after so many; 0: all")
    parser.add_argument("--resume", action="store_true", help="leave out what is known")
    parser.add_argument("--draw", action="store_true")
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    kept = keeping.read("curves", asked.out)
    if asked.draw:
        draw(kept, asked.out)
        return
    names = [name for name in asked.curves.split(",") if not (asked.resume and name in kept and is_known(kept[name]))]
    measure(names, asked, kept)


if __name__ == "__main__":
    main()
