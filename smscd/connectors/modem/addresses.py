"""Addresses inside TPDUs, and the SMSC address before them (3GPP TS 23.040 §9.1.2.5, TS 24.011 §8.2.5).

Both are a type of address (TON and NPI) and semi-octets, low nibble first. A TP address counts its semi-octets, the
SMSC address counts octets, its type included.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from smscd import text
from smscd.errors import PduError, Unencodable

INTERNATIONAL: Final = 1
ALPHANUMERIC: Final = 5
ISDN: Final = 1
"""NPI of telephone numbers (E.164)."""

LONGEST: Final = 20
"""Semi-octets in an address: ten octets (§9.1.2.5)."""

_DIGITS: Final = "0123456789*#abc"  # §9.1.2.3: 1111 is the filler
_VALUES: Final = {digit: value for value, digit in enumerate(_DIGITS)}
_FILLER: Final = 0xF


class TpduError(PduError):
    """Octets that are no such TPDU, or a TPDU that cannot be written; the text says why."""


class TpAddress(NamedTuple):
    """One address: digits (0-9 * # a b c, no plus sign), or characters where `ton` says alphanumeric (5)."""

    addr: str
    ton: int = 0
    npi: int = ISDN

    def __str__(self) -> str:
        """As people write it: a plus sign before an international number."""
        return f"+{self.addr}" if self.ton == INTERNATIONAL else self.addr


def parse_number(number: str) -> TpAddress:
    """A number as people write it: a leading plus sign makes it international, otherwise its type is unknown (0)."""
    return TpAddress(number[1:], INTERNATIONAL) if number.startswith("+") else TpAddress(number)


def encode_address(address: TpAddress) -> bytes:
    """Length in semi-octets, type, value. Raises TpduError for more than 20 semi-octets or a character of no digit."""
    if address.ton == ALPHANUMERIC:
        try:
            septets = text.encode(address.addr, "gsm7")
        except Unencodable as error:
            raise TpduError(f"address {address.addr!r}: {error}") from None
        length, value = -(-7 * len(septets) // 4), text.pack(septets)
    else:
        length, value = len(address.addr), _swapped(address.addr)
    if length > LONGEST:
        raise TpduError(f"address {address.addr!r} takes {length} semi-octets: at most {LONGEST}")
    return bytes((length, _type_of(address))) + value


def decode_address(octets: bytes, at: int) -> tuple[TpAddress, int]:
    """The address at `at` and the position after it. Raises TpduError if the octets end inside it.

    The length of an alphanumeric address counts useful semi-octets, but handsets and modems are seen to write twice the
    octets. Only seven characters in eight octets read differently then: an eighth that is zero is taken for padding.
    """
    if at + 2 > len(octets):
        raise TpduError("the TPDU ends before an address")
    length, kind = octets[at], octets[at + 1]
    end = at + 2 + (length + 1) // 2
    if end > len(octets):
        raise TpduError(f"the TPDU ends inside an address of {length} semi-octets")
    ton, npi = kind >> 4 & 7, kind & 15
    value = octets[at + 2 : end]
    if ton != ALPHANUMERIC:
        return TpAddress(_unswapped(value)[:length], ton, npi), end
    septets = text.unpack(value, length * 4 // 7)
    if length == 14 and septets.endswith(b"\0"):
        septets = septets[:-1]
    return TpAddress(text.decode(septets, "gsm7"), ton, npi), end


def smsc_prefix(address: TpAddress | None = None) -> bytes:
    """The octets before a TPDU in PDU mode: `00` lets the modem take the SMSC address of its SIM (27.005 §3.1)."""
    if address is None or not address.addr:
        return b"\0"
    if address.ton == ALPHANUMERIC or len(address.addr) > LONGEST:
        raise TpduError(f"{address.addr!r} is no SMSC address: a number of at most {LONGEST} digits is")
    value = _swapped(address.addr)
    return bytes((1 + len(value), _type_of(address))) + value


def split_smsc(octets: bytes) -> tuple[TpAddress | None, bytes]:
    """The SMSC address (None where there is none: `00`, or a type without digits) and the TPDU after it.

    Raises TpduError if the octets end before the TPDU.
    """
    length = octets[0] if octets else 0
    if len(octets) <= 1 + length:
        raise TpduError(f"{len(octets)} octets end inside the SMSC address or right after it")
    value, tpdu = octets[2 : 1 + length], octets[1 + length :]
    if not value:
        return None, tpdu
    return TpAddress(_unswapped(value), octets[1] >> 4 & 7, octets[1] & 15), tpdu


def _type_of(address: TpAddress) -> int:
    if not (0 <= address.ton <= 7 and 0 <= address.npi <= 15):
        raise TpduError(f"ton {address.ton} or npi {address.npi} does not fit its bits")
    return 0x80 | address.ton << 4 | address.npi


def _swapped(digits: str) -> bytes:
    try:
        nibbles = [_VALUES[digit] for digit in digits.lower()]
    except KeyError as unknown:
        raise TpduError(f"{unknown.args[0]!r} in {digits!r} is no digit: {_DIGITS} are") from None
    nibbles += [_FILLER] * (len(nibbles) % 2)
    return bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _unswapped(octets: bytes) -> str:
    nibbles = (nibble for octet in octets for nibble in (octet & 15, octet >> 4))
    return "".join(_DIGITS[nibble] for nibble in nibbles if nibble != _FILLER)
