"""What has to be done now and then: expire, give up, purge, route again, and measure how late the loop is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from smscd import aging
from smscd.ancillary import Ancillary
from smscd.daemon import purging
from smscd.daemon.recovery import horizon
from smscd.journey import Journey
from smscd.message import Message
from smscd.pdu import MessageState
from smscd.rerouting import reroute_all, without_receipt
from smscd.store import StoreSettings

log = structlog.get_logger("smscd.daemon")

SWEEP = 500
"""Messages that are read at once."""
TURN = 50
"""Of these, how many end before everybody else has their turn: a few milliseconds of the loop."""
REROUTES, REROUTE_PAUSE = 40, 0.1
"""How often, seconds apart, a backlog goes on to another connector before something else is looked after."""
LAG = 0.1


class Upkeep:
    """Periodic work over the store, in portions small enough not to be noticed."""

    def __init__(self, journey: Journey, ancillary: Ancillary, remembers: StoreSettings) -> None:
        self.remembers = remembers
        self._journey = journey
        self._ancillary = ancillary
        self.every_second: list[Callable[[], None]] = []
        self._quotas: dict[str, int] = {}
        self._purged_a_second = 0.0

    async def run(self) -> None:
        """Until cancelled. A fault in one job is logged and does not end the others."""
        await asyncio.gather(
            self._every(1.0, self.expire), self._every(3600.0, self.give_up), self._every(1.0, self.purge),
            self._every(2.0, self.reroute), self._every(5.0, self.keep_quotas), self._every(60.0, self.forget_parts),
            self._every(1.0, self.mind),
            self._every(60.0, self._journey.interception.tidy), self._every(3600.0, self.expire_opt_outs),
            self._measure_lag(),
        )  # fmt: skip

    async def _every(self, seconds: float, job: Callable[[], Awaitable[object]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await job()
            except Exception as fault:
                log.error("upkeep failed", job=getattr(job, "__name__", ""), exc_info=fault)

    async def expire(self) -> int:
        """End what is queued and no longer valid. How many ended."""
        ended = 0
        while True:
            claimed = 0
            with self._journey.scheduler.watching() as gone:
                found = await self._journey.store.expired(self._journey.clock.wall(), SWEEP)
                for at in range(0, len(found), TURN):
                    claimed += self._expire(found[at : at + TURN], gone)
                    await asyncio.sleep(0)
            ended += claimed
            await self._journey.store.committed()
            if len(found) < SWEEP or not claimed:
                return ended

    def _expire(self, messages: list[Message], gone: set[int]) -> int:
        claimed = [message for one in messages if (message := self._ancillary.claim(one, gone)) is not None]
        for message in claimed:
            self._journey.expire(message)
        return len(claimed)

    async def give_up(self) -> int:
        """UNKNOWN for what left long ago and was never reported (ARCHITECTURE, "Lifecycle"). How many."""
        return sum([await self._give_up_of(name) for name in await self._journey.store.leased_to()])

    async def _give_up_of(self, connector: str) -> int:
        journey, given_up = self._journey, 0
        after: int | None = 0
        while after is not None:
            with journey.scheduler.watching() as gone:
                found, after = await journey.store.overdue(connector, horizon(journey.clock.wall()), after, SWEEP)
            given_up += sum(self._give_up(one, gone) for one in found)
            if found:
                await journey.store.committed()
        return given_up

    def _give_up(self, one: Message, gone: set[int]) -> bool:
        message: Message | None = None
        if one.id in self._journey.scheduler.owned:
            message = self._ancillary.claim(one, gone)  # its connector has it in memory, and forgets it
        elif one.id not in gone:
            self._journey.scheduler.own(one)
            message = one
        if message is not None:
            self._journey.close(message, int(MessageState.UNKNOWN), 0)
        return message is not None

    async def reroute(self) -> None:
        """Another way for what waits for a connector that is away, or for a receipt that does not come."""
        for _ in range(REROUTES):
            if not await reroute_all(self._journey):
                break
            await asyncio.sleep(REROUTE_PAUSE)  # the others have enough for now
        await without_receipt(self._journey)

    async def forget_parts(self) -> None:
        """Long MO whose parts never all came."""
        self._journey.interception.forget_parts()

    async def expire_opt_outs(self) -> int:
        """Rows of the opt-out list whose time is over; how many."""
        journey = self._journey
        return await aging.expire(journey.interception.optout, journey.store, journey.clock)

    async def mind(self) -> None:
        """What others asked to be reminded of every second."""
        for remind in self.every_second:
            remind()

    async def purge(self) -> None:
        """Forget what was finished, or given up, longer ago than the settings say; see `daemon.purging`."""
        store, clock = self._journey.store, self._journey.clock
        self._purged_a_second = await purging.purge(store, clock, self.remembers, self._purged_a_second)

    async def keep_quotas(self) -> None:
        """Write down how much of its daily quota each ESME has used; a kill -9 forgives what these seconds brought."""
        for system_id, esme in self._journey.esmes.items():
            if esme.quota is not None and self._quotas.get(system_id) != esme.quota.state:
                self._quotas[system_id] = state = esme.quota.state
                await self._journey.store.set_counter(f"quota:{system_id}", state)

    async def restore_quotas(self) -> None:
        """After a start: what was used of today's quota before."""
        for system_id, esme in self._journey.esmes.items():
            if esme.quota is not None:
                esme.quota.state = await self._journey.store.counter(f"quota:{system_id}")

    async def _measure_lag(self) -> None:
        clock, lag = self._journey.clock, self._journey.counters.daemon.loop_lag
        while True:
            started = clock.monotonic()
            await asyncio.sleep(LAG)
            lag.observe(max(0.0, clock.monotonic() - started - LAG))
