"""Time as a session counts it, and the watch over a silent peer. Values only: nothing here waits."""

from __future__ import annotations

from enum import Enum, auto


class SessionTime:
    """Monotonic seconds that stand still while reading is paused: who does not listen must not count silence."""

    __slots__ = ("_frozen", "_paused_at")

    def __init__(self) -> None:
        self._frozen = 0.0
        self._paused_at: float | None = None

    def at(self, now: float) -> float:
        return (now if self._paused_at is None else self._paused_at) - self._frozen

    def pause(self, now: float) -> None:
        if self._paused_at is None:
            self._paused_at = now

    def resume(self, now: float) -> None:
        if self._paused_at is not None:
            self._frozen += now - self._paused_at
            self._paused_at = None

    def skip(self, seconds: float) -> None:
        """Stand still for the `seconds` that have just gone by, unless it did already."""
        if self._paused_at is None:
            self._frozen += seconds


class Advice(Enum):
    """What a silent peer calls for."""

    WAIT = auto()
    ASK = auto()
    GONE = auto()


class Liveness:
    """When to send an enquire_link, and when to stop believing (SMPP 3.4 §7.2, enquire_link_timer).

    Any PDU counts as life, not only an enquire_link_resp: 5.0 §4.1.2, "may also respond by sending any valid SMPP
    primitive".
    """

    __slots__ = ("_asked", "_asked_at", "heard_at")

    def __init__(self, time: float) -> None:
        self.heard_at = time
        self._asked = 0
        self._asked_at = time

    def heard(self, time: float) -> None:
        self.heard_at = time
        self._asked = 0

    def advice(self, time: float, enquire_link_timer: float, response_timer: float, misses: int) -> Advice:
        """ASK notes that it is being done; GONE comes when `misses` in a row have met silence."""
        if not enquire_link_timer or time - self.heard_at < enquire_link_timer:
            return Advice.WAIT
        if self._asked and time - self._asked_at < response_timer:
            return Advice.WAIT
        if self._asked >= misses:
            return Advice.GONE
        self._asked += 1
        self._asked_at = time
        return Advice.ASK
