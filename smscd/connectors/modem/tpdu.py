"""SMS-SUBMIT, SMS-DELIVER and SMS-STATUS-REPORT, octets and back (3GPP TS 23.040 §9.2.2). Pure.

A modem in PDU mode takes and gives a TPDU with the SMSC address in front (`split_smsc`, `smsc_prefix`); its length in
AT+CMGS and +CMT counts the TPDU alone. Fields carry the names of SMPP where SMPP has the same field, and those of
23.040 otherwise. Whatever cannot be read or written raises TpduError.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from smscd.connectors.modem import user_data as ud
from smscd.connectors.modem.addresses import (
    TpAddress,
    TpduError,
    decode_address,
    encode_address,
    parse_number,
    smsc_prefix,
    split_smsc,
)
from smscd.connectors.modem.times import (
    LENGTH,
    Timestamp,
    decode_relative,
    decode_timestamp,
    encode_relative,
    encode_timestamp,
)

__all__ = [
    "Deliver",
    "StatusReport",
    "Submit",
    "Timestamp",
    "TpAddress",
    "TpduError",
    "decode_deliver",
    "decode_received",
    "decode_status_report",
    "decode_submit",
    "encode_deliver",
    "encode_status_report",
    "encode_submit",
    "parse_number",
    "smsc_prefix",
    "split_smsc",
]

# TP-MTI (§9.2.3.1) from the network to the handset; 01 from the handset is SMS-SUBMIT
_DELIVER: Final = 0
_SUBMIT: Final = 1
_STATUS_REPORT: Final = 2
_RESERVED: Final = 3  # a handset reads it as SMS-DELIVER

# TP-VPF (§9.2.3.3), in place
_ENHANCED: Final = 0x08
_RELATIVE: Final = 0x10
_ABSOLUTE: Final = 0x18

Validity = int | Timestamp | bytes
"""Relative: seconds. Absolute: a time stamp. Enhanced: its seven octets as they are (§9.2.3.12.3)."""


@dataclass(slots=True)
class Submit:
    """From a handset to the SMSC (§9.2.2.2)."""

    destination_addr: TpAddress
    user_data: bytes = b""  # as in SMPP: header first if `udhi`, septets one per octet
    tp_dcs: int = 0  # 23.038, not SMPP's data_coding
    udhi: bool = False
    validity: Validity | None = None
    status_report: bool = False  # TP-SRR: a status report is wanted
    reject_duplicates: bool = False
    reply_path: bool = False
    tp_mr: int = 0  # most modems write their own
    protocol_id: int = 0

    @property
    def text(self) -> str:
        """The text a handset shows."""
        return ud.text_of(self.user_data, self.tp_dcs, self.udhi)


@dataclass(slots=True)
class Deliver:
    """From the SMSC to a handset (§9.2.2.1)."""

    source_addr: TpAddress
    user_data: bytes = b""
    tp_dcs: int = 0
    udhi: bool = False
    scts: Timestamp | None = None  # None: unreadable or unknown
    more_messages: bool = False  # more wait at the SMSC (TP-MMS clear)
    status_report: bool = False  # TP-SRI: the sender gets a status report
    reply_path: bool = False
    loop_prevention: bool = False
    protocol_id: int = 0

    @property
    def text(self) -> str:
        """The text a handset shows."""
        return ud.text_of(self.user_data, self.tp_dcs, self.udhi)


@dataclass(slots=True)
class StatusReport:
    """From the SMSC to the handset that asked for it (§9.2.2.3)."""

    tp_mr: int
    recipient_addr: TpAddress
    tp_st: int  # §9.2.3.15
    scts: Timestamp | None = None  # when the SMSC took the message
    discharge_time: Timestamp | None = None  # when it delivered it, or last did anything about it
    more_messages: bool = False
    of_command: bool = False  # TP-SRQ: it reports on an SMS-COMMAND
    loop_prevention: bool = False


def encode_submit(submit: Submit) -> bytes:
    """The TPDU without SMSC address; `len()` of it is what AT+CMGS asks for."""
    format_bits, validity = _validity(submit.validity)
    first = _SUBMIT | format_bits
    first |= 0x04 * submit.reject_duplicates | 0x20 * submit.status_report | 0x40 * submit.udhi
    first |= 0x80 * submit.reply_path
    return b"".join(
        (
            bytes((first, submit.tp_mr & 0xFF)),
            encode_address(submit.destination_addr),
            bytes((submit.protocol_id, submit.tp_dcs)),
            validity,
            ud.encode_user_data(submit.user_data, submit.tp_dcs, submit.udhi),
        )
    )


def decode_submit(octets: bytes) -> Submit:
    """The fields of an SMS-SUBMIT."""
    first = _first(octets, (_SUBMIT,), "SMS-SUBMIT")
    destination_addr, at = decode_address(octets, 2)
    protocol_id, tp_dcs = _octets(octets, at, 2)
    validity, at = _read_validity(octets, at + 2, first & 0x18)
    user_data, udhi = ud.decode_user_data(octets, at, tp_dcs, bool(first & 0x40))
    return Submit(
        destination_addr,
        user_data,
        tp_dcs,
        udhi,
        validity,
        status_report=bool(first & 0x20),
        reject_duplicates=bool(first & 0x04),
        reply_path=bool(first & 0x80),
        tp_mr=octets[1],
        protocol_id=protocol_id,
    )


def encode_deliver(deliver: Deliver) -> bytes:
    """The TPDU without SMSC address."""
    first = _DELIVER | 0x04 * (not deliver.more_messages) | 0x08 * deliver.loop_prevention
    first |= 0x20 * deliver.status_report | 0x40 * deliver.udhi | 0x80 * deliver.reply_path
    return b"".join(
        (
            bytes((first,)),
            encode_address(deliver.source_addr),
            bytes((deliver.protocol_id, deliver.tp_dcs)),
            encode_timestamp(deliver.scts),
            ud.encode_user_data(deliver.user_data, deliver.tp_dcs, deliver.udhi),
        )
    )


def decode_deliver(octets: bytes) -> Deliver:
    """The fields of an SMS-DELIVER; TP-MTI 11 is read as one too (§9.2.3.1)."""
    first = _first(octets, (_DELIVER, _RESERVED), "SMS-DELIVER")
    source_addr, at = decode_address(octets, 1)
    protocol_id, tp_dcs = _octets(octets, at, 2)
    scts = decode_timestamp(_octets(octets, at + 2, LENGTH))
    user_data, udhi = ud.decode_user_data(octets, at + 2 + LENGTH, tp_dcs, bool(first & 0x40))
    return Deliver(
        source_addr,
        user_data,
        tp_dcs,
        udhi,
        scts,
        more_messages=not first & 0x04,
        status_report=bool(first & 0x20),
        reply_path=bool(first & 0x80),
        loop_prevention=bool(first & 0x08),
        protocol_id=protocol_id,
    )


def encode_status_report(report: StatusReport) -> bytes:
    """The TPDU without SMSC address and without the optional fields."""
    first = _STATUS_REPORT | 0x04 * (not report.more_messages)
    first |= 0x08 * report.loop_prevention | 0x20 * report.of_command
    return b"".join(
        (
            bytes((first, report.tp_mr & 0xFF)),
            encode_address(report.recipient_addr),
            encode_timestamp(report.scts),
            encode_timestamp(report.discharge_time),
            bytes((report.tp_st,)),
        )
    )


def decode_status_report(octets: bytes) -> StatusReport:
    """The fields of an SMS-STATUS-REPORT. What follows TP-ST (parameters on request, padding) is not read."""
    first = _first(octets, (_STATUS_REPORT,), "SMS-STATUS-REPORT")
    recipient_addr, at = decode_address(octets, 2)
    scts = decode_timestamp(_octets(octets, at, LENGTH))
    discharge_time = decode_timestamp(_octets(octets, at + LENGTH, LENGTH))
    (tp_st,) = _octets(octets, at + 2 * LENGTH, 1)
    return StatusReport(
        octets[1],
        recipient_addr,
        tp_st,
        scts,
        discharge_time,
        more_messages=not first & 0x04,
        of_command=bool(first & 0x20),
        loop_prevention=bool(first & 0x08),
    )


def decode_received(octets: bytes) -> Deliver | StatusReport:
    """Whichever a modem received: TP-MTI tells them apart. Raises TpduError for SMS-SUBMIT-REPORT (01)."""
    if octets and octets[0] & 3 == _STATUS_REPORT:
        return decode_status_report(octets)
    return decode_deliver(octets)


def _first(octets: bytes, kinds: tuple[int, ...], name: str) -> int:
    if len(octets) < 2:
        raise TpduError(f"{len(octets)} octets are no {name}")
    if octets[0] & 3 not in kinds:
        raise TpduError(f"TP-MTI is {octets[0] & 3:02b}: no {name}")
    return octets[0]


def _octets(octets: bytes, at: int, count: int) -> bytes:
    if at + count > len(octets):
        raise TpduError(f"the TPDU ends at octet {len(octets)}, inside a field of {count}")
    return octets[at : at + count]


def _validity(validity: Validity | None) -> tuple[int, bytes]:
    match validity:
        case None:
            return 0, b""
        case int():
            return _RELATIVE, bytes((encode_relative(validity),))
        case Timestamp():
            return _ABSOLUTE, encode_timestamp(validity)
        case _:
            if len(validity) != LENGTH:
                raise TpduError(f"an enhanced validity period of {len(validity)} octets: it has {LENGTH}")
            return _ENHANCED, validity


def _read_validity(octets: bytes, at: int, format_bits: int) -> tuple[Validity | None, int]:
    match format_bits:
        case 0:
            return None, at
        case 0x10:
            return decode_relative(_octets(octets, at, 1)[0]), at + 1
        case 0x18:
            return decode_timestamp(_octets(octets, at, LENGTH)), at + LENGTH
        case _:
            return _octets(octets, at, LENGTH), at + LENGTH
