"""Characters to short_message octets and back, and long messages in parts. Pure.

    tables       the tables of 3GPP TS 23.038 as printed
    gsm7         GSM 7-bit, one octet per septet, with national tables      septets    packed into octets and out again
    alphabets    encode, decode, recode, fits, choose by the name of an alphabet
    data_coding  what a data_coding octet says
    udh          user data header: information elements
    segments     cutting long messages and counting parts (graphemes: where not to cut)
    reassembly   joining parts, in any order
    translit     GSM look-alikes for characters GSM does not have

It works on str and bytes and knows nothing of PDUs, links, files or time: `now` is an argument. Octets from a peer
never make it raise, except where a function says so; what our own side asks for in vain raises a TextError
(Unencodable, TextTooLong).
"""

from __future__ import annotations

from smscd.text.alphabets import ALPHABETS, DATA_CODING, Alphabet, choose, decode, encode, fits, recode
from smscd.text.data_coding import DataCoding, MessageWaiting, data_coding, data_coding_table
from smscd.text.reassembly import Addition, Assembled, Fragment, Reassembly, fragment_of
from smscd.text.segments import USER_DATA, Part, count_segments, room, segment
from smscd.text.septets import fill_bits, pack, unpack
from smscd.text.tables import LANGUAGES
from smscd.text.translit import transliterate
from smscd.text.udh import (
    Concatenation,
    Elements,
    InformationElement,
    build_udh,
    concatenation,
    concatenation_element,
    national_elements,
    national_tables,
    parse_udh,
    read_udh,
    without_concatenation,
    without_national,
)

__all__ = [
    "ALPHABETS",
    "DATA_CODING",
    "LANGUAGES",
    "USER_DATA",
    "Addition",
    "Alphabet",
    "Assembled",
    "Concatenation",
    "DataCoding",
    "Elements",
    "Fragment",
    "InformationElement",
    "MessageWaiting",
    "Part",
    "Reassembly",
    "build_udh",
    "choose",
    "concatenation",
    "concatenation_element",
    "count_segments",
    "data_coding",
    "data_coding_table",
    "decode",
    "encode",
    "fill_bits",
    "fits",
    "fragment_of",
    "national_elements",
    "national_tables",
    "pack",
    "parse_udh",
    "read_udh",
    "recode",
    "room",
    "segment",
    "transliterate",
    "unpack",
    "without_concatenation",
    "without_national",
]
