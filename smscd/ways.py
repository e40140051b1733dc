"""Which connector next? The rules asked again, for a message that could not leave by the one it waits for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from smscd import pdu, text
from smscd.connectors import Connector
from smscd.message import Content, Message, octets_of
from smscd.routing import Rule, Ruleset
from smscd.routing.way import Alive
from smscd.text import Alphabet


def is_alive(connectors: Mapping[str, Connector], name: str) -> bool:
    """Whether the connector `name` could take something now, or soon."""
    found = connectors.get(name)
    return found is not None and found.alive


class Turn(NamedTuple):
    """Where a message goes next, and whether it has been everywhere before that: then it rests a while."""

    connector: Connector
    round_over: bool


def another(
    message: Message, rule: Rule, connectors: Mapping[str, Connector], companions: Companions, *, failed: bool
) -> Turn | None:
    """Another connector of `rule` for `message`, or None where it may as well stay.

    `failed`: the connector it was with could not deliver it, so the next one tries, until each that is alive has tried
    once.
    """

    def alive(name: str) -> bool:
        return is_alive(connectors, name)

    if failed:
        name = rule.after(message.connector, alive)
    elif message.connector in rule.connectors and alive(message.connector):
        name = message.connector
    else:
        name = companions.choose(rule, message.system_id, message.content, alive)
    if name == message.connector or name not in connectors:
        return None
    companions.moved(message, name)
    living = sum(map(alive, rule.connectors))
    return Turn(connectors[name], failed and message.attempts % max(1, living) == 0)


def rule_of(message: Message, routes: Ruleset, alphabet: Alphabet, now: int) -> Rule | None:
    """The rule that `message` would take if it came in now."""
    return routes.resolve(message.system_id, message.content, alphabet, now)


class _Set(NamedTuple):
    """What the parts of one long message have in common (3GPP TS 23.040 §9.2.3.24.1; SMPP 3.4 §5.3.2.22)."""

    system_id: str
    source_addr: bytes
    destination_addr: bytes
    reference: int
    total: int


class Companions:
    """Which connector the parts of a long message take that its sender has cut: one link for all of them.

    Every part is a message of its own here. The first one's connector is remembered until the last has come, for so
    many sets at most; a part whose companions' connector is away takes its own way.
    """

    LARGEST = 10_000

    def __init__(self) -> None:
        self._sets: dict[_Set, tuple[str, frozenset[int]]] = {}

    def choose(self, rule: Rule, system_id: str, content: Content, alive: Alive) -> str:
        """The connector for `content` among those of `rule`."""
        if rule.only or not (content.tlvs or content.esm_class & pdu.ESM_UDHI):
            return rule.choose(alive)
        found = concatenation_of(content)
        if found is None:
            return rule.choose(alive)
        its = _Set(system_id, content.source_addr, content.destination_addr, found.reference, found.total)
        companion, there = self._sets.pop(its, ("", frozenset()))
        if found.number in there:  # the reference has come round: this is another message
            companion, there = "", frozenset()
        name = rule.keep_or_choose(companion, alive)
        there |= {found.number}
        if len(there) < found.total:
            self._sets[its] = name, there
            if len(self._sets) > self.LARGEST:
                del self._sets[next(iter(self._sets))]
        return name

    def moved(self, message: Message, name: str) -> None:
        """`message` goes to `name` after all; what comes of its set follows."""
        content = message.content
        found = concatenation_of(content) if content.tlvs or content.esm_class & pdu.ESM_UDHI else None
        if found is not None:
            its = _Set(message.system_id, content.source_addr, content.destination_addr, found.reference, found.total)
            if its in self._sets:
                self._sets[its] = name, self._sets[its][1]


def concatenation_of(content: Content) -> text.Concatenation | None:
    """Which part of a longer message `content` is, by its user data header or its sar TLVs; None if it is whole."""
    found = None
    if content.esm_class & pdu.ESM_UDHI:
        found = text.concatenation(text.read_udh(octets_of(content))[0])
    if found is None and content.tlvs:
        reference, total, number = (
            pdu.tlv.get(content.tlvs, tag)
            for tag in (pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments, pdu.Tag.sar_segment_seqnum)
        )
        if reference and total and number and 1 <= number[0] <= total[0]:
            found = text.Concatenation(int.from_bytes(reference, "big"), 16, total[0], number[0])
    return found if found is not None and found.total > 1 else None
