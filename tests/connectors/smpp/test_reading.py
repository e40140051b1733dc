"""The plain way to read a receipt finds what the patient way finds, and leaves the rest to it."""

from __future__ import annotations

import struct
from collections import Counter
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from smscd import pdu
from smscd.connectors.esme import as_deliver_sm
from smscd.connectors.smpp.reading import plain_report, read_mo, read_report, refused_mo
from smscd.errors import MalformedPdu
from smscd.message import octets_of
from smscd.pdu.plain_receipt import PlainReceipt, decode

ID = b"0000012345"
LINE = b"id:%b sub:001 dlvrd:001 submit date:2611220000 done date:%b stat:%b err:%b%b"
RECEIPTED, STATE = (0x1E, ID + b"\0"), (0x427, b"\2")
PLAIN: dict[str, Any] = {
    "id": ID, "done": b"2611220001", "stat": b"DELIVRD", "err": b"000", "text": b" text:hello", "sequence_number": 7,
    "source_addr": b"447700900001", "destination_addr": b"12345", "esm_class": 4, "tlvs": [],
}  # fmt: skip
ODD: dict[str, list[Any]] = {
    "id": [b"A-b", b"1,2", b"1\0", b"", b"\xe9", b"x" * 64, b"0"],
    "done": [b"261122000159", b"0", b"x", b"9" * 30, b""],
    "stat": [b"UNDELIV", b"ENROUTE", b"FAILED", b"ACCEPTD", b"delivrd", b"WHAT", b""],
    "err": [b"34", b"9999", b"65535", b"65536", b"0x1F", b"nul", b"", b"1_0", b"\xb2"],
    "text": [b" Text:", b" text: \t", b" TEXT:x", b"", b"text:", b" text:\0\xff", b" text:" + b"y" * 60],
    "whole": [b"", b"STOP", b"\0".join(b"%c" % o for o in LINE % (b"1", b"1", b"DELIVRD", b"0", b" text:"))],
    "tlvs": [
        [RECEIPTED, STATE], [STATE, RECEIPTED], [STATE], [RECEIPTED], [(0x1E, ID), STATE], [(0x1E, b"other\0"), STATE],
        [RECEIPTED, (0x427, b"\5")], [RECEIPTED, (0x427, b"")], [RECEIPTED, (0x427, b"\2\2")],
        [RECEIPTED, STATE, (0x423, b"\3\0\7")], [(0x204, b"\0\1")], [(0x2020, b"")],
        [(0x424, LINE % (b"9", b"1", b"UNDELIV", b"000", b" text:"))],
    ],
    "command_status": [8], "service_type": [b"CMT"], "data_coding": [3, 8], "registered_delivery": [1],
    "sequence_number": [0, 0x7FFFFFFF, 0xFFFFFFFF], "schedule_delivery_time": [b"261122000000000+", b"0"],
    "source_addr": [b"+447700900001", b"", b"1" * 20], "destination_addr": [b""],
    "esm_class": [0, 0x44, 8, 0x20, 5, 0x24], "tail": [b"\0", b"\0\x1e\0"],
}  # fmt: skip
DEVIATIONS = st.lists(st.sampled_from([(name, value) for name, values in ODD.items() for value in values]), max_size=2)


def receipt_with(deviations: list[tuple[str, Any]], *, said_again: bool = False) -> pdu.DeliverSm:
    """A plain receipt, perhaps with TLVs that say the same, but for these deviations."""
    said = {**PLAIN, **({"tlvs": [RECEIPTED, STATE]} if said_again else {}), **dict(deviations)}
    text = LINE % tuple(said.pop(name) for name in ("id", "done", "stat", "err", "text"))
    return pdu.DeliverSm(short_message=said.pop("whole", text), **said)


SPOILT = st.one_of(st.none(), st.none(), st.none(), st.tuples(st.integers(16, 200), st.integers(-1, 255)))
"""An octet behind the header that is another, or missing (-1)."""


def spoil(frame: bytes, how: tuple[int, int] | None) -> bytes:
    if how is None or how[0] >= len(frame):
        return frame
    at, octet = how
    body = frame[4:at] + (bytes((octet,)) if octet >= 0 else b"") + frame[at + 1 :]
    return struct.pack(">I", len(body) + 4) + body


def outcome(read: Any, frame: bytes) -> Any:
    try:
        return read(frame)
    except MalformedPdu as fault:
        return fault.command_status, str(fault)


