"""What a modem is given: the ESME's message as SMS-SUBMIT, the same parts every time it is asked for. Pure.

The sender cannot be chosen: the handset sees the number of the SIM, whatever source_addr says.
"""

from __future__ import annotations

from collections.abc import Callable

from smscd import pdu, text
from smscd.clock import SECOND
from smscd.connectors.modem.times import LONGEST_VALIDITY
from smscd.connectors.modem.tpdu import Submit, TpAddress, TpduError, encode_submit
from smscd.errors import TextError
from smscd.message import Message, octets_of
from smscd.text import Alphabet

INTERNATIONAL, ALPHANUMERIC, UNKNOWN = 1, 5, 0
DIGITS = frozenset("0123456789*#abcABC")
SAR = (pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments, pdu.Tag.sar_segment_seqnum)


class Composer:
    """Makes the TPDUs of a message. `alphabet_of` says what data_coding 0 means to an ESME."""

    def __init__(self, alphabet_of: Callable[[str], Alphabet]) -> None:
        self._alphabet_of = alphabet_of

    def screen(self, message: Message) -> int:
        """The command_status for a message that no modem can send; 0 for one that can be sent."""
        try:
            address_of(message)
        except TpduError:
            return pdu.ESME_RINVDSTADR
        try:
            for submit in self.compose(message):
                encode_submit(submit)
        except (TpduError, TextError):
            return pdu.ESME_RINVMSGLEN
        return 0

    def count(self, message: Message) -> int:
        """How many parts it leaves as."""
        return len(self._cut(message)[1])

    def compose(self, message: Message, now: int | None = None) -> list[Submit]:
        """The parts, in order; valid, from `now` (microseconds), as long as the message is. Raises TpduError."""
        tp_dcs, parts = self._cut(message)
        content = message.content
        left = message.expires - (message.accepted_at if now is None else now)
        asked = content.registered_delivery
        wants_report = asked & (pdu.REGISTERED_RECEIPT_MASK | pdu.REGISTERED_INTERMEDIATE_NOTIFICATION)
        return [
            Submit(
                destination_addr=address_of(message),
                user_data=part.octets,
                tp_dcs=tp_dcs,
                udhi=part.udhi,
                validity=min(LONGEST_VALIDITY, max(1, left // SECOND)),
                status_report=bool(wants_report),
                protocol_id=0 if isinstance(content, pdu.DataSm) else content.protocol_id,
            )
            for part in parts
        ]

    def _cut(self, message: Message) -> tuple[int, list[text.Part]]:
        """TP-DCS, and the user data of every part: cut here, by the ESME, or by it with SAR TLVs."""
        content = message.content
        tp_dcs, alphabet, octets = self._coded(message, octets_of(content))
        if content.esm_class & pdu.ESM_UDHI:
            return tp_dcs, [text.Part(octets, udhi=True)]
        reference, total, number = (pdu.tlv.get_int(content.tlvs, tag) for tag in SAR)
        if reference is not None and total and number:
            element = text.concatenation_element(reference, 16 if reference > 0xFF else 8, total, number)
            return tp_dcs, [text.Part(text.build_udh((element,)) + octets, udhi=True)]
        reference = (message.id ^ message.id >> 22) & 0xFF  # counter and milliseconds: not the same twice in a row
        return tp_dcs, text.segment(octets, alphabet, reference)

    def _coded(self, message: Message, octets: bytes) -> tuple[int, Alphabet, bytes]:
        """TP-DCS for what data_coding says, the alphabet on the air, and the octets in it."""
        content = message.content
        meaning = text.data_coding(content.data_coding, self._alphabet_of(message.system_id))
        alphabet = meaning.alphabet
        if meaning.waiting is not None or content.data_coding >= 0xF0:
            return content.data_coding, alphabet, octets
        if alphabet not in {"gsm7", "ucs2", "octet"}:
            header = octets[: octets[0] + 1] if content.esm_class & pdu.ESM_UDHI and octets else b""
            characters = text.decode(octets[len(header) :], alphabet)
            alphabet, _ = text.choose(characters)
            octets = header + text.encode(characters, alphabet)
        tp_dcs = {"gsm7": 0x00, "octet": 0x04}.get(alphabet, 0x08)
        if meaning.message_class is not None:
            tp_dcs |= 0x10 | meaning.message_class
        return tp_dcs, alphabet, octets


def address_of(message: Message) -> TpAddress:
    """The recipient; a type is only told where it is known to be international or national. Raises TpduError."""
    content = message.content
    address = (message.recipient or content.destination_addr).decode("latin-1")
    ton = INTERNATIONAL if message.recipient else content.dest_addr_ton
    if address.startswith("+"):
        address, ton = address[1:], INTERNATIONAL
    if not address or len(address) > 20 or ton == ALPHANUMERIC or not DIGITS.issuperset(address):
        raise TpduError(f"{len(address)} characters that are no number")
    return TpAddress(address, ton if ton in {INTERNATIONAL, 2} else UNKNOWN)
