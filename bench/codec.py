"""How fast the codec is, beside aiosmpplib and smpplib on the same octets.

    python bench/codec.py [--seconds 1.0]

One core, no sockets. Each figure is the best of 25 rounds, by CPU time: on a busy machine the best is the least
disturbed one.
Absolute figures drift from machine to machine: compare the ratios of one run.
"""

from __future__ import annotations

import argparse
import gc
import json
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

import interpreter
import smpplib.smpp
from aiosmpplib import protocol as aio

from smscd import pdu

ROUNDS = 25
READ_SIZE = 65_536
DONE = 1_795_262_460_000_000
SUBMITTED = DONE - 60_000_000

SUBMIT = pdu.SubmitSm(
    sequence_number=5,
    service_type=b"CMT",
    source_addr_ton=5,
    source_addr=b"ACME",
    dest_addr_ton=1,
    dest_addr_npi=1,
    destination_addr=b"447700900123",
    registered_delivery=1,
    short_message=b"x" * 160,
    tlvs=[(0x0204, b"\0\7"), (0x0202, b"5" * 23)],
)
SUBMIT_FRAME = pdu.encode(SUBMIT)
MESSAGE_ID = b"12345678901234567890"


def encode_receipt() -> bytes:
    text = pdu.format_receipt(MESSAGE_ID, 2, SUBMITTED, DONE, text=b"Hello, handset")
    return pdu.encode(
        pdu.DeliverSm(
            sequence_number=5,
            source_addr_ton=1,
            source_addr_npi=1,
            source_addr=b"447700900123",
            dest_addr_ton=5,
            destination_addr=b"ACME",
            esm_class=pdu.ESM_TYPE_RECEIPT,
            short_message=text,
            tlvs=[(0x001E, MESSAGE_ID + b"\0"), (0x0427, b"\2")],
        )
    )


RECEIPT_FRAME = encode_receipt()


def read_receipt() -> object:
    received = pdu.decode(RECEIPT_FRAME)
    assert isinstance(received, pdu.DeliverSm)
    return pdu.parse_receipt(received.short_message)


class OneSequence:
    """What smpplib asks for sequence numbers."""

    sequence = 5

    def next_sequence(self) -> int:
        return self.sequence


CLIENT = OneSequence()


def aio_decode(frame: bytes, cls: Any) -> Any:
    return cls.from_pdu(frame, aio.SmppMessage.parse_header(frame), default_encoding="gsm0338")


def aio_receipt() -> object:
    return aio_decode(RECEIPT_FRAME, aio.DeliverSm).parse_receipt()


def smpplib_encode_resp() -> bytes:
    made = smpplib.smpp.make_pdu("submit_sm_resp", client=CLIENT, message_id=MESSAGE_ID.decode())
    frame: bytes = made.generate()
    return frame


def rate(work: Callable[[], object], seconds: float) -> float:
    """Calls per second of CPU: the best of the rounds, with the garbage collector off as `timeit` does."""
    work()
    best = 0.0
    gc.disable()
    try:
        for _ in range(ROUNDS):
            calls = 0
            started = time.process_time()
            deadline = started + seconds / ROUNDS
            now = started
            while now < deadline:
                for _ in range(200):
                    work()
                calls += 200
                now = time.process_time()
            best = max(best, calls / (now - started))
    finally:
        gc.enable()
    return best


def figures() -> list[tuple[str, dict[str, Callable[[], object]], int]]:
    """What is measured: name, the work by implementation, and units of work in one call."""
    message_id = MESSAGE_ID.decode()
    stream = (SUBMIT_FRAME * (READ_SIZE // len(SUBMIT_FRAME) + 1))[:READ_SIZE]
    whole = READ_SIZE // len(SUBMIT_FRAME)
    return [
        (
            f"decode submit_sm ({len(SUBMIT_FRAME)} octets, {len(SUBMIT.tlvs)} TLVs)",
            {
                "smscd": lambda: pdu.decode(SUBMIT_FRAME),
                "aiosmpplib": lambda: aio_decode(SUBMIT_FRAME, aio.SubmitSm),
                "smpplib": lambda: smpplib.smpp.parse_pdu(SUBMIT_FRAME, client=CLIENT),
            },
            1,
        ),
        (
            "encode submit_sm_resp",
            {
                "smscd": lambda: pdu.submit_sm_resp(5, MESSAGE_ID),
                "aiosmpplib": lambda: aio.SubmitSmResp(sequence_num=5, message_id=message_id).pdu(),
                "smpplib": smpplib_encode_resp,
            },
            1,
        ),
        ("encode submit_sm", {"smscd": lambda: pdu.encode(SUBMIT)}, 1),
        ("encode receipt deliver_sm (text and TLVs)", {"smscd": encode_receipt}, 1),
        ("decode deliver_sm and read the receipt", {"smscd": read_receipt, "aiosmpplib": aio_receipt}, 1),
        ("frame a 64 KiB read (frames/s)", {"smscd": lambda: pdu.Framer().feed(stream)}, whole),
        (
            "frame and decode a 64 KiB read (PDUs/s)",
            {"smscd": lambda: [pdu.decode(frame) for frame in pdu.Framer().feed(stream)]},
            whole,
        ),
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=1.0, help="per figure, in all its rounds")
    parser.add_argument("--target", action="store_true", help="only the first figure, of smscd and aiosmpplib, as JSON")
    asked = parser.parse_args()
    seconds = asked.seconds
    if asked.target:
        _, implementations, _ = figures()[0]
        print(json.dumps([rate(implementations[name], seconds) for name in ("smscd", "aiosmpplib")]))
        return 0
    own = interpreter.told()
    print(f"CPython {own['python']} ({own['build']}), {platform.machine()}; operations per second")
    print(f"{'':46}{'smscd':>12}{'aiosmpplib':>20}{'smpplib':>20}")
    for name, implementations, units in figures():
        ours = rate(implementations["smscd"], seconds) * units
        row = f"{name:46}{ours:12,.0f}"
        for peer in ("aiosmpplib", "smpplib"):
            if peer not in implementations:
                row += f"{'-':>20}"
                continue
            theirs = rate(implementations[peer], seconds) * units
            row += f"{theirs:12,.0f} ({ours / theirs:4.1f}x)"
        print(row)
    return 0


if __name__ == "__main__":
    sys.exit(main())
