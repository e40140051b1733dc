"""The GSM 7-bit alphabet with its extension and national tables, one octet per septet (3GPP TS 23.038 §6.2.1, Annex A).

A `Septets` object is one pair of tables (locking, single shift) compiled for speed; `septets(locking, single)` hands
out the shared ones. `DEFAULT` is the pair without national tables.

Both ways go through one charmap of 256 cells, the locking table below 0x80 and the single shift table above: an escape
pair is one octet 0x80-0xFF in between.
"""

from __future__ import annotations

import re
from codecs import charmap_build, charmap_decode, charmap_encode
from functools import cache
from typing import Final

from smscd.text.tables import LOCKING, SINGLE
from smscd.text.unencodable import unencodable

ESC: Final = 0x1B
_ESC: Final = b"\x1b"
_ESCAPED: Final = re.compile(rb"\x1b(.?)", re.DOTALL)
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_SEPTETS: Final = bytes(range(128))
_NO_CHARACTER: Final = "\ufffe"  # a cell that charmap_build leaves out
_ZERO: Final = 0x80 | ESC  # where the character of septet 0 sits: CPython's fast map wants NUL in cell 0


class Septets:
    """One locking table with one single shift table.

    encode: text -> octets 0x00-0x7F, an escaped character as 0x1B and its septet; raises Unencodable.
    decode: any octets -> text, never raises. What a receiver shall show is the clause's own (§6.1.1, §6.2.1.1):
    an unused cell, ESC ESC and a last ESC are a space, an escaped septet without a character of its own is the
    locking table's. An octet above 0x7F is no septet: U+FFFD.
    """

    __slots__ = ("_map", "_plain", "_shown", "_shown_escaped", "locking", "single")

    def __init__(self, locking: int, single: int) -> None:
        self.locking = locking
        self.single = single
        base, shifted = LOCKING[locking], SINGLE[single]
        shown = "".join(base.get(septet, " ") for septet in range(128))
        escaped = [shifted.get(septet, shown[septet]) for septet in range(128)]
        self._shown = shown + "\ufffd" * 128
        self._shown_escaped = shown + "".join(escaped)
        self._map = charmap_build("".join(_cells_to_encode(base, shifted)))
        unescaped = {ord(character): septet for septet, character in sorted(base.items(), reverse=True)}
        self._plain = bytes(unescaped.get(code, 0xFF) for code in range(256))

    def fits(self, text: str) -> bool:
        """Whether every character has a septet or an escaped one."""
        try:
            charmap_encode(text, "strict", self._map)
        except UnicodeEncodeError:
            return False
        return "\0" not in text

    def encode(self, text: str) -> bytes:
        """The septets of `text`, one per octet; raises Unencodable with the character and its position."""
        if text.isascii():  # three times the speed for what most messages are
            octets = text.encode("ascii").translate(self._plain)
            if octets.isascii():
                return octets
        try:
            octets = charmap_encode(text, "strict", self._map)[0]
        except UnicodeEncodeError as error:
            nul = text.find("\0", 0, error.start)
            raise unencodable(text, error.start if nul < 0 else nul, "gsm7") from None
        if "\0" in text:
            raise unencodable(text, text.index("\0"), "gsm7")
        if octets.isascii():
            return octets
        for cell in set(octets.translate(None, _SEPTETS)):
            pair = b"\0" if cell == _ZERO else bytes((ESC, cell & 0x7F))
            octets = octets.replace(bytes((cell,)), pair)
        return octets

    def decode(self, octets: bytes) -> str:
        """The text a receiver shows for `octets` (one septet each)."""
        if not octets.isascii():
            return "\ufffd".join([self.decode(run) for run in _HIGH.split(octets)])
        if _ESC not in octets:
            return charmap_decode(octets, "strict", self._shown)[0]
        marked = _ESCAPED.sub(_mark_escaped, octets)
        return charmap_decode(marked, "strict", self._shown_escaped)[0]


def _cells_to_encode(base: dict[int, str], shifted: dict[int, str]) -> list[str]:
    """The cell that each character is encoded to: its first, the locking table's before the single shift table's."""
    cells = [_NO_CHARACTER] * 256
    cells[0] = "\0"
    taken: set[str] = set()
    for table, offset in ((base, 0), (shifted, 0x80)):
        for septet, character in sorted(table.items()):
            if character not in taken:
                taken.add(character)
                cells[(septet | offset) or _ZERO] = character
    return cells


def _mark_escaped(match: re.Match[bytes]) -> bytes:
    septet = match[1]
    return bytes((0x80 | septet[0],)) if septet else b" "


def septets(locking: int = 0, single: int = 0) -> Septets:
    """The shared table pair for two national language identifiers.

    An identifier without such a table (Spanish has no locking one, 14 and above are reserved) means the default table:
    a receiver ignores what it does not know (23.040 §9.2.3.24.15, §9.2.3.24.16).
    """
    return _compiled(locking if locking in LOCKING else 0, single if single in SINGLE else 0)


@cache
def _compiled(locking: int, single: int) -> Septets:
    return Septets(locking, single)


DEFAULT: Final = septets(0, 0)
"""The default alphabet with the default extension table."""
