"""Long messages that their ESMEs have cut, for an upstream that wants them in one piece.

    gather    a part is accepted and answered like any message, but due only when the waiting is over: after a crash, or
              where the rest never comes, it leaves as it was cut, and nothing has to remember it
    join      once the last part is there a message of our own is stored, the *whole*, and in the same commit the parts
              follow it: leased to `JOINED`, its number in their group_id. From then on the whole is what waits, leaves,
              is in doubt, takes another way or is cancelled
    follow    the whole has its final state: each of its parts gets the same, and the receipt that it asked for

A crash between two of these is the same as a pause: a start finds the parts that wait, and those whose whole has ended.
Nothing is decided by what memory believes of a stored part: it is read again and claimed, or the set is not joined.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import cast

import structlog

from smscd import pdu
from smscd.ancillary import Ancillary
from smscd.clock import SECOND
from smscd.connectors import Connector
from smscd.errands import Errands, Together, portions
from smscd.errors import TextTooLong
from smscd.interception import fragment_of
from smscd.journey import Journey
from smscd.logs import masked
from smscd.message import LEASE, LEASED, MT, WHOLE, Message, issued_at
from smscd.queueing import JOINED
from smscd.scheduler import PRIORITY_STEP
from smscd.text import Alphabet, Assembled, Fragment, Reassembly, build_udh

log = structlog.get_logger("smscd.gathering")

PAGE = 500
"""Parts that are read from the store at once."""
TURN = 25
"""Parts that are joined, given up or ended before everybody else has their turn: a millisecond."""
REPEATS = 100
"""How often one part may come; beyond that each leaves by itself."""
SLACK = 30 * SECOND
"""Microseconds after its time at which a part is due by itself: only a crash makes anybody wait that long."""
NOT_OF_THE_WHOLE = frozenset({
    pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments, pdu.Tag.sar_segment_seqnum, pdu.Tag.message_payload,
    pdu.Tag.more_messages_to_send,
})  # fmt: skip


class Gathering:
    """See above. `Journey.accept` asks `gathers`; what ends is told to `follow`; `upkeep` calls `expire`."""

    def __init__(self, journey: Journey, ancillary: Ancillary) -> None:
        self._journey = journey
        self._ancillary = ancillary
        self._sets: dict[float, Reassembly] = {}
        """By the seconds that parts wait. The tag of a fragment is the numbers of its messages: it may come twice."""
        self._errands = Errands(
            log, "gathering", "parts could not be gathered: they leave, or end, after the next start at last"
        )
        self._complete = Together(self._errands, self._join_all)
        self._incomplete = Together(self._errands, self._give_up)
        self._ended = Together(self._errands, self._close_parts)
        journey.gathers, journey.follow = self.gathers, self.follow

    # -- a part comes ------------------------------------------------------------------------------------------------

    def gathers(self, message: Message, connector: Connector) -> bool:
        """Whether this new message for `connector` is a part that waits for others; then it is in the batch."""
        fragment = _fragment_of(message)
        if fragment is None or message.group_id or message.due > message.accepted_at:
            return False  # a destination of a submit_multi, and what is scheduled, leaves as it was cut
        within = connector.parts_within
        message.due = message.accepted_at + int(within * SECOND) + SLACK
        self._journey.enter(message, message.accepted_at)
        self._journey.store.batch.then(message, partial(self._add, fragment, within))
        return True

    def _add(self, fragment: Fragment, within: float, message: Message) -> None:
        """A part is on stable storage: it may be the last one."""
        self._wait_for(fragment, within, message, self._journey.clock.monotonic())

    def _wait_for(self, fragment: Fragment, within: float, message: Message, since: float) -> None:
        fragment.tag = [message.id]
        sets = self._sets.setdefault(within, Reassembly(within))
        added = sets.add(_key(message), fragment, since)
        if added.duplicate:  # its answer was lost: it is one of them too
            there = sets.waiting(_key(message), fragment)
            assert there is not None
            if len(_numbers(there)) < REPEATS:
                _numbers(there).append(message.id)
        for released in added.released:
            (self._complete if released.why == "complete" else self._incomplete).add([released])

    # -- the last part is there --------------------------------------------------------------------------------------

    async def _join_all(self, sets: list[Assembled]) -> None:
        await self._with_each(sets, self._join)

    async def _with_each(self, sets: list[Assembled], act: Callable[[Assembled, list[Message]], None]) -> None:
        """Call `act` with each of `sets` and its messages that wait, as the store has them now and memory owns them.

        They are read together, a page at a time, and everybody else has their turn after some of them.
        """
        journey = self._journey
        for some in portions(sets, lambda one: len(_all_numbers(one)), PAGE):
            with journey.scheduler.watching() as gone:
                numbers = [number for one in some for number in _all_numbers(one)]
                found = {message.id: message for message in await self._found(numbers)}
                parts = 0
                for one in some:
                    there = [found[number] for number in _all_numbers(one) if number in found]
                    claimed = [self._ancillary.claim(message, gone, held=False) for message in there]
                    act(one, [message for message in claimed if message is not None])
                    parts += len(there)
                    if parts >= TURN:
                        parts = 0
                        await asyncio.sleep(0)

    async def _found(self, numbers: list[int]) -> list[Message]:
        found: list[Message] = []
        for at in range(0, len(numbers), PAGE):  # a set whose parts came again and again has more
            found += await self._journey.store.get(numbers[at : at + PAGE])
        return found

    def _join(self, gathered: Assembled, parts: list[Message]) -> None:
        """The act: nothing is awaited in it."""
        whole = self._whole(gathered, parts)
        if whole is None:
            log.warning("parts not joined: too long, or one of them has changed, left or gone", parts=len(parts))
            self._release(parts)
            return
        journey, now = self._journey, self._journey.clock.wall()
        journey.has_wholes = True
        journey.enter(whole, now)
        for part in parts:
            journey.scheduler.move(part, JOINED)
            part.stage, part.group_id, part.lease_until = LEASED, whole.id, now + LEASE
            journey.store.batch.rewrite(part)
        journey.store.batch.then_all_of(parts, journey.then_release)
        to = masked(whole.content.destination_addr)
        log.debug("gathered", message_id=whole.message_id, parts=len(parts), to=to)

    def _whole(self, gathered: Assembled, parts: list[Message]) -> Message | None:
        """What all parts are together; None if they are not all there, not for a connector that wants that, or too long
        for a message_payload."""
        by_id = {part.id: part for part in parts}
        fragments: list[Fragment] = []
        for fragment in gathered.fragments:
            part = by_id.get(_numbers(fragment)[0])
            read = _fragment_of(part) if part is not None else None  # anew: replace_sm may have come
            if read is None or read.concatenation != fragment.concatenation:
                return None
            fragments.append(read)
        names = {part.connector for part in parts}
        way = self._journey.connectors.get(names.pop())
        if names or way is None or not way.parts_within:
            return None
        esme = self._journey.esmes.get(parts[0].system_id)
        alphabet: Alphabet = esme.settings.default_alphabet if esme is not None else "gsm7"
        try:
            content = joined([by_id[_numbers(fragment)[0]] for fragment in gathered.fragments], fragments, alphabet)
        except TextTooLong:
            return None
        ids, accepted_at = self._journey.ids, min(part.accepted_at for part in parts)
        now = self._journey.clock.wall()
        number = ids.next(now)
        return Message(
            number, ids.issue(number), MT, parts[0].system_id, way.name, content, accepted_at,
            min(now, *(_place(part) for part in parts)), min(part.expires for part in parts),
            segments=sum(by_id[_numbers(fragment)[0]].segments for fragment in gathered.fragments),
            in_doubt=way.in_doubt, group_id=number, origin=WHOLE,
        )  # fmt: skip

    # -- the rest does not come --------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Let those leave as they were cut whose time is over."""
        now = self._journey.clock.monotonic()
        for sets in self._sets.values():
            self._incomplete.add(sets.expire(now))

    async def _give_up(self, sets: list[Assembled]) -> None:
        left: list[int] = []

        def leave(_set: Assembled, parts: list[Message]) -> None:
            left.append(len(parts))
            self._release(parts)

        await self._with_each(sets, leave)
        if any(left):
            log.info("parts leave as they were cut", parts=sum(left), missing=sum(len(one.missing) for one in sets))

    def _release(self, parts: list[Message]) -> None:
        now = self._journey.clock.wall()  # it may have been set back since they came
        for part in parts:
            part.due = min(part.due, _place(part), now)
            self._journey.requeue(part)

    # -- the whole has ended -----------------------------------------------------------------------------------------

    def follow(self, closed: Sequence[Message]) -> None:
        """Of these, which are in the batch as closed, some may be wholes: their parts come after the commit."""
        for message in closed:
            if message.origin == WHOLE:
                self._journey.store.batch.then_all(message, self._then_close)

    def _then_close(self, wholes: list[Message]) -> None:
        self._ended.add(wholes)

    async def _close_parts(self, wholes: list[Message]) -> None:
        """The parts of `wholes` that have not been closed yet end as these have."""
        for some in portions(wholes, lambda whole: whole.segments, PAGE):
            await self._close_parts_of(some)

    async def _close_parts_of(self, wholes: list[Message]) -> None:
        journey = self._journey
        by_id = {whole.id: whole for whole in wholes}
        with journey.scheduler.watching() as gone:
            found = await journey.store.members(list(by_id))
            for at in range(0, len(found), TURN):
                self._end(found[at : at + TURN], by_id, gone)
                await asyncio.sleep(0)

    def _end(self, parts: list[Message], by_id: dict[int, Message], gone: set[int]) -> None:
        """The act: nothing is awaited in it."""
        journey = self._journey
        ended: dict[tuple[int, int], list[Message]] = {}
        for part in parts:
            if part.connector != JOINED or part.id in gone or part.id in journey.scheduler.owned or not part.is_open:
                continue
            whole = by_id[part.group_id]
            part.connector, part.attempts = whole.connector, whole.attempts
            part.refusal = whole.refusal  # this and the next for its receipt and its record: neither is stored
            part.parts = whole.parts if len(whole.parts) == 1 else []
            journey.scheduler.own(part)
            journey.store.batch.change(part)
            ended.setdefault((whole.message_state, whole.error_code), []).append(part)
        for (message_state, error_code), some in ended.items():
            journey.close_all(some, message_state, error_code)

    # -- a start, a stop ---------------------------------------------------------------------------------------------

    async def take_up(self, leased: Iterable[str], highest_id: int = 0) -> None:
        """What was under way when the last process ended; `leased` is what the store found leased to somebody.

        `highest_id`: of all messages; it is from the future where the wall clock was set back meanwhile.
        """
        newest = max(self._journey.clock.wall(), issued_at(highest_id))
        for connector in self._journey.connectors.values():
            if connector.parts_within:
                await self._wait_again(connector, newest)
        if JOINED in leased:
            self._journey.has_wholes = True
            self._errands.begin(self._look_for_ends())

    async def _wait_again(self, connector: Connector, newest: int) -> None:
        """Parts that wait are those not due yet that were never tried."""
        journey = self._journey
        wall, monotonic = journey.clock.wall(), journey.clock.monotonic()
        after, within = (wall, 0), connector.parts_within
        horizon = newest + int(within * SECOND) + SLACK
        while page := await journey.store.queued(connector.name, after, PAGE):
            after = (page[-1].due, page[-1].id)
            for message in page:
                fragment = _fragment_of(message) if message.due <= horizon and not message.attempts else None
                if fragment is not None and not message.group_id:
                    since = monotonic - max(0, wall - message.accepted_at) / SECOND
                    self._wait_for(fragment, within, message, since)
            if after[0] > horizon:
                return

    async def _look_for_ends(self) -> None:
        """Parts whose whole was closed, and then the process ended."""
        after = 0
        await self._journey.store.committed()
        while page := await self._journey.store.leased(JOINED, after, PAGE):
            after = page[-1].id
            wholes = await self._journey.store.get(sorted({part.group_id for part in page}))
            await self._close_parts([whole for whole in wholes if not whole.is_open])

    async def stop(self) -> None:
        """Return when nothing is on its way into the store."""
        await self._errands.finished()


