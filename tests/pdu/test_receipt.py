"""Receipts: one way to write them, every way that peers have found to be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from smscd import pdu
from smscd.pdu.receipt import Receipt


def us(year: int, month: int, day: int, hour: int, minute: int, second: int) -> int:
    return int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp()) * 1_000_000


SUBMITTED = us(2026, 11, 21, 12, 0, 0)
DONE = us(2026, 11, 21, 12, 1, 0)
STRICT = b"id:0123456789 sub:001 dlvrd:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:Hello"


def parsed(octets: bytes) -> Receipt:
    receipt = pdu.parse_receipt(octets)
    assert receipt is not None
    return receipt


def test_a_receipt_is_written_as_appendix_b_prints_it() -> None:
    written = pdu.format_receipt(b"0123456789", pdu.MessageState.DELIVERED, SUBMITTED, DONE + 59_999_999, text=b"Hello")
    assert written == STRICT


def test_a_failure_has_its_word_its_error_and_nothing_delivered() -> None:
    written = pdu.format_receipt(b"17", pdu.MessageState.UNDELIVERABLE, SUBMITTED, DONE, err=1)
    assert written == b"id:17 sub:001 dlvrd:000 submit date:2611211200 done date:2611211201 stat:UNDELIV err:001 text:"


def test_only_twenty_octets_of_text_are_written() -> None:
    written = pdu.format_receipt(b"17", 2, SUBMITTED, DONE, text=b"123456789 123456789 123456789")
    assert written.endswith(b"text:123456789 123456789 ")


def test_numbers_stay_within_three_digits() -> None:
    written = pdu.format_receipt(b"17", 2, SUBMITTED, DONE, sub=1000, dlvrd=255, err=70000)
    assert b"sub:999 dlvrd:255 " in written
    assert b"err:999 " in written


def test_what_is_written_is_read_back() -> None:
    receipt = parsed(STRICT)
    assert receipt == Receipt(b"0123456789", 1, 1, SUBMITTED, DONE, "DELIVRD", "000", b"Hello")
    assert receipt.message_state is pdu.MessageState.DELIVERED


@pytest.mark.parametrize("state", list(pdu.MessageState))
def test_every_state_has_a_word_of_seven_octets_that_is_read_back(state: pdu.MessageState) -> None:
    assert len(pdu.receipt_stat(state)) == 7
    assert parsed(pdu.format_receipt(b"1", state, SUBMITTED, DONE)).message_state is state


def test_a_number_that_is_no_state_is_unknown() -> None:
    assert pdu.receipt_stat(200) == "UNKNOWN"


# Text as peers send it (SMPP-TRAPS §2, PEERS group E), and what it must say.
VARIANTS = [
    ("no sub, dlvrd or text", b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000", {}),
    (
        "dates without a blank",
        b"id:17 sub:001 dlvrd:001 submitdate:2611211200 donedate:2611211201 stat:DELIVRD err:000",
        {},
    ),
    ("capital Text", STRICT.replace(b"0123456789", b"17").replace(b"text:", b"Text:"), {"text": b"Hello"}),
    (
        "capitals throughout",
        STRICT.replace(b"0123456789", b"17").upper().replace(b"HELLO", b"Hello"),
        {"text": b"Hello"},
    ),
    (
        "seconds in the dates",
        b"id:17 sub:001 dlvrd:001 submit date:261121120000 done date:261121120100 stat:DELIVRD err:000 text:",
        {},
    ),
    (
        "four digits of the year",
        b"id:17 sub:001 dlvrd:001 submit date:202611211200 done date:202611211201 stat:DELIVRD err:000 text:",
        {},
    ),
    (
        "four digits of the year, and seconds",
        b"id:17 sub:001 dlvrd:001 submit date:20261121120000 done date:20261121120100 stat:DELIVRD err:000 text:",
        {},
    ),
    (
        "zero dates",
        b"id:17 sub:001 dlvrd:001 submit date:0000000000 done date:000000000000 stat:DELIVRD err:000 text:",
        {"submit_date": None, "done_date": None},
    ),
    (
        "a word of its own",
        b"id:17 sub:001 dlvrd:000 submit date:2611211200 done date:2611211201 stat:FAILED err:034 Text:Hi",
        {"stat": "FAILED", "err": "034", "text": b"Hi", "state": pdu.MessageState.UNDELIVERABLE},
    ),
    (
        "an intermediate word",
        b"id:17 submit date:2611211200 done date:2611211201 stat:SENT err:000 text:",
        {"stat": "SENT", "state": pdu.MessageState.ENROUTE},
    ),
    (
        "a word nobody knows",
        b"id:17 submit date:2611211200 done date:2611211201 stat:FROBNIC err:000 text:",
        {"stat": "FROBNIC", "state": pdu.MessageState.UNKNOWN},
    ),
    (
        "a hexadecimal error",
        b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:0x1F",
        {"err": "0x1F"},
    ),
    (
        "an error of four digits",
        b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:1042",
        {"err": "1042"},
    ),
    (
        "an error that is null",
        b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:nul text:",
        {"err": "nul"},
    ),
    (
        "no error",
        b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err: text:Hello",
        {"err": "", "text": b"Hello"},
    ),
    (
        "extra fields",
        b"id:17 sub:001 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 mcc:234 imsi:1 text:Hi",
        {"text": b"Hi"},
    ),
    ("another order", b"stat:DELIVRD err:000 done date:2611211201 submit date:2611211200 id:17", {}),
    (
        "text in the middle",
        b"text:Hello id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000",
        {"text": b"Hello"},
    ),
    ("blanks after the colons", b"id: 17 submit date: 2611211200 done date: 2611211201 stat: DELIVRD err: 000", {}),
    ("commas", b"id:17,sub:001,dlvrd:001,submit date:2611211200,done date:2611211201,stat:DELIVRD,err:000,text:", {}),
    ("a NUL at the end", b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000\0", {}),
    ("line ends", b"id:17\r\nsubmit date:2611211200\r\ndone date:2611211201\r\nstat:DELIVRD\r\nerr:000\r\n", {}),
    (
        "a UUID",
        b"id:3f2504e0-4f89-11d3-9a0c-0305e82c3301 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000",
        {"message_id": b"3f2504e0-4f89-11d3-9a0c-0305e82c3301"},
    ),
    (
        "a text that looks like a receipt itself",
        b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:id:99 stat:EXPIRED",
        {"text": b"id:99 stat:EXPIRED"},
    ),
    (
        "octets that are no characters",
        b"id:17 submit date:2611211200 done date:2611211201 stat:DELIVRD err:000 text:\xff\x00\x80",
        {"text": b"\xff\x00\x80"},
    ),
]


@pytest.mark.parametrize(("octets", "differences"), [v[1:] for v in VARIANTS], ids=[v[0] for v in VARIANTS])
def test_a_receipt_is_read_however_it_is_written(octets: bytes, differences: dict[str, object]) -> None:
    receipt = parsed(octets)
    expected = {
        "message_id": b"17",
        "submit_date": SUBMITTED,
        "done_date": DONE,
        "stat": "DELIVRD",
        "err": "000",
        "text": b"",
        "state": pdu.MessageState.DELIVERED,
    } | differences
    assert receipt.stat.upper() == expected.pop("stat")
    assert receipt.message_state is expected.pop("state")
    for name, value in expected.items():
        assert getattr(receipt, name) == value, name


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        b"Hello",
        b"id:",
        b"id:17",
        b"stat:DELIVRD",
        b"my id:x stat is good",
        b"id: stat:DELIVRD",
        b"\0" * 100,
        b"\xff" * 100,
    ],
)
def test_what_is_no_receipt_is_none(octets: bytes) -> None:
    assert pdu.parse_receipt(octets) is None


@pytest.mark.parametrize(
    "digits",
    [b"0000123110", b"9999999999", b"00001231100000", b"2613211200", b"1", b"2" * 11, b"2" * 5000, b"26-11-21"],
)
def test_a_date_that_is_none_does_not_spoil_the_receipt(digits: bytes) -> None:
    receipt = parsed(STRICT.replace(b"2611211201", digits))
    assert receipt.done_date is None
    assert receipt.submit_date == SUBMITTED
    assert receipt.stat == "DELIVRD"


RECEIPTED = [(0x001E, b"17\0"), (0x0427, b"\2")]


@pytest.mark.parametrize(
    ("esm_class", "expected"),
    [
        (0x04, True),
        (0x20, True),
        (0x44, True),
        (0x07, True),
        (0x08, False),
        (0x10, False),
        (0x18, False),
        (0x48, False),
    ],
)
def test_the_message_type_decides_whatever_else_there_is(esm_class: int, *, expected: bool) -> None:
    assert pdu.is_receipt(esm_class) is expected
    assert pdu.is_receipt(esm_class, RECEIPTED, STRICT, sniff=True) is expected


@pytest.mark.parametrize("esm_class", [0x0C, 0x14, 0x24, 0x3C])
def test_a_reserved_message_type_says_nothing(esm_class: int) -> None:
    assert not pdu.is_receipt(esm_class)
    assert pdu.is_receipt(esm_class, RECEIPTED)


def test_two_tlvs_together_make_a_receipt_of_a_plain_message() -> None:
    assert pdu.is_receipt(0, RECEIPTED)
    assert pdu.is_receipt(0x43, RECEIPTED)
    assert not pdu.is_receipt(0, RECEIPTED[:1])
    assert not pdu.is_receipt(0, RECEIPTED[1:])


def test_text_makes_a_receipt_only_for_those_who_ask() -> None:
    assert not pdu.is_receipt(0, [], STRICT)
    assert pdu.is_receipt(0, [], STRICT, sniff=True)
    assert pdu.is_receipt(0, [], b"id:1 submit date:0 done date:0 stat:FAILED err:1 Text:", sniff=True)
    assert not pdu.is_receipt(0, [], b"my id:1 what is the stat:please", sniff=True)
    assert not pdu.is_receipt(0, [], b"id:1 hello", sniff=True)
