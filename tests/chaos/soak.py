"""The long runs, by hand: `scripts/soak`.

    scripts/soak --minutes 30            one fault after the other under load, conservation checked after each
    scripts/soak --minutes 30 --gateway  the same through to an upstream that writes down what it is handed
    scripts/soak --minutes 30 --steady   one life under load: memory, descriptors and latency must stay as they are
    --seed N                             the same faults again

Ends with 1 at the first broken promise, with everything that is needed to look into it left where it says.
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from smscd.daemon.house import EXIT_BROKEN
from tests.chaos.chaotic import Chaotic
from tests.chaos.ordeal import WATCHFUL, Ordeal
from tests.chaos.road import road
from tests.chaos.shim import built
from tests.chaos.traffic import Traffic
from tests.machine import PATIENCE

Fault = Callable[["Soak"], Awaitable[None]]

SAMPLE = 10.0
"""Seconds between two looks at a steady process."""
GROWTH = 1.15, 8 * 1024
"""Last quarter against first quarter of a steady run: so many times the RSS and so many KiB more is growth."""


class Soak:
    """One smscd with traffic, and what is done to it."""

    def __init__(self, directory: Path, seed: int, *, shadowed: bool) -> None:
        self.dice = random.Random(seed)
        self.smscd = Chaotic(directory, shadowed=shadowed)
        self.traffic = Traffic(self.smscd, self.dice)

    async def more(self) -> None:
        await self.traffic.test.more(self.dice.randrange(100, 5000))

    async def crashes(self, minutes: float) -> list[str]:
        """Round after round until the time is over; what went wrong in the last."""
        end = time.monotonic() + minutes * 60
        number = 0
        await self.smscd.begin()
        while time.monotonic() < end:
            fault = self.dice.choice(FAULTS)
            await self.traffic.begin(number)
            try:
                await self.more()
                await fault(self)
                await self.traffic.end()
                if not self.smscd.alive:
                    await self.smscd.begin()
                wrong = await self.traffic.settled()
            except (AssertionError, TimeoutError, subprocess.TimeoutExpired) as broken:
                wrong = [f"{type(broken).__name__}: {broken}"]
            print(f"round {number} {fault.__name__}: {self.traffic}", flush=True)
            if wrong:
                return wrong
            number += 1
        return []

    async def steady(self, minutes: float) -> list[str]:
        """One life; what grew in it."""
        end = time.monotonic() + minutes * 60
        samples: list[tuple[int, int, float]] = []
        await self.smscd.begin()
        await self.traffic.begin(0)
        while time.monotonic() < end:
            await asyncio.sleep(SAMPLE)
            waited = statistics.quantiles(self.traffic.test.waited, n=100)[98]
            samples.append((*resources(self.smscd.pid), waited))
            print("rss {} KiB, {} descriptors, p99 {:.1f} ms".format(*samples[-1][:2], waited * 1000), flush=True)
        await self.traffic.end()
        wrong = await self.traffic.settled()
        return wrong + grown(samples)


def resources(pid: int) -> tuple[int, int]:
    """RSS in KiB, and open descriptors."""
    status = Path(f"/proc/{pid}/status").read_text()
    resident = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(resident.split()[1]), len(list(Path(f"/proc/{pid}/fd").iterdir()))


def grown(samples: list[tuple[int, int, float]]) -> list[str]:
    """What is larger in the last quarter of `samples` than in the first by more than chance."""
    quarter = max(1, len(samples) // 4)
    first, last = ([statistics.median(one) for one in zip(*part, strict=True)]
                   for part in (samples[:quarter], samples[-quarter:]))  # fmt: skip
    wrong = []
    times, more = GROWTH
    if last[0] > first[0] * times + more:
        wrong.append(f"RSS grew from {first[0]:.0f} to {last[0]:.0f} KiB")
    if last[1] > first[1] + 2:
        wrong.append(f"descriptors grew from {first[1]:.0f} to {last[1]:.0f}")
    if last[2] > 3 * first[2]:
        wrong.append(f"p99 grew from {first[2] * 1000:.1f} to {last[2] * 1000:.1f} ms")
    return wrong


# --- the faults -------------------------------------------------------------------------------------------------------


async def kill_9(soak: Soak) -> None:
    soak.smscd.kill()


async def power_cut(soak: Soak) -> None:
    soak.smscd.cut_power()


async def sigterm(soak: Soak) -> None:
    assert await soak.smscd.halt() == 0


async def failed_sync(soak: Soak) -> None:
    soak.smscd.shim.fail_sync(errno.EIO, of=soak.dice.choice(["", "smscd.db", "-wal"]))
    assert await soak.smscd.ended(patience=PATIENCE) == EXIT_BROKEN
    soak.smscd.shim.fail_sync(0)


async def full_disk(soak: Soak) -> None:
    """Then a crash while it is full, every other time."""
    soak.smscd.shim.fail_write(errno.ENOSPC, of=soak.dice.choice(["", "smscd.db", "-shm"]))
    await soak.more()
    if soak.dice.random() < 0.5:
        soak.smscd.kill()
    soak.smscd.shim.fail_write(0)


async def freeze(soak: Soak) -> None:
    assert soak.smscd.process is not None
    soak.smscd.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(soak.dice.uniform(0.1, 3.0))
    soak.smscd.process.send_signal(signal.SIGCONT)
    await soak.more()


async def reset(soak: Soak) -> None:
    for esme in soak.traffic.esmes:
        esme.reset()


async def clock_back(soak: Soak) -> None:
    """An hour back, and right again; with a crash in between every other time."""
    soak.smscd.shim.step_clock(-3600)
    await soak.more()
    if soak.dice.random() < 0.5:
        soak.smscd.kill()
    soak.smscd.shim.step_clock(0)


async def killed_starts(soak: Soak) -> None:
    """kill -9, and again in the middle of the recoveries that follow."""
    soak.smscd.kill()
    for _ in range(soak.dice.randrange(1, 4)):
        soak.smscd.process = soak.smscd.launch()
        await asyncio.sleep(soak.dice.uniform(0.2, 1.0))
        soak.smscd.kill()


FAULTS: list[Fault] = [
    kill_9, power_cut, sigterm, failed_sync, full_disk, freeze, reset, clock_back, killed_starts
]  # fmt: skip


async def _main(arguments: argparse.Namespace) -> int:
    directory = Path(tempfile.mkdtemp(prefix="smscd-soak-"))
    if arguments.gateway:
        return await _through(directory, arguments)
    soak = Soak(directory, arguments.seed, shadowed=not arguments.steady)  # the shadow copies cost time
    print(f"--seed {arguments.seed}; the log is {soak.smscd.log}", flush=True)
    try:
        wrong = await (soak.steady if arguments.steady else soak.crashes)(arguments.minutes)
        kept = directory / "data"
        if wrong:
            soak.smscd.kill()
            shutil.copytree(soak.smscd.data_dir, kept, ignore=shutil.ignore_patterns("*.sock"))
    finally:
        soak.smscd.__exit__(None, None, None)
    for line in wrong:
        print(f"BROKEN: {line}")
    if wrong:
        print(f"what it left behind: {kept}")
        return 1
    shutil.rmtree(directory)
    print(f"kept its promises: {soak.traffic}")
    return 0


async def _through(directory: Path, arguments: argparse.Namespace) -> int:
    print(f"--seed {arguments.seed}; everything is in {directory}", flush=True)

    def build(text: str, **how: Any) -> Chaotic:
        return Chaotic(directory / "smscd", text, data_dir=directory / "data", **how)

    options = ("--answer-after", "0.002", "--mo-every", "10")
    async with road(build, directory, *options, keys=WATCHFUL, shadowed=True) as way:
        wrong = await Ordeal(way, random.Random(arguments.seed)).rounds(arguments.minutes)
        for line in wrong:
            print(f"BROKEN: {line}")
        if not wrong:
            print(f"kept its promises: {way.ledger}; {way.duplicates} handed over again")
    if not wrong:
        shutil.rmtree(directory)
    return bool(wrong)


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    parser.add_argument("--steady", action="store_true")
    parser.add_argument("--gateway", action="store_true")
    try:
        built()
    except pytest.skip.Exception as reason:
        print(f"scripts/soak: {reason}", file=sys.stderr)
        return 2
    return asyncio.run(_main(parser.parse_args()))


if __name__ == "__main__":
    sys.exit(main())
