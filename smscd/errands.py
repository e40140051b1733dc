"""Work that is begun and not awaited: somebody keeps it, waits for it at a stop, and says what a fault in it means."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from structlog.typing import FilteringBoundLogger


class Errands:
    """The errands of one room. A fault ends its errand only; it is logged, with `meaning`: what is undone, and why
    that does no lasting harm."""

    __slots__ = ("_log", "_meaning", "_name", "under_way")

    def __init__(self, log: FilteringBoundLogger, name: str, meaning: str) -> None:
        self._log = log
        self._name = name
        self._meaning = meaning
        self.under_way: set[asyncio.Task[None]] = set()  # the loop itself holds tasks weakly only

    def begin(self, work: Coroutine[Any, Any, None], about: str = "") -> asyncio.Task[None]:
        """Do `work` from the next turn of the loop on; `about` is for the log."""
        task = asyncio.create_task(work, name=f"{self._name} {about}".rstrip())
        self.under_way.add(task)
        task.add_done_callback(self._ended)
        return task

    async def finished(self) -> None:
        """Return when nothing is under way, also of what has been begun meanwhile."""
        while self.under_way:
            await asyncio.wait(self.under_way)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.under_way.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            self._log.error(self._meaning, task=task.get_name(), exc_info=fault)
