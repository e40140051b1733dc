"""TP-User-Data and TP-Data-Coding-Scheme (3GPP TS 23.040 §9.2.3.24, TS 23.038 §4).

On our side of the codec user data look as they do in SMPP's short_message, and as `text.segment` makes them: the header
first (if there is one), then one octet per septet. Packing, fill bits and the count of septets happen here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from smscd import text
from smscd.connectors.modem.addresses import TpduError
from smscd.errors import TextError

MOST_OCTETS: Final = 140


def coding_of(tp_dcs: int) -> text.DataCoding:
    """What TP-DCS says. Unlike SMPP's data_coding it has 0x01-0x0F in the general group: 0x01 is GSM 7-bit."""
    if tp_dcs <= 0x0F:  # 00xx and 01xx are coded alike but for the automatic deletion that 01xx asks for
        return replace(text.data_coding(0x40 | tp_dcs), value=tp_dcs, auto_delete=False)
    return text.data_coding(tp_dcs)


def encode_user_data(user_data: bytes, tp_dcs: int, udhi: bool) -> bytes:
    """TP-UDL and TP-UD. Raises TpduError for more than 140 octets, or for a header that runs out of the user data."""
    header = _header(user_data, udhi)
    if coding_of(tp_dcs).alphabet == "gsm7":
        length = -(-header * 8 // 7) + len(user_data) - header
        try:
            packed = user_data[:header] + text.pack(user_data[header:], text.fill_bits(header))
        except TextError as error:
            raise TpduError(str(error)) from None
    else:
        length, packed = len(user_data), user_data
    if len(packed) > MOST_OCTETS:
        raise TpduError(f"user data of {len(packed)} octets: at most {MOST_OCTETS}")
    return bytes((length,)) + packed


def decode_user_data(octets: bytes, at: int, tp_dcs: int, udhi: bool) -> tuple[bytes, bool]:
    """The user data whose TP-UDL is at `at`, and whether they begin with a header.

    A header that is longer than the user data is none: all is text then (§9.2.3.24). Octets after the user data are
    ignored: some modems pad. Raises TpduError if the octets end before the user data do.
    """
    if at >= len(octets):
        raise TpduError("the TPDU ends before TP-UDL")
    length = octets[at]
    septets = coding_of(tp_dcs).alphabet == "gsm7"
    size = (7 * length + 7) // 8 if septets else length
    whole = octets[at + 1 : at + 1 + size]
    if len(whole) < size:
        raise TpduError(f"TP-UDL announces {size} octets of user data, {len(whole)} are there")
    header = 1 + whole[0] if udhi and whole else 0
    if header > size:
        header = 0
    if not septets:
        return whole, bool(header)
    fill = text.fill_bits(header)
    count = max(0, length - -(-header * 8 // 7))
    return whole[:header] + text.unpack(whole[header:], count, fill), bool(header)


def text_of(user_data: bytes, tp_dcs: int, udhi: bool) -> str:
    """The text a handset shows, national tables of the header included; octets of 8-bit data as U+0000-U+00FF."""
    elements, body = text.read_udh(user_data) if udhi else ((), user_data)
    locking, single = text.national_tables(elements)
    return text.decode(body, coding_of(tp_dcs).alphabet, locking=locking, single=single)


def _header(user_data: bytes, udhi: bool) -> int:
    if not udhi:
        return 0
    if not user_data or 1 + user_data[0] > len(user_data):
        raise TpduError("a user data header is announced and not there")
    return 1 + user_data[0]
