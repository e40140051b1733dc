"""The targets of the project, each measured now, on this machine, with the floor and Kannel on the same work beside it.

    python bench/targets.py [--rounds 3] [--count 40000] [--queued 1000000] [--kannel kannel|smppbox|none] [--quick]

Prints every run with the cost of every process, then the table of targets, and keeps both in docs/figures/targets.json,
what was not measured this time as it was. Runs of smscd, of the floor and of Kannel take turns, and medians are told,
because a shared machine's speed changes by the minute. A target of rate is reached by its figure, "by ratio" if only by
its ratio to Kannel in this run; the floor beside it says what this machine could have done. `--quick` is for trying the
program out: its figures mean nothing and are not kept.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import backlog
import interpreter
import keeping
from load import Load
from runs import Figures, Plan, many, show, table

TURNS = 7
"""Of a server with a queue and one without."""
HERE = Path(__file__).parent
COLUMNS = ("target", "must", "moonshot", "smscd", "reached?", "floor", "Kannel")


@dataclass
class Target:
    """A line of the table: what was asked, what was found."""

    what: str
    must: str
    moonshot: str
    found: str
    reached: bool | str
    floor: str = ""
    peer: str = ""

    def cells(self) -> list[str]:
        reached = self.reached if isinstance(self.reached, str) else "yes" if self.reached else "**no**"
        return [self.what, self.must, self.moonshot, self.found, reached, self.floor or "-", self.peer or "-"]


def plans(count: int, paced: int, peer: str) -> list[Plan]:
    """The runs under load, smscd between its comparisons."""
    work = [
        ("submit", Load(count=count), ("floor", "smscd")),
        ("forward", Load(count=count), ("floor", "gateway", peer)),
        ("circle", Load(count=count, receipts=True), ("floor", "gateway", peer)),
        ("50 msg/s", Load(count=paced, rate=50.0), ("floor", "gateway", peer)),
    ]
    return [Plan(what, kind, load, has_sink=what != "submit") for what, load, kinds in work for kind in kinds if kind]


Found = dict[tuple[str, str], Figures]


def rates(found: Found, peer: str) -> list[Target]:
    """The three of rate."""
    rows = (
        ("submit → durable answer, one bind, window 100", "submit", "smscd", "answers", 3.0, 35_000, 60_000),
        ("ESME → upstream, no receipts", "forward", "gateway", "upstream", 1.3, 15_000, 30_000),
        ("full circle with receipts", "circle", "gateway", "receipts", 3.0, 9_000, 20_000),
    )
    targets = []
    for name, what, kind, field, ratio, must, moonshot in rows:
        rate = getattr(found[what, kind], field)
        floor = getattr(found[what, "floor"], field)
        of_peer = getattr(found["forward" if what == "submit" else what, peer], field) if peer else 0.0
        beside = f"{of_peer:,.0f}/s; smscd has {rate / of_peer:.1f} × that" if of_peer else ""
        by_ratio = of_peer > 0 and rate >= ratio * of_peer
        enough = rate >= must or ("by ratio" if by_ratio else False)
        targets.append(
            Target(
                name, f"{ratio:g} × Kannel (about {must:,}/s)", f"{moonshot:,}/s", f"{rate:,.0f}/s", enough,
                f"{floor:,.0f}/s", beside,
            )
        )  # fmt: skip
    return targets


def delays(found: Found, peer: str) -> list[Target]:
    """The two at 50 messages a second."""
    targets = []
    for name, field, p50, p99, moonshot in (
        ("submit → answer at 50 msg/s", "answered_in", 1.0, 3.0, 0.5),
        ("submit → upstream at 50 msg/s", "reached_in", 2.0, 6.0, 1.0),
    ):
        ours, floor = (getattr(found["50 msg/s", kind], field) for kind in ("gateway", "floor"))
        theirs = getattr(found["50 msg/s", peer], field) if peer else None
        targets.append(
            Target(
                name, f"p50 ≤ {p50:g} ms, p99 ≤ {p99:g} ms", f"p50 {moonshot:g} ms", _delay(ours),
                ours[0] <= p50 and ours[1] <= p99, _delay(floor), _delay(theirs) if theirs else "",
            )
        )  # fmt: skip
    return targets


def _delay(found: tuple[float, ...]) -> str:
    return f"p50 {found[0]:.2f}, p99 {found[1]:.2f} ms (longest {found[2]:.1f})"


def decoding(seconds: float) -> Target:
    """By the interpreter that is measured."""
    command = [interpreter.PYTHON, str(HERE / "codec.py"), "--target", "--seconds", str(seconds)]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": str(keeping.ROOT)}, stdout=subprocess.PIPE, check=True
    )
    ours, theirs = json.loads(done.stdout)
    return Target(
        "decode submit_sm in pure Python", "≥ 0.4 M/s, 10 × aiosmpplib", "level with the Rust codec, fields read",
        f"{ours / 1e6:.2f} M/s, {ours / theirs:.0f} × aiosmpplib", ours >= 0.4e6 and ours >= 10 * theirs,
    )  # fmt: skip


def waiting(queued: int, count: int, rounds: int) -> list[Target]:
    """RSS idle and with a backlog, throughput beside it, and starts with it: judged as if `queued` were a million."""
    idle = backlog.idle_rss()
    steps = [max(queued // 10, 1), queued]
    some, all_of_them = backlog.backlogs(steps, count, rounds)
    meanwhile = all_of_them.healthy
    return [
        Target("idle RSS", "≤ 80 MiB", "50 MiB", f"{idle:.0f} MiB", idle <= 80),
        Target(
            f"RSS with {queued:,} queued", "≤ 300 MiB", "≤ 150 MiB with 10 M",
            f"{all_of_them.rss:.0f} MiB, peak {all_of_them.peak_rss:.0f}", all_of_them.peak_rss <= 300,
        ),
        Target(
            f"throughput with {queued:,} queued for a dead upstream", "≥ 90 % of the empty-queue rate", "10 M",
            f"{meanwhile.queued:,.0f}/s of {meanwhile.empty:,.0f}/s ({meanwhile.of_empty:.0%})",
            meanwhile.of_empty >= 0.9,
        ),
        Target(f"start with {steps[0]:,} queued", "2 s", "1 s", f"{some.start:.2f} s", some.start <= 2),
        Target(f"start with {queued:,} queued", "10 s", "3 s", f"{all_of_them.start:.2f} s", all_of_them.start <= 10),
    ]  # fmt: skip


def idling(bound: int, seconds: float) -> Target:
    idle = backlog.binds(bound, seconds)
    return Target(
        f"{bound:,} bound sessions, enquire_link every 10 s", "≤ 5 % of a core", "10,000",
        f"{idle.core:.1%} of a core, {idle.enquired:,} enquire_link, {idle.rss:.0f} MiB", idle.core <= 0.05,
    )  # fmt: skip


def near_the_top(found: Found, count: int, rounds: int) -> tuple[list[Figures], list[Target]]:
    """At 80 % of the greatest rates: no cliff."""
    plans, targets = [], []
    for what, kind, field in (("submit", "smscd", "answers"), ("circle", "gateway", "receipts")):
        rate = 0.8 * getattr(found[what, kind], field)
        load = Load(count=count, rate=rate, window=1000, receipts=what == "circle")
        plans.append(Plan(f"{what} at 80 %", kind, load, has_sink=what == "circle"))
    figures = many(plans, rounds)
    for each in figures:
        p50, p99, _ = each.answered_in
        targets.append(
            Target(f"{each.what} of the greatest rate", "p99 < 5 × p50", "", _delay(each.answered_in), p99 < 5 * p50)
        )
    return figures, targets


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=40_000)
    parser.add_argument("--paced", type=int, default=500, help="messages at 50 a second")
    parser.add_argument("--queued", type=int, default=1_000_000)
    parser.add_argument("--bound", type=int, default=1000)
    parser.add_argument("--kannel", default="kannel", choices=("kannel", "smppbox", "none"))
    parser.add_argument("--rows", default="load,top,codec,backlog,binds")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    if asked.quick:
        asked.rounds, asked.count, asked.paced, asked.queued, asked.bound = 1, 4000, 100, 10_000, 100
    peer = "" if asked.kannel == "none" else asked.kannel
    measured = keeping.circumstances()
    print(keeping.sentence(measured | {"rounds": str(asked.rounds)}), flush=True)
    figures, targets = [], []
    rows = asked.rows.split(",")
    if "load" in rows:
        figures = many(plans(asked.count, asked.paced, peer), asked.rounds)
        show(figures)
        found = {(each.what, each.server): each for each in figures}
        targets = rates(found, peer) + delays(found, peer)
        if "top" in rows:
            top, judged = near_the_top(found, asked.count, asked.rounds)
            show(top)
            figures += top
            targets += judged
    rest: dict[str, Callable[[], list[Target]]] = {
        "codec": lambda: [decoding(0.2 if asked.quick else 2.0)],
        "backlog": lambda: waiting(asked.queued, min(asked.count, 20_000), 2 if asked.quick else TURNS),
        "binds": lambda: [idling(asked.bound, 11.0 if asked.quick else 30.0)],
    }
    for row, measure in rest.items():
        if row in rows:
            targets += measure()
            print(table([targets[-1].cells()], COLUMNS), flush=True)
    print(table([each.cells() for each in targets], COLUMNS))
    if not asked.quick:
        keep(measured | {"rounds": str(asked.rounds)}, figures, targets, asked.out)


def keep(measured: dict[str, str], figures: list[Figures], targets: list[Target], out: Path) -> None:
    """With what an earlier run measured of the rest: loads and backlogs take their minutes."""
    old = keeping.read("targets", out)
    runs = [dataclasses.asdict(each) for each in figures] or old.get("runs", [])
    by_name = {each["what"]: each for each in old.get("targets", [])}
    by_name |= {each.what: dataclasses.asdict(each) for each in targets}
    keeping.keep("targets", {"measured": measured, "runs": runs, "targets": list(by_name.values())}, out)


if __name__ == "__main__":
    main()
