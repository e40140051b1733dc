"""SMPP times: read strictly, with a reason; relative ones by the calendar."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smscd import pdu
from smscd.pdu.times import absolute, full_year


def us(year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000


NOW = us(2026, 11, 21, 12, 0, 0)


def test_no_octets_are_no_time() -> None:
    assert pdu.parse_time(b"", NOW) is None


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        (b"261121120000000+", us(2026, 11, 21, 12)),
        (b"261121120000900+", us(2026, 11, 21, 12) + 900_000),
        (b"261121120000004+", us(2026, 11, 21, 11)),
        (b"261121120000004-", us(2026, 11, 21, 13)),
        (b"261121120000048+", us(2026, 11, 21, 0)),
        (b"261231233000020-", us(2027, 1, 1, 4, 30)),
        (b"280229000000000+", us(2028, 2, 29)),
        (b"370101000000000+", us(2037, 1, 1)),
        (b"380101000000000+", us(1938, 1, 1)),
        (b"991231235959900-", us(1999, 12, 31, 23, 59, 59) + 900_000),
    ],
)
def test_an_absolute_time_is_local_time_with_its_distance_from_utc(octets: bytes, moment: int) -> None:
    assert pdu.parse_time(octets, NOW) == moment


@pytest.mark.parametrize(
    ("octets", "moment"),
    [
        (b"020610233429000R", us(2029, 6, 1, 11, 34, 29)),  # the example of 3.4 §7.1.1.2
        (b"000000000000000R", NOW),
        (b"000000000001000R", us(2026, 11, 21, 12, 0, 1)),
        (b"000007000000000R", us(2026, 11, 28, 12)),
        (b"000100000000000R", us(2026, 12, 21, 12)),
        (b"010000000000000R", us(2027, 11, 21, 12)),
        (b"000300000000000R", us(2027, 2, 21, 12)),
        (b"000000480000000R", us(2026, 11, 23, 12)),
        (b"000000010000948R", us(2026, 11, 21, 13)),
        (b"999999999999999R", us(2134, 2, 21, 12) + (((99 * 24 + 99) * 60 + 99) * 60 + 99) * 1_000_000),
    ],
)
def test_a_relative_time_counts_from_now_by_the_calendar(octets: bytes, moment: int) -> None:
    assert pdu.parse_time(octets, NOW) == moment


@pytest.mark.parametrize(
    ("start", "octets", "end"),
    [
        (us(2027, 1, 31, 8), b"000100000000000R", us(2027, 2, 28, 8)),
        (us(2028, 1, 31, 8), b"000100000000000R", us(2028, 2, 29, 8)),
        (us(2028, 2, 29, 8), b"010000000000000R", us(2029, 2, 28, 8)),
        (us(2026, 12, 31, 23, 59, 59), b"000000000001000R", us(2027, 1, 1)),
        (us(2027, 1, 31, 8) + 123_456, b"000101000000000R", us(2027, 3, 1, 8) + 123_456),
    ],
)
def test_a_month_ends_where_the_calendar_ends_it(start: int, octets: bytes, end: int) -> None:
    assert pdu.parse_time(octets, start) == end


@pytest.mark.parametrize(
    ("octets", "reason"),
    [
        (b"26112112000000+", "15 octets"),
        (b"2611211200000000+", "17 octets"),
        (b"261121120000000", "15 octets"),
        (b"26112112000000x+", "15 digits"),
        (b"26 121120000000+", "15 digits"),
        (b"261121120000000Z", "p is 'Z'"),
        (b"261121120000000r", "p is 'r'"),
        (b"261121120000000\xff", r"p is '\\xff'"),
        (b"261321120000000+", "MM is 13"),
        (b"260021120000000+", "MM is 00"),
        (b"260230120000000+", "DD is 30: that month has days 01 to 28"),
        (b"261100120000000+", "DD is 00"),
        (b"261121240000000+", "hh is 24"),
        (b"261121126000000+", "mm is 60"),
        (b"261121120060000+", "ss is 60"),
        (b"261121120000049+", "nn is 49"),
    ],
)
def test_what_is_no_time_is_refused_with_the_reason(octets: bytes, reason: str) -> None:
    with pytest.raises(pdu.TimeFormatError) as caught:
        pdu.parse_time(octets, NOW)
    assert reason in str(caught.value)


def test_an_absolute_time_is_written_in_utc_with_its_tenths() -> None:
    assert pdu.format_absolute(us(2026, 11, 21, 12, 34, 56)) == b"261121123456000+"
    assert pdu.format_absolute(us(2026, 11, 21, 12, 34, 56) + 999_999) == b"261121123456900+"


@pytest.mark.parametrize("year", [1937, 2038, 2100])
def test_a_year_without_two_digits_is_not_written(year: int) -> None:
    with pytest.raises(ValueError, match=str(year)):
        pdu.format_absolute(absolute(year, 1, 1, 0, 0, 0))


def test_two_digits_mean_the_years_1938_to_2037() -> None:
    assert [full_year(year) for year in (0, 37, 38, 99)] == [2000, 2037, 1938, 1999]


@pytest.mark.parametrize(
    ("interval", "octets"),
    [
        (0, b"000000000000000R"),
        (1, b"000000000001000R"),
        (90_000_000, b"000000000130000R"),
        (2 * 86_400_000_000, b"000002000000000R"),
        (31 * 86_400_000_000 + 86_399_000_000, b"000031235959000R"),
    ],
)
def test_an_interval_is_written_in_days_and_never_shortened(interval: int, octets: bytes) -> None:
    assert pdu.format_relative(interval) == octets
    parsed = pdu.parse_time(octets, NOW)
    assert parsed is not None
    assert 0 <= parsed - NOW - interval < 1_000_000


@pytest.mark.parametrize("interval", [-1, 32 * 86_400_000_000])
def test_an_interval_that_is_no_number_of_days_is_not_written(interval: int) -> None:
    with pytest.raises(ValueError, match="31 days"):
        pdu.format_relative(interval)
