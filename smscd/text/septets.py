"""Septets packed into octets and out again (3GPP TS 23.038 §6.1.2).

On SMPP links septets normally travel unpacked, one octet each; packed ones appear towards modems, in USSD and on the
odd link that asks for them. A message is handled as one whole integer: septets are moved together in three
mask-and-shift steps (pairs, fours, eights), then every eighth octet, empty by now, is cut out.
"""

from __future__ import annotations

from typing import Final

from smscd.errors import TextError

_CR: Final = 0x0D
_LANES: Final = 64  # masks cover 64 x 8 septets; longer input is done in slices of that size
_SLICE: Final = _LANES * 8


def _mask(pattern: int) -> int:
    return int.from_bytes(pattern.to_bytes(8, "little") * _LANES, "little")


_STEPS: Final = tuple(
    (_mask(low), _mask(high), shift)
    for low, high, shift in (
        (0x007F007F007F007F, 0x7F007F007F007F00, 1),
        (0x00003FFF00003FFF, 0x3FFF00003FFF0000, 2),
        (0x000000000FFFFFFF, 0x0FFFFFFF00000000, 4),
    )
)
_BACK: Final = tuple((low, high >> shift, shift) for low, high, shift in reversed(_STEPS))


def fill_bits(header_octets: int) -> int:
    """Fill bits between a header of that many octets (UDHL included) and the first septet (23.040 §9.2.3.24)."""
    return -header_octets * 8 % 7


def pack(septets: bytes, fill: int = 0, *, cr_padding: bool = False) -> bytes:
    """Octets that carry `septets` (each 0-127), preceded by `fill` (0-6) zero bits.

    Spare bits are zero, as SMS asks (§6.1.2.1). `cr_padding` is the rule of USSD and cell broadcast (§6.1.2.3.1):
    seven spare bits are filled with CR instead of looking like '@', and a wanted CR that ends on an octet boundary is
    doubled.

    Raises TextError for an octet above 0x7F.
    """
    if not septets.isascii():
        raise TextError("only septets (0x00-0x7F) can be packed")
    if cr_padding and septets:
        spare = -(fill + 7 * len(septets)) % 8
        if spare == 7 or (spare == 0 and septets[-1] == _CR):
            septets += b"\r"
    if len(septets) <= _SLICE:
        packed = _pack_slice(septets)
    else:
        packed = b"".join(_pack_slice(septets[at : at + _SLICE]) for at in range(0, len(septets), _SLICE))
    if fill:
        octets = (fill + 7 * len(septets) + 7) // 8
        return (int.from_bytes(packed, "little") << fill).to_bytes(octets, "little")
    return packed


def _pack_slice(septets: bytes) -> bytes:
    whole = int.from_bytes(septets, "little")
    for low, high, shift in _STEPS:
        whole = (whole & low) | ((whole & high) >> shift)
    lanes = bytearray(whole.to_bytes((len(septets) + 7) // 8 * 8, "little"))
    del lanes[7::8]
    return bytes(lanes[: (7 * len(septets) + 7) // 8])


def unpack(octets: bytes, count: int | None = None, fill: int = 0, *, cr_padding: bool = False) -> bytes:
    """The septets in `octets` after `fill` bits: `count` of them, or as many as are whole.

    Without a count (TP-UDL gives it) seven spare zero bits read as one more '@': nothing on the wire tells them apart.
    With `cr_padding` a CR that ends on an octet boundary is padding and is removed (§6.1.2.3.1).
    """
    whole = max(0, (8 * len(octets) - fill) // 7)
    wanted = whole if count is None else min(count, whole)
    if fill:
        octets = (int.from_bytes(octets, "little") >> fill).to_bytes(len(octets), "little")
    step = _SLICE // 8 * 7
    if len(octets) <= step:
        septets = _unpack_slice(octets)[:wanted]
    else:
        septets = b"".join(_unpack_slice(octets[at : at + step]) for at in range(0, len(octets), step))[:wanted]
    if cr_padding and septets.endswith(b"\r") and (fill + 7 * len(septets)) % 8 == 0:
        return septets[:-1]
    return septets


def _unpack_slice(octets: bytes) -> bytes:
    """Every seven octets get an empty eighth (hex has a separator for just that), then packing runs backwards."""
    groups = (len(octets) + 6) // 7
    whole = int.from_bytes(bytes.fromhex(octets.hex("|", -7).replace("|", "00")), "little")
    for low, high, shift in _BACK:
        whole = (whole & low) | ((whole & high) << shift)
    return whole.to_bytes(8 * groups, "little")
