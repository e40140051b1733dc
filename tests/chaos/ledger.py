"""The oracle: what one account asked, what it was told, what came back. Conservation is read off here.

A submit is *accepted* (answered ESME_ROK), *refused*, or *unknown*: never answered, so neither lost nor delivered.
Every accepted message must end in a final receipt, or still be known to smscd; what is neither is lost.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from smscd import pdu
from smscd.message import octets_of
from tests.machine import PATIENCE


@dataclass(slots=True)
class Delivery:
    """One deliver_sm that carried a final receipt."""

    message_id: str
    tag: bytes
    stat: str


class Ledger:
    """Shared by all binds of one account, over all lives of smscd. `prefix` tells its tags from those of others."""

    def __init__(self, prefix: str = "A") -> None:
        self.unknown: set[bytes] = set()
        self.accepted: dict[bytes, str] = {}
        self.refused: dict[bytes, int] = {}
        self.receipts: list[Delivery] = []
        self.reported: Counter[str] = Counter()
        self.mo: Counter[bytes] = Counter()
        self.mo_order: list[bytes] = []
        self.last_mo = pdu.DeliverSm()
        self.faults: list[str] = []
        self.waited: deque[float] = deque(maxlen=10_000)  # seconds that the latest submits waited for their answers
        self._prefix = prefix
        self._number = 0
        self._news = asyncio.Event()

    # -- what happens ------------------------------------------------------------------------------------------------

    def tag(self) -> bytes:
        """A text that no other message has; 20 characters at most, so that a receipt repeats it whole."""
        self._number += 1
        return f"{self._prefix}{self._number:08d}".encode()

    def submitted(self, tag: bytes) -> None:
        self.unknown.add(tag)

    def answered(self, tag: bytes, command_status: int, message_id: bytes | None) -> None:
        self.unknown.discard(tag)
        if command_status:
            self.refused[tag] = command_status
        elif message_id:
            self.accepted[tag] = message_id.decode()
        else:
            self.faults.append(f"{tag!r} was answered ESME_ROK without a message_id")

    def delivered(self, deliver: pdu.DeliverSm) -> None:
        """A deliver_sm: a receipt, or a message for us."""
        if deliver.esm_class & pdu.ESM_TYPE_MASK == pdu.ESM_TYPE_RECEIPT:
            receipt = pdu.parse_receipt(deliver.short_message)
            if receipt is None:
                self.faults.append(f"not a receipt: {deliver.short_message!r}")
                return
            message_id = receipt.message_id.decode()
            self.receipts.append(Delivery(message_id, receipt.text, receipt.stat))
            self.reported[message_id] += 1
        else:
            self.mo[octets_of(deliver)] += 1
            self.mo_order.append(deliver.short_message)
            self.last_mo = deliver

    def news(self) -> None:
        """Something was heard: whoever waits may look again."""
        self._news.set()

    # -- what it comes to --------------------------------------------------------------------------------------------

    @property
    def heard(self) -> int:
        """Everything that ever came back: a measure of progress."""
        return len(self.accepted) + len(self.refused) + len(self.receipts) + len(self.mo_order)

    @property
    def open(self) -> dict[str, bytes]:
        """Accepted and without a final receipt: message_id → tag."""
        return {number: tag for tag, number in self.accepted.items() if number not in self.reported}

    @property
    def duplicates(self) -> int:
        """Receipts beyond the first of each message."""
        return sum(count - 1 for count in self.reported.values())

    def contradictions(self) -> list[str]:
        """What must never be, crash or not: one id for two messages, or a receipt for what nobody submitted."""
        wrong = list(self.faults)
        wrong += [f"{count} messages were given the message_id {number}"
                  for number, count in Counter(self.accepted.values()).items() if count > 1]  # fmt: skip
        for delivery in self.receipts:
            if delivery.tag in self.refused:
                wrong.append(f"a receipt for {delivery.tag!r}, which was refused")
            elif delivery.tag not in self.unknown and self.accepted.get(delivery.tag) != delivery.message_id:
                wrong.append(f"a receipt {delivery.message_id} for {delivery.tag!r}, which is not its number")
        return wrong

    async def until(self, fact: Callable[[], object], *, patience: float = PATIENCE) -> None:
        """Return when `fact` holds. TimeoutError after `patience` seconds without any news at all."""
        while not fact():
            self._news.clear()
            async with asyncio.timeout(patience):
                await self._news.wait()

    async def more(self, count: int) -> None:
        """Return when `count` more answers, receipts and messages have come."""
        moment = self.heard + count
        await self.until(lambda: self.heard >= moment)

    async def quiet(self, fact: Callable[[], object], *, silence: float) -> bool:
        """Whether `fact` comes to hold before there is `silence` for so many seconds: for facts that may not."""
        try:
            await self.until(fact, patience=silence)
        except TimeoutError:
            return False
        return True

    def __str__(self) -> str:
        return (
            f"{len(self.accepted)} accepted, {len(self.refused)} refused, {len(self.unknown)} unknown, "
            f"{len(self.reported)} reported, {self.duplicates} receipts twice, {len(self.open)} open"
        )


@dataclass(slots=True)
class Verdict:
    """What became of everything that was answered ESME_ROK and has no receipt."""

    lost: list[bytes]
    """smscd knows nothing of them."""
    waiting: list[bytes]
    """smscd knows them and has not finished them."""

    def __str__(self) -> str:
        return f"{len(self.lost)} lost {_some(self.lost)}, {len(self.waiting)} waiting {_some(self.waiting)}"


def _some(tags: Iterable[bytes]) -> list[bytes]:
    return sorted(tags)[:5]
