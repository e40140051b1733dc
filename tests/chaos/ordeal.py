"""One fault after the other, by chance, on the road from an ESME to the carrier; in the end everything is there."""

from __future__ import annotations

import asyncio
import errno
import random
import signal
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

from smscd.daemon.house import EXIT_BROKEN
from tests.chaos.road import SESSIONS, WINDOW, Road

Fault = Callable[["Ordeal"], Awaitable[None]]

WATCHFUL = 'response_timer = "1s"\nenquire_link_timer = "500ms"\nlate_grace = "0s"'
"""For the connector: a dead upstream is noticed within two seconds."""
PER_FAULT = 2 * WINDOW * SESSIONS
"""What may come twice: a window that was on its way, and one whose answers had not reached the disk."""


class Ordeal:
    """`road` must be shadowed, and its connector `WATCHFUL`; `load`: messages submitted each round."""

    def __init__(self, road: Road, dice: random.Random, *, load: int = 2000) -> None:
        self.road = road
        self.load = load
        self.dice = dice
        self.suffered: list[str] = []

    async def round(self) -> None:
        """Submit as fast as it goes, and suffer one fault in the midst of it."""
        fault = self.dice.choice(FAULTS)
        self.suffered.append(fault.__name__)
        print(f"{fault.__name__}: {self.road.ledger}", flush=True)
        await self.road.pump(count=self.load)
        with suppress(TimeoutError):  # all of them may have been answered before
            await self.more()
        await fault(self)
        if not self.road.smscd.alive:
            await self.road.smscd.begin()

    async def more(self) -> None:
        moment = self.road.ledger.heard + self.dice.randrange(self.load // 10, self.load)
        await self.road.ledger.until(lambda: self.road.ledger.heard >= moment, patience=3.0)

    async def judged(self) -> list[str]:
        """What is wrong, when everything has had its time."""
        wrong = await self.road.conserved()
        if self.road.duplicates > PER_FAULT * len(self.suffered):
            wrong.append(f"{self.road.duplicates} duplicates of {len(self.suffered)} faults")
        return wrong

    async def rounds(self, minutes: float) -> list[str]:
        """Rounds until the time is over, each judged; what is wrong after the last."""
        end = time.monotonic() + minutes * 60
        while time.monotonic() < end:
            await self.round()
            if wrong := await self.judged():
                return wrong
        return []


# --- the faults -------------------------------------------------------------------------------------------------------


async def kill_9(ordeal: Ordeal) -> None:
    ordeal.road.smscd.kill()


async def power_cut(ordeal: Ordeal) -> None:
    ordeal.road.smscd.cut_power()


async def sigterm(ordeal: Ordeal) -> None:
    assert await ordeal.road.smscd.halt() == 0


async def failed_sync(ordeal: Ordeal) -> None:
    smscd = ordeal.road.smscd
    smscd.shim.fail_sync(errno.EIO)
    with suppress(ConnectionError):  # it may have happened already
        await ordeal.road.pump(count=1)  # or there may be nothing to sync
    assert await smscd.ended() == EXIT_BROKEN
    smscd.shim.fail_sync(0)


async def full_disk(ordeal: Ordeal) -> None:
    """And a crash while it is full, every other time."""
    smscd, ledger = ordeal.road.smscd, ordeal.road.ledger
    refused = len(ledger.refused)
    smscd.shim.fail_write(errno.ENOSPC)
    await ordeal.road.pump(count=50)
    await ledger.until(lambda: len(ledger.refused) > refused)
    if ordeal.dice.random() < 0.5:
        smscd.kill()
    smscd.shim.fail_write(0)


async def smscd_freezes(ordeal: Ordeal) -> None:
    assert ordeal.road.smscd.process is not None
    ordeal.road.smscd.process.send_signal(signal.SIGSTOP)
    await asyncio.sleep(ordeal.dice.uniform(0.1, 2.0))
    ordeal.road.smscd.process.send_signal(signal.SIGCONT)


async def carrier_freezes(ordeal: Ordeal) -> None:
    ordeal.road.carrier.freeze()
    await asyncio.sleep(ordeal.dice.uniform(0.1, 2.0))
    ordeal.road.carrier.thaw()


async def reset(ordeal: Ordeal) -> None:
    ordeal.road.cable.reset()


async def black_hole(ordeal: Ordeal) -> None:
    """And a crash in it, every other time."""
    ordeal.road.cable.swallows = True
    await asyncio.sleep(ordeal.dice.uniform(0.1, 2.5))
    if ordeal.dice.random() < 0.5:
        ordeal.road.smscd.kill()
    ordeal.road.cable.heal()


async def single_octets(ordeal: Ordeal) -> None:
    ordeal.road.cable.portion = 1
    await ordeal.more()
    ordeal.road.cable.portion = 0


async def clock_back(ordeal: Ordeal) -> None:
    """An hour back, and right again, with a crash in between every other time."""
    smscd = ordeal.road.smscd
    smscd.shim.step_clock(-3600)
    with suppress(TimeoutError):
        await ordeal.more()
    if ordeal.dice.random() < 0.5:
        smscd.kill()
    smscd.shim.step_clock(0)


async def killed_starts(ordeal: Ordeal) -> None:
    """kill -9, and again in the middle of the recovery that follows."""
    smscd = ordeal.road.smscd
    smscd.kill()
    smscd.process = smscd.launch()
    await asyncio.sleep(ordeal.dice.uniform(0.2, 1.0))
    smscd.kill()


FAULTS: list[Fault] = [
    kill_9, power_cut, sigterm, failed_sync, full_disk, smscd_freezes, carrier_freezes, reset, black_hole,
    single_octets, clock_back, killed_starts,
]  # fmt: skip
