"""The plain receipt, read as far as anybody asks: nearly every deliver_sm of a provider, in one expression.

It says what `decode`, `is_receipt` and `outline` find in the same octets one after the other (a test compares the two
ways), without an object for fields that nobody reads. `decode` takes its place where anything is unusual.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass
from typing import ClassVar, Final

from smscd.pdu import codec
from smscd.pdu.constants import ESM_TYPE_RECEIPT, HEADER_LENGTH
from smscd.pdu.decoding import skipped, string_pattern
from smscd.pdu.encoding import pack_header
from smscd.pdu.fields import wire_fields
from smscd.pdu.pdus import DeliverSm, Pdu, SubmitSm
from smscd.pdu.receipt import AS_PRINTED, STATE_OF
from smscd.pdu.tlv import Tag

_DELIVER_SM: Final = DeliverSm.command_id
MOST_DIGITS: Final = 4
"""of an error code: five may be too much for the two octets that it gets in a network_error_code"""
_TAG_RECEIPTED, _TAG_STATE = int(Tag.receipted_message_id), int(Tag.message_state)
_RECEIPTED: Final = _TAG_RECEIPTED.to_bytes(2, "big") + b"\0"
_STATE: Final = _TAG_STATE.to_bytes(2, "big") + b"\0\1"
"""Both with the beginning of their lengths."""
_STATES: Final = [bytes((state,)) for state in range(256)]
_unpack_number: Final = struct.Struct(">I").unpack_from


@dataclass(slots=True)
class PlainReceipt(Pdu):
    """A deliver_sm that is a delivery receipt as Appendix B prints it, and no more than that.

    TLVs, where it has any, say the same as its text; `error_code` is what stands behind `err:`.
    """

    command_id: ClassVar[int] = _DELIVER_SM

    source_addr: bytes = b""
    message_id: bytes = b""
    message_state: int = 0
    error_code: int = 0
    frame: bytes = b""

    @property
    def whole(self) -> DeliverSm:
        """All that it says."""
        deliver = codec.decode(self.frame)
        assert isinstance(deliver, DeliverSm)
        return deliver


def _frame_pattern() -> re.Pattern[bytes]:
    """The header, the table of a deliver_sm up to sm_length, and the line as printed."""
    fields = wire_fields(DeliverSm)
    asked = {
        "source_addr": string_pattern(fields["source_addr"]),
        "esm_class": rf"\x{ESM_TYPE_RECEIPT:02x}",
        "schedule_delivery_time": r"\0",  # not used in a deliver_sm (SMPP 3.4 §4.6.1)
        "validity_period": r"\0",
        "short_message": "(.)",  # its length; what it says comes next
        "tlvs": "",
    }
    table = "".join(asked[name] if name in asked else skipped(field) for name, field in fields.items())
    return re.compile(rb"....\0\0\0\x05\0\0\0\0...." + table.encode() + AS_PRINTED.pattern, re.DOTALL)


_match: Final = _frame_pattern().match
_SOURCE_ADDR, _SM_LENGTH, _ID, _STAT, _ERR = 1, 2, 3, 8, 9
"""The groups of `_frame_pattern`; the others of AS_PRINTED say when and how often."""


def decode(frame: bytes) -> Pdu:
    """A frame as the framer cuts it, read as by `codec.decode`, but a `PlainReceipt` for what is one."""
    if frame[7] == _DELIVER_SM and (match := _match(frame)) is not None:
        source_addr, sm_length, message_id, stat, err = match.group(_SOURCE_ADDR, _SM_LENGTH, _ID, _STAT, _ERR)
        end = match.end(_SM_LENGTH) + sm_length[0]
        state = STATE_OF.get(stat)
        if (
            state is not None
            and match.end() <= end
            and err.isdigit()
            and len(err) <= MOST_DIGITS
            and (end == len(frame) or _is_said_again(frame[end:], message_id, state))
        ):
            number: int = _unpack_number(frame, 12)[0]
            return PlainReceipt(number, 0, b"", source_addr, message_id, state, int(err), frame)
    return codec.decode(frame)


def about(submit: SubmitSm, message_id: bytes, message_state: int, text: bytes) -> tuple[DeliverSm, bytes]:
    """Our receipt for `submit`, from its recipient to its sender, and what `codec.encode` makes of it."""
    service_type = submit.service_type
    to_ton, to_npi, to = submit.dest_addr_ton, submit.dest_addr_npi, submit.destination_addr
    by_ton, by_npi, by = submit.source_addr_ton, submit.source_addr_npi, submit.source_addr
    named, state = message_id + b"\0", _STATES[message_state]
    tlvs = [(_TAG_RECEIPTED, named), (_TAG_STATE, state)]
    deliver = DeliverSm(
        0, 0, b"", service_type, to_ton, to_npi, to, by_ton, by_npi, by, ESM_TYPE_RECEIPT, 0, 0, b"", b"", 0, 0, 0, 0,
        text, tlvs,
    )  # fmt: skip
    body = _BODY % (
        service_type, to_ton, to_npi, to, by_ton, by_npi, by, len(text), text, _RECEIPTED, len(named), named, _STATE,
        state,
    )  # fmt: skip
    return deliver, pack_header(HEADER_LENGTH + len(body), _DELIVER_SM, 0, 0) + body


_BODY: Final = b"%%b\0%%c%%c%%b\0%%c%%c%%b\0%c\0\0\0\0\0\0\0\0%%c%%b%%b%%c%%b%%b%%b" % ESM_TYPE_RECEIPT


def _is_said_again(tlvs: bytes, message_id: bytes, message_state: int) -> bool:
    """Whether these are the TLVs that say what the text says, in one of the two orders that they come in."""
    receipted = b"%b%c%b\0" % (_RECEIPTED, len(message_id) + 1, message_id)
    state = _STATE + _STATES[message_state]
    return tlvs in (receipted + state, state + receipted)
