"""Which part does a receipt report on? Pure: ids in, the form they are looked up by and the rule that matches out.

Providers write one id in submit_sm_resp and another in the receipt: hexadecimal and decimal, with and without leading
zeros, in another case. The id of the response is kept as it came; beside it stands its `key`, without case and zeros.
A receipt's id is looked up by its own key and by that of its value in the other base; then the rule that explains the
pair best wins, and what has explained a provider's receipts before is tried first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from smscd.message import SENT, Content, Message, Part
from smscd.pdu.plain_receipt import PlainReceipt

Base = Literal["auto", "same", "hex-decimal", "decimal-hex"]
"""`message_id_base`: hex-decimal means hexadecimal in the response and decimal in the receipt."""

Rule = Literal["same", "case", "zeros", "hex-decimal", "decimal-hex", "address"]
RULES: tuple[Rule, ...] = ("same", "case", "zeros", "hex-decimal", "decimal-hex")
"""In the order of how little they assume."""

CLOCK_SKEW = 120_000_000
"""Microseconds by which a provider's clock may be behind ours."""

LEARNED = 3
"""So many receipts in a row explained by a rule make it a provider's own."""


@dataclass(slots=True)
class Report:
    """One receipt or intermediate notification, read."""

    connector: str
    provider: str
    ids: tuple[str, ...]  # receipted_message_id first, then the id of the text where it is another
    message_state: int
    error_code: int
    source_addr: bytes  # the handset, as the provider writes it
    intermediate: bool
    delivered: Content | PlainReceipt  # as it came
    base: Base = "auto"
    sent_by: int = 0  # microseconds UTC: what left after it is not meant; 0 where nobody says
    by_address: bool = False  # whether its operator allows that it is matched by recipient and order

    @property
    def content(self) -> Content:
        """All that was delivered."""
        return self.delivered.whole if isinstance(self.delivered, PlainReceipt) else self.delivered


def trimmed(octets: bytes) -> str:
    """A message_id as it came, without the NULs and spaces that some pad it with."""
    return octets.decode("latin-1").strip("\0 ")


def key_of(message_id: str) -> str:
    """The form a message_id is looked up by: no case, no leading zeros. Empty only for an empty id."""
    folded = message_id.casefold()
    return folded.lstrip("0") or folded[:1]


def keys_of(message_id: str, base: Base) -> set[str]:
    """The keys under which the part may be stored that a receipt calls `message_id`."""
    keys = {key_of(message_id)} if base in {"auto", "same"} else set()
    for rule, key in (("hex-decimal", _to_hex(message_id)), ("decimal-hex", _to_decimal(message_id))):
        if key and base in {"auto", rule}:
            keys.add(key)
    return keys


def rule_of(response_id: str, receipt_id: str) -> Rule | None:
    """The rule by which the id of a response became that of a receipt, or None if none does."""
    if response_id == receipt_id:
        return "same"
    if response_id.casefold() == receipt_id.casefold():
        return "case"
    if key_of(response_id) == key_of(receipt_id):
        return "zeros"
    if key_of(response_id) == _to_hex(receipt_id):
        return "hex-decimal"
    if key_of(response_id) == _to_decimal(receipt_id):
        return "decimal-hex"
    return None


def _to_hex(message_id: str) -> str:
    """The key of a decimal id's value in hexadecimal; empty if it is not decimal. Any width: these are big numbers."""
    return f"{int(message_id):x}" if message_id.isascii() and message_id.isdigit() and len(message_id) <= 64 else ""


def _to_decimal(message_id: str) -> str:
    """The key of a hexadecimal id's value in decimal; empty if it is not hexadecimal (a UUID has dashes)."""
    digits = message_id.casefold()
    if not digits or len(digits) > 64 or digits.strip("0123456789abcdef"):
        return ""
    return str(int(digits, 16))


class Learned:
    """What has explained the receipts of one provider so far."""

    __slots__ = ("_agreed", "_row", "_rule", "rule")

    def __init__(self) -> None:
        self.rule: Rule | None = None
        self._agreed = 0
        self._rule: Rule | None = None
        self._row = 0

    @property
    def names_recipients(self) -> bool:
        """Its receipts name the recipients of their messages."""
        return self._agreed >= LEARNED

    @property
    def names_others(self) -> bool:
        """The last that was matched did not."""
        return self._agreed < 0

    def note(self, rule: Rule, *, recipient: bool = True) -> bool:
        """A receipt was matched by `rule`; `recipient`: its number was that of its message. True if that has just
        become the provider's own rule."""
        self._agreed = max(0, self._agreed) + 1 if recipient else -1
        if rule == "address":  # says nothing about ids
            return False
        self._row = self._row + 1 if rule == self._rule else 1
        self._rule = rule
        if self._row < LEARNED or rule == self.rule:
            return False
        self.rule = rule
        return True


