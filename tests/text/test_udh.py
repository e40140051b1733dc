"""User data headers."""

from __future__ import annotations

import pytest

from smscd.errors import TextError
from smscd.text import (
    Concatenation,
    InformationElement,
    build_udh,
    concatenation,
    concatenation_element,
    national_elements,
    national_tables,
    parse_udh,
    read_udh,
    without_concatenation,
    without_national,
)


def test_every_element_is_kept_in_its_order_and_written_back_octet_for_octet() -> None:
    octets = bytes((16,)) + bytes.fromhex("050423f00000 0003ff0201 240101 c000".replace(" ", ""))
    elements, rest = parse_udh(octets + b"text")
    assert rest == b"text"
    assert elements == (
        InformationElement(0x05, bytes.fromhex("23f00000")),
        InformationElement(0x00, bytes.fromhex("ff0201")),
        InformationElement(0x24, b"\x01"),
        InformationElement(0xC0, b""),
    )
    assert build_udh(elements) == octets


@pytest.mark.parametrize(
    "header",
    ["0003420301", "0804004203 01", "050423f00000 0003420301", "0003420301 240101", "7000 0003420301 70 02 ffff"],
)
def test_concatenation_is_found_wherever_it_stands(header: str) -> None:
    body = bytes.fromhex(header.replace(" ", ""))
    elements, _ = parse_udh(bytes((len(body),)) + body)
    found = concatenation(elements)
    assert found is not None
    assert (found.reference, found.total, found.number) == (0x42, 3, 1)


def test_reference_0_is_a_reference() -> None:
    assert concatenation((InformationElement(0, bytes((0, 2, 1))),)) == Concatenation(0, 8, 2, 1)
    assert concatenation((InformationElement(8, bytes((0, 0, 2, 2))),)) == Concatenation(0, 16, 2, 2)


@pytest.mark.parametrize("data", [(7, 0, 0), (7, 0, 1), (7, 2, 0), (7, 2, 3), (7, 2), (7, 2, 1, 0)])
def test_a_concatenation_that_cannot_be_is_none(data: tuple[int, ...]) -> None:
    assert concatenation((InformationElement(0, bytes(data)),)) is None


def test_the_last_of_two_concatenations_counts() -> None:
    first, last = InformationElement(0, bytes((1, 2, 1))), InformationElement(8, bytes((0, 9, 3, 2)))
    assert concatenation((first, last)) == Concatenation(9, 16, 3, 2)
    assert concatenation((last, first)) == Concatenation(1, 8, 2, 1)
    assert concatenation((first, InformationElement(8, bytes((0, 9, 0, 0))))) == Concatenation(1, 8, 2, 1)


@pytest.mark.parametrize(
    ("octets", "rest"),
    [
        ("", ""),  # announced, but nothing is there
        ("05", "05"),  # longer than the message: then it is no header
        ("0500030102", "0500030102"),
        ("0400030102", ""),  # an element that runs out of its header: the header is skipped whole
        ("0100 4142", "4142"),  # an identifier without a length
        ("0300ff00 41", "41"),
    ],
)
def test_a_malformed_header_is_ignored_whole_and_the_strict_reader_says_why(octets: str, rest: str) -> None:
    given = bytes.fromhex(octets.replace(" ", ""))
    with pytest.raises(TextError):
        parse_udh(given)
    assert read_udh(given) == ((), bytes.fromhex(rest))


def test_an_empty_header_is_a_header() -> None:
    assert parse_udh(b"\x00text") == ((), b"text")


def test_a_header_longer_than_its_length_octet_can_say_is_refused() -> None:
    with pytest.raises(TextError, match="at most 255"):
        build_udh((InformationElement(0x70, bytes(254)),))


def test_no_elements_make_no_header() -> None:
    assert build_udh(()) == b""


def test_the_concatenation_element_is_as_wide_as_asked() -> None:
    assert build_udh((concatenation_element(0x1A5, 8, 2, 1),)).hex() == "050003a50201"
    assert build_udh((concatenation_element(0x1A5, 16, 2, 1),)).hex() == "06080401a50201"


def test_national_tables_are_announced_and_read_back() -> None:
    elements = national_elements(locking=6, single=1)
    assert national_tables(elements) == (6, 1)
    assert national_elements() == ()
    assert national_tables((InformationElement(0x24, b"\x01"), InformationElement(0x24, b"\x02"))) == (0, 2)
    assert national_tables((InformationElement(0x24, b""),)) == (0, 0)


def test_elements_can_be_taken_out_without_touching_the_others() -> None:
    port = InformationElement(0x05, bytes(4))
    elements = (concatenation_element(1, 8, 2, 1), port, *national_elements(1, 1), concatenation_element(1, 16, 2, 1))
    assert without_national(without_concatenation(elements)) == (port,)
