"""Where UCS-2 text is better not cut: inside what a reader sees as one character.

A part that ends between an emoji and its skin colour, or before a combining accent, shows two wrong characters on a
handset that displays parts as they come. Not a full segmentation by UAX #29, only what messages hold.
"""

from __future__ import annotations

import unicodedata
from typing import Final

_JOINER: Final = 0x200D
_FARTHEST: Final = 32  # octets to step back: the longest emoji sequences in use fit, and no text becomes all seams


def kinder_cuts(octets: bytes, ends: list[int], space: int) -> list[int]:
    """As many cuts, moved back where one would fall inside a character; `ends` as they are if that is not enough.

    `ends` are offsets of part ends, the last of them the end of the text; no part may exceed `space` octets.
    """
    if not any(_inside_a_character(octets, end) for end in ends[:-1]):
        return ends
    kinder: list[int] = []
    start = 0
    for _ in ends[:-1]:
        end = _character_boundary(octets, start, start + space)
        kinder.append(end)
        start = end
    if len(octets) - start > space:
        return ends
    return [*kinder, len(octets)]


def _character_boundary(octets: bytes, start: int, end: int) -> int:
    """The nearest place after `start` up to `end` that is between characters, or at least between surrogate pairs."""
    if end >= len(octets):
        return len(octets)
    whole = end
    if _is_low(octets, whole) and _is_high(octets, whole - 2):
        whole -= 2
    place = whole
    nearest = max(start, end - _FARTHEST)
    while place > nearest:
        if not _inside_a_character(octets, place):
            return place
        place -= 4 if _is_low(octets, place - 2) and _is_high(octets, place - 4) else 2
    return whole


def _inside_a_character(octets: bytes, place: int) -> bool:
    """Whether what follows `place` belongs to what precedes it."""
    if place > len(octets) - 2 or place < 2:
        return False
    before = octets[place - 2] << 8 | octets[place - 1]
    after = octets[place] << 8 | octets[place + 1]
    if before & 0xFC00 == 0xDC00:
        before = _code_point(octets, place - 4) if place >= 4 else before
    if after & 0xFC00 == 0xD800:
        after = _code_point(octets, place)
    if after < 0x0300:
        return (before, after) == (0x0D, 0x0A) or before == _JOINER
    if _is_regional(after):
        return _regional_run(octets, place) % 2 == 1
    return (
        _JOINER in {before, after}
        or 0x1F3FB <= after <= 0x1F3FF  # colours of skin
        or 0xE0020 <= after <= 0xE007F  # tags: flags of regions
        or unicodedata.category(chr(after)).startswith("M")
    )


def _regional_run(octets: bytes, place: int) -> int:
    """How many regional indicators (halves of flags) stand right before `place`."""
    count = 0
    while place >= 4 and _is_regional(_code_point(octets, place - 4)):
        count += 1
        place -= 4
    return count


def _is_regional(code_point: int) -> bool:
    return 0x1F1E6 <= code_point <= 0x1F1FF


def _code_point(octets: bytes, place: int) -> int:
    """The code point that starts at `place`; a lone surrogate stands for itself."""
    unit = int.from_bytes(octets[place : place + 2], "big")
    if _is_high(octets, place) and _is_low(octets, place + 2):
        return 0x10000 + ((unit & 0x3FF) << 10 | int.from_bytes(octets[place + 2 : place + 4], "big") & 0x3FF)
    return unit


def _is_high(octets: bytes, place: int) -> bool:
    return 0 <= place < len(octets) - 1 and octets[place] & 0xFC == 0xD8


def _is_low(octets: bytes, place: int) -> bool:
    return 0 <= place < len(octets) - 1 and octets[place] & 0xFC == 0xDC
