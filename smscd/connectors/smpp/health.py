"""Is a bound upstream worth sending to? Pure; seconds.

well     it is, until so many submits in a row failed
dead     it is not: what waits for it takes another way, if there is one; after a pause
trial    one message may try; if it is answered all is well, otherwise the pause begins anew, twice as long
"""

from __future__ import annotations

LONGEST_PAUSE = 300.0


class Health:
    """`dead_after` failures in a row end the confidence, 0 never; `pause` is the first time without any."""

    __slots__ = ("_dead_after", "_failures", "_first", "_pause", "_until", "trying")

    def __init__(self, dead_after: int, pause: float) -> None:
        self._dead_after = dead_after
        self._first = self._pause = pause
        self._failures = 0
        self._until: float | None = None
        self.trying = False  # a message is out on trial

    def is_well(self, now: float) -> bool:
        """Whether it is of use to anybody: well, or free for a trial."""
        return self._until is None or (not self.trying and now >= self._until)

    def room(self, now: float) -> int | None:
        """Messages that may leave because of it; None is no limit."""
        return None if self._until is None else int(self.is_well(now))

    def wait(self, now: float) -> float:
        """Seconds until there may be a trial; 0 if that is up to others."""
        return 0.0 if self._until is None else max(0.0, self._until - now)

    def leaving(self) -> None:
        """A message leaves."""
        if self._until is not None:
            self.trying = True

    def failed(self, now: float) -> bool:
        """A submit was not answered, or put off with an error. True if that was once too often."""
        if not self._dead_after:
            return False
        if self._until is None:
            self._failures += 1
            if self._failures < self._dead_after:
                return False
            self._pause = self._first
        elif self.trying:
            self._pause = min(LONGEST_PAUSE, self._pause * 2)
        else:  # it was under way when the confidence ended
            return False
        self._until, self.trying = now + self._pause, False
        return True

    def answered(self) -> bool:
        """A submit was taken, or refused for a reason of its own. True if that ends a bad time."""
        was_dead, self._until, self.trying, self._failures = self._until is not None, None, False, 0
        return was_dead

    def came_back(self) -> None:
        """A message returned that never left: the trial is still to be had."""
        self.trying = False
