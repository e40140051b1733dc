"""What a connector tells, and the other side of one: an ESME on a cable of its own that answers when it is told to."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import cast

from smscd import pdu
from smscd.connectors import EsmeConnector
from smscd.link import Link
from smscd.message import Accepted, Delivered, Message, Outcome
from smscd.session import Answered, Closed, SessionSettings, Unanswered
from tests.session.pair import SessionPair


class Told:
    """What the journey is told, and whether each message came to one end only."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[Message, Outcome]] = []
        self.accepted: list[Message] = []
        self.settled: list[tuple[Message, int, int]] = []
        self.credit: list[str] = []
        self.ends: Counter[int] = Counter()

    def outcome(self, message: Message, number: int, outcome: Outcome) -> None:
        assert number == 1
        if isinstance(outcome, Accepted):
            self.accepted.append(message)
            return
        self.outcomes.append((message, outcome))
        self.ends[message.id] += 1

    def taken_over(self, messages: list[Message]) -> None:
        self.accepted += messages

    def accepted_all(self, accepted: list[tuple[Message, str, str]]) -> None:
        for message, upstream_message_id, upstream_key in accepted:
            self.outcome(message, 1, Accepted(upstream_message_id, upstream_key))

    def delivered(self, messages: list[Message]) -> None:
        for message in messages:
            self.outcome(message, 1, Delivered())

    def settle(self, message: Message, message_state: int, error_code: int) -> None:
        assert message in self.accepted, "a final state of what was never taken over"
        self.settled.append((message, message_state, error_code))
        self.ends[message.id] += 1

    def settle_all(self, messages: list[Message], message_state: int, error_code: int) -> None:
        for message in messages:
            self.settle(message, message_state, error_code)

    def has_credit(self, connector: str) -> None:
        self.credit.append(connector)

    def of(self, kind: type[Outcome]) -> list[int]:
        """The numbers of the messages that came to an outcome of this kind, in order."""
        return [message.id for message, outcome in self.outcomes if isinstance(outcome, kind)]


class Wire:
    """As much of a `Link` as a connector sees, with a real session on it and a peer at the other end."""

    def __init__(self, connector: EsmeConnector, *, kind: type[pdu.Bind] = pdu.BindTransceiver, window: int = 3,
                 version: int = 0x34) -> None:  # fmt: skip
        self.connector = connector
        self.pair = SessionPair(now=1000)
        self.pair.bind(kind, version, SessionSettings(window=window))
        self.session = self.pair.mc.session
        self.writing_paused = False
        self.heard: list[pdu.DeliverSm] = []
        connector.attach(self.link)

    @property
    def link(self) -> Link:
        return cast("Link", self)

    def flush_soon(self) -> None:
        asyncio.get_running_loop().call_soon(self.carry)

    def carry(self) -> None:
        """What is under way on the cable arrives, and the connector hears what its pump would tell it."""
        self.pair.pump()
        self.heard += self.pair.esme.take(pdu.DeliverSm)
        if answers := self.pair.mc.take(Answered):
            self.connector.answered(self.link, answers)
        for missing in self.pair.mc.take(Unanswered):
            self.connector.unanswered(self.link, missing)

    async def arrived(self) -> list[bytes]:
        """The texts that have reached the peer since the last look."""
        await asyncio.sleep(0)
        self.carry()
        return [one.short_message for one in self.heard]

    async def answer(
        self, count: int = 1, status: int = pdu.ESME_ROK, response: type[pdu.Pdu] = pdu.DeliverSmResp
    ) -> None:
        """Answer the oldest that were not answered yet."""
        await self.arrived()
        for request in self.heard[:count]:
            self.pair.esme.session.respond(request, response(command_status=status))
        del self.heard[:count]
        self.carry()
        await asyncio.sleep(0)

    def advance(self, seconds: int) -> None:
        """Time passes at our end; whatever the peer would say about it is lost."""
        self.pair.cut = True
        self.pair.advance(seconds)
        self.carry()

    def cut(self) -> None:
        """The connection ends."""
        (closed,) = [event for event in self.session.close("cut") if isinstance(event, Closed)]
        unanswered = [one.context for one in closed.unanswered if isinstance(one.context, Message)]
        self.connector.detach(self.link, unanswered)
