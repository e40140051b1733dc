"""Why a body could not be read: the slow, careful reader that runs once a compiled decoder has said no.

It walks the table field by field and names the first that is wrong and the command_status for it.
"""

from __future__ import annotations

from typing import Any

from smscd.pdu.constants import HEADER_LENGTH
from smscd.pdu.fields import Field, Kind, wire_fields
from smscd.pdu.pdus_session import Pdu
from smscd.pdu.status import ESME_RINVCMDLEN, ESME_RINVDESTFLAG


def beyond_specification(pdu: Pdu) -> tuple[int, str] | None:
    """The command_status and the reason for the first string that is longer than the specification prints.

    The decoder takes some fields longer, because real peers send them so; this is for a message centre that is to be as
    strict as the paper. None if every string is within its bounds.
    """
    for name, field in wire_fields(type(pdu)).items():
        if field.kind is Kind.C_OCTET_STRING:
            length = len(getattr(pdu, name) or b"") + 1
            if length > field.size:
                return field.command_status, f"{name}: {length} octets with its NUL where {field.size} are the maximum"
    return None


class _WrongError(Exception):
    """The first field that is wrong; never leaves this module."""

    def __init__(self, command_status: int, reason: str) -> None:
        super().__init__(reason)
        self.command_status = command_status
        self.reason = reason


def first_fault(cls: type[Any], frame: bytes) -> tuple[int, str]:
    """The command_status and the reason for a frame that the decoder of `cls` refused."""
    try:
        _walk(cls, frame, HEADER_LENGTH)
    except _WrongError as wrong:
        return wrong.command_status, wrong.reason
    raise AssertionError(f"the decoder of {cls.__name__} refused what its table allows: {frame.hex()}")


def _walk(cls: type[Any], frame: bytes, position: int) -> int:
    for name, field in wire_fields(cls).items():
        if field.kind is Kind.INTEGER:
            position = _integer(name, field.size, frame, position)
        elif field.kind is Kind.SIZED_OCTETS:
            position = _sized(field, frame, position)
        elif field.kind is Kind.LIST:
            position = _list(field, frame, position)
        elif field.kind is not Kind.TLVS:
            position = _string(name, field, frame, position)
    return position


def _integer(name: str, size: int, frame: bytes, position: int) -> int:
    if position + size > len(frame):
        raise _WrongError(ESME_RINVCMDLEN, f"the PDU ends before {name}")
    return position + size


def _string(name: str, field: Field, frame: bytes, position: int) -> int:
    end = frame.find(b"\0", position, position + field.accepts)
    if end < 0 and position == len(frame):
        raise _WrongError(ESME_RINVCMDLEN, f"the PDU ends before {name}")
    if end < 0:
        raise _WrongError(
            field.command_status, f"{name}: no NUL within {min(field.accepts, len(frame) - position)} octets"
        )
    length = end - position
    if field.kind is Kind.TIME and length not in {0, field.size - 1}:
        raise _WrongError(field.command_status, f"{name}: {length} octets where a time has 0 or {field.size - 1}")
    return end + 1


def _sized(field: Field, frame: bytes, position: int) -> int:
    after = _integer(field.counter, 1, frame, position)
    end = after + frame[position]
    if end > len(frame):
        left = len(frame) - after
        raise _WrongError(field.command_status, f"{field.counter} is {frame[position]} but {left} octets are left")
    return end


def _list(field: Field, frame: bytes, position: int) -> int:
    after = _integer(field.counter, 1, frame, position)
    count = frame[position]
    if count < field.at_least:
        raise _WrongError(field.command_status, f"{field.counter} is {count}")
    position = after
    flags = {getattr(cls, "dest_flag", 0): cls for cls in field.entries}
    for _ in range(count):
        entry = flags.get(0)
        if entry is None:
            after = _integer("dest_flag", 1, frame, position)
            entry = flags.get(frame[position])
            if entry is None:
                raise _WrongError(ESME_RINVDESTFLAG, f"dest_flag is {frame[position]}")
            position = after
        position = _walk(entry, frame, position)
    return position
