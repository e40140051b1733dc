"""Our unanswered requests: sequence numbers, the window, who is due, and the grace for those who answer late."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from smscd.pdu import MAX_SEQUENCE_NUMBER, CommandId, Pdu

_ENQUIRE_LINK: Final = int(CommandId.enquire_link)


Pending = tuple[Pdu, object, float]
"""A request of ours, its context, and when it left (session time, seconds). Many of them are made by `zip`."""


class InFlight:
    """Three tables by sequence_number, each in the order of sending, so that expiry looks only at the expired.

    `messages` count in the window; `control` (bind, unbind, enquire_link) do not; `late` have missed the response
    timer and are kept for the grace time.
    """

    __slots__ = ("_last", "control", "late", "messages")

    def __init__(self) -> None:
        self.messages: dict[int, Pending] = {}
        self.control: dict[int, Pending] = {}
        self.late: dict[int, Pending] = {}
        self._last = 0

    @property
    def anything(self) -> bool:
        """Whether `expire` could find something."""
        return bool(self.messages or self.control or self.late)

    @property
    def awaits_answers(self) -> bool:
        """Whether more is missing than the answer to an enquire_link."""
        return bool(self.messages) or any(
            request.command_id != _ENQUIRE_LINK for request, _, _ in self.control.values()
        )

    def allot(self) -> int:
        """The next sequence_number: 1 to 0x7FFFFFFF and 1 again (SMPP 3.4 §5.1.4), never one that may be answered."""
        number = self._last
        while True:
            number = number + 1 if number < MAX_SEQUENCE_NUMBER else 1
            if number not in self.messages and number not in self.control and number not in self.late:
                self._last = number
                return number

    def allot_all(self, count: int) -> Sequence[int]:
        """So many as `allot` would give one by one."""
        numbers = range(self._last + 1, self._last + count + 1)
        if numbers[-1] > MAX_SEQUENCE_NUMBER or not all(
            table.keys().isdisjoint(numbers) for table in (self.messages, self.control, self.late) if table
        ):
            return [self.allot() for _ in range(count)]
        self._last = numbers[-1]
        return numbers

    def expire(self, time: float, response_timer: float, late_grace: float) -> list[Pending]:
        """Moves what was sent `response_timer` seconds before `time` to `late` and returns it, oldest first."""
        expired: list[Pending] = []
        for table in (self.control, self.messages):
            overdue = _sent_until(table, time - response_timer)
            for number in overdue:
                pending = table.pop(number)
                self.late[number] = pending
                expired.append(pending)
        for number in _sent_until(self.late, time - response_timer - late_grace):
            del self.late[number]
        return expired

    def drain(self) -> list[Pending]:
        """Empties all tables; returns what has neither been answered nor expired, oldest first."""
        left = sorted((*self.messages.values(), *self.control.values()), key=lambda pending: pending[2])
        self.control.clear()
        self.messages.clear()
        self.late.clear()
        return left


def _sent_until(table: dict[int, Pending], sent: float) -> list[int]:
    numbers: list[int] = []
    for number, (_, _, at) in table.items():
        if at > sent:
            break
        numbers.append(number)
    return numbers
