"""Bytes to PDU and back."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from typing import Final

from smscd.errors import MalformedPdu, UnframeablePdu
from smscd.pdu.constants import HEADER_LENGTH, RESPONSE, command_name
from smscd.pdu.decoding import Decoder, decoder
from smscd.pdu.encoding import Encoder, encoder, pack_header
from smscd.pdu.faults import first_fault
from smscd.pdu.fields import wire_fields
from smscd.pdu.pdus import PDUS, Pdu
from smscd.pdu.status import ESME_RINVCMDID

_unpack_header = struct.Struct(">IIII").unpack_from

_SUBMIT_SM_RESP: Final = 0x80000004
_DELIVER_SM_RESP: Final = 0x80000005


def _refuse_request(cls: type[Pdu], frame: bytes, command_status: int, sequence_number: int) -> Pdu:  # noqa: ARG001 - same shape as _keep_whole
    status, reason = first_fault(cls, frame)
    raise MalformedPdu(cls.command_id, sequence_number, status, f"{command_name(cls.command_id)}: {reason}")


def _keep_whole(
    cls: type[Pdu], absent: dict[str, None], frame: bytes, command_status: int, sequence_number: int
) -> Pdu:
    """A response whose body is missing or unreadable: what its header says still counts."""
    return cls(sequence_number, command_status, frame[HEADER_LENGTH:], **absent)


def _refuse(cls: type[Pdu]) -> Callable[[bytes, int, int], Pdu]:
    if not cls.command_id & RESPONSE:
        return partial(_refuse_request, cls)
    return partial(_keep_whole, cls, {name: None for name, field in wire_fields(cls).items() if field.may_be_absent})


_DECODERS: Final[dict[int, Decoder]] = {cls.command_id: decoder(cls, _refuse(cls)) for cls in PDUS}
_ENCODERS: Final[dict[type[Pdu], Encoder]] = {cls: encoder(cls) for cls in PDUS}


def decode(frame: bytes) -> Pdu:
    """One PDU out of one whole frame, losslessly: `encode(decode(frame)) == frame` for whatever is accepted.

    Raises MalformedPdu with the command_status that the specification names for the first wrong field of a request, and
    with ESME_RINVCMDID for a command_id outside SMPP 3.4 and 5.0. A response is never refused. A frame whose
    command_length is not its length raises UnframeablePdu: the framer does not hand out such.
    """
    try:
        command_length, command_id, command_status, sequence_number = _unpack_header(frame)
    except struct.error:
        raise UnframeablePdu(len(frame), f"{len(frame)} octets are no header") from None
    if command_length != len(frame):
        reason = f"command_length is {command_length} in a frame of {len(frame)} octets"
        raise UnframeablePdu(command_length, reason, sequence_number)
    try:
        decode_body = _DECODERS[command_id]
    except KeyError:
        reason = f"unknown command_id 0x{command_id:08X}"
        raise MalformedPdu(command_id, sequence_number, ESME_RINVCMDID, reason) from None
    return decode_body(frame, command_length, command_status, sequence_number)


def encode(pdu: Pdu) -> bytes:
    """The whole frame of a PDU, header included.

    Raises ValueError for what no frame can say: a NUL inside a C-octet string, a number or length that does not fit.
    """
    return _ENCODERS[type(pdu)](pdu)


def header(command_id: int, command_status: int, sequence_number: int) -> bytes:
    """A PDU of nothing but its header, for instance any response that reports an error."""
    return pack_header(HEADER_LENGTH, command_id, command_status, sequence_number)


def submit_sm_resp(sequence_number: int, message_id: bytes) -> bytes:
    """The frame of a submit_sm_resp with ESME_ROK, without the detour over a class (SMPP 3.4 §4.4.2)."""
    return pack_header(17 + len(message_id), _SUBMIT_SM_RESP, 0, sequence_number) + message_id + b"\0"


def deliver_sm_resp(sequence_number: int, command_status: int = 0) -> bytes:
    """The frame of a deliver_sm_resp: its message_id is one NUL (SMPP 3.4 §4.6.2)."""
    return pack_header(17, _DELIVER_SM_RESP, command_status, sequence_number) + b"\0"


def response_id(command_id: int) -> int | None:
    """The command_id that answers a request; None for responses, outbind, alert_notification and unknown commands."""
    answer = command_id | RESPONSE
    return answer if answer != command_id and answer in _DECODERS and command_id in _DECODERS else None
