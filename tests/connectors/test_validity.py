"""A handset that answers too late: the emulated network lets the message expire, as a real one would."""

from __future__ import annotations

from smscd import pdu
from smscd.clock import SECOND, FakeClock
from smscd.connectors import Emulator, EmulatorSettings
from smscd.message import MT, Message, Outcome, Part


class Told:
    """What the network reports."""

    def __init__(self) -> None:
        self.ends: list[tuple[int, int]] = []

    def outcome(self, message: Message, number: int, outcome: Outcome) -> None:
        """Not asked for here."""

    def taken_over(self, messages: list[Message]) -> None:
        """Not asked for here."""

    def accepted_all(self, accepted: list[tuple[Message, str, str]]) -> None:
        """Not asked for here."""

    def delivered(self, messages: list[Message]) -> None:
        """Not asked for here."""

    def settle(self, message: Message, message_state: int, error_code: int) -> None:
        self.settle_all([message], message_state, error_code)

    def settle_all(self, messages: list[Message], message_state: int, error_code: int) -> None:
        self.ends += [(message.id, message_state) for message in messages]

    def has_credit(self, connector: str) -> None:
        """Not asked for here."""


async def test_a_restart_does_not_lengthen_a_validity() -> None:
    """The outcome is the same whether or not the process lived through the delay."""
    clock, told = FakeClock(), Told()
    now = clock.wall()
    content = pdu.SubmitSm(destination_addr=b"447700900123", short_message=b"x")
    message = Message(1, "1", MT, "test", "handsets", content, now, now, now + 2 * SECOND)
    message.parts = [Part(1, 1, "handsets", upstream_message_id="7", changed_at=now)]
    network = Emulator(
        EmulatorSettings(name="handsets", receipt_delay=10.0), told, clock, lambda _name, _arrivals: None
    )
    clock.advance(1.0)
    network.resume(message)
    clock.advance(0.9)
    network._due()
    assert told.ends == []
    clock.advance(0.2)
    network._due()
    assert told.ends == [(1, pdu.MessageState.EXPIRED)]
    await network.stop()


async def test_what_the_handset_would_get_after_its_validity_expires_when_that_ends() -> None:
    clock, told = FakeClock(), Told()
    network = Emulator(
        EmulatorSettings(name="handsets", receipt_delay=3600.0), told, clock, lambda _name, _arrivals: None
    )
    now = clock.wall()
    content = pdu.SubmitSm(destination_addr=b"447700900123", short_message=b"x")
    short = Message(1, "1", MT, "test", "handsets", content, now, now, now + 2 * SECOND)
    long = Message(2, "2", MT, "test", "handsets", content, now, now, now + 7200 * SECOND)
    for message in (short, long):
        assert network.screen(message) == 0
    network.submit([short, long])
    clock.advance(1.9)
    network._due()
    assert told.ends == []
    clock.advance(0.2)
    network._due()
    assert told.ends == [(1, pdu.MessageState.EXPIRED)]
    clock.advance(3600)
    network._due()
    assert told.ends == [(1, pdu.MessageState.EXPIRED), (2, pdu.MessageState.DELIVERED)]
    await network.stop()
