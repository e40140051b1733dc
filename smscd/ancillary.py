"""query_sm, cancel_sm, replace_sm: the ancillary submission operations of SMPP 5.0 §2.6, over what is stored.

An operation first claims the message: either memory owns it (it waits in a lane, or a connector has it), or the store
does. What was read from the store while memory let go of the same message is out of date and is not acted upon.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable
from functools import partial

import structlog

from smscd import pdu
from smscd.admission import Esme
from smscd.errands import Errands
from smscd.journey import Journey
from smscd.message import Kind, Message, Stage

log = structlog.get_logger("smscd.ancillary")

DELETED = int(pdu.MessageState.DELETED)
ENROUTE = int(pdu.MessageState.ENROUTE)
SCHEDULED = int(pdu.MessageState.SCHEDULED)

ATTEMPTS = 3
"""Back into its lane, out of it again, under way: after so many commits a message can be claimed, or never again."""

PORTION = 1000
"""Messages in memory that are looked at before everybody else has their turn: a tenth of a millisecond."""


class Ancillary:
    """What can still be asked of, or done to, a message that was accepted."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._store = journey.store
        self._scheduler = journey.scheduler
        self._errands = Errands(log, "supersede", "a message could not take the place of others")
        self._superseding: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # one at a time for each ESME

    # -- query_sm, SMPP 3.4 §4.8 -------------------------------------------------------------------------------------

    async def query(self, esme: Esme, query: pdu.QuerySm, version: int) -> pdu.QuerySmResp:
        """Where the message is now. Of a submit_multi: the state of the destination that is furthest behind."""
        found = await self.of_esme(esme.system_id, query.message_id)
        found = [m for m in found if query.source_addr in {b"", m.content.source_addr}]
        if not found:
            return pdu.QuerySmResp(command_status=pdu.ESME_RINVMSGID)
        slowest = min(found, key=lambda m: (not m.is_open, m.id))
        state = slowest.message_state
        if version >= pdu.INTERFACE_VERSION_5_0 and slowest.stage == Stage.QUEUED and not slowest.attempts:
            state = SCHEDULED if slowest.due > self._journey.clock.wall() else state
        return pdu.QuerySmResp(
            message_id=query.message_id,
            final_date=pdu.times.format_absolute(slowest.final_at) if slowest.final_at else b"",
            message_state=state,
            error_code=slowest.error_code & 0xFF,
        )

    async def of_esme(self, system_id: str, message_id: bytes) -> list[Message]:
        """MT messages of one ESME under a message_id, as memory has them where it does."""
        found = await self.find(message_id.decode("latin-1"))
        return [m for m in found if m.kind == Kind.MT and m.system_id == system_id]

    async def find(self, message_id: str) -> list[Message]:
        """Messages under a message_id, as memory has them where it does.

        What memory lets go of while the store is asked may have changed behind what was read: it is read again.
        """
        with self._scheduler.watching() as gone:
            found = await self._store.find(message_id)
        if any(m.id in gone for m in found):
            found = await self._store.find(message_id)
        return [self._scheduler.owned.get(m.id, m) for m in found]

    # -- cancel_sm, SMPP 3.4 §4.9 ------------------------------------------------------------------------------------

    async def cancel(self, esme: Esme, cancel: pdu.CancelSm) -> int:
        """Cancel one message by its id, or all that are pending between two addresses. Its command_status."""
        if cancel.message_id:
            with self._scheduler.watching() as gone:
                found = await self.of_esme(esme.system_id, cancel.message_id)
            if not found:
                return pdu.ESME_RINVMSGID
            if cancel.source_addr not in {b"", found[0].content.source_addr}:
                return pdu.ESME_RINVSRCADR
            if cancel.destination_addr:  # "must match that supplied in the original", as source_addr
                found = [m for m in found if m.content.destination_addr == cancel.destination_addr]
                if not found:
                    return pdu.ESME_RINVDSTADR
        else:
            if not cancel.source_addr or not cancel.destination_addr:
                return pdu.ESME_RINVSRCADR if not cancel.source_addr else pdu.ESME_RINVDSTADR
            await self._store.committed()  # what it was to find may have come in the same write of the peer
            with self._scheduler.watching() as gone:
                found = await self._between(esme.system_id, cancel.source_addr, cancel.destination_addr)
            found = [m for m in found if cancel.service_type in {b"", m.content.service_type}]
        return pdu.ESME_ROK if await self.cancel_all(found, gone) else pdu.ESME_RCANCELFAIL

    async def cancel_all(self, messages: list[Message], gone: set[int]) -> int:
        """DELETED for each that has not reached its recipient; its sender gets the receipt it asked for. How many.

        `gone` as for `claim`. What was cancelled is committed as such.
        """
        cancelled = await self._claim_each(messages, gone, self._delete)
        if cancelled:
            await self._store.committed()
        return cancelled

    def _delete(self, message: Message) -> None:
        log.info("cancelled", message_id=message.message_id, esme=message.system_id)
        self._journey.close(message, DELETED, 0)

    async def _between(self, system_id: str, source: bytes, destination: bytes) -> list[Message]:
        """Every MT message of an ESME that is still pending between two addresses, in memory or in the store."""
        in_memory: list[Message] = []
        everything = list(self._scheduler.owned.values())
        for at in range(0, len(everything), PORTION):
            in_memory += [
                m for m in everything[at : at + PORTION]
                if m.content.destination_addr == destination and m.content.source_addr == source
                and m.system_id == system_id and m.kind == Kind.MT
            ]  # fmt: skip
            await asyncio.sleep(0)  # what memory lets go of meanwhile is for `watching` to tell
        known = {m.id for m in in_memory}
        stored = await self._store.pending(system_id, source.decode("latin-1"), destination.decode("latin-1"))
        return in_memory + [m for m in stored if m.id not in known]

    # -- replace_sm, SMPP 3.4 §4.10, and replace_if_present_flag, §5.2.18 --------------------------------------------

    async def replace(self, esme: Esme, replace: pdu.ReplaceSm, version: int) -> int:
        """New text and times for a message that is still pending. Its command_status."""
        with self._scheduler.watching() as gone:
            found = await self.of_esme(esme.system_id, replace.message_id)
        if not found:
            return pdu.ESME_RINVMSGID
        message = found[0]
        unknown = not replace.source_addr and version >= pdu.INTERFACE_VERSION_5_0  # "If not known, set to NULL"
        if replace.source_addr != message.content.source_addr and not unknown:
            return pdu.ESME_RINVSRCADR
        if len(found) > 1 or not isinstance(message.content, pdu.SubmitSm):
            return pdu.ESME_RREPLACEFAIL  # §4.10: only a message of submit_sm with one destination
        content, now = replaced(message.content, replace), self._journey.clock.wall()
        if not replace.schedule_delivery_time and message.content.schedule_delivery_time and message.due > now:
            # the time that stays is what a new validity is judged by, whatever it was counted from
            content.schedule_delivery_time = pdu.times.format_absolute(message.due)
        admitted = esme.admit(content, version, now, self._journey.clock.monotonic())
        if isinstance(admitted, int):
            return admitted
        expires = admitted.expires if replace.validity_period else message.expires
        too_late = admitted.schedule >= expires
        due = (admitted.schedule or now) if replace.schedule_delivery_time else None
        rewrite = partial(self._rewrite, content=content, segments=admitted.segments, due=due, expires=expires)
        if too_late or not await self._claim_each([message], gone, rewrite, held=False):
            esme.refund(admitted.segments, now)
            return pdu.ESME_RINVSCHED if too_late else pdu.ESME_RREPLACEFAIL
        await self._store.committed()
        return pdu.ESME_ROK

    def _rewrite(self, message: Message, content: pdu.SubmitSm, segments: int, due: int | None, expires: int) -> None:
        message.content, message.segments, message.expires = content, segments, expires
        message.frame = b""
        if due is not None:
            message.due = due
        self._journey.requeue(message)
        self._store.batch.rewrite(message)
        log.info("replaced", message_id=message.message_id, esme=message.system_id)

    def superseding(self, message: Message) -> asyncio.Task[None]:
        """As `supersede`, in its own time: the link that `message` came in on may be gone before this is done."""
        return self._errands.begin(self.supersede(message), message.message_id)

    async def supersede(self, message: Message) -> None:
        """replace_if_present_flag: what is pending between the same addresses, of the same service_type, gives way.

        `message` is committed by now, so that nothing gives way to what did not come in. It keeps its own message_id;
        the older ones end DELETED.
        """
        content = message.content
        async with self._superseding[message.system_id]:
            with self._scheduler.watching() as gone:
                found = await self._between(message.system_id, content.source_addr, content.destination_addr)
            older = [
                m for m in found
                if m.id < message.id and m.content.service_type == content.service_type
                and not (m.group_id and m.group_id == message.group_id)  # the same submit_multi named it twice
            ]  # fmt: skip
            await self.cancel_all(older, gone)

    # -- whose is it? ------------------------------------------------------------------------------------------------

    async def _claim_each(
        self, messages: list[Message], gone: set[int], act: Callable[[Message], None], *, held: bool = True
    ) -> int:
        """Claim each of `messages` and `act` on it in the same moment. How many could be claimed.

        One that is on its way to a connector or back from it, while that is being committed, is waited for.
        """
        done = 0
        for attempt in range(1, ATTEMPTS + 1):
            moving: list[int] = []
            for message in messages:
                claimed = self.claim(message, gone, held=held)
                if claimed is not None:
                    act(claimed)
                    done += 1
                elif self._may_move(message, gone):
                    moving.append(message.id)
            if not moving or attempt == ATTEMPTS:
                break
            with self._scheduler.watching() as since:
                await self._store.committed()
                messages = await self._store.get(moving)
            gone = since
        return done

    def _may_move(self, message: Message, gone: set[int]) -> bool:
        owned = self._scheduler.owned.get(message.id)
        return owned.is_open if owned is not None else message.id in gone

    def claim(self, message: Message, gone: set[int], *, held: bool = True) -> Message | None:
        """Make memory own `message` with nobody else holding it; None if it is final or cannot be taken back.

        `message` was read from the store; `gone` is what memory has let go of since before that reading. Without `held`
        one that waits for the operator, because it may have left, is left alone.
        """
        owned = self._scheduler.owned.get(message.id)
        if owned is None:
            if message.id in gone or (message.stage != Stage.QUEUED and not (held and message.stage == Stage.HELD)):
                return None
            self._scheduler.own(message)
            self._off_the_queue(message)
            return message
        if not owned.is_open:
            return None
        if owned.stage == Stage.QUEUED:
            if not self._scheduler.drop(owned):
                return None  # its lease is being committed, or an ESME has it
            self._off_the_queue(owned)
            return owned
        connector = self._journey.connectors.get(owned.connector)
        if connector is None or not connector.recall(owned):
            return None
        self._scheduler.lane(owned.connector).in_flight -= 1
        self._journey.has_credit(owned.connector)
        return owned

    def _off_the_queue(self, message: Message) -> None:
        if message.stage == Stage.QUEUED:
            self._scheduler.lane(message.connector).queued -= 1
            self._journey.queued -= 1


