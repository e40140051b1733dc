"""An ESME that keeps books: it pumps submits as fast as its window allows, and acknowledges what it is sent.

It has no session, no timers and no manners, and it shares no code with smscd but the codec: what it writes into its
ledger is what was on the wire.
"""

from __future__ import annotations

import asyncio
import itertools
import socket
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Self

from smscd import pdu
from tests.chaos.ledger import Ledger, Verdict
from tests.machine import PATIENCE

_HEADER = struct.Struct(">IIII")
SUBMIT_SM_RESP = int(pdu.CommandId.submit_sm_resp)
DELIVER_SM = int(pdu.CommandId.deliver_sm)
ENQUIRE_LINK = int(pdu.CommandId.enquire_link)
UNBIND = int(pdu.CommandId.unbind)

Make = Callable[[bytes], pdu.SubmitSm]
"""Makes the submit_sm that carries a tag."""


def message(tag: bytes, **fields: Any) -> pdu.SubmitSm:
    """The plainest submit_sm: to one of a thousand handsets, its receipt wanted."""
    handset = b"447700%06d" % (int(tag[-6:]) % 1000)
    asked: dict[str, Any] = {"source_addr": b"12345", "destination_addr": handset, "short_message": tag,
                             "registered_delivery": pdu.REGISTERED_RECEIPT_FINAL, **fields}  # fmt: skip
    return pdu.SubmitSm(dest_addr_ton=1, dest_addr_npi=1, **asked)


