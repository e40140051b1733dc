"""What waits for a connector that is away, or gone, goes another way if the rules know one."""

from __future__ import annotations

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
AT_LEISURE = 2
"""Pages that one look reads while nobody is alive who could take what it finds: a start has better things to do."""
CROWDED = 1000
"""Messages that wait for another connector when no more are brought there for now: what comes in for it later has to
wait behind these, and not behind a million."""
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
        look = _look(journey, name)
        if look is None:
            continue
        count = await reroute(journey, name, look)
        if count:
            log.warning("rerouted", connector=name, messages=count)
        moved += count
    return moved


def _look(journey: Journey, name: str) -> Look | None:
    """From where to search what waits for `name`; None if there is no need to.

    It is needed once under the rules of today, because these may lead it away, and then whenever one more connector is
    alive that the rules for `name` lead to as well. What ESMEs wait for belongs to them, but a message that a route
    sends to an ESME may have another way too.
    """
    routes = journey.routes
    if journey.is_alive(name) or (name.startswith("esme:") and name not in routes.alternatives):
        journey.looked_at.pop(name, None)
        return None
    elsewhere = routes.alternatives.get(name, frozenset(journey.connectors))
    living = frozenset(other for other in elsewhere if journey.is_alive(other))
    laws = (routes, frozenset(journey.connectors), routes.phase(journey.clock.wall()))
    now = journey.clock.monotonic()
    look = journey.looked_at.get(name)
    if look is None or look.laws != laws or living - look.living or (living and now - look.since >= LOOK_AGAIN):
        look = journey.looked_at[name] = Look(laws, living, now)
        return look
    look.living = living
    return look if living or not look.done else None


async def reroute(journey: Journey, name: str, look: Look) -> int:
    """Ask the rules again for what is queued for `name`, in memory and on disk, a page at a time.

    On disk it begins after what `look` has come to, and goes on at the next one where nothing presses, or where the
    others have enough: their own messages come in behind these.
    """
    pages, enough = 0, False
    lane = journey.scheduler.lane(name)
    await journey.store.committed()  # what has just been put back must be found: it may be due before what is there
    moved = _from_memory(journey, lane)
    while True:
        with journey.scheduler.watching() as gone:
            page = await journey.store.queued(name, look.after, PAGE)
        pages += 1
        look.done = not page
        if not page or (pages > AT_LEISURE and not look.living):
            return moved + _from_memory(journey, lane)  # what came into the window meanwhile
        look.after = (page[-1].due, page[-1].id)
        for message in page:
            if message.id in journey.scheduler.owned or message.id in gone or message.kind != MT:
                continue
            journey.scheduler.own(message)
            refused = journey.reroute(message)
            if refused is not None:
                _put(journey, lane, message, refused)
                moved += 1
                enough = enough or journey.scheduler.lane(message.connector).queued >= CROWDED
            else:
                journey.scheduler.release(message)
        await journey.store.committed()
        if enough:
            return moved


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
    oldest = await journey.store.leased(connector.name, 0, 1)
    if not oldest or issued_at(oldest[0].id) >= before:  # as nearly always: nothing else is read
        return 0
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
    return moved


def _put(journey: Journey, lane: Lane, message: Message, refused: int) -> None:
    """Out of `lane` and into that of its new connector, if that lets it in; else it is rejected.

    There it is as urgent as what comes in now, and not older than all of it: a million may come with it.
    """
    urgency = max(0, message.accepted_at - message.due)
    message.due = max(message.due, journey.clock.wall() - urgency)
    lane.queued -= 1
    journey.queued -= 1
    if refused:
        journey.close(message, REJECTED, refused)
    else:
        journey.requeue(message)
