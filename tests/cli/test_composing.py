"""From words on a command line to fields of a submit_sm."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.cli.composing import Composition, address, smpp_time
from smscd.cli.sending import spellings

NOW = 1_800_000_000_000_000  # 2027-01-15 08:00:00 UTC


@pytest.mark.parametrize(
    ("written", "ton", "npi", "octets"),
    [
        ("+447700900001", 1, 1, b"447700900001"),
        ("447700900001", 1, 1, b"447700900001"),
        ("0770090000", 1, 1, b"0770090000"),
        ("12345", 0, 1, b"12345"),
        ("ACME", 5, 0, b"ACME"),
        ("+ACME", 5, 0, b"+ACME"),
    ],
)
def test_an_address_is_read_by_its_shape(written: str, ton: int, npi: int, octets: bytes) -> None:
    assert address(written) == (ton, npi, octets)
    assert address(written, 3, 8) == (3, 8, octets)


@pytest.mark.parametrize(
    ("written", "octets"),
    [
        ("", b""),
        ("90s", b"000000000130000R"),
        ("2h", b"000000020000000R"),
        ("7d", b"000007000000000R"),
        ("60d", b"270316080000000+"),
        ("2027-01-20T10:00+01:00", b"270120090000000+"),
        ("270120090000004+", b"270120090000004+"),
        ("000000020000000R", b"000000020000000R"),
    ],
)
def test_a_time_may_be_written_in_three_ways(written: str, octets: bytes) -> None:
    assert smpp_time(written, NOW) == octets


@pytest.mark.parametrize("written", ["soon", "2", "2027-13-01", "271301090000004+", "2050-01-01T00:00"])
def test_what_is_no_time_is_refused(written: str) -> None:
    with pytest.raises((ValueError, pdu.TimeFormatError)):
        smpp_time(written, NOW)


def test_destinations_take_turns_and_parts_stay_together() -> None:
    made = list(Composition("1", ["2", "3"], "x" * 200, count=2).requests())
    assert [(message, part, request.destination_addr) for message, part, request in made] == [
        (message, part, b"2" if message % 2 else b"3") for message in range(1, 5) for part in (1, 2)
    ]


def test_no_request_shares_its_lists_with_another() -> None:
    first, second = (request for _, _, request in Composition("1", ["2"], "hi", count=2, how="payload").requests())
    assert first is not second
    assert first.tlvs is not second.tlvs


@pytest.mark.parametrize(
    ("written", "others"),
    [
        ("10", {"10", "a", "16"}),
        ("00FF", {"ff", "255"}),
        ("1_0", {"1_0"}),
        ("id-7", {"id-7"}),
        ("0", {"0"}),
        ("", {""}),
        ("٣", {"٣"}),
        ("1ac93d85-6d9b", {"1ac93d85-6d9b"}),
    ],
)
def test_an_id_is_found_under_every_spelling_it_may_have(written: str, others: set[str]) -> None:
    assert set(spellings(written)) == others
