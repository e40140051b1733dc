"""Segments per second, segments per day."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd.admission.rate import DAY, DailyQuota, TokenBucket

asked = st.lists(st.tuples(st.integers(1, 5), st.floats(0, 3)), min_size=1, max_size=200)


@given(st.floats(0.1, 1000), asked)
def test_over_any_stretch_no_more_passes_than_the_rate_and_one_second_of_it_and_one_message(
    rate: float, moves: list[tuple[int, float]]
) -> None:
    bucket, now, passed = TokenBucket(rate, 0.0), 0.0, 0
    for segments, pause in moves:
        now += pause
        if bucket.take(segments, now):
            passed += segments
    assert passed <= rate * now + max(rate, 1.0) + 5


@given(st.floats(1.0, 100))
def test_a_steady_sender_below_the_rate_is_never_refused(rate: float) -> None:
    bucket = TokenBucket(rate, 0.0)
    assert all(bucket.take(1, n / rate * 1.0001) for n in range(1, 200))


def test_a_rate_below_one_lets_one_message_through_in_its_time() -> None:
    bucket = TokenBucket(0.5, 0.0)
    assert [bucket.take(1, now) for now in (0.0, 1.0, 2.0, 3.0, 4.0)] == [True, False, True, False, True]


def test_a_long_message_may_overdraw_and_the_debt_is_paid_first() -> None:
    bucket = TokenBucket(2.0, 0.0)
    assert bucket.take(8, 0.0)
    assert [bucket.take(1, now) for now in (1.0, 2.0, 3.0, 3.5)] == [False, False, False, True]


@pytest.mark.parametrize("used", [0, 3])
def test_a_quota_remembers_a_day(used: int) -> None:
    quota = DailyQuota(5, used, day=20)
    assert quota.take(5 - used, 20 * DAY + 1)
    assert not quota.take(1, 21 * DAY - 1)
    assert quota.take(5, 21 * DAY)
    again = DailyQuota(5)
    again.state = quota.state
    assert (again.used, again.state) == (5, quota.state)
