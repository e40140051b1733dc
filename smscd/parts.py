"""The parts of a message on their way through one connector: leased together, coming back one by one. Pure.

A part that a provider has taken over is never sent again, whatever becomes of the others.
"""

from __future__ import annotations

from typing import assert_never

from smscd.message import (
    CLOSED,
    DEAD,
    IN_DOUBT,
    LEASED,
    QUEUED,
    SENT,
    Accepted,
    Deferred,
    Delivered,
    Message,
    Outcome,
    Part,
    Rejected,
    Unanswered,
)  # fmt: skip

_SEVERITY = (Accepted, Delivered, Deferred, Unanswered, Rejected)
"""Of several parts the worst outcome decides about the message."""


def lease(message: Message, connector: str, provider: str, count: int, now: int) -> list[Part]:
    """Lease what `connector` is to send of a message that it sends as `count` parts; the parts that changed."""
    for number in range(len(message.parts) + 1, count + 1):
        message.parts.append(Part(message.id, number, connector, attempt=0))
    leased = [part for part in message.parts if not part.is_with_provider]
    for part in leased:
        part.stage = LEASED if part.number <= count else DEAD  # another connector needed more of them
        part.connector, part.provider, part.attempt = connector, provider, part.attempt + 1
        part.owner, part.lease_until, part.changed_at = message.owner, message.lease_until, now
    return leased


def unlease(message: Message) -> None:
    """What no provider has waits again."""
    for part in message.parts:
        if part.stage != DEAD and not part.is_with_provider:
            part.stage = QUEUED


def withdraw(message: Message) -> None:
    """The message takes another way: nothing of it has left by this one."""
    for part in message.parts:
        part.stage, part.provider, part.upstream_message_id, part.upstream_key = DEAD, "", "", ""


def note(part: Part, outcome: Outcome, now: int) -> None:
    """Write down on a part what its provider did with it."""
    match outcome:
        case Accepted(upstream_message_id, upstream_key):
            part.stage, part.command_status = SENT, 0
            part.upstream_message_id, part.upstream_key = upstream_message_id, upstream_key
        case Rejected() | Deferred():
            part.stage, part.command_status = QUEUED, outcome.command_status
        case Unanswered():
            part.stage, part.doubts = IN_DOUBT, part.doubts + 1
        case Delivered():
            raise AssertionError("a provider delivers by receipt")
        case _:
            assert_never(outcome)
    part.changed_at = now


def fold(message: Message, outcome: Outcome) -> Outcome | None:
    """The worst outcome of all parts once none is out any more; None while one is."""
    if message.worst is None or _SEVERITY.index(type(outcome)) > _SEVERITY.index(type(message.worst)):
        message.worst = outcome
    if any(part.stage == LEASED for part in message.parts):
        return None
    folded, message.worst = message.worst, None
    return folded


def final_states(message: Message) -> list[int] | None:
    """The message_states that its provider reported, one per part; None while one is missing."""
    live = [part for part in message.parts if part.stage != DEAD]
    if not live or any(part.stage != CLOSED for part in live):
        return None
    return [part.message_state for part in live]


def error_code(message: Message) -> int:
    """The error code of the part that failed, if any did."""
    return max(part.error_code for part in message.parts)
