"""What comes back from a provider by itself: receipts, answers that are late, messages from handsets.

A receipt is matched against what is committed, in batches: one look-up for all that arrived meanwhile, and the answer
to the provider after the commit of what it caused. A receipt may come before the answer to its submit; such a one
waits here until the part has its id. It waits in memory only, and is answered at once: after a crash its part is in
doubt whether or not the receipt is remembered, because nothing else ties the two together.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from smscd import parts, pdu
from smscd.ancillary import Ancillary
from smscd.connectors import Upstream
from smscd.connectors.smpp.correlation import Learned, Match, Report, keys_of, match
from smscd.journey import Journey
from smscd.logs import masked
from smscd.message import CLOSED, DEAD, LEASED, MT, NOTIFICATION, SENT, Accepted, Message, Outcome, Rejected
from smscd.receipts import worst
from smscd.text import Alphabet

log = structlog.get_logger("smscd.reports")

ENROUTE = int(pdu.MessageState.ENROUTE)
REJECTED = int(pdu.MessageState.REJECTED)
PARKED = 10_000
"""Receipts that may wait for the answer to their submit; beyond that the oldest is given up."""
PARKED_FOR = 600.0
"""Seconds that one waits."""


@dataclass(slots=True, eq=False)
class _Waiting:
    """A receipt that has not found its part yet."""

    report: Report
    answer: Callable[[], None] | None
    since: float
    keys: frozenset[tuple[str, str]]
    again: bool = False  # a part got one of these ids while the store was being asked


class Reports:
    """See `connectors.interface.Returns`."""

    def __init__(self, journey: Journey, ancillary: Ancillary) -> None:
        self._journey = journey
        self._ancillary = ancillary
        self._new: list[_Waiting] = []
        self._parked: dict[_Waiting, None] = {}
        self._by_key: dict[tuple[str, str], set[_Waiting]] = {}
        self._learned: dict[str, Learned] = {}
        self._task: asyncio.Task[None] | None = None
        self._late: set[asyncio.Task[None]] = set()
        journey.on_sent = self._sent

    # -- Returns -----------------------------------------------------------------------------------------------------

    def report(self, report: Report, answer: Callable[[], None]) -> None:
        keys = frozenset((report.provider, key) for one in report.ids for key in keys_of(one, report.base))
        waiting = _Waiting(report, answer, self._journey.clock.monotonic(), keys)
        for key in keys:
            self._by_key.setdefault(key, set()).add(waiting)
        self._look_up(waiting)

    def late(self, provider: str, message: Message, number: int, outcome: Outcome) -> None:
        task = asyncio.create_task(self._apply_late(provider, message, number, outcome), name="late answer")
        self._late.add(task)
        task.add_done_callback(self._late_done)

    def mo(
        self, connector: str, content: pdu.DeliverSm, answer: Callable[[int], None], alphabet: Alphabet = "gsm7"
    ) -> None:
        journey = self._journey
        if journey.store.full:
            answer(pdu.ESME_RX_T_APPN)
            return
        message = journey.accept_mo(
            content, lambda _message, status: answer(pdu.ESME_RX_T_APPN if status else status), connector,
            alphabet,
        )  # fmt: skip
        log.debug("mo", connector=connector, message_id=message.message_id)

    async def stop(self) -> None:
        """Return when everything that has arrived is in the store's hands."""
        while self._task is not None or self._late:
            await asyncio.gather(*([self._task] if self._task else []), *self._late, return_exceptions=True)

    @property
    def parked(self) -> int:
        return len(self._parked)

    # -- receipts: looking up ----------------------------------------------------------------------------------------

    def _look_up(self, waiting: _Waiting) -> None:
        self._new.append(waiting)
        if self._task is None:
            self._task = asyncio.create_task(self._work(), name="reports")

    async def _work(self) -> None:
        try:
            while self._new:
                batch, self._new = self._new, []
                await self._match_all(batch)
        except Exception as fault:
            log.error("receipts could not be looked up; the provider will send them again", exc_info=fault)
        finally:
            self._task = None
            if self._new:
                self._task = asyncio.create_task(self._work(), name="reports")

    async def _match_all(self, batch: list[_Waiting]) -> None:
        journey = self._journey
        for waiting in batch:
            waiting.again = False
        await journey.store.committed()  # what was answered a moment ago must be found
        wanted: dict[str, set[str]] = {}
        for waiting in batch:
            for provider, key in waiting.keys:
                wanted.setdefault(provider, set()).add(key)
        with journey.scheduler.watching() as gone:
            found = {provider: await journey.store.sent(provider, keys) for provider, keys in wanted.items()}
        for waiting in batch:
            candidates = found.get(waiting.report.provider, [])
            current = [journey.scheduler.owned.get(one.id, one) for one in candidates]
            self._match(waiting, current, gone)

    def _match(self, waiting: _Waiting, candidates: list[Message], gone: set[int]) -> None:
        learned = self._learned.setdefault(waiting.report.provider, Learned())
        matched = match(waiting.report, candidates, learned.rule)
        if matched is None:
            if waiting.again:
                self._look_up(waiting)
            else:
                self._park(waiting)
            return
        owned = self._journey.scheduler.owned
        if matched.message.id in gone and matched.message.id not in owned:
            self._look_up(waiting)  # it changed while it was being read
            return
        self._forget(waiting)
        if learned.note(matched.rule):
            log.info("message_id rule learned", provider=waiting.report.provider, rule=matched.rule)
        self._settle(matched, waiting)

    # -- receipts: too early -----------------------------------------------------------------------------------------

    def _park(self, waiting: _Waiting) -> None:
        """Nobody is known by this id: perhaps not yet. The provider is answered, or its queue would stand still."""
        report = waiting.report
        if waiting.answer is not None:
            answer, waiting.answer = waiting.answer, None
            answer()
        now = self._journey.clock.monotonic()
        self._parked[waiting] = None
        while self._parked:
            oldest = next(iter(self._parked))
            if len(self._parked) <= PARKED and now - oldest.since < PARKED_FOR:
                break
            self._give_up(oldest)
        log.debug("receipt for nobody yet", provider=report.provider, ids=report.ids)

    def _give_up(self, waiting: _Waiting) -> None:
        self._forget(waiting)
        report = waiting.report
        self._journey.counters.connector(report.connector).receipts["unknown"] += 1
        log.warning("receipt for nobody", provider=report.provider, ids=report.ids, handset=masked(report.source_addr))

    def _forget(self, waiting: _Waiting) -> None:
        self._parked.pop(waiting, None)
        for key in waiting.keys:
            others = self._by_key.get(key)
            if others is not None:
                others.discard(waiting)
                if not others:
                    del self._by_key[key]

    def _sent(self, provider: str, upstream_key: str) -> None:
        """A part has just got its id: who waits for it may look again, after the commit."""
        for waiting in self._by_key.get((provider, upstream_key), ()):
            if waiting in self._parked:
                del self._parked[waiting]
                self._look_up(waiting)
            else:
                waiting.again = True

    # -- receipts: acting --------------------------------------------------------------------------------------------

    def _settle(self, matched: Match, waiting: _Waiting) -> None:
        message, part, report = matched.message, matched.part, waiting.report
        counters = self._journey.counters.connector(report.connector)
        if not message.is_open or part.message_state != ENROUTE:
            counters.receipts["duplicate"] += 1
            log.debug("receipt once more", message_id=message.message_id, connector=report.connector)
            self._answer_now(waiting)
            return
        now = self._journey.clock.wall()
        if report.intermediate:
            counters.receipts["intermediate"] += 1
            if message.content.registered_delivery & pdu.REGISTERED_INTERMEDIATE_NOTIFICATION and message.kind == MT:
                self._journey.report(message, NOTIFICATION, report.message_state, report.error_code, now)
            self._answer_after_commit(message, waiting)
            return
        counters.receipts["final"] += 1
        way = self._journey.connectors.get(message.connector)
        if report.error_code and isinstance(way, Upstream) and report.error_code in way.settings.opted_out_errors:
            way.on_opted_out(message, f"err:{report.error_code}")
        batch = self._journey.store.batch
        part.stage, part.changed_at = CLOSED, now
        part.message_state, part.error_code = report.message_state, report.error_code
        batch.part(part)
        owned = message.id in self._journey.scheduler.owned
        if not owned:
            self._journey.scheduler.own(message)
        self._close_if_complete(message, owned)
        self._answer_after_commit(message, waiting)

    def _close_if_complete(self, message: Message, owned: bool) -> None:
        """The worst part is the message's fate, once every part has one and none is out."""
        states = parts.final_states(message)
        if states is not None and message.stage == LEASED:
            self._journey.close(message, worst(states), parts.error_code(message))
        elif not owned:
            self._journey.store.batch.then(message, self._journey.scheduler.release)
            self._journey.store.wake()

    def _answer_after_commit(self, message: Message, waiting: _Waiting) -> None:
        answer, waiting.answer = waiting.answer, None
        if answer is not None:
            self._journey.store.batch.then(message, lambda _message: answer())
            self._journey.store.wake()

    def _answer_now(self, waiting: _Waiting) -> None:
        answer, waiting.answer = waiting.answer, None
        if answer is not None:
            answer()

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
        journey.store.batch.part(part)
        journey.on_sent(part.provider, part.upstream_key)
        if all(one.stage in {SENT, CLOSED, DEAD} for one in claimed.parts):
            claimed.stage = LEASED
            journey.scheduler.lane(claimed.connector).in_flight += 1
            journey.handed_over(claimed)
        else:
            journey.requeue(claimed)

    def _late_done(self, task: asyncio.Task[None]) -> None:
        self._late.discard(task)
        if not task.cancelled() and (fault := task.exception()) is not None:
            log.error("a late answer could not be applied", exc_info=fault)
