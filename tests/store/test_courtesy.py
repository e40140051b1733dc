"""A commit of a few waits for the interpreter half a millisecond at a time, not five, while the loop computes."""

from __future__ import annotations

import asyncio
import sys
import threading
from typing import Any

import pytest

from smscd.background import COURTESY
from smscd.message import Message
from smscd.store import sqlite, transaction
from smscd.store.commit import FEW
from tests.cast import message
from tests.machine import PATIENCE
from tests.store.chests import SqliteChest
from tests.store.contract import put


@pytest.mark.parametrize(("messages", "is_courteous"), [(1, True), (FEW - 1, True), (FEW, False)])
async def test_the_interpreter_is_given_away_sooner_while_few_are_written(
    messages: int, is_courteous: bool, chest: SqliteChest, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, seen = sys.getswitchinterval(), []
    loop_had_its_turns = threading.Event()

    def watched(*arguments: Any) -> None:
        loop_had_its_turns.wait(PATIENCE)
        seen.append(sys.getswitchinterval())
        transaction.write(*arguments)

    monkeypatch.setattr(sqlite, "write", watched)
    some: list[Message] = [message() for _ in range(messages)]
    putting = asyncio.create_task(put(chest.store, *some))
    for _ in range(10):
        await asyncio.sleep(0)
    loop_had_its_turns.set()
    await putting
    assert seen == [pytest.approx(COURTESY if is_courteous else usual)]
    assert sys.getswitchinterval() == pytest.approx(usual)
