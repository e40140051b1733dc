"""Long messages cut into parts, and parts counted without cutting.

A short message on the air has 140 octets of user data (23.040 §9.2.3.16): 160 septets, 140 octets or 70 UCS-2 units.
A user data header takes its octets off that, and septets start on a septet boundary after it, hence 153 and 152, 134
and 133, 67 and 66 for concatenation with an 8- and a 16-bit reference. On SMPP links septets travel one per octet, so
a part of 153 septets is 159 octets of short_message.

IA5 is counted as what it is, a 7-bit code: one septet per character, brackets and braces too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from smscd.errors import TextTooLong
from smscd.text.alphabets import Alphabet, encode
from smscd.text.data_coding import data_coding_table
from smscd.text.graphemes import kinder_cuts
from smscd.text.gsm7 import ESC
from smscd.text.udh import (
    Elements,
    build_udh,
    concatenation_element,
    national_elements,
    read_udh,
    without_concatenation,
)

How = Literal["udh8", "udh16", "sar", "payload"]
Unit = Literal["septet", "octet", "ucs2"]

USER_DATA: Final = 140
"""Octets of user data in one short message on the air."""

MOST_PARTS: Final = 255

_UNITS: Final[dict[Alphabet, Unit]] = {"gsm7": "septet", "ascii": "septet", "ucs2": "ucs2"}
_HEADER_8: Final = 5  # octets that a concatenation element adds to a header
_HEADER_16: Final = 6
_LEAST_SPACE: Final = 4  # octets: a surrogate pair


@dataclass(slots=True)
class Part:
    """One part, ready for short_message (or, of "payload", for message_payload).

    `octets` are the user data, its header first if `udhi` (set UDHI, 0x40, in esm_class then). `number` counts from 1.
    For "sar" the other fields are sar_msg_ref_num, sar_total_segments and sar_segment_seqnum.
    """

    octets: bytes
    udhi: bool
    number: int = 1
    total: int = 1
    reference: int = 0


def unit_of(alphabet: Alphabet) -> Unit:
    """What user data is counted in: septets (gsm7, ascii), UCS-2 units, or octets for every other alphabet."""
    return _UNITS.get(alphabet, "octet")


def room(alphabet: Alphabet, header: int = 0) -> int:
    """Octets of short_message left for text beside a header of `header` octets (its length octet included).

    For gsm7 and ascii that is the number of septets, for ucs2 twice the number of units; 0 if nothing is left.
    """
    return _room(unit_of(alphabet), header)


def _room(unit: Unit, header: int) -> int:
    left = USER_DATA - header
    if left <= 0:
        return 0
    if unit == "septet":
        return left * 8 // 7
    return left & ~1 if unit == "ucs2" else left


def segment(
    message: str | bytes,
    alphabet: Alphabet = "gsm7",
    reference: int = 0,
    *,
    how: How = "udh8",
    elements: Elements = (),
    locking: int = 0,
    single: int = 0,
) -> list[Part]:
    """The parts of a message: one if it fits, else as many as it takes.

    message     text, or octets already encoded in `alphabet` (gsm7: one octet per septet)
    reference   0-255 for udh8, 0-65535 otherwise (cut to that): another one for the next message
    how         udh8, udh16: a concatenation element in each part
                sar: no element, the caller writes SAR TLVs; the room is that beside an element wide enough for the
                reference, because some message centre down the line will write one
                payload: one part, whatever its length, for message_payload
    elements    other information elements, repeated in each part (a concatenation element among them is dropped)
    locking, single   national language identifiers; their elements are added

    An escape pair and a surrogate pair are never cut apart; a character of several code points (an accent, an emoji
    with its colour) is kept whole if that costs no further part.
    Raises Unencodable for text, TextTooLong above 255 parts.
    """
    octets = encode(message, alphabet, locking=locking, single=single) if isinstance(message, str) else message
    others = without_concatenation(elements) + national_elements(locking, single)
    header = build_udh(others)
    unit = unit_of(alphabet)
    reference &= 0xFF if how == "udh8" else 0xFFFF
    if len(octets) <= _room(unit, len(header)):
        return [Part(header + octets, bool(header), reference=reference)]
    width = 16 if how == "udh16" or (how == "sar" and reference > 0xFF) else 8
    space = _room_of_a_part(unit, len(header), width)
    ends = _cuts(octets, unit, space)
    total = len(ends)
    if total > MOST_PARTS:
        raise TextTooLong(f"{len(octets)} octets of {alphabet} make {total} parts: at most {MOST_PARTS}")
    if how == "payload":
        return [Part(header + octets, bool(header), reference=reference)]
    if unit == "ucs2":
        ends = kinder_cuts(octets, ends, space)
    before, after = (header, None) if how == "sar" else _header_around_the_number(reference, width, total, others)
    parts = []
    start = 0
    for number, end in enumerate(ends, start=1):
        piece = octets[start:end]
        user_data = before + piece if after is None else b"%b%c%b%b" % (before, number, after, piece)
        parts.append(Part(user_data, after is not None or bool(header), number, total, reference))
        start = end
    return parts


def _header_around_the_number(reference: int, width: int, total: int, others: Elements) -> tuple[bytes, bytes]:
    """The header of a part in two halves: all parts have it in common but for the octet between them, their number."""
    header = build_udh((concatenation_element(reference, width, total, 0), *others))
    number = 5 if width == 8 else 6
    return header[:number], header[number + 1 :]


def _room_of_a_part(unit: Unit, header: int, width: int) -> int:
    """Room beside a header that holds a concatenation element of that width on top of its `header` octets."""
    return _room(unit, (header or 1) + (_HEADER_16 if width == 16 else _HEADER_8))


def _cuts(octets: bytes, unit: Unit, space: int) -> list[int]:
    """Where each part ends. Raises TextTooLong if the headers leave no room for a whole character."""
    if space < _LEAST_SPACE:
        raise TextTooLong("the information elements leave no room for text")
    length = len(octets)
    if unit == "octet" or (unit == "septet" and ESC not in octets):
        return [*range(space, length, space), length]
    ends: list[int] = []
    end = space
    while end < length:
        if unit == "septet":
            # an odd run of ESC before the cut means that the last one belongs to the septet after it
            run = octets[end - space : end]
            end -= (len(run) - len(run.rstrip(b"\x1b"))) & 1
        elif octets[end - 2] & 0xFC == 0xD8 and octets[end] & 0xFC == 0xDC:
            end -= 2
        ends.append(end)
        end += space
    ends.append(length)
    return ends


def count_segments(octets: bytes, data_coding: int = 0, udhi: bool = False, default_alphabet: Alphabet = "gsm7") -> int:
    """How many short messages on the air these octets of short_message or message_payload are, cut as `segment` does.

    Works on octets alone: no text is decoded, nothing is raised. A part that its sender has cut counts 1.
    """
    length = len(octets)
    if length <= USER_DATA:  # whatever the alphabet and the header
        return 1
    unit = _units(default_alphabet)[data_coding]
    if udhi:
        return _count_beside_a_header(octets, unit)
    if length <= _room(unit, 0):
        return 1
    return _count_cuts(octets, unit, 0)


@cache
def _units(default_alphabet: Alphabet) -> tuple[Unit, ...]:
    """The unit of each data_coding."""
    return tuple(unit_of(meaning.alphabet) for meaning in data_coding_table(default_alphabet))


def _count_beside_a_header(octets: bytes, unit: Unit) -> int:
    elements, text = read_udh(octets)
    if len(text) <= _room(unit, len(octets) - len(text)):
        return 1
    return _count_cuts(text, unit, len(build_udh(without_concatenation(elements))))


def _count_cuts(octets: bytes, unit: Unit, header: int) -> int:
    space = _room_of_a_part(unit, header, width=8)
    if space < _LEAST_SPACE:
        return MOST_PARTS
    if unit == "octet" or (unit == "septet" and ESC not in octets):
        return (len(octets) + space - 1) // space
    return len(_cuts(octets, unit, space))
