"""One message's way, in the order it happens. Start reading here.

    accept    somebody hands us a message            → committed message and its answer, or a command_status
    forward   a connector has credit                 → handed over, its outcome recorded per part
    settle    the final state is known               → closed message and, if asked for, a committed receipt message

Each act starts from a stored fact and ends in facts put into the store's gathering batch, with no await in between; a
crash between two acts is the same as a pause. A receipt and an MO are messages: they are forwarded like any other.

The acts hold no policy: rules, ladders and status classes are tables in the rooms below.
"""

from __future__ import annotations  # noqa: I001 - one name a line, as isort has it, would be a page of names

import asyncio
from typing import assert_never

import structlog

from smscd import parts, pdu, plain, plain_answers, receipts
from smscd.admission import Admitted, Esme, Submission
from smscd.clock import Clock
from smscd.connectors import Connector
from smscd.counters import Counters
from smscd.interception import Interception, answer_to
from smscd.message import (
    CLOSED, DEAD, ENROUTE, FAIL, LEASED, MO, MT, NOTIFICATION, OPT_OUT, QUEUED, RECEIPT, RESEND, SENT,
    Accepted, Deferred, Delivered, Kind, Message, MessageIds, Outcome, Rejected, Unanswered, submitted,
)  # fmt: skip
from smscd.optout import BLOCKED_TEXT, OptOutSettings
from smscd.queueing import NOBODY, Queueing
from smscd.scheduler import PRIORITY_STEP, RetrySettings, retry_at
from smscd.store import Answer, AnswerAll, Store
from smscd.text import Alphabet

log = structlog.get_logger("smscd.journey")

DELIVERED, EXPIRED, UNDELIVERABLE, ACCEPTED, UNKNOWN, REJECTED = (int(pdu.MessageState[name]) for name in (
    "DELIVERED", "EXPIRED", "UNDELIVERABLE", "ACCEPTED", "UNKNOWN", "REJECTED"))  # fmt: skip
_OUTCOMES = {kind: kind.__name__.lower() for kind in (Accepted, Delivered, Deferred, Rejected, Unanswered)}


