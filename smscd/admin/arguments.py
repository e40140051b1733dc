"""What a command was given, read with suspicion: whatever JSON can say, a fault is told in words (ControlError)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from smscd.clock import SECOND
from smscd.errors import ControlError
from smscd.pdu import MAX_ADDRESS

LONGEST_TEXT = 255 * 153
"""Characters of a concatenated message (3GPP TS 23.040 §9.2.3.24.1): nothing longer is worth cutting up."""


def optional(arguments: Mapping[str, Any], name: str) -> str | None:
    """A text, None if it is not there or empty."""
    value = arguments.get(name)
    if value is None or value == "":
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        raise ControlError(f"{name} is not a text", f"{name} as a string")
    try:
        value.encode()
    except UnicodeEncodeError:  # JSON can say half a surrogate pair, and nothing else can
        raise ControlError(f"{name} holds a character that does not exist", f"{name} in UTF-8") from None
    return value


def required(arguments: Mapping[str, Any], name: str) -> str:
    """A text that has to be there."""
    value = optional(arguments, name)
    if value is None:
        raise ControlError(f"{name} is missing", f"give {name}")
    return value


def address(arguments: Mapping[str, Any], name: str) -> str:
    """An address as a deliver_sm can carry it."""
    value = required(arguments, name)
    if len(value) > MAX_ADDRESS or "\0" in value or any(ord(character) > 0xFF for character in value):
        raise ControlError(f"{name} is no address", f"at most {MAX_ADDRESS} characters of Latin-1 for {name}")
    return value


def characters(arguments: Mapping[str, Any], name: str) -> str:
    """The text of a message."""
    value = optional(arguments, name) or ""
    if len(value) > LONGEST_TEXT:
        raise ControlError(f"{name} has {len(value)} characters", f"at most {LONGEST_TEXT}")
    return value


def moment(arguments: Mapping[str, Any], name: str) -> int | None:
    """A time in ISO 8601, UTC where it says nothing else, as microseconds UTC; None if it is not there."""
    value = optional(arguments, name)
    if value is None:
        return None
    try:
        when = datetime.fromisoformat(value)
        return round((when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp() * SECOND)
    except (ValueError, OverflowError, OSError):
        raise ControlError(f"{name} is no time: {value!r}", f'{name} as in "2026-11-21T18:30"') from None


def count(arguments: Mapping[str, Any], name: str, default: int, most: int) -> int:
    """A number from 1 to `most`; more counts as `most`."""
    value = arguments.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ControlError(f"{name} is no number from 1 to {most}", f"{name} = {default}")
    return min(value, most)
