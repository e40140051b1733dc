"""Numbers that never come twice, and what is found under the text of one."""

from __future__ import annotations

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd import pdu
from smscd.clock import SECOND
from smscd.message import EPOCH_MS, MessageIds, Stage, issued_at, numbers_of, octets_of, text_of
from tests.cast import NOON, deliver_sm, message, submit_sm

steps = st.lists(st.integers(-5_000_000, 5_000_000), max_size=50)


@given(steps)
def test_numbers_grow_whatever_the_clock_does(moves: list[int]) -> None:
    ids, now, last = MessageIds(), NOON, 0
    for move in moves:
        now += move
        number = ids.next(now)
        assert number > last
        last = number


@given(st.lists(st.tuples(st.integers(-3, 3), st.sampled_from([1, 2, 100, 4095, 4096, 5000])), max_size=8))
def test_numbers_given_together_are_those_that_would_be_given_one_by_one(steps: list[tuple[int, int]]) -> None:
    together, alone, now = MessageIds(node_id=5), MessageIds(node_id=5), NOON
    for milliseconds, count in steps:
        now += milliseconds * 1000
        numbers = together.next_all(now, count)
        assert numbers == [alone.next(now) for _ in range(count)]
        assert together.issue_all(numbers) == [alone.issue(number) for number in numbers]


def test_ten_thousand_in_one_moment_are_all_different_and_fit_63_bits() -> None:
    ids = MessageIds(node_id=1023)
    numbers = [ids.next(NOON) for _ in range(10_000)]
    assert len(set(numbers)) == 10_000
    assert numbers == sorted(numbers)
    assert numbers[-1] < 1 << 63


def test_two_nodes_never_give_the_same_number() -> None:
    one, other = MessageIds(node_id=1), MessageIds(node_id=2)
    assert not {one.next(NOON) for _ in range(5000)} & {other.next(NOON) for _ in range(5000)}


@given(st.integers(0, 40_000), st.integers(-3600, 3600))
def test_after_a_restart_numbers_go_on_above_the_highest_even_if_the_clock_was_set_back(count: int, jump: int) -> None:
    before = MessageIds()
    highest = max((before.next(NOON) for _ in range(count % 5000)), default=0)
    after = MessageIds(highest=highest)
    assert after.next(NOON + jump * SECOND) > highest


def test_a_number_carries_the_moment_it_was_given_to_the_millisecond() -> None:
    assert issued_at(MessageIds().next(NOON)) == NOON // 1000 * 1000
    assert issued_at(0) == EPOCH_MS * 1000


@pytest.mark.parametrize("notation", ["decimal", "hex"])
@given(st.integers(1, (1 << 63) - 1))
def test_the_text_of_a_number_leads_back_to_it(notation: str, number: int) -> None:
    text = MessageIds(notation=notation).issue(number)
    assert number in numbers_of(text)[0]
    assert len(text) <= 20
    assert len(text) == 16 or notation == "decimal"


@given(st.text(max_size=70))
def test_any_text_may_be_asked_for(text: str) -> None:
    numbers, alias = numbers_of(text)
    assert all(0 <= number < 1 << 63 for number in numbers)
    assert alias is None or len(text) == 8


def test_eight_hex_digits_may_be_an_alias_and_nothing_else_may() -> None:
    assert numbers_of("0000000a")[1] == 10
    assert numbers_of("FFFFFFFF")[1] == 0xFFFFFFFF
    assert numbers_of("a")[1] is None
    assert numbers_of("0000000000")[1] is None


def test_an_alias_wraps_to_one_and_is_never_nought() -> None:
    ids = MessageIds(highest_alias=0xFFFFFFFE)
    assert [ids.next_alias() for _ in range(3)] == [0xFFFFFFFF, 1, 2]


def test_the_stages_below_closed_still_owe_somebody_something() -> None:
    assert [stage.name for stage in Stage if message(stage=stage).is_open] == [
        "QUEUED", "LEASED", "SENT", "IN_DOUBT", "HELD"
    ]  # fmt: skip


def test_the_user_data_is_message_payload_where_that_is_there() -> None:
    payload = [(int(pdu.Tag.message_payload), b"long")]
    assert octets_of(submit_sm(b"short")) == b"short"
    assert octets_of(submit_sm(b"short", tlvs=payload)) == b"long"
    assert octets_of(submit_sm(b"short", tlvs=[(int(pdu.Tag.message_payload), b"")])) == b"short"
    assert octets_of(pdu.DataSm(tlvs=payload)) == b"long"
    assert octets_of(pdu.DataSm()) == b""
    assert octets_of(deliver_sm(b"mo")) == b"mo"


def test_the_text_is_read_as_its_data_coding_says_without_its_header() -> None:
    assert text_of(submit_sm("h\u00e9 \U0001f600".encode("utf-16-be"), data_coding=8)) == "h\u00e9 \U0001f600"
    assert text_of(submit_sm(b"\x00")) == "@"
    assert text_of(submit_sm(b"@"), "ascii") == "@"
    assert text_of(submit_sm(b"\x05\x00\x03\x07\x02\x01hello", esm_class=0x40)) == "hello"


@given(st.binary(max_size=160), st.integers(0, 255), st.integers(0, 255))
def test_no_user_data_breaks_the_reading_of_it(octets: bytes, data_coding: int, esm_class: int) -> None:
    assert isinstance(text_of(submit_sm(octets, data_coding=data_coding, esm_class=esm_class)), str)
