"""After a start: what was under way when the last process ended."""

from __future__ import annotations

import structlog

from smscd.clock import SECOND
from smscd.interception import REASSEMBLY
from smscd.journey import Journey
from smscd.message import InDoubt, Message, Stage, first_id, issued_at
from smscd.pdu import MessageState
from smscd.queueing import JOINED
from smscd.scheduler import CLOCK_STEP
from smscd.store import LaneState, Recovered

log = structlog.get_logger("smscd.daemon")

PAGE = 1000


async def recover(journey: Journey, recovered: Recovered) -> None:
    """Make every stored fact somebody's business again: a connector's, a lane's, or the operator's."""
    leased = [name for name in recovered.leased if name != JOINED]  # `gathering` knows whom these follow
    stored = [name for name in leased if _stores_lease(journey, name)]
    for name in set(leased) - set(stored):
        await journey.store.requeue_leases(name)
    await _wait_for_parts(journey, recovered.highest_id)
    # counted before anything moves: whatever is taken up or forwarded from now on counts itself
    states = await _queued(journey, recovered.highest_id)
    journey.queued = sum(state.queued for state in states)
    journey.scheduler.recover(states)
    for name in stored:
        connector = journey.connectors.get(name)
        await _doubt(journey, name)
        if connector is None or not connector.provider:  # what a provider answered waits in the store for its receipt
            await take_up(journey, name)
    for state in states:
        if state.connector not in journey.connectors:
            log.warning("messages wait for a connector that is not configured", connector=state.connector,
                        queued=state.queued)  # fmt: skip


def _stores_lease(journey: Journey, name: str) -> bool:
    connector = journey.connectors.get(name)
    return connector.stores_lease if connector is not None else not name.startswith("esme:")


async def _wait_for_parts(journey: Journey, highest_id: int) -> None:
    """Parts of MO that came shortly before: one that completes them may still come."""
    after = (
        first_id(journey.clock.wall() - int(max(REASSEMBLY, journey.retry.reassembly) * SECOND)) if highest_id else 0
    )
    while page := await journey.store.arrived(after, PAGE) if highest_id else []:
        after = page[-1].id
        journey.interception.take_up(page)
        journey.take_up_parts(page)


async def _queued(journey: Journey, highest_id: int) -> list[LaneState]:
    """What waits for each connector; a message from the future says by how much the wall clock has been set back."""
    states = await journey.store.queued_for_each()
    now = journey.clock.wall()
    back = issued_at(highest_id) - now
    if back <= CLOCK_STEP:
        return states
    log.warning("the wall clock was set back while smscd was not running", seconds=back / SECOND)
    for state in states:
        await journey.store.set_back(state.connector, back, now)
    return await journey.store.queued_for_each()


async def _doubt(journey: Journey, name: str) -> None:
    """What left for a provider and has no outcome: named, one by one, and decided about."""
    after = doubtful = 0
    while page := await journey.store.undecided(name, after, PAGE):
        after = page[-1].id
        for message in page:
            journey.scheduler.own(message)
            for part in message.parts:
                if part.provider and part.stage == Stage.LEASED:
                    part.stage, part.doubts = int(Stage.IN_DOUBT), part.doubts + 1
            message.attempts += 1
            _decide(journey, message)
            log.warning("in doubt", message_id=message.message_id, connector=name,
                        policy=InDoubt(message.in_doubt).name.lower())  # fmt: skip
        doubtful += len(page)
        await journey.store.committed()
    if doubtful:
        log.info("recovered", connector=name, in_doubt=doubtful)


async def take_up(journey: Journey, name: str) -> None:
    """Find somebody for whatever was given to the connector `name` by a process, or a connector, that is no more.

    What a connector that is not configured had taken over stays as it is: it must not be sent twice.
    """
    connector = journey.connectors.get(name)
    after = 0
    resumed = doubtful = 0
    while True:
        with journey.scheduler.watching() as gone:
            page = await journey.store.leased(name, after, PAGE)
        if not page:
            break
        after = page[-1].id
        for message in page:
            if message.id in gone or message.id in journey.scheduler.owned:
                continue
            if any(part.is_with_provider for part in message.parts):
                continue
            # a lease without parts was given to an emulated network without rules, which takes whatever is leased to it
            taken_over = message.lease_until > 0 and all(part.upstream_message_id for part in message.parts)
            if taken_over and connector is None:
                continue
            journey.scheduler.own(message)
            message.attempts += 1
            if taken_over and connector is not None:
                journey.scheduler.lane(name).in_flight += 1
                connector.resume(message)
                resumed += 1
            else:
                doubtful += 1
                _decide(journey, message)
        await journey.store.committed()
    log.info("recovered", connector=name, resumed=resumed, in_doubt=doubtful)


def _decide(journey: Journey, message: Message) -> None:
    """Leased without an outcome: it may have left. The policy stored with the message says what to do."""
    journey.counters.connector(message.connector).in_doubt += 1
    journey.store.batch.all_parts(message)
    if message.in_doubt == InDoubt.RESEND:
        message.due = min(message.due, journey.clock.wall())
        journey.requeue(message)
    elif message.in_doubt == InDoubt.FAIL:
        journey.close(message, int(MessageState.UNKNOWN), 0)
    else:
        journey.hold(message)


def horizon(now: int) -> int:
    """Before this moment a message's validity must have ended for its missing final state to be given up: 72 hours."""
    return now - 72 * 3600 * SECOND
