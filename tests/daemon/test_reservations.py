"""Arrival numbers of emulated networks are written down, however long the disk is full."""

from __future__ import annotations

import asyncio

import pytest

from smscd.daemon import reservations
from smscd.daemon.reservations import Reservations
from smscd.errors import StoreFull
from tests.machine import PATIENCE


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reservations, "FULL_PAUSE", 0.0)


class Disk:
    """A store whose disk is full for the first `full` attempts, or for good."""

    def __init__(self, full: int) -> None:
        self.full = full
        self.written: list[int] = []
        self.attempts = 0

    async def set_counter(self, name: str, value: int) -> None:
        assert name == "arrivals:handsets"
        self.attempts += 1
        await asyncio.sleep(0)
        if self.attempts <= self.full:
            raise StoreFull("the disk is full")
        self.written.append(value)


async def until_written(disk: Disk, value: int) -> None:
    async with asyncio.timeout(PATIENCE):
        while value not in disk.written:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)


async def test_what_found_no_room_is_written_when_there_is_some_and_the_newest_wins() -> None:
    disk = Disk(full=5)
    promised = Reservations(disk)  # type: ignore[arg-type]
    promised.reserve("handsets", 10_000)
    await asyncio.sleep(0)
    promised.reserve("handsets", 20_000)
    await until_written(disk, 20_000)
    assert disk.written == [20_000]
    promised.reserve("handsets", 30_000)
    await until_written(disk, 30_000)
    await promised.finish(10.0)
    assert disk.written[-1] == 30_000


async def test_a_stop_does_not_wait_for_a_disk_that_stays_full() -> None:
    disk = Disk(full=1 << 60)
    promised = Reservations(disk)  # type: ignore[arg-type]
    promised.reserve("handsets", 10_000)
    async with asyncio.timeout(PATIENCE):
        await promised.finish(0.01)
    assert disk.written == []
    assert disk.attempts
