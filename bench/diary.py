"""smscd with a diary: when it synced, checkpointed, collected, reloaded, purged, and when its loop was late.

    python bench/diary.py DIARY run --config FILE

The diary is written at the stop: one JSON line [from, to, what] a thing that took a millisecond or more, in seconds of
the machine's monotonic clock. Lines on standard input make it do something at once: checkpoint, gc.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sqlite3
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from smscd import cli, daemon
from smscd.daemon.house import House
from smscd.store import forgetting, sqlite
from smscd.store.reader import Reader

WORTH = 0.001
"""Seconds: what takes less explains no pause."""
TICK = 0.01
"""Seconds between two looks at whether the loop is late."""

entries: list[tuple[float, float, str]] = []


def note(began: float, what: str) -> None:
    """`what` went on from `began` until now."""
    now = time.monotonic()
    if now - began >= WORTH:
        entries.append((began, now, what))


def watched(work: Callable[..., Any], what: str) -> Callable[..., Any]:
    """`work` of the writer's thread."""

    def do(connection: sqlite3.Connection, *arguments: Any) -> Any:
        began = time.monotonic()
        try:
            return work(connection, *arguments)
        finally:
            statements = f" ({len(arguments[0])} statements)" if what in {"transact", "write"} else ""
            note(began, what + statements)

    return do


def awaited(work: Callable[..., Awaitable[Any]], what: str) -> Callable[..., Awaitable[Any]]:
    """`work` of the loop, from its beginning to its end."""

    async def do(*arguments: Any, **named: Any) -> Any:
        began = time.monotonic()
        try:
            return await work(*arguments, **named)
        finally:
            note(began, what)

    return do


def collecting(phase: str, figures: dict[str, int]) -> None:
    """See `gc.callbacks`."""
    if phase == "start":
        collecting.began = time.monotonic()  # type: ignore[attr-defined]
    else:
        note(collecting.began, f"gc of generation {figures['generation']}")  # type: ignore[attr-defined]


async def mind_the_loop() -> None:
    while True:
        began, ran = time.monotonic(), time.thread_time()
        await asyncio.sleep(TICK)
        if time.monotonic() - began > TICK + 0.005:
            computed = f"loop late, computed {1000 * (time.thread_time() - ran):.0f} ms of"
            entries.append((began + TICK, time.monotonic(), computed))


async def obey(house: House) -> None:
    """What standard input says."""
    lines = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    while line := await lines.readline():
        began, word = time.monotonic(), line.decode().strip()
        if word == "checkpoint":
            store = house.store
            store._commit.between_batches(store._checkpoint)  # noqa: SLF001 - nobody else asks for one
        elif word == "gc":
            gc.collect()
        note(began, word)


def keep() -> None:
    """Put the pen into every hand."""
    start = House.start  # a diary looks over everybody's shoulder
    tasks = []

    async def started(house: House) -> None:
        await start(house)
        tasks.extend([asyncio.create_task(mind_the_loop()), asyncio.create_task(obey(house))])

    for room, name in ((sqlite, "write"), (sqlite, "_checkpoint"), (forgetting, "forget")):
        setattr(room, name, watched(getattr(room, name), name.strip("_")))
    setattr(House, "start", started)  # noqa: B010 - mypy lets nobody assign to a method
    for owner, name, what in (
        (Reader, "ask", "question"), (daemon, "reload", "reload"),
    ):  # fmt: skip
        setattr(owner, name, awaited(getattr(owner, name), what))
    gc.callbacks.append(collecting)


if __name__ == "__main__":
    diary = Path(sys.argv.pop(1))
    keep()
    try:
        cli.main()
    finally:
        diary.write_text("".join(json.dumps(entry) + "\n" for entry in sorted(entries)))
