"""An ESME of our own: binds anywhere, submits as fast as window and rate allow, and waits for the receipts.

It meets strangers, so it believes little: a receipt may come before its response, with an id in another notation, by
data_sm, or not at all; an SMSC may throttle, answer late, or hang up in the middle.
"""

from __future__ import annotations

import asyncio
from array import array
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from smscd import pdu, text
from smscd.errors import ControlError
from smscd.link import Link, Links
from smscd.session import Answered, Closed, Event, LateAnswer, Unanswered

SLOW_DOWN = frozenset({pdu.ESME_RTHROTTLED, pdu.ESME_RMSGQFUL})
"""Not now: the same submit_sm goes out again after a pause of the whole link."""

PAUSE, LONGEST_PAUSE = 0.25, 8.0
"""Seconds of the first pause, doubled each time, and of the longest."""

CATCH_UP = 0.01
"""Seconds that a late timer may be behind a --rate and still make it up."""

PARKED = 10_000
"""So many receipts are kept for which no response has come yet."""

LISTED = 1_000
"""So many parts are kept to be shown one by one; of more there are only counts."""

Delivery = pdu.DeliverSm | pdu.DataSm

NOT_FINAL = frozenset({int(pdu.MessageState.ENROUTE), int(pdu.MessageState.SCHEDULED)})

BIND_REMEDIES = {
    pdu.ESME_RINVPASWD: "check --password (it is compared exactly) and --system-id",
    pdu.ESME_RINVSYSID: "check --system-id: the SMSC knows no such account",
    pdu.ESME_RBINDFAIL: "check --system-id and --password, and whether the account has a bind left",
    pdu.ESME_RALYBND: "another program holds this account's bind: stop it, or use another --system-id",
    pdu.ESME_RINVSYSTYP: "set the --system-type that your provider gave you",
    pdu.ESME_RINVCMDID: "this SMSC knows no bind_transceiver: try --bind transmitter",
    pdu.ESME_RTHROTTLED: "the SMSC limits how often one may bind: wait a minute",
    pdu.ESME_RSYSERR: "the SMSC is in trouble: try again later",
}


@dataclass(slots=True, eq=False)
class Part:
    """What became of one submit_sm; times are seconds, `sent` of the monotonic clock."""

    message: int
    number: int
    destination_addr: bytes
    command_status: int | None = None
    message_id: str = ""
    message_state: int | None = None
    err: str = ""
    sent: float = 0.0
    round_trip: float | None = None
    receipt_after: float | None = None


@dataclass(slots=True)
class Arrival:
    """A message that came in on our bind while we waited for something else."""

    source_addr: str
    destination_addr: str
    text: str


