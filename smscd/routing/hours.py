"""Office hours: times of day and days of the week on the clock of one place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from smscd.units import TextNotation

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY = 24 * 60
"""Minutes."""
WEEK = 7 * DAY
MINUTE_US = 60_000_000

_SPAN = re.compile(
    r"(?:(?P<days>[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*)(?: |$))?"
    r"(?:(?P<from>\d\d:\d\d)-(?P<to>\d\d:\d\d))?"
)


def spans(written: str) -> list[tuple[int, int]]:
    """Minutes of the week from which until which "mon-fri 08:00-18:00" holds; ValueError says what is wrong with it.

    Without days it is every day, without times the whole day. A span that ends before it begins ends the next day.
    """
    match = _SPAN.fullmatch(written)
    if match is None or not written.strip():
        raise ValueError("is no span of hours")
    begin, end = (_minute(match["from"]), _minute(match["to"])) if match["from"] else (0, DAY)
    if begin in {end, DAY}:
        raise ValueError("is a span without any minute in it")
    length = end - begin if end > begin else end + DAY - begin
    return [(day * DAY + begin, day * DAY + begin + length) for day in _days(match["days"])]


def _minute(time: str) -> int:
    hours, minutes = int(time[:2]), int(time[3:])
    if hours > 24 or minutes > 59 or (hours == 24 and minutes):
        raise ValueError(f"has a time that no clock shows: {time}")
    return hours * 60 + minutes


def _days(written: str | None) -> list[int]:
    """Days of the week, Monday is 0; "fri-mon" goes over the weekend."""
    if written is None:
        return list(range(7))
    found: dict[int, None] = {}
    for item in written.split(","):
        first, _, last = item.partition("-")
        if first not in DAYS or (last and last not in DAYS):
            raise ValueError(f"has a day that no week has: {item}")
        day, until = DAYS.index(first), DAYS.index(last or first)
        while day != until:
            found[day] = None
            day = (day + 1) % 7
        found[until] = None
    return list(found)


class HoursNotation(TextNotation):
    """When a rule holds."""

    allowed = '"08:00-18:00", "mon-fri 08:00-18:00", "sat,sun" or "22:00-06:00" (until the next morning)'

    def inspect(self, text: str) -> None:
        spans(text)


class TimeZoneNotation(TextNotation):
    """A place whose clock counts."""

    allowed = 'a name of the IANA time zone database: "UTC", "Europe/London", "America/New_York"'

    def inspect(self, text: str) -> None:
        try:
            ZoneInfo(text)
        except (ValueError, OSError, KeyError):  # ZoneInfoNotFoundError is a KeyError
            raise ValueError("is no time zone") from None


class Hours:
    """Spans of the week on the clock of `time_zone`, summer time included."""

    __slots__ = ("_minute", "_spans", "_verdict", "_zone", "text")

    def __init__(self, written: Sequence[str], time_zone: str) -> None:
        self._spans = [span for one in written for span in spans(one)]
        self._zone = ZoneInfo(time_zone)
        self._minute = -1
        self._verdict = False
        self.text = f"{'; '.join(written)} {time_zone}"

    def hold(self, now: int) -> bool:
        """Whether `now`, microseconds UTC, is within them. The answer for a minute is remembered."""
        minute = now // MINUTE_US
        if minute != self._minute:
            self._minute, self._verdict = minute, self._look_up(now)
        return self._verdict

    def _look_up(self, now: int) -> bool:
        local = self.local(now)
        minute = local.weekday() * DAY + local.hour * 60 + local.minute
        return any(begin <= minute < end or begin <= minute + WEEK < end for begin, end in self._spans)

    def local(self, now: int) -> datetime:
        """What the clock there shows at `now`."""
        return datetime.fromtimestamp(now // 1_000_000, self._zone)
