"""What a line from a modem is: a final result, an echo, a head that announces a PDU, a sign of a restart. Pure.

Lines are Latin-1, without their CR and LF (3GPP TS 27.005, 27.007; ITU-T V.250).
"""

from __future__ import annotations

from string import hexdigits
from typing import Final

OK: Final = "OK"
ERROR: Final = "ERROR"
TIMEOUT: Final = "TIMEOUT"
"""Our own word for no final result in time."""
GONE: Final = "GONE"
"""Our own word for a port that was closed, or a modem that started anew, before the final result."""

_FINALS: Final = frozenset({
    OK, ERROR, "NO CARRIER", "ABORTED", "COMMAND NOT SUPPORT", "NO ANSWER", "NO DIALTONE", "BUSY",
    "TOO MANY PARAMETERS",
})  # fmt: skip
_ERRORS: Final = ("+CME ERROR", "+CMS ERROR")

HEADS: Final = ("+CMT:", "+CDS:", "+CBM:")
"""Unsolicited lines that are followed by a PDU on a line of its own."""

_NEVER_A_REPLY: Final = (
    "+CMTI:", "+CDSI:", "+CBMI:", "+CUSD:", "+CRING", "RING", "+CLIP:", "+CIEV:", "+CTZV:", "+CTZE:", "+CTZDST:",
    "+QIND:", "+QUSIM:", "+WIND:", "+PSUTTZ:", "*PSUTTZ:", "+CGEV:", "+NITZ:", "DST:", "+DTMF:", "OVER-VOLTAGE",
    "UNDER-VOLTAGE", *HEADS,
)  # fmt: skip
"""What no command of ours is answered with, whatever lines it may be answered with."""

_STARTED: Final = frozenset({"RDY", "START", "^SYSSTART", "MODEM:STARTUP", "+CFUN: 1"})
_READY: Final = frozenset({"CALL READY", "SMS READY", "+PBREADY", "PB DONE", "SMS DONE", "+CPIN: READY"})


def is_final(line: str) -> bool:
    """Whether `line` ends a response, well or badly."""
    return line in _FINALS or line.startswith(_ERRORS)


def is_unsolicited(line: str) -> bool:
    """Whether `line` can never be part of a response: vendors' own chatter begins with ^ or #."""
    return line.startswith(_NEVER_A_REPLY) or line[:1] in {"^", "#", "*", "$", "%"}


def has_started(line: str) -> bool:
    """Whether `line` says that the modem has just started: whatever it was told before is forgotten."""
    return line in _STARTED


def has_become_ready(line: str) -> bool:
    """Whether `line` is what modems say some seconds after a start."""
    return line.upper() in _READY


def is_hex(line: str) -> bool:
    """Whether `line` can be a PDU: whole octets in hexadecimal."""
    return len(line) % 2 == 0 and bool(line) and not line.strip(hexdigits)


def announced(head: str) -> int | None:
    """Octets of TPDU that the head of a PDU announces: its last field (27.005 §3.4.1, §4.1, §4.2)."""
    last = head.replace(":", ",").rpartition(",")[2].strip()
    return number(last)


MOST_DIGITS: Final = 9
"""Of a number that a modem says; what has more is noise."""


def number(text: str) -> int | None:
    """The number that `text` is, None if it is none: for Python a superscript two is a digit as well."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= MOST_DIGITS else None


def fits(pdu: str, length: int | None) -> bool:
    """Whether `pdu` has a TPDU of `length` octets: behind a service centre address, or without one."""
    if not is_hex(pdu):
        return False
    octets = len(pdu) // 2
    return length is None or octets == length or octets - 1 - int(pdu[:2], 16) == length


def without_echo(line: str, sent: str) -> str:
    """What is left of `line` without the command `sent`, which some modems repeat, once or several times."""
    while sent and line.endswith(sent):
        line = line[: -len(sent)]
    return line.rstrip("\r ")


def fields(line: str) -> list[str]:
    """The fields behind the colon of `line`, without quotes; commas inside quotes belong to their field."""
    found, field, quoted = [], "", False
    for character in line.partition(":")[2]:
        if character == '"':
            quoted = not quoted
        elif character == "," and not quoted:
            found.append(field.strip())
            field = ""
        else:
            field += character
    return [*found, field.strip()]
