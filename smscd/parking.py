"""Receipts that have found nobody yet: they came before the answer to their submit, or mean nobody of ours.

Such a one is stored before its provider is answered, as a held message without a message_id: the answer to its submit
may be committed a moment later, and then nothing but this receipt says what became of the message. A start takes them
up again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from smscd import pdu
from smscd.clock import SECOND
from smscd.connectors.smpp.correlation import Report, keys_of
from smscd.journey import Journey
from smscd.message import CLOSED, HELD, RECEIPT, Message

Key = tuple[str, str]
"""A provider and the form of an id that its receipts are looked up by."""
ACCEPTED = int(pdu.MessageState.ACCEPTED)

MOST = 10_000
"""Receipts that may wait; beyond that the oldest is given up."""
LONGEST = 600.0
"""Seconds that one waits."""
BY_ADDRESS_AFTER = 10.0
"""Seconds after which one that may be matched by address is: its id is of no use, or would have come by now."""


@dataclass(slots=True, eq=False)
class Waiting:
    """A receipt that has not found its part yet."""

    report: Report
    answer: Callable[[int], None] | None
    since: float
    keys: frozenset[Key]
    again: bool = False  # a part got one of these ids while the store was being asked
    by_address: bool = False  # its id is not waited for any longer
    done: bool = False  # it has found its part
    tries: int = 0  # how often the store could not be asked
    row: Message | None = None  # where it is stored
    asked_again: bool = False  # it has been looked for once more, after `BY_ADDRESS_AFTER`
    lenient: bool = False  # it may belong to a message to another number than it names

    def answered(self, command_status: int = pdu.ESME_ROK) -> None:
        """Tell the provider, once."""
        answer, self.answer = self.answer, None
        if answer is not None:
            answer(command_status)


def waiting_for(report: Report, answer: Callable[[int], None] | None, since: float) -> Waiting:
    """A receipt that has just come, or come back from the store."""
    keys = frozenset((report.provider, key) for one in report.ids for key in keys_of(one, report.base))
    return Waiting(report, answer, since, keys, by_address=report.by_address and not keys)


def closed(row: Message, now: int) -> Message:
    """The row of a receipt that waits no longer."""
    row.stage, row.message_state, row.final_at = CLOSED, ACCEPTED, now
    return row


class Parking:
    """The receipts that wait, by what would bring them home."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._parked: dict[Waiting, None] = {}  # in the order in which they came
        self._by_key: dict[Key, set[Waiting]] = {}

    def __len__(self) -> int:
        return len(self._parked)

    def __contains__(self, waiting: Waiting) -> bool:
        return waiting in self._parked

    @property
    def expects_any(self) -> bool:
        """Whether `of` could find anything."""
        return bool(self._by_key)

    def expect(self, waiting: Waiting) -> None:
        """From now on `of` knows it, though it is still being looked up."""
        for key in waiting.keys:
            self._by_key.setdefault(key, set()).add(waiting)

    def of(self, provider: str, upstream_key: str) -> Iterable[Waiting]:
        """Those that an id of `provider` would bring home."""
        return tuple(self._by_key.get((provider, upstream_key), ()))

    def park(self, waiting: Waiting) -> None:
        """Keep it until somebody asks again; its provider is answered once it is stored, or its queue would stand."""
        self._parked[waiting] = None
        waiting.lenient = False
        if waiting.answer is None:
            return
        journey, report = self._journey, waiting.report
        now = journey.clock.wall()
        row = Message(
            journey.ids.next(now), "", RECEIPT, "", report.connector, report.content, now, now,
            now + int(LONGEST * SECOND), stage=HELD,
        )  # fmt: skip
        waiting.row = row
        journey.store.batch.add(row)

        def stored(_row: Message, command_status: int) -> None:
            if command_status != pdu.ESME_ROK:  # the disk is full: it will come again
                waiting.row = None
                self.forget(waiting)
            waiting.answered(pdu.ESME_RX_T_APPN if command_status else pdu.ESME_ROK)

        journey.store.batch.answer(row, stored)
        journey.store.wake()

    def resume(self, waiting: Waiting) -> None:
        """It is being looked up again."""
        self._parked.pop(waiting, None)

    def forget(self, waiting: Waiting) -> None:
        """It has come home, or never will: in the batch of what that causes its row is closed."""
        self._parked.pop(waiting, None)
        for key in waiting.keys:
            others = self._by_key.get(key)
            if others is not None:
                others.discard(waiting)
                if not others:
                    del self._by_key[key]
        if (row := waiting.row) is not None:
            waiting.row = None
            self._journey.store.batch.change(closed(row, self._journey.clock.wall()))
            self._journey.store.wake()

    def impatient(self, now: float) -> list[Waiting]:
        """Those that may be matched by address from now on, or by an id alone."""
        return [
            one for one in self._parked
            if now - one.since >= BY_ADDRESS_AFTER
            and not (one.by_address if one.report.by_address else one.asked_again)
        ]  # fmt: skip

    def outdated(self, now: float) -> list[Waiting]:
        """Those that have waited too long, or stand behind too many."""
        parked = list(self._parked)
        over = len(parked) - MOST
        return [one for at, one in enumerate(parked) if at < over or now - one.since >= LONGEST]
