"""One session with an upstream: it is opened, bound, kept, and opened again whenever it ends."""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import groupby
from operator import attrgetter
from typing import Protocol, cast

import structlog

from smscd import pdu
from smscd.clock import Clock
from smscd.connectors.settings import SmppSettings
from smscd.errors import SessionError
from smscd.link import Link, LinkOwner, Links, connect, describe
from smscd.message import LEASED, Message
from smscd.pdu import plain_answer, plain_receipt
from smscd.pdu.plain_receipt import PlainReceipt
from smscd.session import (
    Acknowledged,
    Answered,
    Bound,
    Closed,
    Event,
    LateAnswer,
    Nacked,
    Refusal,
    Session,
    SessionSettings,
    Side,
    State,
    Unanswered,
    UnexpectedResponse,
)
from smscd.units import split_endpoint

log = structlog.get_logger("smscd.connectors")

SENDS = (State.BOUND_TRX, State.BOUND_TX)  # no set: to hash a member of an Enum takes longer than all else here
LONGEST_PAUSE = 60.0
"""Seconds between two attempts to bind, at most."""
SLOW = frozenset({pdu.ESME_RINVPASWD, pdu.ESME_RINVSYSID, pdu.ESME_RBINDFAIL})
"""bind_resp that says we are not wanted: trying often locks accounts. ESME_RALYBND is our own ghost and passes."""
SLOW_FACTOR = 15.0
STEADY = 10.0
"""Seconds bound after which the pauses begin anew."""
MOST_OWED = 500
"""deliver_sm of the upstream that we may owe an answer for before we stop reading."""
Delivered = PlainReceipt | pdu.DeliverSm | pdu.DataSm
"""A receipt, or a message from a handset."""
DELIVERED = frozenset({PlainReceipt, pdu.DeliverSm, pdu.DataSm})
VERSIONS = {"3.3": pdu.INTERFACE_VERSION_3_3, "3.4": pdu.INTERFACE_VERSION_3_4, "5.0": pdu.INTERFACE_VERSION_5_0}


@dataclass(slots=True, order=True)
class Sending:
    """One part on its way; `order` keeps what has to wait in the order in which it was handed over."""

    order: int
    message: Message
    number: int
    submit: pdu.SubmitSm
    frame: bytes = b""
    """`submit` in octets, where it is the ESME's own and leaves as it came."""


_frame_of = attrgetter("frame")


def _runs(sendings: Sequence[Sending]) -> Iterator[tuple[bool, Sequence[Sending]]]:
    """Those in a row that leave as they came, and those that do not; nearly always all of them do."""
    if all(map(_frame_of, sendings)):
        return iter([(True, sendings)] if sendings else [])
    return ((came_so, list(some)) for came_so, some in groupby(sendings, key=lambda one: bool(one.frame)))


def is_whole(message: Message) -> bool:
    """Whether an answer to its part is the answer to all of it, as nearly always."""
    return len(message.parts) == 1 and message.parts[0].stage == LEASED and message.worst is None


def _sorted_out(acknowledged: Acknowledged) -> tuple[list[tuple[Sending, bytes]], list[Answered]]:
    """What was taken as a whole, with its message_id; and the answers to parts of messages, which are heard singly."""
    sendings = cast("list[Sending]", [context for _, context, _ in acknowledged.requests])
    answers = zip(sendings, map(plain_answer.message_id_of, acknowledged.frames), strict=True)
    taken = [answer for answer in answers if is_whole(answer[0].message)]
    if len(taken) == len(sendings):
        return taken, []
    return taken, [one for one in acknowledged.one_by_one() if not is_whole(cast("Sending", one.context).message)]


