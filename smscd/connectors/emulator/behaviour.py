"""What an emulated network does to a message: rules, chance from a seed, nothing else. Pure."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from smscd import pdu
from smscd.connectors.settings import Behaviour, EmulatorSettings
from smscd.message import Message, text_of
from smscd.patterns import AddressSet
from smscd.units import compile_expression


@dataclass(slots=True, frozen=True)
class Verdict:
    """What the network does: refuse at submit, or end in a state after a while (seconds)."""

    submit_status: int
    message_state: int
    error_code: int
    delay: float


class _Rule:
    """One `[[connector.behaviour]]`, compiled."""

    __slots__ = ("destination", "esmes", "probability", "source", "text", "verdict")

    def __init__(self, settings: Behaviour, receipt_delay: float) -> None:
        self.destination = AddressSet([settings.destination_addr])
        self.source = AddressSet([settings.source_addr])
        self.esmes = frozenset(settings.esme)
        self.text = compile_expression(settings.text) if settings.text else None
        self.probability = settings.probability
        self.verdict = Verdict(
            pdu.status.status_from_name(settings.submit_status) if settings.submit_status else 0,
            int(pdu.MessageState[settings.message_state]),
            settings.error_code,
            receipt_delay if settings.delay is None else settings.delay,
        )

    def meets(self, message: Message) -> bool:
        content = message.content
        return (
            (message.recipient or content.destination_addr) in self.destination
            and content.source_addr in self.source
            and (not self.esmes or message.system_id in self.esmes)
            and (self.text is None or self.text.fullmatch(text_of(message.content)))
        )


class Network:
    """All rules of one emulated network. The same message under the same number always meets the same verdict."""

    def __init__(self, settings: EmulatorSettings) -> None:
        self._seed = settings.seed
        self._rules = tuple(_Rule(one, settings.receipt_delay) for one in settings.behaviour)
        self._otherwise = Verdict(0, int(pdu.MessageState.DELIVERED), 0, settings.receipt_delay)
        self.only = None if self._rules else self._otherwise  # the verdict on every message, where there are no rules

    def judge(self, message: Message, arrival: int) -> Verdict:
        """The first rule that meets the message and whose chance comes up; otherwise it is delivered."""
        if self.only is not None:
            return self.only
        for number, rule in enumerate(self._rules):
            if rule.meets(message) and (rule.probability >= 1 or self._chance(arrival, number) < rule.probability):
                return rule.verdict
        return self._otherwise

    def _chance(self, arrival: int, rule: int) -> float:
        """A number in [0, 1) that depends on nothing but the seed, the arrival and the rule."""
        digest = hashlib.blake2b(f"{self._seed}/{arrival}/{rule}".encode(), digest_size=7).digest()
        return int.from_bytes(digest, "big") / (1 << 56)
