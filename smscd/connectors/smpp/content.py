"""What an upstream is sent: the ESME's message in our own submit_sm, the same every time it is asked for."""

from __future__ import annotations

from collections.abc import Callable

from smscd import pdu, text
from smscd.connectors.settings import SmppSettings
from smscd.dress import ALPHANUMERIC, INTERNATIONAL, UNKNOWN, Dress, add_missing, sender_of
from smscd.errors import TextTooLong
from smscd.message import OPT_OUT, Message, octets_of
from smscd.text import Alphabet

LONGEST = 254
"""Octets of short_message in SMPP 3.4; more go into message_payload (§5.2.22)."""
SURELY = 16_000
"""Octets of text that fit whatever becomes of them: as UCS-2 they are twice as many, in 239 parts of 134."""
E164 = 1
"""numbering plan indicator (SMPP 3.4 §5.2.6)"""
OURS_TO_HOLD = frozenset({int(pdu.Tag.message_payload)})
CUT_BY_ITS_SENDER = (pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments)
PART_OF_THE_TEXT = frozenset({
    pdu.Tag.sar_msg_ref_num, pdu.Tag.sar_total_segments, pdu.Tag.sar_segment_seqnum, pdu.Tag.more_messages_to_send,
})  # fmt: skip
"""What goes along whichever TLVs a connector passes on."""


