"""What is due now: a small window in memory on a queue of any length on disk, one lane per connector.

A lane holds at most `WINDOW` messages that are due, or `MOST` while others are out with its connector; the rest of the
backlog stays in the store and is fetched when the window runs low. What is due later is only remembered as one time
per lane. So a backlog costs disk, not memory, and a destination that is away costs nothing at all: nobody takes from
its lane.

Memory owns a message from the moment it enters a lane or leaves for a connector until the commit of the fact that ends
that. While it is owned, nobody else may act on it: this is what serialises forward, cancel and replace.
"""

from __future__ import annotations

import asyncio
from bisect import insort
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import structlog

from smscd.clock import SECOND, Clock
from smscd.errands import Errands
from smscd.message import LEASED, QUEUED, Message
from smscd.store import LaneState, Store

log = structlog.get_logger("smscd.scheduler")

WINDOW = 1000
"""Messages of one lane held ready in memory."""
MOST = 10_000
"""Messages in memory, of all lanes, up to which a lane that flows may hold more than that: what comes in faster than it
leaves need not be read back for it, 20 µs of CPU each. About 1 KiB each."""
LOW_WATER = 200
"""Fewer than this in memory, and more are fetched."""
REMEMBERED = 10_000
"""Messages kept in memory that wait for a receipt: nearly every receipt comes within seconds, and then needs no look
into the store. About 1 KiB each."""
LONGEST_SLEEP = 1.0
"""Seconds: how late a step of the wall clock is noticed."""

CLOCK_STEP = 2 * SECOND
"""A wall clock that loses more than this against the monotonic one was set back, not slewed."""

PRIORITY_STEP = 30 * SECOND
"""A message of the next higher priority overtakes those that have waited up to this much longer. It is subtracted
from `due` once, so ageing costs nothing and nothing starves."""


class Lane:
    """The queue of one connector."""

    __slots__ = (
        "backlog", "connector", "edge", "entering", "in_flight", "missed", "next_due", "owned", "queued", "ready",
        "refilling", "reserved",
    )  # fmt: skip

    def __init__(self, connector: str) -> None:
        self.connector = connector
        self.ready: list[tuple[int, int, Message]] = []  # (due, id, message), sorted: nearly all come in that order
        self.backlog = False  # due messages are on disk that are not in `ready`
        self.edge = (0, 0)  # (due, id) of the last that came into `ready`: what is before it belongs there too
        self.next_due: int | None = None  # the earliest message on disk that is due later
        self.queued = 0  # messages waiting, in memory or on disk
        self.entering = 0  # those of them that are not committed yet: `push` follows the commit
        self.reserved = 0  # credit spoken for by messages whose lease is being committed
        self.in_flight = 0  # messages out with the connector
        self.owned = 0  # messages in memory: ready, out, or final but not yet committed as such
        self.missed = False  # a message went to disk while a fetch was under way, and the fetch may not have seen it
        self.refilling = False

    @property
    def idle(self) -> bool:
        """Nothing due waits here, so a new message may go straight out without overtaking another."""
        return not (self.ready or self.entering or self.backlog or self.refilling)


