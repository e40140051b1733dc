"""An account: from where, as whom, to whom, how fast, how much a day, and for how long."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.admission import Admitted, EsmeSettings
from smscd.clock import SECOND
from tests.cast import DAY, NOON, esme, submit_sm

HOUR = 3600 * SECOND


# --- allow_from -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("networks", "allowed", "refused"),
    [
        ([], ["127.0.0.1", "::1", "203.0.113.9"], []),
        (["127.0.0.0/8"], ["127.0.0.1", "127.255.255.255", "::ffff:127.0.0.1"], ["128.0.0.1", "::1"]),
        (["192.0.2.7"], ["192.0.2.7"], ["192.0.2.8"]),
        (["2001:db8::/32"], ["2001:db8::1", "2001:db8:ffff::"], ["2001:db9::1", "127.0.0.1"]),
        (["::1", "10.0.0.0/8"], ["::1", "10.1.2.3", "::ffff:10.1.2.3"], ["::2", "11.0.0.1", "::ffff:11.0.0.1"]),
        (["0.0.0.0/0"], ["1.2.3.4", "::ffff:1.2.3.4"], ["2001:db8::1"]),
    ],
)
def test_it_may_connect_from_its_networks_only(networks: list[str], allowed: list[str], refused: list[str]) -> None:
    account = esme(allow_from=networks)
    assert [address for address in allowed if not account.allows_from(address)] == []
    assert [address for address in refused if account.allows_from(address)] == []


# --- addresses --------------------------------------------------------------------------------------------------------


def test_it_may_use_its_senders_and_reach_its_recipients_only() -> None:
    account = esme(source_addr=["12345", "ACME"], destination_addr=["44*"])
    assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.0), Admitted)
    assert isinstance(account.admit(submit_sm(source_addr=b"ACME"), 0x34, NOON, 1000.0), Admitted)
    assert account.admit(submit_sm(source_addr=b"54321"), 0x34, NOON, 1000.0) == pdu.ESME_RINVSRCADR
    assert account.admit(submit_sm(source_addr=b""), 0x34, NOON, 1000.0) == pdu.ESME_RINVSRCADR
    assert account.admit(submit_sm(destination_addr=b"4917012345"), 0x34, NOON, 1000.0) == pdu.ESME_RINVDSTADR


# --- times ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schedule", "validity", "due", "expires"),
    [
        (b"", b"", 0, 48 * HOUR), (b"", b"000000010000000R", 0, HOUR), (b"", b"000003000000000R", 0, 48 * HOUR),
        (b"000000020000000R", b"", 2 * HOUR, 50 * HOUR),
        (b"000000020000000R", b"000000030000000R", 2 * HOUR, 3 * HOUR),
        (b"000000020000000R", b"000009000000000R", 2 * HOUR, 50 * HOUR),
    ],
)  # fmt: skip
def test_validity_counts_from_the_schedule_and_ends_with_the_maximum(
    schedule: bytes, validity: bytes, due: int, expires: int
) -> None:
    content = submit_sm(schedule_delivery_time=schedule, validity_period=validity)
    admitted = esme().admit(content, 0x34, NOON, 1000.0)
    assert isinstance(admitted, Admitted)
    assert admitted.schedule == (NOON + due if due else 0)
    assert admitted.expires == NOON + expires


@pytest.mark.parametrize("back", [0, SECOND // 10, HOUR, 24 * HOUR - SECOND])
def test_a_schedule_that_has_just_passed_is_now(back: int) -> None:
    """Every example of jSMPP asks for the time it is, in tenths of a second: that is over when it arrives."""
    content = submit_sm(
        schedule_delivery_time=pdu.times.format_absolute(NOON - back), validity_period=b"000000010000000R"
    )
    assert esme().admit(content, 0x34, NOON, 1000.0) == Admitted(0, NOON + HOUR, 1)


def test_a_schedule_of_long_ago_is_refused() -> None:
    content = submit_sm(schedule_delivery_time=pdu.times.format_absolute(NOON - 24 * HOUR))
    assert esme().admit(content, 0x34, NOON, 1000.0) == pdu.ESME_RINVSCHED


def test_an_absolute_time_in_another_zone_is_the_same_moment() -> None:
    hence = pdu.times.format_absolute(NOON + 2 * HOUR)
    there = pdu.times.format_absolute(NOON + 3 * HOUR)[:13] + b"04+"  # an hour east of Greenwich
    assert pdu.times.parse_time(there, NOON) == pdu.times.parse_time(hence, NOON)
    admitted = esme().admit(submit_sm(schedule_delivery_time=there), 0x34, NOON, 1000.0)
    assert isinstance(admitted, Admitted)
    assert admitted.schedule // SECOND == (NOON + 2 * HOUR) // SECOND


@pytest.mark.parametrize(("seconds", "expires"), [(0, 48 * HOUR), (60, 60 * SECOND), (999_999, 48 * HOUR)])
def test_data_sm_says_its_validity_in_seconds(seconds: int, expires: int) -> None:
    content = pdu.DataSm(source_addr=b"1", destination_addr=b"2", tlvs=[
        (int(pdu.Tag.qos_time_to_live), seconds.to_bytes(4, "big"))
    ])  # fmt: skip
    admitted = esme().admit(content, 0x34, NOON, 1000.0)
    assert isinstance(admitted, Admitted)
    assert (admitted.schedule, admitted.expires) == (0, NOON + expires)


# --- rate and quota ---------------------------------------------------------------------------------------------------


def test_the_rate_is_counted_in_segments_and_nothing_is_charged_for_what_it_refuses() -> None:
    account = esme(rate=10.0)
    long = submit_sm(b"x" * 161)  # two segments
    assert [isinstance(account.admit(long, 0x34, NOON, 1000.0), Admitted) for _ in range(5)] == [True] * 5
    for _ in range(50):
        assert account.admit(submit_sm(), 0x34, NOON, 1000.0) == pdu.ESME_RTHROTTLED
    assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.1), Admitted)
    assert account.admit(submit_sm(), 0x34, NOON, 1000.1) == pdu.ESME_RTHROTTLED


def test_a_wall_clock_that_jumps_does_not_change_the_rate() -> None:
    account = esme(rate=1.0)
    assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.0), Admitted)
    assert account.admit(submit_sm(), 0x34, NOON + DAY, 1000.0) == pdu.ESME_RTHROTTLED


def test_the_quota_is_counted_in_segments_a_day_and_begins_anew_at_midnight_utc() -> None:
    account = esme(daily_quota=3)
    assert isinstance(account.admit(submit_sm(b"x" * 161), 0x34, NOON, 1000.0), Admitted)
    assert account.admit(submit_sm(b"x" * 161), 0x34, NOON, 1000.0) == pdu.ESME_RTHROTTLED
    assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.0), Admitted)
    midnight = (NOON // DAY + 1) * DAY
    assert account.admit(submit_sm(), 0x34, midnight - 1, 1000.0) == pdu.ESME_RTHROTTLED
    assert isinstance(account.admit(submit_sm(), 0x34, midnight, 1000.0), Admitted)


def test_what_is_refused_for_another_reason_costs_nothing() -> None:
    account = esme(rate=1.0, daily_quota=1)
    assert account.admit(submit_sm(validity_period=b"nonsense"), 0x34, NOON, 1000.0) == pdu.ESME_RINVEXPIRY
    assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.0), Admitted)


def test_a_refund_lets_the_same_again_in() -> None:
    account = esme(rate=2.0, daily_quota=2)
    assert isinstance(account.admit(submit_sm(b"x" * 161), 0x34, NOON, 1000.0), Admitted)
    account.refund(2, NOON)
    assert isinstance(account.admit(submit_sm(b"x" * 161), 0x34, NOON, 1000.0), Admitted)


def test_a_refund_of_yesterday_gives_nothing_today() -> None:
    account = esme(daily_quota=2)
    account.admit(submit_sm(), 0x34, NOON, 1000.0)
    account.admit(submit_sm(), 0x34, NOON + DAY, 1000.0)
    account.refund(1, NOON)
    assert account.quota is not None
    assert account.quota.used == 1


# --- reload -----------------------------------------------------------------------------------------------------------


def test_changed_settings_hold_and_the_quota_used_so_far_remains() -> None:
    account = esme(daily_quota=2)
    account.admit(submit_sm(), 0x34, NOON, 1000.0)
    account.apply(EsmeSettings("test", daily_quota=1, source_addr=["1*"]), 3600.0, 1000.0)
    assert account.admit(submit_sm(), 0x34, NOON, 1000.0) == pdu.ESME_RTHROTTLED
    assert account.admit(submit_sm(source_addr=b"9"), 0x34, NOON, 1000.0) == pdu.ESME_RINVSRCADR
    account.apply(EsmeSettings("test", daily_quota=5), 3600.0, 1000.0)
    admitted = account.admit(submit_sm(), 0x34, NOON, 1000.0)
    assert isinstance(admitted, Admitted)
    assert admitted.expires == NOON + HOUR


@pytest.mark.parametrize("before", [0, 1, 5])
def test_a_quota_of_nought_is_no_limit_whatever_it_was_before(before: int) -> None:
    account = esme(daily_quota=before)
    account.admit(submit_sm(), 0x34, NOON, 1000.0)
    account.apply(EsmeSettings("test"), 3600.0, 1000.0)
    for _ in range(10):
        assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.0), Admitted)


def test_a_rate_of_nought_is_no_limit_whatever_it_was_before() -> None:
    account = esme(rate=1.0)
    account.admit(submit_sm(), 0x34, NOON, 1000.0)
    account.apply(EsmeSettings("test"), 3600.0, 1000.0)
    assert isinstance(account.admit(submit_sm(), 0x34, NOON, 1000.0), Admitted)
