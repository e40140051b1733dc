"""All links of one process: their limits, their clock, and one tick a second for the lot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from smscd.clock import Clock

_KIB = 1 << 10
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LinkLimits:
    """What one peer may cost us before its link is cut; sizes in octets, times in seconds."""

    write_high: int = 256 * _KIB
    """Unsent octets from which on we stop reading and `writing_paused` is set."""

    write_low: int = 64 * _KIB
    """Unsent octets at which both end."""

    write_cap: int = 8 * _MIB
    """Unsent octets at which the link is cut at once: what was already under way when the peer stopped reading."""

    stall: float = 30.0
    """How long a peer may leave us above `write_low` before its link is cut."""

    linger: float = 5.0
    """How long a closed session waits for its last octets to be taken and for the peer's own end."""

    discard: int = _MIB
    """How many octets of a peer that goes on sending after the end are read and thrown away."""


class Ticked(Protocol):
    """What a registry needs of a link."""

    def tick(self, now: float) -> None:
        """Let the timers run; `now` in monotonic seconds."""

    def slept(self, seconds: float) -> None:
        """Nobody was listened to for so many seconds, up to now: they are nobody's silence."""

    def close(self, reason: str) -> None:
        """Flush, then close."""

    def abort(self, reason: str) -> None:
        """Cut at once."""


class Links:
    """The registry that every link joins when it opens and leaves when it is gone.

    One timer serves all of them: a thousand idle sessions cost a thousand short calls a second, spread over the
    second so that no other session waits for them, and no task each.
    """

    _SLICES = 8
    """The registry is ticked in this many portions a second."""

    def __init__(self, clock: Clock, limits: LinkLimits | None = None, *, interval: float = 1.0) -> None:
        self.clock = clock
        self.limits = limits or LinkLimits()
        self.read_ended: Callable[[], None] = lambda: None
        """Called when everything that was read from one peer has been acted upon."""
        self._interval = interval
        self._slices: list[dict[Ticked, None]] = [{} for _ in range(self._SLICES)]
        self._turn = 0
        self._timer: asyncio.TimerHandle | None = None
        self._struck_at = clock.monotonic()
        self._empty = asyncio.Event()
        self._empty.set()

    def __len__(self) -> int:
        return sum(map(len, self._slices))

    def __iter__(self) -> Iterator[Ticked]:
        """A snapshot: links may come and go while the caller walks it."""
        return iter([link for portion in self._slices for link in portion])

    def join(self, link: Ticked) -> None:
        """Tick `link` from now on."""
        min(self._slices, key=len)[link] = None
        self._empty.clear()

    def leave(self, link: Ticked) -> None:
        """Tick it no longer; a link that never joined may leave."""
        for portion in self._slices:
            portion.pop(link, None)
        if not any(self._slices):
            self._empty.set()

    def start(self) -> None:
        """Begin to tick, on the running loop."""
        if self._timer is None:
            self._struck_at = self.clock.monotonic()
            self._wind(asyncio.get_running_loop())

    def stop(self) -> None:
        """Tick no more; the links stay as they are."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def tick(self) -> None:
        """Tick every link now: for tests and scripted runs, whose clock does not move by itself."""
        now = self.clock.monotonic()
        for link in self:
            link.tick(now)

    async def gone(self, within: float) -> bool:
        """Wait until no link is left, `within` seconds at most; False if some still are."""
        try:
            async with asyncio.timeout(within):
                await self._empty.wait()
        except TimeoutError:
            return False
        return True

    def _wind(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = loop.call_later(self._interval / self._SLICES, self._strike, loop)

    def _strike(self, loop: asyncio.AbstractEventLoop) -> None:
        self._wind(loop)
        portion = self._slices[self._turn]
        self._turn = (self._turn + 1) % self._SLICES
        now = self.clock.monotonic()
        since, self._struck_at = now - self._struck_at, now
        if since > self._interval:  # a machine that was suspended, a process that was stopped
            for link in self:
                link.slept(since)
        for link in list(portion):
            link.tick(now)
