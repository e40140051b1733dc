"""Optional parameters: the table of every TLV of SMPP 3.4 §5.3 and 5.0 §4.8, and reading and writing them.

A PDU keeps its TLVs as (tag, octets) in wire order: unknown, vendor, repeated and wrongly sized ones too. They get a
type only when somebody asks.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum, auto
from typing import Final

from smscd.errors import TextTooLong
from smscd.pdu.fields import Tlv

_pack_head = struct.Struct(">HH").pack
_unpack_head = struct.Struct(">HH").unpack_from


class Tag(IntEnum):
    """Names as 3.4 prints them; where 5.0 renamed one, its name is an alias."""

    dest_addr_subunit = 0x0005
    dest_network_type = 0x0006
    dest_bearer_type = 0x0007
    dest_telematics_id = 0x0008
    source_addr_subunit = 0x000D
    source_network_type = 0x000E
    source_bearer_type = 0x000F
    source_telematics_id = 0x0010
    qos_time_to_live = 0x0017
    payload_type = 0x0019
    additional_status_info_text = 0x001D
    receipted_message_id = 0x001E
    ms_msg_wait_facilities = 0x0030
    privacy_indicator = 0x0201
    source_subaddress = 0x0202
    dest_subaddress = 0x0203
    user_message_reference = 0x0204
    user_response_code = 0x0205
    source_port = 0x020A
    destination_port = 0x020B
    sar_msg_ref_num = 0x020C
    language_indicator = 0x020D
    sar_total_segments = 0x020E
    sar_segment_seqnum = 0x020F
    sc_interface_version = 0x0210
    callback_num_pres_ind = 0x0302
    callback_num_atag = 0x0303
    number_of_messages = 0x0304
    callback_num = 0x0381
    dpf_result = 0x0420
    set_dpf = 0x0421
    ms_availability_status = 0x0422
    network_error_code = 0x0423
    message_payload = 0x0424
    delivery_failure_reason = 0x0425
    more_messages_to_send = 0x0426
    message_state = 0x0427
    congestion_state = 0x0428
    ussd_service_op = 0x0501
    broadcast_channel_indicator = 0x0600
    broadcast_content_type = 0x0601
    broadcast_content_type_info = 0x0602
    broadcast_message_class = 0x0603
    broadcast_rep_num = 0x0604
    broadcast_frequency_interval = 0x0605
    broadcast_area_identifier = 0x0606
    broadcast_error_status = 0x0607
    broadcast_area_success = 0x0608
    broadcast_end_time = 0x0609
    broadcast_service_group = 0x060A
    billing_identification = 0x060B
    source_network_id = 0x060D
    dest_network_id = 0x060E
    source_node_id = 0x060F
    dest_node_id = 0x0610
    dest_addr_np_resolution = 0x0611
    dest_addr_np_information = 0x0612
    dest_addr_np_country = 0x0613
    display_time = 0x1201
    sms_signal = 0x1203
    ms_validity = 0x1204
    alert_on_message_delivery = 0x130C
    its_reply_type = 0x1380
    its_session_info = 0x1383

    dest_port = 0x020B
    """5.0's name of destination_port."""
    alert_on_msg_delivery = 0x130C
    """What both versions call alert_on_message_delivery in the lists of their PDUs."""
    failed_broadcast_area_identifier = 0x0606
    """What broadcast_sm_resp calls a broadcast_area_identifier (5.0 §4.8.4.4)."""


class Value(Enum):
    INTEGER = auto()
    C_OCTET_STRING = auto()
    OCTET_STRING = auto()


@dataclass(frozen=True, slots=True)
class Definition:
    """One row: what the value is, its length in octets (with the NUL of a C-octet string), and since which version."""

    tag: Tag
    value: Value
    shortest: int
    longest: int
    since: int = 0x34


def _integer(tag: Tag, octets: int, since: int = 0x34) -> Definition:
    return Definition(tag, Value.INTEGER, octets, octets, since)


def _octets(tag: Tag, shortest: int, longest: int, since: int = 0x34) -> Definition:
    return Definition(tag, Value.OCTET_STRING, shortest, longest, since)


def _text(tag: Tag, shortest: int, longest: int, since: int = 0x34) -> Definition:
    return Definition(tag, Value.C_OCTET_STRING, shortest, longest, since)


_LONGEST: Final = 0xFFFF
"""Where the specification sets no bound: what the length field can say."""

