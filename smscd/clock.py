"""The only reader of time.

Stored time is integer microseconds UTC; intervals are monotonic seconds and are never stored.
Rooms that must stay pure take `now` as an argument instead of importing this one.
"""

from __future__ import annotations

import time
from typing import Protocol

SECOND = 1_000_000
"""One second of stored time, in microseconds."""


class Clock(Protocol):
    """Both times, so that a test can hold them still."""

    def wall(self) -> int:
        """Microseconds since 1970-01-01T00:00:00Z."""

    def monotonic(self) -> float:
        """Seconds since some fixed moment; only differences mean anything."""


class SystemClock:
    """The machine's own clocks."""

    def wall(self) -> int:
        return time.time_ns() // 1000

    def monotonic(self) -> float:
        return time.monotonic()


class FakeClock:
    """A clock that moves when told to: for tests and for scripted runs."""

    def __init__(self, wall: int = 1_800_000_000 * SECOND, monotonic: float = 1000.0) -> None:
        self._wall = wall
        self._monotonic = monotonic

    def wall(self) -> int:
        return self._wall

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> None:
        self._wall += int(seconds * SECOND)
        self._monotonic += seconds

    def jump(self, seconds: float) -> None:
        """Set the wall clock as an operator or NTP would; the monotonic clock does not notice."""
        self._wall += int(seconds * SECOND)