class Journey(Queueing):
    """The three acts over one store. `routes`, `receivers`, `esmes` and `connectors` may be replaced by a reload."""

    def __init__(
        self, store: Store, ids: MessageIds, clock: Clock, counters: Counters, retry: RetrySettings,
        queue_limit: int = 0, opt_out: OptOutSettings | None = None,
    ) -> None:  # fmt: skip
        super().__init__(store, ids, clock, counters, retry, queue_limit)
        self.interception = Interception(store, clock, counters, opt_out)
        self._to_forward: set[str] = set()

    # -- act one: accept ---------------------------------------------------------------------------------------------

    def accept(
        self, content: Submission, esme: Esme, version: int, answer: Answer, group: Message | None = None
    ) -> Message | int:
        """May this message of `esme` come in? Its command_status if not; otherwise `answer` is called once, later.

        `version`: interface_version of the bind. `group`: first message of the same submit_multi, whose id it shares.
        """
        if self.store.full or 0 < self.queue_limit <= self.queued:
            return pdu.ESME_RMSGQFUL
        now = self.clock.wall()
        admitted = esme.admit(content, version, now, self.clock.monotonic() if esme.is_limited else 0.0)
        if not isinstance(admitted, Admitted):
            return admitted
        rule = self.routes.takes_all or self.routes.resolve(
            esme.system_id, content, esme.settings.default_alphabet, now
        )
        if rule is None:
            esme.refund(admitted.segments, now)
            return pdu.ESME_RINVDSTADR
        ways = map(self.connectors.get, rule.connectors)
        recipient = rule.recipient(content) if rule.numbers is not None else b""
        is_forbidden = self.interception.forbids(content, esme.system_id, esme, ways, rule.shows, recipient)
        if is_forbidden and esme.settings.opt_out == "reject":
            esme.refund(admitted.segments, now)
            return self.interception.refusal
        name = rule.only or self.choose(rule, esme.system_id, content)
        message = submitted(self.ids, content, esme.system_id, name, now, version, group)
        message.expires = admitted.expires
        message.segments = admitted.segments
        message.recipient = recipient
        if is_forbidden:  # its ESME wants ESME_ROK and a receipt: final before it ever waited
            self.store.batch.add(message)
            self.scheduler.own(message)
            message.refusal = BLOCKED_TEXT
            self.close(message, REJECTED, self.interception.error_code)
            self.store.batch.answer(message, answer)
            return message
        connector = self.connectors[name]
        message.in_doubt = connector.in_doubt
        status = connector.screen(message)
        if status:
            esme.refund(admitted.segments, now)
            return status
        if admitted.schedule:
            message.due = admitted.schedule
        elif isinstance(content, pdu.SubmitSm) and content.priority_flag:
            message.due = now - content.priority_flag * PRIORITY_STEP
        if not (connector.parts_within and self.gathers(message, connector)):
            self.enter(message, now)
        self.store.batch.answer(message, answer)
        return message

    def accept_all(
        self, submissions: list[pdu.SubmitSm], esme: Esme, version: int, answer: AnswerAll
    ) -> list[pdu.SubmitSm]:
        """`accept` for plain submissions that came together; those that have to be asked for one by one."""
        return plain.accept_all(self, self.interception, self.enter_all, submissions, esme, version, answer)

    def accept_mo(
        self, content: pdu.DeliverSm, answer: Answer | None = None, connector: str = "", alphabet: Alphabet = "gsm7"
    ) -> Message:
        """A message from a handset by `connector`, for the ESME that `receives` it; STOP is understood first."""
        owner = self.receivers.owner(content.destination_addr)
        message = self.to_esme(MO, owner or NOBODY, content, self.clock.wall())
        if owner is None:
            message.connector = NOBODY
        if not self.holds(message, answer, connector, alphabet):
            self.arrive(message, answer, connector, alphabet)
        return message

    def arrive(self, message: Message, answer: Answer | None, connector: str, alphabet: Alphabet) -> None:
        """An MO that waits for no other part: read, then on its way to its ESME, or kept here."""
        if not self.read(message, connector, alphabet):
            self.keep(message, CLOSED, ACCEPTED)
        elif message.connector == NOBODY:
            self.keep(message, DEAD, UNDELIVERABLE)
        else:
            self.enter(message, self.clock.wall())
        if answer is not None:
            self.store.batch.answer(message, answer)
        self.store.wake()

    def read(self, message: Message, connector: str, alphabet: Alphabet) -> bool:
        """Do what a STOP, START or HELP asks for; whether the ESME is to have the message all the same."""
        content, owner = message.content, "" if message.connector == NOBODY else message.system_id
        assert isinstance(content, pdu.DeliverSm)
        heard = self.interception.hear(content, owner, connector, message.id, alphabet)
        if heard is not None and heard.answer:
            now = self.clock.wall()
            self._reply(answer_to(message, heard.answer, connector, self.ids, now), now)
        return heard is None or heard.relay

    def _reply(self, reply: Message, now: int) -> None:
        """Our answer to STOP, START or HELP leaves by the way that came in on, or by the route of such a message."""
        content = reply.content
        if reply.connector not in self.connectors:
            rule = self.routes.resolve(reply.system_id, content, "gsm7", now)
            reply.connector = rule.choose(self.is_alive) if rule is not None else ""
        way = self.connectors.get(reply.connector)
        if way is None or way.screen(reply):
            log.warning("not answered: no way back", message_id=reply.message_id, connector=reply.connector)
        else:
            self.enter(reply, now)

    # -- act two: forward --------------------------------------------------------------------------------------------

    def has_credit(self, connector: str) -> None:
        """`connector` can take more, or more is due for it: forward at the end of this loop turn."""
        lane = self.scheduler.lane(connector)
        if (lane.ready or lane.backlog) and connector not in self._to_forward:
            if not self._to_forward:
                asyncio.get_running_loop().call_soon(self._forward_all)
            self._to_forward.add(connector)

    def _forward_all(self) -> None:
        names, self._to_forward = self._to_forward, set()
        for name in names & self.connectors.keys():
            self.forward(self.connectors[name])

    def forward(self, connector: Connector) -> None:
        """Give `connector` what is due, as far as its credit goes."""
        lane = self.scheduler.lane(connector.name)
        room = connector.credit() - lane.reserved
        now = self.clock.wall()
        leaving: list[Message] = []
        while len(leaving) < room and (taken := self.scheduler.take_all(lane, room - len(leaving))):
            if (some := self.leaving_at_once(taken, connector, room - len(leaving))) < len(taken):
                self.scheduler.put_back(lane, taken[some:])
                taken, room = taken[:some], 0
            lane.queued -= len(taken)
            self.queued -= len(taken)
            for message in taken:
                if message.expires > now:
                    leaving.append(message)
                else:
                    self.expire(message)
        if not leaving:
            return
        lane.reserved += len(leaving)
        if connector.stores_lease:
            self._lease_all(leaving, connector, now)
            self.store.batch.change_all(leaving)
            self.store.batch.then_all_of(leaving, self.then_leave)
            self.store.wake()
        else:
            self._leave(connector.name, leaving)

    def leave_all(self, messages: list[Message]) -> None:
        """The leases of one commit are on disk: hand the messages over."""
        by_connector: dict[str, list[Message]] = {}
        for message in messages:
            by_connector.setdefault(message.connector, []).append(message)
        for name, some in by_connector.items():
            self._leave(name, some)

    def _leave(self, name: str, messages: list[Message]) -> None:
        """The leases are on disk (or not needed): hand the messages over to one connector."""
        lane = self.scheduler.lane(name)
        lane.reserved -= len(messages)
        lane.in_flight += len(messages)
        if (connector := self.connectors.get(name)) is None:  # removed by a reload while the lease was being committed
            for message in messages:
                self._give_back(message, Deferred("the connector was removed", retry_after=0.0, counts=False))
            return
        if self.routes.rewrites:
            self.number(messages)
        if self.interception.optout is not None and (suspects := self.interception.suspects(messages)):
            messages = [m for m in messages if m.id not in suspects or m.kind != MT or self._may_leave(m, connector)]
        self.counters.connector(name).forwarded += len(messages)
        connector.submit(messages)

    def _may_leave(self, message: Message, connector: Connector) -> bool:
        """The last look at the opt-out list: nothing is awaited between this and the handing over."""
        if not self.interception.is_ready:
            self._give_back(message, Deferred("the opt-out list is not loaded", retry_after=1.0, counts=False))
        elif self.interception.stops(message, self.esmes.get(message.system_id), connector, self.shows(message)):
            message.refusal = BLOCKED_TEXT
            self.store.batch.all_parts(message)
            self.settle(message, REJECTED, self.interception.error_code)
        else:
            return True
        return False

    def _give_back(self, message: Message, why: Deferred) -> None:
        for number in [part.number for part in message.parts if part.stage == LEASED] or [1]:
            self.outcome(message, number, why)

    def outcome(self, message: Message, number: int, outcome: Outcome) -> None:
        """Record what became of part `number` of a message that was handed over."""
        counters = self.counters.connector(message.connector)
        counters.outcomes[_OUTCOMES[type(outcome)]] += 1
        counters.in_doubt += type(outcome) is Unanswered
        if message.parts and message.parts[0].provider:
            part = message.parts[number - 1]
            parts.note(part, outcome, self.clock.wall())
            self.store.batch.part(part)
            self.store.wake()
            if type(outcome) is Accepted:
                self.on_sent(message, part)
            if (folded := parts.fold(message, outcome)) is None:
                return
            outcome = folded
        match outcome:
            case Accepted(upstream_message_id):
                self._taken_over(message, number, upstream_message_id)
            case Delivered():
                message.attempts += 1
                self.settle(message, DELIVERED, 0)
            case Deferred(command_status=command_status):
                self.note(message, number, command_status)
                self._defer(message, outcome)
            case Rejected(command_status, _why):
                counters.count_rejected(command_status)
                message.attempts += 1
                self.note(message, number, command_status)
                self.settle(message, REJECTED, command_status)
            case Unanswered():
                self._in_doubt(message)
            case _:
                assert_never(outcome)

    def delivered(self, messages: list[Message]) -> None:
        """The recipient itself, a bound ESME, has acknowledged these."""
        self.counters.connector(messages[0].connector).outcomes["delivered"] += len(messages)
        for message in messages:
            message.attempts += 1
        self.settle_all(messages, DELIVERED, 0)
        self.store.wake()  # who has acknowledged it must not get it once more

    def taken_over(self, messages: list[Message]) -> None:
        """The other side has all of these, under the ids that their parts carry already."""
        now = self.clock.wall()
        for message in messages:
            message.attempts += 1
            for part in message.parts:
                part.stage = SENT
            if message.content.registered_delivery & pdu.REGISTERED_INTERMEDIATE_NOTIFICATION:
                self.report([message], NOTIFICATION, ENROUTE, 0, now)
        if messages:
            self.counters.connector(messages[0].connector).outcomes["accepted"] += len(messages)

    def _taken_over(self, message: Message, number: int, upstream_message_id: str) -> None:
        part = message.parts[number - 1]
        if part.provider:
            self.handed_over(message)
            return
        part.stage = SENT
        message.attempts += 1
        if part.upstream_message_id != upstream_message_id:  # an emulated network gave its number when it was asked
            part.upstream_message_id = upstream_message_id
            part.changed_at = self.clock.wall()
            self.store.batch.part(part)
            self.store.wake()
        if message.content.registered_delivery & pdu.REGISTERED_INTERMEDIATE_NOTIFICATION:
            self.report([message], NOTIFICATION, ENROUTE, 0, self.clock.wall())

    def accepted_all(self, accepted: list[tuple[Message, str, str]]) -> None:
        """A provider has all of these, each in one part, under these ids (see `outcome` and `handed_over`)."""
        plain_answers.accepted_all(self, self._close_all, accepted)

    def handed_over(self, message: Message) -> None:
        """A provider has every part: its receipts come when they come, and until then the store remembers.

        Where nobody asked for a receipt nothing more will be heard: ACCEPTED is the last that we know.
        """
        self.scheduler.lane(message.connector).in_flight -= 1
        message.attempts += 1
        states = parts.final_states(message)
        if states is None and message.content.registered_delivery & pdu.REGISTERED_RECEIPT_MASK:
            self.store.batch.change(message)
            self.store.batch.then(message, self.scheduler.release)
            self.store.wake()
        else:
            self.close(message, receipts.worst(states or [ACCEPTED]), parts.error_code(message))

    def _defer(self, message: Message, deferred: Deferred) -> None:
        """Back into the queue, to be tried again when the ladder says."""
        now = self.clock.wall()
        message.attempts += deferred.counts
        message.stage = QUEUED
        if deferred.counts or deferred.retry_after != 0.0:
            message.due = retry_at(self.retry.schedule, message.attempts, deferred, now)
        else:  # no attempt was burnt: it keeps its place before what came later
            message.due = min(message.due, now)
        self.scheduler.lane(message.connector).in_flight -= 1
        if message.kind == MT and (refused := self.reroute(message, deferred)) is not None:
            log.info("rerouted", message_id=message.message_id, connector=message.connector)
            if refused:
                self.close(message, REJECTED, refused)
                return
        self.requeue(message)
        if deferred.counts:
            log.info("deferred", message_id=message.message_id, connector=message.connector,
                     attempts=message.attempts, why=deferred.why)  # fmt: skip
            if message.content.registered_delivery & pdu.REGISTERED_INTERMEDIATE_NOTIFICATION:
                self.report([message], NOTIFICATION, ENROUTE, deferred.command_status, now)

    def _in_doubt(self, message: Message) -> None:
        """It left and nobody answered: as the message says (its connector's policy, or its sender's own)."""
        log.warning("in doubt", message_id=message.message_id, connector=message.connector)
        if message.in_doubt == RESEND:
            self._defer(message, Deferred("nobody answered"))
            return
        message.attempts += 1
        if message.in_doubt == FAIL:
            self.settle(message, UNKNOWN, 0)
        else:
            self.scheduler.lane(message.connector).in_flight -= 1
            self.hold(message)

    # -- act three: settle -------------------------------------------------------------------------------------------

    def settle(self, message: Message, message_state: int, error_code: int) -> None:
        """The final state of a message that was handed over is known: close it, and commit its receipt with it."""
        self.settle_all([message], message_state, error_code)
        self.store.wake()

    def settle_all(self, messages: list[Message], message_state: int, error_code: int) -> None:
        """`settle` for messages of one connector that ended alike, at the same moment; nobody waits for its commit."""
        if not messages:
            return
        connector = messages[0].connector
        self.scheduler.lane(connector).in_flight -= len(messages)
        self._close_all(messages, message_state, error_code, self.clock.wall())
        self.store.wake_later()
        self.has_credit(connector)

    def close(self, message: Message, message_state: int, error_code: int) -> None:
        """Close a message that memory owns and nobody has: a dead letter if it was for an ESME and is not there."""
        self.close_all([message], message_state, error_code)

    def close_all(self, messages: list[Message], message_state: int, error_code: int) -> None:
        """`close` for messages that came to the same end at the same moment."""
        self._close_all(messages, message_state, error_code, self.clock.wall())
        self.store.wake()

    def _close_all(self, messages: list[Message], message_state: int, error_code: int, now: int) -> None:
        asking: list[Message] = []
        for message in messages:
            message.message_state, message.error_code, message.final_at = message_state, error_code, now
            if message.kind == MT:
                message.stage = CLOSED
                asked = message.content.registered_delivery
                if asked & pdu.REGISTERED_RECEIPT_MASK and receipts.wanted(asked, message_state, message.origin):
                    asking.append(message)
            elif message_state == DELIVERED:
                message.stage = CLOSED
            else:
                message.stage = DEAD
                log.warning(
                    "dead letter", message_id=message.message_id, kind=Kind(message.kind).name,
                    esme=message.system_id, message_state=pdu.MessageState(message_state).name,
                )  # fmt: skip
        if asking:
            self.report(asking, RECEIPT, message_state, error_code, now)
        batch = self.store.batch
        batch.close_all(messages)
        batch.then_all_of(messages, self.then_release)
        if self.has_wholes:
            self.follow(messages)

    def expire(self, message: Message) -> None:
        """Its validity ended before it left: EXPIRED for its sender, a dead letter if it was for an ESME."""
        self.close(message, EXPIRED, 0)
        if message.origin == OPT_OUT:
            log.warning("answer dropped: too late", message_id=message.message_id, connector=message.connector)

    def report(self, messages: list[Message], kind: int, message_state: int, error_code: int, now: int) -> None:
        """Receipts or notifications about `messages`: messages to their ESMEs, in the batch of what they report."""
        by_esme: dict[str, list[Message]] = {}
        for message in messages:
            by_esme.setdefault(message.system_id, []).append(message)
        for system_id, some in by_esme.items():
            esme = self.esmes.get(system_id)
            alphabet = esme.settings.default_alphabet if esme is not None else "gsm7"
            made = receipts.deliver_sms(some, kind, message_state, error_code, now, alphabet)
            reports = self.to_esme_all(kind, system_id, made, now)
            for message, report in zip(some, reports, strict=True):
                report.original = message.id
                if kind == RECEIPT:
                    message.receipt = report.id
            self.enter_all(f"esme:{system_id}", reports, now)
