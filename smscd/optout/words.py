"""What a handset wrote, brought to the form in which keywords are compared."""

from __future__ import annotations

import unicodedata

LONGEST = 1600
"""Characters looked at: ten parts. Nobody hides a keyword behind more, and nobody can make us work for more."""

_INVISIBLE = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})


def normalise(characters: str) -> str:
    """Words in small letters with one blank in between: "  ARRÊT!! 🛑" is "arret", "ＳＴＯＰ" is "stop".

    NFKC, then without what cannot be seen (NUL, zero-width, variation selectors), casefolded, without accents;
    punctuation, quotes and emoji become blanks.
    """
    folded = unicodedata.normalize("NFKC", characters[:LONGEST]).casefold()
    kept: list[str] = []
    for character in unicodedata.normalize("NFD", folded):
        category = unicodedata.category(character)
        if category[0] in "LN" or category == "Mc":
            kept.append(character)
        elif category == "Mn" or (category in _INVISIBLE and not character.isspace()):
            continue
        else:
            kept.append(" ")
    return " ".join(unicodedata.normalize("NFC", "".join(kept)).split())
