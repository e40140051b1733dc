"""What a data_coding octet says: alphabet, message class, message waiting (SMPP 3.4 §5.2.19, 3GPP TS 23.038 §4).

SMPP's own values 0x01-0x0E come first; SMPP reserves 0x0F-0xBF and 0xE0-0xEF, but there peers send the coding groups of
23.038, so that is how they are read. What both reserve is taken for the default alphabet, as §4 tells a receiver.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from smscd.text.alphabets import Alphabet

Indication = Literal["voice", "fax", "email", "other"]
_INDICATIONS: Final[tuple[Indication, ...]] = ("voice", "fax", "email", "other")


@dataclass(frozen=True, slots=True)
class MessageWaiting:
    """Message waiting indication of the groups 1100, 1101 and 1110."""

    indication: Indication
    active: bool
    store: bool  # False: the handset may discard the text


@dataclass(frozen=True, slots=True)
class DataCoding:
    """One data_coding octet, understood for a link whose default alphabet is known."""

    value: int
    alphabet: Alphabet  # "octet" where the text is compressed (23.042): nothing here unpacks it
    message_class: int | None = None  # 0 is flash, 1 ME, 2 SIM, 3 TE; None: no class
    compressed: bool = False
    auto_delete: bool = False
    waiting: MessageWaiting | None = None
    reserved: bool = False  # by SMPP and by 23.038

    @property
    def flash(self) -> bool:
        """Shown at once and not stored by the handset (message class 0)."""
        return self.message_class == 0


_SMPP: Final[Mapping[int, Alphabet]] = {
    0x01: "ascii",
    0x02: "octet",
    0x03: "latin1",
    0x04: "octet",
    0x05: "jis",
    0x06: "cyrillic",
    0x07: "hebrew",
    0x08: "ucs2",
    0x09: "pictogram",
    0x0A: "iso-2022-jp",
    0x0D: "jis-x0212",
    0x0E: "ks-c-5601",
}


def _understood(value: int, default: Alphabet) -> DataCoding:
    if value <= 0x0F:
        alphabet = default if value == 0 else _SMPP.get(value)
        return DataCoding(value, alphabet or default, reserved=alphabet is None)
    if value <= 0x7F:
        return _general(value, default)
    if value <= 0xBF:
        return DataCoding(value, default, reserved=True)
    if value <= 0xEF:
        waiting = MessageWaiting(_INDICATIONS[value & 3], active=bool(value & 8), store=value >= 0xD0)
        return DataCoding(value, "ucs2" if value >= 0xE0 else default, waiting=waiting)
    return DataCoding(value, "octet" if value & 4 else default, message_class=value & 3)


def _general(value: int, default: Alphabet) -> DataCoding:
    """Groups 00xx and 01xx, coded alike: bit 5 compressed, bit 4 class present, bits 3-2 alphabet, bits 1-0 class."""
    compressed = bool(value & 0x20)
    alphabets: tuple[Alphabet, ...] = (default, "octet", "ucs2", default)
    return DataCoding(
        value,
        "octet" if compressed else alphabets[value >> 2 & 3],
        message_class=value & 3 if value & 0x10 else None,
        compressed=compressed,
        auto_delete=bool(value & 0x40),
        reserved=value >> 2 & 3 == 3,
    )


_TABLES: Final[dict[Alphabet, tuple[DataCoding, ...]]] = {}


def data_coding_table(default_alphabet: Alphabet = "gsm7") -> tuple[DataCoding, ...]:
    """All 256 values for one default alphabet: bind it once per link, then index."""
    table = _TABLES.get(default_alphabet)
    if table is None:
        table = _TABLES[default_alphabet] = tuple(_understood(value, default_alphabet) for value in range(256))
    return table


def data_coding(value: int, default_alphabet: Alphabet = "gsm7") -> DataCoding:
    """What `value` (0-255) says on a link whose data_coding 0 means `default_alphabet`."""
    return data_coding_table(default_alphabet)[value]
