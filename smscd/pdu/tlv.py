"""Optional parameters: reading, writing, and (below) the table of every TLV of both versions."""

from __future__ import annotations

import struct
from collections.abc import Iterable

from smscd.pdu.fields import Tlv

_unpack = struct.Struct(">HH").unpack_from
_pack = struct.Struct(">HH").pack


def read(frame: bytes, position: int, end: int) -> tuple[list[Tlv], bytes]:
    """All whole TLVs from `position` on, and the octets behind the last whole one."""
    tlvs: list[Tlv] = []
    last = end - 4
    while position <= last:
        tag, length = _unpack(frame, position)
        stop = position + 4 + length
        if stop > end:
            break
        tlvs.append((tag, frame[position + 4 : stop]))
        position = stop
    return tlvs, frame[position:]


def write(tlvs: Iterable[Tlv]) -> bytes:
    """The octets of TLVs, in the order given. Raises struct.error for a tag or length of more than two octets."""
    return b"".join([_pack(tag, len(value)) + value for tag, value in tlvs])
