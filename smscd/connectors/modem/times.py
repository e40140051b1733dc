"""Time stamps and validity periods inside TPDUs (3GPP TS 23.040 §9.2.3.11, §9.2.3.12).

Moments are microseconds UTC, as everywhere. A time stamp on the air is local time with its zone in quarter hours.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final, NamedTuple

from smscd.connectors.modem.addresses import TpduError
from smscd.pdu.times import QUARTER_HOUR, SECOND, TimeFormatError, absolute, full_year

LENGTH: Final = 7
"""Octets of a time stamp, of an absolute and of an enhanced validity period."""

_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400
_WEEK: Final = 7 * _DAY

LONGEST_VALIDITY: Final = 63 * _WEEK
"""Seconds: what relative value 255 says."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class Timestamp(NamedTuple):
    """A moment (microseconds UTC, whole seconds on the air) as told in a zone (quarter hours east of UTC)."""

    moment: int
    zone: int = 0


def encode_timestamp(stamp: Timestamp | None) -> bytes:
    """Seven octets, tenths of seconds cut off; zeros for None, "unknown"."""
    if stamp is None:
        return bytes(LENGTH)
    if abs(stamp.zone) > 79:
        raise TpduError(f"zone of {stamp.zone} quarter hours: at most 79")
    local = _EPOCH + timedelta(microseconds=stamp.moment + stamp.zone * QUARTER_HOUR)
    if full_year(local.year % 100) != local.year:
        raise TpduError(f"the year {local.year} has no two-digit form")
    fields = (local.year % 100, local.month, local.day, local.hour, local.minute, local.second)
    zone = _swapped(abs(stamp.zone)) | (8 if stamp.zone < 0 else 0)
    return bytes(map(_swapped, fields)) + bytes((zone,))


def decode_timestamp(octets: bytes) -> Timestamp | None:
    """The time in seven octets; None where they are no time: a bad clock must not cost a message."""
    try:
        year, month, day, hour, minute, second = map(_unswapped, octets[:6])
        zone = _unswapped(octets[6] & 0xF7)
        zone = -zone if octets[6] & 8 else zone
        return Timestamp(absolute(full_year(year), month, day, hour, minute, second) - zone * QUARTER_HOUR, zone)
    except TimeFormatError:
        return None


def encode_relative(seconds: int) -> int:
    """The smallest relative value that lasts at least so long; 255 (63 weeks) for anything longer."""
    if seconds <= 12 * _HOUR:
        return max(0, -(-seconds // (5 * _MINUTE)) - 1)
    if seconds <= _DAY:
        return 143 + -(-(seconds - 12 * _HOUR) // (30 * _MINUTE))
    if seconds <= 30 * _DAY:
        return 166 + -(-seconds // _DAY)
    return 192 + max(5, min(63, -(-seconds // _WEEK)))


def decode_relative(value: int) -> int:
    """Seconds that a relative value (0-255) lasts: five minutes to 63 weeks (§9.2.3.12.1)."""
    if value <= 143:
        return (value + 1) * 5 * _MINUTE
    if value <= 167:
        return 12 * _HOUR + (value - 143) * 30 * _MINUTE
    return (value - 166) * _DAY if value <= 196 else (value - 192) * _WEEK


def _swapped(two_digits: int) -> int:
    return two_digits % 10 << 4 | two_digits // 10


def _unswapped(octet: int) -> int:
    tens, units = octet & 15, octet >> 4
    if tens > 9 or units > 9:
        raise TimeFormatError(f"octet 0x{octet:02X} is no two digits")
    return 10 * tens + units


__all__ = [
    "LENGTH",
    "LONGEST_VALIDITY",
    "SECOND",
    "Timestamp",
    "decode_relative",
    "decode_timestamp",
    "encode_relative",
    "encode_timestamp",
]
