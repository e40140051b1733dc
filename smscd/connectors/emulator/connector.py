"""The emulated network as a connector: time, arrival numbers, and what is on its way to a handset."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from heapq import heappop, heappush
from typing import Any

from smscd.clock import SECOND, Clock
from smscd.connectors.emulator.behaviour import Network, Verdict
from smscd.connectors.interface import News
from smscd.connectors.settings import EmulatorSettings
from smscd.message import LEASE, QUEUED, RESEND, Message, Part
from smscd.pdu import MessageState

EXPIRED = int(MessageState.EXPIRED)
CAPACITY = 50_000
"""Messages under way at once. The rest waits in the queue, on disk: a slow network costs disk, not memory."""
GRAIN = 0.002
"""Seconds: what falls due within one grain is told together, so that it shares a commit."""
RESERVED = 10_000
"""Arrival numbers are reserved in blocks, so that after a crash none is given twice."""


class Emulator:
    """See `connectors.interface.Connector`."""

    kind = "emulator"
    stores_lease = True
    provider = ""  # the network itself says what became of a message
    in_doubt = RESEND
    shows = b""
    parts_within = 0.0

    def __init__(
        self, settings: EmulatorSettings, news: News, clock: Clock, reserve: Callable[[str, int], None]
    ) -> None:
        self.name = settings.name
        self._latency = settings.latency
        self._network = Network(settings)
        self.screens = self.divides = self._network.only is None
        self._news = news
        self._clock = clock
        self._reserve = reserve
        self._arrivals = 0
        self._reserved = 0
        self._agenda: list[tuple[float, int, list[Message], Verdict | None]] = []  # (when, order, messages, their end)
        self._order = 0
        self._under_way: dict[int, int] = {}  # message → order of its entry in the agenda
        self._timer: asyncio.TimerHandle | None = None
        self._telling = False
        self._stopped = False

    def apply(self, settings: EmulatorSettings) -> None:
        """Take over changed settings; what is under way keeps the delay it was given."""
        self._latency = settings.latency
        self._network = Network(settings)
        self.screens = self.divides = self._network.only is None

    # -- what the journey asks ---------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        return not self._stopped

    def divide(self, message: Message) -> int:
        return len(message.parts)  # the air is not emulated: it takes anything whole

    def credit(self) -> int:
        return 0 if self._stopped else CAPACITY - len(self._under_way)

    def screen(self, message: Message) -> int:
        """Where rules ask for it, number the message as it arrives; the number is stored, in a part of its own."""
        if self._network.only is not None:
            return 0
        self._arrivals += 1
        if self._arrivals > self._reserved - RESERVED // 2:
            self._reserved += RESERVED
            self._reserve(self.name, self._reserved)
        status = self._network.judge(message, self._arrivals).submit_status
        if not status:
            message.parts = [Part(message.id, 1, self.name, QUEUED, str(self._arrivals), attempt=0)]
        return status

    def submit(self, messages: list[Message]) -> None:
        if self._latency:
            self._plan(messages, self._latency, None)
        else:
            self._take_over(messages)

    def resume(self, message: Message) -> None:
        left = message.parts[0].changed_at if message.parts else message.lease_until - LEASE
        verdict = self._verdict(message, left + int(self._latency * SECOND))
        elapsed = max(0.0, (self._clock.wall() - left) / SECOND)
        self._plan([message], max(0.0, self._latency + verdict.delay - elapsed), verdict)

    def recall(self, message: Message) -> bool:
        return self._under_way.pop(message.id, None) is not None

    def status(self) -> dict[str, Any]:
        state = "stopped" if self._stopped else "up"
        return {"state": state, "in_flight": len(self._under_way), "credit": self.credit()}

    async def start(self) -> None:
        self._stopped = False

    def begin_at(self, arrivals: int) -> None:
        """Numbers up to `arrivals` may have been given before the restart."""
        self._arrivals = self._reserved = arrivals

    async def stop(self) -> None:
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._reserve(self.name, self._arrivals)

    # -- the network itself ------------------------------------------------------------------------------------------

    def _take_over(self, messages: list[Message]) -> None:
        """Each meets its verdict; neighbours that meet the same one are planned as one."""
        now = self._clock.wall()
        only = self._network.only
        if only is not None and all(message.expires >= now + only.delay * SECOND for message in messages):
            self._plan(messages, only.delay, only)
            self._news.taken_over(messages)
            return
        alike: list[tuple[Verdict, list[Message]]] = []
        for message in messages:
            verdict = self._verdict(message, now)
            if not alike or alike[-1][0] is not verdict:
                alike.append((verdict, []))
            alike[-1][1].append(message)
        for verdict, some in alike:
            self._plan(some, verdict.delay, verdict)
        self._news.taken_over(messages)

    def _verdict(self, message: Message, left: int) -> Verdict:
        """What becomes of a message that left at `left`, unless its validity ends before the handset answers."""
        verdict = self._network.only or self._network.judge(message, arrival_of(message))
        if message.expires < left + verdict.delay * SECOND:
            return Verdict(0, EXPIRED, 0, max(0.0, (message.expires - left) / SECOND))
        return verdict

    def _plan(self, messages: list[Message], delay: float, verdict: Verdict | None) -> None:
        self._order += 1
        self._under_way.update(dict.fromkeys([message.id for message in messages], self._order))
        heappush(self._agenda, (self._clock.monotonic() + delay, self._order, messages, verdict))
        if self._agenda[0][1] == self._order and not self._telling:
            self._wind()

    def _wind(self) -> None:
        """Wake up for the first entry of the agenda."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._agenda and not self._stopped:
            pause = max(0.0, self._agenda[0][0] - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(pause, self._due)

    def _due(self) -> None:
        """Tell all that is due by now, then sleep until the next."""
        self._telling = True
        try:
            horizon = self._clock.monotonic() + GRAIN
            while self._agenda and self._agenda[0][0] <= horizon:
                _, order, planned, verdict = heappop(self._agenda)
                messages = [message for message in planned if self._under_way.get(message.id) == order]  # not recalled
                if verdict is None:
                    self._take_over(messages)
                else:
                    for message in messages:
                        del self._under_way[message.id]
                    self._news.settle_all(messages, verdict.message_state, verdict.error_code)
        finally:
            self._telling = False
            self._wind()


def arrival_of(message: Message) -> int:
    """The number under which `message` arrived in the emulated network; its own where no rule asked for one then."""
    return int(message.parts[0].upstream_message_id) if message.parts else message.id
