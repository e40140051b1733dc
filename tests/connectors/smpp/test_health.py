"""When is a bound upstream dead, and when is it tried again? Pure: seconds are numbers."""

from __future__ import annotations

from smscd.connectors.smpp.health import LONGEST_PAUSE, Health


def test_so_many_failures_in_a_row_end_the_confidence_and_a_success_between_them_does_not_let_it_come_to_that() -> None:
    health = Health(3, 10.0)
    assert not health.failed(0.0)
    assert not health.failed(0.0)
    assert not health.answered()
    assert not health.failed(0.0)
    assert not health.failed(0.0)
    assert health.is_well(0.0)
    assert health.room(0.0) is None
    assert health.failed(1.0)
    assert not health.is_well(1.0)
    assert (health.room(10.9), health.wait(1.0)) == (0, 10.0)


def test_after_the_pause_one_message_tries_and_its_answer_ends_the_bad_time() -> None:
    health = Health(1, 10.0)
    assert health.failed(0.0)
    assert (health.is_well(10.0), health.room(10.0)) == (True, 1)
    health.leaving()
    assert (health.is_well(10.0), health.room(10.0)) == (False, 0)
    assert health.answered()
    assert health.room(10.0) is None


def test_a_trial_that_fails_doubles_the_pause_up_to_a_limit_and_a_new_bad_time_begins_with_the_first() -> None:
    health = Health(1, 10.0)
    now, pauses = 0.0, []
    assert health.failed(now)
    for _ in range(7):
        now += health.wait(now)
        health.leaving()
        assert health.failed(now)
        pauses.append(health.wait(now))
    assert pauses == [20.0, 40.0, 80.0, 160.0, LONGEST_PAUSE, LONGEST_PAUSE, LONGEST_PAUSE]
    health.answered()
    assert health.failed(now)
    assert health.wait(now) == 10.0


def test_what_was_under_way_when_the_confidence_ended_does_not_count_again() -> None:
    health = Health(1, 10.0)
    assert health.failed(0.0)
    assert not health.failed(5.0)
    assert health.wait(5.0) == 5.0


def test_a_trial_that_never_left_is_still_to_be_had() -> None:
    health = Health(1, 10.0)
    health.failed(0.0)
    health.leaving()
    health.came_back()
    assert health.room(10.0) == 1


def test_without_a_limit_nothing_is_ever_dead() -> None:
    health = Health(0, 10.0)
    assert not any(health.failed(0.0) for _ in range(1000))
    assert health.room(0.0) is None
