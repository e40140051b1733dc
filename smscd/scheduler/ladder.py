"""The retry ladder: when a message that was put off is due again."""

from __future__ import annotations

from collections.abc import Sequence

from smscd.clock import SECOND
from smscd.message import Deferred


def retry_at(schedule: Sequence[float], attempts: int, deferred: Deferred, now: int) -> int:
    """Microseconds UTC of the next attempt after `attempts` of them; the last step of the ladder repeats."""
    if deferred.retry_after is not None:
        return now + int(deferred.retry_after * SECOND)
    step = schedule[min(max(attempts, 1), len(schedule)) - 1]
    return now + int(step * SECOND)
