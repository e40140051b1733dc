"""An upstream SMSC of our own that plays every dialect: what it does to a submit is a function that a test gives it.

It shares nothing with smscd but codec, session and link, and it writes down what it was sent before it answers.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from itertools import count
from typing import Any, Self

from smscd import pdu
from smscd.clock import SystemClock
from smscd.link import Link, Links, listen
from smscd.session import Answered, Closed, Event, Session, SessionSettings, Side, State, Unanswered
from tests.machine import PATIENCE
from tests.running import keep_ports

JANUARY = 1_767_225_600_000_000
"""2026-01-01, in microseconds: the dates of every receipt here."""

OnSubmit = Callable[["Quirky", Link, pdu.SubmitSm], None]


def receipt(submit: pdu.SubmitSm, message_id: bytes, state: int = 2, *, err: int = 0, **fields: Any) -> pdu.DeliverSm:
    """A receipt as SMPP 3.4 Appendix B shows it, without TLVs unless given."""
    return pdu.DeliverSm(**{
        "source_addr": submit.destination_addr,
        "destination_addr": submit.source_addr,
        "esm_class": pdu.ESM_TYPE_RECEIPT,
        "short_message": pdu.format_receipt(message_id, state, JANUARY, JANUARY, err=err),
        **fields,
    })  # fmt: skip


def plain(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    """Takes the message, answers with a decimal id, and reports it delivered if asked."""
    message_id = upstream.next_id()
    upstream.accept(link, submit, message_id)
    if submit.registered_delivery & 1:
        upstream.deliver(link, receipt(submit, message_id))


RECEIVES = {State.BOUND_RX, State.BOUND_TRX}


class Quirky:
    """The owner of its links (see `link.LinkOwner`)."""

    def __init__(self, on_submit: OnSubmit = plain) -> None:
        self.on_submit = on_submit
        self.on_bind: Callable[[pdu.Bind], int] = lambda _bind: pdu.ESME_ROK
        (self._kept,) = keep_ports(1)
        self.port = int(self._kept.getsockname()[1])
        self.binds: list[pdu.Bind] = []
        self.submits: list[pdu.SubmitSm] = []
        self.texts: Counter[bytes] = Counter()
        self.acknowledged: list[pdu.Pdu] = []
        self.most_at_once = 0
        self.unbound = 0
        self.undelivered: list[Any] = []
        self.bound: list[Link] = []
        self._ids = count(7_000_000_001)
        self._links = Links(SystemClock())
        self._news = asyncio.Event()

    # -- its life ----------------------------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.open()
        self._links.start()
        return self

    async def __aexit__(self, *_fault: object) -> None:
        await self.close()
        self._links.stop()
        self._kept.close()

    async def open(self, tls: Any = None) -> None:
        def maker(_host: str) -> Link:
            # a gateway that was killed may still be owed answers; it is not waited for for long
            settings = SessionSettings(window=10_000, response_timer=2.0)
            return Link(Session(Side.MC, settings, self._links.clock.monotonic()), self, self._links)

        self._door = await listen("127.0.0.1", self.port, maker, tls=tls)
        self._door.open()

    async def close(self) -> None:
        """Nobody is at home any more: no new links, and those there are cut."""
        await self._door.close()
        for link in self._links:
            link.abort("the upstream went away")
        await self._links.gone(PATIENCE)

    async def lose_links(self) -> None:
        """Its ESME is gone: what it still owes nobody waits for, and what was not acknowledged is kept for the next."""
        for link in list(self.bound):
            link.abort("the ESME went away")
        await self.until(lambda: not self.bound)

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until `holds`, looking again whenever something has arrived."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()

    # -- LinkOwner ---------------------------------------------------------------------------------------------------

    def events(self, link: Link, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, pdu.Bind):
                self._bind(link, event)
            elif isinstance(event, pdu.SubmitSm):
                self.submits.append(event)
                self.texts[event.short_message] += 1
                self.on_submit(self, link, event)
            elif isinstance(event, Answered):
                self.acknowledged.append(event.response)
            elif isinstance(event, Unanswered):
                self.undelivered.append(event.request)
                self._deliver_again()
            elif isinstance(event, Closed):
                self.unbound += event.cause == "unbound"
                self.undelivered += [one.request for one in event.unanswered]
                self._deliver_again()
        self.most_at_once = max(self.most_at_once, link.session.owed)
        self._news.set()

    def _bind(self, link: Link, bind: pdu.Bind) -> None:
        self.binds.append(bind)
        status = self.on_bind(bind)
        if status:
            link.session.refuse_bind(bind, status)
        else:
            link.session.accept_bind(bind, b"quirky")
            self.bound.append(link)
            self._deliver_again()

    def _deliver_again(self) -> None:
        """What was not acknowledged comes again, as a real one does it."""
        link = next((link for link in self.bound if link.session.state in RECEIVES), None)
        if link is not None:
            waiting, self.undelivered = self.undelivered, []
            for request in waiting:
                self.deliver(link, request)

    def writable(self, link: Link) -> None:
        pass

    def closed(self, link: Link, reason: str) -> None:
        if link in self.bound:
            self.bound.remove(link)
        self._news.set()

    # -- what a habit may do -----------------------------------------------------------------------------------------

    def next_id(self) -> bytes:
        return b"%d" % next(self._ids)

    def accept(self, link: Link, submit: pdu.SubmitSm, message_id: bytes) -> None:
        link.session.respond(submit, pdu.SubmitSmResp(message_id=message_id))
        link.flush_soon()

    def refuse(self, link: Link, submit: pdu.SubmitSm, command_status: int) -> None:
        link.session.respond(submit, pdu.SubmitSmResp(command_status=command_status, message_id=None))
        link.flush_soon()

    def deliver(self, link: Link, request: pdu.DeliverSm | pdu.DataSm) -> None:
        link.session.request(request, self._links.clock.monotonic())
        link.flush_soon()

    @property
    def receiving(self) -> Link:
        """A link that takes deliver_sm."""
        return next(link for link in self.bound if link.session.state in RECEIVES)
