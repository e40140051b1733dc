"""A fast upstream of raw octets: it takes every bind and every submit_sm, and does nothing else but count.

    python bench/sink.py --port 2776 [--receipts] [--silent]

A line on standard input is answered with a line of figures since the last `reset`, its own CPU time among them: `peek`
keeps counting, and `count` tells the counts only, which costs it nothing. A text that begins with a time of the
monotonic clock (`load.py --stamp`) has its latency measured. `--silent` answers binds only.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import struct
import sys
import time
from collections import deque
from typing import cast

import uvloop

HEADER = struct.Struct(">IIII")
SUBMIT_SM, DELIVER_SM, UNBIND, ENQUIRE_LINK, RESPONSE = 0x04, 0x05, 0x06, 0x15, 0x80000000
BINDS = (0x01, 0x02, 0x09)
STAMP = 16
"""Hexadecimal digits of nanoseconds at the beginning of a stamped text."""
WINDOW = 500
"""deliver_sm on their way by one connection."""


class Counts:
    """Since the last time somebody asked."""

    def __init__(self) -> None:
        self.submits = self.receipts = self.acknowledged = 0
        self.last_submit = 0.0
        self.latencies: list[int] = []
        self._cpu = _cpu()

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.latencies) or [0]
        return {
            "submits": self.submits, "receipts": self.receipts, "acknowledged": self.acknowledged,
            "last_submit": self.last_submit, "cpu_s": round(_cpu() - self._cpu, 3),
            "p50_ms": round(ordered[len(ordered) // 2] / 1e6, 2),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)] / 1e6, 2),
            "max_ms": round(ordered[-1] / 1e6, 2),
        }  # fmt: skip


class Sink:
    """What all connections share."""

    def __init__(self, receipts: bool, silent: bool) -> None:
        self.receipts = receipts
        self.silent = silent
        self.counts = Counts()
        self.message_id = 1_000_000_000

    def asked(self) -> None:
        line = sys.stdin.readline()
        if not line:
            sys.exit(0)
        counts, ask = self.counts, line.strip()
        told = {"submits": counts.submits} if ask == "count" else counts.figures()
        print(json.dumps(told), flush=True)
        if ask not in {"peek", "count"}:
            self.counts = Counts()


class Peer(asyncio.Protocol):
    """One connection."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.rest = b""
        self.owed: deque[bytes] = deque()
        self.out = 0
        self.sequence = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's transports are of no asyncio class

    def data_received(self, data: bytes) -> None:
        buffer = self.rest + data if self.rest else data
        at, end, answers, sink = 0, len(buffer), [], self.sink
        counts = sink.counts
        before = counts.submits
        while end - at >= 16:
            length, command_id, _, sequence = HEADER.unpack_from(buffer, at)
            if end - at < length:
                break
            if command_id == SUBMIT_SM:
                counts.submits += 1
                if not sink.silent:
                    sink.message_id += 1
                    answers.append(HEADER.pack(27, SUBMIT_SM | RESPONSE, 0, sequence) + b"%d\0" % sink.message_id)
                    self.took(buffer, at + 16, counts)
            elif command_id == DELIVER_SM | RESPONSE:
                counts.acknowledged += 1
                self.out -= 1
            elif command_id in BINDS:
                answers.append(HEADER.pack(21, command_id | RESPONSE, 0, sequence) + b"sink\0")
            elif command_id in {ENQUIRE_LINK, UNBIND}:
                answers.append(HEADER.pack(16, command_id | RESPONSE, 0, sequence))
            at += length
        self.rest = buffer[at:]
        while self.owed and self.out < WINDOW:
            answers.append(self.owed.popleft())
            self.out += 1
            counts.receipts += 1
        if answers:
            self.transport.write(b"".join(answers))
        if counts.submits != before:
            counts.last_submit = time.monotonic()

    def took(self, buffer: bytes, at: int, counts: Counts) -> None:
        """The rest of a submit_sm: its receipt, if it wants one, and its stamp, if it has one."""
        source = buffer.index(0, at) + 1
        destination = buffer.index(0, source + 2) + 1
        flags = buffer.index(0, destination + 2) + 1  # esm_class, protocol_id, priority_flag, two times
        after = buffer.index(0, buffer.index(0, flags + 3) + 1) + 1
        octets = buffer[after + 5 : after + 5 + STAMP]  # registered_delivery … sm_length, short_message
        if octets.startswith(b"00"):
            counts.latencies.append(time.monotonic_ns() - int(octets, 16))
        if self.sink.receipts and buffer[after] & 1:
            self.owed.append(self.receipt(buffer[source : destination - 1], buffer[destination : flags - 1]))

    def receipt(self, source: bytes, destination: bytes) -> bytes:
        """A deliver_sm as SMPP 3.4 Appendix B has it. Addresses with TON and NPI, without their NUL."""
        text = b"id:%d sub:001 dlvrd:001 submit date:2601010000 done date:2601010000 stat:DELIVRD err:000 text:" % (
            self.sink.message_id
        )
        self.sequence += 1
        body = b"".join((
            b"\0", destination, b"\0", source, b"\0\x04\0\0\0\0\0\0\0\0", bytes((len(text),)), text,
        ))  # fmt: skip
        return HEADER.pack(16 + len(body), DELIVER_SM, 0, self.sequence) + body


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


async def main(arguments: argparse.Namespace) -> None:
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    sink = Sink(arguments.receipts, arguments.silent)
    loop = asyncio.get_running_loop()
    loop.add_reader(sys.stdin.fileno(), sink.asked)
    server = await loop.create_server(lambda: Peer(sink), "127.0.0.1", arguments.port)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=2776)
    parser.add_argument("--receipts", action="store_true")
    parser.add_argument("--silent", action="store_true")
    uvloop.run(main(parser.parse_args()))