def replaced(content: pdu.SubmitSm, replace: pdu.ReplaceSm) -> pdu.SubmitSm:
    """`content` with what replace_sm may change; what it leaves empty stays (§4.10.1)."""
    payload = pdu.tlv.get(replace.tlvs, pdu.Tag.message_payload)  # SMPP 5.0 §4.5.3.3
    kept = [(tag, value) for tag, value in content.tlvs if tag != pdu.Tag.message_payload]
    if payload is not None:
        kept.append((int(pdu.Tag.message_payload), payload))
    return pdu.SubmitSm(
        service_type=content.service_type, source_addr_ton=content.source_addr_ton,
        source_addr_npi=content.source_addr_npi, source_addr=content.source_addr,
        dest_addr_ton=content.dest_addr_ton, dest_addr_npi=content.dest_addr_npi,
        destination_addr=content.destination_addr, esm_class=content.esm_class, protocol_id=content.protocol_id,
        priority_flag=content.priority_flag, schedule_delivery_time=replace.schedule_delivery_time,
        validity_period=replace.validity_period, registered_delivery=replace.registered_delivery,
        replace_if_present_flag=content.replace_if_present_flag, data_coding=content.data_coding,
        sm_default_msg_id=replace.sm_default_msg_id, short_message=replace.short_message, tlvs=kept,
    )  # fmt: skip
