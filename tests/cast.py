"""The cast of the story: messages, accounts and waiting senders, made short for whoever tests a journey or a store."""

from __future__ import annotations

import itertools
from typing import Any

from smscd import pdu
from smscd.admission import Esme, EsmeSettings
from smscd.clock import SECOND, FakeClock
from smscd.counters import EsmeCounters
from smscd.message import Content, Kind, Message, Part, Stage

NOON = FakeClock().wall()
"""Where every `FakeClock` begins, microseconds UTC."""
DAY = 86_400 * SECOND

_numbers = itertools.count(1)


def submit_sm(text: bytes = b"hello", **fields: Any) -> pdu.SubmitSm:
    """A plain submit_sm; any field can be said otherwise."""
    plain: dict[str, Any] = {"source_addr": b"12345", "destination_addr": b"447700900001", "short_message": text}
    return pdu.SubmitSm(**(plain | fields))


def deliver_sm(text: bytes = b"hello", **fields: Any) -> pdu.DeliverSm:
    """A plain message from a handset."""
    plain: dict[str, Any] = {"source_addr": b"447700900001", "destination_addr": b"12345", "short_message": text}
    return pdu.DeliverSm(**(plain | fields))


def message(number: int = 0, *, content: Content | None = None, **fields: Any) -> Message:
    """A queued MT of `test` for the connector `network`, due since noon and valid for a day."""
    number = number or next(_numbers)
    plain: dict[str, Any] = {
        "message_id": str(number), "kind": Kind.MT, "system_id": "test", "connector": "network", "accepted_at": NOON,
        "due": NOON, "expires": NOON + DAY,
    }  # fmt: skip
    return Message(id=number, content=content or submit_sm(), **(plain | fields))


def with_part(of: Message, stage: int = Stage.LEASED, upstream_message_id: str = "") -> Message:
    """`of` with its only part."""
    of.parts = [Part(of.id, 1, of.connector, stage, upstream_message_id, changed_at=NOON)]
    return of


def esme(system_id: str = "test", *, validity: float = 48 * 3600.0, monotonic: float = 1000.0, **settings: Any) -> Esme:
    """An account that may do anything unless its settings say otherwise."""
    return Esme(EsmeSettings(system_id, **settings), EsmeCounters(system_id), validity, monotonic)


class Answers:
    """What senders were told, in the order in which they were told it."""

    def __init__(self) -> None:
        self.given: list[tuple[Message, int]] = []

    def __call__(self, message: Message, status: int) -> None:
        self.given.append((message, status))

    def of(self, status: int) -> list[Message]:
        return [message for message, one in self.given if one == status]
