"""smpplib and aiosmpplib write what we read, and read what we write."""

from __future__ import annotations

from typing import Any

import pytest
import smpplib.smpp
from aiosmpplib import protocol as aio
from aiosmpplib.state import NPI, TON, PhoneNumber, SmppDataCoding

from smscd import pdu

SUBMIT: dict[str, Any] = {
    "service_type": b"CMT",
    "source_addr_ton": 5,
    "source_addr_npi": 0,
    "source_addr": b"ACME",
    "dest_addr_ton": 1,
    "dest_addr_npi": 1,
    "destination_addr": b"447700900123",
    "esm_class": 3,
    "protocol_id": 1,
    "priority_flag": 2,
    "schedule_delivery_time": b"",
    "validity_period": b"000002000000000R",
    "registered_delivery": 17,
    "replace_if_present_flag": 1,
    "data_coding": 8,
    "sm_default_msg_id": 3,
    "short_message": b"\x00H\x00i",
}
BIND: dict[str, Any] = {
    "system_id": b"esme",
    "password": b"secret",
    "system_type": b"VMS",
    "interface_version": 0x34,
    "addr_ton": 1,
    "addr_npi": 3,
    "address_range": b"^4477",
}
QUERY: dict[str, Any] = {"message_id": b"0a1b", "source_addr_ton": 1, "source_addr_npi": 1, "source_addr": b"12345"}

FRAMES: list[tuple[type[pdu.Pdu], str, dict[str, Any]]] = [
    (pdu.BindTransmitter, "bind_transmitter", BIND),
    (pdu.BindReceiver, "bind_receiver", BIND),
    (pdu.BindTransceiver, "bind_transceiver", BIND),
    (pdu.BindTransceiverResp, "bind_transceiver_resp", {"system_id": b"smscd"}),
    (pdu.SubmitSm, "submit_sm", SUBMIT),
    (pdu.SubmitSmResp, "submit_sm_resp", {"message_id": b"0a1b"}),
    (pdu.DeliverSm, "deliver_sm", {**SUBMIT, "validity_period": b""}),
    (pdu.DeliverSmResp, "deliver_sm_resp", {"message_id": b""}),
    (pdu.QuerySm, "query_sm", QUERY),
    (pdu.Unbind, "unbind", {}),
    (pdu.UnbindResp, "unbind_resp", {}),
    (pdu.EnquireLink, "enquire_link", {}),
    (pdu.EnquireLinkResp, "enquire_link_resp", {}),
    (pdu.GenericNack, "generic_nack", {}),
]


class OneSequence:
    """What smpplib asks for sequence numbers."""

    sequence = 9

    def next_sequence(self) -> int:
        return self.sequence


def text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize(("cls", "command", "fields"), FRAMES, ids=[command for _, command, _ in FRAMES])
def test_smpplib_writes_the_octets_we_write(cls: type[pdu.Pdu], command: str, fields: dict[str, Any]) -> None:
    theirs = {name: value if name == "short_message" else text(value) for name, value in fields.items()}
    written = smpplib.smpp.make_pdu(command, client=OneSequence(), **theirs)
    written.sequence = 9
    frame = written.generate()
    assert pdu.encode(cls(sequence_number=9, **fields)) == frame
    assert pdu.decode(frame) == cls(sequence_number=9, **fields)


@pytest.mark.parametrize(("cls", "command", "fields"), FRAMES, ids=[command for _, command, _ in FRAMES])
def test_smpplib_reads_the_values_we_write(cls: type[pdu.Pdu], command: str, fields: dict[str, Any]) -> None:
    read = smpplib.smpp.parse_pdu(pdu.encode(cls(sequence_number=9, **fields)), client=OneSequence())
    assert (read.command, read.sequence, read.status) == (command, 9, 0)
    for name, value in fields.items():
        assert (getattr(read, name) or b"") == value or getattr(read, name) == value, name


def aio_read(frame: bytes, cls: Any) -> Any:
    return cls.from_pdu(frame, aio.SmppMessage.parse_header(frame), default_encoding="gsm0338")


