"""How a configuration writes what belongs to SMPP."""

from __future__ import annotations

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
