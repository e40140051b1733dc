"""Work that is begun and not awaited: somebody keeps it, waits for it at a stop, and says what a fault in it means."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

from structlog.typing import FilteringBoundLogger

Thing = TypeVar("Thing")

PORTION = 200
"""Things that come together and are done with at once, where nothing speaks for another number."""


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


class Together(Generic[Thing]):
    """Things that come one by one and are done with `most` at a time, by one errand for all that come meanwhile.

    A flood of them would otherwise be as many tasks, each with a question of its own to the store. If one portion
    fails, the others wait for the next thing that comes.
    """

    __slots__ = ("_errand", "_errands", "_most", "_waiting", "_work")

    def __init__(self, errands: Errands, work: Callable[[list[Thing]], Awaitable[None]], most: int = PORTION) -> None:
        self._errands = errands
        self._work = work
        self._most = most
        self._waiting: list[Thing] = []
        self._errand: asyncio.Task[None] | None = None

    def add(self, things: Iterable[Thing]) -> None:
        """Do `work` with these too, soon."""
        self._waiting += things
        if self._waiting and (self._errand is None or self._errand.done()):
            self._errand = self._errands.begin(self._do())

    async def _do(self) -> None:
        while self._waiting:
            portion, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            await self._work(portion)


def portions(things: Sequence[Thing], weigh: Callable[[Thing], int], most: int) -> Iterator[list[Thing]]:
    """`things` in their order, as many at a time as weigh `most` together; what weighs more than that comes alone."""
    portion: list[Thing] = []
    weight = 0
    for thing in things:
        its_own = weigh(thing)
        if portion and weight + its_own > most:
            yield portion
            portion, weight = [], 0
        portion.append(thing)
        weight += its_own
    if portion:
        yield portion
