"""One form per address, whoever wrote it and however: what two sides of the house compare.

E.164 digits without a plus sign; short codes as they are; sender names in capitals (carriers do not tell "Acme" from
"ACME"). The raw form stays in the message.
"""

from __future__ import annotations

from typing import Final

INTERNATIONAL: Final = 1
"""type of number (SMPP 3.4 §5.2.5)"""
NATIONAL: Final = 2

SHORT: Final = 6
"""Digits of the longest short code; no subscriber number is that short once its country is known."""

NATIONAL_DIGITS: Final[dict[str, int]] = {
    "1": 10, "30": 10, "31": 9, "33": 9, "34": 9, "41": 9, "45": 8, "47": 8, "48": 9, "61": 9, "351": 9, "353": 9,
    "420": 9, "421": 9, "65": 8, "852": 8,
}  # fmt: skip
"""Countries whose mobile numbers have one length, written without their trunk prefix."""

KEEPS_ZERO: Final = frozenset({"39", "378"})
"""Italy and San Marino: the zero is part of the number."""

_SEPARATORS: Final = b" -().\xa0"


def canonical(address: bytes, ton: int = 0, country: str = "") -> bytes:
    """The form in which `address` is compared.

    `country` is the calling code that a number without one belongs to ("44"); without it such numbers stay as they are.
    """
    if not address.isdigit():
        bare = address.translate(None, _SEPARATORS)
        if bare[:1] == b"+" and bare[1:].isdigit():
            return bare[1:]
        if not bare.isdigit():
            return address.strip().upper()
        address = bare
    if len(address) <= SHORT:
        return address
    if address[:2] == b"00":
        return address[2:]
    if ton == INTERNATIONAL or not country:
        return address
    return _with_country(address, ton, country)


def _with_country(address: bytes, ton: int, country: str) -> bytes:
    if address[:1] == b"0":
        return country.encode() + (address if country in KEEPS_ZERO else address[1:])
    if ton == NATIONAL or len(address) == NATIONAL_DIGITS.get(country):
        return country.encode() + address
    return address


def is_subscriber(address: bytes) -> bool:
    """Whether a canonical address can be a person's: neither a short code nor a sender name."""
    return len(address) > SHORT and address.isdigit()
