"""A journey on a stage: a memory store, a clock that stands still, and connectors that do as their script says.

async with Play() as play:
    message = await play.submitted(b"hello")          # accepted, committed, answered, handed over
    play.network.settle(message, DELIVERED)           # what the other side reports
    await play.quiet()                                # until nothing moves any more
    (receipt,) = play.bound.handed                    # it reached the ESME
    play.bound.outcome(receipt, Delivered())
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Coroutine
from copy import copy
from types import TracebackType
from typing import Any, Self, cast

from smscd import pdu
from smscd.admission import Esme
from smscd.ancillary import Ancillary
from smscd.clock import FakeClock
from smscd.connectors import Connector
from smscd.counters import Counters
from smscd.daemon.recovery import recover
from smscd.errors import StoreBroken
from smscd.journey import Journey
from smscd.message import RESEND, Message, MessageIds, Outcome
from smscd.optout import OptOutSettings
from smscd.routing import Receivers, RouteSettings, Ruleset
from smscd.scheduler import RetrySettings
from smscd.store import Batch, LaneState, MemoryStore
from tests.cast import Answers, esme, submit_sm
from tests.machine import PATIENCE

DELIVERED = int(pdu.MessageState.DELIVERED)


async def _turn(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


class SlowStore(MemoryStore):
    """Its readings are true when they are made and old when they arrive, as with any store in another thread."""

    turns = 3
    """Of the loop, until an answer of the store arrives."""
    commit_turns = 3
    """Of the loop, until a batch is written, and again until that is known."""

    async def late(self, found: Any) -> Any:
        await _turn(self.turns)
        return found

    async def _write(self, batch: Batch) -> None:
        """What is written is what was said when the batch was taken; it is seen later, and told later still."""
        said = Batch()
        for name in ("new", "changed", "rewritten", "closing", "parts"):
            getattr(said, name).update({key: copy(value) for key, value in getattr(batch, name).items()})
        said.opt_outs += batch.opt_outs
        await _turn(self.commit_turns)
        await super()._write(said)
        await _turn(self.commit_turns)

    async def due(self, connector: str, now: int, limit: int) -> list[Message]:
        return cast("list[Message]", await self.late(await super().due(connector, now, limit)))

    async def next_due(self, connector: str, after: int) -> int | None:
        return cast("int | None", await self.late(await super().next_due(connector, after)))

    async def queued_for_each(self) -> list[LaneState]:
        return cast("list[LaneState]", await self.late(await super().queued_for_each()))

    async def expired(self, now: int, limit: int) -> list[Message]:
        return cast("list[Message]", await self.late(await super().expired(now, limit)))

    async def leased(self, connector: str, after: int, limit: int) -> list[Message]:
        return cast("list[Message]", await self.late(await super().leased(connector, after, limit)))

    async def overdue(self, connector: str, before: int, after: int, limit: int) -> tuple[list[Message], int | None]:
        found = await self.late(await super().overdue(connector, before, after, limit))
        return cast("tuple[list[Message], int | None]", found)

    async def find(self, message_id: str) -> list[Message]:
        return cast("list[Message]", await self.late(await super().find(message_id)))

    async def pending(self, system_id: str, source_addr: str, destination_addr: str) -> list[Message]:
        return cast("list[Message]", await self.late(await super().pending(system_id, source_addr, destination_addr)))


class Scripted:
    """A connector whose other side is the test: what it was handed, and what the test lets come of it."""

    kind = "scripted"
    provider = ""
    in_doubt = RESEND
    alive = True
    parts_within = 0.0

    def __init__(self, name: str, *, stores_lease: bool = True, room: int = 1_000_000) -> None:
        self.name = name
        self.stores_lease = stores_lease
        self.screens = self.divides = True
        self.shows = b""
        self.room = room  # how many it takes at once; 0: the other side is away
        self.refuse = 0  # the command_status that `screen` gives
        self.recallable = False
        self.at_once: Callable[[Message], Outcome | None] = lambda _message: None
        self.handed: list[Message] = []  # out with the other side, in the order of handing over
        self.history: list[Message] = []  # everything that was ever handed over
        self.resumed: list[Message] = []
        self.news: Journey

    # -- the script --------------------------------------------------------------------------------------------------

    def outcome(self, message: Message, outcome: Outcome, *, ends: bool = True) -> None:
        """Tell what came of it; `ends` says whether the other side is done with it."""
        if ends:
            self.handed.remove(message)
        self.news.outcome(message, 1, outcome)

    def settle(self, message: Message, message_state: int = DELIVERED, error_code: int = 0) -> None:
        self.handed.remove(message)
        self.news.settle(message, message_state, error_code)

    def open(self, room: int = 1_000_000) -> None:
        """The other side takes so many from now on."""
        self.room = room
        self.news.has_credit(self.name)

    # -- Connector ---------------------------------------------------------------------------------------------------

    def divide(self, message: Message) -> int:
        return 1

    def credit(self) -> int:
        return self.room - len(self.handed)

    def screen(self, message: Message) -> int:
        return self.refuse

    def submit(self, messages: list[Message]) -> None:
        for message in messages:
            self.handed.append(message)
            self.history.append(message)
            outcome = self.at_once(message)
            if outcome is not None:
                self.outcome(message, outcome)

    def resume(self, message: Message) -> None:
        self.handed.append(message)
        self.resumed.append(message)

    def recall(self, message: Message) -> bool:
        if self.recallable and message in self.handed:
            self.handed.remove(message)
            return True
        return False

    async def start(self) -> None:
        """Nothing to begin."""

    async def stop(self) -> None:
        """Nothing to end."""

    def status(self) -> dict[str, Any]:
        return {"state": "up", "in_flight": len(self.handed), "credit": self.credit()}


class Turns:
    """Counts the turns of the loop while its block lasts, and what is noted in each."""

    def __init__(self) -> None:
        self.noted: Counter[int] = Counter()
        self._turn = 0
        self._counting: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._counting = asyncio.create_task(self._count())
        return self

    async def __aexit__(self, *_fault: object) -> None:
        assert self._counting is not None
        self._counting.cancel()

    def note(self, many: int = 1) -> None:
        self.noted[self._turn] += many

    async def _count(self) -> None:
        while True:
            await asyncio.sleep(0)
            self._turn += 1


class Play:
    """A journey with one network and one ESME, `test`, that receives whatever is sent to 12345."""

    def __init__(self, *, queue_limit: int = 0, retry: RetrySettings | None = None, clock: FakeClock | None = None,
                 bound_room: int = 1_000_000, network_room: int = 1_000_000,
                 opt_out: OptOutSettings | None = None) -> None:  # fmt: skip
        self.opt_out = opt_out
        self.clock = clock or FakeClock()
        self.counters = Counters()
        self.retry = retry or RetrySettings()
        self.queue_limit = queue_limit
        self.broken: list[StoreBroken] = []
        self.closed: list[Message] = []
        self.answers = Answers()
        self.store = self._new_store()
        self.test = esme("test")
        self._begin(bound_room, network_room)

    def _new_store(self) -> SlowStore:
        return SlowStore(self.clock, self.counters.store, self.broken.append, self.closed.extend, self._dropped)

    def _begin(self, bound_room: int, network_room: int) -> None:
        self.journey = Journey(
            self.store, MessageIds(), self.clock, self.counters, self.retry, self.queue_limit, self.opt_out
        )
        self.ancillary = Ancillary(self.journey)
        self.network = Scripted("network", room=network_room)
        self.bound = Scripted("esme:test", stores_lease=False, room=bound_room)
        self.journey.esmes = {"test": self.test}
        self.use(self.network, self.bound)
        self.journey.routes = Ruleset([RouteSettings(["network"])])
        self.journey.receivers = Receivers({"test": ["12345"]})

    def account(self, **settings: Any) -> Esme:
        """`test` with other settings."""
        self.test = esme("test", **settings)
        self.journey.esmes = {"test": self.test}
        return self.test

    def use(self, *connectors: Scripted) -> None:
        """These connectors and no others."""
        ways: dict[str, Connector] = {}
        for connector in connectors:
            connector.news = self.journey
            ways[connector.name] = connector
        self.journey.connectors = ways

    def _dropped(self, messages: list[Message]) -> None:
        self.journey.dropped(messages)

    # -- time and rest -----------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self._open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        await self._stop_watching()
        await self.store.close()
        if kind is None:
            assert self.broken == []

    async def _open(self) -> None:
        recovered = await self.store.open()
        self.journey.ids = MessageIds(0, "decimal", recovered.highest_id, recovered.highest_alias)
        await self.journey.interception.load()
        await recover(self.journey, recovered)
        self._watching = asyncio.create_task(self.journey.scheduler.run())
        await self.quiet()

    async def _stop_watching(self) -> None:
        self._watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._watching

    async def crash(self, *, bound_room: int = 1_000_000, network_room: int = 1_000_000) -> None:
        """kill -9 and a new start: only what is committed remains."""
        await self.die()
        await self.rise(bound_room=bound_room, network_room=network_room)

    async def die(self) -> None:
        """kill -9: nothing of it moves any more."""
        await self._stop_watching()
        assert self.store._loop is not None
        self.store._loop.cancel()
        await asyncio.wait([self.store._loop])
        for fetch in self.journey.scheduler._errands.under_way:
            fetch.cancel()
        written = self.store._commit._under_way and self.store._commit._under_way.written
        if isinstance(written, Coroutine):
            written.close()  # begun by nobody, if the end came between the two

    async def rise(self, *, bound_room: int, network_room: int) -> None:
        """A new start on what is committed."""
        old, self.store = self.store, self._new_store()
        self.store.turns, self.store.commit_turns = old.turns, old.commit_turns
        self.store._messages, self.store._parts, self.store._counter = old._messages, old._parts, old._counter
        self.store.opt_outs = old.opt_outs
        self._begin(bound_room, network_room)
        await self._open()

    def _moves(self) -> bool:
        scheduler, commit = self.journey.scheduler, self.store._commit
        return bool(
            commit.gathering or commit._begun != commit._done or scheduler._errands.under_way
            or self.journey._to_forward or scheduler._changed.is_set()
        )  # fmt: skip

    async def quiet(self) -> None:
        """Until nothing moves any more."""
        calm = 0
        async with asyncio.timeout(PATIENCE):
            while calm < 12:  # more turns than a commit, a fetch or a call_soon takes to begin
                await asyncio.sleep(0)
                calm = 0 if self._moves() else calm + 1

    async def advance(self, seconds: float) -> None:
        """Time passes for everybody."""
        self.clock.advance(seconds)
        await self.look_at_the_clock()

    async def look_at_the_clock(self) -> None:
        """What the scheduler does once a second."""
        self.journey.scheduler._changed.set()
        await self.quiet()

    # -- acts --------------------------------------------------------------------------------------------------------

    def accept(
        self, text: bytes = b"hello", *, by: Esme | None = None, version: int = 0x34, group: Message | None = None,
        **fields: Any,
    ) -> Message | int:  # fmt: skip
        """The first act, with nobody waiting for anything after it."""
        return self.journey.accept(submit_sm(text, **fields), by or self.test, version, self.answers, group)

    def accepted(self, text: bytes = b"hello", **fields: Any) -> Message:
        """A message that must come in."""
        message = self.accept(text, **fields)
        assert isinstance(message, Message), hex(message)
        return message

    async def submitted(self, text: bytes = b"hello", **fields: Any) -> Message:
        """Accepted, committed, and handed over if it can be."""
        message = self.accepted(text, **fields)
        await self.quiet()
        return message

    async def stored(self, message: Message) -> Message:
        """The row of it."""
        (row,) = await self.store.get([message.id])
        return row

    # -- at the end --------------------------------------------------------------------------------------------------

    def counts(self) -> dict[str, tuple[int, int, int, int]]:
        """By lane that has anything: queued, reserved, in flight, owned."""
        lanes = self.journey.scheduler.lanes.values()
        counts = {lane.connector: (lane.queued, lane.reserved, lane.in_flight, lane.owned) for lane in lanes}
        return {name: numbers for name, numbers in counts.items() if any(numbers)}

    def assert_nothing_left(self) -> None:
        """No credit leaked, nothing owned, nothing queued."""
        assert self.counts() == {}
        assert self.journey.scheduler.owned == {}
        assert self.journey.queued == 0
        assert all(not lane.ready and not lane.refilling for lane in self.journey.scheduler.lanes.values())
