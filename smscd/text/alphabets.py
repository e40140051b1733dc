"""Text to octets and back by the name of an alphabet.

    gsm7    GSM 7-bit default alphabet, one octet per septet     data_coding 0 (unless the link says otherwise)
    ascii   IA5                                                  data_coding 1
    octet   8-bit binary: each octet stands for U+0000-U+00FF    data_coding 2, 4
    latin1  ISO-8859-1                                           data_coding 3
    ucs2    UTF-16 big endian, surrogate pairs included          data_coding 8

and those that only some networks use, through Python's codecs: jis, cyrillic, hebrew, pictogram, iso-2022-jp,
jis-x0212, ks-c-5601 (data_coding 5, 6, 7, 9, 10, 13, 14).
"""

from __future__ import annotations

from typing import Final, Literal, get_args

from smscd.errors import TextError
from smscd.text.gsm7 import DEFAULT, septets
from smscd.text.unencodable import unencodable

Alphabet = Literal[
    "gsm7",
    "ascii",
    "latin1",
    "ucs2",
    "octet",
    "jis",
    "cyrillic",
    "hebrew",
    "pictogram",
    "iso-2022-jp",
    "jis-x0212",
    "ks-c-5601",
]
ALPHABETS: Final[tuple[Alphabet, ...]] = get_args(Alphabet)

ByteOrder = Literal["big", "little", "bom"]

DATA_CODING: Final[dict[Alphabet, int]] = {
    "gsm7": 0,
    "ascii": 1,
    "octet": 2,
    "latin1": 3,
    "jis": 5,
    "cyrillic": 6,
    "hebrew": 7,
    "ucs2": 8,
    "pictogram": 9,
    "iso-2022-jp": 10,
    "jis-x0212": 13,
    "ks-c-5601": 14,
}
"""The data_coding that names an alphabet (SMPP 3.4 §5.2.19); 0 means gsm7 only where the link's default says so."""

_CODECS: Final[dict[str, str]] = {
    "ascii": "ascii",
    "latin1": "latin-1",
    "octet": "latin-1",
    "ucs2": "utf-16-be",
    "jis": "shift_jis",  # JIS X 0208 as IS-637 and IS-136 carry it
    "cyrillic": "iso8859-5",
    "hebrew": "iso8859-8",
    "pictogram": "shift_jis",  # the carriers' pictograms themselves have no Unicode form: U+FFFD
    "iso-2022-jp": "iso2022_jp",
    "jis-x0212": "euc_jp",  # the only 8-bit codec with JIS X 0212
    "ks-c-5601": "euc_kr",
}

_BOM_BE: Final = b"\xfe\xff"
_BOM_LE: Final = b"\xff\xfe"


def encode(text: str, alphabet: Alphabet, *, locking: int = 0, single: int = 0) -> bytes:
    """The octets of `text`; raises Unencodable, which names the first character that does not fit and its position.

    `locking` and `single` are national language identifiers and mean something for gsm7 only. ucs2 is written big
    endian without a byte order mark.
    """
    if alphabet == "gsm7":
        return (septets(locking, single) if locking or single else DEFAULT).encode(text)
    try:
        return text.encode(_codec(alphabet))
    except UnicodeEncodeError as error:
        raise unencodable(text, error.start, alphabet) from None


def decode(
    octets: bytes, alphabet: Alphabet, *, locking: int = 0, single: int = 0, byte_order: ByteOrder = "big"
) -> str:
    """The text of any octets: never raises for their content, U+FFFD stands for what means nothing.

    ucs2: a leading big-endian byte order mark is dropped, a lone surrogate or a last odd octet is U+FFFD. `byte_order`
    "little" and "bom" (little only if the octets begin with FF FE) are for links known to send it.
    """
    if alphabet == "gsm7":
        return (septets(locking, single) if locking or single else DEFAULT).decode(octets)
    if alphabet == "ucs2":
        return _decode_ucs2(octets, byte_order)
    return octets.decode(_codec(alphabet), "replace")


def _decode_ucs2(octets: bytes, byte_order: ByteOrder) -> str:
    little = byte_order == "little" or (byte_order == "bom" and octets.startswith(_BOM_LE))
    if octets.startswith(_BOM_LE if little else _BOM_BE):
        octets = octets[2:]
    return octets.decode("utf-16-le" if little else "utf-16-be", "replace")


def _codec(alphabet: str) -> str:
    codec = _CODECS.get(alphabet)
    if codec is None:
        raise TextError(f"there is no alphabet {alphabet!r}: choose one of {', '.join(ALPHABETS)}")
    return codec


def fits(text: str, alphabet: Alphabet, *, locking: int = 0, single: int = 0) -> bool:
    """Whether `encode` would succeed."""
    if alphabet == "gsm7":
        return (septets(locking, single) if locking or single else DEFAULT).fits(text)
    if alphabet == "ascii":
        return text.isascii()
    try:
        text.encode(_codec(alphabet))
    except UnicodeEncodeError:
        return False
    return True


def choose(text: str, default_alphabet: Alphabet = "gsm7", *, handset: bool = True) -> tuple[Alphabet, int]:
    """The narrowest way to send `text` on a link whose data_coding 0 means `default_alphabet`: (alphabet, data_coding).

    The default alphabet if it can, else UCS-2. With `handset` a default other than gsm7 is used only for text that GSM
    7-bit can show as well: a message centre that maps Latin-1 to the default alphabet drops the other letters.
    """
    if fits(text, default_alphabet) and (default_alphabet == "gsm7" or not handset or DEFAULT.fits(text)):
        return default_alphabet, 0
    return "ucs2", DATA_CODING["ucs2"]


def recode(octets: bytes, source: Alphabet, target: Alphabet, *, udhi: bool = False) -> tuple[bytes, int]:
    """What data_coding 0 meant on one link, for a link where it means `target`: the octets, and their data_coding.

    UCS-2 where `target` lacks a character. A user data header (`udhi`) stays as it is.
    """
    header = octets[: octets[0] + 1] if udhi and octets else b""
    characters = decode(octets[len(header) :], source)
    alphabet, data_coding = (target, 0) if fits(characters, target) else ("ucs2", DATA_CODING["ucs2"])
    return header + encode(characters, alphabet), data_coding
