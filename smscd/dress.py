"""What a message wears when it leaves: another sender, further TLVs. Pure.

A route and a connector may both have something to say; what the route says goes before, what the ESME wrote itself goes
before both. The message in the store stays as it was submitted: receipts name the addresses that the ESME knows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from smscd import pdu

ALPHANUMERIC, INTERNATIONAL, NETWORK_SPECIFIC, UNKNOWN = 5, 1, 3, 0
"""Types of number (SMPP 3.4 §5.2.5)."""
SHORT_CODE = 8
"""Digits up to which a number is a short code."""


class Sender(NamedTuple):
    """source_addr with its TON and NPI."""

    ton: int
    npi: int
    address: bytes


@dataclass(slots=True, frozen=True)
class Dress:
    """What one route puts on the messages that it takes."""

    sender: Sender | None = None
    tlvs: tuple[pdu.Tlv, ...] = ()

    @property
    def shows(self) -> bytes:
        """The sender that the handset sees because of it; b"" where it leaves that to others."""
        return self.sender.address if self.sender is not None else b""


def dress_of(sender: str | None, tlvs: Mapping[str, str]) -> Dress | None:
    """What a configuration asks for; None for nothing."""
    if not sender and not tlvs:
        return None
    return Dress(sender_of(sender) if sender else None, tuple(pdu.tlv.from_notation(tlvs)))


def sender_of(source_addr: str) -> Sender:
    """TON, NPI and address of a configured sender: a number, a short code, or a name."""
    digits = source_addr.removeprefix("+")
    if not digits.isdigit():
        return Sender(ALPHANUMERIC, UNKNOWN, source_addr.encode("latin-1", "replace"))
    if len(digits) <= SHORT_CODE and digits == source_addr:
        return Sender(NETWORK_SPECIFIC, UNKNOWN, digits.encode())
    return Sender(INTERNATIONAL, INTERNATIONAL, digits.encode())


def add_missing(tlvs: list[pdu.Tlv], more: Iterable[pdu.Tlv]) -> None:
    """Append those of `more` whose tag is not there yet: who spoke first goes before."""
    there = {tag for tag, _ in tlvs}
    tlvs += [one for one in more if one[0] not in there]
