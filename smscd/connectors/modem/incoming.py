"""What a modem received, in SMPP's terms: a message from a handset, or a status report. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from smscd import pdu
from smscd.connectors.esme import readable
from smscd.connectors.modem.tpdu import (
    Deliver,
    StatusReport,
    TpAddress,
    TpduError,
    decode_received,
    decode_status_report,
    encode_status_report,
    parse_number,
    split_smsc,
)
from smscd.connectors.modem.user_data import coding_of
from smscd.connectors.smpp.correlation import Report
from smscd.message import Content, octets_of
from smscd.text import Alphabet

DELIVERED, DELETED, UNDELIVERABLE, ACCEPTED, REJECTED, EXPIRED, ENROUTE = (
    int(pdu.MessageState[name])
    for name in ("DELIVERED", "DELETED", "UNDELIVERABLE", "ACCEPTED", "REJECTED", "EXPIRED", "ENROUTE")
)
UNCONFIRMED = {"DELIVERED": DELIVERED, "ACCEPTED": ACCEPTED}
FORWARDED = 0x01
"""TP-ST: forwarded to the handset, but the SMSC cannot confirm delivery."""
SUFFIX = 8
"""Digits of a number that are the same in its national and its international form."""
STORED_SUBMIT = 1
UNKNOWN, ALPHANUMERIC, MAX_TON = 0, 5, 6
NPIS = frozenset({1, 3, 4, 6, 8, 9, 10, 14, 18})
"""What a deliver_sm may say (SMPP 3.4 §5.2.5, §5.2.6); what 23.040 has beside them, or reserves, is unknown here."""


@dataclass(slots=True)
class Stored:
    """A TPDU of our own that somebody keeps in the modem: not ours to touch."""


def decode(octets: str, announced: int | None) -> Deliver | StatusReport | Stored:
    """What a PDU in hexadecimal is; `announced` is its length without SMSC address. Raises TpduError."""
    raw = bytes.fromhex(octets)
    tpdu = raw if announced is not None and len(raw) == announced else split_smsc(raw)[1]
    return Stored() if tpdu[0] & 3 == STORED_SUBMIT else decode_received(tpdu)


# --- messages from handsets -------------------------------------------------------------------------------------------


def deliver_sm(deliver: Deliver, number: str) -> pdu.DeliverSm:
    """The message as an SMSC would deliver it to the owner of `number`, the modem's own."""
    to = parse_number(number)
    return readable(pdu.DeliverSm(
        source_addr_ton=ton if (ton := deliver.source_addr.ton) <= MAX_TON else UNKNOWN,
        source_addr_npi=npi if (npi := deliver.source_addr.npi) in NPIS and ton != ALPHANUMERIC else UNKNOWN,
        source_addr=_octets(deliver.source_addr),
        dest_addr_ton=to.ton,
        dest_addr_npi=to.npi,
        destination_addr=to.addr.encode("latin-1", "replace"),
        esm_class=(pdu.ESM_UDHI if deliver.udhi else 0) | (pdu.ESM_REPLY_PATH if deliver.reply_path else 0),
        protocol_id=deliver.protocol_id,
        data_coding=data_coding_of(deliver.tp_dcs),
        short_message=deliver.user_data,
    ))  # fmt: skip


def _octets(address: TpAddress) -> bytes:
    return address.addr.encode("latin-1", "replace")[:20]


_PLAIN: dict[Alphabet, int] = {"gsm7": 0x00, "octet": 0x04, "ucs2": 0x08}


def data_coding_of(tp_dcs: int) -> int:
    """SMPP's data_coding for TP-DCS: the plain one where a class says nothing that SMPP could not say.

    Groups 11xx are the same in both (SMPP 3.4 §5.2.19); a class of GSM 7-bit or 8-bit data moves there.
    """
    if tp_dcs >= 0xC0:
        return tp_dcs
    meaning = coding_of(tp_dcs)
    if meaning.compressed:
        return tp_dcs
    if meaning.message_class is None or meaning.alphabet == "ucs2":
        return _PLAIN.get(meaning.alphabet, 0)
    return 0xF0 | (0x04 if meaning.alphabet == "octet" else 0) | meaning.message_class


# --- status reports ---------------------------------------------------------------------------------------------------


def key(reference: int | None, address: str) -> str:
    """What ties a part to its report: TP-MR as the modem gave it (None if it gave none), and the recipient's number.

    The number may come back in another form: its last digits count.
    """
    digits = "".join(character for character in address if character.isalnum())
    return f"{'none' if reference is None else reference}-{digits[-SUFFIX:]}"


def message_state(tp_st: int, unconfirmed: int = DELIVERED) -> int:
    """SMPP's message_state for TP-ST (23.040 §9.2.3.15); ENROUTE for what is not final.

    `unconfirmed`: what FORWARDED counts as. Reserved values are read as "service rejected" (0x63).
    """
    if tp_st == FORWARDED:
        return unconfirmed
    if tp_st in _STATES:
        return _STATES[tp_st]
    if 0x10 <= tp_st <= 0x1F:
        return DELIVERED
    if 0x20 <= tp_st <= 0x3F:
        return ENROUTE
    return UNDELIVERABLE


_STATES = {0x00: DELIVERED, 0x02: DELETED, 0x42: REJECTED, 0x46: EXPIRED, 0x47: DELETED, 0x48: DELETED}


def report(status: StatusReport, connector: str, unconfirmed: int = DELIVERED) -> Report:
    """A status report as `Reports` understands it."""
    recipient = status.recipient_addr
    state = message_state(status.tp_st, unconfirmed)
    return Report(
        connector=connector,
        provider=connector,
        ids=(key(status.tp_mr, recipient.addr), key(None, recipient.addr)),
        message_state=state,
        error_code=0 if state == DELIVERED else status.tp_st,
        source_addr=recipient.addr.encode("latin-1", "replace"),
        intermediate=state == ENROUTE,
        delivered=_kept(status),
        base="same",
        sent_by=status.scts.moment if status.scts is not None else 0,
    )


def _kept(status: StatusReport) -> pdu.DeliverSm:
    """A status report in the form in which one that has not found its part yet waits in the store."""
    return pdu.DeliverSm(
        source_addr_ton=status.recipient_addr.ton,
        source_addr=_octets(status.recipient_addr),
        esm_class=pdu.ESM_TYPE_RECEIPT,
        data_coding=_PLAIN["octet"],
        short_message=encode_status_report(status),
    )


def kept_report(content: Content, connector: str, unconfirmed: int = DELIVERED) -> Report | None:
    """The report that was kept as `content`; None if it is none of ours."""
    if content.esm_class & pdu.ESM_TYPE_MASK != pdu.ESM_TYPE_RECEIPT:
        return None
    try:
        return report(decode_status_report(octets_of(content)), connector, unconfirmed)
    except TpduError:
        return None


__all__ = [
    "FORWARDED",
    "Deliver",
    "StatusReport",
    "Stored",
    "TpduError",
    "data_coding_of",
    "decode",
    "deliver_sm",
    "kept_report",
    "key",
    "message_state",
    "report",
]
