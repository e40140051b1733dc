"""What a delivery receipt says: SMPP 3.4 Appendix B in the text, and the TLVs of §5.3.2.12 and §5.3.2.35."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from smscd import pdu
from smscd.message import PEER, RECEIPT, WHOLE, Message, octets_of, text_of
from smscd.text import Alphabet, decode

DELIVERED = int(pdu.MessageState.DELIVERED)
ACCEPTED = int(pdu.MessageState.ACCEPTED)
TEXT_OCTETS = 20
"""Appendix B: the first 20 characters of the short message."""
_RECEIPTED_MESSAGE_ID, _MESSAGE_STATE, _NETWORK_ERROR_CODE, _USER_MESSAGE_REFERENCE = (int(tag) for tag in (
    pdu.Tag.receipted_message_id, pdu.Tag.message_state, pdu.Tag.network_error_code, pdu.Tag.user_message_reference,
))  # fmt: skip
GSM_NETWORK = 3
"""network_error_code, network type GSM (SMPP 3.4 §5.3.2.31)."""
SMPP_ERROR = 7
"""Network type of a command_status (SMPP 5.0 §4.8.4.42; 3.4 knows none that fits)."""
MESSAGE_CENTRE = 8
"""Network type of an error that the message centre itself gives (SMPP 5.0 §4.8.4.42): it closed the message unsent."""


def wanted(registered_delivery: int, message_state: int, origin: int = PEER) -> bool:
    """Whether the sender asked for a receipt in this case (SMPP 3.4 §5.2.17, 5.0 §4.7.21).

    What smscd has put together of parts asks for those of its parts: each of them gets its own.
    """
    asked = registered_delivery & pdu.REGISTERED_RECEIPT_MASK
    if origin == WHOLE:
        return False
    if asked == pdu.REGISTERED_RECEIPT_FINAL:
        return True
    success = message_state in {DELIVERED, ACCEPTED}
    if asked == pdu.REGISTERED_RECEIPT_FAILURE:
        return not success
    return asked == pdu.REGISTERED_RECEIPT_SUCCESS and success


_GOOD = (ACCEPTED, DELIVERED)


def worst(states: Sequence[int]) -> int:
    """The message_state of a message whose parts ended in these: what kept the recipient from reading it all."""
    bad = [state for state in states if state not in _GOOD]
    return bad[0] if bad else min(states, key=_GOOD.index)


def deliver_sm(
    message: Message, kind: int, message_state: int, error_code: int, now: int, default_alphabet: Alphabet = "gsm7"
) -> pdu.DeliverSm:
    """The deliver_sm that reports on `message`: from its recipient to its sender, with TON and NPI as submitted.

    `now` is microseconds UTC; `default_alphabet` is what data_coding 0 means on the sender's link.
    """
    content = message.content
    done = message.segments if message_state == DELIVERED else 0
    text = pdu.receipt.format_receipt(
        message_id=message.message_id.encode(),
        sub=min(message.segments, 999),
        dlvrd=min(done, 999),
        submit_date=message.accepted_at,
        done_date=now,
        message_state=message_state,
        err=error_code,
        text=b"" if message.refusal else _beginning(message, default_alphabet),
    )
    return pdu.DeliverSm(
        service_type=content.service_type,
        source_addr_ton=content.dest_addr_ton,
        source_addr_npi=content.dest_addr_npi,
        source_addr=content.destination_addr,
        dest_addr_ton=content.source_addr_ton,
        dest_addr_npi=content.source_addr_npi,
        destination_addr=content.source_addr,
        esm_class=pdu.ESM_TYPE_RECEIPT if kind == RECEIPT else pdu.ESM_TYPE_INTERMEDIATE_NOTIFICATION,
        short_message=text + message.refusal.encode(),  # our own words are not cut at 20 characters
        tlvs=_tlvs(message, message_state, error_code),
    )


Made = tuple[pdu.DeliverSm, bytes]
"""A receipt, and its frame where that is known."""


def deliver_sms(
    messages: Sequence[Message], kind: int, message_state: int, error_code: int, now: int, default_alphabet: Alphabet
) -> list[Made]:
    """`deliver_sm` for messages of one sender that ended alike."""
    form = pdu.receipt.receipt_form(message_state, now) if kind == RECEIPT and not error_code else b""
    made: list[Made] = []
    for message in messages:
        content = message.content
        if form and type(content) is pdu.SubmitSm and message.segments == 1 and not (content.tlvs or message.refusal):
            message_id, date = message.message_id.encode(), pdu.receipt.ten_digits(message.accepted_at)
            text = form % (message_id, date, _beginning(message, default_alphabet))
            made.append(pdu.plain_receipt.about(content, message_id, message_state, text))
        else:
            made.append((deliver_sm(message, kind, message_state, error_code, now, default_alphabet), b""))
    return made


def _tlvs(message: Message, message_state: int, error_code: int) -> list[tuple[int, bytes]]:
    tlvs = [
        (_RECEIPTED_MESSAGE_ID, message.message_id.encode() + b"\0"),
        (_MESSAGE_STATE, bytes((message_state,))),
    ]
    if error_code:
        network = bytes((_network_type(message, error_code),))
        tlvs.append((_NETWORK_ERROR_CODE, network + (error_code & 0xFFFF).to_bytes(2, "big")))
    given = message.content.tlvs
    reference = pdu.tlv.get(given, _USER_MESSAGE_REFERENCE) if given else None
    if reference is not None:  # the sender's own number for it: §5.3.2.17
        tlvs.append((_USER_MESSAGE_REFERENCE, reference))
    return tlvs


def _network_type(message: Message, error_code: int) -> int:
    """Whose error it is: ours, the command_status of the message centre that refused a part, or the network's."""
    if message.refusal:
        return MESSAGE_CENTRE
    return SMPP_ERROR if any(part.command_status == error_code for part in message.parts) else GSM_NETWORK


def _beginning(message: Message, default_alphabet: Alphabet) -> bytes:
    """The first characters of the text, in ASCII because that is what receipts are read as."""
    content = message.content
    octets = octets_of(content)
    if content.data_coding == 0 and not content.esm_class & pdu.ESM_UDHI:
        if octets[:TEXT_OCTETS].isalnum():
            return octets[:TEXT_OCTETS]
        if default_alphabet == "gsm7":
            return _in_gsm7(octets[: 2 * TEXT_OCTETS])
    return text_of(content, default_alphabet)[:TEXT_OCTETS].encode("ascii", "replace")


@lru_cache(maxsize=1024)
def _in_gsm7(octets: bytes) -> bytes:
    """Many messages begin alike. No character takes more than two octets."""
    return decode(octets, "gsm7")[:TEXT_OCTETS].encode("ascii", "replace")