class Composer:
    """Makes the PDUs of a message for one connector.

    `alphabet_of` says what data_coding 0 means to an ESME, `dress_of` what the route of a message puts on it.
    """

    def __init__(
        self,
        settings: SmppSettings,
        alphabet_of: Callable[[str], Alphabet],
        dress_of: Callable[[Message], Dress | None] = lambda _message: None,
    ) -> None:
        self._settings = settings
        self._alphabet_of = alphabet_of
        self._dress_of = dress_of
        self._sender = sender_of(settings.source_addr) if settings.source_addr else None
        self._tlvs = pdu.tlv.from_notation(settings.tlvs)
        passed = settings.pass_tlvs
        self._changes_nothing = not (self._sender or self._tlvs or settings.number_submits)
        self._passed = None if passed is None else {pdu.tlv.tag_from_name(name) for name in passed} | PART_OF_THE_TEXT

    def count(self, message: Message) -> int:
        """How many PDUs `compose` makes; without making them where it is plainly one."""
        content = message.content
        plain = content.data_coding or self._alphabet_of(message.system_id) == self._settings.default_alphabet
        if plain and (message.segments == 1 or self._settings.long_messages in {"as-is", "payload"}):
            return 1
        return len(self.compose(message)) if self.can_say(message) else 1

    def can_say(self, message: Message) -> bool:
        """Whether `compose` makes anything of it: a long text may be too long where this link needs UCS-2 for it."""
        content = message.content
        if not content.tlvs or len(octets_of(content)) <= SURELY:
            return True
        try:
            self._compose(message)
        except TextTooLong:
            return False
        return True

    def as_it_came(self, message: Message) -> bytes:
        """The octets of `message` where `compose` would make the same but for their sequence_number; b"" elsewhere."""
        content = message.content
        if (
            self._changes_nothing
            and type(content) is pdu.SubmitSm
            and not (content.tlvs or content.tail or message.recipient or content.command_status)
            and not (content.validity_period or content.schedule_delivery_time or content.replace_if_present_flag)
            and 0 < len(content.short_message) <= text.USER_DATA
            and not content.esm_class & pdu.ESM_UDHI
            and _ASKS_FOR_ALL[content.registered_delivery]
            and (content.source_addr.isdigit() or content.source_addr_ton not in _TAKEN_FOR_NUMBERS)
            and (content.data_coding or self._alphabet_of(message.system_id) == self._settings.default_alphabet)
            and self._dress_of(message) is None
        ):
            return message.frame or pdu.encode(content)
        return b""

    def compose(self, message: Message) -> list[pdu.SubmitSm]:
        """The submit_sm of every part, in order. Vendor and unknown TLVs go along as they came."""
        made = self._compose(message)
        if self._settings.number_submits:
            for number, submit in enumerate(made, 1):
                add_missing(
                    submit.tlvs, (pdu.tlv.integer(pdu.Tag.user_message_reference, _number(message.id, number)),)
                )
        return made

    def _compose(self, message: Message) -> list[pdu.SubmitSm]:
        first = self._envelope(message)
        octets = octets_of(message.content)
        alphabet, octets = self._transcode(message, first, octets)
        how = self._settings.long_messages
        cut = bool(first.esm_class & pdu.ESM_UDHI) or any(pdu.tlv.get(first.tlvs, t) for t in CUT_BY_ITS_SENDER)
        too_long = text.count_segments(octets, first.data_coding, False, alphabet) > 1 and not cut
        if too_long and how in {"udh", "sar"}:
            return self._parts(message, first, octets, alphabet)
        if cut and how in {"udh", "sar"}:
            octets = (_with_sar if how == "sar" else _with_udh)(first, octets, alphabet)
        whole = pdu.tlv.get(message.content.tlvs, pdu.Tag.message_payload) is not None
        if len(octets) > LONGEST or (too_long and how == "payload") or (whole and how == "as-is" and too_long):
            first.tlvs.append(pdu.tlv.payload(octets))
        else:
            first.short_message = octets
        return [first]

    def _envelope(self, message: Message) -> pdu.SubmitSm:
        """All but the user data. It leaves when it is due: no schedule goes along, and what validity is left."""
        content = message.content
        submit = pdu.SubmitSm(
            service_type=content.service_type,
            source_addr_ton=content.source_addr_ton,
            source_addr_npi=content.source_addr_npi,
            source_addr=content.source_addr,
            dest_addr_ton=content.dest_addr_ton,
            dest_addr_npi=content.dest_addr_npi,
            destination_addr=content.destination_addr,
            esm_class=content.esm_class,
            registered_delivery=_registered_delivery(content.registered_delivery),
            data_coding=content.data_coding,
            tlvs=self._own_tlvs(content.tlvs),
        )
        if isinstance(content, pdu.SubmitSm):
            submit.protocol_id = content.protocol_id
            submit.priority_flag = content.priority_flag
            submit.sm_default_msg_id = content.sm_default_msg_id
            if content.validity_period:
                submit.validity_period = pdu.times.format_absolute(message.expires)
        elif pdu.tlv.get(content.tlvs, pdu.Tag.qos_time_to_live) is not None:  # of data_sm alone (SMPP 3.4 §5.3.2.9)
            submit.validity_period = pdu.times.format_absolute(message.expires)
            submit.tlvs = [one for one in submit.tlvs if one[0] != pdu.Tag.qos_time_to_live]
        if message.recipient:
            submit.dest_addr_ton, submit.dest_addr_npi, submit.destination_addr = INTERNATIONAL, E164, message.recipient
        dress = self._dress_of(message)
        if dress is not None:
            add_missing(submit.tlvs, dress.tlvs)
        if self._tlvs:
            add_missing(submit.tlvs, self._tlvs)
        sender = self._sender
        if dress is not None and dress.sender is not None and message.origin != OPT_OUT:
            sender = dress.sender  # the answer to a STOP comes from the number that got it
        if sender is not None:
            submit.source_addr_ton, submit.source_addr_npi, submit.source_addr = sender
        elif submit.source_addr_ton in _TAKEN_FOR_NUMBERS and any(chr(o).isalpha() for o in submit.source_addr):
            submit.source_addr_ton, submit.source_addr_npi = ALPHANUMERIC, UNKNOWN
        return submit

    def _own_tlvs(self, tlvs: list[pdu.Tlv]) -> list[pdu.Tlv]:
        """Of what the ESME gave, what goes along."""
        passed = self._passed
        return [one for one in tlvs if one[0] not in OURS_TO_HOLD and (passed is None or one[0] in passed)]

    def _transcode(self, message: Message, submit: pdu.SubmitSm, octets: bytes) -> tuple[Alphabet, bytes]:
        """data_coding 0 as this link means it; nothing changes where both ends mean the same."""
        theirs, ours = self._alphabet_of(message.system_id), self._settings.default_alphabet
        if submit.data_coding or theirs == ours:
            return ours, octets
        octets, submit.data_coding = text.recode(octets, theirs, ours, udhi=bool(submit.esm_class & pdu.ESM_UDHI))
        return ours, octets

    def _parts(self, message: Message, first: pdu.SubmitSm, octets: bytes, alphabet: Alphabet) -> list[pdu.SubmitSm]:
        sar = self._settings.long_messages == "sar"
        meaning = text.data_coding(first.data_coding, alphabet).alphabet
        reference = (message.id ^ message.id >> 22) & 0xFF  # counter and milliseconds: not the same twice in a row
        made = []
        for part in text.segment(octets, meaning, reference, how="sar" if sar else "udh8"):
            submit = pdu.SubmitSm(**{name: getattr(first, name) for name in _COPIED})
            submit.tlvs = [*first.tlvs, *(_sar(part) if sar else ())]
            if part.number < part.total:  # §5.3.2.34: the network may keep the way to the handset open
                add_missing(submit.tlvs, (pdu.tlv.octet(pdu.Tag.more_messages_to_send, 1),))
            submit.esm_class |= pdu.ESM_UDHI if part.udhi else 0
            submit.short_message = part.octets
            made.append(submit)
        return made


