"""Where the time of a message goes: microseconds of CPU for each room of its journey, summing to what was measured.

    python bench/budget.py [--what submit,forward,circle] [--seconds 20] [--window 100] [--binds 1]

    submit    submit → durable answer, emulated network
    forward   ESME → upstream
    circle    the same, with a receipt for each back to the ESME

How much CPU each thread of a running server used is told by the kernel. The writer's thread is SQLite's, the records'
thread is theirs; the loop's is spread over the rooms by looking at its stack at even steps of its own CPU time
(sampler.py), which neither a busy machine nor waiting for the other threads falsifies. A sample belongs to the
innermost function that ROOMS names, so what a room asks of the codec or the clock is its own. Decoding cannot tell a
submit_sm from a receipt: all PDUs of a message are in it.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import interpreter
import keeping
from load import Load, run
from processes import threads_of
from runs import WARM_UP, table
from servers import EMULATED, HERE, Smscd, route, sink, upstream

SETTLING = r"journey\.py:(settle|close|_close_all|_release|report|expire|delivered|_defer|hold)"
READING = r"pdu/receipt\.py:(parse|read)|plain_receipt\.py:decode"
UPSTREAM = r"journey\.py:(accepted_all|outcome|_taken_over|taken_over|handed_over)"
ROOMS: list[tuple[str, str]] = [
    ("frame", r"pdu/framer\.py:"),
    ("decode, all PDUs of the message", r"pdu/codec\.py:decode|pdu/decoding\.py:"),
    ("receipt parse", READING + r"|smpp/reading\.py:|smpp/connector\.py:(delivered|read_)"),
    ("correlate", r"reports\.py:|parking\.py:|smpp/correlation\.py:"),
    ("opt-out", r"interception\.py:|optout/|blocklist\.py:"),
    ("route", r"routing/|ways\.py:|plain\.py:_rules"),
    ("admit, make the message", r"admission/|listener/|plain\.py:|journey\.py:accept(_all)?$|message\.py:submitted"),
    (
        "upstream response",
        UPSTREAM + r"|smpp/connector\.py:(taken|answered)|smpp/line\.py:(events|_happened|_answered)",
    ),
    ("deliver to the ESME", r"connectors/esme\.py:"),
    ("encode, hand over", r"connectors/smpp/|connectors/emulator/|parts\.py:|dress\.py:"),
    ("settle, make the receipt", SETTLING + r"|receipts\.py:|plain_receipt\.py:about|joining\.py:"),
    ("schedule", r"scheduler/|queueing\.py:|journey\.py:|aging\.py:"),
    ("records", r"admin/record"),
    ("commit: rows", r"store/"),
    ("session", r"session/"),
    ("link: flush, system calls", r"link/"),
]
"""The first that matches decides, for the innermost function that any of them knows."""
SQLITE, RECORDS, LOOP, OTHER = (
    "commit: SQLite, its thread",
    "records, their thread",
    "loop: uvloop, system calls",
    "other",
)
ORDER = [*(room for room, _ in ROOMS), LOOP, SQLITE, RECORDS, OTHER]
THREADS = (("_connection_worker_thread", SQLITE), ("records", RECORDS), ("MainThread", LOOP))
_PATTERNS = [(room, re.compile(pattern)) for room, pattern in ROOMS]


def room_of(stack: Sequence[str]) -> str:
    """Of functions as "journey.py:settle", the innermost first."""
    for place in stack:
        for room, pattern in _PATTERNS:
            if pattern.search(place):
                return room
    return OTHER if stack else LOOP


class Sampled(Smscd):
    """With the sampler in it."""

    @property
    def command(self) -> list[str]:
        return [interpreter.PYTHON, str(HERE / "sampler.py"), str(self.samples), "run", "--config", str(self.config)]

    @property
    def samples(self) -> Path:
        return self.directory / "samples.json"

    def told(self) -> dict[str, Any]:
        """What was sampled since the last time."""
        self.samples.unlink(missing_ok=True)
        os.kill(self.pid, signal.SIGUSR2)
        while not self.samples.exists():
            time.sleep(0.01)
        found: dict[str, Any] = json.loads(self.samples.read_text())
        return found


Budget = tuple[dict[str, float], dict[str, float]]
"""Microseconds per message by room, and what else there is to say."""


def measured(what: str, seconds: float, window: int, binds: int) -> Budget:
    receipts = what == "circle"
    with (
        sink(*(["--receipts"] if receipts else [])) as alive,
        tempfile.TemporaryDirectory(prefix="smscd-bench-") as directory,
    ):
        ways = EMULATED if what == "submit" else upstream("alive", alive.port, window) + route("alive")
        server = Sampled(Path(directory), ways)
        try:
            server.start()
            time.sleep(0.5)
            load = Load(port=server.port, binds=binds, window=window, receipts=receipts, count=WARM_UP)
            load.stamp = what != "submit"
            run(load)
            load.seconds = seconds
            alive.figures()
            rooms, told = _measured(server, load)
            told["sink_us"] = alive.figures()["cpu_s"] * told["each"]
            return rooms, told
        finally:
            server.stop()


def _measured(server: Sampled, load: Load) -> Budget:
    server.told()
    before = threads_of(server.pid)
    result = run(load)
    time.sleep(0.3)
    used = {thread: cpu - before.get(thread, 0.0) for thread, cpu in threads_of(server.pid).items()}
    sampled = server.told()
    each = 1e6 / max(result.answered, 1)
    rooms: defaultdict[str, float] = defaultdict(float)
    for thread, cpu in used.items():
        name = sampled["threads"].get(str(thread), "")
        rooms[next((room for part, room in THREADS if part in name), OTHER)] += cpu * each
    samples = Counter[str]()
    for count, *stack in sampled["stacks"]:
        samples[room_of(stack)] += count
    loop = rooms.pop(LOOP)
    for room, count in samples.items():
        rooms[room] += loop * count / samples.total()
    rate = result.summary()["circle_per_s" if load.receipts else "rate_per_s"]
    told = {"rate": rate, "cpu_us": sum(used.values()) * each, "client_us": result.client_cpu * each, "loop_us": loop,
            "samples": samples.total(), "each": each}  # fmt: skip
    return dict(rooms), told


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--what", default="submit,forward,circle")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--window", type=int, default=100)
    parser.add_argument("--binds", type=int, default=1)
    parser.add_argument("--out", type=Path, default=keeping.OUT)
    asked = parser.parse_args()
    measured_now = keeping.circumstances()
    found = {what: measured(what, asked.seconds, asked.window, asked.binds) for what in asked.what.split(",")}
    kept = {"measured": measured_now, "window": asked.window, "binds": asked.binds, "work": found}
    keeping.keep("budget", kept, asked.out)
    print(budget_table(found))


def budget_table(found: dict[str, Budget]) -> str:
    work = list(found)
    rows = [
        [room, *(f"{found[what][0].get(room, 0.0):.1f}" for what in work)]
        for room in ORDER
        if any(found[what][0].get(room, 0.0) >= 0.05 for what in work)
    ]
    rows.append(["**sum: CPU of smscd**", *(f"**{found[what][1]['cpu_us']:.1f}**" for what in work)])
    rows.append(["of it the loop's thread", *(f"{found[what][1]['loop_us']:.1f}" for what in work)])
    rows.append(["load client, sink", *("{client_us:.1f}, {sink_us:.1f}".format(**found[what][1]) for what in work)])
    rows.append(["msg/s meanwhile", *(f"{found[what][1]['rate']:,.0f}" for what in work)])
    rows.append(["samples", *(f"{found[what][1]['samples']:,.0f}" for what in work)])
    return table(rows, ("µs of CPU per message", *work))


if __name__ == "__main__":
    main()