class Esme:
    """The owner of one link to an SMSC (`link.LinkOwner`)."""

    def __init__(self, links: Links, *, rate: float, patience: float, receipts: bool) -> None:
        self.parts: list[Part] = []
        self.submitted = self.accepted = self.unanswered = 0
        self.refused: Counter[int] = Counter()
        self.states: Counter[int] = Counter()
        self.awaited = 0
        """Accepted parts whose final receipt has not come."""
        self.arrivals: list[Arrival] = []
        self.round_trips = array("d")
        self.ended = ""
        self.silence = ""
        """Why receipts were no longer waited for though some are missing."""
        self.started = self.finished = 0.0
        self._clock = links.clock
        self._interval = 1.0 / rate if rate else 0.0
        self._patience = patience
        self.wants_receipts = receipts
        self._next = self._resume = 0.0
        self._pause = PAUSE
        self._open = 0
        self._again: deque[tuple[Part, pdu.SubmitSm]] = deque()
        self._by_id: dict[str, list[Part]] = {}
        self._parked: dict[str, tuple[list[str], Delivery]] = {}
        self._other_base: bool | None = None
        self._news = asyncio.Event()
        self._bind_resp: pdu.Pdu | None = None

    @property
    def strangers(self) -> int:
        """Receipts that came for no message of ours."""
        return len(self._parked)

    # --- LinkOwner ------------------------------------------------------------------------------------------------

    def events(self, link: Link, events: list[Event]) -> None:
        for event in events:
            if isinstance(event, Answered | LateAnswer):
                self._answered(event)
            elif isinstance(event, pdu.DeliverSm):
                self._delivery(event)
                link.session.respond(event, pdu.DeliverSmResp(message_id=b""))
            elif isinstance(event, pdu.DataSm):
                self._delivery(event)
                link.session.respond(event, pdu.DataSmResp(message_id=b""))
            elif isinstance(event, Unanswered):
                self._given_up([event])
            elif isinstance(event, Closed):
                self.ended = event.reason
                self._given_up(event.unanswered)
        self._news.set()

    def writable(self, link: Link) -> None:  # noqa: ARG002 - a door of LinkOwner
        self._news.set()

    def closed(self, link: Link, reason: str) -> None:  # noqa: ARG002 - likewise
        self.ended = self.ended or reason
        self._news.set()

    # --- the conversation -----------------------------------------------------------------------------------------

    async def bind(self, link: Link, request: pdu.Bind) -> None:
        """Bind, or raise ControlError with the SMSC's own word and what it usually means."""
        link.session.request(request, self._clock.monotonic())
        link.flush()
        await self._until(lambda: self._bind_resp is not None or bool(self.ended))
        response = self._bind_resp
        if response is None:
            raise ControlError(
                f"no answer to the bind: {self.ended}",
                "is this an SMPP port, does it speak TLS (--tls), does it let this address in?",
            )
        if response.command_status != pdu.ESME_ROK:
            status = response.command_status
            raise ControlError(
                f"bind refused: {pdu.status_name(status)} (0x{status:08X})",
                BIND_REMEDIES.get(status, "ask the SMSC's operator what this status means there"),
            )

    async def submit(self, link: Link, requests: Iterable[tuple[int, int, pdu.SubmitSm]]) -> None:
        """Submit it all and return when all is answered or given up.  Raises ControlError if the link ends."""
        source = iter(requests)
        self.started = self._clock.monotonic()
        try:
            while await self._turn(link):
                turn = self._again.popleft() if self._again else self._next_part(source)
                if turn is not None:
                    self._request(link, *turn)
                elif self._open:
                    await self._stirred(None)
                else:
                    self._unpark(list(self._parked.values()))  # every id is known now
                    return
        finally:
            self.finished = self._clock.monotonic()

    async def receipts(self, within: float) -> bool:
        """Wait for the final receipts of all that was accepted, `within` seconds at most; False if some are missing."""
        await self._until(lambda: self.awaited == 0 or bool(self.ended), within)
        if self.awaited:
            self.silence = f"the link ended: {self.ended}" if self.ended else f"the {within:g} s of --timeout are over"
        return self.awaited == 0

    async def unbind(self, link: Link) -> None:
        """Leave in order; an SMSC that does not answer is left all the same."""
        if self.ended:
            return
        link.session.unbind(self._clock.monotonic())
        link.flush()
        await self._until(lambda: bool(self.ended), 5.0)

    async def _turn(self, link: Link) -> bool:
        """Wait until the window, the rate, the socket and the SMSC let us go on; ControlError if the link is gone."""
        session = link.session
        while True:
            if self.ended:
                raise ControlError(
                    f"the link ended while submitting: {self.ended}",
                    f"look at the {self.accepted} parts that were accepted before you send the rest again",
                )
            wait = max(self._resume, self._next) - self._clock.monotonic()
            free = session.credit > 0 and not link.writing_paused
            if free and wait <= 0:
                return True
            await self._stirred(wait if free else None)

    def _next_part(self, source: Iterator[tuple[int, int, pdu.SubmitSm]]) -> tuple[Part, pdu.SubmitSm] | None:
        message, number, request = next(source, (0, 0, None))
        if request is None:
            return None
        part = Part(message, number, request.destination_addr, sent=self._clock.monotonic())
        self.submitted += 1
        if len(self.parts) < LISTED:
            self.parts.append(part)
        return part, request

    def _request(self, link: Link, part: Part, request: pdu.SubmitSm) -> None:
        now = self._clock.monotonic()
        self._next = max(self._next, now - CATCH_UP) + self._interval
        self._open += 1
        link.session.request(request, now, part)
        link.flush_soon()

    # --- what comes back ------------------------------------------------------------------------------------------

    def _given_up(self, events: list[Unanswered]) -> None:
        parts = sum(isinstance(event.context, Part) for event in events)
        self.unanswered += parts
        self._open -= parts

    def _answered(self, event: Answered | LateAnswer) -> None:
        part, request, response = event.context, event.request, event.response
        if isinstance(request, pdu.Bind):
            self._bind_resp = response
        if not isinstance(part, Part) or not isinstance(request, pdu.SubmitSm):
            return
        if isinstance(event, LateAnswer):
            self.unanswered -= 1
        else:
            self._open -= 1
            part.round_trip = event.round_trip
            self.round_trips.append(event.round_trip)
        status = response.command_status
        if status in SLOW_DOWN and self._clock.monotonic() - part.sent < self._patience:
            self._slow_down(part, request)
            return
        part.command_status = status
        if status != pdu.ESME_ROK or isinstance(response, pdu.GenericNack):
            self.refused[status] += 1
        else:
            self._pause = PAUSE
            self._accepted(part, response)

    def _slow_down(self, part: Part, request: pdu.SubmitSm) -> None:
        now = self._clock.monotonic()
        self._again.append((part, request))
        if self._resume <= now:  # the others of the same window say the same thing
            self._resume = now + self._pause
            self._pause = min(2 * self._pause, LONGEST_PAUSE)

    def _accepted(self, part: Part, response: pdu.Pdu) -> None:
        self.accepted += 1
        part.message_id = _printed(getattr(response, "message_id", None))
        if not self.wants_receipts:
            return
        self.awaited += 1
        plain = next(spellings(part.message_id))
        self._by_id.setdefault(plain, []).append(part)
        if plain in self._parked:
            self._unpark([self._parked[plain]])

    # --- receipts -------------------------------------------------------------------------------------------------

    def _delivery(self, request: Delivery) -> None:
        octets = _user_data(request)
        if not pdu.is_receipt(request.esm_class, request.tlvs, octets, sniff=True):
            self.arrivals.append(_arrival(request, octets))
            return
        receipt = pdu.parse_receipt(octets) or pdu.Receipt()
        said = pdu.tlv.get_cstring(request.tlvs, pdu.tlv.Tag.receipted_message_id)
        ids = [_printed(one) for one in (said, receipt.message_id) if one]
        part = self._find(ids, request)
        if part is None:
            if len(self._parked) < PARKED:
                self._parked |= {next(spellings(one)): (ids, request) for one in ids}
            return
        state = pdu.tlv.get_int(request.tlvs, pdu.tlv.Tag.message_state)
        self._settle(part, int(receipt.message_state) if state is None else state, receipt.err, request.esm_class)

    def _unpark(self, parked: list[tuple[list[str], Delivery]]) -> None:
        for ids, request in parked:
            for one in ids:
                self._parked.pop(next(spellings(one)), None)
            self._delivery(request)

    def _find(self, ids: list[str], request: Delivery) -> Part | None:
        """The part that a receipt is about: by its id as it stands, else in the other base.

        The other base is tried only while no id is outstanding that might fit better, for the number that the part
        went to, and no longer once an id has fitted as it stood: an SMSC keeps to one habit.
        """
        for written in ids:
            plain, *others = spellings(written)
            if plain in self._by_id:
                self._other_base = False
                return self._by_id[plain][0]
            if self._other_base or (self._other_base is None and not self._open):
                for other in others:
                    for part in self._by_id.get(other, ()):
                        if _about(part, request):
                            self._other_base = True
                            return part
        return None

    def _settle(self, part: Part, state: int, err: str, esm_class: int) -> None:
        part.message_state, part.err = state, err
        intermediate = esm_class & pdu.ESM_TYPE_MASK == pdu.ESM_TYPE_INTERMEDIATE_NOTIFICATION
        if intermediate:
            part.message_state = int(pdu.MessageState.ENROUTE)
        elif state not in NOT_FINAL:
            part.receipt_after = self._clock.monotonic() - part.sent
            self.states[state] += 1
            self.awaited -= 1
            plain = next(spellings(part.message_id))
            self._by_id[plain].remove(part)
            if not self._by_id[plain]:
                del self._by_id[plain]

    # --- waiting --------------------------------------------------------------------------------------------------

    async def _stirred(self, within: float | None) -> None:
        """Until something happens, `within` seconds at most."""
        self._news.clear()
        try:
            async with asyncio.timeout(within):
                await self._news.wait()
        except TimeoutError:
            return

    async def _until(self, fact: Callable[[], bool], within: float | None = None) -> bool:
        end = None if within is None else self._clock.monotonic() + within
        while not fact():
            left = None if end is None else end - self._clock.monotonic()
            if left is not None and left <= 0:
                return False
            await self._stirred(left)
        return True


