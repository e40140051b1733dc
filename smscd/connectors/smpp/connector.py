"""An upstream SMSC as a connector: smscd is the ESME, on one or several sessions."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from heapq import heappop
from typing import Any

import structlog

from smscd import message as messages
from smscd import pdu
from smscd.clock import Clock
from smscd.connectors.interface import News, Returns
from smscd.connectors.settings import SmppSettings
from smscd.connectors.smpp import statuses
from smscd.connectors.smpp.content import Composer
from smscd.connectors.smpp.correlation import Report, key_of, trimmed
from smscd.connectors.smpp.health import Health
from smscd.connectors.smpp.line import Delivered, Line, Sending
from smscd.connectors.smpp.outbind import CalledLine, Calls
from smscd.connectors.smpp.pace import Pace
from smscd.connectors.smpp.reading import plain_report, read_mo, read_report, refused_mo
from smscd.counters import ConnectorCounters
from smscd.dress import Dress
from smscd.errors import TextTooLong
from smscd.link import Link, Links
from smscd.message import LEASED, Accepted, Content, Deferred, Message, Outcome, Rejected, Unanswered, uncover
from smscd.pdu.plain_receipt import PlainReceipt
from smscd.pdu.status import status_from_name, status_name
from smscd.text import Alphabet

log = structlog.get_logger("smscd.connectors")

DRAIN = 5.0
"""Seconds that the upstream gets to answer what is in flight at a stop (CONTRACT, "Stop")."""
BINDS: dict[str, tuple[type[pdu.Bind], ...]] = {
    "transceiver": (pdu.BindTransceiver,),
    "transmitter+receiver": (pdu.BindTransmitter, pdu.BindReceiver),
    "transmitter": (pdu.BindTransmitter,),
    "receiver": (pdu.BindReceiver,),
}


class Upstream:
    """See `connectors.interface.Connector`."""

    kind = "smpp"
    stores_lease = True

    def __init__(
        self, settings: SmppSettings, password: bytes, tls: ssl.SSLContext | None, news: News, returns: Returns,
        links: Links, clock: Clock, counters: ConnectorCounters, alphabet_of: Callable[[str], Alphabet],
        dress_of: Callable[[Message], Dress | None] = lambda _message: None,
    ) -> None:  # fmt: skip
        self.settings = settings
        self.name = settings.name
        self.provider = settings.provider or settings.name
        self.screens, self.divides = False, True
        self.parts_within = settings.parts_within if settings.long_messages == "payload" else 0.0
        self.shows = (settings.source_addr or "").encode()
        self.in_doubt = int(messages.InDoubt[settings.in_doubt.upper()])
        self.joins = settings.long_mo == "whole"
        self.tls = tls
        self._news = news
        self._returns = returns
        self._clock = clock
        self._counters = counters
        self._composer = Composer(settings, alphabet_of, dress_of)
        self._answers = statuses.table(settings.temporary, [*settings.permanent, *settings.opted_out])
        self._opted_out = frozenset(map(status_from_name, settings.opted_out))
        self._pace = Pace(settings.rate, clock.monotonic())
        self._health = Health(settings.dead_after, settings.probe_after)
        self._lines = [
            self._line_class(bind)(settings, bind, password, lambda: self.tls, self, links, clock)
            for _ in range(settings.sessions)
            for bind in BINDS[settings.bind]
        ]
        self._calls = Calls(settings, [line for line in self._lines if isinstance(line, CalledLine)])
        self._order = 0
        self._pins = settings.sessions > 1
        self._pinned: dict[tuple[str, bytes], tuple[Line, int]] = {}  # (ESME, handset) → its line, parts on it
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False
        self._quiet = asyncio.Event()
        self.is_stopped: Callable[[Message], bool] = lambda _message: False
        self.on_opted_out: Callable[[Message, str], None] = lambda _message, _why: None

    def _line_class(self, bind: type[pdu.Bind]) -> type[Line]:
        """An upstream that calls is not dialled, except by what only sends."""
        return CalledLine if self.settings.outbind.address and bind is not pdu.BindTransmitter else Line

    # -- what the journey asks ---------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        if self._stopped or not self._health.is_well(self._clock.monotonic()):
            return False
        return any(line.sends for line in self._lines)

    def credit(self) -> int:
        if self._stopped:
            return 0
        free = sum(line.credit for line in self._lines)
        if free <= 0:
            return 0
        now = self._clock.monotonic()
        room, trust = self._pace.room(now), self._health.room(now)
        if room == 0 or trust == 0:
            self._wake_later()
        free = free if trust is None else min(free, trust)
        return free if room is None else min(free, room)

    def divide(self, message: Message) -> int:
        return self._composer.count(message)

    def screen(self, message: Message) -> int:
        """Whether it can be said to this upstream at all; what else it refuses only the upstream knows."""
        return 0 if self._composer.can_say(message) else pdu.ESME_RINVMSGLEN

    def submit(self, messages: list[Message]) -> None:
        room = {line: line.credit for line in self._lines if line.sends}
        leaving: dict[Line, list[Sending]] = {line: [] for line in room}
        line = next(iter(room), None)  # where nothing is pinned there is but one
        for message in messages:
            if line is None:
                self._ends_here(message, Deferred("the upstream is away", retry_after=0.0, counts=False))
                continue
            try:
                sendings = self._sendings(message)
            except TextTooLong as fault:  # it came here by another way than the one that screened it
                self._ends_here(message, Rejected(pdu.ESME_RINVMSGLEN, str(fault)))
                continue
            if self._pins:
                line = self._line_for(message, len(sendings), room)
                room[line] -= len(sendings)
            leaving[line] += sendings
        for line, some in leaving.items():
            if some:
                self._health.leaving()
                self._pace.take(len(some))
                self._write(line, some)

    def _ends_here(self, message: Message, outcome: Outcome) -> None:
        """What was to leave does not."""
        for part in message.parts:
            if part.stage == LEASED:
                self._news.outcome(message, part.number, outcome)

    def _sendings(self, message: Message) -> list[Sending]:
        """The parts of `message` that are to leave, in order."""
        parts = message.parts
        first = self._order + 1
        if len(parts) == 1 and parts[0].stage == LEASED and (frame := self._composer.as_it_came(message)):
            content = message.content
            assert isinstance(content, pdu.SubmitSm)
            self._order = first
            return [Sending(first, message, 1, content, frame)]
        composed = self._composer.compose(message)
        due = [part.number for part in parts if part.stage == LEASED]
        self._order += len(due)
        return [Sending(order, message, number, composed[number - 1]) for order, number in enumerate(due, first)]

    def _line_for(self, message: Message, parts: int, room: Mapping[Line, int]) -> Line:
        """The line that has parts for the same handset, so that they stay in order; otherwise the emptiest."""
        pin = (message.system_id, message.content.destination_addr)
        line, held = self._pinned.get(pin, (None, 0))
        if line is None or line not in room:
            line = max(room, key=room.__getitem__)
        self._pinned[pin] = (line, held + parts)
        return line

    def resume(self, message: Message) -> None:
        raise AssertionError(f"{message.message_id}: what a provider has taken over waits in the store")

    def recall(self, message: Message) -> bool:  # noqa: ARG002 - what was written cannot be taken back
        return False

    def status(self) -> dict[str, Any]:
        bound = sum(line.is_bound for line in self._lines)
        state = "stopped" if self._stopped else "up" if bound == len(self._lines) else "partly up" if bound else "down"
        trouble = next((line.trouble for line in self._lines if line.trouble), "")
        if self._health.room(self._clock.monotonic()) is not None and bound and not self._stopped:
            state, trouble = "failing", f"submits in a row failed; one is tried in {self._until_probe:.0f} s"
        return {
            "state": state,
            "in_flight": self.in_flight,
            "credit": self.credit(),
            "sessions": bound,
            **({"trouble": trouble} if trouble and (bound < len(self._lines) or state == "failing") else {}),
        }

    @property
    def in_flight(self) -> int:
        """Parts written and not answered."""
        return sum(line.in_flight for line in self._lines)

    # -- its life ----------------------------------------------------------------------------------------------------

    def renew(self, tls: ssl.SSLContext | None) -> None:
        """Certificates as they are on disk now, for connections to come; those that stand are left alone."""
        self.tls = tls
        self._calls.renew()

    async def start(self) -> None:
        for line in self._lines:
            line.start()
        self._calls.start()

    async def stop(self) -> None:
        """Send no more, wait for the answers to what was sent, unbind."""
        self._stopped = True
        await self._calls.stop()
        if self._timer is not None:
            self._timer.cancel()
        for line in self._lines:
            waiting, line.waiting = sorted(line.waiting), []
            self.returned(waiting)
        if self.in_flight:
            self._quiet.clear()
            try:
                async with asyncio.timeout(DRAIN):
                    await self._quiet.wait()
            except TimeoutError:
                log.warning("the upstream did not answer in time", connector=self.name, in_doubt=self.in_flight)
        await asyncio.gather(*(line.stop(1.0) for line in self._lines))

    # -- LineOwner ---------------------------------------------------------------------------------------------------

    def may_send(self) -> bool:
        return not self._stopped and self._clock.monotonic() >= self._pace.resting_until

    def bound(self, line: Line) -> None:
        self._counters.sessions = sum(one.is_bound for one in self._lines)
        self._write(line)
        self._news.has_credit(self.name)

    def delivered(self, line: Line, requests: list[Delivered]) -> None:
        """Receipts and MO: answered when what they cause is committed."""
        link = line.link
        assert link is not None
        reports: list[Report] = []
        name, provider, settings = self.name, self.provider, self.settings
        base, by_address = settings.message_id_base, settings.receipts_by_address
        for request in requests:
            if isinstance(request, PlainReceipt):
                reports.append(plain_report(request, name, provider, base, by_address))
                continue
            if request.tail:
                uncover(request)
            report = self.read_report(request)
            if report is not None:
                reports.append(report)
            elif status := refused_mo(request):
                _answer(link, request, status)
            else:
                self._counters.mo_accepted += 1
                answer = partial(_answer, link, request)
                self._returns.mo(self.name, read_mo(request), answer, self.settings.default_alphabet)
        if reports:
            self._returns.report_all(reports, partial(_answer_reports, link))

    def read_report(self, request: Content) -> Report | None:
        """The report in what this upstream delivered; None if it is a message from a handset."""
        settings = self.settings
        return read_report(
            request, self.name, self.provider, settings.message_id_base, sniff=settings.sniff_receipts,
            by_address=settings.receipts_by_address,
        )  # fmt: skip

    def answered(self, line: Line, sending: Sending, response: pdu.Pdu, late: bool) -> None:
        """submit_sm_resp, or a generic_nack, for one of ours."""
        now = self._clock.monotonic()
        congestion = pdu.tlv.get(getattr(response, "tlvs", []), pdu.Tag.congestion_state)
        if congestion:
            self._pace.congestion(congestion[0], now)
        if late:
            outcome = self._outcome(sending, response)
            if outcome is not None:
                self._returns.late(self.provider, sending.message, sending.number, outcome)
            return
        outcome = self._outcome(sending, response)
        if outcome is None:  # too fast: the same first again, when the link has rested
            self._pace.refused(now)
            line.put(sending)
        else:
            if isinstance(outcome, Accepted):
                self._pace.went_well()
            elif self._answers.get(response.command_status) is statuses.Answer.UNBOUND:
                line.make_anew()
            self._ended(sending, outcome)
        self._go_on(line)

    def taken(self, line: Line, answers: list[tuple[Sending, bytes]]) -> None:
        sent: list[tuple[Message, str, str]] = []
        for sending, message_id in answers:
            upstream_message_id = trimmed(message_id)
            if not upstream_message_id:
                self.answered(line, sending, pdu.SubmitSmResp(message_id=message_id), late=False)
                continue
            if self._pins:
                self._unpin(sending)
            sent.append((sending.message, upstream_message_id, key_of(upstream_message_id)))
        if sent:
            self._pace.went_well(len(sent))
            self._judge(Accepted())
            self._news.accepted_all(sent)
        self._go_on(line)

    def _outcome(self, sending: Sending, response: pdu.Pdu) -> Outcome | None:
        """What a response says about a part; None to pause and try the same again."""
        status = response.command_status
        if status == pdu.ESME_ROK and isinstance(response, pdu.SubmitSmResp):
            upstream_message_id = trimmed(response.message_id or b"")
            if not upstream_message_id:
                self._without_id()
            return Accepted(upstream_message_id, key_of(upstream_message_id))
        why = f"the upstream answered {pdu.command_name(response.command_id)} {status_name(status)}"
        if status == pdu.ESME_ROK:
            return Unanswered()  # a response to something else under our number says nothing about it
        answer = self._answers.get(status, statuses.Answer.NEVER)
        if answer is statuses.Answer.PAUSE:
            return None
        if answer is statuses.Answer.UNBOUND:
            return Deferred(why, counts=False, retry_after=1.0, command_status=status)
        few = answer is statuses.Answer.FEW and sending.message.attempts + 1 < statuses.FEW_ATTEMPTS
        if few or answer is statuses.Answer.LATER:
            return Deferred(why, command_status=status)
        if status in self._opted_out:
            self.on_opted_out(sending.message, status_name(status))
        return Rejected(status, why)

    def unanswered(self, sendings: list[Sending]) -> None:
        for sending in sendings:
            self._ended(sending, Unanswered())
        self._settle_down()
        self._news.has_credit(self.name)

    def unexpected(self) -> None:
        self._counters.unexpected += 1

    def returned(self, sendings: list[Sending]) -> None:
        for sending in sendings:
            self._ended(sending, Deferred("the session ended before it left", retry_after=0.0, counts=False))
        self._counters.sessions = sum(one.is_bound for one in self._lines)
        self._settle_down()

    # -- how it is done ----------------------------------------------------------------------------------------------

    def _ended(self, sending: Sending, outcome: Outcome) -> None:
        if self._pins:
            self._unpin(sending)
        self._judge(outcome)
        self._news.outcome(sending.message, sending.number, outcome)

    def _unpin(self, sending: Sending) -> None:
        pin = (sending.message.system_id, sending.message.content.destination_addr)
        line, held = self._pinned[pin]
        if held > 1:
            self._pinned[pin] = (line, held - 1)
        else:
            del self._pinned[pin]

    def _without_id(self) -> None:
        """It was taken, and no receipt can ever name it: counted, and said once."""
        if not self._counters.receipts["no id"] and not self.settings.receipts_by_address:
            log.warning("upstream gives no message_id", connector=self.name, try_="receipts_by_address")
        self._counters.receipts["no id"] += 1

    def _judge(self, outcome: Outcome) -> None:
        """What an outcome says about the upstream, whatever it says about the message."""
        if isinstance(outcome, Accepted | Rejected):
            if self._health.answered():
                log.warning("upstream is well again", connector=self.name)
        elif isinstance(outcome, Deferred) and not outcome.counts:
            self._health.came_back()
        elif self._health.failed(self._clock.monotonic()):
            log.warning("upstream is bound and useless", connector=self.name, probe_in=round(self._until_probe, 1))

    @property
    def _until_probe(self) -> float:
        return self._health.wait(self._clock.monotonic())

    def _write(self, line: Line, leaving: Sequence[Sending] = ()) -> None:
        now = self._clock.wall()
        while line.waiting and line.waiting[0].message.expires <= now:  # its validity ended while the link rested
            self._ended(heappop(line.waiting), Deferred("it expired", retry_after=0.0, counts=False))
        is_resting = not self.may_send()  # asked before: the rest may end between its writing and a look after it
        for sending, fault in line.send(leaving):
            self._ended(sending, Rejected(pdu.ESME_RSYSERR, str(fault)))
        if line.waiting and is_resting:
            self._wake_later()

    def _go_on(self, line: Line) -> None:
        self._write(line)
        self._settle_down()
        self._news.has_credit(self.name)

    def _settle_down(self) -> None:
        if self._stopped and not self.in_flight:
            self._quiet.set()

    def _wake_later(self) -> None:
        """Come back when the pace allows more."""
        if self._timer is None and not self._stopped:
            pause = max(0.001, self._pace.wait(self._clock.monotonic()), self._until_probe)
            self._timer = asyncio.get_running_loop().call_later(pause, self._rested)

    def _rested(self) -> None:
        self._timer = None
        for line in self._lines:
            self._write(line)
        self._news.has_credit(self.name)


def _answer(link: Link, request: Content, status: int) -> None:
    response = pdu.DataSmResp if isinstance(request, pdu.DataSm) else pdu.DeliverSmResp
    link.session.respond(request, response(command_status=status, message_id=b""))
    link.flush_soon()


def _answer_reports(link: Link, reports: list[Report], status: int) -> None:
    """`_answer` for all of these, in one piece where that is known."""
    plain = [one.delivered.sequence_number for one in reports if type(one.delivered) is not pdu.DataSm]
    if status or len(plain) < len(reports):
        for report in reports:
            _answer(link, report.content, status)
    else:
        link.session.respond_octets(b"".join(map(pdu.deliver_sm_resp, plain)), len(plain))
        link.flush_soon()
