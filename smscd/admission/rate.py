"""How much an ESME may send: a token bucket in segments per second, and a quota of segments per day."""

from __future__ import annotations

from smscd.clock import SECOND

DAY = 86_400 * SECOND
_USED_BITS = 40


class TokenBucket:
    """Holds one second's worth of segments. A long message may overdraw it, so that its parts are charged together."""

    __slots__ = ("_at", "_tokens", "rate")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self._tokens = max(rate, 1.0)
        self._at = now

    def take(self, segments: int, now: float) -> bool:
        """Charge `segments` at `now` (monotonic seconds), or refuse and charge nothing."""
        tokens = min(max(self.rate, 1.0), self._tokens + (now - self._at) * self.rate)
        self._at = now
        if tokens < 1:
            self._tokens = tokens
            return False
        self._tokens = tokens - segments
        return True

    def give_back(self, segments: int) -> None:
        """What was taken came to nothing."""
        self._tokens += segments


class DailyQuota:
    """Segments per UTC day, counted in memory and restored by whoever keeps counters."""

    __slots__ = ("_day", "limit", "used")

    def __init__(self, limit: int, used: int = 0, day: int = 0) -> None:
        self.limit = limit
        self.used = used
        self._day = day

    def take(self, segments: int, now: int) -> bool:
        """Charge `segments` at `now` (microseconds UTC), or refuse and charge nothing."""
        day = now // DAY
        if day != self._day:
            self._day, self.used = day, 0
        if self.used + segments > self.limit:
            return False
        self.used += segments
        return True

    def give_back(self, segments: int, at: int) -> None:
        """What was taken at `at` (microseconds UTC) came to nothing."""
        if at // DAY == self._day:
            self.used -= segments

    @property
    def state(self) -> int:
        """Day and segments used in one number: what must be remembered over a restart."""
        return self._day << _USED_BITS | self.used

    @state.setter
    def state(self, remembered: int) -> None:
        self._day, self.used = divmod(remembered, 1 << _USED_BITS)
