"""For every field the command_status that the specification names for a value it does not allow."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd import pdu
from smscd.admission.fields import is_usual, segments_of, submit_sm_status
from tests.cast import NOON, esme, submit_sm

PAYLOAD = int(pdu.Tag.message_payload)

REFUSED: list[tuple[dict[str, Any], int]] = [
    ({"priority_flag": 4}, pdu.ESME_RINVPRTFLG),
    ({"priority_flag": 255}, pdu.ESME_RINVPRTFLG),
    ({"replace_if_present_flag": 2}, pdu.ESME_RINVREPFLAG),
    ({"registered_delivery": 0x20}, pdu.ESME_RINVREGDLVFLG),
    ({"registered_delivery": 0xFF}, pdu.ESME_RINVREGDLVFLG),
    ({"esm_class": 0x04}, pdu.ESME_RINVESMCLASS),  # an MC delivery receipt: an ESME may not send one
    ({"esm_class": 0x20}, pdu.ESME_RINVESMCLASS),  # an intermediate notification: likewise
    ({"esm_class": 0x3C}, pdu.ESME_RINVESMCLASS),
    ({"source_addr_ton": 7}, pdu.ESME_RINVSRCTON),
    ({"source_addr_npi": 2}, pdu.ESME_RINVSRCNPI),
    ({"source_addr_npi": 19}, pdu.ESME_RINVSRCNPI),
    ({"dest_addr_ton": 7}, pdu.ESME_RINVDSTTON),
    ({"dest_addr_npi": 5}, pdu.ESME_RINVDSTNPI),
    ({"destination_addr": b""}, pdu.ESME_RINVDSTADR),
    ({"destination_addr": b"+"}, pdu.ESME_RINVDSTADR),
    ({"destination_addr": b"ACME"}, pdu.ESME_RINVDSTADR),
    ({"destination_addr": b"44 77"}, pdu.ESME_RINVDSTADR),
    ({"destination_addr": b"44\xb2"}, pdu.ESME_RINVDSTADR),
    ({"destination_addr": b"447700900001", "dest_addr_ton": 5}, pdu.ESME_RINVDSTADR),
    ({"short_message": b"x" * 255}, pdu.ESME_RINVMSGLEN),
    ({"short_message": b"", "sm_default_msg_id": 1}, pdu.ESME_RINVDFTMSGID),
    ({"short_message": b"", "tlvs": [(PAYLOAD, b"x" * 39_016)]}, pdu.ESME_RINVMSGLEN),  # 255 parts hold 39,015
    ({"short_message": b"\x05\x00\x03\x07\x02\x01" + b"x" * 154, "esm_class": 0x40}, pdu.ESME_RINVMSGLEN),
    ({"schedule_delivery_time": b"nonsense"}, pdu.ESME_RINVSCHED),
    ({"schedule_delivery_time": b"200101000000000+"}, pdu.ESME_RINVSCHED),  # long ago
    ({"validity_period": b"nonsense"}, pdu.ESME_RINVEXPIRY),
    ({"validity_period": b"200101000000000+"}, pdu.ESME_RINVEXPIRY),
    ({"validity_period": b"000000000000000R"}, pdu.ESME_RINVEXPIRY),
    ({"schedule_delivery_time": b"000000020000000R", "validity_period": b"000000010000000R"}, pdu.ESME_RINVEXPIRY),
    ({"schedule_delivery_time": b"000000010000000R", "validity_period": b"000000010000000R"}, pdu.ESME_RINVEXPIRY),
]

ALLOWED: list[dict[str, Any]] = [
    {"priority_flag": 3}, {"replace_if_present_flag": 1}, {"registered_delivery": 0x1F}, {"esm_class": 0x08},
    {"esm_class": 0x10}, {"esm_class": 0x03}, {"esm_class": 0x80}, {"source_addr": b""},
    {"source_addr": b"ACME", "source_addr_ton": 5}, {"source_addr": b"1" * 20}, {"source_addr_npi": 18},
    {"destination_addr": b"+447700900001"}, {"destination_addr": b"*100#"}, {"destination_addr": b"1"},
    {"destination_addr": b"1" * 20}, {"service_type": b"WAP"}, {"protocol_id": 0x7F}, {"data_coding": 0xF5},
    {"short_message": b"x" * 254}, {"short_message": b"", "tlvs": [(PAYLOAD, b"x" * 39_015)]}, {"short_message": b""},
    {"short_message": b"\x05\x00\x03\x07\x02\x01" + b"x" * 153, "esm_class": 0x40}, {"sm_default_msg_id": 1},
    {"short_message": b"", "sm_default_msg_id": 1, "tlvs": [(PAYLOAD, b"text")]},
    {"validity_period": b"000000000001000R"}, {"schedule_delivery_time": b"000000000001000R"},
]  # fmt: skip


@pytest.mark.parametrize(("fields", "status"), REFUSED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("version", [0x33, 0x34])
def test_a_value_out_of_bounds_is_refused_with_the_status_of_its_field(
    fields: dict[str, Any], status: int, version: int
) -> None:
    account = esme(daily_quota=1000)
    assert account.admit(submit_sm(**fields), version, NOON, 1000.0) == status
    assert account.quota is not None
    assert account.quota.used == 0


@pytest.mark.parametrize("fields", ALLOWED, ids=lambda value: str(value)[:60])
@pytest.mark.parametrize("version", [0x33, 0x34, 0x50])
@pytest.mark.parametrize("strict", [False, True])
def test_a_value_within_bounds_comes_in(fields: dict[str, Any], version: int, strict: bool) -> None:
    assert not isinstance(esme(strict=strict).admit(submit_sm(**fields), version, NOON, 1000.0), int)


def test_5_0_has_one_priority_and_one_octet_more() -> None:
    assert submit_sm_status(submit_sm(priority_flag=4), 0x50, strict=False) == 0
    assert submit_sm_status(submit_sm(priority_flag=5), 0x50, strict=False) == pdu.ESME_RINVPRTFLG
    assert submit_sm_status(submit_sm(b"x" * 255), 0x50, strict=False) == 0


WHOLE = pdu.tlv.write([(PAYLOAD, b"long text"), (0x1400, b"")])


@pytest.mark.parametrize("tail", [b"\0", b"\0" + WHOLE])
@pytest.mark.parametrize(("version", "status"), [(0x33, 0x02), (0x34, 0xC0), (0x50, 0xC0)])
def test_a_strict_account_has_no_octet_too_many(tail: bytes, version: int, status: int) -> None:
    content = submit_sm(tail=tail)
    assert esme(strict=True).admit(content, version, NOON, 1000.0) == status
    assert not isinstance(esme().admit(content, version, NOON, 1000.0), int)


def test_a_strict_account_has_one_text() -> None:
    content = submit_sm(b"short", tlvs=[(PAYLOAD, b"long text")])
    assert esme(strict=True).admit(content, 0x34, NOON, 1000.0) == pdu.ESME_ROPTPARNOTALLWD
    assert not isinstance(esme().admit(content, 0x34, NOON, 1000.0), int)


@pytest.mark.parametrize(
    ("tail", "tlvs"),
    [(b"\0", []), (b"\0\0\0", []), (b"\0" + WHOLE, [(PAYLOAD, b"long text"), (0x1400, b"")])],
    ids=["a NUL", "NULs", "a NUL and optional parameters"],
)
@pytest.mark.parametrize("version", [0x33, 0x34, 0x50])
def test_a_nul_that_sm_length_does_not_count_hides_no_optional_parameter(
    tail: bytes, tlvs: list[tuple[int, bytes]], version: int
) -> None:
    """PHP's php-smpp ends every short_message so, unless it is told not to."""
    for made in (pdu.SubmitSm(destination_addr=b"1", tail=tail), pdu.DataSm(destination_addr=b"1", tail=tail)):
        content = pdu.decode(pdu.encode(made))
        assert isinstance(content, pdu.SubmitSm | pdu.DataSm)
        assert not isinstance(esme().admit(content, version, NOON, 1000.0), int)
        assert (content.tlvs, content.tail) == (tlvs, b"")


