"""The `receives` of the ESMEs: whose a number is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from smscd.patterns import AddressSet


class Receivers:
    """Which ESME a number belongs to: the most specific `receives` wins, the first in the file among equals."""

    __slots__ = ("_known", "_sets")

    LARGEST = 10_000
    """Numbers remembered at most; the answer for one is remembered because MO traffic repeats itself."""

    def __init__(self, receives: Mapping[str, Sequence[str]]) -> None:
        self._sets = [(system_id, AddressSet(patterns)) for system_id, patterns in receives.items() if patterns]
        self._known: dict[bytes, str | None] = {}

    def owner(self, destination: bytes) -> str | None:
        """system_id of the ESME that receives what is sent to `destination`, or None."""
        if destination in self._known:
            return self._known[destination]
        best, owner = -1, None
        for system_id, addresses in self._sets:
            fit = addresses.specificity(destination)
            if fit > best:
                best, owner = fit, system_id
        if len(self._known) >= self.LARGEST:
            self._known.clear()
        self._known[destination] = owner
        return owner
