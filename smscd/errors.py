"""The family of exceptions, drawn whole.

    SmscdError
    ├── PduError                 what a peer sent cannot be understood
    │   ├── UnframeablePdu       the frame itself is broken: nack and close, nothing after it can be trusted
    │   └── MalformedPdu         a sound frame with a bad body: answer with its status, the session lives on
    ├── TextError                characters and octets do not fit each other
    │   ├── Unencodable          a character is not in the alphabet asked for
    │   └── TextTooLong          more parts than a concatenated message may have, or octets than a message_payload
    ├── SessionError             our own side asked for something the protocol forbids now
    │   └── WindowFull           as many requests are unanswered as the window allows
    ├── StoreError
    │   ├── StoreFull            no room: refuse new work, go on with the old, try again later
    │   └── StoreBroken          a sync failed or the file is damaged: stop at once, recover at start
    ├── ConfigError              the file is wrong; carries every fault found in it, and what to try
    └── ControlError             a command to the running daemon cannot be carried out; carries what to try

Outcomes (a refusal, a receipt that says UNDELIVERABLE) are values, never exceptions.
"""

from __future__ import annotations


class SmscdError(Exception):
    """Whatever smscd itself raises."""


class PduError(SmscdError):
    """A peer's octets are not the PDU they claim to be."""


class UnframeablePdu(PduError):
    """`command_length` cannot be right: no later octet of this stream can be trusted."""

    def __init__(self, command_length: int, reason: str, sequence_number: int = 0) -> None:
        super().__init__(reason)
        self.command_length = command_length
        self.reason = reason
        self.sequence_number = sequence_number


class MalformedPdu(PduError):
    """A sound frame whose body breaks the specification; `command_status` is what the specification names for it."""

    def __init__(self, command_id: int, sequence_number: int, command_status: int, reason: str) -> None:
        super().__init__(reason)
        self.command_id = command_id
        self.sequence_number = sequence_number
        self.command_status = command_status
        self.reason = reason


class TextError(SmscdError):
    """Characters and octets do not fit each other."""


class Unencodable(TextError):
    """A character is not in the alphabet asked for."""


class TextTooLong(TextError):
    """More parts than a concatenated message may have (255)."""


class SessionError(SmscdError):
    """Our own side asked for something that SMPP forbids in this state."""


class WindowFull(SessionError):
    """As many of our requests are unanswered as the window allows."""


class StoreError(SmscdError):
    """The store did not do what was asked."""


class StoreFull(StoreError):
    """No room on the disk: the batch was rolled back whole."""


class StoreBroken(StoreError):
    """A sync failed or the file is damaged: whether the batch survived is unknown until the next start."""


class ConfigError(SmscdError):
    """The configuration cannot be used; `faults` holds one line per fault, `remedy` says what to try."""

    def __init__(self, faults: list[str], remedy: str = "mend the file; `smscd check FILE` shows all of it") -> None:
        super().__init__("\n".join(faults))
        self.faults = faults
        self.remedy = remedy


class ControlError(SmscdError):
    """A command to the running daemon failed; `remedy` says what to try."""

    def __init__(self, reason: str, remedy: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy
