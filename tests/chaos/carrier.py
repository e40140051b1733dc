"""The upstream of the chaos tests, in a process of its own: it writes down what it is handed before it answers.

    python -m tests.chaos.carrier RECORD [--port N] [--answer-after S] [--report-after S] [--no-reports] [--mo-every N]

Like `esme.py` it has no session, no timers and no manners, and shares no code with smscd but the codec. RECORD gets one
line per submit_sm: the text, and the number of the connection it came by. It prints its port, and it ends when its
standard input does. Receipts and MO that were not acknowledged are sent again at the next bind, as any SMSC does it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import os
import signal
import struct
import subprocess
import sys
from collections import Counter, deque
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from smscd import pdu

_HEADER = struct.Struct(">IIII")
SUBMIT_SM = int(pdu.CommandId.submit_sm)
DELIVER_SM_RESP = int(pdu.CommandId.deliver_sm_resp)
ANSWERED = frozenset({pdu.CommandId.enquire_link, pdu.CommandId.unbind})
BINDS = frozenset({pdu.CommandId.bind_transceiver, pdu.CommandId.bind_transmitter, pdu.CommandId.bind_receiver})
WINDOW = 200
"""deliver_sm on their way by one connection."""
AGAIN = 0.2
"""Seconds after which what was refused for now is delivered again."""
JANUARY = 1_767_225_600_000_000


class Recorder:
    """What all connections share."""

    def __init__(self, record: int, arguments: argparse.Namespace) -> None:
        self.record = record
        self.answer_after: float = arguments.answer_after
        self.report_after: float = arguments.report_after
        self.reports: bool = not arguments.no_reports
        self.mo_every: int = arguments.mo_every
        self.links: list[Peer] = []
        self.waiting: deque[pdu.DeliverSm] = deque()
        """Receipts and MO that are not on their way."""
        self._last = 8_000_000_000

    def message_id(self) -> bytes:
        self._last += 1
        return b"%d" % self._last

    def keep(self, deliver: pdu.DeliverSm) -> None:
        self.waiting.append(deliver)
        self.hand_out()

    def hand_out(self) -> None:
        """Give what waits to whoever is bound and has room."""
        for link in self.links:
            out = []
            while link.receives and self.waiting and len(link.delivering) < WINDOW:
                out.append(link.next_delivery(self.waiting.popleft()))
            if out:
                link.write(b"".join(out))

    def took(self, submit: pdu.SubmitSm) -> bytes:
        """Its message_id; its receipt, and now and then a reply, will follow."""
        message_id = self.message_id()
        loop = asyncio.get_running_loop()
        back: dict[str, Any] = {"source_addr": submit.destination_addr, "destination_addr": submit.source_addr}
        if submit.registered_delivery & 1 and self.reports:
            text = pdu.format_receipt(message_id, 2, JANUARY, JANUARY)
            receipt = pdu.DeliverSm(esm_class=pdu.ESM_TYPE_RECEIPT, short_message=text, **back)
            loop.call_later(self.report_after, self.keep, receipt)
        if self.mo_every and int(message_id) % self.mo_every == 0:
            loop.call_later(0, self.keep, pdu.DeliverSm(short_message=b"R" + submit.short_message, **back))
        return message_id


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, recorder: Recorder, number: int) -> None:
        self.recorder = recorder
        self.number = number
        self.receives = False
        self.delivering: dict[int, pdu.DeliverSm] = {}
        self._numbers = itertools.count(1)
        self._rest = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.recorder.links.append(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.recorder.links.remove(self)
        self.recorder.waiting.extendleft(reversed(self.delivering.values()))
        self.recorder.hand_out()

    def data_received(self, data: bytes) -> None:
        octets = self._rest + data
        at = 0
        lines: list[bytes] = []
        answers: list[bytes] = []
        while len(octets) - at >= 16:
            length, command_id, status, number = _HEADER.unpack_from(octets, at)
            if len(octets) - at < length:
                break
            self._heard(octets[at : at + length], command_id, status, number, lines, answers)
            at += length
        self._rest = octets[at:]
        if lines:
            os.write(self.recorder.record, b"".join(lines))
        if answers:
            asyncio.get_running_loop().call_later(self.recorder.answer_after, self.write, b"".join(answers))
        if self.receives:
            self.recorder.hand_out()

    def _heard(
        self, octets: bytes, command_id: int, status: int, number: int, lines: list[bytes], answers: list[bytes]
    ) -> None:
        if command_id == SUBMIT_SM:
            submit = pdu.decode(octets)
            assert isinstance(submit, pdu.SubmitSm)
            lines.append(b"%s %d\n" % (submit.short_message, self.number))
            answers.append(pdu.submit_sm_resp(number, self.recorder.took(submit)))
        elif command_id == DELIVER_SM_RESP:
            taken = self.delivering.pop(number, None)
            if taken is not None and status != pdu.ESME_ROK:
                asyncio.get_running_loop().call_later(AGAIN, self.recorder.keep, taken)
        elif command_id in BINDS:
            self.receives = command_id != pdu.CommandId.bind_transmitter
            self.write(_HEADER.pack(17, command_id | pdu.RESPONSE, pdu.ESME_ROK, number) + b"\0")
        elif command_id in ANSWERED:
            self.write(pdu.header(command_id | pdu.RESPONSE, pdu.ESME_ROK, number))

    def next_delivery(self, request: pdu.DeliverSm) -> bytes:
        request.sequence_number = next(self._numbers)
        self.delivering[request.sequence_number] = request
        return pdu.encode(request)

    def write(self, octets: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(octets)


class Carrier:
    """The process, as a test holds it."""

    def __init__(self, directory: Path, *options: str) -> None:
        self.record = directory / "record"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.carrier", str(self.record), *options],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
        )  # fmt: skip
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def handed(self) -> Counter[bytes]:
        """How often it was handed each text."""
        return Counter(line.split(b" ")[0] for line in self.record.read_bytes().splitlines())


async def _main(arguments: argparse.Namespace) -> None:
    record = os.open(arguments.record, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    recorder = Recorder(record, arguments)
    numbers = itertools.count(1)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Peer(recorder, next(numbers)), "127.0.0.1", arguments.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    ended = asyncio.Event()
    loop.add_reader(sys.stdin.fileno(), ended.set)  # nothing is ever written there: readable means closed
    await ended.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("record")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--answer-after", type=float, default=0.0)
    parser.add_argument("--report-after", type=float, default=0.02)
    parser.add_argument("--no-reports", action="store_true")
    parser.add_argument("--mo-every", type=int, default=0)
    asyncio.run(_main(parser.parse_args()))