def _fragment_of(message: Message) -> Fragment | None:
    """The part of a longer message that `message` is; None if it stands alone."""
    content = message.content
    if not (content.tlvs or content.esm_class & pdu.ESM_UDHI):
        return None
    fragment = fragment_of(content)
    return fragment if fragment is not None and fragment.concatenation.total > 1 else None


def _key(message: Message) -> tuple[str, bytes, bytes]:
    return message.system_id, message.content.source_addr, message.content.destination_addr


def _numbers(fragment: Fragment) -> list[int]:
    return cast("list[int]", fragment.tag)


def _all_numbers(one: Assembled) -> list[int]:
    return [number for fragment in one.fragments for number in _numbers(fragment)]


def _place(message: Message) -> int:
    """When it would have been due if it had not waited for others (see `Journey.accept`)."""
    content = message.content
    urgency = content.priority_flag if isinstance(content, pdu.SubmitSm) else 0
    return message.accepted_at - urgency * PRIORITY_STEP


def joined(parts: Sequence[Message], fragments: list[Fragment], alphabet: Alphabet) -> pdu.SubmitSm:
    """All parts, in their order, as one submit_sm like the first of them, its text in message_payload.

    Raises TextTooLong where that cannot hold it: each part may have had a message_payload of its own.
    """
    whole = Assembled(None, fragments, len(fragments), "complete")
    octets, data_coding, elements = whole.joined(alphabet)
    header, first = build_udh(elements), parts[0].content
    asked = 0
    for part in parts:
        asked |= part.content.registered_delivery
    receipt = pdu.REGISTERED_RECEIPT_FINAL if asked & pdu.REGISTERED_RECEIPT_MASK else 0
    content = pdu.SubmitSm(
        service_type=first.service_type, source_addr_ton=first.source_addr_ton, source_addr_npi=first.source_addr_npi,
        source_addr=first.source_addr, dest_addr_ton=first.dest_addr_ton, dest_addr_npi=first.dest_addr_npi,
        destination_addr=first.destination_addr, data_coding=data_coding,
        esm_class=first.esm_class & ~pdu.ESM_UDHI | (pdu.ESM_UDHI if header else 0),
        # final receipts go back to each part; what else was asked for would have no part to go to
        registered_delivery=asked & ~pdu.REGISTERED_RECEIPT_MASK & ~pdu.REGISTERED_INTERMEDIATE_NOTIFICATION | receipt,
        tlvs=[one for one in first.tlvs if one[0] not in NOT_OF_THE_WHOLE],
    )  # fmt: skip
    if isinstance(first, pdu.SubmitSm):
        content.protocol_id, content.priority_flag = first.protocol_id, first.priority_flag
        content.validity_period, content.sm_default_msg_id = first.validity_period, first.sm_default_msg_id
    content.tlvs.append(pdu.tlv.payload(header + octets))
    return content
