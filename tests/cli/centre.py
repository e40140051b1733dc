"""A small SMSC in a thread, with the habits that a test gives it."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from smscd import pdu
from smscd.clock import SystemClock
from smscd.link import Link, Links, listen
from smscd.pdu.tlv import Tag
from smscd.session import Answered, Event, Session, SessionSettings, Side

JANUARY = 1_767_225_600_000_000
"""2026-01-01, in microseconds: the dates of every receipt here."""


def receipt(
    submit: pdu.SubmitSm, message_id: bytes, state: pdu.MessageState = pdu.MessageState.DELIVERED, *, err: int = 0
) -> pdu.DeliverSm:
    """A receipt as SMPP 3.4 Appendix B shows it, without TLVs."""
    return pdu.DeliverSm(
        source_addr=submit.destination_addr,
        destination_addr=submit.source_addr,
        esm_class=pdu.ESM_TYPE_RECEIPT,
        short_message=pdu.format_receipt(message_id, state, JANUARY, JANUARY, err=err),
    )


@dataclass
class Habits:
    """What this SMSC does; `number` counts the submits it has accepted, from 1."""

    password: bytes = b"secret"
    answer: Callable[[int], int] = lambda _seen: pdu.ESME_ROK
    """command_status of the n-th submit_sm it sees, -1 for no answer at all, -2 to hang up, -3 to accept it first."""
    message_id: Callable[[int], bytes] = lambda number: b"%d" % (7_000_000_000 + number)
    report: Callable[[pdu.SubmitSm, bytes, int], list[pdu.Pdu]] = lambda submit, message_id, _number: [
        receipt(submit, message_id)
    ]
    early: bool = False
    """Receipts go out before the response."""
    at_bind: list[pdu.Pdu] = field(default_factory=list)
    """What has been waiting for this ESME."""
    knows_transceivers: bool = True


class Centre:
    """The owner of every link (`link.LinkOwner`); what it saw stays readable after the command has ended."""

    def __init__(self, habits: Habits) -> None:
        self.habits = habits
        self.binds: list[pdu.Bind] = []
        self.submits: list[pdu.SubmitSm] = []
        self.acknowledged: list[pdu.Pdu] = []
        self.most_at_once = 0
        self.port = 0
        self._numbers = count(1)

    def events(self, link: Link, events: list[Event]) -> None:
        self.most_at_once = max(self.most_at_once, link.session.owed)
        for event in events:
            if isinstance(event, pdu.Bind):
                self._bind(link, event)
            elif isinstance(event, pdu.SubmitSm):
                self._submit(link, event)
            elif isinstance(event, Answered):
                self.acknowledged.append(event.response)

    def writable(self, link: Link) -> None:
        pass

    def closed(self, link: Link, reason: str) -> None:
        pass

    def _bind(self, link: Link, bind: pdu.Bind) -> None:
        self.binds.append(bind)
        if not self.habits.knows_transceivers:
            link.session.refuse_bind(bind, pdu.ESME_RINVCMDID)
        elif bind.password != self.habits.password:
            link.session.refuse_bind(bind, pdu.ESME_RINVPASWD)
            link.close("wrong password")
        else:
            link.session.accept_bind(bind, b"centre")
            for waiting in self.habits.at_bind:
                link.session.request(waiting, link.links.clock.monotonic())

    def _submit(self, link: Link, submit: pdu.SubmitSm) -> None:
        self.submits.append(submit)
        status = self.habits.answer(len(self.submits))
        if status == -2:
            link.abort("hung up")
        elif status > 0:
            link.session.respond(submit, pdu.SubmitSmResp(command_status=status, message_id=None))
        elif status in {0, -3}:
            number = next(self._numbers)
            message_id = self.habits.message_id(number)
            reports = self.habits.report(submit, message_id, number) if submit.registered_delivery else []
            response = pdu.SubmitSmResp(message_id=message_id)
            if not self.habits.early:
                link.session.respond(submit, response)
            for one in reports:
                link.session.request(one, link.links.clock.monotonic())
            if self.habits.early:
                link.session.respond(submit, response)
            if status == -3:
                link.close("gone")


@contextmanager
def running(habits: Habits, tls: ssl.SSLContext | None = None) -> Iterator[Centre]:
    """An SMSC on a free port of 127.0.0.1 as long as the block lasts."""
    loop = asyncio.new_event_loop()
    centre, links = Centre(habits), Links(SystemClock())

    def maker(_host: str) -> Link:
        settings = SessionSettings(window=100_000)
        return Link(Session(Side.MC, settings, links.clock.monotonic()), centre, links)

    door = loop.run_until_complete(listen("127.0.0.1", 0, maker, tls=tls))
    centre.port = door.port

    async def start() -> None:
        door.open()
        links.start()

    async def stop() -> None:
        await door.close()
        for link in links:
            link.abort("end of test")
        await links.gone(5)
        links.stop()

    loop.run_until_complete(start())
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield centre
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()


def stranger() -> pdu.DeliverSm:
    """A receipt for a message that somebody else submitted."""
    return pdu.DeliverSm(
        source_addr=b"447700900999",
        esm_class=pdu.ESM_TYPE_RECEIPT,
        short_message=pdu.format_receipt(b"424242424242", pdu.MessageState.DELIVERED, JANUARY, JANUARY),
    )


def by_data_sm(submit: pdu.SubmitSm, message_id: bytes) -> pdu.DataSm:
    """A receipt as data_sm: no text, only TLVs."""
    return pdu.DataSm(
        source_addr=submit.destination_addr,
        destination_addr=submit.source_addr,
        esm_class=pdu.ESM_TYPE_RECEIPT,
        tlvs=[
            pdu.tlv.cstring(Tag.receipted_message_id, message_id),
            pdu.tlv.octet(Tag.message_state, int(pdu.MessageState.DELIVERED)),
        ],
    )
