"""smscd with one promise broken on purpose: the negative controls, without which a broken harness would pass.

python -m tests.chaos.launcher answer-first run --config FILE
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from pathlib import Path
from typing import Any

from smscd import cli
from smscd.daemon import house
from smscd.message import SENT
from smscd.pdu import ESME_ROK
from smscd.store import MemoryStore, Recovered, SqliteStore
from smscd.store.batch import Batch


class AnswerFirst(SqliteStore):
    """Every answer is on the wire before its batch is written: what a careless "optimisation" would do."""

    async def _write(self, batch: Batch) -> None:
        for message, answer in batch._answers:
            answer(message, ESME_ROK)
        for messages, answer_all in batch._answers_all:
            answer_all(messages, ESME_ROK)
        batch._answers.clear()
        batch._answers_all.clear()
        await asyncio.sleep(0.2)  # the links flush at the end of this loop turn; a kill now finds much to lose
        if (written := super()._write(batch)) is not None:
            await written


def forgetful(_path: Path, *arguments: Any) -> MemoryStore:
    """Nothing is on disk at all."""
    return MemoryStore(*arguments)


class Unsynced(SqliteStore):
    """Everything is written, nothing is synced: kill -9 does not notice, a power cut does."""

    async def open(self) -> Recovered:
        recovered = await super().open()
        await self._writer.on_writer(lambda connection: connection.execute("PRAGMA synchronous=OFF"))
        return recovered

    def _write(self, batch: Batch) -> Awaitable[None] | None:
        batch.at_leisure = False  # or it would see to it that the next one is synced
        return super()._write(batch)

    async def _sync(self) -> None:
        """Nor is this."""


class Amnesiac(SqliteStore):
    """What an upstream has answered is not written down: after a crash all of it is in doubt."""

    async def _write(self, batch: Batch) -> None:
        for key in [key for key, part in batch.parts.items() if part.stage == SENT]:
            del batch.parts[key]
        if (written := super()._write(batch)) is not None:
            await written


STORES = {"answer-first": AnswerFirst, "forgetful": forgetful, "unsynced": Unsynced, "amnesiac": Amnesiac}

if __name__ == "__main__":
    vars(house)["SqliteStore"] = STORES[sys.argv.pop(1)]
    cli.main()