@pytest.mark.parametrize(
    "tail",
    [WHOLE[:-1], WHOLE[:6], b"\x04", b"\x04\x24\xff\xffxyz", b"\0" + WHOLE[:6], b"\0\0" + WHOLE, b"\0\x01"],
    ids=lambda tail: tail.hex(),
)
def test_optional_parameters_that_end_too_soon_are_refused_with_the_text_they_may_hold(tail: bytes) -> None:
    octets = pdu.encode(pdu.SubmitSm(destination_addr=b"1", short_message=b"hello", tail=tail))
    content = pdu.decode(octets)
    assert isinstance(content, pdu.SubmitSm)
    assert not is_usual(content)
    assert esme().admit(content, 0x34, NOON, 1000.0) == pdu.ESME_RINVOPTPARSTREAM  # SMPP 3.4 table 5-2
    assert not isinstance(esme().admit(content, 0x33, NOON, 1000.0), int)


def test_text_in_both_places_is_refused_only_where_it_is_held_to_the_letter() -> None:
    both = submit_sm(b"short", tlvs=[(PAYLOAD, b"long")])
    assert submit_sm_status(both, 0x34, strict=True) == pdu.ESME_ROPTPARNOTALLWD
    assert submit_sm_status(both, 0x34, strict=False) == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 0), ({"destination_addr": b"1" * 21}, pdu.ESME_RINVDSTADR),
        ({"source_addr": b"1" * 64}, pdu.ESME_RINVSRCADR),
        ({"registered_delivery": 0x80}, pdu.ESME_RINVREGDLVFLG), ({"esm_class": 0x04}, pdu.ESME_RINVESMCLASS),
        ({"dest_addr_npi": 99}, pdu.ESME_RINVDSTNPI), ({"tlvs": [(PAYLOAD, b"x" * 60_000)]}, pdu.ESME_RINVMSGLEN),
    ],
    ids=lambda value: str(value)[:60],
)  # fmt: skip
def test_data_sm_follows_the_same_rules(fields: dict[str, Any], status: int) -> None:
    content = pdu.DataSm(**({"source_addr": b"12345", "destination_addr": b"447700900001"} | fields))
    result = esme().admit(content, 0x34, NOON, 1000.0)
    assert (result if isinstance(result, int) else 0) == status


