"""A house without its scheduler looks well and delivers nothing: it ends, and is started again."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from smscd.config import load
from smscd.daemon import House
from smscd.daemon.house import EXIT_BROKEN
from tests.machine import PATIENCE
from tests.running import EMULATOR


async def test_a_scheduler_that_fails_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "smscd.toml"
    path.write_text(f'[smscd]\ndata_dir = "{tmp_path}"\n' + EMULATOR)
    ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(os, "_exit", ended.set_result)
    ours = House(load(path))

    def fail() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(ours.journey.scheduler, "_mind_the_clock", fail)
    await ours.start()
    try:
        async with asyncio.timeout(PATIENCE):
            assert await ended == EXIT_BROKEN
    finally:
        await ours.stop()
