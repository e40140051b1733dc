"""Text mode (AT+CMGF=1): what the message commands take and print then (27.005 §3.5, §4.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smscd import text
from smscd.connectors.modem.emulated.answers import CmsError
from smscd.connectors.modem.emulated.parsing import Call
from smscd.connectors.modem.emulated.slots import STATUS_WORDS, UNSENT, Stored
from smscd.connectors.modem.times import decode_relative, encode_timestamp
from smscd.connectors.modem.tpdu import (
    Deliver,
    StatusReport,
    Submit,
    Timestamp,
    TpAddress,
    TpduError,
    decode_received,
    decode_submit,
    encode_submit,
    parse_number,
)
from smscd.connectors.modem.user_data import coding_of
from smscd.errors import Unencodable

if TYPE_CHECKING:
    from smscd.connectors.modem.emulated.modem import EmulatedModem


def submit(modem: EmulatedModem, call: Call, typed: bytes) -> bytes:
    """The TPDU of a message typed in text mode: AT+CSMP says how it is sent, AT+CSCS how it was typed."""
    first, validity, protocol_id, tp_dcs = modem.session.csmp
    body = typed.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    alphabet = coding_of(tp_dcs).alphabet
    try:
        if alphabet == "octet" or (modem.session.cscs == "UCS2" and alphabet == "ucs2"):
            user_data = bytes.fromhex(body.decode("ascii"))
        else:
            user_data = text.encode(_read(modem, body.decode("latin-1")), alphabet)
        number = parse_number(_read(modem, call.text(0)))
        if call.text(1) == "145":
            number = number._replace(ton=1)
        relative = decode_relative(validity) if first & 0x18 == 0x10 else None
        return encode_submit(
            Submit(
                number,
                user_data,
                tp_dcs,
                bool(first & 0x40),
                relative,
                status_report=bool(first & 0x20),
                protocol_id=protocol_id,
            )
        )
    except (ValueError, TpduError, Unencodable):
        raise CmsError(305) from None


def listed(modem: EmulatedModem, kept: Stored, start: str) -> list[str]:
    """What AT+CMGL and AT+CMGR print for one message; `start` is their name, with the index for a list."""
    start += f'"{STATUS_WORDS[kept.status]}",'
    if kept.status >= UNSENT:
        submitted = decode_submit(kept.tpdu)
        return [f'{start}"{_shown(modem, str(submitted.destination_addr))}",', _body(modem, submitted)]
    received = decode_received(kept.tpdu)
    if isinstance(received, StatusReport):
        return [start + _report(modem, received)]
    sender = _shown(modem, str(received.source_addr))
    return [f'{start}"{sender}",,"{_stamp(received.scts)}"', _body(modem, received)]


def direct(modem: EmulatedModem, tpdu: bytes, name: str) -> list[str]:
    """+CMT and +CDS."""
    received = decode_received(tpdu)
    if isinstance(received, StatusReport):
        return [f"{name}: {_report(modem, received)}"]
    sender = _shown(modem, str(received.source_addr))
    return [f'{name}: "{sender}",,"{_stamp(received.scts)}"', _body(modem, received)]


def _report(modem: EmulatedModem, report: StatusReport) -> str:
    recipient = _shown(modem, str(report.recipient_addr))
    times = f'"{_stamp(report.scts)}","{_stamp(report.discharge_time)}"'
    return f'6,{report.tp_mr},"{recipient}",{_type_of(report.recipient_addr)},{times},{report.tp_st}'


def _type_of(address: TpAddress) -> int:
    return 0x80 | address.ton << 4 | address.npi


def _stamp(stamp: Timestamp | None) -> str:
    digits = [f"{octet & 15}{octet >> 4}" for octet in encode_timestamp(stamp)[:6]]
    zone = stamp.zone if stamp else 0
    return f"{'/'.join(digits[:3])},{':'.join(digits[3:])}{zone:+03}"


def _body(modem: EmulatedModem, message: Submit | Deliver) -> str:
    coding = coding_of(message.tp_dcs)
    if coding.alphabet == "octet" or message.udhi:
        return message.user_data.hex().upper()
    if coding.alphabet == "ucs2":
        return message.user_data.hex().upper()
    return _shown(modem, message.text)


def _shown(modem: EmulatedModem, characters: str) -> str:
    return text.encode(characters, "ucs2").hex().upper() if modem.session.cscs == "UCS2" else characters


def _read(modem: EmulatedModem, characters: str) -> str:
    if modem.session.cscs == "UCS2":
        return text.decode(bytes.fromhex(characters), "ucs2")
    return text.decode(characters.encode("latin-1"), "gsm7") if modem.session.cscs == "GSM" else characters
