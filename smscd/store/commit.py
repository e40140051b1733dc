"""The loop that commits batches.

While one commit is on its way to the disk the next batch gathers: the cost of a sync is divided by the number of
messages that waited for it. What somebody waits for is committed at once by an idle store, and a busy one batches by
itself. What nobody waits for goes with it; in a lull it is written without a sync, so that whoever comes next has only
rows of their own to wait for, and it is synced a little later where nothing else has been.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import nullcontext
from typing import NamedTuple

import structlog

from smscd.background import courteous
from smscd.clock import SECOND, Clock
from smscd.counters import StoreCounters
from smscd.errors import StoreBroken, StoreFull
from smscd.message import Message
from smscd.store.batch import Batch

log = structlog.get_logger("smscd.store")

FULL_PAUSE = 1.0
"""Seconds between two attempts while the disk is full: long enough to cost nothing, short enough to notice room."""

LULL = 0.004
"""Seconds that facts nobody waits for stay in memory: under load a commit that somebody waits for comes sooner. What
comes after others were written in a lull waits for the sync of these."""

LEISURE = 0.02
"""Seconds more until they are synced by themselves: a submit that came meanwhile would wait for that."""

LEISURELY = 1000
"""Messages that gather without anybody waiting for them: with more, a commit of their own costs less than the wait."""

ENOUGH = 50
"""New messages of one read that are worth a commit of their own: it is on its way while the next peer is read from."""

MANY = 20
"""Answers of one commit from which on more messages are sure to come: these are handed on before others are let in."""

FEW = 20
"""Facts of one commit below which whoever computes gives the interpreter away for it: its statements would wait for
that longer than for the disk. With more the loop has much to do itself, and all costs less if it does that first."""


class UnderWay(NamedTuple):
    """A batch that was taken to be written."""

    batch: Batch
    number: int
    since: float
    written: Awaitable[None] | None
    """None where there was nothing to write."""


class GroupCommit:
    """Takes the gathering batch, writes it, releases its answers, and begins again.

    `write` begins to write a batch, with what its messages are at that moment, and returns what ends when it is on
    stable storage, or in the hands of the system if the batch is `at_leisure`; `sync` sees to the rest of those. One
    batch is written at a time. The next one is begun before the last one's answers are given, so that the disk works
    while the loop does.
    """

    def __init__(
        self,
        write: Callable[[Batch], Awaitable[None] | None],
        sync: Callable[[], Awaitable[None] | None],
        clock: Clock,
        counters: StoreCounters,
        on_broken: Callable[[StoreBroken], None],
        on_closed: Callable[[list[Message]], None],
        on_dropped: Callable[[list[Message]], None],
        on_written: Callable[[], None] = lambda: None,
    ) -> None:
        self.gathering = Batch()
        self.full = False
        self._write = write
        self._sync = sync
        self._clock = clock
        self._counters = counters
        self._on_broken = on_broken
        self._on_closed = on_closed
        self._on_dropped = on_dropped
        self._on_written = on_written
        self._wake = asyncio.Event()
        self._hurried = False  # somebody waits for what is gathered
        self._unsynced = False  # of what was written at leisure a power cut may leave nothing
        self._later: asyncio.TimerHandle | None = None
        self._under_way: UnderWay | None = None
        self._begun = 0  # batches that were taken to be written
        self._done = 0  # the last of them that was written, or of which nothing was left to write
        self._waiters: list[tuple[int, asyncio.Future[None]]] = []
        self._stopping = False
        self._between: list[Callable[[], Awaitable[None]]] = []

    def wake(self) -> None:
        """Something was gathered. Cheap; call it once per act or once per read."""
        self._hurried = True
        self._wake.set()

    def wake_later(self) -> None:
        """As `wake`, for facts that nobody waits for: with the next commit, or written in a lull."""
        if len(self.gathering) >= LEISURELY:
            self.wake()
        elif self._later is None and not self._wake.is_set():
            self._later = asyncio.get_running_loop().call_later(LULL, self._lull)

    def _lull(self) -> None:
        """Nobody has asked for a commit in a while; if one is under way that is none."""
        self._later = None
        if self._under_way is None:
            self._wake.set()

    def read_ended(self) -> None:
        """All that a read was about has been gathered: no act is half done."""
        if self._stopping:  # a start that failed closes the store under upstreams that deliver already
            return
        if self._under_way is None and len(self.gathering.new) >= ENOUGH and self._may_begin():
            try:
                self._begin()
            except Exception as fault:  # noqa: BLE001 - the peer that was read from must not pay for it
                self._failed(fault)

    def between_batches(self, job: Callable[[], Awaitable[None]]) -> None:
        """Run `job` (a checkpoint) on the writer when no batch is being written."""
        self._between.append(job)
        self._wake.set()

    async def drained(self) -> None:
        """Return when everything gathered so far has been written, whatever is gathered meanwhile.

        While the disk is full that is not before there is room.
        """
        goal = self._begun + bool(self.gathering or self._unsynced)
        if self._done < goal:
            written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append((goal, written))
            self.wake()
            await written

    async def run(self) -> None:
        """Commit until `stop`. Ends early only when the store is broken, or this loop is: nobody else would notice."""
        try:
            await self._run()
        except StoreBroken as broken:
            self._on_broken(broken)
        except Exception as fault:  # noqa: BLE001 - likewise
            self._failed(fault)

    def _failed(self, fault: Exception) -> None:
        """Whatever it is, nothing would ever be committed again."""
        self._on_broken(StoreBroken(f"the commit loop failed: {fault!r}"))

    async def _run(self) -> None:
        while not self._stopping or self.gathering or self._under_way:
            if self._under_way is None and not self._wake.is_set() and not self._stopping:
                if self.gathering:  # put there while the last batch was written, or by its callbacks
                    self.wake_later()
                await self._wake.wait()
            if self._under_way is None:
                self._begin()
            while self._under_way is not None:
                await self._finish(self._under_way)
            if self._between:
                await self._between.pop(0)()
            if self._between:
                self._wake.set()

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    def _may_begin(self) -> bool:
        """Whether somebody asked for a commit, and nothing has to be done before it."""
        return self._wake.is_set() and not self._between and not self.full

    def _begin(self) -> None:
        self._wake.clear()
        hurried, self._hurried = self._hurried, False
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self.gathering or (hurried and self._unsynced):
            batch, self.gathering = self.gathering, Batch()
            batch.at_leisure = not hurried
            self._begun += 1
            written = self._write(batch) if batch else None
            if not hurried:
                self._later = asyncio.get_running_loop().call_later(LEISURE, self.wake)
            elif written is None and self._unsynced:
                written = self._sync()
            self._unsynced = not hurried
            self._under_way = UnderWay(batch, self._begun, self._clock.monotonic(), written)

    async def _finish(self, ours: UnderWay) -> None:
        batch = ours.batch
        try:
            if ours.written is not None:
                with courteous() if len(batch) + len(batch.parts) < FEW else nullcontext():
                    await ours.written
        except StoreFull:
            self._under_way = None
            self._unsynced = True  # it may have had to sync what was written at leisure before it
            self.wake()
            await self._wait_for_room(batch)
            return
        self._under_way = None
        self.full = False
        if self.gathering and self._may_begin():
            self._begin()
        batch.answered()
        waited = batch.waiting
        if waited < MANY:
            await asyncio.sleep(0)  # the answers leave now, before all that follows from the commit
        self._on_written()
        self._counters.batches.observe(len(batch))
        self._counters.commits.observe(self._clock.monotonic() - ours.since)
        if oldest := batch.oldest:
            self._counters.answers.observe(max(0, self._clock.wall() - oldest) / SECOND, waited)
        closed = batch.committed()
        if closed:
            self._on_closed(closed)
        self._written(ours.number)

    def _written(self, number: int) -> None:
        self._done = number
        if self._waiters:
            for goal, waiter in self._waiters:
                if goal <= self._done and not waiter.done():
                    waiter.set_result(None)
            self._waiters = [entry for entry in self._waiters if entry[0] > self._done]

    async def _wait_for_room(self, batch: Batch) -> None:
        """Tell those who wait; what must be written all the same becomes part of the next batch.

        At a stop there is no next batch: a message that was handed over stays so in the store, and what became of it
        is found out again after the next start.
        """
        self.full = True
        self._counters.full += 1
        rest, dropped = batch.refused()
        self._on_dropped(dropped)
        rest.absorb(self.gathering)
        self.gathering = rest
        if rest and self._stopping:
            log.error("stopped on a full disk: what was not written is done again at the next start", facts=len(rest))
            self.gathering = Batch()
        elif rest:
            await asyncio.sleep(FULL_PAUSE)
            self.wake()
        else:
            self._written(self._begun)
        self.full = False
