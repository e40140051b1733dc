"""What every connector is to the journey, and what the journey is to a connector."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from smscd import pdu
from smscd.message import Content, Message, Outcome
from smscd.text import Alphabet

if TYPE_CHECKING:
    from smscd.connectors.smpp.correlation import Report


AnswerReports = Callable[[list["Report"], int], None]
"""Tells the provider that these are stored, or with ESME_RX_T_APPN that they have to come again."""


class News(Protocol):
    """What a connector has to tell. `journey.Journey` is it; a test may be it too."""

    def outcome(self, message: Message, number: int, outcome: Outcome) -> None:
        """Part `number` of `message`, which was handed over by `submit`, came to this."""

    def taken_over(self, messages: list[Message]) -> None:
        """`Accepted`, for many at once whose parts carry their upstream_message_id already."""

    def accepted_all(self, accepted: list[tuple[Message, str, str]]) -> None:
        """`Accepted`, for many at once that have one part each: with upstream_message_id and upstream_key."""

    def delivered(self, messages: list[Message]) -> None:
        """`Delivered`, for many of one connector at once."""

    def settle(self, message: Message, message_state: int, error_code: int) -> None:
        """The other side reports the final state of `message`."""

    def settle_all(self, messages: list[Message], message_state: int, error_code: int) -> None:
        """The same for many of one connector that ended alike, which tells it once more if it is lost in a crash."""

    def has_credit(self, connector: str) -> None:
        """`connector` can take more than it could a moment ago."""


class Returns(Protocol):
    """What comes back from a provider by itself, perhaps long after. `reports.Reports` is it."""

    def report(self, report: Report, answer: Callable[[int], None]) -> None:
        """A receipt or intermediate notification; `answer` is called once all that it caused is committed.

        With ESME_ROK, or with ESME_RX_T_APPN if it could not be stored and has to come again.
        """

    def report_all(self, reports: list[Report], answer: AnswerReports) -> None:
        """`report` for what one read of one provider brought; `answer` is called for some of them at a time."""

    def late(self, provider: str, message: Message, number: int, outcome: Outcome) -> None:
        """The answer to a part that was `Unanswered` before."""

    def mo(
        self, connector: str, content: pdu.DeliverSm, answer: Callable[[int], None], alphabet: Alphabet = "gsm7"
    ) -> None:
        """A message from a handset; `answer` is called with its command_status, after the commit.

        `alphabet` is what data_coding 0 means where it came from.
        """


@runtime_checkable
class Reporting(Protocol):
    """A connector whose provider sends receipts."""

    def read_report(self, request: Content) -> Report | None:
        """The report in what the provider delivered; None if it is a message from a handset."""


class Connector(Protocol):
    """One way out. All calls come from the loop and none of them blocks."""

    name: str
    kind: str
    stores_lease: bool
    """A lease is stored before `submit`, so that after a crash "never left" can be told from "left, unanswered".
    False where unanswered work is always repeated, as a receipt to an ESME is."""

    provider: str
    """Whose receipts report on what leaves here; empty where an outcome or `News.settle` says it all."""
    in_doubt: int
    """message.InDoubt: what becomes of a message that left by it and was never answered."""
    screens: bool
    """Whether `screen` does anything."""
    divides: bool
    """Whether `divide` ever says anything but 0 of a new message."""
    parts_within: float
    """Seconds that parts which an ESME has cut wait for each other, to leave as one message; 0: they leave as cut."""
    shows: bytes
    """The sender that handsets see instead of source_addr, where the connector rewrites it; b"" where it does not."""

    @property
    def alive(self) -> bool:
        """Whether it could take something now or soon: routes skip connectors that are not."""

    def credit(self) -> int:
        """How many messages may be handed over now."""

    def divide(self, message: Message) -> int:
        """How many parts `message` leaves as; 0 where its own row says all that the connector will want to know."""

    def screen(self, message: Message) -> int:
        """The command_status to refuse `message` with while its sender still waits; 0 lets it in.

        Called once, before the message is stored; the connector may give it parts, which are then stored with it.
        """

    def submit(self, messages: list[Message]) -> None:
        """Hand over what one commit has leased; the list belongs to the connector from now on.

        What becomes of each is told by `News.outcome`, possibly before this returns.
        """

    def resume(self, message: Message) -> None:
        """After a restart: the other side took `message` over before, and has not reported a final state."""

    def recall(self, message: Message) -> bool:
        """Take `message` back if it has not reached its recipient. True: there will be no further news of it."""

    async def start(self) -> None:
        """Begin to work."""

    async def stop(self) -> None:
        """Take no more, give back what can be given back."""

    def status(self) -> dict[str, Any]:
        """What an operator wants to see: at least `state`, `in_flight` and `credit`."""
