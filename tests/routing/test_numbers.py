"""E.164 where a route asks for it."""

from __future__ import annotations

from typing import Literal

import pytest

from smscd.routing.numbers import CallingCodeNotation, Numbers


@pytest.mark.parametrize(
    ("country", "address", "ton", "digits"),
    [
        ("44", b"07912345678", 0, b"447912345678"),
        ("44", b"7912345678", 2, b"447912345678"),
        ("44", b"447912345678", 0, b"447912345678"),
        ("44", b"447912345678", 1, b"447912345678"),
        ("44", b"+447912345678", 0, b"447912345678"),
        ("44", b"00447912345678", 0, b"447912345678"),
        ("44", b"004915123456789", 1, b"4915123456789"),
        ("44", b"+44 (0) 7912-345.678", 0, b"447912345678"),
        ("44", b"07912 345678", 1, b"447912345678"),  # a wrong TON: no international number begins with 0
        ("44", b"33612345678", 0, b"33612345678"),
        ("1", b"4155552671", 0, b"14155552671"),  # at home the number is national
        ("1", b"4740612345", 1, b"4740612345"),
        ("49", b"015123456789", 0, b"4915123456789"),
        ("39", b"3401234567", 0, b"393401234567"),
        (None, b"447912345678", 0, b"447912345678"),
        (None, b"07912345678", 0, b""),
        (None, b"7912345678", 2, b""),
        ("44", b"12345", 0, b""),
        ("44", b"ACME", 5, b""),
        ("44", b"", 0, b""),
        ("44", b"+", 0, b""),
        ("44", "\u0664\u0664".encode(), 0, b""),
    ],
)
def test_a_number_is_read_as_its_country_writes_it(
    country: str | None, address: bytes, ton: int, digits: bytes
) -> None:
    assert Numbers("valid", country).digits(address, ton) == digits


@pytest.mark.parametrize(
    ("strictness", "digits"), [("valid", b""), ("possible", b"447700900123")],
)  # fmt: skip
def test_possible_takes_what_has_the_right_length(strictness: Literal["valid", "possible"], digits: bytes) -> None:
    """Ofcom's numbers for drama are in nobody's plan."""
    numbers = Numbers(strictness, "44")
    assert [numbers.digits(one, 0) for one in (b"07700900123", b"447700900123", b"7700900123")] == [digits] * 3
    for wrong in (b"44770090012345678", b"8881", b"70090", b"0"):  # too long, or of the neighbourhood
        assert numbers.digits(wrong, 0) == b""


def test_a_foreign_number_without_a_plus_is_not_taken_for_a_home_number_of_odd_length() -> None:
    assert Numbers("possible", "49").digits(b"447912345678", 0) == b"447912345678"


@pytest.mark.parametrize("code", ["", "0", "44x", "999", "+44", "GB", "800", "\u0664\u0664", "0044"])
def test_what_is_no_calling_code_is_refused(code: str) -> None:
    with pytest.raises(ValueError, match="is no calling code"):
        CallingCodeNotation().read(code)


def test_what_is_remembered_of_numbers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers = Numbers("valid", "44")
    monkeypatch.setattr(Numbers, "LARGEST", 3)
    for last in range(10):
        assert numbers.digits(b"0791234567%d" % last, 0) == b"44791234567%d" % last
    assert len(numbers._known) <= 3
