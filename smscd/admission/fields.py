"""Field rules: the command_status that the specification names for a value it does not allow.

SMPP 3.4 §5.2 and table 5-2; 5.0 §4.7 where it allows more. 0 means that nothing is wrong.
"""

from __future__ import annotations

from smscd import pdu
from smscd.message import octets_of, uncover
from smscd.text import USER_DATA, Alphabet, count_segments

MAX_TON = 6  # SMPP 3.4 §5.2.5: 0 unknown to 6 abbreviated
NPIS = frozenset({0, 1, 3, 4, 6, 8, 9, 10, 14, 18})  # SMPP 3.4 §5.2.6
SUBMITTED_TYPES = frozenset({  # SMPP 3.4 §5.2.12: what an ESME may say its message is
    pdu.ESM_TYPE_DEFAULT, pdu.ESM_TYPE_DELIVERY_ACKNOWLEDGEMENT, pdu.ESM_TYPE_USER_ACKNOWLEDGEMENT,
})  # fmt: skip
MAX_SEGMENTS = 255
ALPHANUMERIC = 5
_DIALLED = frozenset(b"0123456789*#abcdefABCDEF")


_TYPE_ALLOWED = tuple(esm_class & pdu.ESM_TYPE_MASK in SUBMITTED_TYPES for esm_class in range(256))
_NPI_ALLOWED = tuple(npi in NPIS for npi in range(256))


def is_usual(content: pdu.SubmitSm) -> bool:
    """Whether a submit_sm is so plain that nothing can be wrong with its fields: one expression for nearly all of them.

    True implies that `submit_sm_status` is 0 for every version, strict or not.
    """
    return (
        _TYPE_ALLOWED[content.esm_class]
        and content.registered_delivery < 0x20
        and content.priority_flag < 4
        and content.replace_if_present_flag < 2
        and content.source_addr_ton <= MAX_TON
        and content.dest_addr_ton < ALPHANUMERIC
        and _NPI_ALLOWED[content.source_addr_npi]
        and _NPI_ALLOWED[content.dest_addr_npi]
        and content.destination_addr.isdigit()
        and not content.tlvs
        and not content.tail
        and 0 < len(content.short_message) <= pdu.MAX_SHORT_MESSAGE_3_4
    )


def is_plain(content: pdu.SubmitSm) -> bool:
    """Whether a submit_sm is usual, one segment in any alphabet, and asks for nothing but to be sent now."""
    return (
        len(content.short_message) <= USER_DATA
        and not content.schedule_delivery_time
        and not content.validity_period
        and not content.priority_flag
        and not content.replace_if_present_flag
        and is_usual(content)
    )


def optional_part_status(content: pdu.SubmitSm | pdu.DataSm, version: int, *, strict: bool) -> int:
    """What is wrong with the `tail` of `content`, the octets that are no whole TLV; what means nothing is taken away.

    Behind a NUL too many there are optional parameters (see `message.uncover`). Anything else may have held the text,
    so that the message does not come in; 3.3 has no optional parameters and no word for what is wrong with them.
    """
    if strict:
        return pdu.ESME_RINVOPTPARSTREAM if version >= pdu.INTERFACE_VERSION_3_4 else pdu.ESME_RINVCMDLEN
    if not uncover(content) and content.tail.strip(b"\0") and version >= pdu.INTERFACE_VERSION_3_4:
        return pdu.ESME_RINVOPTPARSTREAM
    content.tail = b""
    return 0


def submit_sm_status(content: pdu.SubmitSm, version: int, *, strict: bool) -> int:
    """What is wrong with a submit_sm of a peer that speaks `version` (0x33, 0x34, 0x50)."""
    if content.priority_flag > (4 if version >= pdu.INTERFACE_VERSION_5_0 else 3):
        return pdu.ESME_RINVPRTFLG
    if content.replace_if_present_flag > 1:
        return pdu.ESME_RINVREPFLAG
    octets = len(content.short_message)
    if octets > pdu.MAX_SHORT_MESSAGE_3_4 and version < pdu.INTERFACE_VERSION_5_0:
        return pdu.ESME_RINVMSGLEN
    if content.sm_default_msg_id and not octets_of(content):
        return pdu.ESME_RINVDFTMSGID  # there are no predefined messages here
    if strict and octets and pdu.tlv.get(content.tlvs, pdu.Tag.message_payload) is not None:
        return pdu.ESME_ROPTPARNOTALLWD  # SMPP 3.4 §4.4.1: one or the other
    return common_status(content)


def common_status(content: pdu.SubmitSm | pdu.DataSm) -> int:
    """What is wrong with the fields that submit_sm and data_sm share."""
    if content.registered_delivery & 0xE0:
        return pdu.ESME_RINVREGDLVFLG
    if content.esm_class & pdu.ESM_TYPE_MASK not in SUBMITTED_TYPES:
        return pdu.ESME_RINVESMCLASS
    if content.source_addr_ton > MAX_TON:
        return pdu.ESME_RINVSRCTON
    if content.source_addr_npi not in NPIS:
        return pdu.ESME_RINVSRCNPI
    if content.dest_addr_ton > MAX_TON:
        return pdu.ESME_RINVDSTTON
    if content.dest_addr_npi not in NPIS:
        return pdu.ESME_RINVDSTNPI
    if len(content.source_addr) > pdu.MAX_ADDRESS:
        return pdu.ESME_RINVSRCADR
    return destination_status(content.destination_addr, content.dest_addr_ton)


def destination_status(destination: bytes, ton: int) -> int:
    """A recipient is dialled: digits (with `+`, `*`, `#`), never a name."""
    digits = destination[1:] if destination[:1] == b"+" else destination
    if ton == ALPHANUMERIC or len(destination) > pdu.MAX_ADDRESS:
        return pdu.ESME_RINVDSTADR
    if not digits.isdigit() and not (digits and _DIALLED.issuperset(digits)):
        return pdu.ESME_RINVDSTADR
    return 0


def segments_of(content: pdu.SubmitSm | pdu.DataSm, default_alphabet: Alphabet = "gsm7") -> int:
    """Short messages it takes on the air, 0 if it is too long for any way of sending it."""
    octets = octets_of(content)
    with_header = bool(content.esm_class & pdu.ESM_UDHI)
    segments = count_segments(octets, content.data_coding, with_header, default_alphabet)
    if segments > MAX_SEGMENTS or (with_header and segments > 1):
        return 0  # a message that brings its own header is one segment: nobody could split it for its sender
    return segments