def spellings(message_id: str) -> Iterator[str]:
    """The ways an id may be written, the plainest first: case and leading zeros do not count, then the other base.

    Vendors answer in hexadecimal and report in decimal, or the other way round; an id with any other letter is left
    alone.
    """
    plain = message_id.casefold().lstrip("0") or message_id[:1]
    yield plain
    if not plain.isascii():
        return
    if plain.isdigit():
        yield f"{int(plain):x}"
    try:
        yield str(int(plain.replace("_", "x"), 16))  # int() would read 1_000
    except ValueError:
        return


def _printed(message_id: bytes | None) -> str:
    return (message_id or b"").strip(b"\0 ").decode("ascii", "backslashreplace")


def _user_data(request: Delivery) -> bytes:
    payload = pdu.tlv.get(request.tlvs, pdu.tlv.Tag.message_payload)
    if payload is not None:
        return payload
    return request.short_message if isinstance(request, pdu.DeliverSm) else b""


def _arrival(request: Delivery, octets: bytes) -> Arrival:
    if request.esm_class & pdu.ESM_UDHI:
        _elements, octets = text.read_udh(octets)
    return Arrival(
        request.source_addr.decode("utf-8", "replace"),
        request.destination_addr.decode("utf-8", "replace"),
        text.decode(octets, text.data_coding(request.data_coding).alphabet),
    )


def _about(part: Part, request: Delivery) -> bool:
    """Whether a receipt names the number that a part went to, at either end: some SMSCs swap them."""
    number = part.destination_addr.lstrip(b"+0")
    return any(one.lstrip(b"+0") == number for one in (request.source_addr, request.destination_addr))