class Esme(asyncio.Protocol):
    """One bind. `status` is what it answers to a deliver_sm; where `acknowledges` is cleared, it answers nothing."""

    def __init__(self, ledger: Ledger, *, window: int = 100, system_id: bytes = b"test") -> None:
        self.ledger = ledger
        self.window = window
        self.system_id = system_id
        self.acknowledges = True
        self.status = pdu.ESME_ROK
        self.enquired = 0
        self.gone = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self._numbers = itertools.count(1)
        self._in_flight: dict[int, tuple[bytes, float]] = {}
        self._waiting: dict[int, asyncio.Future[pdu.Pdu]] = {}
        self._make: Make | None = None
        self._left = 0
        self._rest = b""

    # -- life --------------------------------------------------------------------------------------------------------

    async def bind(
        self, port: int, kind: type[pdu.Bind] = pdu.BindTransceiver, version: int = pdu.INTERFACE_VERSION_3_4
    ) -> Self:
        """Connect and bind."""
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)
        answer = await self.ask(kind(system_id=self.system_id, password=b"secret", interface_version=version))
        assert answer.command_status == pdu.ESME_ROK, f"bind: {pdu.status.status_name(answer.command_status)}"
        return self

    async def leave(self) -> None:
        """Unbind and wait for the end of the connection; nothing if that has come already."""
        self._make = None
        if not self.gone.is_set():
            with suppress(ConnectionError):  # the other end may be quicker
                await self.ask(pdu.Unbind())
            self.cut()
        await self.gone.wait()

    def cut(self) -> None:
        """Close the connection without a word."""
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Cut it by a TCP reset: whatever is under way in either direction is destroyed."""
        assert self._transport is not None
        self._transport.get_extra_info("socket").setsockopt(
            socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
        )
        self._transport.abort()

    def deafen(self) -> None:
        """Read no more."""
        assert self._transport is not None
        self._transport.pause_reading()

    def listen(self) -> None:
        """Read on."""
        assert self._transport is not None
        self._transport.resume_reading()

    # -- asking ------------------------------------------------------------------------------------------------------

    async def ask(self, request: pdu.Pdu) -> pdu.Pdu:
        """One request and its answer. ConnectionError if the connection ends first."""
        number = request.sequence_number = next(self._numbers)
        answer: asyncio.Future[pdu.Pdu] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        self.write(pdu.encode(request))
        async with asyncio.timeout(PATIENCE):
            return await answer

    async def submit(self, make: Make = message) -> pdu.Pdu:
        """One message, written down like all others; its answer."""
        tag = self.ledger.tag()
        self.ledger.submitted(tag)
        answer = await self.ask(make(tag))
        assert isinstance(answer, pdu.SubmitSmResp)
        self.ledger.answered(tag, answer.command_status, answer.message_id)
        return answer

    def pump(self, make: Make = message, count: int = 1 << 60) -> None:
        """Keep the window full of what `make` makes of fresh tags, `count` of them; answers go into the ledger."""
        self._make, self._left = make, count
        self._fill()

    def rest(self) -> None:
        """Submit nothing more; what is in flight may still be answered."""
        self._make = None

    @property
    def idle(self) -> bool:
        """Nothing is in flight, nothing is left to be pumped."""
        return not self._in_flight and (self._make is None or not self._left)

    def _fill(self) -> None:
        out = []
        now = time.monotonic()
        while self._make is not None and self._left and len(self._in_flight) < self.window:
            self._left -= 1
            tag = self.ledger.tag()
            request = self._make(tag)
            number = request.sequence_number = next(self._numbers)
            self._in_flight[number] = tag, now
            self.ledger.submitted(tag)
            out.append(pdu.encode(request))
        if out:
            self.write(b"".join(out))

    def write(self, octets: bytes) -> None:
        """Put octets on the wire, whatever they are."""
        assert self._transport is not None
        self._transport.write(octets)

    async def verdict(self, *, silence: float = PATIENCE) -> Verdict:
        """Wait for the receipts that are due, but not on when nothing has come for `silence` seconds: ask for the rest.

        What is right ends with the last receipt; only what loses some on purpose need be told to give up soon."""
        ledger = self.ledger
        await ledger.quiet(lambda: not ledger.open, silence=silence)
        verdict = Verdict([], [])
        for message_id, tag in ledger.open.items():
            answer = await self.ask(pdu.QuerySm(message_id=message_id.encode(), source_addr=b""))
            (verdict.lost if answer.command_status else verdict.waiting).append(tag)
        return verdict

    # -- what the transport calls ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        octets = self._rest + data
        at = 0
        out: list[bytes] = []
        while len(octets) - at >= 16:
            length, command_id, status, number = _HEADER.unpack_from(octets, at)
            if len(octets) - at < length:
                break
            self._heard(octets[at : at + length], command_id, status, number, out)
            at += length
        self._rest = octets[at:]
        if out:
            self.write(b"".join(out))
        self._fill()
        self.ledger.news()

    def connection_lost(self, exc: Exception | None) -> None:
        self._make = None
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionError("the connection ended"))
        self.gone.set()
        self.ledger.news()

    def _heard(self, octets: bytes, command_id: int, status: int, number: int, out: list[bytes]) -> None:
        if command_id == SUBMIT_SM_RESP and number in self._in_flight:
            answer = pdu.decode(octets)
            assert isinstance(answer, pdu.SubmitSmResp)
            tag, asked = self._in_flight.pop(number)
            self.ledger.waited.append(time.monotonic() - asked)
            self.ledger.answered(tag, status, answer.message_id)
        elif command_id == DELIVER_SM:
            deliver = pdu.decode(octets)
            assert isinstance(deliver, pdu.DeliverSm)
            self.ledger.delivered(deliver)
            if self.acknowledges:
                out.append(pdu.deliver_sm_resp(number, self.status))
        elif command_id == ENQUIRE_LINK:
            self.enquired += 1
            if self.acknowledges:
                out.append(pdu.header(ENQUIRE_LINK | pdu.RESPONSE, pdu.ESME_ROK, number))
        elif command_id == UNBIND:
            self._make = None
            out.append(pdu.header(UNBIND | pdu.RESPONSE, pdu.ESME_ROK, number))
        elif number in self._waiting:
            self._waiting.pop(number).set_result(pdu.decode(octets))
        else:
            self.ledger.faults.append(f"nothing was asked that this answers: {octets.hex()}")
