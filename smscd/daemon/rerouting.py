"""What waits for a connector that was removed from the file takes the route it would take if it came in now."""

from __future__ import annotations

import structlog

from smscd.ancillary import Ancillary
from smscd.journey import NOBODY, Journey
from smscd.message import MT, Message, text_of
from smscd.pdu import MessageState

log = structlog.get_logger("smscd.daemon")

PAGE = 500
"""Messages per commit: a few milliseconds of the loop."""
PATIENCE = 2_000
"""Messages without a route that are passed over in search of one that has one."""
ANY_TIME = (1 << 63) - 1
"""Later than every due time: what is scheduled is routed again too."""


async def reroute(journey: Journey, ancillary: Ancillary) -> int:
    """Look at every lane that has no connector any more. How many messages found another way.

    What waits for an account that was removed stays: nobody else may have it (CONTRACT, "Reload").
    """
    deserted = [
        name for name, lane in journey.scheduler.lanes.items()
        if lane.queued and name not in journey.connectors and name != NOBODY and not name.startswith("esme:")
    ]  # fmt: skip
    return sum([await _empty(journey, ancillary, name) for name in deserted])


async def _empty(journey: Journey, ancillary: Ancillary, name: str) -> int:
    moved = 0
    stranded: set[int] = set()  # no route takes these
    while len(stranded) < PATIENCE:
        with journey.scheduler.watching() as gone:
            found = await journey.store.due(name, ANY_TIME, PAGE + len(stranded))
        fresh = [message for message in found if message.id not in stranded]
        for one in fresh:
            connector = _way_of(journey, one)
            claimed = ancillary.claim(one, gone) if connector is not None else None
            if connector is None or claimed is None:
                stranded.add(one.id)
            else:
                _move(journey, claimed, connector)
                moved += 1
        await journey.store.committed()
        if not fresh:
            break
    if moved:
        log.info("routed again", connector=name, messages=moved)
    return moved


def _way_of(journey: Journey, message: Message) -> str | None:
    content, esme = message.content, journey.esmes.get(message.system_id)
    alphabet = esme.settings.default_alphabet if esme is not None else "gsm7"
    rule = journey.routes.resolve(
        message.system_id, content.source_addr, content.destination_addr, lambda: text_of(content, alphabet)
    )
    return rule.choose() if rule is not None and message.kind == MT else None


def _move(journey: Journey, message: Message, connector: str) -> None:
    """Into the lane of `connector`, if that lets it in; else it ends as a message that was refused later would."""
    journey.scheduler.move(message, connector)
    message.parts = []
    status = journey.connectors[connector].screen(message)
    if status:
        journey.close(message, int(MessageState.REJECTED), status)
    else:
        journey.requeue(message)