@pytest.mark.parametrize(
    ("content", "segments"),
    [
        (submit_sm(b""), 1), (submit_sm(b"x" * 160), 1), (submit_sm(b"x" * 161), 2), (submit_sm(b"x" * 254), 2),
        (submit_sm(b"xx" * 70, data_coding=8), 1), (submit_sm(b"xx" * 71, data_coding=8), 2),
        (submit_sm(b"x" * 140, data_coding=4), 1), (submit_sm(b"x" * 141, data_coding=4), 2),
        (submit_sm(b"\x1be" * 80), 1), (submit_sm(b"\x1be" * 80 + b"x"), 2),  # a euro sign takes two septets
        (submit_sm(b"", tlvs=[(PAYLOAD, b"x" * 1000)]), 7),
    ],
    ids=lambda value: str(value)[:0],
)  # fmt: skip
def test_a_long_text_is_counted_in_segments(content: pdu.SubmitSm, segments: int) -> None:
    assert segments_of(content) == segments
    admitted = esme().admit(content, 0x34, NOON, 1000.0)
    assert not isinstance(admitted, int)
    assert admitted.segments == segments


octet = st.integers(0, 255)
anything = st.fixed_dictionaries({
    "esm_class": octet, "registered_delivery": octet, "priority_flag": octet, "replace_if_present_flag": octet,
    "source_addr_ton": octet, "source_addr_npi": octet, "dest_addr_ton": octet, "dest_addr_npi": octet,
    "sm_default_msg_id": octet, "short_message": st.binary(max_size=255), "source_addr": st.binary(max_size=20),
    "destination_addr": st.one_of(st.from_regex(rb"\A[0-9]{1,20}\Z"), st.binary(max_size=20)),
})  # fmt: skip


@given(anything, st.sampled_from([0x33, 0x34, 0x50]), st.binary(max_size=17), st.binary(max_size=17))
def test_no_submit_sm_breaks_the_admission(
    fields: dict[str, Any], version: int, schedule: bytes, validity: bytes
) -> None:
    content = submit_sm(**fields, schedule_delivery_time=schedule, validity_period=validity)
    result = esme().admit(content, version, NOON, 1000.0)
    if not isinstance(result, int):
        assert result.segments >= 1
        assert result.expires > max(NOON, result.schedule)
