"""The user data header: information elements before the text (3GPP TS 23.040 §9.2.3.24).

    UDHL  IEI IEDL data  IEI IEDL data ...  text

A header is read whole and written back octet for octet; the elements that this room itself understands are
concatenation (0x00, 0x08) and the national shift tables (0x24 single, 0x25 locking).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from smscd.errors import TextError

CONCATENATED_8: Final = 0x00
CONCATENATED_16: Final = 0x08
SINGLE_SHIFT: Final = 0x24
LOCKING_SHIFT: Final = 0x25


class InformationElement(NamedTuple):
    """One element: its identifier (IEI, 0-255) and its data (0-255 octets)."""

    identifier: int
    data: bytes


class Concatenation(NamedTuple):
    """Which part of which message: the reference and its width in bits, parts in total, this part's number from 1."""

    reference: int
    width: int
    total: int
    number: int


Elements = tuple[InformationElement, ...]


def parse_udh(octets: bytes) -> tuple[Elements, bytes]:
    """The elements of the header at the start of `octets`, in order, and what follows it.

    Raises TextError where the lengths do not add up. `read_udh` is the reading that never raises.
    """
    if not octets:
        raise TextError("user data header announced, but there are no octets")
    end = 1 + octets[0]
    if end > len(octets):
        raise TextError(f"user data header of {end} octets in {len(octets)} octets of user data")
    elements: list[InformationElement] = []
    at = 1
    while at < end:
        data = at + 2
        after = data + octets[at + 1] if data <= end else end + 1
        if after > end:
            raise TextError(f"information element at octet {at} runs out of its header of {end} octets")
        elements.append(InformationElement(octets[at], octets[data:after]))
        at = after
    return tuple(elements), octets[end:]


def read_udh(octets: bytes) -> tuple[Elements, bytes]:
    """Like `parse_udh`, but a malformed header is ignored whole, as §9.2.3.24 tells a receiver.

    Its octets are skipped if it ends inside the user data; otherwise nothing of it is a header and all octets are text.
    """
    try:
        return parse_udh(octets)
    except TextError:
        end = 1 + octets[0] if octets else 0
        return (), octets[end:] if end <= len(octets) else octets


def build_udh(elements: Elements) -> bytes:
    """The header with its length octet; no elements, no header. Raises TextError if it would exceed 255 octets."""
    if not elements:
        return b""
    body = b"".join([bytes((identifier, len(data))) + data for identifier, data in elements])
    if len(body) > 255:
        raise TextError(f"user data header of {len(body)} octets: at most 255")
    return bytes((len(body),)) + body


def concatenation(elements: Elements) -> Concatenation | None:
    """The concatenation element that counts, or None for a message in one piece.

    The last one wins (§9.2.3.24: repeated or mutually exclusive elements). An element of another length, total 0,
    number 0 or a number above the total is ignored (§9.2.3.24.1); reference 0 is as good as any.
    """
    for identifier, data in reversed(elements):
        if identifier == CONCATENATED_8 and len(data) == 3:
            found = Concatenation(data[0], 8, data[1], data[2])
        elif identifier == CONCATENATED_16 and len(data) == 4:
            found = Concatenation(data[0] << 8 | data[1], 16, data[2], data[3])
        else:
            continue
        if 1 <= found.number <= found.total:
            return found
    return None


def concatenation_element(reference: int, width: int, total: int, number: int) -> InformationElement:
    """The element for one part; the reference is cut to its width (8 or 16 bits)."""
    if width == 8:
        return InformationElement(CONCATENATED_8, bytes((reference & 0xFF, total, number)))
    return InformationElement(CONCATENATED_16, bytes((reference >> 8 & 0xFF, reference & 0xFF, total, number)))


def without_concatenation(elements: Elements) -> Elements:
    """The other elements, in their order."""
    return tuple(element for element in elements if element.identifier not in {CONCATENATED_8, CONCATENATED_16})


def national_tables(elements: Elements) -> tuple[int, int]:
    """National language identifiers (locking, single) that the header selects; 0 where it does not."""
    locking = single = 0
    for identifier, data in elements:
        if len(data) == 1 and identifier == LOCKING_SHIFT:
            locking = data[0]
        elif len(data) == 1 and identifier == SINGLE_SHIFT:
            single = data[0]
    return locking, single


def national_elements(locking: int = 0, single: int = 0) -> Elements:
    """The elements that tell a receiver about national tables; none for the default ones."""
    elements: list[InformationElement] = []
    if single:
        elements.append(InformationElement(SINGLE_SHIFT, bytes((single,))))
    if locking:
        elements.append(InformationElement(LOCKING_SHIFT, bytes((locking,))))
    return tuple(elements)


def without_national(elements: Elements) -> Elements:
    """The elements but for those that select national tables."""
    return tuple(element for element in elements if element.identifier not in {SINGLE_SHIFT, LOCKING_SHIFT})
