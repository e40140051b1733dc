"""How a configuration writes what belongs to SMPP."""

from __future__ import annotations

from smscd.pdu import tlv
from smscd.pdu.status import CommandStatus, status_from_name
from smscd.units import TextNotation


class StatusNotation(TextNotation):
    """A command_status by its name in either version of SMPP, or as a number."""

    allowed = 'the name of a command_status ("ESME_RTHROTTLED") or its number ("0x00000401")'
    choices = tuple(CommandStatus.__members__)

    def inspect(self, text: str) -> None:
        try:
            status_from_name(text)
        except ValueError:
            raise ValueError("is no command_status") from None


class TlvNameNotation(TextNotation):
    """The tag of an optional parameter, by its name in either version of SMPP or as a number."""

    allowed = 'the name of an optional parameter ("user_message_reference") or its tag ("0x1400")'
    choices = tuple(tlv.Tag.__members__)

    def inspect(self, text: str) -> None:
        try:
            tlv.tag_from_name(text)
        except ValueError:
            raise ValueError("is no optional parameter") from None


class TlvsNotation:
    """Optional parameters with their values: a table."""

    allowed = 'a table of tags with their values: { 0x1400 = "1201159", user_message_reference = "7" }'
    choices = ()

    def read(self, raw: object) -> object:
        """The table itself; ValueError says which entry cannot be meant."""
        if not isinstance(raw, dict):
            raise ValueError("is not a table")  # noqa: TRY004  pydantic turns ValueError, not TypeError, into a fault
        for name, value in raw.items():
            if not isinstance(value, str):
                raise ValueError(f"has no string for {name}")  # noqa: TRY004  as above
            try:
                tag, _octets = tlv.from_text(name, value)
            except ValueError as fault:
                raise ValueError(f"cannot be: {fault}") from None
            if tag in OURS:
                raise ValueError(f"cannot be: {name} is smscd's own to set")
        return raw

    def write(self, value: object) -> str:
        """Not asked for: a table is written as a table."""
        return str(value)


OURS = frozenset({
    tlv.Tag.message_payload, tlv.Tag.sar_msg_ref_num, tlv.Tag.sar_total_segments, tlv.Tag.sar_segment_seqnum,
    tlv.Tag.sc_interface_version, tlv.Tag.receipted_message_id, tlv.Tag.message_state,
})  # fmt: skip
"""What a configuration cannot add: it is part of the text, or says what only smscd knows."""