_ROWS: Final = (
    _integer(Tag.dest_addr_subunit, 1),
    _integer(Tag.dest_network_type, 1),
    _integer(Tag.dest_bearer_type, 1),
    _integer(Tag.dest_telematics_id, 2),
    _integer(Tag.source_addr_subunit, 1),
    _integer(Tag.source_network_type, 1),
    _integer(Tag.source_bearer_type, 1),
    _integer(Tag.source_telematics_id, 1),
    _integer(Tag.qos_time_to_live, 4),
    _integer(Tag.payload_type, 1),
    _text(Tag.additional_status_info_text, 1, 256),
    _text(Tag.receipted_message_id, 1, 65),
    _integer(Tag.ms_msg_wait_facilities, 1),
    _integer(Tag.privacy_indicator, 1),
    _octets(Tag.source_subaddress, 2, 23),
    _octets(Tag.dest_subaddress, 2, 23),
    _integer(Tag.user_message_reference, 2),
    _integer(Tag.user_response_code, 1),
    _integer(Tag.source_port, 2),
    _integer(Tag.destination_port, 2),
    _integer(Tag.sar_msg_ref_num, 2),
    _integer(Tag.language_indicator, 1),
    _integer(Tag.sar_total_segments, 1),
    _integer(Tag.sar_segment_seqnum, 1),
    _integer(Tag.sc_interface_version, 1),
    _integer(Tag.callback_num_pres_ind, 1),
    _octets(Tag.callback_num_atag, 1, 65),
    _integer(Tag.number_of_messages, 1),
    _octets(Tag.callback_num, 4, 19),
    _integer(Tag.dpf_result, 1),
    _integer(Tag.set_dpf, 1),
    _integer(Tag.ms_availability_status, 1),
    _octets(Tag.network_error_code, 3, 3),
    _octets(Tag.message_payload, 0, _LONGEST),
    _integer(Tag.delivery_failure_reason, 1),
    _integer(Tag.more_messages_to_send, 1),
    _integer(Tag.message_state, 1),
    _integer(Tag.congestion_state, 1, 0x50),
    _integer(Tag.ussd_service_op, 1),
    _integer(Tag.broadcast_channel_indicator, 1, 0x50),
    _octets(Tag.broadcast_content_type, 3, 3, 0x50),
    _octets(Tag.broadcast_content_type_info, 1, 255, 0x50),
    _integer(Tag.broadcast_message_class, 1, 0x50),
    _integer(Tag.broadcast_rep_num, 2, 0x50),
    _octets(Tag.broadcast_frequency_interval, 3, 3, 0x50),
    _octets(Tag.broadcast_area_identifier, 1, 101, 0x50),
    _integer(Tag.broadcast_error_status, 4, 0x50),
    _integer(Tag.broadcast_area_success, 1, 0x50),
    _text(Tag.broadcast_end_time, 16, 17, 0x50),
    _octets(Tag.broadcast_service_group, 1, 255, 0x50),
    _octets(Tag.billing_identification, 1, 1024, 0x50),
    _text(Tag.source_network_id, 7, 65, 0x50),
    _text(Tag.dest_network_id, 7, 65, 0x50),
    _octets(Tag.source_node_id, 6, 6, 0x50),
    _octets(Tag.dest_node_id, 6, 6, 0x50),
    _integer(Tag.dest_addr_np_resolution, 1, 0x50),
    _octets(Tag.dest_addr_np_information, 10, 10, 0x50),
    Definition(Tag.dest_addr_np_country, Value.INTEGER, 1, 5, 0x50),
    _integer(Tag.display_time, 1),
    _integer(Tag.sms_signal, 2),
    _octets(Tag.ms_validity, 1, 4),  # 3.4: 1; 5.0: 1 or 4
    Definition(Tag.alert_on_message_delivery, Value.INTEGER, 0, 1),  # 3.4: 0; 5.0: 0 or 1
    _integer(Tag.its_reply_type, 1),
    _octets(Tag.its_session_info, 2, 2),
)

DEFINITIONS: Final[dict[int, Definition]] = {int(row.tag): row for row in _ROWS}
"""Every optional parameter of both versions, by tag."""


def tlv_name(tag: int) -> str:
    """`message_payload` for a tag of the specifications, `0x1400` for any other."""
    row = DEFINITIONS.get(tag)
    return row.tag.name if row is not None else f"0x{tag:04X}"


def tag_from_name(name: str) -> int:
    """The inverse of `tlv_name`: takes either version's name, or a number. Raises ValueError for anything else."""
    word = name.strip()
    member = Tag.__members__.get(word.lower())
    if member is not None:
        return int(member)
    try:
        value = int(word, 0)
    except ValueError:
        raise ValueError(f"{name!r} is no optional parameter") from None
    if not 0 <= value <= 0xFFFF:
        raise ValueError(f"{name!r} does not fit a tag of two octets")
    return value


# --- a value out of a PDU's TLVs ---------------------------------------------------------------------------------


def get(tlvs: Iterable[Tlv], tag: int) -> bytes | None:
    """The octets of the first TLV with that tag, or None."""
    for found, value in tlvs:
        if found == tag:
            return value
    return None


