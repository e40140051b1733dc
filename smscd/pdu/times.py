"""SMPP time: `YYMMDDhhmmsstnnp` (3.4 §7.1.1, 5.0 §4.7.23.4 and §4.7.23.5).

Stored time is integer microseconds UTC. Two-digit years follow 3.4 Appendix C: 38 to 99 are 1938 to 1999, 00 to 37 are
2000 to 2037.
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Final

from smscd.errors import PduError

SECOND: Final = 1_000_000
QUARTER_HOUR: Final = 900 * SECOND
ROLLOVER: Final = 38
"""3.4 Appendix C: the two-digit year from which the century is the twentieth."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SHAPE: Final = re.compile(rb"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d)(\d\d)([-+R])")


class TimeFormatError(PduError):
    """Octets that are no SMPP time; the text says what is wrong with them."""


def parse_time(octets: bytes, now: int) -> int | None:
    """An absolute or relative time as microseconds UTC; None for the empty string (the default of the field).

    `now` (microseconds UTC) is what a relative time counts from. Relative years and months follow the calendar: one
    month after 31 January is the last of February. Of a relative time tenths and quarter hours are ignored, and a field
    beyond its usual range counts as what it says (48 hours). Raises TimeFormatError.
    """
    if not octets:
        return None
    match = _SHAPE.fullmatch(octets)
    if match is None:
        raise TimeFormatError(_misshapen(octets))
    year, month, day, hour, minute, second, tenth, quarters = (int(digits) for digits in match.groups()[:8])
    direction = match[9]
    if direction == b"R":
        return _relative(now, 12 * year + month, timedelta(days=day, hours=hour, minutes=minute, seconds=second))
    if quarters > 48:
        raise TimeFormatError(f"nn is {quarters:02}: quarter hours go from 00 to 48")
    local = absolute(full_year(year), month, day, hour, minute, second) + tenth * (SECOND // 10)
    offset = quarters * QUARTER_HOUR
    return local - offset if direction == b"+" else local + offset


def full_year(year: int) -> int:
    """The year that two digits mean (3.4 Appendix C)."""
    return year + (1900 if year >= ROLLOVER else 2000)


def absolute(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    """Microseconds UTC of a calendar moment. Raises TimeFormatError that names the field out of range."""
    if year < 1:
        raise TimeFormatError(f"YYYY is {year:04}: there is no such year")
    if not 1 <= month <= 12:
        raise TimeFormatError(f"MM is {month:02}: months go from 01 to 12")
    days = calendar.monthrange(year, month)[1]
    if not 1 <= day <= days:
        raise TimeFormatError(f"DD is {day:02}: that month has days 01 to {days}")
    for name, value, highest in (("hh", hour, 23), ("mm", minute, 59), ("ss", second, 59)):
        if value > highest:
            raise TimeFormatError(f"{name} is {value:02}: it goes from 00 to {highest}")
    return _microseconds(datetime(year, month, day, hour, minute, second, tzinfo=UTC))


def format_absolute(moment: int) -> bytes:
    """A moment (microseconds UTC) as an absolute time in UTC, tenths cut off: `YYMMDDhhmmsst00+`.

    Raises ValueError for a year that two digits cannot say (before 1938 or after 2037).
    """
    when = _datetime(moment)
    if full_year(when.year % 100) != when.year:
        raise ValueError(f"the year {when.year} has no two-digit form in SMPP")
    return when.strftime("%y%m%d%H%M%S").encode() + b"%d00+" % (when.microsecond // 100_000)


def format_relative(interval: int) -> bytes:
    """An interval (microseconds) as a relative time, rounded up to whole seconds: `0000DDhhmmss000R`.

    Raises ValueError for a negative interval or one of more than 31 days: months are no fixed number of days, so a long
    interval is better said as an absolute time.
    """
    seconds = -(-interval // SECOND)
    days, rest = divmod(seconds, 86_400)
    if interval < 0 or days > 31:
        raise ValueError(f"{interval} microseconds are not within 0 and 31 days")
    return b"0000%02d%02d%02d%02d000R" % (days, rest // 3600, rest // 60 % 60, rest % 60)


def _relative(now: int, months: int, rest: timedelta) -> int:
    start = _datetime(now)
    years, month = divmod(start.month - 1 + months, 12)
    year = start.year + years
    day = min(start.day, calendar.monthrange(year, month + 1)[1])
    return _microseconds(start.replace(year=year, month=month + 1, day=day) + rest)


def _misshapen(octets: bytes) -> str:
    if len(octets) != 16:
        return f"{len(octets)} octets where a time has 16: YYMMDDhhmmsstnnp"
    if not octets[:15].isdigit():
        return "a time has 15 digits before its last octet: YYMMDDhhmmsstnnp"
    return f"p is {octets[15:].decode('ascii', 'backslashreplace')!r}: it is +, - or R"


def _datetime(moment: int) -> datetime:
    return _EPOCH + timedelta(microseconds=moment)


def _microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)
