"""What a SIM may send in a day, and how a modem that keeps failing is left alone for a while. Pure."""

from __future__ import annotations

DAY = 86_400 * 1_000_000
"""Microseconds."""
_PARTS = 1 << 32
LONGEST = 3600.0


class DailyQuota:
    """Parts sent since midnight UTC. `state` is one number that a store can keep: the day, and the parts."""

    __slots__ = ("_day", "_most", "_used")

    def __init__(self, most: int, state: int = 0) -> None:
        self._most = most
        self._day, self._used = divmod(state, _PARTS)

    @property
    def state(self) -> int:
        return self._day * _PARTS + self._used

    def left(self, now: int) -> int | None:
        """Parts that may leave today; None is no limit. `now`: microseconds UTC."""
        if not self._most:
            return None
        return self._most if now // DAY != self._day else max(0, self._most - self._used)

    def take(self, now: int) -> None:
        """One part has left."""
        if now // DAY != self._day:
            self._day, self._used = now // DAY, 0
        self._used += 1

    @property
    def used(self) -> int:
        return self._used


class Quarantine:
    """Failures in a row are the modem's own. `now`: monotonic seconds."""

    __slots__ = ("_after", "_failures", "_pause", "_shortest", "until", "why")

    def __init__(self, after: int, pause: float) -> None:
        self._after = after
        self._shortest = self._pause = pause
        self._failures = 0
        self.until = 0.0
        self.why = ""

    def failed(self, why: str, now: float, *, surely: bool = False) -> bool:
        """An attempt failed; `surely` by the modem's own fault. True if it is left alone from now on."""
        self._failures += 1
        if not surely and self._failures < self._after:
            return False
        self._failures = 0
        self.until, self.why = now + self._pause, why
        self._pause = min(max(LONGEST, self._shortest), self._pause * 2)
        return True

    def worked(self) -> None:
        """Something left: the slate is clean."""
        self._failures, self._pause, self.until, self.why = 0, self._shortest, 0.0, ""

    def holds(self, now: float) -> bool:
        return now < self.until