@dataclass(slots=True)
class Match:
    """The part that a receipt reports on."""

    message: Message
    part: Part
    rule: Rule
    recipient: bool = True  # whether the receipt names the recipient of the message


def match(report: Report, candidates: Iterable[Message], learned: Rule | None, *, strict: bool = False) -> Match | None:
    """The part that `report` means among messages found by its keys; None if it is none of them.

    Ids come round again and several parts may share one: the recipient's number decides first, then the rule, then
    whether a final state is still missing, then which had left by then, then which is newest. A number that was
    converted needs its recipient. `strict`: so does any other, unless the receipt cannot be told to name somebody else.
    """
    found: list[tuple[tuple[bool, int, bool, bool, int], Match]] = []
    for message in candidates:
        recipient = same_number(report.source_addr, message.content.destination_addr)
        for part in message.parts:
            rule = _explained(report, part)
            if rule is None or not (recipient or rule in {"same", "case", "zeros"}):
                continue
            if strict and not recipient and _names_another(report, message):
                continue
            rank = 0 if rule == learned else 1 + RULES.index(rule)
            settled = not message.is_open or part.message_state != _ENROUTE
            too_young = 0 < report.sent_by + CLOCK_SKEW < part.changed_at if report.sent_by else False
            found.append(
                ((not recipient, rank, settled, too_young, -message.id), Match(message, part, rule, recipient))
            )
    return min(found, key=lambda one: one[0])[1] if found else None


def match_by_address(report: Report, candidates: Iterable[Message]) -> Match | None:
    """The part that left first for the handset of `report` and has no final state; None if there is none.

    `candidates` went to that handset. Those that left under the sender that the receipt names go before others: a
    sender may have been rewritten on the way, by us or by the provider.
    """
    open_parts = [
        (not same_number(report.content.destination_addr, message.content.source_addr), part.changed_at, message, part)
        for message in candidates
        if message.is_open and same_number(report.source_addr, message.content.destination_addr)
        for part in message.parts
        if part.provider == report.provider and part.stage == SENT and part.message_state == _ENROUTE
    ]
    if not open_parts:
        return None
    first = min(open_parts, key=lambda one: (one[0], one[1], one[2].id, one[3].number))
    return Match(first[2], first[3], "address")


_ENROUTE = 1


def _explained(report: Report, part: Part) -> Rule | None:
    if part.provider != report.provider or not part.upstream_message_id:
        return None
    for receipt_id in report.ids:
        if report.base in {"auto", "same"}:
            rule = rule_of(part.upstream_message_id, receipt_id)
        else:
            rule = _pinned(part.upstream_message_id, receipt_id, report.base)
        if rule in _ALLOWED[report.base]:
            return rule
    return None


def _pinned(response_id: str, receipt_id: str, base: Base) -> Rule | None:
    """Where the operator has pinned a conversion, a coincidence of the digits themselves means nothing."""
    if base == "hex-decimal" and key_of(response_id) == _to_hex(receipt_id):
        return "hex-decimal"
    if base == "decimal-hex" and key_of(response_id) == _to_decimal(receipt_id):
        return "decimal-hex"
    return None


_ALLOWED: dict[Base, Sequence[Rule]] = {
    "auto": RULES,
    "same": ("same", "case", "zeros"),
    "hex-decimal": ("hex-decimal",),
    "decimal-hex": ("decimal-hex",),
}


SUBSCRIBER = 8
"""Digits in which two numbers do not agree by chance."""
LAST = 6
"""Digits at the end that no provider rewrites, whatever it does to prefixes."""


def _names_another(report: Report, message: Message) -> bool:
    """Whether the handset of `report` is certainly not the recipient of `message`: both are numbers, and end otherwise.

    Some write a name, a mask or the sender there, and some do not swap the addresses.
    """
    recipient = message.content.destination_addr
    theirs, ours = _bare(report.source_addr), _bare(recipient)
    return (
        min(len(theirs), len(ours)) >= SUBSCRIBER and theirs.isdigit() and ours.isdigit()
        and theirs[-LAST:] != ours[-LAST:]
        and not same_number(report.content.destination_addr, recipient)
    )  # fmt: skip


def same_number(one: bytes, other: bytes) -> bool:
    """Whether two addresses are one number, however the international prefix is written, or left out by one."""
    if one == other:
        return True
    one, other = _bare(one), _bare(other)
    return one == other or (min(len(one), len(other)) >= SUBSCRIBER and (one.endswith(other) or other.endswith(one)))


def spellings(address: bytes) -> set[bytes]:
    """How a number may have been written that a provider writes as `address`."""
    bare = _bare(address)
    return {address, bare, b"+" + bare, b"00" + bare, b"0" + bare}


def _bare(address: bytes) -> bytes:
    return address.lstrip(b"+").lstrip(b"0")