class Scheduler:
    """All lanes, and the task that watches the time for them."""

    def __init__(self, store: Store, clock: Clock, on_due: Callable[[str], None]) -> None:
        self.lanes: dict[str, Lane] = {}
        self.owned: dict[int, Message] = {}
        self.remembered: OrderedDict[int, Message] = OrderedDict()
        """As they were released, or will be, in the order in which they were remembered."""
        self._kept: dict[int, int] = {}  # of what is owned: commits of its parts that have to come before its release
        self._left: set[int] = set()  # of those, what nobody else owns any more
        self._store = store
        self._clock = clock
        self._on_due = on_due
        self._changed = asyncio.Event()
        self._errands = Errands(log, "scheduler", "the store could not be asked what is due")
        self._watchers: list[set[int]] = []
        self._offset = clock.wall() - int(clock.monotonic() * SECOND)

    def lane(self, connector: str) -> Lane:
        found = self.lanes.get(connector)
        if found is None:
            found = self.lanes[connector] = Lane(connector)
        return found

    def recover(self, states: list[LaneState]) -> None:
        """Take over what the store found at start; nothing is fetched before somebody takes."""
        for state in states:
            lane = self.lane(state.connector)
            lane.queued = state.queued
            lane.next_due = state.next_due
        self._changed.set()

    # -- in ----------------------------------------------------------------------------------------------------------

    def push(self, message: Message) -> None:
        """A message that has just been committed as queued, and was counted as `entering` until now."""
        self.push_all([message])

    def push_all(self, messages: list[Message]) -> None:
        """`push` for many."""
        now = self._clock.wall()
        lanes: set[Lane] = set()
        for message in messages:
            lane = self.lane(message.connector)
            lanes.add(lane)
            lane.entering -= 1
            if message.due > now:
                self._later(lane, message.due)
                self.release(message)
            elif self._belongs_on_disk(lane, message):
                lane.backlog = lane.missed = True
                self.release(message)
            else:
                self._make_ready(lane, message)
        for lane in lanes:
            self._on_due(lane.connector)

    def _belongs_on_disk(self, lane: Lane, message: Message) -> bool:
        """Behind the backlog; but what came back without an attempt, or is urgent, goes before those in memory."""
        if (message.due, message.id) < lane.edge:
            return self._is_full(lane, 2 * WINDOW)
        return lane.backlog or self._is_full(lane, WINDOW)

    def _is_full(self, lane: Lane, window: int) -> bool:
        flows = lane.in_flight or lane.reserved
        return len(lane.ready) >= window and (not flows or len(self.owned) > MOST)

    def _make_ready(self, lane: Lane, message: Message) -> None:
        if message.id not in self.owned:
            self.own(message)
        place = (message.due, message.id)
        if place > lane.edge:  # behind all that has ever come in
            lane.ready.append((*place, message))
            lane.edge = place
        else:
            insort(lane.ready, (*place, message))

    def _later(self, lane: Lane, due: int) -> None:
        if lane.next_due is None or due < lane.next_due:
            lane.next_due = due
            self._changed.set()

    def own(self, message: Message) -> None:
        """Memory owns `message` from now on, until `release`."""
        if message.id not in self.owned:
            self.owned[message.id] = message
            self.lane(message.connector).owned += 1
        elif self._left:
            self._left.discard(message.id)
        if self.remembered.get(message.id, message) is not message:
            del self.remembered[message.id]  # read from the store anew, and about to change

    def keep(self, message: Message) -> None:
        """Something of `message` is in the batch, and whoever owns it may let go of it before that is committed: then
        it would be read from the store as it was. So it stays in memory until `unkeep`, which follows the commit."""
        if message.id not in self.owned:
            self.own(message)
            self._left.add(message.id)
        self._kept[message.id] = self._kept.get(message.id, 0) + 1

    def unkeep(self, message: Message) -> None:
        """What `keep` was called for is committed."""
        self._kept[message.id] -= 1
        if self._kept[message.id]:
            return
        del self._kept[message.id]
        if message.id in self._left:
            self._left.remove(message.id)
            if message.stage == QUEUED:  # a fetch may have passed over it
                self._later(self.lane(message.connector), message.due)
            self.release(message)

    def remember_all(self, messages: list[Message]) -> None:
        """They wait for a receipt: keep them for the next that asks for them, though the store's rows are the truth."""
        remembered = self.remembered
        for message in messages:
            remembered[message.id] = message
        while len(remembered) > REMEMBERED:
            remembered.popitem(last=False)

    def forget(self, message: Message) -> None:
        """The last receipt that it waited for has come. Its end is recorded while its memory is still at hand, not ten
        thousand messages later, and that memory serves the next ones."""
        self.remembered.pop(message.id, None)

    def own_all(self, lane: Lane, messages: dict[int, Message]) -> None:
        """`own` for new messages of one lane, by their ids."""
        self.owned.update(messages)
        lane.owned += len(messages)

    def release(self, message: Message) -> None:
        """Memory no longer owns `message`: the store's row is the truth again. Call it after the commit."""
        if message.id in self._kept:
            self._left.add(message.id)
            return
        if self.owned.pop(message.id, None) is not None:
            self.lane(message.connector).owned -= 1
        for gone in self._watchers:
            gone.add(message.id)

    def release_all(self, messages: list[Message]) -> None:
        """`release` for what one commit has ended."""
        if self._kept:
            for message in messages:
                self.release(message)
            return
        owned, lanes, watchers = self.owned, self.lanes, self._watchers
        for message in messages:
            if owned.pop(message.id, None) is not None:
                lanes[message.connector].owned -= 1
            for gone in watchers:
                gone.add(message.id)

    def move(self, message: Message, connector: str) -> None:
        """`message`, which memory owns and which waits in no lane, is for another connector from now on."""
        self.lane(message.connector).owned -= 1
        message.connector = connector
        self.lane(connector).owned += 1

    def unwritten(self, message: Message) -> None:
        """The disk had no room for `message`: its lane forgets it."""
        lane = self.lane(message.connector)
        self.release(message)
        if message.stage == LEASED:
            lane.reserved -= 1
            self._on_due(message.connector)
        elif message.stage == QUEUED:
            lane.queued -= 1
            lane.entering -= 1

    @contextmanager
    def watching(self) -> Iterator[set[int]]:
        """Collects what memory lets go of meanwhile: a row read from the store before that is out of date."""
        gone: set[int] = set()
        self._watchers.append(gone)
        try:
            yield gone
        finally:
            # by identity: two empty sets are equal, and `remove` would take somebody else's
            self._watchers = [one for one in self._watchers if one is not gone]

    # -- out ---------------------------------------------------------------------------------------------------------

    def take_all(self, lane: Lane, most: int) -> list[Message]:
        """The next messages that are due in `lane`, in their order, `most` of them at most. Memory owns them still."""
        taken: list[Message] = []
        owned, connector = self.owned, lane.connector
        while lane.ready and len(taken) < most:
            left = most - len(taken)
            first, lane.ready = lane.ready[:left], lane.ready[left:]
            taken += [m for _, _, m in first if m.id in owned and m.connector == connector]
        if lane.backlog and len(lane.ready) < LOW_WATER:
            self._fetch(lane)
        return taken

    def put_back(self, lane: Lane, messages: list[Message]) -> None:
        """The last of those that `take_all` has just given come first again."""
        lane.ready[:0] = [(message.due, message.id, message) for message in messages]

    def drop(self, message: Message) -> bool:
        """Take `message` out of its lane, if that is where it is; the caller then owns it."""
        lane = self.lane(message.connector)
        left = [entry for entry in lane.ready if entry[1] != message.id]
        if len(left) == len(lane.ready):
            return False
        lane.ready = left
        return True

    def _fetch(self, lane: Lane) -> None:
        if not lane.refilling:
            lane.refilling = True
            self._errands.begin(self._refill(lane), f"refill {lane.connector}")

    async def _refill(self, lane: Lane) -> None:
        now = self._clock.wall()
        limit = WINDOW + lane.owned  # what memory owns may still look queued to the store
        lane.missed = False
        try:
            with self.watching() as gone:
                found = await self._store.due(lane.connector, now, limit)
            news = [message for message in found if message.id not in self.owned and message.id not in gone]
            room = max(0, WINDOW - len(lane.ready))
            for message in news[:room]:
                self._make_ready(lane, message)
            passed_over = not gone.isdisjoint(message.id for message in found)  # it may be queued all the same
            lane.backlog = len(found) == limit or lane.missed or len(news) > room or passed_over
            later = await self._store.next_due(lane.connector, now)
            if later is not None:
                self._later(lane, later)
        except Exception:
            self._later(lane, now + SECOND)  # or nobody might ask again
            raise
        finally:
            lane.refilling = False
        self._on_due(lane.connector)

    # -- time --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Fetch what becomes due, until cancelled."""
        while True:
            self._mind_the_clock()
            now = self._clock.wall()
            soonest: int | None = None
            for lane in self.lanes.values():
                if lane.next_due is None:
                    continue
                if lane.next_due <= now:
                    lane.next_due = None
                    lane.backlog = True
                    if len(lane.ready) < LOW_WATER:  # else it is fetched when these have left, however long that takes
                        self._fetch(lane)
                elif soonest is None or lane.next_due < soonest:
                    soonest = lane.next_due
            pause = LONGEST_SLEEP if soonest is None else min(LONGEST_SLEEP, (soonest - now) / SECOND)
            self._changed.clear()
            with suppress(TimeoutError):  # asyncio.wait_for of Python 3.11 may swallow a cancellation
                async with asyncio.timeout(pause):
                    await self._changed.wait()

    def _mind_the_clock(self) -> None:
        """A wall clock that is set back must not make what is due now wait until it comes round again."""
        offset = self._clock.wall() - int(self._clock.monotonic() * SECOND)
        back, self._offset = self._offset - offset, offset
        if back > CLOCK_STEP:
            log.warning("the wall clock was set back", seconds=back / SECOND)
            self._errands.begin(self._set_back(back), "set back")

    async def _set_back(self, by: int) -> None:
        await self._store.committed()  # times from before the step may be in the batch that gathers
        for lane in list(self.lanes.values()):
            now = self._clock.wall()
            await self._store.set_back(lane.connector, by, now)
            for _, _, message in lane.ready:  # as the store does, so that they keep their places before the others
                if message.due > now and (message.attempts or message.due <= message.accepted_at):
                    message.due -= by
            lane.ready = sorted((message.due, message.id, message) for _, _, message in lane.ready)
            lane.edge = lane.ready[-1][:2] if lane.ready else (0, 0)
            lane.next_due = now
        self._changed.set()
