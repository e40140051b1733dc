"""What waits for a connector that is away, or gone, goes another way if the rules know one."""

from __future__ import annotations

from heapq import heapify

import structlog

from smscd.journey import Journey
from smscd.message import MT, Message
from smscd.pdu import MessageState
from smscd.scheduler import Lane

log = structlog.get_logger("smscd.rerouting")

PAGE = 500
REJECTED = int(MessageState.REJECTED)


async def reroute_all(journey: Journey) -> int:
    """Look at every lane whose connector is not alive; how many messages found another way."""
    moved = 0
    for name in [name for name, lane in journey.scheduler.lanes.items() if lane.queued and _is_away(journey, name)]:
        count = await reroute(journey, name)
        if count:
            log.warning("rerouted", connector=name, messages=count)
        moved += count
    return moved


def _is_away(journey: Journey, name: str) -> bool:
    """Not configured; or not alive, while a rule that leads to it leads somewhere else as well."""
    if name.startswith("esme:"):
        return False
    if name not in journey.connectors:
        return True
    if journey.is_alive(name):
        return False
    rules = [rule for rule in journey.routes.rules if name in rule.connectors]
    return not rules or any(journey.is_alive(other) for rule in rules for other in rule.connectors)


async def reroute(journey: Journey, name: str) -> int:
    """Ask the rules again for everything that is queued for `name`, in memory and on disk, a page at a time."""
    lane = journey.scheduler.lane(name)
    moved = _from_memory(journey, lane)
    after = (-(1 << 62), 0)
    while True:
        with journey.scheduler.watching() as gone:
            page = await journey.store.queued(name, after, PAGE)
        if not page:
            return moved
        after = (page[-1].due, page[-1].id)
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
