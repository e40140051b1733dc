"""Optional parameters in the file: by name or number, with the value that their tag can have."""

from __future__ import annotations

import pytest

from smscd import pdu
from tests.config.writing import said

ALLOWED = 'a table of tags with their values: { 0x1400 = "1201159", user_message_reference = "7" }'


def route(tlvs: str) -> str:
    return f'[[route]]\ndestination_addr = "1"\nconnectors = ["handsets"]\ntlvs = {tlvs}'


@pytest.mark.parametrize(
    ("tlvs", "what"),
    [
        ('{ 0x1400 = "1201" }', ""),
        ('{ user_message_reference = "65535", 0x0017 = "60", source_subaddress = "0xa0313233" }', ""),
        ('{ user_message_reference = "65536" }', "cannot be: user_message_reference is a number of 2 octets"),
        ('{ source_port = "seven" }', "cannot be: source_port is a number of 2 octets"),
        ('{ 0x15000 = "1" }', "cannot be: '0x15000' does not fit a tag of two octets"),
        ('{ entity = "1" }', "cannot be: 'entity' is no optional parameter"),
        ('{ 0x1400 = "0xabc" }', "cannot be: non-hexadecimal number found in fromhex() arg at position 3"),
        ("{ 0x1400 = 7 }", "has no string for 0x1400"),
        ('{ source_subaddress = "x" }', "cannot be: source_subaddress has not 1 octets"),
        ('{ message_payload = "hi" }', "cannot be: message_payload is smscd's own to set"),
        ('"0x1400"', "is not a table"),
    ],
)  # fmt: skip
def test_a_tlv_that_cannot_be_meant_is_told(tlvs: str, what: str) -> None:
    lines = [line for line in said(route(tlvs)) if "tlvs" in line]
    assert len(lines) == bool(what), lines
    for line in lines:
        assert line.endswith(f": {what}; allowed: {ALLOWED}"), line


def test_a_value_becomes_what_its_tag_holds() -> None:
    written = {"0x1400": "1201", "0x1401": "120\0", "0x0204": "7", "dest_network_id": "network", "0x1402": "0x00FF"}
    assert pdu.tlv.from_notation(written) == [
        (0x1400, b"1201"), (0x1401, b"120\0"), (0x0204, b"\0\7"), (0x060E, b"network\0"), (0x1402, b"\0\xff"),
    ]  # fmt: skip
