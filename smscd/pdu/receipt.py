"""Delivery receipts: the text of SMPP 3.4 Appendix B, written strictly and read liberally.

`id:IIIIIIIIII sub:SSS dlvrd:DDD submit date:YYMMDDhhmm done date:YYMMDDhhmm stat:DDDDDDD err:EEE text:...`
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

from smscd.pdu import tlv
from smscd.pdu.constants import (
    ESM_TYPE_CONVERSATION_ABORT,
    ESM_TYPE_DELIVERY_ACKNOWLEDGEMENT,
    ESM_TYPE_INTERMEDIATE_NOTIFICATION,
    ESM_TYPE_MASK,
    ESM_TYPE_RECEIPT,
    ESM_TYPE_USER_ACKNOWLEDGEMENT,
    MessageState,
)
from smscd.pdu.fields import Tlv
from smscd.pdu.times import TimeFormatError, absolute, full_year

MINUTE: Final = 60_000_000
"""One minute of stored time, in microseconds."""

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

_STAT_OCTETS: Final = {int(state): word.encode() for state, word in STAT_WORDS.items()}
_DELIVERED: Final = int(MessageState.DELIVERED)

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
}
"""What peers write after `stat:`, in capitals."""
STATE_OF: Final = {word.encode(): int(state) for word, state in _STATES.items()}


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
    return _STAT_OCTETS.get(message_state, b"UNKNOWN").decode()


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
        dlvrd = 1 if message_state == _DELIVERED else 0
    return b"id:%b sub:%03d dlvrd:%03d submit date:%b done date:%b stat:%b err:%03d text:%b" % (
        message_id,
        sub if sub < 1000 else 999,
        dlvrd if dlvrd < 1000 else 999,
        ten_digits(submit_date),
        ten_digits(done_date),
        _STAT_OCTETS.get(message_state, b"UNKNOWN"),
        err if err < 1000 else 999,
        text[:TEXT_OCTETS],
    )


def receipt_form(message_state: int, done_date: int) -> bytes:
    """What `format_receipt` writes for messages of one part that ended alike and without an error.

    message_id, `ten_digits(submit_date)` and the text are to be filled in with `%`.
    """
    return b"id:%%b sub:001 dlvrd:00%d submit date:%%b done date:%b stat:%b err:000 text:%%b" % (
        message_state == _DELIVERED,
        ten_digits(done_date),
        _STAT_OCTETS.get(message_state, b"UNKNOWN"),
    )


@lru_cache(maxsize=1024)
def ten_digits(date: int) -> bytes:
    """A date (microseconds UTC) as it stands in a receipt. What came in together did so at the same microsecond."""
    return _of_minute(date // MINUTE)


@lru_cache(maxsize=1024)
def _of_minute(minute: int) -> bytes:
    when = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=minute)
    return b"%02d%02d%02d%02d%02d" % (when.year % 100, when.month, when.day, when.hour, when.minute)


# --- reading -----------------------------------------------------------------------------------------------------

AS_PRINTED: Final = re.compile(
    rb"id:([^\s,;|\0]++) sub:(\d{1,9}) dlvrd:(\d{1,9}) submit date:(\d++) done date:(\d++)"
    rb" stat:(\w++) err:(\w++) [Tt]ext:[ \t]*+",
)
"""The line as Appendix B prints it: what most peers send, read in one go."""

_KEY: Final = re.compile(
    rb"(?:^|(?<=[\s,;|]))(id|sub|dlvrd|submit[ _]?date|done[ _]?date|stat|err|text):[ \t]*+", re.IGNORECASE
)
_VALUE: Final = re.compile(rb"[^\s,;|\0]*+")


def outline(octets: bytes) -> tuple[bytes, int, str] | None:
    """The message_id, the message_state and the `err` of `parse_receipt`, for who does not ask when and how often."""
    match = AS_PRINTED.match(octets)
    if match is not None:
        message_id, stat, err = match.group(1, 6, 7)
        state = STATE_OF.get(stat)
        if state is not None:
            return message_id, state, err.decode()
    receipt = parse_receipt(octets)
    return None if receipt is None else (receipt.message_id, int(receipt.message_state), receipt.err)


def parse_receipt(octets: bytes) -> Receipt | None:
    """The receipt in a short_message, or None if it has no `id:` or nothing to report (neither stat, err nor a date).

    Keys are found in any order and case, with unknown ones between them; `text:` takes the rest. Never raises.
    """
    match = AS_PRINTED.match(octets)
    if match is not None:
        message_id, sub, dlvrd, submit_date, done_date, stat, err = match.groups()
        return Receipt(
            message_id,
            int(sub),
            int(dlvrd),
            _date(submit_date),
            _date(done_date),
            stat.decode(),
            err.decode(),
            octets[match.end() :],
        )
    found = _scan(octets, text_takes_rest=True)
    if "id" not in found:
        found = _scan(octets, text_takes_rest=False)
    if not found.get("id") or not found.keys() & {"stat", "err", "donedate"}:
        return None
    return Receipt(
        found["id"],
        _number(found.get("sub", b"")),
        _number(found.get("dlvrd", b"")),
        _date(found.get("submitdate", b"")),
        _date(found.get("donedate", b"")),
        found.get("stat", b"").decode("ascii", "backslashreplace"),
        found.get("err", b"").decode("ascii", "backslashreplace"),
        found.get("text", b""),
    )


def _scan(octets: bytes, *, text_takes_rest: bool) -> dict[str, bytes]:
    """The first value of every key; a value ends at a separator, and before the next key where it is missing."""
    found: dict[str, bytes] = {}
    matches = list(_KEY.finditer(octets))
    ends = [match.start() for match in matches] + [len(octets)]
    for match, end in zip(matches, ends[1:], strict=True):
        key = match[1].decode().lower().replace(" ", "").replace("_", "")
        if key == "text":
            found.setdefault(key, octets[match.end() :] if text_takes_rest else octets[match.end() : end].rstrip())
            if text_takes_rest:
                break
            continue
        value = _VALUE.match(octets, match.end(), end)
        found.setdefault(key, value[0] if value is not None else b"")
    return found


def _number(digits: bytes) -> int | None:
    return int(digits) if digits.isdigit() and len(digits) <= 9 else None


def _date(digits: bytes) -> int | None:
    """10 digits (minutes), 12 (seconds, or a four-digit year and minutes) or 14; zeros and nonsense are None."""
    return _date_of(digits) if len(digits) in {10, 12, 14} and digits.isdigit() else None


@lru_cache(maxsize=4096)
def _date_of(digits: bytes) -> int | None:
    """Twelve digits are first tried as YYMMDDhhmmss: no YYYYMMDDhhmm after 2012 can be taken for that."""
    if len(digits) < 14:
        moment = _calendar(full_year(int(digits[:2])), digits[2:])
        if moment is not None or len(digits) == 10:
            return moment
    return _calendar(int(digits[:4]), digits[4:])


def _calendar(year: int, rest: bytes) -> int | None:
    padded = rest.ljust(10, b"0")
    month, day, hour, minute, second = (int(padded[i : i + 2]) for i in range(0, 10, 2))
    try:
        return absolute(year, month, day, hour, minute, second)
    except TimeFormatError:
        return None


# A receipt without the flag that says so must look like one from its first octet: an `id:` at the start and a `stat:`.
_LOOKS_LIKE: Final = re.compile(rb"id:\S++ .{0,120}?\bstat:[A-Za-z]{2,}", re.IGNORECASE | re.DOTALL)


_WRITTEN_BY_PEOPLE: Final = frozenset(
    {ESM_TYPE_DELIVERY_ACKNOWLEDGEMENT, ESM_TYPE_USER_ACKNOWLEDGEMENT, ESM_TYPE_CONVERSATION_ABORT}
)
"""Message types that come from the recipient, not from a message centre."""


def is_receipt(esm_class: int, tlvs: Sequence[Tlv] = (), short_message: bytes = b"", *, sniff: bool = False) -> bool:
    """Whether a deliver_sm or data_sm reports on a message of ours: a receipt or an intermediate notification.

    The message type bits decide (3.4 §5.2.12). Where they say nothing, or something reserved, receipted_message_id
    together with message_state does; where those are missing too and `sniff` is set, the text.
    """
    message_type = esm_class & ESM_TYPE_MASK
    if message_type in {ESM_TYPE_RECEIPT, ESM_TYPE_INTERMEDIATE_NOTIFICATION}:
        return True
    if message_type in _WRITTEN_BY_PEOPLE:
        return False
    if tlv.get(tlvs, tlv.Tag.receipted_message_id) is not None and tlv.get(tlvs, tlv.Tag.message_state) is not None:
        return True
    return sniff and _LOOKS_LIKE.match(short_message) is not None