def get_int(tlvs: Iterable[Tlv], tag: int) -> int | None:
    """The first TLV with that tag as an unsigned big-endian integer; None if it is absent, empty or over 8 octets.

    A length other than the specification's is read all the same: peers send two octets where one belongs.
    """
    value = get(tlvs, tag)
    return int.from_bytes(value, "big") if value and len(value) <= 8 else None


def get_cstring(tlvs: Iterable[Tlv], tag: int) -> bytes | None:
    """The first TLV with that tag up to its first NUL; peers forget the NUL as often as they pad with more."""
    value = get(tlvs, tag)
    return None if value is None else value.partition(b"\0")[0]


def fits(tag: int, value: bytes) -> bool:
    """Whether the length is one the specifications allow; tags they do not know always fit."""
    row = DEFINITIONS.get(tag)
    return row is None or row.shortest <= len(value) <= row.longest


def describe(tag: int, value: bytes) -> str:
    """A TLV as one word for a person: `message_state=2`, `receipted_message_id='17'`, `0x1400=0a0b`."""
    row = DEFINITIONS.get(tag)
    if row is not None and row.value is Value.INTEGER and value and fits(tag, value):
        return f"{row.tag.name}={int.from_bytes(value, 'big')}"
    if row is not None and row.value is Value.C_OCTET_STRING:
        text = value.partition(b"\0")[0].decode("ascii", "backslashreplace")
        return f"{row.tag.name}={text!r}"
    return f"{tlv_name(tag)}={value.hex()}"


# --- building them -----------------------------------------------------------------------------------------------


def octet(tag: int, value: int) -> Tlv:
    """A TLV of one octet. Raises OverflowError if the value does not fit."""
    return int(tag), value.to_bytes(1, "big")


def integer(tag: int, value: int) -> Tlv:
    """An integer TLV in the size its row says. Raises KeyError for a tag without one, OverflowError for a big value."""
    return int(tag), value.to_bytes(DEFINITIONS[tag].longest, "big")


def cstring(tag: int, value: bytes) -> Tlv:
    """A C-octet string TLV: the value and its NUL. Raises ValueError if the value has one already."""
    if 0 in value:
        raise ValueError(f"{tlv_name(tag)}: a NUL inside a C-octet string")
    return int(tag), value + b"\0"


def octets(tag: int, value: bytes) -> Tlv:
    """A TLV of plain octets."""
    return int(tag), value


def payload(value: bytes) -> Tlv:
    """message_payload. Raises TextTooLong beyond 65535 octets: its length has two."""
    if len(value) > _LONGEST:
        raise TextTooLong(f"{len(value)} octets: at most {_LONGEST} are a message_payload")
    return int(Tag.message_payload), value


def from_text(name: str, text: str) -> Tlv:
    """A TLV as a person writes it: the tag by name or number, the value as its row in the table says.

    An integer where the specification has one; a C-octet string gets its NUL; of any other tag, a vendor's say, the
    text is the octets as they are. Digits behind `0x` are octets for every tag. Raises ValueError.
    """
    tag = tag_from_name(name)
    row = DEFINITIONS.get(tag)
    if text[:2].lower() == "0x":
        value = bytes.fromhex(text[2:])
    elif row is not None and row.value is Value.INTEGER:
        if not text.isascii() or not text.isdigit() or int(text) >> 8 * row.longest:
            raise ValueError(f"{tlv_name(tag)} is a number of {row.longest} octets")
        value = int(text).to_bytes(row.longest, "big")
    else:
        value = text.encode() + (b"\0" if row is not None and row.value is Value.C_OCTET_STRING else b"")
    if not fits(tag, value) or len(value) > _LONGEST:
        raise ValueError(f"{tlv_name(tag)} has not {len(value)} octets")
    return tag, value


def from_notation(written: Mapping[str, str]) -> list[Tlv]:
    """The TLVs of a table in a configuration. Raises ValueError."""
    return [from_text(name, text) for name, text in written.items()]


# --- on the wire -------------------------------------------------------------------------------------------------


def read(octets: bytes) -> list[Tlv] | None:
    """The TLVs that these octets are, or None if they are not whole TLVs from the first to the last."""
    tlvs: list[Tlv] = []
    position = 0
    while position < len(octets):
        if position + 4 > len(octets):
            return None
        tag, length = _unpack_head(octets, position)
        value, position = position + 4, position + 4 + length
        if position > len(octets):
            return None
        tlvs.append((tag, octets[value:position]))
    return tlvs


def write(tlvs: Iterable[Tlv]) -> bytes:
    """The octets of TLVs, in the order given. Raises struct.error for a tag or length of more than two octets."""
    return b"".join([_pack_head(tag, len(value)) + value for tag, value in tlvs])
