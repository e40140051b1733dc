"""A stream of octets into frames, many at a time."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from typing import Final

from smscd.errors import UnframeablePdu
from smscd.pdu.constants import HEADER_LENGTH

_unpack_length = struct.Struct(">I").unpack_from

DEFAULT_MAX_LENGTH: Final = 65536 + 4096
"""A message_payload of 64 KiB and headroom for everything around it."""

_HTTP: Final = (b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI", b"CONN", b"PATC", b"TRAC", b"PRI ", b"HTTP")


class Framer:
    """Cuts what a peer sends into frames (SMPP 3.4 §3.2.1). It never raises: `error` says when the stream is lost.

    `max_length` may be changed at any time (1 KiB before a bind, more after it) and counts for frames not yet cut.
    """

    __slots__ = ("_buffer", "_wanted", "error", "max_length")

    def __init__(self, max_length: int = DEFAULT_MAX_LENGTH) -> None:
        self.max_length = max_length
        self.error: UnframeablePdu | None = None
        self._buffer = bytearray()
        self._wanted = 4

    @property
    def pending(self) -> int:
        """Octets of an unfinished frame: not zero at the end of the stream means the peer broke off inside a PDU."""
        return len(self._buffer)

    def feed(self, octets: bytes | bytearray | memoryview) -> list[bytes]:
        """Every frame that is whole now. Once `error` is set the list is empty and the octets are dropped.

        Each octet is copied a fixed number of times however small the pieces come.
        """
        if self.error is not None:
            return []
        buffer = self._buffer
        if buffer:
            buffer += octets
            if len(buffer) < self._wanted:
                return []
            octets = bytes(buffer)
            buffer.clear()
        elif type(octets) is not bytes:
            octets = bytes(octets)
        return self._cut(octets)

    def keep(self, octets: bytes) -> None:
        """Take octets without looking at them: the next `feed` will."""
        self._buffer += octets
        self._wanted = 4

    def put_back(self, frames: Iterable[bytes]) -> None:
        """Undo the end of the last `feed`: from `frames` on, everything is cut again by the next."""
        self._buffer[:0] = b"".join(frames)
        self._wanted = 4
        self.error = None

    def _cut(self, octets: bytes) -> list[bytes]:
        frames: list[bytes] = []
        position = 0
        size = len(octets)
        max_length = self.max_length
        while position + 4 <= size:
            (length,) = _unpack_length(octets, position)
            if not HEADER_LENGTH <= length <= max_length:
                self.error = _unframeable(length, octets[position : position + HEADER_LENGTH], max_length)
                break
            end = position + length
            if end > size:
                self._wanted = length
                break
            frames.append(octets[position:end])
            position = end
        else:
            self._wanted = 4
        if position < size:
            self._buffer += octets[position:]
        return frames


def _unframeable(length: int, start: bytes, max_length: int) -> UnframeablePdu:
    reason = f"command_length {length} is not within {HEADER_LENGTH} to {max_length}"
    if start[:4] in _HTTP:
        reason += ": this looks like HTTP"
    elif start[:2] == b"\x16\x03":
        reason += ": this looks like TLS"
    sequence_number = int.from_bytes(start[12:16], "big") if len(start) == HEADER_LENGTH else 0
    return UnframeablePdu(length, reason, sequence_number)
