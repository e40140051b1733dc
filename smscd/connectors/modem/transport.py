"""A serial port as octets in and out: the one place that knows pyserial.

pyserial-asyncio has had no release since 2021; it stays behind these few lines so that it can be exchanged here.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path


class SerialPort(asyncio.Protocol):
    """An open port. `on_octets` hears what comes, `on_closed` that nothing more will."""

    def __init__(self, on_octets: Callable[[bytes], None], on_closed: Callable[[str], None]) -> None:
        self._on_octets = on_octets
        self._on_closed = on_closed
        self._transport: asyncio.Transport | None = None
        self.made = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.made.set()

    def data_received(self, data: bytes) -> None:
        self._on_octets(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._on_closed(str(exc) if exc is not None else "closed")

    def write(self, octets: bytes) -> None:
        if self._transport is not None:
            self._transport.write(octets)

    def close(self) -> None:
        """At once: what was not written yet is not worth waiting for on a port that may hang."""
        if self._transport is not None:
            self._transport.abort()


async def open_serial(
    device: Path, baudrate: int, rtscts: bool, on_octets: Callable[[bytes], None], on_closed: Callable[[str], None]
) -> SerialPort:
    """Open `device` for ourselves alone; a link is resolved anew every time. Raises OSError.

    DTR stays high while the port is open: some modems hang up when it drops.
    """
    # Only who has a modem pays for loading it.
    import serial_asyncio  # noqa: PLC0415

    _, protocol = await serial_asyncio.create_serial_connection(
        asyncio.get_running_loop(), lambda: SerialPort(on_octets, on_closed), str(device), baudrate=baudrate,
        rtscts=rtscts, exclusive=True,
    )  # fmt: skip
    assert isinstance(protocol, SerialPort)
    await protocol.made.wait()  # pyserial-asyncio returns a turn of the loop before it can be written to
    return protocol