def test_the_plain_way_and_the_patient_way_find_the_same_in_every_receipt() -> None:
    ways: Counter[str] = Counter()

    @given(DEVIATIONS, st.booleans(), SPOILT)
    @settings(max_examples=1500, deadline=None, database=None, derandomize=True)
    def find_the_same(deviations: list[tuple[str, Any]], said_again: bool, spoilt: tuple[int, int] | None) -> None:
        frame = spoil(pdu.encode(receipt_with(deviations, said_again=said_again)), spoilt)
        patient, plain = outcome(pdu.decode, frame), outcome(decode, frame)
        if not isinstance(plain, PlainReceipt):
            assert plain == patient
            ways["patient"] += 1
            return
        ways["with TLVs" if patient.tlvs else "plain"] += 1
        assert plain.whole == patient
        assert plain.sequence_number == patient.sequence_number
        expected = read_report(patient, "up", "provider", "auto", sniff=False, by_address=True)
        assert expected is not None
        assert replace(plain_report(plain, "up", "provider", "auto", by_address=True), delivered=patient) == expected

    find_the_same()
    assert min(ways["plain"], ways["with TLVs"], ways["patient"]) > 100, ways


@pytest.mark.parametrize("tlvs", [[], [RECEIPTED, STATE], [STATE, RECEIPTED]])
def test_what_most_providers_send_is_plain(tlvs: list[tuple[int, bytes]]) -> None:
    assert isinstance(decode(pdu.encode(receipt_with([("tlvs", tlvs)]))), PlainReceipt)


def test_a_receipt_whose_length_cuts_its_line_is_left_to_the_patient_way() -> None:
    receipt = receipt_with([("text", b" text:")])
    frame = bytearray(pdu.encode(receipt))
    frame[-len(receipt.short_message) - 1] -= 4
    assert isinstance(decode(bytes(frame)), pdu.DeliverSm)


@pytest.mark.parametrize(
    ("field", "octets", "status"),
    [
        ("source_addr", 20, 0), ("source_addr", 21, pdu.ESME_RINVSRCADR), ("source_addr", 64, pdu.ESME_RINVSRCADR),
        ("destination_addr", 20, 0), ("destination_addr", 21, pdu.ESME_RINVDSTADR),
    ],
)  # fmt: skip
def test_an_mo_by_data_sm_from_an_address_that_no_deliver_sm_can_name_is_refused(
    field: str, octets: int, status: int
) -> None:
    came = pdu.DataSm(source_addr=b"447700900001", destination_addr=b"12345")
    setattr(came, field, b"4" * octets)
    assert refused_mo(came) == status


@pytest.mark.parametrize(
    ("octets", "state", "intermediate"),
    [(b"id:7 stat:DELIVRD err:000", pdu.MessageState.DELIVERED, False), (b"", pdu.MessageState.ENROUTE, True)],
)
def test_a_message_state_that_the_specification_does_not_have_is_told_to_nobody(
    octets: bytes, state: int, intermediate: bool
) -> None:
    came = pdu.DeliverSm(
        esm_class=pdu.ESM_TYPE_RECEIPT, short_message=octets,
        tlvs=[(int(pdu.Tag.receipted_message_id), b"7\0"), (int(pdu.Tag.message_state), b"\xc8")],
    )  # fmt: skip
    report = read_report(came, "up", "up", "auto", sniff=False)
    assert report is not None
    assert (report.message_state, report.intermediate) == (state, intermediate)


@pytest.mark.parametrize("octets", [254, 255])
def test_an_sm_length_of_255_goes_no_further(octets: int) -> None:
    """5.0 allows it, and an ESME of 3.4 may not be sent it (§5.2.21): the text goes into the payload."""
    text = b"x" * octets
    for mo in (read_mo(pdu.DeliverSm(short_message=text)), as_deliver_sm(pdu.SubmitSm(short_message=text))):
        assert octets_of(mo) == text
        assert len(mo.short_message) == (octets if octets < 255 else 0)


@pytest.mark.parametrize("command", [pdu.DeliverSm, pdu.DataSm])
def test_the_command_status_of_an_mo_goes_no_further(command: type[pdu.DeliverSm | pdu.DataSm]) -> None:
    """It means nothing in a request, and some libraries of ESMEs end a session over any that is not 0."""
    came = command(sequence_number=7, command_status=0x63, source_addr=b"447700900001", destination_addr=b"12345")
    assert read_mo(came).command_status == pdu.ESME_ROK
