"""What waits to be written: PDUs become octets here, in the words that the peer's version knows."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Final

from smscd import pdu
from smscd.pdu import Pdu
from smscd.session import versions

_put_number = struct.Struct(">I").pack_into
_AT: Final = 12
"""Where a frame has its sequence_number (SMPP 3.4 §3.2)."""
_CLASSES: Final[dict[int, type[Pdu]]] = {cls.command_id: cls for cls in pdu.PDUS}
_WITH_BODY: Final = (pdu.BindTransceiverResp, pdu.DataSmResp, pdu.QuerySmResp, pdu.SubmitMultiResp)
"""Responses that have their body with an error too. SMPP 3.4 takes it from three others (§4.1.2, §4.1.4, §4.4.2), 5.0
from all (§3.2.1.3); libraries that go by the letter end the session where one of these comes without."""


class Outgoing:
    """The octets since the last `take`, each PDU encoded once, joined once."""

    __slots__ = ("_chunks", "error_body", "interface_version")

    def __init__(self, *, error_body: bool) -> None:
        self.interface_version = versions.V3_4
        self.error_body = error_body
        self._chunks: list[bytes] = []

    def take(self) -> bytes:
        chunks = self._chunks
        if not chunks:
            return b""
        octets = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        chunks.clear()
        return octets

    def octets(self, octets: bytes) -> None:
        self._chunks.append(octets)

    def request(self, request: Pdu) -> None:
        """Raises SessionError or ValueError for what cannot be said to this peer, and then queues nothing."""
        if self.interface_version >= versions.V3_4:
            self._chunks.append(pdu.encode(request))
        else:
            self._chunks.append(versions.encode_for(request, self.interface_version))

    def framed(self, request: Pdu, frame: bytes) -> None:
        """`request`, whose frame is known but for its sequence_number."""
        if self.interface_version >= versions.V3_4:
            self._chunks.append(b"%b%b%b" % (frame[:12], request.sequence_number.to_bytes(4, "big"), frame[16:]))
        else:
            self.request(request)

    def relayed(self, frames: Sequence[bytes], numbers: Iterable[int]) -> None:
        """Requests that this peer may be sent, by their frames; each under its sequence_number."""
        octets, at = bytearray().join(frames), _AT
        for frame, number in zip(frames, numbers, strict=True):
            _put_number(octets, at, number)
            at += len(frame)
        self._chunks.append(bytes(octets))

    def response(self, response: Pdu, sequence_number: int) -> None:
        """Fills in `sequence_number` and, where the peer's version asks for it, another command_status."""
        response.sequence_number = sequence_number
        if response.command_status:
            response.command_status = versions.wire_status(response.command_status, self.interface_version)
            if self.error_body or (self.interface_version == versions.V3_4 and isinstance(response, _WITH_BODY)):
                _give_body(response)
        if self.interface_version >= versions.V5_0:
            self._chunks.append(pdu.encode(response))
        else:
            self._chunks.append(versions.encode_for(response, self.interface_version))

    def error(self, answer_id: int, command_status: int, sequence_number: int) -> None:
        """A response of the command `answer_id` that holds nothing but its status."""
        self.response(_CLASSES[answer_id](command_status=command_status), sequence_number)


def bind_resp(bind: pdu.Bind, system_id: bytes, interface_version: int) -> Pdu:
    """The bind_resp that accepts `bind` and says which version it is served with (SMPP 3.4 §5.3.2.25)."""
    response = _CLASSES[bind.command_id | pdu.RESPONSE]()
    if isinstance(response, pdu.BindResp):
        response.system_id = system_id
        response.tlvs = [(versions.TAG_SC_INTERFACE_VERSION, bytes([interface_version]))]
    return response


def _give_body(response: Pdu) -> None:
    """The field without which there is no body, as an empty string."""
    if isinstance(response, pdu.QuerySmResp):
        response.message_state = response.message_state or int(pdu.MessageState.UNKNOWN)  # 3.4 §5.2.28 has no 0
    for name in ("message_id", "system_id"):
        if getattr(response, name, b"") is None:
            setattr(response, name, b"")
