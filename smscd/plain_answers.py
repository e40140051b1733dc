"""The plain answer, many at once: a provider has taken these, each in one part, as nearly every submit_sm_resp says."""

from __future__ import annotations

from collections.abc import Callable

from smscd import pdu
from smscd.message import SENT, Message
from smscd.queueing import Queueing

CloseAll = Callable[[list[Message], int, int, int], None]
"""Closes messages with this message_state and error code, at this time in microseconds."""

MANY = 8
"""Answers of one read from which on more messages are sure to follow."""
ACCEPTED = int(pdu.MessageState.ACCEPTED)


def accepted_all(queueing: Queueing, close_all: CloseAll, accepted: list[tuple[Message, str, str]]) -> None:
    """As `Journey.outcome` with `Accepted` does for one: message, upstream_message_id and upstream_key of each.

    Who asked for a receipt waits for it, in the store; of the others nothing more will be heard. Many are written with
    the next commit that somebody waits for: what leaves by the credit that they have given back is leased in the same
    one or a later one, so after a crash there are never more in doubt than the window holds. Few are written at once.
    """
    now, batch, name = queueing.clock.wall(), queueing.store.batch, accepted[0][0].connector
    queueing.counters.connector(name).outcomes["accepted"] += len(accepted)
    queueing.scheduler.lane(name).in_flight -= len(accepted)
    waiting: list[Message] = []
    over: list[Message] = []
    for message, upstream_message_id, upstream_key in accepted:
        part = message.parts[0]
        part.stage, part.command_status, part.changed_at = SENT, 0, now
        part.upstream_message_id, part.upstream_key = upstream_message_id, upstream_key
        message.attempts += 1
        batch.part(part)
        (waiting if message.content.registered_delivery & pdu.REGISTERED_RECEIPT_MASK else over).append(message)
    queueing.on_sent_all(waiting + over)
    batch.attempt_all([message for message in waiting if not message.provider])  # of the others the lease has told it
    batch.then_all_of(waiting, queueing.then_release)
    close_all(over, ACCEPTED, 0, now)
    if len(accepted) < MANY:
        queueing.store.wake()
    else:
        queueing.store.wake_later()
