"""One pump per link: what the peer asks goes to the journey, what it answers goes to its connector."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, ClassVar, cast

import structlog

from smscd import pdu
from smscd.admission import Esme, Submission, is_plain
from smscd.ancillary import Ancillary
from smscd.clock import Clock
from smscd.connectors import EsmeConnector
from smscd.counters import Counters
from smscd.interception import OptedOut
from smscd.journey import Journey
from smscd.link import Link
from smscd.listener.binding import Binding
from smscd.listener.multi import burden_of, submit_multi
from smscd.message import Message
from smscd.optout import BLOCKED_TEXT
from smscd.session import (
    Acknowledged,
    Answered,
    Closed,
    Event,
    LateAnswer,
    Nacked,
    Refusal,
    SessionSettings,
    State,
    Unanswered,
    UnexpectedResponse,
)  # fmt: skip

log = structlog.get_logger("smscd.listener")

ROK = pdu.ESME_ROK
FAREWELL = 0.5
"""Seconds from a refused bind to the end of its connection: jSMPP forgets an answer that it has not looked at when the
connection ends, and waits a minute for it."""


@dataclass(slots=True)
class Desk:
    """What all pumps share."""

    journey: Journey
    ancillary: Ancillary
    binding: Binding
    counters: Counters
    clock: Clock
    system_id: bytes


class Pump:
    """The owner of one link to an ESME (see `link.LinkOwner`)."""

    __slots__ = (
        "_accept",
        "_accept_all",
        "_answer",
        "_answer_all",
        "_connector",
        "_desk",
        "_esme",
        "_link",
        "_on_bound",
        "_on_closed",
        "_waiting",
        "_worker",
        "since",
    )

    def __init__(self, desk: Desk, on_bound: Callable[[Pump], None], on_closed: Callable[[Pump], None]) -> None:
        self._desk = desk
        self._accept = desk.journey.accept
        self._accept_all = desk.journey.accept_all
        self._answer, self._answer_all = self._stored, self._all_stored
        self._esme: Esme | None = None
        self._connector: EsmeConnector | None = None
        self._link: Link | None = None
        self._on_bound = on_bound
        self._on_closed = on_closed
        self._waiting: deque[Coroutine[Any, Any, None]] = deque()
        self._worker: asyncio.Task[None] | None = None
        self.since = desk.clock.wall()

    @property
    def esme(self) -> Esme | None:
        """The account, once bound."""
        return self._esme

    @property
    def link(self) -> Link | None:
        return self._link

    # -- LinkOwner ---------------------------------------------------------------------------------------------------

    def events(self, link: Link, events: list[Event]) -> None:
        """What one read brought, in order; answers first: a fault in what the peer asks must not cost them."""
        self._link = link
        first = events[0]
        if type(first) is Acknowledged:
            self._acknowledged(link, first)
            events = events[1:]
        answers = [event for event in events if type(event) is Answered]
        if answers:
            self._answered(link, answers)
            if len(answers) == len(events):
                return
            events = [event for event in events if type(event) is not Answered]
        left = iter(events)
        try:
            self._hear(link, left)
        except Exception:
            self._salvage(link, left)
            raise

    def _salvage(self, link: Link, left: Iterator[Event]) -> None:
        """A fault costs the link; what ends behind it is about messages that must not be forgotten for it."""
        for event in left:
            if isinstance(event, Unanswered | Closed):
                try:
                    self._HANDLERS[type(event)](self, link, event)
                except Exception as fault:
                    log.error("the end of a request was lost to a fault", peer=link.peer, exc_info=fault)

    def _hear(self, link: Link, events: Iterator[Event]) -> None:
        plain: list[pdu.SubmitSm] = []
        for event in events:
            if type(event) is pdu.SubmitSm and is_plain(event):
                plain.append(event)
                continue
            if plain:
                plain = self._plain_submissions(link, plain)
            handle = self._HANDLERS.get(type(event))
            if handle is not None:
                handle(self, link, event)
        if plain:
            self._plain_submissions(link, plain)

    def writable(self, link: Link) -> None:
        if self._connector is not None:
            self._connector.writable(link)

    def closed(self, link: Link, reason: str) -> None:
        esme = self._esme
        log.info("closed", peer=link.peer, esme=esme.system_id if esme else "", reason=reason)
        self._leave(link, [])
        if self._worker is not None:
            self._worker.cancel()
        while self._waiting:
            self._waiting.popleft().close()
        self._on_closed(self)

    def _leave(self, link: Link, unanswered: list[Message]) -> None:
        connector, self._connector = self._connector, None
        if connector is not None:
            bind = link.session.bind
            if bind is not None and self._esme is not None:
                self._esme.counters.sessions[_kind_of(bind)] -= 1
            connector.detach(link, unanswered)

    # -- binding -----------------------------------------------------------------------------------------------------

    def _bind(self, link: Link, bind: pdu.Bind) -> None:
        self._spawn(self._decide(link, bind))

    async def _decide(self, link: Link, bind: pdu.Bind) -> None:
        status = await self._desk.binding.decide(link, bind)
        if link.session.state is State.CLOSED:
            return
        if status != ROK:
            self._desk.counters.daemon.binds_refused[status] += 1
            link.session.refuse_bind(bind, status)
            link.flush()
            why = f"bind refused: {pdu.status.status_name(status)}"
            asyncio.get_running_loop().call_later(FAREWELL, self._part, link, why)
            return
        self._bound(link, bind)
        link.flush()

    def _part(self, link: Link, why: str) -> None:
        """The end of a link whose bind was refused, unless another was accepted or the peer has left."""
        if self._esme is None and link.session.state is not State.CLOSED:
            link.close(why)

    def _bound(self, link: Link, bind: pdu.Bind) -> None:
        binding = self._desk.binding
        esme = binding.esmes[bind.system_id.decode("utf-8", "replace")]
        connector = binding.connectors[esme.system_id]
        link.session.accept_bind(bind, self._desk.system_id, _terms(link, esme))
        self._esme, self._connector = esme, connector
        esme.counters.binds += 1
        esme.counters.sessions[_kind_of(bind)] += 1
        version = f"0x{link.session.interface_version:02x}"
        log.info("bound", esme=esme.system_id, peer=link.peer, bind=_kind_of(bind), interface_version=version)
        self._on_bound(self)
        connector.attach(link)

    def renew(self) -> None:
        """The account's settings have changed: what they say about a session holds from now on."""
        link, esme = self._link, self._esme
        if link is not None and esme is not None and link.session.state is not State.CLOSED:
            link.session.apply(_terms(link, esme))
            link.flush()

    # -- messages ----------------------------------------------------------------------------------------------------

    def _plain_submissions(self, link: Link, submissions: list[pdu.SubmitSm]) -> list[pdu.SubmitSm]:
        """What came in a row, accepted as one where that can be; the new row."""
        esme = self._esme
        assert esme is not None
        for submission in self._accept_all(submissions, esme, link.session.interface_version, self._answer_all):
            self._submission(link, submission)
        return []

    def _submission(self, link: Link, submission: Submission) -> None:
        """submit_sm and data_sm: refused at once, or answered by the commit."""
        esme = self._esme
        assert esme is not None
        result = self._accept(submission, esme, link.session.interface_version, self._answer)
        if isinstance(result, int):
            esme.counters.refused[result] += 1
            respond(link, submission, result)
        elif submission.tlvs:
            link.burden += burden_of(submission)

    def _all_stored(self, messages: list[Message], status: int) -> None:
        """`_stored` for plain submissions: their answers are one write."""
        esme, link = self._esme, self._link
        assert esme is not None
        assert link is not None
        if status:
            for message in messages:
                self._stored(message, status)
            return
        esme.counters.accepted += len(messages)
        esme.counters.accepted_segments += len(messages)
        responses = [pdu.submit_sm_resp(m.content.sequence_number, m.message_id.encode()) for m in messages]
        link.session.respond_octets(b"".join(responses), len(responses))
        link.flush_soon()

    def _stored(self, message: Message, status: int) -> None:
        """The store has spoken: on stable storage, or no room. The content is the very PDU that waits for an answer."""
        esme, link, submission = self._esme, self._link, message.content
        assert esme is not None
        assert link is not None
        if submission.tlvs:
            link.burden -= burden_of(submission)
        if status:
            esme.counters.refused[status] += 1
            respond(link, submission, status)
        else:
            esme.counters.accepted += 1
            esme.counters.accepted_segments += message.segments
            message_id = message.message_id.encode()
            if type(submission) is pdu.SubmitSm:
                replaces = submission.replace_if_present_flag
                response = pdu.submit_sm_resp(submission.sequence_number, message_id)
                link.session.respond_octets(response, 0 if replaces else 1)
                if replaces:
                    self._supersede(message, link)
            else:
                link.session.respond(submission, pdu.DataSmResp(message_id=message_id))
        link.flush_soon()

    def _supersede(self, message: Message, link: Link) -> None:
        """The older one gives way, even if the link has gone; then nobody waits for it."""
        work = self._desk.ancillary.superseding(message)
        if link.session.state is not State.CLOSED:
            self._spawn(self._owing(work, link))

    async def _owing(self, work: asyncio.Task[None], link: Link) -> None:
        """The answer is on its way, before any receipt; it counts as owed until `work` is done, so that the window
        bounds how much of that there is. If the link goes, `work` does not."""
        await asyncio.wait([work])
        link.session.respond_octets(b"")
        link.flush_soon()

    def _submit_multi(self, link: Link, submit: pdu.SubmitMulti) -> None:
        assert self._esme is not None
        rest = submit_multi(self._desk.journey, self._desk.ancillary, self._esme, link, submit)
        if rest is not None:
            self._spawn(rest)

    # -- ancillary operations ----------------------------------------------------------------------------------------

    def _query(self, link: Link, query: pdu.QuerySm) -> None:
        assert self._esme is not None
        version = link.session.interface_version
        self._spawn(self._reply(link, query, partial(self._desk.ancillary.query, self._esme, query, version)))

    def _cancel(self, link: Link, cancel: pdu.CancelSm) -> None:
        assert self._esme is not None
        self._spawn(self._reply(link, cancel, partial(self._desk.ancillary.cancel, self._esme, cancel)))

    def _replace(self, link: Link, request: pdu.ReplaceSm) -> None:
        assert self._esme is not None
        version = link.session.interface_version
        self._spawn(self._reply(link, request, partial(self._desk.ancillary.replace, self._esme, request, version)))

    async def _reply(self, link: Link, request: pdu.Pdu, work: Callable[[], Awaitable[pdu.Pdu | int]]) -> None:
        answer = await work()
        if isinstance(answer, int):
            respond(link, request, answer)
        else:
            link.session.respond(request, answer)
        link.flush_soon()

    def _not_offered(self, link: Link, request: pdu.Pdu) -> None:
        """Broadcast (SMPP 5.0 §4.6): understood, and answered with the status that says we do not do it."""
        respond(link, request, pdu.ESME_RPROHIBITED)

    # -- everything else ---------------------------------------------------------------------------------------------

    def _answered(self, link: Link, events: list[Answered]) -> None:
        about_messages = []
        for event in events:
            if not isinstance(event.context, asyncio.Future):
                about_messages.append(event)
            elif not event.context.done():  # somebody wanted to know whether this link is alive
                event.context.set_result(None)
        if about_messages and self._connector is not None:
            self._connector.answered(link, about_messages)

    def _acknowledged(self, link: Link, event: Acknowledged) -> None:
        if self._connector is not None:
            self._connector.acknowledged(link, cast("list[Message]", [context for _, context, _ in event.requests]))

    def _unanswered(self, link: Link, event: Unanswered) -> None:
        if self._connector is not None and isinstance(event.context, Message):
            self._connector.unanswered(link, event)

    def _late(self, link: Link, event: LateAnswer) -> None:
        message = event.context
        if not isinstance(message, Message):
            return
        status = pdu.status.status_name(event.response.command_status)
        log.info("late answer", peer=link.peer, message_id=message.message_id, status=status)

    def _refusal(self, link: Link, event: Refusal) -> None:
        counters = self._desk.counters.daemon
        if event.command_status == pdu.ESME_RINVCMDLEN and not event.command_id:
            counters.unframeable += 1
            log.warning("unframeable", peer=link.peer, reason=event.reason)
        else:
            counters.malformed += 1
            log.debug("refused", peer=link.peer, command_id=event.command_id, reason=event.reason)

    def _unexpected(self, link: Link, event: UnexpectedResponse | Nacked) -> None:
        self._desk.counters.daemon.unexpected += 1
        if isinstance(event, Nacked):
            log.debug("nacked", peer=link.peer, status=pdu.status.status_name(event.nack.command_status))
        else:
            log.debug("unexpected response", peer=link.peer, command_id=event.command_id, number=event.sequence_number)

    def _closed(self, link: Link, event: Closed) -> None:
        contexts = [unanswered.context for unanswered in event.unanswered]
        self._leave(link, [context for context in contexts if isinstance(context, Message)])

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """A request that waits for a thread or the store: one at a time and in order, so that a write full of them
        holds up nobody else. How many can wait is bounded by the window."""
        self._waiting.append(work)
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
            self._worker.add_done_callback(self._finished)

    async def _work(self) -> None:
        try:
            while self._waiting:
                await self._waiting.popleft()
        finally:
            self._worker = None

    def _finished(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (fault := task.exception()) is not None:
            link = self._link
            log.error("a request failed", peer=link.peer if link else "", exc_info=fault)
            if link is not None:
                link.abort("internal error")

    _HANDLERS: ClassVar[dict[type[Any], Callable[[Pump, Link, Any], None]]] = {
        pdu.BindTransmitter: _bind,
        pdu.BindReceiver: _bind,
        pdu.BindTransceiver: _bind,
        pdu.SubmitSm: _submission,
        pdu.DataSm: _submission,
        pdu.SubmitMulti: _submit_multi,
        pdu.QuerySm: _query,
        pdu.CancelSm: _cancel,
        pdu.ReplaceSm: _replace,
        pdu.BroadcastSm: _not_offered,
        pdu.QueryBroadcastSm: _not_offered,
        pdu.CancelBroadcastSm: _not_offered,
        Unanswered: _unanswered,
        LateAnswer: _late,
        Refusal: _refusal,
        UnexpectedResponse: _unexpected,
        Nacked: _unexpected,
        Closed: _closed,
    }


def respond(link: Link, request: pdu.Pdu, status: int) -> None:
    """Answer `request` with nothing but a command_status; 5.0 has room to say why, and how busy we are."""
    response = _RESPONSES[type(request)](command_status=status)
    if link.session.interface_version >= pdu.INTERFACE_VERSION_5_0 and isinstance(response, _SAYS_MORE):
        if isinstance(status, OptedOut):
            response.tlvs = [(int(pdu.Tag.additional_status_info_text), BLOCKED_TEXT.encode() + b"\0")]
        elif status in _CONGESTED:
            response.tlvs = [(int(pdu.Tag.congestion_state), b"\x64")]
    link.session.respond(request, response)


def _terms(link: Link, esme: Esme) -> SessionSettings:
    """What the account has to say about a session of its own."""
    link.window = esme.settings.window
    return replace(link.session.settings, window=esme.settings.deliver_window, error_body=esme.settings.resp_body)


def _kind_of(bind: pdu.Bind) -> str:
    return pdu.command_name(bind.command_id).removeprefix("bind_")


_SAYS_MORE = pdu.SubmitSmResp | pdu.DataSmResp
_CONGESTED = frozenset({pdu.ESME_RTHROTTLED, pdu.ESME_RMSGQFUL})
"""Refusals by which a sender should slow down: congestion_state 100, maximum load (SMPP 5.0 §4.8.4.18)."""

_BY_COMMAND = {cls.command_id: cls for cls in pdu.PDUS}
_RESPONSES = {
    cls: _BY_COMMAND[response]
    for cls in pdu.PDUS
    if (response := pdu.response_id(cls.command_id)) is not None and response in _BY_COMMAND
}
