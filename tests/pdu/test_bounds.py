"""Bad fields: each is refused with the status the specification names for it, and nothing else ever happens."""

from __future__ import annotations

import struct
from typing import Any

import pytest

from smscd import pdu
from smscd.errors import MalformedPdu, UnframeablePdu
from smscd.pdu.fields import Kind, wire_fields

# class, field, maximum with the NUL as decode applies it, status: copied from the tables of 3.4 chapter 4 and 5.0
# chapter 4, not from the classes.
STRINGS: list[tuple[type[pdu.Pdu], str, int, int]] = [
    (pdu.BindTransmitter, "system_id", 65, pdu.ESME_RINVSYSID),
    (pdu.BindReceiver, "password", 65, pdu.ESME_RINVPASWD),
    (pdu.BindTransceiver, "system_type", 65, pdu.ESME_RINVSYSTYP),
    (pdu.BindTransceiver, "address_range", 65, pdu.ESME_RBINDFAIL),
    (pdu.Outbind, "system_id", 65, pdu.ESME_RINVSYSID),
    (pdu.Outbind, "password", 65, pdu.ESME_RINVPASWD),
    (pdu.AlertNotification, "source_addr", 65, pdu.ESME_RINVSRCADR),
    (pdu.AlertNotification, "esme_addr", 65, pdu.ESME_RINVDSTADR),
    (pdu.SubmitSm, "service_type", 6, pdu.ESME_RINVSERTYP),
    (pdu.SubmitSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.SubmitSm, "destination_addr", 21, pdu.ESME_RINVDSTADR),
    (pdu.SubmitMulti, "service_type", 6, pdu.ESME_RINVSERTYP),
    (pdu.SubmitMulti, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.DeliverSm, "service_type", 21, pdu.ESME_RINVSERTYP),  # 6 are allowed
    (pdu.DeliverSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.DeliverSm, "destination_addr", 21, pdu.ESME_RINVDSTADR),
    (pdu.DeliverSm, "schedule_delivery_time", 17, pdu.ESME_RINVSCHED),
    (pdu.DeliverSm, "validity_period", 17, pdu.ESME_RINVEXPIRY),
    (pdu.DataSm, "service_type", 6, pdu.ESME_RINVSERTYP),
    (pdu.DataSm, "source_addr", 65, pdu.ESME_RINVSRCADR),
    (pdu.DataSm, "destination_addr", 65, pdu.ESME_RINVDSTADR),
    (pdu.QuerySm, "message_id", 65, pdu.ESME_RINVMSGID),
    (pdu.QuerySm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.CancelSm, "service_type", 6, pdu.ESME_RINVSERTYP),
    (pdu.CancelSm, "message_id", 65, pdu.ESME_RINVMSGID),
    (pdu.CancelSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.CancelSm, "destination_addr", 21, pdu.ESME_RINVDSTADR),
    (pdu.ReplaceSm, "message_id", 65, pdu.ESME_RINVMSGID),
    (pdu.ReplaceSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.BroadcastSm, "service_type", 6, pdu.ESME_RINVSERTYP),
    (pdu.BroadcastSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.BroadcastSm, "message_id", 65, pdu.ESME_RINVMSGID),
    (pdu.QueryBroadcastSm, "message_id", 65, pdu.ESME_RINVMSGID),
    (pdu.QueryBroadcastSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
    (pdu.CancelBroadcastSm, "service_type", 6, pdu.ESME_RINVSERTYP),
    (pdu.CancelBroadcastSm, "message_id", 65, pdu.ESME_RINVMSGID),
    (pdu.CancelBroadcastSm, "source_addr", 21, pdu.ESME_RINVSRCADR),
]

TIMES: list[tuple[type[pdu.Pdu], str, int]] = [
    (cls, field, status)
    for cls in (pdu.SubmitSm, pdu.SubmitMulti, pdu.ReplaceSm, pdu.BroadcastSm)
    for field, status in (
        ("schedule_delivery_time", pdu.ESME_RINVSCHED),
        ("validity_period", pdu.ESME_RINVEXPIRY),
    )
]


def frame_of(cls: type[pdu.Pdu], **fields: Any) -> bytes:
    fields["sequence_number"] = 77
    if cls is pdu.SubmitMulti:
        fields["dest_address"] = [pdu.SmeAddress(destination_addr=b"2")]
    return pdu.encode(cls(**fields))


def refusal(frame: bytes) -> MalformedPdu:
    with pytest.raises(MalformedPdu) as caught:
        pdu.decode(frame)
    return caught.value


def with_length(frame: bytes) -> bytes:
    return struct.pack(">I", len(frame)) + frame[4:]


@pytest.mark.parametrize(("cls", "field", "size", "status"), STRINGS)
def test_a_string_may_fill_its_field_and_is_refused_one_octet_beyond(
    cls: type[pdu.Pdu], field: str, size: int, status: int
) -> None:
    longest = b"9" * (size - 1)
    assert getattr(pdu.decode(frame_of(cls, **{field: longest})), field) == longest
    fault = refusal(frame_of(cls, **{field: longest + b"9"}))
    assert (fault.command_id, fault.sequence_number, fault.command_status) == (cls.command_id, 77, status)
    assert field in fault.reason


@pytest.mark.parametrize(("cls", "field", "status"), TIMES)
@pytest.mark.parametrize("octets", [b"0", b"00000200000000R", b"0000020000000000R", b"0" * 300])
def test_a_time_has_no_octets_or_sixteen(cls: type[pdu.Pdu], field: str, status: int, octets: bytes) -> None:
    fault = refusal(frame_of(cls, **{field: octets}))
    assert fault.command_status == status
    assert field in fault.reason


def test_every_string_of_every_request_has_a_bound_in_this_file() -> None:
    listed = {(cls.command_id & 0xFFFF, field) for cls, field, _, _ in STRINGS}
    listed |= {(cls.command_id, field) for cls, field, _ in TIMES}
    listed |= {(cls, field) for cls in (1, 2, 9) for field in ("system_id", "password", "system_type", "address_range")}
    for cls in pdu.PDUS:
        if not cls.command_id & pdu.RESPONSE:
            for name, field in wire_fields(cls).items():
                if field.kind in {Kind.C_OCTET_STRING, Kind.TIME}:
                    assert (cls.command_id, name) in listed, (cls.__name__, name)


def test_credentials_beyond_the_specification_are_understood_and_can_be_told() -> None:
    bind = pdu.decode(frame_of(pdu.BindTransceiver, system_id=b"s" * 15, password=b"p" * 12))
    assert isinstance(bind, pdu.BindTransceiver)
    assert bind.password == b"p" * 12
    fault = pdu.beyond_specification(bind)
    assert fault is not None
    assert fault[0] == pdu.ESME_RINVPASWD
    assert pdu.beyond_specification(pdu.BindTransceiver(system_id=b"s" * 15, password=b"p" * 8)) is None


def test_a_thousand_octets_of_password_are_refused_as_a_password() -> None:
    assert refusal(frame_of(pdu.BindTransmitter, password=b"x" * 1000)).command_status == pdu.ESME_RINVPASWD


def test_sm_length_may_not_promise_more_than_there_is() -> None:
    frame = frame_of(pdu.SubmitSm, short_message=b"hello")
    fault = refusal(with_length(frame[:-1]))
    assert fault.command_status == pdu.ESME_RINVMSGLEN
    assert "sm_length is 5 but 4 octets are left" in fault.reason


@pytest.mark.parametrize(
    ("entries", "status"),
    [
        (b"\x00", pdu.ESME_RINVNUMDESTS),
        (b"\x01\x03\x01\x01\x32\x00", pdu.ESME_RINVDESTFLAG),
        (b"\x01\x00", pdu.ESME_RINVDESTFLAG),
        (b"\x01\x01\x01\x01" + b"9" * 21 + b"\0", pdu.ESME_RINVDSTADR),
        (b"\x01\x02" + b"l" * 21 + b"\0", pdu.ESME_RINVDLNAME),
        (b"\x01", pdu.ESME_RINVCMDLEN),
        (b"\x01\x01\x01", pdu.ESME_RINVCMDLEN),
    ],
)
def test_destinations_of_submit_multi_are_refused_by_what_is_wrong_with_them(entries: bytes, status: int) -> None:
    body = b"\0\0\0\0" + entries
    frame = struct.pack(">IIII", 16 + len(body), pdu.SubmitMulti.command_id, 0, 77) + body
    assert refusal(frame).command_status == status


def test_submit_multi_takes_as_many_destinations_as_one_octet_can_count() -> None:
    dests: list[pdu.SmeAddress | pdu.DistributionList] = [pdu.SmeAddress(1, 1, b"%d" % n) for n in range(255)]
    request = pdu.SubmitMulti(dest_address=dests)
    assert pdu.decode(pdu.encode(request)) == request
    with pytest.raises(ValueError, match="SubmitMulti"):
        pdu.encode(pdu.SubmitMulti(dest_address=[*dests, pdu.DistributionList(b"one too many")]))


@pytest.mark.parametrize("cls", [cls for cls in pdu.PDUS if not cls.command_id & pdu.RESPONSE])
def test_a_request_cut_anywhere_is_refused_by_a_field_or_read_losslessly(cls: type[pdu.Pdu]) -> None:
    whole = frame_of(cls)
    for length in range(16, len(whole)):
        cut = with_length(whole[:length])
        fault = refusal(cut)
        assert fault.command_status in {pdu.ESME_RINVCMDLEN, pdu.ESME_RINVMSGLEN, pdu.ESME_RINVDSTADR}
        assert (fault.command_id, fault.sequence_number) == (cls.command_id, 77)


def test_an_unknown_command_is_refused_with_its_own_sequence_number() -> None:
    fault = refusal(pdu.header(0x0000000A, 0, 0x80000001))
    assert (fault.command_id, fault.sequence_number) == (0x0A, 0x80000001)
    assert fault.command_status == pdu.ESME_RINVCMDID


@pytest.mark.parametrize("frame", [b"", b"\0\0\0", pdu.header(0x15, 0, 1)[:15], pdu.header(0x15, 0, 1) + b"\0"])
def test_a_frame_that_is_not_as_long_as_it_says_is_no_frame(frame: bytes) -> None:
    with pytest.raises(UnframeablePdu):
        pdu.decode(frame)


@pytest.mark.parametrize(
    ("impossible", "culprit"),
    [
        (pdu.SubmitSm(source_addr=b"12\x0034"), "SubmitSm.source_addr"),
        (pdu.SubmitMulti(dest_address=[pdu.SmeAddress(destination_addr=b"1\0")]), "SmeAddress.destination_addr"),
        (pdu.SubmitSm(short_message=b"x" * 256), "SubmitSm.short_message"),
        (pdu.SubmitSm(esm_class=256), "SubmitSm.esm_class"),
        (pdu.SubmitSm(esm_class=-1), "SubmitSm.esm_class"),
        (pdu.SubmitSm(sequence_number=1 << 32), "SubmitSm"),
        (pdu.SubmitSm(tlvs=[(0x10000, b"")]), "SubmitSm.tlvs"),
        (pdu.SubmitSm(tlvs=[(0x0424, b"x" * 65536)]), "SubmitSm.tlvs"),
        (pdu.SubmitSmResp(message_id=b"1\0"), "SubmitSmResp.message_id"),
        (
            pdu.SubmitMultiResp(message_id=b"1", unsuccess_sme=[pdu.UnsuccessSme(error_status_code=1 << 32)]),
            "SubmitMultiResp",
        ),
    ],
)
def test_what_no_frame_can_say_is_not_written(impossible: pdu.Pdu, culprit: str) -> None:
    with pytest.raises(ValueError, match=rf"^{culprit}: "):
        pdu.encode(impossible)
