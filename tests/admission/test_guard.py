"""Five failures a minute lock an (address, system_id) out, for longer each time."""

from __future__ import annotations

from smscd.admission import BindGuard
from smscd.admission.guard import FAILURES, FIRST_LOCK, LARGEST, LONGEST_LOCK, WITHIN


def fail(guard: BindGuard, now: float, times: int = FAILURES, who: tuple[str, str] = ("192.0.2.1", "test")) -> None:
    for _ in range(times):
        guard.failed(*who, now)


def locked(guard: BindGuard, now: float, who: tuple[str, str] = ("192.0.2.1", "test")) -> bool:
    return guard.locked(*who, now)


def test_four_failures_lock_nobody_out_and_the_fifth_does() -> None:
    guard = BindGuard()
    fail(guard, 1000, FAILURES - 1)
    assert not locked(guard, 1000)
    fail(guard, 1001, 1)
    assert locked(guard, 1001)
    assert locked(guard, 1001 + FIRST_LOCK - 1)
    assert not locked(guard, 1001 + FIRST_LOCK)


def test_failures_that_are_more_than_a_minute_apart_do_not_add_up() -> None:
    guard = BindGuard()
    for minute in range(20):
        fail(guard, minute * (WITHIN + 1), FAILURES - 1)
        assert not locked(guard, minute * (WITHIN + 1))


def test_each_lock_is_twice_the_last_up_to_an_hour() -> None:
    guard, now, lasted = BindGuard(), 0, []
    for _ in range(9):
        fail(guard, now)
        began = now
        while locked(guard, now):
            now += 60
        lasted.append(now - began)
    assert lasted == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    assert LONGEST_LOCK == 3600


def test_after_a_lock_it_takes_five_failures_again() -> None:
    guard = BindGuard()
    fail(guard, 0)
    fail(guard, 60, FAILURES - 1)
    assert not locked(guard, 60)
    fail(guard, 61, 1)
    assert locked(guard, 61)


def test_the_right_password_forgives_everything() -> None:
    guard = BindGuard()
    fail(guard, 0)
    guard.succeeded("192.0.2.1", "test")
    assert not locked(guard, 0)
    fail(guard, 1)
    assert not locked(guard, 61)


def test_one_address_and_one_name_do_not_lock_out_another() -> None:
    guard = BindGuard()
    fail(guard, 0)
    assert not locked(guard, 0, ("192.0.2.2", "test"))
    assert not locked(guard, 0, ("192.0.2.1", "other"))


def test_the_table_is_bounded_and_the_oldest_makes_room() -> None:
    guard = BindGuard()
    fail(guard, 0)
    for number in range(LARGEST):
        guard.failed("192.0.2.9", f"guess-{number}", 1)
    assert len(guard._table) == LARGEST
    assert not locked(guard, 1)
    fail(guard, 2, who=("192.0.2.1", "late"))
    assert locked(guard, 2, ("192.0.2.1", "late"))
