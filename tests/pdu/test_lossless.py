"""What came in can go out again, octet for octet, however odd it was."""

from __future__ import annotations

import struct

import pytest

from smscd import pdu
from smscd.pdu import codec, decoding
from smscd.pdu.decoding import Known

RESPONSES = [cls for cls in pdu.PDUS if cls.command_id & pdu.RESPONSE]
HEADER_ONLY = [pdu.Unbind, pdu.UnbindResp, pdu.EnquireLink, pdu.EnquireLinkResp, pdu.GenericNack, pdu.CancelSmResp]


def frame(command_id: int, body: bytes, command_status: int = 0) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command_id, command_status, 5) + body


@pytest.mark.parametrize("cls", RESPONSES)
@pytest.mark.parametrize("status", [0, 8])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\0",
        b"12",
        b"12\0",
        b"12\0\0",
        b"12\0\x02\x10\x00\x01\x34",
        b"12\0\x02\x10\x00\x09",
        b"\xff" * 300,
        b"\0" * 40,
    ],
)
def test_a_response_is_never_refused_and_never_changed(cls: type[pdu.Pdu], status: int, body: bytes) -> None:
    octets = frame(cls.command_id, body, status)
    response = pdu.decode(octets)
    assert type(response) is cls
    assert (response.sequence_number, response.command_status) == (5, status)
    assert pdu.encode(response) == octets


@pytest.mark.parametrize("cls", HEADER_ONLY)
def test_a_body_where_none_belongs_is_accepted_and_kept(cls: type[pdu.Pdu]) -> None:
    octets = frame(cls.command_id, b"\0\0\0")
    assert pdu.decode(octets).tail == b"\0\0\0"
    assert pdu.encode(pdu.decode(octets)) == octets


def test_an_error_response_is_a_bare_header_unless_it_has_something_to_say() -> None:
    bare = pdu.SubmitSmResp(sequence_number=5, command_status=pdu.ESME_RTHROTTLED)
    assert pdu.encode(bare) == pdu.header(0x80000004, pdu.ESME_RTHROTTLED, 5)
    with_nul = pdu.SubmitSmResp(sequence_number=5, command_status=pdu.ESME_RTHROTTLED, message_id=b"")
    assert pdu.encode(with_nul) == frame(0x80000004, b"\0", pdu.ESME_RTHROTTLED)
    with_tlv = pdu.DataSmResp(sequence_number=5, command_status=0xFE, tlvs=[(0x0425, b"\1")])
    assert pdu.encode(with_tlv) == frame(0x80000103, b"\0\x04\x25\0\1\1", 0xFE)


def test_a_refused_bind_has_no_body() -> None:
    for cls in (pdu.BindTransmitterResp, pdu.BindReceiverResp, pdu.BindTransceiverResp):
        assert pdu.encode(cls(command_status=pdu.ESME_RBINDFAIL)) == pdu.header(cls.command_id, pdu.ESME_RBINDFAIL, 0)


def test_a_deliver_sm_resp_has_its_nul_unless_it_came_without() -> None:
    assert pdu.encode(pdu.DeliverSmResp(sequence_number=5)) == frame(0x80000005, b"\0")
    assert pdu.encode(pdu.decode(frame(0x80000005, b""))) == frame(0x80000005, b"")


@pytest.mark.parametrize(
    "tlvs",
    [
        [(0x0427, b"")],
        [(0x0427, b"\0\0\2")],
        [(0x0204, b"\0\1"), (0x0204, b"\0\2"), (0x0204, b"\0\1")],
        [(0x1400, b"pe"), (0x0000, b""), (0xFFFF, b"\xff" * 100), (0x0424, b"")],
        [(0x0424, b"x" * 65535)],
    ],
)
def test_tlvs_keep_their_order_their_repetitions_and_their_wrong_lengths(tlvs: list[tuple[int, bytes]]) -> None:
    request = pdu.SubmitSm(destination_addr=b"2", tlvs=tlvs)
    decoded = pdu.decode(pdu.encode(request))
    assert isinstance(decoded, pdu.SubmitSm)
    assert decoded.tlvs == tlvs
    assert pdu.encode(decoded) == pdu.encode(request)


@pytest.mark.parametrize("rest", [b"\0", b"\x04\x24", b"\x04\x24\0", b"\x04\x24\0\1", b"\x04\x24\xff\xff" + b"x" * 99])
def test_what_is_no_whole_tlv_stays_in_the_tail(rest: bytes) -> None:
    octets = pdu.encode(pdu.SubmitSm(destination_addr=b"2", tlvs=[(0x0204, b"\0\1")], tail=rest))
    decoded = pdu.decode(octets)
    assert isinstance(decoded, pdu.SubmitSm)
    assert decoded.tlvs == [(0x0204, b"\0\1")]
    assert decoded.tail == rest
    assert pdu.encode(decoded) == octets


@pytest.mark.parametrize("sequence_number", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_any_sequence_number_comes_back_as_it_was(sequence_number: int) -> None:
    assert pdu.decode(pdu.header(0x15, 0, sequence_number)).sequence_number == sequence_number


def test_a_password_does_not_show_in_repr() -> None:
    assert "hunter2" not in repr(pdu.BindTransceiver(system_id=b"esme", password=b"hunter2"))
    assert "hunter2" not in repr(pdu.Outbind(system_id=b"smsc", password=b"hunter2"))


@pytest.mark.parametrize("cls", [pdu.SubmitSm, pdu.DeliverSm])
def test_what_stands_between_the_addresses_is_known_again_and_no_more_of_it_than_there_is_room_for(
    cls: type[pdu.SubmitSm | pdu.DeliverSm], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "KNOWN", 4)
    known = [value for value in vars(codec)["_DECODERS"][cls.command_id].__globals__.values() if type(value) is Known]
    assert len(known) == 3
    sent = [
        cls(
            service_type=b"%d" % (n % 7), source_addr_ton=n % 3, source_addr=b"1" * n, dest_addr_npi=n % 5,
            destination_addr=b"2" * (n % 20), esm_class=n, validity_period=b"000000000500000R" * (n % 2),
            data_coding=n * 9, short_message=b"x" * (n * 10), tlvs=[(0x0204, b"\0\1")] * (n % 2),
        )
        for n in range(20)
    ]  # fmt: skip
    for one in sent * 2:
        assert pdu.decode(pdu.encode(one)) == one
    assert all(0 < len(values) <= 4 for values in known)
