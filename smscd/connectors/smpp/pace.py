"""How fast a connector may go: its rate in segments, and the rest that an upstream asks for. Pure; seconds."""

from __future__ import annotations

BURST = 0.1
"""Seconds' worth of segments that may leave at once: a rate should hold within every second, not only on average."""
FIRST_PAUSE, LONGEST_PAUSE = 0.2, 15.0
NEARLY_CONGESTED, CONGESTED = 90, 100
"""congestion_state from which a link slows down, and at which it rests (SMPP 5.0 §4.8.4.18)."""


class Pace:
    """Additive increase, multiplicative decrease: each refusal in a row doubles the pause, each success shortens it."""

    __slots__ = ("_at", "_pause", "_tokens", "rate", "resting_until")

    def __init__(self, rate: float, now: float) -> None:
        self.rate = rate
        self.resting_until = 0.0
        self._pause = FIRST_PAUSE
        self._tokens = self._most
        self._at = now

    @property
    def _most(self) -> float:
        return max(1.0, self.rate * BURST)

    def room(self, now: float) -> int | None:
        """Segments that may leave now; None is no limit. A long message may overdraw: its parts stay together."""
        if now < self.resting_until:
            return 0
        if not self.rate:
            return None
        self._tokens = min(self._most, self._tokens + (now - self._at) * self.rate)
        self._at = now
        return max(0, int(self._tokens + 1e-6))

    def take(self, segments: int) -> None:
        """So many have left."""
        if self.rate:
            self._tokens -= segments

    def wait(self, now: float) -> float:
        """Seconds until there is room again."""
        if now < self.resting_until:
            return self.resting_until - now
        return max(0.0, (1.0 - self._tokens) / self.rate) if self.rate else 0.0

    def refused(self, now: float) -> None:
        """The upstream said too fast. What was in flight beside the first refusal does not double the pause again."""
        if now >= self.resting_until:
            self.resting_until = now + self._pause
            self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def went_well(self, submits: int = 1) -> None:
        """So many were taken."""
        if self._pause > FIRST_PAUSE:
            self._pause = max(FIRST_PAUSE, self._pause * 0.9**submits)

    def congestion(self, state: int, now: float) -> None:
        """What congestion_state in a response asks for."""
        if state >= CONGESTED:
            self.refused(now)
        elif state >= NEARLY_CONGESTED:
            self.resting_until = max(self.resting_until, now + FIRST_PAUSE)
