"""Which part does a receipt mean? The table of dialects, without any wire."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smscd.connectors.smpp.correlation import (
    Base,
    Learned,
    Report,
    Rule,
    key_of,
    keys_of,
    match,
    match_by_address,
    rule_of,
    spellings,
    trimmed,
)
from smscd.message import CLOSED, SENT, Message, Part
from tests.cast import deliver_sm, message, submit_sm


def sent(
    upstream_message_id: str, *, provider: str = "carrier", to: bytes = b"447700900001", number: int = 0
) -> Message:
    of = message(number, content=submit_sm(destination_addr=to), stage=1)
    of.parts = [
        Part(of.id, 1, provider, SENT, upstream_message_id, provider=provider, upstream_key=key_of(upstream_message_id))
    ]
    return of


def report(*ids: str, base: Base = "auto", handset: bytes = b"447700900001") -> Report:
    content = deliver_sm(source_addr=handset)
    return Report("carrier-a", "carrier", ids, 2, 0, handset, intermediate=False, delivered=content, base=base)


DIALECTS: list[tuple[str, str, Rule]] = [
    ("7000000001", "7000000001", "same"),
    ("1101C1-ab", "1101c1-ab", "case"),
    ("00B8BE19", "B8BE19", "zeros"),
    ("12", "0000000012", "zeros"),
    ("B8BE19", "12107289", "hex-decimal"),
    ("00b8be19", "0012107289", "hex-decimal"),
    ("812FC7470000001B", "9308878062554710043", "hex-decimal"),
    ("12107289", "00B8BE19", "decimal-hex"),
    ("0e99af3c-1111-4222-8333-444455556666", "0E99AF3C-1111-4222-8333-444455556666", "case"),
]


@pytest.mark.parametrize(("response", "receipt", "rule"), DIALECTS)
def test_the_rule_that_explains_a_pair_is_found_and_leads_to_the_part(response: str, receipt: str, rule: Rule) -> None:
    assert rule_of(response, receipt) == rule
    assert key_of(response) in keys_of(receipt, "auto")
    found = match(report(receipt), [sent(response)], None)
    assert found is not None
    assert found.rule == rule


@pytest.mark.parametrize(("response", "receipt"), [("abc", "abd"), ("12", "21"), ("a-b", "ab"), ("", "5")])
def test_what_no_rule_explains_is_nobodys(response: str, receipt: str) -> None:
    assert rule_of(response, receipt) is None
    assert match(report(receipt), [sent(response)], None) is None


def test_a_pinned_base_takes_digits_for_what_they_are_there() -> None:
    decimal, hexadecimal = sent("12"), sent("C")
    for base, expected in (("same", decimal), ("hex-decimal", hexadecimal), ("auto", decimal)):
        found = match(report("12", base=base), [decimal, hexadecimal], None)  # type: ignore[arg-type]  # see the tuple
        assert found is not None
        assert found.message is expected


def test_the_recipient_decides_between_equal_ids_and_a_plus_makes_no_difference() -> None:
    one, other = sent("77", to=b"447700900001"), sent("77", to=b"447700900002")
    found = match(report("77", handset=b"+447700900002"), [one, other], None)
    assert found is not None
    assert found.message is other


def test_a_converted_id_needs_its_recipient() -> None:
    assert match(report("16", handset=b"4915"), [sent("10")], None) is None
    assert match(report("10", handset=b"4915"), [sent("10")], None) is not None


def test_of_an_id_that_came_round_again_the_open_and_newest_is_meant() -> None:
    old, new = sent("5", number=1), sent("5", number=2)
    assert match(report("5"), [old, new], None).message is new  # type: ignore[union-attr]  # fails as it should
    new.parts[0].stage, new.parts[0].message_state = CLOSED, 2
    assert match(report("5"), [old, new], None).message is old  # type: ignore[union-attr]  # likewise


def test_another_providers_id_is_not_ours() -> None:
    assert match(report("5"), [sent("5", provider="other")], None) is None


def test_both_ids_of_a_receipt_are_tried() -> None:
    assert match(report("nonsense", "5"), [sent("5")], None) is not None


def test_a_rule_is_learned_after_three_in_a_row_and_told_once() -> None:
    learned = Learned()
    assert [learned.note(rule) for rule in ("case", "zeros", "zeros", "zeros", "zeros")] == [
        False, False, False, True, False,
    ]  # fmt: skip
    assert learned.rule == "zeros"


def test_padding_is_no_part_of_an_id() -> None:
    assert trimmed(b" 12ab \0\0") == "12ab"


@given(st.integers(min_value=1, max_value=1 << 80), st.integers(min_value=0, max_value=6), st.booleans())
def test_any_number_is_found_in_either_base_with_any_zeros(number: int, zeros: int, upper: bool) -> None:
    written = f"{number:x}".upper() if upper else f"{number:x}"
    padded = "0" * zeros + written
    assert key_of(padded) in keys_of(str(number), "auto")
    assert key_of(str(number)) in keys_of(padded, "auto")


@given(st.text(max_size=70), st.text(max_size=70))
def test_no_id_makes_it_fail(one: str, other: str) -> None:
    rule_of(one, other)
    assert key_of(one) in keys_of(one, "auto")


def test_without_an_id_the_part_that_left_first_to_the_recipient_is_meant() -> None:
    first, second = sent("1"), sent("2")
    first.parts[0].changed_at, second.parts[0].changed_at = 20, 10
    elsewhere, foreign = sent("3", to=b"447700900002"), sent("4", provider="other")
    found = match_by_address(report(), [foreign, elsewhere, first, second])
    assert found is not None
    assert (found.message, found.rule) == (second, "address")
    second.parts[0].message_state = 2
    found = match_by_address(report(handset=b"+447700900001"), [foreign, elsewhere, first, second])
    assert found is not None
    assert found.message is first
    first.parts[0].stage = CLOSED
    assert match_by_address(report(), [foreign, elsewhere, first, second]) is None


def test_without_an_id_the_sender_that_the_receipt_names_goes_before_the_order() -> None:
    older, newer = sent("1"), sent("2")
    older.content.source_addr = b"99999"
    found = match_by_address(report(), [older, newer])
    assert found is not None
    assert found.message is newer
    newer.parts[0].stage = CLOSED
    found = match_by_address(report(), [older, newer])
    assert found is not None
    assert found.message is older


def test_a_match_by_address_teaches_nothing_about_ids() -> None:
    learned = Learned()
    assert not any(learned.note("address") for _ in range(9))
    assert learned.rule is None


def test_the_spellings_of_a_number_contain_every_way_that_counts_as_the_same() -> None:
    for written in (b"447700900001", b"+447700900001", b"00447700900001"):
        assert {b"447700900001", b"+447700900001", b"00447700900001"} <= spellings(written)
