"""How a character that does not fit is named."""

from __future__ import annotations

import unicodedata

from smscd.errors import Unencodable


def unencodable(text: str, position: int, alphabet: str) -> Unencodable:
    """The exception that names the character, its position (from 0) and the alphabet."""
    character = text[position]
    name = unicodedata.name(character, "unnamed")
    return Unencodable(f"U+{ord(character):04X} {name} at position {position} is not in {alphabet}")