def test_aiosmpplib_writes_a_submit_sm_that_we_read() -> None:
    frame = aio.SubmitSm(
        sequence_num=9,
        short_message="Hé €",
        source=PhoneNumber("ACME", TON.ALPHANUMERIC, NPI.UNKNOWN),
        destination=PhoneNumber("447700900123", TON.INTERNATIONAL, NPI.ISDN),
        service_type="CMT",
        esm_class=3,
        registered_delivery=17,
        encoding=SmppDataCoding.ucs2.name,
    ).pdu()
    read = pdu.decode(frame)
    assert isinstance(read, pdu.SubmitSm)
    assert (read.source_addr_ton, read.source_addr, read.destination_addr) == (5, b"ACME", b"447700900123")
    assert (read.service_type, read.esm_class, read.registered_delivery, read.data_coding) == (b"CMT", 3, 17, 8)
    assert read.short_message == "Hé €".encode("utf-16-be")
    assert pdu.encode(read) == frame


def test_aiosmpplib_reads_the_submit_sm_that_we_write() -> None:
    request = pdu.SubmitSm(sequence_number=9, **SUBMIT, tlvs=[(0x0204, b"\0\7"), (0x020A, b"\x12\x34")])
    read = aio_read(pdu.encode(request), aio.SubmitSm)
    assert (read.sequence_num, read.short_message, read.service_type) == (9, "Hi", "CMT")
    assert (read.source.number, read.source.ton, read.destination.number) == ("ACME", 5, "447700900123")
    assert (read.esm_class, read.protocol_id, read.priority_flag, read.registered_delivery) == (3, 1, 2, 17)
    assert {param.tag: param.value for param in read.optional_params} == {0x0204: 7, 0x020A: 0x1234}


def test_aiosmpplib_reads_our_receipt_as_a_receipt() -> None:
    line = pdu.format_receipt(
        b"0a1b", pdu.MessageState.DELIVERED, 1_795_262_400_000_000, 1_795_262_460_000_000, text=b"Hi"
    )
    receipt = pdu.DeliverSm(
        sequence_number=9,
        source_addr=b"447700900123",
        destination_addr=b"ACME",
        esm_class=pdu.ESM_TYPE_RECEIPT,
        short_message=line,
        tlvs=[pdu.tlv.cstring(pdu.Tag.receipted_message_id, b"0a1b"), pdu.tlv.octet(pdu.Tag.message_state, 2)],
    )
    read = aio_read(pdu.encode(receipt), aio.DeliverSm)
    assert read.is_receipt()
    parsed = read.parse_receipt()
    assert (parsed["id"], parsed["stat"], parsed["text"]) == ("0a1b", "DELIVRD", "Hi")


def test_aiosmpplib_writes_binds_that_we_read() -> None:
    for theirs, ours in (
        (aio.BindTransmitter, pdu.BindTransmitter),
        (aio.BindReceiver, pdu.BindReceiver),
        (aio.BindTransceiver, pdu.BindTransceiver),
    ):
        frame = theirs(
            sequence_num=9,
            system_id="esme",
            password="secret",
            system_type="VMS",
            addr_ton=TON.INTERNATIONAL,
            addr_npi=NPI.DATA,
            address_range="^4477",
        ).pdu()
        assert pdu.decode(frame) == ours(sequence_number=9, **BIND)
        assert aio_read(pdu.encode(ours(sequence_number=9, **BIND)), theirs).password == "secret"


def test_aiosmpplib_reads_the_responses_we_write() -> None:
    assert aio_read(pdu.submit_sm_resp(9, b"0a1b"), aio.SubmitSmResp).message_id == "0a1b"
    bound = pdu.encode(pdu.BindTransceiverResp(sequence_number=9, system_id=b"smscd", tlvs=[(0x0210, b"\x34")]))
    assert aio_read(bound, aio.BindTransceiverResp).system_id == "smscd"
