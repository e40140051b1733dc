"""The plain answer, told by its frame: ESME_ROK to a message, and beside a message_id nothing, as nearly every one is.

`codec.decode` finds the same in the same octets (a test compares the two), by way of an object that nobody asks for
more than that.
"""

from __future__ import annotations

import struct
from typing import Final

from smscd.pdu.constants import HEADER_LENGTH
from smscd.pdu.fields import wire_fields
from smscd.pdu.pdus import DeliverSm, DeliverSmResp, SubmitSm, SubmitSmResp

_unpack: Final = struct.Struct(">4xQI").unpack_from
_ANSWERS: Final = {
    SubmitSmResp.command_id << 32: SubmitSm.command_id,
    DeliverSmResp.command_id << 32: DeliverSm.command_id,
}
"""command_id and command_status of ESME_ROK, as one number, to what is answered so."""
_LONGEST: Final = HEADER_LENGTH + min(
    wire_fields(answer)["message_id"].accepts for answer in (SubmitSmResp, DeliverSmResp)
)


def number_of(frame: bytes) -> tuple[int, int] | None:
    """sequence_number and command_id of the request that `frame` answers plainly; None if it does not."""
    size = len(frame)
    if size <= HEADER_LENGTH or size > _LONGEST or frame.find(0, HEADER_LENGTH) != size - 1:
        return None
    answer, number = _unpack(frame)
    command_id = _ANSWERS.get(answer)
    return (number, command_id) if command_id is not None else None


def message_id_of(frame: bytes) -> bytes:
    """Of a frame that `number_of` has found plain."""
    return frame[HEADER_LENGTH:-1]
