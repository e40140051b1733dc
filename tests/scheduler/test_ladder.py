"""When something that was put off is due again."""

from __future__ import annotations

import pytest

from smscd.clock import SECOND
from smscd.message import Deferred
from smscd.scheduler import retry_at
from tests.cast import NOON


@pytest.mark.parametrize(
    ("attempts", "pause"), [(0, 10.0), (1, 10.0), (2, 60.0), (3, 300.0), (4, 300.0), (1000, 300.0)]
)
def test_every_attempt_waits_a_step_longer_and_the_last_step_repeats(attempts: int, pause: float) -> None:
    assert retry_at([10.0, 60.0, 300.0], attempts, Deferred("busy"), NOON) == NOON + int(pause * SECOND)


@pytest.mark.parametrize("retry_after", [0.0, 0.25, 3600.0])
def test_a_time_that_the_other_side_named_comes_before_the_ladder(retry_after: float) -> None:
    deferred = Deferred("throttled", retry_after=retry_after)
    assert retry_at([10.0], 1, deferred, NOON) == NOON + int(retry_after * SECOND)


def test_a_ladder_of_one_step_is_a_fixed_pause() -> None:
    assert {retry_at([0.001], n, Deferred("busy"), NOON) for n in range(5)} == {NOON + 1000}
