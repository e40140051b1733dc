"""Sound frames with unsound insides: what a fuzzer has to send to get past the framer.

Plain random octets never form a whole PDU, so a frame's length is always true here, and everything behind it may lie.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

from smscd import pdu
from smscd.pdu.fields import wire_fields
from tests.hostile.peer import frame

BINDS = (pdu.BindTransceiver, pdu.BindReceiver, pdu.BindTransmitter, pdu.Outbind)
REQUESTS: tuple[type[Any], ...] = (
    pdu.SubmitSm, pdu.DataSm, pdu.SubmitMulti, pdu.QuerySm, pdu.CancelSm, pdu.ReplaceSm, pdu.BroadcastSm,
    pdu.QueryBroadcastSm, pdu.CancelBroadcastSm, pdu.EnquireLink, pdu.DeliverSm, pdu.AlertNotification,
    *BINDS,
)  # fmt: skip
"""What an ESME may send, and what it may not; everything but unbind, which ends the conversation."""

RESPONSES = tuple(cls for cls in pdu.PDUS if cls.command_id & pdu.RESPONSE and cls is not pdu.UnbindResp)
MESSAGES: tuple[type[Any], ...] = (pdu.SubmitSm, pdu.SubmitSm, pdu.SubmitSm, pdu.DataSm, pdu.SubmitMulti)
LATER = (pdu.QuerySm, pdu.CancelSm, pdu.ReplaceSm)
TAGS = tuple(int(tag) for tag in pdu.Tag)
TIMES = (
    b"", b"000000000100000R", b"261231235959948+", b"000000000000000R", b"999999999999999R", b"\xff" * 16,
    b"010101000000000-", b"991231235959900+",
)  # fmt: skip

SENDER = b"12345"


class Mutants:
    """An endless supply of frames; the same seed gives the same ones."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        self.ids: list[bytes] = []  # message_ids that were given to us: what query, cancel and replace may find
        self._kinds: tuple[Callable[[], bytes], ...] = (
            self.plausible, self.plausible, self.plausible, self.damaged, self.damaged, self.noise, self.response,
        )  # fmt: skip

    def next(self) -> bytes:
        """One frame of any kind."""
        return self._draw.choice(self._kinds)()

    def number(self) -> int:
        """A sequence_number that no marker uses: markers have the highest bit clear and the next one set."""
        return self._draw.choice((0, 1, 0xFFFFFFFF, 0x80000000, self._draw.randrange(1 << 30)))

    def noise(self) -> bytes:
        """A header of any command, nothing but chance behind it."""
        command = self._draw.choice((*(cls.command_id for cls in pdu.PDUS), 0x000000AA, 0x7FFFFFFF, 0xFFFFFFFF))
        command = pdu.EnquireLink.command_id if command in {pdu.Unbind.command_id, 0x80000006} else command
        return frame(
            command, self._draw.randbytes(self._draw.randrange(200)), status=self._any32(), number=self.number()
        )

    def response(self) -> bytes:
        """An answer that nobody waits for, or the wrong one to what somebody does."""
        cls = self._draw.choice(RESPONSES)
        body = self._draw.choice((b"", b"\0", self._draw.randbytes(self._draw.randrange(80))))
        number = self._draw.choice((self.number(), self._draw.randrange(1, 50)))
        return frame(cls.command_id, body, status=self._draw.choice((0, 0, self._any32())), number=number)

    def plausible(self) -> bytes:
        """A PDU that decodes; what its fields say is anything."""
        cls = self._draw.choice(self._draw.choice((MESSAGES, MESSAGES, REQUESTS, LATER)))
        made = cls(sequence_number=self.number(), command_status=self._draw.choice((0, self._any32())))
        share = self._draw.choice((0.0, 0.2, 0.8))
        for name, field in wire_fields(cls).items():
            if self._draw.random() < share:
                setattr(made, name, self._value(cls, name, field))
        if cls in MESSAGES and self._draw.random() < 0.8:
            self._make_admissible(made)
        if hasattr(made, "message_id") and self.ids and self._draw.random() < 0.8:
            if self._draw.random() < 0.5:
                made = cls(sequence_number=made.sequence_number)
            made.message_id, made.source_addr = self._draw.choice(self.ids[-20:]), self._draw.choice((SENDER, b""))
        return pdu.encode(made)

    def _make_admissible(self, made: Any) -> None:
        """What admission looks at first becomes right, so that the rest gets to see the message."""
        made.esm_class, made.registered_delivery = self._draw.choice((0, 0, 0x40)), self._draw.choice((0, 1, 17))
        made.source_addr_ton, made.source_addr_npi = self._draw.choice((0, 1, 5)), 1
        if isinstance(made, pdu.SubmitMulti):
            made.dest_address = made.dest_address or [pdu.SmeAddress(1, 1, b"447700900123")]
        else:
            longest = 60 if isinstance(made, pdu.DataSm) else 18
            made.dest_addr_ton, made.dest_addr_npi = 1, 1
            digits = str(self._draw.getrandbits(200))[: self._draw.randrange(1, longest)]
            made.destination_addr = digits.encode()
            if self._draw.random() < 0.5:
                made.source_addr, made.destination_addr = SENDER, b"447000900123"  # this one stays under way
        if not isinstance(made, pdu.DataSm):
            made.priority_flag, made.replace_if_present_flag = self._draw.randrange(4), int(self._draw.random() < 0.05)
            made.sm_default_msg_id = 0

    def bind(self) -> bytes:
        """A bind, sound or damaged."""
        bind = self._draw.choice(BINDS)(self.number(), system_id=b"reset", password=b"secret")
        for name, field in wire_fields(type(bind)).items():
            if self._draw.random() < 0.2:
                setattr(bind, name, self._value(type(bind), name, field))
        return self._draw.choice((pdu.encode, self._damage_pdu))(bind)

    def _damage_pdu(self, made: pdu.Pdu) -> bytes:
        return self._damage(pdu.encode(made))

    def damaged(self) -> bytes:
        """A PDU cut off, lengthened, overwritten, or robbed of its NULs; its length is corrected."""
        return self._damage(self.plausible())

    def _damage(self, octets: bytes) -> bytes:
        whole = bytearray(octets)
        body = whole[16:]
        match self._draw.randrange(6):
            case 0:
                del body[self._draw.randrange(len(body) + 1) :]
            case 1:
                body += self._draw.randbytes(self._draw.randrange(1, 60))
            case 2:
                body = bytearray(octet or 0x41 for octet in body)
            case 3:
                body += self._tlv_that_lies()
            case _:
                for _ in range(self._draw.randrange(1, 6)):
                    if body:
                        body[self._draw.randrange(len(body))] = self._draw.randrange(256)
        return frame(int.from_bytes(whole[4:8], "big"), bytes(body), number=self.number())

    # -- values ------------------------------------------------------------------------------------------------------

    def _any32(self) -> int:
        return self._draw.choice((0, 1, 0x58, 0x400, 0xFFFFFFFF, self._draw.getrandbits(32)))

    def _value(self, cls: type[Any], name: str, field: Any) -> Any:
        match field.kind.name:
            case "INTEGER":
                return self._draw.choice((0, 1, 2, 4, 8, 0x40, 255, self._draw.randrange(256)))
            case "C_OCTET_STRING":
                return bytes(self._draw.randrange(1, 256) for _ in range(self._draw.randrange(field.accepts)))
            case "TIME":
                return self._draw.choice(TIMES)
            case "SIZED_OCTETS":
                return self._draw.randbytes(self._draw.choice((0, 1, 5, 140, 254, 255)))
            case "TLVS":
                return [self._tlv() for _ in range(self._draw.randrange(5))]
            case _:
                return [self._entry(field.entries) for _ in range(self._draw.choice((1, 2, 20, 254)))]

    def _entry(self, entries: tuple[type[Any], ...]) -> Any:
        cls = self._draw.choice(entries)
        entry = cls()
        for name, field in wire_fields(cls).items():
            setattr(entry, name, self._value(cls, name, field))
        if isinstance(entry, pdu.SmeAddress) and self._draw.random() < 0.8:
            return pdu.SmeAddress(1, 1, b"4477009%05d" % self._draw.randrange(100))
        return entry

    def _tlv(self) -> tuple[int, bytes]:
        tag = self._draw.choice((*TAGS, self._draw.randrange(65536)))
        return tag, self._draw.randbytes(self._draw.choice((0, 1, 2, 3, 4, 16, 255, 2000)))

    def _tlv_that_lies(self) -> bytes:
        tag = self._draw.choice(TAGS)
        return tag.to_bytes(2, "big") + self._draw.choice((0, 5, 0x7FFF, 0xFFFF)).to_bytes(2, "big") + b"xyz"
