"""Office hours, on the clock of the place."""

from __future__ import annotations

from datetime import UTC, datetime

import hypothesis.strategies as st
import pytest
from hypothesis import assume, given

from smscd.routing.hours import WEEK, Hours, HoursNotation, TimeZoneNotation


def at(text: str) -> int:
    """Microseconds UTC."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.mark.parametrize(
    ("written", "zone", "inside", "outside"),
    [
        ("mon-fri 08:00-18:00", "UTC", "2026-11-20T08:00", "2026-11-20T18:00"),
        ("mon-fri 08:00-18:00", "UTC", "2026-11-20T17:59:59", "2026-11-21T12:00"),
        ("sat,sun", "UTC", "2026-11-21T00:00", "2026-11-23T00:00"),
        ("08:00-18:00", "UTC", "2026-11-22T08:00", "2026-11-22T07:59:59"),
        ("22:00-06:00", "UTC", "2026-11-22T05:59", "2026-11-22T06:00"),
        ("sun 22:00-06:00", "UTC", "2026-11-23T05:00", "2026-11-22T05:00"),
        ("fri-mon 00:00-24:00", "UTC", "2026-11-23T23:59", "2026-11-24T00:00"),
        ("mon,wed-thu 10:00-11:00", "UTC", "2026-11-26T10:30", "2026-11-24T10:30"),
        ("08:00-18:00", "Europe/London", "2026-07-01T07:30", "2026-07-01T17:30"),  # summer time: an hour before UTC
        ("08:00-18:00", "Europe/London", "2026-12-01T17:30", "2026-12-01T07:30"),
        ("mon 00:00-01:00", "Pacific/Auckland", "2026-11-22T11:30", "2026-11-23T00:30"),
    ],
)
def test_hours_hold_inside_and_not_outside(written: str, zone: str, inside: str, outside: str) -> None:
    hours = Hours([written], zone)
    assert hours.hold(at(inside))
    assert not hours.hold(at(outside))
    assert hours.hold(at(inside))  # what is remembered is of one minute only


def test_several_spans_are_joined() -> None:
    hours = Hours(["mon-fri 08:00-18:00", "sat 10:00-14:00"], "UTC")
    held = [hours.hold(at(f"2026-11-{day}T13:00")) for day in range(20, 24)]
    assert held == [True, True, False, True]


@pytest.mark.parametrize(
    "written", ["", " ", "8:00-18:00", "mon-fri 25:00-26:00", "24:00-06:00", "08:00-08:00", "monday", "mon fri",
                "mon-", "08:00-18:60", "08:00", "moo 08:00-09:00", "mon 24:01-03:00"],
)  # fmt: skip
def test_what_no_clock_shows_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"^(is|has) "):
        HoursNotation().read(written)


@pytest.mark.parametrize("name", ["", "Mars/Olympus", "../../etc/passwd", "/etc/passwd", "Europe", "UTC\0"])
def test_a_place_without_a_clock_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        TimeZoneNotation().read(name)


times = st.tuples(st.integers(0, 23), st.integers(0, 59)).map(lambda time: f"{time[0]:02}:{time[1]:02}")


@given(times, times, st.integers(0, WEEK - 1))
def test_a_span_and_the_span_between_its_ends_share_every_day(begin: str, end: str, minute: int) -> None:
    assume(begin != end)
    now = at("2026-11-23T00:00") + minute * 60_000_000
    assert Hours([f"{begin}-{end}"], "UTC").hold(now) != Hours([f"{end}-{begin}"], "UTC").hold(now)
