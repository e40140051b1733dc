"""One end of a TCP connection that says whatever it likes, well-formed or not, and hears what comes back."""

from __future__ import annotations

import itertools
import socket
import struct
import time
from typing import Self

from smscd import pdu
from tests.machine import PATIENCE

_HEADER = struct.Struct(">IIII")
_RESET = struct.pack("ii", 1, 0)


def frame(command_id: int, body: bytes = b"", *, status: int = 0, number: int = 1, length: int | None = None) -> bytes:
    """A header, true unless `length` says otherwise, and a body of any kind."""
    return _HEADER.pack(16 + len(body) if length is None else length, command_id, status, number) + body


def submit(text: bytes = b"hello", *, receipt: bool = False, **fields: object) -> pdu.SubmitSm:
    """A submit_sm with nothing wrong in it, but for what `fields` put there."""
    asked: dict[str, object] = {
        "source_addr": b"12345", "dest_addr_ton": 1, "dest_addr_npi": 1, "destination_addr": b"447700900123",
        "registered_delivery": int(receipt), "short_message": text, **fields,
    }  # fmt: skip
    return pdu.SubmitSm(**asked)  # type: ignore[arg-type]  # the fields are what the tests are about


class Peer:
    """A blocking socket on loopback; `source` makes it another host (all of 127.0.0.0/8 is this machine)."""

    def __init__(self, port: int, *, source: str = "127.0.0.9", receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            # of loopback's segments of 64 KB the other side's kernel would keep megabytes that nobody reads
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(PATIENCE)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", port))
        self.name = "{}:{}".format(*self.socket.getsockname())
        self.numbers = itertools.count(1)
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.socket.close()

    def reset(self) -> None:
        """End it by a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self.socket.close()

    # -- saying ------------------------------------------------------------------------------------------------------

    def send(self, octets: bytes) -> None:
        self.socket.sendall(octets)

    def say(self, request: pdu.Pdu) -> int:
        """Send a PDU under the next sequence_number, and return that."""
        request.sequence_number = next(self.numbers)
        self.send(pdu.encode(request))
        return request.sequence_number

    # -- hearing -----------------------------------------------------------------------------------------------------

    def hear(self, patience: float = PATIENCE) -> pdu.Pdu | None:
        """The next PDU, or None if the connection ends first. TimeoutError if neither happens."""
        octets = self._whole_frame(patience)
        return pdu.decode(octets) if octets else None

    def _whole_frame(self, patience: float) -> bytes:
        deadline = time.monotonic() + patience
        while True:
            if len(self._rest) >= 16 and len(self._rest) >= (length := int.from_bytes(self._rest[:4], "big")):
                octets, self._rest = self._rest[:length], self._rest[length:]
                return octets
            self.socket.settimeout(max(0.001, deadline - time.monotonic()))
            try:
                more = self.socket.recv(65536)
            except ConnectionError:
                more = b""
            finally:
                self.socket.settimeout(PATIENCE)
            if not more:
                assert not self._rest, f"the connection ended inside a PDU: {self._rest.hex()}"
                return b""
            self._rest += more

    def answer_to(self, number: int) -> pdu.Pdu:
        """The response with this sequence_number; whatever else comes before it is passed over."""
        while True:
            heard = self.hear()
            assert heard is not None, f"the connection ended before {number} was answered"
            if heard.command_id & pdu.RESPONSE and heard.sequence_number == number:
                return heard

    def ask(self, request: pdu.Pdu) -> pdu.Pdu:
        """A request and its answer."""
        return self.answer_to(self.say(request))

    def status_of(self, request: pdu.Pdu) -> str:
        """The command_status that a request is answered with, by its name."""
        return pdu.status.status_name(self.ask(request).command_status)

    def rest(self, patience: float = PATIENCE) -> list[pdu.Pdu]:
        """Everything until the connection ends. TimeoutError if it does not."""
        heard = []
        deadline = time.monotonic() + patience
        while (one := self.hear(deadline - time.monotonic())) is not None:
            heard.append(one)
        return heard

    # -- a decent beginning ------------------------------------------------------------------------------------------

    def bind(
        self, system_id: str = "test", password: str = "secret", *, kind: type[pdu.Bind] = pdu.BindTransceiver,
        version: int = pdu.INTERFACE_VERSION_3_4,
    ) -> Self:  # fmt: skip
        """Bind, and insist on it."""
        status = self.status_of(
            kind(system_id=system_id.encode(), password=password.encode(), interface_version=version)
        )
        assert status == "ESME_ROK", f"bind: {status}"
        return self

    def alive(self) -> bool:
        """Whether an enquire_link is answered."""
        return isinstance(self.ask(pdu.EnquireLink()), pdu.EnquireLinkResp)