class LineOwner(Protocol):
    """Who acts on what a line brings: the connector."""

    def bound(self, line: Line) -> None: ...

    def delivered(self, line: Line, requests: list[Delivered]) -> None: ...

    def answered(self, line: Line, sending: Sending, response: pdu.Pdu, late: bool) -> None: ...

    def taken(self, line: Line, answers: list[tuple[Sending, bytes]]) -> None:
        """`answered` for many that are `is_whole`: a plain answer each, with this message_id."""

    def unanswered(self, sendings: list[Sending]) -> None: ...

    def unexpected(self) -> None:
        """The upstream answered something that nobody asked."""

    def returned(self, sendings: list[Sending]) -> None:
        """These were waiting on a line that is gone: they never left."""

    def may_send(self) -> bool: ...

    def is_stopped(self, message: Message) -> bool:
        """Whether its recipient has opted out: asked right before each of its parts is written."""


class Line:
    """The owner of one link (see `link.LinkOwner`), and the task that keeps it."""

    def __init__(
        self, settings: SmppSettings, bind: type[pdu.Bind], password: bytes, tls: Callable[[], ssl.SSLContext | None],
        owner: LineOwner, links: Links, clock: Clock,
    ) -> None:  # fmt: skip
        self.waiting: list[Sending] = []
        self.link: Link | None = None
        self.trouble = ""
        self._settings = settings
        self._bind = bind
        self._password = password
        self._tls = tls
        self._owner = owner
        self._links = links
        self._clock = clock
        self._over: asyncio.Event | None = None
        self._bound_at: float | None = None
        self._refused_with = 0
        self._complained: set[tuple[int, int]] = set()
        self._task: asyncio.Task[None] | None = None
        self._stopping = False
        self._ends_empty = False

    # -- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep(), name=f"connector {self._settings.name}")

    async def stop(self, within: float) -> None:
        """Unbind and wait for the end, `within` seconds at most."""
        self._stopping = True
        task, link = self._task, self.link
        if task is None:
            return
        if link is not None and self.is_bound:
            link.session.unbind(self._clock.monotonic())
            link.flush()
            await asyncio.wait({task}, timeout=within)
        if link is not None:
            link.close("smscd is stopping")
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def _keep(self) -> None:
        pause = self._settings.reconnect
        while not self._stopping:
            self._bound_at, self._refused_with = None, 0
            await self._attempt()
            if self._stopping:
                return
            if self._bound_at is not None and self._clock.monotonic() - self._bound_at >= STEADY:
                pause = self._settings.reconnect
            slow = SLOW_FACTOR if self._refused_with in SLOW else 1.0
            # half of it up to all of it: those who lost the same upstream at the same moment come back one by one
            await asyncio.sleep(min(pause * slow, LONGEST_PAUSE * slow) * random.uniform(0.5, 1.0))  # noqa: S311 - no secret
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(self) -> None:
        """Connect, bind, and return when that is over, however it went."""
        settings = self._settings
        self._over = asyncio.Event()
        link = self.new_link(self)
        host, port = split_endpoint(settings.address)
        try:
            await connect(host, port, link, tls=self._tls(), within=settings.connect_timeout)
        except OSError as fault:
            self._in_trouble(f"cannot connect: {describe(fault)}")
            return
        self.link = link
        self._ask_to_bind(link)
        await self._over.wait()

    def new_link(self, owner: LinkOwner) -> Link:
        """A link that is not open yet, as ESME, with this upstream's timers and window."""
        settings = self._settings
        timers = SessionSettings(
            session_init_timer=settings.response_timer,
            enquire_link_timer=settings.enquire_link_timer,
            response_timer=settings.response_timer,
            late_grace=settings.late_grace,
            window=settings.window,
            interface_version=VERSIONS[settings.interface_version],
            peer_version=VERSIONS.get(settings.upstream_version, 0),
        )
        session = Session(Side.ESME, timers, self._clock.monotonic(), plain_receipt.decode, gathers=True)
        return Link(session, owner, self._links, window=MOST_OWED)

    def _ask_to_bind(self, link: Link) -> None:
        settings = self._settings
        bind = self._bind(
            system_id=settings.system_id.encode(),
            password=self._password,
            system_type=settings.system_type.encode(),
            interface_version=VERSIONS[settings.interface_version],
            address_range=settings.address_range.encode(),
        )
        link.session.request(bind, self._clock.monotonic(), self)
        link.flush()

    def _in_trouble(self, why: str) -> None:
        if why != self.trouble:  # once, not at every attempt
            log.warning("upstream is away", connector=self._settings.name, address=self._settings.address, why=why)
        self.trouble = why

    # -- sending -----------------------------------------------------------------------------------------------------

    @property
    def is_bound(self) -> bool:
        return self.link is not None and self.link.session.bind is not None

    @property
    def sends(self) -> bool:
        link = self.link
        return link is not None and not self._stopping and not self._ends_empty and link.session.state in SENDS

    @property
    def credit(self) -> int:
        """Parts it would take now; less than nothing while some wait."""
        link = self.link
        if link is None or not self.sends or link.writing_paused:
            return 0
        return link.session.credit - len(self.waiting)

    @property
    def in_flight(self) -> int:
        return self.link.session.in_flight if self.link is not None else 0

    def make_anew(self) -> None:
        """The upstream says that we are not bound: nothing more is sent, and the link ends once all is answered."""
        if self.link is not None and not self._ends_empty:
            self._ends_empty = True
            log.warning("upstream knows nothing of our bind", connector=self._settings.name, peer=self.link.peer)

    def _end_if_empty(self) -> None:
        if self.link is not None and self.is_bound and not self.in_flight:
            self.link.session.unbind(self._clock.monotonic())
            self.link.flush_soon()

    def put(self, sending: Sending) -> None:
        """To be written as soon as the window and the pace allow, in the order of `sending`."""
        heappush(self.waiting, sending)

    def send(self, sendings: Sequence[Sending]) -> list[tuple[Sending, Exception]]:
        """Write what waits and then `sendings`, as far as that may go; the rest of them waits too.

        Returns what cannot be said to this upstream at all. `sendings` are of messages whose recipients have just been
        looked up; those of what has waited are looked up again (see `LineOwner.is_stopped`).
        """
        failed = self._write_waiting()
        link = self.link
        at_once = 0
        if link is not None and sendings and not self.waiting and self._owner.may_send():
            at_once = min(self.credit, len(sendings))
        for relayed, some in _runs(sendings[:at_once]):
            failed += self._relay(some) if relayed else self._request(some)
        for sending in sendings[at_once:]:
            heappush(self.waiting, sending)
        if link is not None:
            link.flush_soon()
        return failed

    def _relay(self, sendings: Sequence[Sending]) -> list[tuple[Sending, Exception]]:
        assert self.link is not None
        try:
            self.link.session.relay(
                [sending.submit for sending in sendings], [sending.frame for sending in sendings], sendings,
                self._clock.monotonic(),
            )  # fmt: skip
        except SessionError as fault:
            return [(sending, fault) for sending in sendings]
        return []

    def _request(self, sendings: Sequence[Sending]) -> list[tuple[Sending, Exception]]:
        failed: list[tuple[Sending, Exception]] = []
        assert self.link is not None
        session, now = self.link.session, self._clock.monotonic()
        for sending in sendings:
            try:
                session.request(sending.submit, now, sending)
            except Exception as fault:  # noqa: BLE001 - a peer's version or a field's bound: this message's fault only
                failed.append((sending, fault))
        return failed

    def _write_waiting(self) -> list[tuple[Sending, Exception]]:
        failed: list[tuple[Sending, Exception]] = []
        link = self.link
        if link is None:
            return failed
        session = link.session
        while self.waiting and session.credit > 0 and not link.writing_paused and self._owner.may_send():
            sending = heappop(self.waiting)
            if self._owner.is_stopped(sending.message):  # it waited here while its recipient wrote STOP
                failed.append((sending, SessionError("the recipient has opted out")))
                continue
            failed += self._relay([sending]) if sending.frame else self._request([sending])
        return failed

    # -- LinkOwner ---------------------------------------------------------------------------------------------------

    def events(self, link: Link, events: list[Event]) -> None:
        fault: Exception | None = None
        taken: list[tuple[Sending, bytes]] = []
        rest: list[list[Event]] = []
        delivered: list[Event] = []  # the end of `rest`, as long as nothing else happens
        first = events[0]
        if type(first) is Acknowledged:
            taken, others = _sorted_out(first)
            rest = [[event] for event in others]
            events = events[1:]
        for event in events:
            if type(event) not in DELIVERED:
                rest.append([event])
                delivered = []
            else:
                if not delivered:
                    rest.append(delivered)
                delivered.append(event)
        if taken:  # first: receipts for them may be among the rest
            try:
                self._owner.taken(self, taken)
            except Exception as one:  # noqa: BLE001 - as below
                fault = one
        for together in rest:
            try:
                self._happened(link, together)
            except Exception as one:  # noqa: BLE001 - it costs the link; what is behind it is about other messages
                fault = fault or one
        if self._ends_empty:
            self._end_if_empty()
        if fault is not None:
            raise fault

    def _happened(self, link: Link, events: list[Event]) -> None:
        """One event, or several messages that the upstream delivered one behind the other."""
        event = events[0]
        if type(event) in DELIVERED:
            self._owner.delivered(self, cast("list[Delivered]", events))
        elif isinstance(event, Answered):
            self._answered(link, event)
        elif isinstance(event, Unanswered):
            if isinstance(event.context, Sending):
                self._owner.unanswered([event.context])
        elif isinstance(event, LateAnswer):
            if isinstance(event.context, Sending):
                self._owner.answered(self, event.context, event.response, late=True)
        elif isinstance(event, Bound):
            self._came_up(link)
        elif isinstance(event, Closed):
            self._went_down(event)
        elif isinstance(event, UnexpectedResponse | Nacked):
            self._owner.unexpected()
        elif isinstance(event, Refusal):
            self._refused(link, event)

    def _refused(self, link: Link, refusal: Refusal) -> None:
        """It may have been a receipt or a message of a handset: said once for each kind of fault, not for each PDU."""
        kind = refusal.command_id, refusal.command_status
        if kind not in self._complained:
            self._complained.add(kind)
            status, command = pdu.status.status_name(refusal.command_status), pdu.command_name(refusal.command_id)
            names = {"connector": self._settings.name, "peer": link.peer, "command": command, "status": status}
            log.warning("refused what the upstream sent", **names, reason=refusal.reason)

    def _answered(self, link: Link, event: Answered) -> None:
        if isinstance(event.context, Sending):
            self._owner.answered(self, event.context, event.response, late=False)
        elif event.context is self and event.response.command_status != pdu.ESME_ROK:
            self._refused_with = event.response.command_status
            why = f"bind refused: {pdu.status.status_name(self._refused_with)}"
            self._in_trouble(why)
            link.close(why)

    def _came_up(self, link: Link) -> None:
        self._bound_at, self.trouble = self._clock.monotonic(), ""
        version = f"0x{link.session.interface_version:02x}"
        kind = pdu.command_name(self._bind.command_id).removeprefix("bind_")
        log.info("bound upstream", connector=self._settings.name, peer=link.peer, bind=kind, interface_version=version)
        self._owner.bound(self)

    def _went_down(self, event: Closed) -> None:
        """Every request in flight has met its end: nobody will answer it any more."""
        self._owner.unanswered([one.context for one in event.unanswered if isinstance(one.context, Sending)])

    def writable(self, link: Link) -> None:  # noqa: ARG002 - there is but one
        self._owner.bound(self)

    def closed(self, link: Link, reason: str) -> None:
        waiting, self.waiting = sorted(self.waiting), []
        self.link, self._ends_empty = None, False
        if (self._bound_at is not None and not self._stopping) or not self.trouble:
            self._in_trouble(reason)
        self._owner.returned(waiting)
        log.debug("upstream link closed", connector=self._settings.name, peer=link.peer, reason=reason)
        if self._over is not None:
            self._over.set()
