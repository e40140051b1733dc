"""Brute force against binds: five failures a minute lock an (address, system_id) out, for longer each time."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FAILURES = 5
WITHIN = 60.0
FIRST_LOCK = 60.0
LONGEST_LOCK = 3600.0
LARGEST = 10_000


@dataclass(slots=True)
class _Trouble:
    failures: int
    since: float
    locked_until: float = 0.0
    lock: float = FIRST_LOCK


class BindGuard:
    """A bounded table of who failed lately; the oldest entry makes room for a new one. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._table: OrderedDict[tuple[str, str], _Trouble] = OrderedDict()

    def locked(self, address: str, system_id: str, now: float) -> bool:
        """Whether a bind of `system_id` from `address` is to be refused without looking at its password."""
        trouble = self._table.get((address, system_id))
        return trouble is not None and now < trouble.locked_until

    def failed(self, address: str, system_id: str, now: float) -> None:
        """A bind was refused for its credentials."""
        key = (address, system_id)
        trouble = self._table.pop(key, None) or _Trouble(0, now)
        if now - trouble.since > WITHIN and now >= trouble.locked_until:
            trouble.failures, trouble.since = 0, now
        trouble.failures += 1
        if trouble.failures >= FAILURES:
            trouble.locked_until = now + trouble.lock
            trouble.lock = min(trouble.lock * 2, LONGEST_LOCK)
            trouble.failures, trouble.since = 0, trouble.locked_until
        self._table[key] = trouble
        if len(self._table) > LARGEST:
            self._table.popitem(last=False)

    def succeeded(self, address: str, system_id: str) -> None:
        """The password was right: what went before is forgiven."""
        self._table.pop((address, system_id), None)
