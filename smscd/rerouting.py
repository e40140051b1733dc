"""What waits for a connector that is away, or gone, goes another way if the rules know one."""

from __future__ import annotations

from heapq import heapify

import structlog

from smscd.clock import SECOND
from smscd.connectors import Upstream
from smscd.journey import Journey
from smscd.message import CLOSED, MT, SENT, Message, issued_at
from smscd.pdu import MessageState
from smscd.queueing import Look
from smscd.scheduler import Lane

log = structlog.get_logger("smscd.rerouting")

PAGE = 500
LOOK_AGAIN = 600.0
"""Seconds after which all that waits is looked at again, whatever has changed."""
REJECTED, UNKNOWN = int(MessageState.REJECTED), int(MessageState.UNKNOWN)


async def reroute_all(journey: Journey) -> int:
    """Look at every lane whose connector is not alive; how many messages found another way.

    What was found to have no other way is not read again before a rule, a connector or the hour has changed: a million
    messages may wait for a connector that is away, and only those that came since are looked at.
    """
    moved = 0
    for name in [name for name, lane in journey.scheduler.lanes.items() if lane.queued]:
        prospects = _prospects(journey, name)
        if prospects is None:
            journey.looked_at.pop(name, None)
            continue
        now = journey.clock.monotonic()
        look = journey.looked_at.get(name)
        if look is None or look.prospects != prospects or now - look.since >= LOOK_AGAIN:
            look = journey.looked_at[name] = Look(prospects, now)
        count = await reroute(journey, name, look)
        if count:
            log.warning("rerouted", connector=name, messages=count)
        moved += count
    return moved


def _prospects(journey: Journey, name: str) -> object | None:
    """Where else what waits for `name` might go; None if there is no need to look.

    It is needed if the connector is not configured, or not alive while rules that lead to it lead to a living one. What
    ESMEs wait for belongs to them, but a message that a route sends to an ESME may have another way too.
    """
    routes = journey.routes
    if journey.is_alive(name):
        return None
    if name.startswith("esme:") and name not in routes.alternatives:
        return None
    elsewhere = routes.alternatives.get(name)
    if elsewhere is None or name not in journey.connectors:
        elsewhere = frozenset(journey.connectors)
    living = frozenset(other for other in elsewhere if journey.is_alive(other))
    if name in journey.connectors and name in routes.alternatives and not living:
        return None
    return routes, living, frozenset(journey.connectors), routes.phase(journey.clock.wall())


async def reroute(journey: Journey, name: str, look: Look) -> int:
    """Ask the rules again for what is queued for `name`, in memory and on disk, a page at a time.

    On disk it begins after what `look` has come to.
    """
    lane = journey.scheduler.lane(name)
    moved = _from_memory(journey, lane)
    while True:
        with journey.scheduler.watching() as gone:
            page = await journey.store.queued(name, look.after, PAGE)
        if not page:
            return moved
        look.after = (page[-1].due, page[-1].id)
        for message in page:
            if message.id in journey.scheduler.owned or message.id in gone or message.kind != MT:
                continue
            journey.scheduler.own(message)
            refused = journey.reroute(message)
            if refused is not None:
                _put(journey, lane, message, refused)
                moved += 1
            else:
                journey.scheduler.release(message)
        await journey.store.committed()


async def without_receipt(journey: Journey) -> int:
    """End, or send another way, what an upstream took over longer ago than its receipts may take. How many messages."""
    now, given_up = journey.clock.wall(), 0
    for connector in list(journey.connectors.values()):
        if isinstance(connector, Upstream) and (within := connector.settings.receipt_within):
            given_up += await _overdue(journey, connector, now - int(within * SECOND))
    return given_up


async def _overdue(journey: Journey, connector: Upstream, before: int) -> int:
    """Walk through what waits for a receipt of `connector`, the oldest first, as far as it can be overdue."""
    after = given_up = 0
    while True:
        with journey.scheduler.watching() as gone:
            page = await journey.store.leased(connector.name, after, PAGE)
        for message in page:
            if message.id not in journey.scheduler.owned and message.id not in gone and _is_overdue(message, before):
                journey.scheduler.own(message)
                _give_up(journey, connector, message)
                given_up += 1
        await journey.store.committed()
        if len(page) < PAGE or issued_at(page[-1].id) >= before:
            return given_up
        after = page[-1].id


def _is_overdue(message: Message, before: int) -> bool:
    waiting = [part for part in message.parts if part.stage == SENT]
    return bool(waiting) and max(part.changed_at for part in waiting) < before and message.kind == MT


def _give_up(journey: Journey, connector: Upstream, message: Message) -> None:
    """Memory owns `message`. It leaves the upstream only whole: what has been reported of it stays reported."""
    log.warning("no receipt", message_id=message.message_id, connector=connector.name)
    refused = None
    if connector.settings.no_receipt == "next" and not any(part.stage == CLOSED for part in message.parts):
        refused = journey.reroute(message, leaving=True)
    if refused is None:
        journey.close(message, UNKNOWN, 0)
    elif refused:
        journey.close(message, REJECTED, refused)
    else:
        log.info("rerouted", message_id=message.message_id, connector=message.connector)
        message.due = journey.clock.wall()
        journey.requeue(message)


def _from_memory(journey: Journey, lane: Lane) -> int:
    waiting, lane.ready = lane.ready, []
    moved = 0
    for entry in waiting:
        message = entry[2]
        refused = journey.reroute(message) if message.kind == MT else None
        if refused is not None:
            _put(journey, lane, message, refused)
            moved += 1
        else:
            lane.ready.append(entry)
    heapify(lane.ready)
    return moved


def _put(journey: Journey, lane: Lane, message: Message, refused: int) -> None:
    """Out of `lane` and into that of its new connector, if that lets it in; else it is rejected."""
    lane.queued -= 1
    journey.queued -= 1
    if refused:
        journey.close(message, REJECTED, refused)
    else:
        journey.requeue(message)
