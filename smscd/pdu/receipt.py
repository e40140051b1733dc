"""Delivery receipts: the text of SMPP 3.4 Appendix B, written strictly and read liberally.

`id:IIIIIIIIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:EEE text:...`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from smscd.pdu import tlv
from smscd.pdu.constants import (
    ESM_TYPE_INTERMEDIATE_NOTIFICATION,
    ESM_TYPE_MASK,
    ESM_TYPE_RECEIPT,
    MessageState,
)
from smscd.pdu.fields import Tlv
from smscd.pdu.times import TimeFormatError, absolute, full_year

TEXT_OCTETS: Final = 20
"""Appendix B: the first 20 characters of the short message."""

STAT_WORDS: Final[dict[MessageState, str]] = {
    MessageState.SCHEDULED: "SCHEDLD",
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
    MessageState.SKIPPED: "SKIPPED",
}
"""Appendix B table B-2. ENROUTE, SKIPPED and SCHEDLD are not in it: seven octets that peers use for those states."""

_STATES: Final[dict[str, MessageState]] = {
    **{word: state for state, word in STAT_WORDS.items()},
    **{state.name: state for state in MessageState},
    "DELIVERD": MessageState.DELIVERED,
    "DELIVED": MessageState.DELIVERED,
    "SUCCESS": MessageState.DELIVERED,
    "OK": MessageState.DELIVERED,
    "READ": MessageState.DELIVERED,
    "FAILED": MessageState.UNDELIVERABLE,
    "FAIL": MessageState.UNDELIVERABLE,
    "ERROR": MessageState.UNDELIVERABLE,
    "UNDELIVERED": MessageState.UNDELIVERABLE,
    "UNDELIVRD": MessageState.UNDELIVERABLE,
    "UNDLVRD": MessageState.UNDELIVERABLE,
    "SENT": MessageState.ENROUTE,
    "ACKED": MessageState.ENROUTE,
    "BUFFERED": MessageState.ENROUTE,
    "BUFFRED": MessageState.ENROUTE,
    "QUEUED": MessageState.ENROUTE,
    "PENDING": MessageState.ENROUTE,
    "CANCELED": MessageState.DELETED,
    "CANCELLED": MessageState.DELETED,
    "UNKNOWN": MessageState.UNKNOWN,
}
"""What peers write after `stat:`, in capitals."""


@dataclass(slots=True)
class Receipt:
    """What a receipt's text says. Dates are microseconds UTC, None where absent, zero or unreadable.

    `stat` and `err` are the words as they stood: err may be decimal, hexadecimal, longer than three, or `nul`.
    """

    message_id: bytes = b""
    sub: int | None = None
    dlvrd: int | None = None
    submit_date: int | None = None
    done_date: int | None = None
    stat: str = ""
    err: str = ""
    text: bytes = b""

    @property
    def message_state(self) -> MessageState:
        """The state that `stat` means; UNKNOWN for a word nobody told us."""
        return _STATES.get(self.stat.upper(), MessageState.UNKNOWN)


def receipt_stat(message_state: int) -> str:
    """The seven octets after `stat:` for a message_state; UNKNOWN for a number that is none."""
    try:
        return STAT_WORDS[MessageState(message_state)]
    except ValueError:
        return STAT_WORDS[MessageState.UNKNOWN]


def format_receipt(
    message_id: bytes,
    message_state: int,
    submit_date: int,
    done_date: int,
    *,
    err: int = 0,
    text: bytes = b"",
    sub: int = 1,
    dlvrd: int | None = None,
) -> bytes:
    """The short_message of a receipt: dates (microseconds UTC) as ten digits UTC, err as three, 20 octets of text.

    `dlvrd` is 1 for a delivered message unless given. Numbers beyond three digits are written as 999.
    """
    if dlvrd is None:
        dlvrd = 1 if message_state == MessageState.DELIVERED else 0
    return b"id:%b sub:%03d dlvrd:%03d submit date:%b done date:%b stat:%b err:%03d text:%b" % (
        message_id,
        min(sub, 999),
        min(dlvrd, 999),
        _ten_digits(submit_date),
        _ten_digits(done_date),
        receipt_stat(message_state).encode(),
        min(err, 999),
        text[:TEXT_OCTETS],
    )


def _ten_digits(moment: int) -> bytes:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)
    return b"%02d%02d%02d%02d%02d" % (when.year % 100, when.month, when.day, when.hour, when.minute)


# --- reading -----------------------------------------------------------------------------------------------------

_KEY: Final = re.compile(
    rb"(?:^|(?<=[\s,;|]))(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text):[ \t]*", re.IGNORECASE
)
_VALUE_END: Final = re.compile(rb"[\s,;|\0]|$")


def parse_receipt(octets: bytes) -> Receipt | None:
    """The receipt in a short_message, or None if it has no `id:` and `stat:`.

    Keys are found in any order and case, with unknown ones between them; `text:` takes the rest. Never raises.
    """
    found: dict[str, bytes] = {}
    for match in _KEY.finditer(octets):
        key = re.sub("[ _]", "", match[1].decode().lower())
        if key == "text":
            found.setdefault("text", octets[match.end() :])
            break
        end = _VALUE_END.search(octets, match.end())
        found.setdefault(key, octets[match.end() : end.start() if end is not None else len(octets)])
    if "stat" not in found or "id" not in found:
        return None
    return Receipt(
        message_id=found["id"],
        sub=_number(found.get("sub")),
        dlvrd=_number(found.get("dlvrd")),
        submit_date=_date(found.get("submitdate")),
        done_date=_date(found.get("donedate")),
        stat=found["stat"].decode("ascii", "backslashreplace"),
        err=found.get("err", b"").decode("ascii", "backslashreplace"),
        text=found.get("text", b""),
    )


def _number(digits: bytes | None) -> int | None:
    return int(digits) if digits and digits.isdigit() and len(digits) <= 9 else None


def _date(digits: bytes | None) -> int | None:
    """10 (minutes), 12 (seconds, or minutes with a four-digit year) or 14 digits; zeros and nonsense are None."""
    if not digits or not digits.isdigit() or not digits.strip(b"0"):
        return None
    long_year = len(digits) == 14 or (len(digits) == 12 and digits[:2] in {b"19", b"20"} and digits[4:6] <= b"12")
    if len(digits) not in {10, 12, 14}:
        return None
    year = int(digits[:4]) if long_year else full_year(int(digits[:2]))
    rest = digits[4 if long_year else 2 :].ljust(10, b"0")
    month, day, hour, minute, second = (int(rest[i : i + 2]) for i in range(0, 10, 2))
    try:
        return absolute(year, month, day, hour, minute, second)
    except TimeFormatError:
        return None


# A receipt without the flag that says so must look like one from its first octet: an `id:` at the start and a `stat:`.
_LOOKS_LIKE: Final = re.compile(rb"id:\S+ .{0,120}?\bstat:[A-Za-z]{2,}", re.IGNORECASE | re.DOTALL)


def is_receipt(esm_class: int, tlvs: Sequence[Tlv] = (), short_message: bytes = b"", *, sniff: bool = False) -> bool:
    """Whether a deliver_sm or data_sm reports on a message of ours: a receipt or an intermediate notification.

    The message type bits decide (3.4 §5.2.12). Where they say nothing, receipted_message_id together with
    message_state does; where those are missing too and `sniff` is set, the text.
    """
    message_type = esm_class & ESM_TYPE_MASK
    if message_type:
        return message_type in {ESM_TYPE_RECEIPT, ESM_TYPE_INTERMEDIATE_NOTIFICATION}
    if tlv.get(tlvs, tlv.Tag.receipted_message_id) is not None and tlv.get(tlvs, tlv.Tag.message_state) is not None:
        return True
    return sniff and _LOOKS_LIKE.match(short_message) is not None
