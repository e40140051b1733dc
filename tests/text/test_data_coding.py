"""data_coding, group by group."""

from __future__ import annotations

import pytest

from smscd.text import DataCoding, MessageWaiting, data_coding


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0x00, DataCoding(0x00, "gsm7")),
        (0x01, DataCoding(0x01, "ascii")),
        (0x02, DataCoding(0x02, "octet")),
        (0x03, DataCoding(0x03, "latin1")),
        (0x04, DataCoding(0x04, "octet")),
        (0x08, DataCoding(0x08, "ucs2")),
        (0x0B, DataCoding(0x0B, "gsm7", reserved=True)),
        (0x0C, DataCoding(0x0C, "gsm7", reserved=True)),
        (0x0F, DataCoding(0x0F, "gsm7", reserved=True)),
        (0x10, DataCoding(0x10, "gsm7", message_class=0)),
        (0x14, DataCoding(0x14, "octet", message_class=0)),
        (0x18, DataCoding(0x18, "ucs2", message_class=0)),
        (0x19, DataCoding(0x19, "ucs2", message_class=1)),
        (0x1C, DataCoding(0x1C, "gsm7", message_class=0, reserved=True)),
        (0x20, DataCoding(0x20, "octet", compressed=True)),
        (0x31, DataCoding(0x31, "octet", message_class=1, compressed=True)),
        (0x48, DataCoding(0x48, "ucs2", auto_delete=True)),
        (0x53, DataCoding(0x53, "gsm7", message_class=3, auto_delete=True)),
        (0x80, DataCoding(0x80, "gsm7", reserved=True)),
        (0xBF, DataCoding(0xBF, "gsm7", reserved=True)),
        (0xC8, DataCoding(0xC8, "gsm7", waiting=MessageWaiting("voice", active=True, store=False))),
        (0xC1, DataCoding(0xC1, "gsm7", waiting=MessageWaiting("fax", active=False, store=False))),
        (0xDA, DataCoding(0xDA, "gsm7", waiting=MessageWaiting("email", active=True, store=True))),
        (0xEB, DataCoding(0xEB, "ucs2", waiting=MessageWaiting("other", active=True, store=True))),
        (0xF0, DataCoding(0xF0, "gsm7", message_class=0)),
        (0xF2, DataCoding(0xF2, "gsm7", message_class=2)),
        (0xF5, DataCoding(0xF5, "octet", message_class=1)),
    ],
)
def test_a_value_says_what_its_group_says(value: int, expected: DataCoding) -> None:
    assert data_coding(value) == expected


@pytest.mark.parametrize("value", [0x00, 0x10, 0x40, 0xC8, 0xD8, 0xF0, 0x0F, 0x90])
def test_the_default_alphabet_is_the_links_own(value: int) -> None:
    assert data_coding(value, "latin1").alphabet == "latin1"
    assert data_coding(value, "gsm7").alphabet == "gsm7"


@pytest.mark.parametrize("value", [0x01, 0x03, 0x08, 0x18, 0xE0, 0xF4])
def test_a_value_that_names_its_alphabet_does_not_care_for_the_default(value: int) -> None:
    assert data_coding(value, "latin1") == data_coding(value, "gsm7")


def test_flash_is_class_0_in_either_group() -> None:
    assert [value for value in range(256) if data_coding(value).flash] == [
        *range(0x10, 0x20, 4),
        *range(0x30, 0x40, 4),
        *range(0x50, 0x60, 4),
        *range(0x70, 0x80, 4),
        0xF0,
        0xF4,
        0xF8,
        0xFC,
    ]


def test_all_256_values_have_a_meaning() -> None:
    assert [data_coding(value).value for value in range(256)] == list(range(256))
