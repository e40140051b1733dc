"""One run of one server under one load, and what it cost every process; many of them in turn, and their medians."""

from __future__ import annotations

import dataclasses
import os
import statistics
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import sendsms
from load import Load, Result, percentiles, run
from processes import Cost, Meter, peak_rss_of
from servers import UPSTREAM_KINDS, Running, SinkProcess, sink, target

WARM_UP = 2_000
"""Messages before it counts: files are created, caches are filled."""
PACED = 100
"""The same where messages are paced."""

COLUMNS = (
    "what", "server", "answers/s", "upstream/s", "receipts/s", "answer p50 p99 max ms", "upstream p50 p99 max ms",
    "CPU s/1000", "peak RSS MiB",
)  # fmt: skip


@dataclass
class Figures:
    """Of one run. Rates per second, times in milliseconds: p50, p99 and the longest."""

    what: str
    server: str
    answers: float = 0.0
    upstream: float = 0.0
    receipts: float = 0.0
    answered_in: tuple[float, ...] = (0.0, 0.0, 0.0)
    reached_in: tuple[float, ...] = (0.0, 0.0, 0.0)
    costs: dict[str, Cost] = field(default_factory=dict)
    remark: str = ""

    def cells(self) -> list[str]:
        """As COLUMNS."""
        return [
            self.what, self.server, f"{self.answers:,.0f}",
            f"{self.upstream:,.0f}" if self.upstream else "-", f"{self.receipts:,.0f}" if self.receipts else "-",
            " ".join(f"{each:.2f}" for each in self.answered_in),
            " ".join(f"{each:.2f}" for each in self.reached_in) if self.upstream else "-",
            ", ".join(f"{name} {cost.cpu_s_per_1000:.4f}" for name, cost in self.costs.items()),
            ", ".join(f"{name} {cost.peak_rss_mib:.0f}" for name, cost in self.costs.items()),
        ]  # fmt: skip


@dataclass
class Plan:
    """A run to be: `kind` as servers.py names it."""

    what: str
    kind: str
    load: Load
    has_sink: bool = False


def once(plan: Plan) -> Figures:
    """A fresh server, a warm-up, the load."""
    if not plan.has_sink and plan.kind not in UPSTREAM_KINDS:
        with target(plan.kind) as server:
            return measured(plan, server, None)
    with (
        sink(*(["--receipts"] if plan.load.receipts else [])) as upstream,
        target(plan.kind, upstream.port, plan.load.window) as server,
    ):
        return measured(plan, server, upstream)


def measured(plan: Plan, server: Running, upstream: SinkProcess | None) -> Figures:
    """What came of the load of `plan` on a server that runs."""
    load = dataclasses.replace(plan.load, port=server.port, stamp=upstream is not None)
    warm_up = PACED if load.rate else WARM_UP
    drive(server, dataclasses.replace(load, count=warm_up, seconds=0.0))
    if upstream is not None:
        upstream.until(warm_up)
    time.sleep(0.3)  # what follows an answer has ended: the network's outcomes, records
    meter = Meter(server.pids)
    result = drive(server, load)
    reached = upstream.until(result.answered) if upstream is not None else None
    return told(plan, result, reached, meter, upstream)


def told(
    plan: Plan, result: Result, reached: dict[str, float] | None, meter: Meter, upstream: SinkProcess | None
) -> Figures:  # fmt: skip
    done, messages = result.summary(), result.answered
    figures = Figures(plan.what, plan.kind, done["rate_per_s"], receipts=done["circle_per_s"])
    figures.answered_in = percentiles(result.latencies)
    figures.costs = meter.costs(messages)
    figures.costs["client"] = Cost(result.client_cpu * 1000 / max(messages, 1), peak_rss_of(os.getpid()))
    if reached is not None and upstream is not None:
        figures.upstream = reached["submits"] / max(reached["last_submit"] - result.began, 0.001)
        figures.reached_in = (reached["p50_ms"], reached["p99_ms"], reached["max_ms"])
        figures.costs["sink"] = Cost(reached["cpu_s"] * 1000 / max(messages, 1), peak_rss_of(upstream.pid))
        if reached["submits"] != messages:
            figures.remark = f"{messages} accepted, {result.refused} refused, {reached['submits']:.0f} at the sink"
    elif result.refused:
        figures.remark = f"{result.refused} refused"
    return figures


def drive(server: Running, load: Load) -> Result:
    """The same work by the door that the server has."""
    return run(load) if server.door == "smpp" else sendsms.run(load)


def many(plans: Sequence[Plan], rounds: int) -> list[Figures]:
    """Each plan `rounds` times, in turn, for the machine's speed changes by the minute; the medians."""
    all_of_them: list[list[Figures]] = [[] for _ in plans]
    for _ in range(rounds):
        for plan, found in zip(plans, all_of_them, strict=True):
            found.append(once(plan))
    return [median(found) for found in all_of_them]


def median(found: list[Figures]) -> Figures:
    """Field by field."""
    first = found[0]
    whole = Figures(first.what, first.server, remark="; ".join(each.remark for each in found if each.remark))
    whole.answers, whole.upstream, whole.receipts = (
        statistics.median(getattr(each, name) for each in found) for name in ("answers", "upstream", "receipts")
    )
    whole.answered_in = _medians(each.answered_in for each in found)
    whole.reached_in = _medians(each.reached_in for each in found)
    for name in first.costs:
        cpu, rss = _medians((each.costs[name].cpu_s_per_1000, each.costs[name].peak_rss_mib) for each in found)
        whole.costs[name] = Cost(cpu, rss)
    return whole


def _medians(found: Iterable[tuple[float, ...]]) -> tuple[float, ...]:
    return tuple(statistics.median(each) for each in zip(*found, strict=True))


def table(rows: Sequence[Sequence[str]], columns: Sequence[str] = COLUMNS) -> str:
    """Markdown, as it goes into docs/performance.md."""
    widths = [max(len(str(cell)) for cell in column) for column in zip(columns, *rows, strict=True)]
    lines = [columns, ["-" * width for width in widths], *rows]
    return "\n".join(
        "| " + " | ".join(f"{cell!s:<{width}}" for cell, width in zip(line, widths, strict=True)) + " |"
        for line in lines
    )


def show(figures: Sequence[Figures]) -> None:
    print(table([each.cells() for each in figures]), flush=True)
    for each in figures:
        if each.remark:
            print(f"{each.what}, {each.server}: {each.remark}")