_TAKEN_FOR_NUMBERS = frozenset({UNKNOWN, INTERNATIONAL})
"""Types of number under which some write a name."""
_COPIED = (
    "service_type", "source_addr_ton", "source_addr_npi", "source_addr", "dest_addr_ton", "dest_addr_npi",
    "destination_addr", "esm_class", "protocol_id", "priority_flag", "validity_period", "registered_delivery",
    "data_coding", "sm_default_msg_id",
)  # fmt: skip


def _number(message: int, part: int) -> int:
    """The same for the same part whenever it is sent, hardly ever the same for another (SMPP 3.4 §5.3.2.17)."""
    return (message ^ message >> 16 ^ message >> 32 ^ part * 0x9E37) & 0xFFFF


def _sar(part: text.Part) -> list[pdu.Tlv]:
    """SMPP 3.4 §5.3.2.22 to §5.3.2.24."""
    return [
        (int(pdu.Tag.sar_msg_ref_num), part.reference.to_bytes(2, "big")),
        (int(pdu.Tag.sar_total_segments), bytes((part.total,))),
        (int(pdu.Tag.sar_segment_seqnum), bytes((part.number,))),
    ]


def _with_sar(submit: pdu.SubmitSm, octets: bytes, _alphabet: Alphabet) -> bytes:
    """A part that its sender has cut with a user data header, told by TLVs; what else is in the header stays there."""
    part = text.fragment_of(octets, submit.data_coding, bool(submit.esm_class & pdu.ESM_UDHI))
    if part is None:
        return octets
    reference, _width, total, number = part.concatenation
    submit.tlvs = [one for one in submit.tlvs if one[0] not in _SAR]
    submit.tlvs += _sar(text.Part(b"", udhi=False, number=number, total=total, reference=reference))
    if not part.elements:
        submit.esm_class &= ~pdu.ESM_UDHI
    return text.build_udh(part.elements) + part.octets


def _with_udh(submit: pdu.SubmitSm, octets: bytes, alphabet: Alphabet) -> bytes:
    """A part that its sender has cut with TLVs, told by a user data header; as it came where that makes it too long."""
    reference, total, number = (pdu.tlv.get_int(submit.tlvs, tag) for tag in _SAR)
    elements, characters = text.read_udh(octets) if submit.esm_class & pdu.ESM_UDHI else ((), octets)
    if reference is None or not total or not number or number > total or text.concatenation(elements) is not None:
        return octets
    element = text.concatenation_element(reference, 16 if reference > 0xFF else 8, total, number)
    header = text.build_udh((*elements, element))
    meaning = text.data_coding(submit.data_coding, alphabet).alphabet
    if len(characters) > text.room(meaning, len(header)):
        return octets
    submit.tlvs = [one for one in submit.tlvs if one[0] not in _SAR]
    submit.esm_class |= pdu.ESM_UDHI
    return header + characters


_SAR = (int(pdu.Tag.sar_msg_ref_num), int(pdu.Tag.sar_total_segments), int(pdu.Tag.sar_segment_seqnum))


def _registered_delivery(asked: int) -> int:
    """Every final state, if the ESME wants any: silence must not have to mean success (SMPP 3.4 §5.2.17)."""
    receipt = pdu.REGISTERED_RECEIPT_FINAL if asked & pdu.REGISTERED_RECEIPT_MASK else 0
    return asked & ~pdu.REGISTERED_RECEIPT_MASK | receipt


_ASKS_FOR_ALL = tuple(_registered_delivery(asked) == asked for asked in range(256))
