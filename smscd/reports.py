"""What comes back from a provider by itself: receipts, answers that are late, messages from handsets.

A receipt is matched against what is committed, in batches: one look-up for all that arrived meanwhile, and the answer
to the provider after the commit of what it caused. A receipt may come before the answer to its submit; such a one is
parked (see `parking`). One without an id that is of any use is matched by recipient and order, where its connector
allows that. A store that cannot be asked is asked again; then the provider is told to send the receipt once more.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from functools import partial

import structlog

from smscd import parts, pdu, plain_receipts
from smscd.ancillary import Ancillary
from smscd.clock import SECOND
from smscd.connectors import AnswerReports, Reporting
from smscd.connectors.smpp.correlation import Learned, Match, Report, match, match_by_address, same_number, spellings
from smscd.errands import Errands, Together
from smscd.errors import TextTooLong
from smscd.journey import Journey
from smscd.logs import masked
from smscd.message import (
    CLOSED,
    DEAD,
    HELD,
    LEASED,
    MT,
    NOTIFICATION,
    QUEUED,
    RECEIPT,
    SENT,
    Accepted,
    Message,
    Outcome,
    Part,
    Rejected,
    octets_of,
    put_octets,
)
from smscd.parking import Key, Parking, Waiting, closed, waiting_for
from smscd.receipts import worst
from smscd.scheduler import REMEMBERED
from smscd.store import Listing
from smscd.text import Alphabet, recode

log = structlog.get_logger("smscd.reports")

ENROUTE = int(pdu.MessageState.ENROUTE)
REJECTED = int(pdu.MessageState.REJECTED)
PAGE = 1000
TURN = 25
"""Receipts that were looked up together and end their messages before everybody else has their turn: 3 ms."""
TRIES, PAUSE = 5, 0.5
"""How often the store is asked in vain before a provider is told to come again, and the seconds in between."""


class Reports:
    """See `connectors.interface.Returns`."""

    def __init__(self, journey: Journey, ancillary: Ancillary) -> None:
        self._journey = journey
        self._ancillary = ancillary
        self._new: list[Waiting] = []
        self._at_once: list[tuple[Match, Waiting]] = []
        self._parking = Parking(journey)
        self._learned: dict[str, Learned] = {}
        self._lately: OrderedDict[Key, Message] = OrderedDict()  # by the ids that their parts were given, newest last
        self._task: asyncio.Task[None] | None = None
        self._late = Errands(log, "reports", "a late answer, or the end of receipts for nobody, could not be applied")
        self._outdated = Together(self._late, self._give_up_all, TURN)
        journey.on_sent, journey.on_sent_all = self._sent, self._sent_all

    # -- Returns -----------------------------------------------------------------------------------------------------

    def report(self, report: Report, answer: Callable[[int], None]) -> None:
        waiting = waiting_for(report, answer, self._journey.clock.monotonic())
        if (matched := self._remembered(waiting)) is not None:
            if not self._at_once:
                asyncio.get_running_loop().call_soon(self._settle_at_once)
            self._at_once.append((matched, waiting))
            return
        self._parking.expect(waiting)
        self._look_up(waiting)

    def report_all(self, reports: list[Report], answer: AnswerReports) -> None:
        learned = self._learned.setdefault(reports[0].provider, Learned())
        settled, rest = plain_receipts.settle_all(self._journey, self._lately, learned, reports)
        if settled:
            self._journey.store.batch.once_written(partial(answer, settled, pdu.ESME_ROK))
        for report in rest:
            self.report(report, partial(answer, [report]))

    def _settle_at_once(self) -> None:
        """All of this turn of the loop whose messages are in memory; they are looked at again, for it is later now."""
        batch, self._at_once = self._at_once, []
        found: list[tuple[Match, Waiting]] = []
        taken: set[int] = set()  # parts of this turn: where several share an id, the next receipt means another one
        for matched, waiting in batch:
            if self._is_in_memory(matched.message) and id(matched.part) not in taken:
                taken.add(id(matched.part))
                waiting.done = True
                self._learned[waiting.report.provider].note(matched.rule)
                found.append((matched, waiting))
            else:
                self._parking.expect(waiting)
                self._look_up(waiting)
        self._settle_all(found)

    def _is_in_memory(self, message: Message) -> bool:
        """Whether this very object is what the store has, or will have."""
        scheduler = self._journey.scheduler
        return scheduler.remembered.get(message.id) is message and scheduler.owned.get(message.id, message) is message

    def _remembered(self, waiting: Waiting) -> Match | None:
        """The part that no other could be preferred to, if its message is still in memory: nothing is awaited then."""
        report = waiting.report
        learned = self._learned.get(report.provider)
        if learned is None:
            return None
        meant = [
            message for key in waiting.keys
            if (message := self._lately.get(key)) is not None and self._is_in_memory(message)
        ]  # fmt: skip
        matched = match(report, meant, learned.rule)
        if matched is None or matched.rule != learned.rule:
            return None
        message, part = matched.message, matched.part
        is_waiting = message.is_open and part.stage == SENT and part.message_state == ENROUTE
        return matched if is_waiting and same_number(report.source_addr, message.content.destination_addr) else None

    def late(self, provider: str, message: Message, number: int, outcome: Outcome) -> None:
        self._late.begin(self._apply_late(provider, message, number, outcome))

    def mo(
        self, connector: str, content: pdu.DeliverSm, answer: Callable[[int], None], alphabet: Alphabet = "gsm7"
    ) -> None:
        journey = self._journey
        if journey.store.full:
            answer(pdu.ESME_RX_T_APPN)
            return
        esme = journey.esmes.get(journey.receivers.owner(content.destination_addr) or "")
        if esme is not None and esme.settings.default_alphabet != alphabet:
            try:
                _recode(content, alphabet, esme.settings.default_alphabet)
            except TextTooLong:
                answer(pdu.ESME_RINVMSGLEN)
                return
            alphabet = esme.settings.default_alphabet
        message = journey.accept_mo(
            content, lambda _message, status: answer(pdu.ESME_RX_T_APPN if status else status), connector,
            alphabet,
        )  # fmt: skip
        log.debug("mo", connector=connector, message_id=message.message_id)

    async def stop(self) -> None:
        """Return when everything that has arrived is in the store's hands."""
        self._settle_at_once()
        await self._late.finished()
        while self._task is not None:
            await asyncio.gather(self._task, return_exceptions=True)
            await self._late.finished()

    @property
    def parked(self) -> int:
        return len(self._parking)

    # -- a start, and every second -----------------------------------------------------------------------------------

    async def take_up(self) -> None:
        """What was parked when the last process ended."""
        journey, before = self._journey, None
        wall, monotonic = journey.clock.wall(), journey.clock.monotonic()
        while page := await journey.store.listing(Listing(stage=HELD, kind=RECEIPT, before=before, limit=PAGE)):
            before = page[-1].id
            for row in page:
                way = journey.connectors.get(row.connector)
                report = way.read_report(row.content) if isinstance(way, Reporting) else None
                if report is None:  # its connector has left the file
                    journey.store.batch.change(closed(row, wall))
                    continue
                waiting = waiting_for(report, None, monotonic - max(0, wall - row.accepted_at) / SECOND)
                waiting.row, waiting.asked_again = row, True
                self._parking.expect(waiting)
                self._look_up(waiting)
        journey.store.wake()

    def expire(self) -> None:
        """Look for the recipients of those whose id does not come; give up those that have waited too long.

        The id of one may have come, with the number of somebody else: that is believed of a provider whose receipts are
        not known to name recipients, and not of what the last process has left, for then the answer may be lost.
        """
        now = self._journey.clock.monotonic()
        for waiting in self._parking.impatient(now):
            learned = self._learned.get(waiting.report.provider)
            waiting.lenient = not waiting.asked_again and (learned is None or not learned.names_recipients)
            waiting.asked_again, waiting.by_address = True, waiting.report.by_address
            self._parking.resume(waiting)
            self._look_up(waiting)
        self._outdated.add(self._parking.outdated(now))

    # -- receipts: looking up ----------------------------------------------------------------------------------------

    def _look_up(self, waiting: Waiting) -> None:
        self._new.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="reports")

    async def _work(self) -> None:
        try:
            while self._new:
                batch, self._new = self._new, []
                try:
                    await self._match_all(batch)
                except Exception as fault:
                    log.error("receipts could not be looked up", receipts=len(batch), exc_info=fault)
                    self._again(batch)
                    await asyncio.sleep(PAUSE)
        finally:
            self._task = None
            if self._new:
                self._task = asyncio.create_task(self._work(), name="reports")

    def _again(self, batch: list[Waiting]) -> None:
        """Of those that were to be looked up, the ones whose act has not begun."""
        for waiting in batch:
            if waiting.done or waiting in self._parking or waiting in self._new:
                continue
            waiting.tries += 1
            if waiting.tries < TRIES or waiting.row is not None:
                self._new.append(waiting)
            else:
                self._parking.forget(waiting)
                waiting.answered(pdu.ESME_RX_T_APPN)

    async def _match_all(self, batch: list[Waiting]) -> None:
        journey = self._journey
        for waiting in batch:
            waiting.again = False
        await journey.store.committed()  # what was answered a moment ago must be found
        wanted: dict[str, set[str]] = {}
        handsets: dict[str, set[bytes]] = {}
        for waiting in batch:
            for provider, key in waiting.keys:
                wanted.setdefault(provider, set()).add(key)
            if waiting.by_address:
                handsets.setdefault(waiting.report.provider, set()).update(spellings(waiting.report.source_addr))
        with journey.scheduler.watching() as gone:
            found = {provider: await journey.store.sent(provider, keys) for provider, keys in wanted.items()}
            sent_to = {one: await journey.store.sent_to(self._of(one), some) for one, some in handsets.items()}
            having: dict[Key, dict[int, Message]] = {}
            for provider, messages in found.items():
                for message in messages:
                    for part in message.parts:
                        having.setdefault((provider, part.upstream_key), {})[message.id] = message
            owned = journey.scheduler.owned
            for at, waiting in enumerate(batch, 1):
                meant = {number: one for key in waiting.keys for number, one in having.get(key, {}).items()}
                by_id = [owned.get(number, one) for number, one in meant.items()]
                nearby = sent_to.get(waiting.report.provider, ()) if waiting.by_address else ()
                self._match(waiting, by_id, [owned.get(one.id, one) for one in nearby], gone)
                if at % TURN == 0:
                    await asyncio.sleep(0)

    def _of(self, provider: str) -> list[str]:
        return [name for name, connector in self._journey.connectors.items() if connector.provider == provider]

    def _match(self, waiting: Waiting, by_id: list[Message], by_address: list[Message], gone: set[int]) -> None:
        learned = self._learned.setdefault(waiting.report.provider, Learned())
        strict = not (learned.names_others or waiting.lenient)
        matched = match(waiting.report, by_id, learned.rule, strict=strict)
        matched = matched or match_by_address(waiting.report, by_address)
        if matched is None:
            if waiting.again:
                self._look_up(waiting)
            elif waiting.by_address and not waiting.keys:
                self._give_up(waiting)
            else:
                self._parking.park(waiting)
            return
        owned = self._journey.scheduler.owned
        if matched.message.id in gone and matched.message.id not in owned:
            self._look_up(waiting)  # it changed while it was being read
            return
        waiting.done = True
        self._parking.forget(waiting)
        if learned.note(matched.rule, recipient=matched.recipient):
            log.info("message_id rule learned", provider=waiting.report.provider, rule=matched.rule)
        self._settle_all([(matched, waiting)])

    async def _give_up_all(self, some: list[Waiting]) -> None:
        for waiting in some:
            if waiting in self._parking:  # else it is being looked up, or was given up before
                self._give_up(waiting)
        await asyncio.sleep(0)

    def _give_up(self, waiting: Waiting) -> None:
        waiting.done = True
        self._parking.forget(waiting)
        waiting.answered()
        report = waiting.report
        self._journey.counters.connector(report.connector).receipts["unknown"] += 1
        log.warning("receipt for nobody", provider=report.provider, ids=report.ids, handset=masked(report.source_addr))

    def _sent(self, message: Message, part: Part) -> None:
        """A part has just got its id: who waits for it may look again, after the commit."""
        if message.content.registered_delivery & pdu.REGISTERED_RECEIPT_MASK:
            self._remember([(message, part)])
        for waiting in self._parking.of(part.provider, part.upstream_key):
            if waiting in self._parking:
                self._parking.resume(waiting)
                self._look_up(waiting)
            else:
                waiting.again = True

    def _sent_all(self, messages: list[Message]) -> None:
        if self._parking.expects_any:
            for message in messages:
                self._sent(message, message.parts[0])
        else:
            asked = pdu.REGISTERED_RECEIPT_MASK
            self._remember([(m, m.parts[0]) for m in messages if m.content.registered_delivery & asked])

    def _remember(self, sent: list[tuple[Message, Part]]) -> None:
        lately = self._lately
        for message, part in sent:
            lately[part.provider, part.upstream_key] = message
        while len(lately) > REMEMBERED:
            lately.popitem(last=False)
        self._journey.scheduler.remember_all([message for message, _part in sent])

    # -- receipts: acting --------------------------------------------------------------------------------------------

    def _settle_all(self, found: list[tuple[Match, Waiting]]) -> None:
        """What was found without an await since: parts get their ends, and messages theirs with their last part."""
        ended: dict[tuple[int, int], list[Message]] = {}
        answers: list[Waiting] = []
        for matched, waiting in found:
            if not self._is_news(matched, waiting):
                continue
            answers.append(waiting)
            if not waiting.report.intermediate and (end := self._settle(matched, waiting.report)) is not None:
                ended.setdefault(end, []).append(matched.message)
        for (message_state, error_code), messages in ended.items():
            self._journey.close_all(messages, message_state, error_code)
        if answers:
            self._journey.store.batch.once_written(partial(_answer_all, answers))
            self._journey.store.wake()

    def _is_news(self, matched: Match, waiting: Waiting) -> bool:
        message, report = matched.message, waiting.report
        counters = self._journey.counters.connector(report.connector)
        if not message.is_open or matched.part.message_state != ENROUTE:
            counters.receipts["duplicate"] += 1
            log.debug("receipt once more", message_id=message.message_id, connector=report.connector)
            waiting.answered()
            return False
        if report.intermediate:
            counters.receipts["intermediate"] += 1
            if message.content.registered_delivery & pdu.REGISTERED_INTERMEDIATE_NOTIFICATION and message.kind == MT:
                now = self._journey.clock.wall()
                self._journey.report([message], NOTIFICATION, report.message_state, report.error_code, now)
        else:
            counters.receipts["final"] += 1
        return True

    def _settle(self, matched: Match, report: Report) -> tuple[int, int] | None:
        """A part has its end; the message_state and error code of its message, if that was the last."""
        journey, message, part = self._journey, matched.message, matched.part
        if report.error_code:
            plain_receipts.listen(journey, message, report.error_code)
        part.stage, part.changed_at = CLOSED, journey.clock.wall()
        part.message_state, part.error_code = report.message_state, report.error_code
        self._lately.pop((part.provider, part.upstream_key), None)
        states = parts.final_states(message)
        if len(message.parts) > 1 or message.stage != LEASED:  # else it is closed with its message
            journey.store.batch.part(part)
        if states is not None and message.stage == LEASED:
            journey.scheduler.own(message)
            journey.scheduler.forget(message)
            return worst(states), parts.error_code(message)
        journey.scheduler.keep(message)
        journey.store.batch.then(message, journey.scheduler.unkeep)
        return None

    # -- late answers ------------------------------------------------------------------------------------------------

    async def _apply_late(self, provider: str, message: Message, number: int, outcome: Outcome) -> None:
        """The upstream has it after all (or refuses it after all): if it was not sent again yet, it need not be."""
        journey = self._journey
        await journey.store.committed()
        with journey.scheduler.watching() as gone:
            found = await journey.store.get([message.id])
        claimed = self._ancillary.claim(found[0], gone) if found else None
        if claimed is None or not isinstance(outcome, Accepted | Rejected):
            log.warning("late answer", message_id=message.message_id, outcome=type(outcome).__name__, too_late=True)
            return
        log.info("late answer", message_id=message.message_id, outcome=type(outcome).__name__, too_late=False)
        if isinstance(outcome, Rejected):
            journey.close(claimed, REJECTED, outcome.command_status)
            return
        part = claimed.parts[number - 1]
        part.stage, part.changed_at, part.provider = SENT, journey.clock.wall(), provider
        part.upstream_message_id, part.upstream_key = outcome.upstream_message_id, outcome.upstream_key
        if part.connector != claimed.connector:
            self._go_back(claimed, part.connector)
        journey.store.batch.part(part)
        journey.on_sent(claimed, part)
        if all(one.stage in {SENT, CLOSED, DEAD} for one in claimed.parts):
            claimed.stage = LEASED
            journey.scheduler.lane(claimed.connector).in_flight += 1
            journey.handed_over(claimed)
        else:
            journey.requeue(claimed)

    def _go_back(self, message: Message, name: str) -> None:
        """It was to take another way meanwhile; but what has one of its parts gets the others too."""
        journey = self._journey
        way = journey.connectors.get(name)
        log.info("rerouted", message_id=message.message_id, connector=name)
        journey.scheduler.move(message, name)
        if way is not None:
            message.in_doubt = way.in_doubt
            wanted = way.divide(message)
            for part in message.parts:
                if not part.is_with_provider and part.number <= wanted:
                    part.stage = QUEUED


def _recode(content: pdu.DeliverSm, source: Alphabet, target: Alphabet) -> None:
    """data_coding 0 as the ESME means it; where its upstream and it mean the same nobody comes here.

    Raises TextTooLong where it is twice as long in UCS-2, and then too long.
    """
    if content.data_coding:
        return
    octets, content.data_coding = recode(
        octets_of(content), source, target, udhi=bool(content.esm_class & pdu.ESM_UDHI)
    )
    put_octets(content, octets)


def _answer_all(waiting: list[Waiting]) -> None:
    for one in waiting:
        one.answered()
