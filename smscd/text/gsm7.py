"""The GSM 7-bit alphabet with its extension and national tables, one octet per septet (3GPP TS 23.038 §6.2.1, Annex A).

A `Septets` object is one pair of tables (locking, single shift) compiled for speed; `septets(locking, single)` hands
out the shared ones. `DEFAULT` is the pair without national tables.
"""

from __future__ import annotations

import re
from codecs import charmap_decode
from functools import cache
from typing import Final

from smscd.errors import Unencodable
from smscd.text.tables import LOCKING, SINGLE
from smscd.text.unencodable import unencodable

ESC: Final = 0x1B
_ESC: Final = b"\x1b"
_ESCAPED: Final = re.compile(rb"\x1b(.?)", re.DOTALL)
_HIGH: Final = re.compile(rb"[\x80-\xff]")
_SEPTETS: Final = bytes(range(128))
_UNDEFINED: Final = 0xFF  # marks, inside a translation, a character that has no septet
_EURO_STANDS_AS: Final = "\x80"  # a Latin-1 control that no table holds: lets the euro ride through the fast path


class Septets:
    """One locking table with one single shift table.

    encode: text -> octets 0x00-0x7F, an escaped character as 0x1B and its septet; raises Unencodable.
    decode: any octets -> text, never raises. What a receiver shall show is the clause's own (§6.1.1, §6.2.1.1):
    an unused cell, ESC ESC and a last ESC are a space, an escaped septet without a character of its own is the
    locking table's. An octet above 0x7F is no septet: U+FFFD.
    """

    __slots__ = ("_latin", "_latin_and_euro", "_seven", "_shown", "_shown_escaped", "_unfit", "locking", "single")

    def __init__(self, locking: int, single: int) -> None:
        self.locking = locking
        self.single = single
        base, shifted = LOCKING[locking], SINGLE[single]
        self._shown = "".join(base.get(septet, " ") for septet in range(128)) + "\ufffd" * 128
        escaped = [shifted.get(septet, base.get(septet, " ")) for septet in range(128)]
        escaped[ESC] = " "
        self._shown_escaped = self._shown[:128] + "".join(escaped)
        self._seven: dict[str, bytes] = {}
        for septet, character in base.items():
            self._seven.setdefault(character, bytes((septet,)))
        for septet, character in shifted.items():
            self._seven.setdefault(character, bytes((ESC, septet)))
        self._latin = bytes(self._cell(chr(code)) for code in range(256))
        euro = ord(_EURO_STANDS_AS)
        self._latin_and_euro = self._latin[:euro] + bytes((self._cell("€"),)) + self._latin[euro + 1 :]
        self._unfit = re.compile("[^" + "".join(re.escape(character) for character in sorted(self._seven)) + "]")

    def _cell(self, character: str) -> int:
        """One cell of a translation: a septet, 0x80 and the septet after ESC, or the mark of the undefined.

        (A character escaped as ESC 0x7F, one in Portuguese, looks undefined here and takes the slow path.)
        """
        seven = self._seven.get(character)
        if seven is None:
            return _UNDEFINED
        return seven[0] if len(seven) == 1 else 0x80 | seven[1]

    def fits(self, text: str) -> bool:
        """Whether every character has a septet or an escaped one."""
        return self._unfit.search(text) is None

    def encode(self, text: str) -> bytes:
        """The septets of `text`, one per octet; raises Unencodable with the character and its position."""
        out = text.encode("latin-1", "ignore").translate(self._latin)
        if len(out) == len(text) and out.isascii():
            return out
        if "€" in text and _EURO_STANDS_AS not in text:
            out = text.replace("€", _EURO_STANDS_AS).encode("latin-1", "ignore").translate(self._latin_and_euro)
        if len(out) == len(text) and _UNDEFINED not in out:
            for cell in set(out.translate(None, _SEPTETS)):
                out = out.replace(bytes((cell,)), bytes((ESC, cell & 0x7F)))
            return out
        return self._encode_slowly(text)

    def _encode_slowly(self, text: str) -> bytes:
        """Greek and national scripts, character by character; here it also shows which one does not fit."""
        unfit = self._unfit.search(text)
        if unfit is not None:
            raise unencodable(text, unfit.start(), "gsm7")
        seven = self._seven
        return b"".join([seven[character] for character in text])

    def decode(self, octets: bytes) -> str:
        """The text a receiver shows for `octets` (one septet each)."""
        if not octets.isascii():
            return "\ufffd".join([self.decode(run) for run in _HIGH.split(octets)])
        if _ESC not in octets:
            return charmap_decode(octets, "strict", self._shown)[0]
        marked = _ESCAPED.sub(_mark_escaped, octets)
        return charmap_decode(marked, "strict", self._shown_escaped)[0]


def _mark_escaped(match: re.Match[bytes]) -> bytes:
    septet = match[1]
    return bytes((0x80 | septet[0],)) if septet else b" "


@cache
def septets(locking: int = 0, single: int = 0) -> Septets:
    """The shared table pair for two national language identifiers.

    An identifier without such a table (Spanish has no locking one, 14 and above are reserved) means the default table:
    23.040 §9.2.3.24.15 tells a receiver to ignore what it does not know.
    """
    known_locking = locking if locking in LOCKING else 0
    known_single = single if single in SINGLE else 0
    if (known_locking, known_single) != (locking, single):
        return septets(known_locking, known_single)
    return Septets(locking, single)


DEFAULT: Final = septets(0, 0)
"""The default alphabet with the default extension table."""

__all__ = ["DEFAULT", "ESC", "Septets", "Unencodable", "septets"]
