"""Look-alikes in the GSM default alphabet for characters that it does not have.

For the policy `translit`: a text that would need UCS-2 for a few typographic quotes or accents stays at 160 characters.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

from smscd.text.gsm7 import DEFAULT

_SPACES: Final = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\t"
_NOTHING: Final = "\u00ad\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"  # soft hyphen, zero-width and direction marks

_ACCENTS: Final = frozenset(map(chr, range(0x0300, 0x0370)))

_LOOK_ALIKES: Final[dict[str, str]] = {
    **dict.fromkeys("‘’‚‛′`´ʼʻʹ", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‹", "<"),
    **dict.fromkeys("›", ">"),
    **dict.fromkeys("‐‑‒–—―−", "-"),
    **dict.fromkeys("•·∙●‣", "*"),
    **dict.fromkeys("×", "x"),
    **dict.fromkeys("÷⁄∕", "/"),
    **dict.fromkeys(_SPACES, " "),
    **dict.fromkeys(_NOTHING, ""),
    "\u2028": "\n",
    "\u2029": "\n",
    "\x85": "\n",
    "\v": "\n",
    "…": "...",
    "©": "(C)",
    "®": "(R)",
    "™": "(TM)",
    "№": "No",
    "¢": "c",
    "°": "o",
    "þ": "th",
    "Þ": "Th",
    "ð": "d",
    "Ð": "D",
    "đ": "d",
    "Đ": "D",
    "ħ": "h",
    "Ħ": "H",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
    "ŋ": "n",
    "Ŋ": "N",
    "œ": "oe",
    "Œ": "OE",
    "ŧ": "t",
    "Ŧ": "T",
    "ẞ": "ß",
    # Greek capitals that have the shape of a Latin one, as Greek handsets have always written them
    **dict(zip("ΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "ABEZHIKMNOPTYX", strict=True)),
}


def transliterate(text: str) -> str:
    """`text` with each character that GSM 7-bit does not have replaced by its look-alike, where there is one.

    Accents that GSM has stay (é, ñ, ü), others are taken off (ç to c, ő to o). Characters without a look-alike stay as
    they are: if the result does not fit, send the text as it was, in UCS-2.
    """
    if DEFAULT.fits(text):
        return text
    return "".join([_look_alike(character) for character in unicodedata.normalize("NFC", text)])


@lru_cache(maxsize=4096)
def _look_alike(character: str) -> str:
    """What stands for one character: itself if GSM has it or nothing resembles it."""
    if DEFAULT.fits(character):
        return character
    known = _LOOK_ALIKES.get(character)
    if known is not None:
        return known
    parts = [part for part in unicodedata.normalize("NFKD", character) if part not in _ACCENTS]
    if parts != [character]:
        shape = "".join([_look_alike(part) for part in parts])
        if DEFAULT.fits(shape):
            return shape
    if "α" <= character <= "ω":  # GSM has Greek capitals only
        return _look_alike(character.upper())
    return character
