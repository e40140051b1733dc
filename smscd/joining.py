"""Long messages from handsets, put together: parts are held until the last one is there, or until that is too long.

    hold      a part is stored as an MO that is due when the waiting is over, and answered: after a crash, or where the
              rest never comes, it is delivered by itself and nothing has to remember it
    complete  the part that completes its set becomes the whole message; the others are closed in the same commit
    give up   after `retry.reassembly` what is there is due at once, part by part

Two may want it. An ESME or a connector with `long_mo = "whole"` gets one message. Opt-out with `relay = false` must not
let the first part of a split STOP through before the second is read: then the parts are held, the whole is read
(`Journey.read`), and they are delivered as they came if nothing keeps them here. Who reads an MO therefore sees held
sets as one text: `Interception.hear` is called once, with the whole content, and never for a part that is held.

Nothing is decided by what memory believes of a stored part: it is read again and claimed, or the set is not joined.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from smscd import pdu
from smscd.ancillary import Ancillary
from smscd.clock import SECOND
from smscd.errands import Errands, Together, portions
from smscd.errors import TextTooLong
from smscd.interception import ACTION_TLV, fragment_of
from smscd.journey import Journey
from smscd.logs import masked
from smscd.message import CLOSED, ENROUTE, QUEUED, Message, octets_of, put_octets
from smscd.queueing import NOBODY
from smscd.store import Answer
from smscd.text import Alphabet, Assembled, Fragment, Reassembly, build_udh

log = structlog.get_logger("smscd.joining")

ACCEPTED = int(pdu.MessageState.ACCEPTED)
SLACK = 30 * SECOND
"""Microseconds after the timeout at which a part is due by itself: only a crash makes anybody wait that long."""
PAGE = 500
"""Parts that are read from the store at once."""
TURN = 25
"""Parts that are joined before everybody else has their turn: a millisecond or two."""
NOT_OF_THE_WHOLE = frozenset({
    pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments, pdu.Tag.sar_segment_seqnum, pdu.Tag.message_payload,
    pdu.Tag.more_messages_to_send,
})  # fmt: skip


@dataclass(slots=True, eq=False)
class Held:
    """A part that waits for the others. `stored` once its row is committed."""

    message: Message
    connector: str
    alphabet: Alphabet
    answer: Answer | None = None
    stored: bool = False


Completed = tuple[Assembled, Fragment]
"""A set, and the part that completed it: it alone is not stored."""


class Joining:
    """See above. `Journey.accept_mo` asks `hold` first; `upkeep` calls `expire`; a start calls `take_up`."""

    def __init__(self, journey: Journey, ancillary: Ancillary) -> None:
        self._journey = journey
        self._ancillary = ancillary
        self._sets = Reassembly(journey.retry.reassembly)
        self._errands = Errands(log, "joining", "parts could not be joined: they are delivered as they came")
        self._complete = Together(self._errands, self._complete_all)
        self._incomplete = Together(self._errands, self._give_up)
        journey.holds, journey.take_up_parts = self.hold, self.take_up

    @property
    def timeout(self) -> float:
        """Seconds that a part waits for the others."""
        return self._journey.retry.reassembly

    # -- a part comes ------------------------------------------------------------------------------------------------

    def hold(self, message: Message, answer: Answer | None, connector: str, alphabet: Alphabet) -> bool:
        """Whether this MO is a part that is kept back; then it is stored here, and answered, now or with the whole."""
        content = message.content
        if not (content.esm_class & pdu.ESM_UDHI or content.tlvs) or message.connector == NOBODY:
            return False
        fragment = fragment_of(content)
        if fragment is None or not (self._wants_whole(message, connector) or self._hides()):
            return False
        self._take(_keep(fragment, Held(message, connector, alphabet, answer)))
        return True

    def _take(self, fragment: Fragment) -> None:
        """Put a part to those that wait for it."""
        held = fragment.tag
        assert isinstance(held, Held)
        added = self._sets.add(self._key(held), fragment, self._journey.clock.monotonic())
        if added.duplicate:
            self._answer_again(self._sets.waiting(self._key(held), fragment), held.message, held.answer)
            return
        whole = next((one for one in added.released if one.why == "complete"), None)
        self._incomplete.add(one for one in added.released if one is not whole)
        if whole is None:
            self._store(held, fragment)
        else:
            self._complete.add([(whole, fragment)])

    def _wants_whole(self, message: Message, connector: str) -> bool:
        esme, way = self._journey.esmes.get(message.system_id), self._journey.connectors.get(connector)
        return (esme is not None and esme.settings.long_mo == "whole") or bool(getattr(way, "joins", False))

    def _hides(self) -> bool:
        """Whether an opt-out keyword must not reach the ESME, not even the first half of it."""
        optout = self._journey.interception.optout
        return optout is not None and not optout.settings.relay

    @staticmethod
    def _key(held: Held) -> tuple[bytes, bytes]:
        """Neither the bind nor the connector: the other parts may come by another one, or after a start."""
        return held.message.content.source_addr, held.message.content.destination_addr

    def _store(self, held: Held, fragment: Fragment) -> None:
        """The part is an MO that is due much later."""
        journey, message = self._journey, held.message
        now = journey.clock.wall()
        message.due = now + int(self.timeout * SECOND) + SLACK
        journey.enter(message, now)

        def stored(_message: Message, status: int) -> None:
            held.stored = status == pdu.ESME_ROK
            if not held.stored:  # the disk is full: its sender was told, and will send it again
                self._sets.withdraw(self._key(held), fragment)
            if held.answer is not None:
                held.answer(message, status)

        journey.store.batch.answer(message, stored)
        journey.store.wake()

    def _answer_again(self, waiting: Fragment | None, message: Message, answer: Answer | None) -> None:
        """The same part once more: its answer was lost. It is stored already, or about to be."""
        held = waiting.tag if waiting is not None else None
        if answer is None or not isinstance(held, Held):
            return
        batch = self._journey.store.batch
        batch.then(message, lambda one: answer(one, pdu.ESME_ROK if held.stored else pdu.ESME_RMSGQFUL))
        self._journey.store.wake()

    # -- the last part comes -----------------------------------------------------------------------------------------

    async def _complete_all(self, sets: list[Completed]) -> None:
        """Take the stored parts back and let each whole arrive instead; or, where one has gone, the last by itself.

        Parts are read together, a page at a time, and everybody else has their turn after some of them.
        """
        left = deque(sets)
        try:
            for some in portions(sets, lambda one: len(one[0].fragments), PAGE):
                await self._complete_page(some, left)
        except Exception:
            for _, last in left:
                held = last.tag
                assert isinstance(held, Held)
                if held.answer is not None:  # the others are due by themselves; this one comes again
                    held.answer(held.message, pdu.ESME_RMSGQFUL)
            raise

    async def _complete_page(self, sets: list[Completed], left: deque[Completed]) -> None:
        """`left` begins with `sets`: who is begun with is left no more."""
        await self._journey.store.committed()
        with self._journey.scheduler.watching() as gone:
            read = await self._journey.store.get(_numbers([whole for whole, _ in sets]))
            by_id, parts = {message.id: message for message in read}, 0
            for whole, last in sets:
                left.popleft()
                found = [by_id[number] for number in _numbers([whole]) if number in by_id]
                await self._complete_one(whole, last, found, gone)
                parts += len(whole.fragments)
                if parts >= TURN:
                    parts = 0
                    await asyncio.sleep(0)

    async def _complete_one(self, whole: Assembled, last: Fragment, found: list[Message], gone: set[int]) -> None:
        """`found`: its stored parts. Nothing is awaited before they are claimed, except where none will be."""
        journey = self._journey
        held = last.tag
        assert isinstance(held, Held)
        if found and all(_is_joined(message) for message in found):
            if not await self._had(whole, held, found[0].receipt):
                self._take(last)  # another message has begun under the same reference
                return
            log.debug("a part once more", message_id=held.message.message_id)  # of a message that was whole before
            if held.answer is not None:
                held.answer(held.message, pdu.ESME_ROK)
            return
        if len(found) < len(whole.fragments) - 1:  # one was refused by a full disk meanwhile: it comes again
            there = {message.id for message in found}
            for fragment in whole.fragments:
                if fragment is last or _number(fragment) in there:
                    self._sets.add(self._key(held), fragment, journey.clock.monotonic())
            self._store(held, last)
            return
        claimed = [self._ancillary.claim(message, gone) for message in found]
        parts = [message for message in claimed if message is not None]
        if len(parts) < len(found):
            log.warning("long mo not joined: a part has left", message_id=held.message.message_id)
            self._release(parts)
            journey.arrive(held.message, held.answer, held.connector, held.alphabet)
            return
        try:
            self._arrive(whole, held, parts)
        except TextTooLong as fault:
            log.warning("long mo not joined", message_id=held.message.message_id, why=str(fault))
            self._release(parts)
            journey.arrive(held.message, held.answer, held.connector, held.alphabet)

    async def _read(self, ids: list[int]) -> tuple[list[Message], set[int]]:
        """These stored parts, as they are now, and what memory has let go of since."""
        journey = self._journey
        await journey.store.committed()
        with journey.scheduler.watching() as gone:
            found = await journey.store.get(ids)
        return found, gone

    async def _had(self, whole: Assembled, held: Held, number: int) -> bool:
        """Whether the message `number`, which was made of the stored parts of `whole`, had the one in `held` too."""
        made = await self._journey.store.get([number])
        return bool(made) and octets_of(made[0].content) == octets_of(self._joined(whole, held))

    def _joined(self, whole: Assembled, held: Held) -> pdu.DeliverSm:
        """What the parts of `whole` are together."""
        first = min(whole.fragments, key=lambda fragment: fragment.concatenation.number).tag
        assert isinstance(first, Held)
        return joined(first.message.content, whole, held.alphabet)

    def _arrive(self, whole: Assembled, held: Held, parts: list[Message]) -> None:
        """The act: nothing is awaited in it."""
        journey, message = self._journey, held.message
        as_it_came = message.content
        assert isinstance(as_it_came, pdu.DeliverSm)
        message.content = self._joined(whole, held)
        if self._wants_whole(message, held.connector):
            journey.arrive(message, self._answered(whole, held, parts), held.connector, held.alphabet)
        elif journey.read(message, held.connector, held.alphabet):  # it is not for us: the ESME gets it as it came
            as_it_came.tlvs += [one for one in message.content.tlvs if one[0] == ACTION_TLV]
            message.content = as_it_came
            self._release(parts)
            journey.enter(message, journey.clock.wall())
            if held.answer is not None:
                journey.store.batch.answer(message, held.answer)
            return
        else:
            journey.keep(message, CLOSED, ACCEPTED)
            journey.store.batch.answer(message, self._answered(whole, held, parts))
        self._close(parts, message.id)
        to = masked(message.content.destination_addr)
        log.debug("joined", message_id=message.message_id, parts=whole.total, to=to)

    def _answered(self, whole: Assembled, held: Held, parts: list[Message]) -> Answer:
        """What follows the commit of the whole; where there was no room for it, everything is as it was."""

        def answered(message: Message, status: int) -> None:
            if status != pdu.ESME_ROK:
                for part in parts:
                    part.stage, part.message_state, part.final_at, part.receipt = QUEUED, ENROUTE, 0, 0
                    self._journey.requeue(part)
                for fragment in whole.fragments:
                    if fragment.tag is not held:
                        self._sets.add(self._key(held), fragment, self._journey.clock.monotonic())
            if held.answer is not None:
                held.answer(message, status)

        return answered

    def _close(self, parts: list[Message], whole: int) -> None:
        """The parts are in the message `whole` now. They are not counted or recorded: that one is."""
        journey = self._journey
        for part in parts:
            part.stage, part.message_state, part.final_at = CLOSED, ACCEPTED, journey.clock.wall()
            part.receipt = whole
            journey.store.batch.change(part)
            journey.store.batch.then(part, journey.scheduler.release)
        journey.store.wake()

    # -- the rest does not come --------------------------------------------------------------------------------------

    def expire(self) -> None:
        """Let go of the sets whose time is over."""
        self._incomplete.add(self._sets.expire(self._journey.clock.monotonic()))

    async def _give_up(self, sets: list[Assembled]) -> None:
        """Deliver what is there as it came; nothing of those that have all been delivered before."""
        repeated = set(_numbers([one for one in sets if one.why == "repeated"]))
        whole: set[int] = set()  # after a start they were remembered, in case that their last part came again
        ids = _numbers(sets)
        for at in range(0, len(ids), PAGE):
            found, gone = await self._read(ids[at : at + PAGE])
            whole.update([one.id for one in found if _is_joined(one)])
            claimed = [message for message in (self._ancillary.claim(one, gone) for one in found) if message]
            self._close([part for part in claimed if part.id in repeated], 0)
            self._release([part for part in claimed if part.id not in repeated])
        incomplete = [one for one in sets if one.why != "repeated" and not whole.issuperset(_numbers([one]))]
        if incomplete:
            why, parts = "/".join(sorted({one.why for one in incomplete})), len(_numbers(incomplete))
            missing = sum(len(one.missing) for one in incomplete)
            log.warning("long mo incomplete", why=why, messages=len(incomplete), parts=parts, missing=missing)

    def _release(self, parts: list[Message]) -> None:
        now = self._journey.clock.wall()  # it may have been set back since they came
        for part in sorted(parts, key=lambda part: part.id):
            part.due = min(part.due, part.accepted_at, now)
            self._journey.requeue(part)

    # -- a start, a stop ---------------------------------------------------------------------------------------------

    def take_up(self, messages: Sequence[Message]) -> None:
        """MO of the last while, oldest first, as the store has them: those that are held are waited for again."""
        wall, monotonic = self._journey.clock.wall(), self._journey.clock.monotonic()
        for message in messages:
            fragment = fragment_of(message.content)
            if fragment is None or not (message.receipt or (message.stage == QUEUED and message.due > wall)):
                continue
            held = Held(message, "", "gsm7", stored=True)
            since = monotonic - max(0, wall - message.accepted_at) / SECOND
            self._sets.add(self._key(held), _keep(fragment, held), since)

    async def stop(self) -> None:
        """Return when no set is on its way into the store."""
        await self._errands.finished()


def _is_joined(part: Message) -> bool:
    """Whether it is in a whole message (`receipt` says in which)."""
    return part.stage == CLOSED and part.receipt != 0


def _keep(fragment: Fragment, held: Held) -> Fragment:
    """All of its message stays in memory with the fragment: TLVs that are nobody's text too, and that once more as the
    frame that was stored."""
    fragment.tag, fragment.beside = held, 2 * sum(len(value) for _tag, value in held.message.content.tlvs)
    return fragment


def _numbers(sets: Sequence[Assembled]) -> list[int]:
    return [_number(fragment) for one in sets for fragment in one.fragments]


def _number(fragment: Fragment) -> int:
    assert isinstance(fragment.tag, Held)
    return fragment.tag.message.id


def joined(first: pdu.Pdu, whole: Assembled, alphabet: Alphabet) -> pdu.DeliverSm:
    """All parts as one deliver_sm like the `first`, its text in message_payload where short_message cannot hold it.

    Raises TextTooLong where that cannot either: each part may have had a message_payload of its own.
    """
    assert isinstance(first, pdu.DeliverSm)
    octets, data_coding, elements = whole.joined(alphabet)
    header = build_udh(elements)
    content = pdu.DeliverSm(
        service_type=first.service_type, source_addr_ton=first.source_addr_ton, source_addr_npi=first.source_addr_npi,
        source_addr=first.source_addr, dest_addr_ton=first.dest_addr_ton, dest_addr_npi=first.dest_addr_npi,
        destination_addr=first.destination_addr, protocol_id=first.protocol_id, priority_flag=first.priority_flag,
        esm_class=first.esm_class & ~pdu.ESM_UDHI | (pdu.ESM_UDHI if header else 0), data_coding=data_coding,
        registered_delivery=first.registered_delivery,
        tlvs=[(tag, value) for tag, value in first.tlvs if tag not in NOT_OF_THE_WHOLE],
    )  # fmt: skip
    put_octets(content, header + octets)
    return content
