"""From what stands on the command line to the submit_sm that go out."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from smscd import pdu
from smscd.clock import SECOND
from smscd.pdu.times import format_absolute, format_relative, parse_time
from smscd.text import DATA_CODING, Alphabet, Part, choose, data_coding, encode, segment
from smscd.text.segments import How
from smscd.units import parse_duration

MONTH = 31 * 86_400
"""Seconds in the longest interval that a relative time can say exactly."""


@dataclass(slots=True)
class Composition:
    """One text to many destinations: everything that a submit_sm can say and all of them have in common."""

    source_addr: str
    destinations: list[str]
    text: str
    count: int = 1
    alphabet: Alphabet | None = None
    data_coding: int | None = None
    how: How = "udh8"
    registered_delivery: int = 1
    schedule_delivery_time: bytes = b""
    validity_period: bytes = b""
    service_type: str = ""
    priority_flag: int = 0
    source_addr_ton: int | None = None
    source_addr_npi: int | None = None
    dest_addr_ton: int | None = None
    dest_addr_npi: int | None = None

    def coding(self) -> tuple[Alphabet, int]:
        """The alphabet and the data_coding: what was asked for, else the narrowest that holds the text.

        An alphabet without a data_coding brings its own, and a data_coding without an alphabet says which it means.
        """
        if self.alphabet is not None:
            own = DATA_CODING[self.alphabet]
            return self.alphabet, own if self.data_coding is None else self.data_coding
        if self.data_coding is not None:
            return data_coding(self.data_coding).alphabet, self.data_coding
        return choose(self.text)

    def segments(self) -> int:
        """How many submit_sm one message takes.  Raises Unencodable, and TextTooLong over 255 parts."""
        return len(segment(self.text, self.coding()[0], how=self.how))

    def requests(self) -> Iterator[tuple[int, int, pdu.SubmitSm]]:
        """Every submit_sm with the number of its message and of its part, both from 1, in the order of sending.

        Each destination gets all its parts before the next one comes; `count` goes round over all destinations.
        """
        alphabet, coded = self.coding()
        octets = encode(self.text, alphabet)
        model = self._model(coded)
        reference = secrets.randbelow(0x10000)
        for message in range(self.count * len(self.destinations)):
            written = self.destinations[message % len(self.destinations)]
            ton, npi, destination = address(written, self.dest_addr_ton, self.dest_addr_npi)
            for part in segment(octets, alphabet, reference + message, how=self.how):
                request = replace(model, dest_addr_ton=ton, dest_addr_npi=npi, destination_addr=destination)
                request.tlvs = _tlvs(part, self.how)
                if part.udhi:
                    request.esm_class |= pdu.ESM_UDHI
                if self.how != "payload":
                    request.short_message = part.octets
                yield message + 1, part.number, request

    def _model(self, coded: int) -> pdu.SubmitSm:
        ton, npi, source = address(self.source_addr, self.source_addr_ton, self.source_addr_npi)
        return pdu.SubmitSm(
            service_type=self.service_type.encode(),
            source_addr_ton=ton,
            source_addr_npi=npi,
            source_addr=source,
            priority_flag=self.priority_flag,
            schedule_delivery_time=self.schedule_delivery_time,
            validity_period=self.validity_period,
            registered_delivery=self.registered_delivery,
            data_coding=coded,
        )


def _tlvs(part: Part, how: How) -> list[pdu.Tlv]:
    if how == "payload":
        return [pdu.tlv.octets(pdu.tlv.Tag.message_payload, part.octets)]
    if how == "sar" and part.total > 1:
        return [
            pdu.tlv.integer(pdu.tlv.Tag.sar_msg_ref_num, part.reference),
            pdu.tlv.integer(pdu.tlv.Tag.sar_total_segments, part.total),
            pdu.tlv.integer(pdu.tlv.Tag.sar_segment_seqnum, part.number),
        ]
    return []


def check_address(written: str) -> str:
    """`written` again.  Raises ValueError if no submit_sm can carry it."""
    if not written.isascii() or not written.isprintable():
        raise ValueError(f"{written!r} has characters that an address cannot have")
    if not 1 <= len(written.removeprefix("+")) <= pdu.MAX_ADDRESS:
        raise ValueError(f"{written!r} is not 1 to {pdu.MAX_ADDRESS} octets long")
    return written


def address(written: str, ton: int | None = None, npi: int | None = None) -> tuple[int, int, bytes]:
    """Type of number, numbering plan and octets of an address: as told, else as its shape says (3.4 §5.2.5, §5.2.6).

    +447700900000 is international (1, 1) and travels without its plus, as do ten digits and more; fewer digits are
    a short code, left to the SMSC to understand (0, 1); anything with a letter is alphanumeric (5, 0).
    """
    if written.startswith("+") and written[1:].isdigit():
        shape, written = (1, 1), written[1:]
    elif written.isdigit():
        shape = (1, 1) if len(written) >= 10 else (0, 1)
    else:
        shape = (5, 0)
    return shape[0] if ton is None else ton, shape[1] if npi is None else npi, written.encode()


def smpp_time(written: str, now: int) -> bytes:
    """A time as SMPP writes it, from "90s", "2h", "2026-12-01T08:00+01:00" or an SMPP time itself.

    `now` is in microseconds UTC.  Raises ValueError with what is wrong.  A date without an offset is local time.
    """
    if not written:
        return b""
    if len(written) == 16 and written[:15].isdigit():
        parse_time(written.encode(), now)
        return written.encode()
    try:
        seconds = parse_duration(written)
    except ValueError:
        return format_absolute(_moment(written))
    if seconds <= MONTH:
        return format_relative(int(seconds * SECOND))
    return format_absolute(now + int(seconds * SECOND))


def _moment(written: str) -> int:
    try:
        when = datetime.fromisoformat(written)
    except ValueError:
        reason = f"{written!r} is neither a duration (2h), a date (2026-12-01T08:00) nor an SMPP time"
        raise ValueError(reason) from None
    return int(when.timestamp()) * SECOND
