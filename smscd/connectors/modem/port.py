"""A dialogue on a serial port: commands in, replies out, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import structlog

from smscd.clock import Clock
from smscd.connectors.modem import lines
from smscd.connectors.modem.dialogue import Command, Dialogue, Reply, Restarted, Silent, Synchronised, Unsolicited
from smscd.connectors.modem.transport import SerialPort, open_serial
from smscd.counters import ConnectorCounters
from smscd.errors import SmscdError

log = structlog.get_logger("smscd.modem")


def without_pin(text: str) -> str:
    """A command as the log may show it."""
    return "AT+CPIN=***" if text.startswith("AT+CPIN=") else text


class ModemGone(SmscdError):
    """The port is closed, or whoever is behind it has stopped answering: open it anew."""


class Port:
    """One open port. `ask` is called by one task at a time; unsolicited lines go to `heard` as they come.

    `gone` is called once, when it is closed, by whomever.
    """

    def __init__(
        self, clock: Clock, counters: ConnectorCounters, heard: Callable[[Unsolicited | Restarted], None],
        gone: Callable[[], None],
    ) -> None:  # fmt: skip
        self._clock = clock
        self._counters = counters
        self._heard = heard
        self._gone = gone
        self._dialogue = Dialogue()
        self._serial: SerialPort | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: asyncio.Future[Reply] | None = None
        self._awake: asyncio.Future[bool] | None = None
        self.is_closed = False
        self.why = ""
        self.chunk, self.chunk_pause = 0, 0.0
        self._unwritten = b""

    async def open(self, device: Path, baudrate: int, rtscts: bool) -> None:
        """Raises OSError if it cannot be had, ModemGone if nobody answers."""
        self._serial = await open_serial(device, baudrate, rtscts, self._octets, self._lost)
        await self.wake()

    async def wake(self) -> None:
        """Return when the modem answers. Raises ModemGone if it does not."""
        self._awake = asyncio.get_running_loop().create_future()
        self._dialogue.wake(self._clock.monotonic())
        self._turn()
        await self._until_awake()

    async def _until_awake(self) -> None:
        if self._awake is not None:
            awake, self._awake = await self._awake, None
            if not awake:
                raise ModemGone(self.why or "it does not answer")

    async def ask(
        self, text: str, *expects: str, within: float = 5.0, payload: bytes = b"", one_line: bool = False
    ) -> Reply:
        """The reply to one command, whatever it says. Raises ModemGone if there is nobody to ask.

        A reply whose `final` is TIMEOUT or GONE comes before that exception: the next call raises it.
        """
        await self._until_awake()
        if self._serial is None or self.is_closed:
            raise ModemGone(self.why or "the port is closed")
        self._waiting = asyncio.get_running_loop().create_future()
        self._dialogue.start(Command(text, expects, within, payload, one_line), self._clock.monotonic())
        self._turn()
        reply = await self._waiting
        self._waiting = None
        said = [line for line in reply.lines if not lines.is_hex(line)]  # a PDU is somebody's message
        log.debug("at", connector=self._counters.name, asked=without_pin(text), said=said, result=reply.final)
        if reply.final == lines.TIMEOUT and not self.is_closed:
            self._awake = asyncio.get_running_loop().create_future()
        return reply

    def shout(self, octets: bytes) -> None:
        """Write something to which no answer is awaited."""
        if self._serial is not None:
            self._serial.write(octets)

    def close(self) -> None:
        if self._serial is not None:
            self._serial.close()
        self._lost("closed by us")

    # -- octets and time ---------------------------------------------------------------------------------------------

    def _octets(self, octets: bytes) -> None:
        self._counters.octets_in += len(octets)
        self._dialogue.receive(octets, self._clock.monotonic())
        self._turn()

    def _lost(self, why: str) -> None:
        if self.is_closed:
            return
        self.why = why
        self.is_closed = True
        self._dialogue.close()
        self._turn()
        if self._timer is not None:
            self._timer.cancel()
        if self._awake is not None and not self._awake.done():
            self._awake.set_result(False)
        self._gone()

    def _ticked(self) -> None:
        self._timer = None
        self._dialogue.tick(self._clock.monotonic())
        self._turn()

    def _turn(self) -> None:
        """Write what is to be written, tell what has happened, set the alarm."""
        self._write(self._dialogue.output())
        for event in self._dialogue.events():
            if isinstance(event, Reply):
                if self._waiting is not None and not self._waiting.done():
                    self._waiting.set_result(event)
            elif isinstance(event, Synchronised | Silent):
                if self._awake is not None and not self._awake.done():
                    self._awake.set_result(isinstance(event, Synchronised))
            else:
                self._heard(event)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        deadline = self._dialogue.deadline
        if deadline is not None and not self.is_closed:
            pause = max(0.0, deadline - self._clock.monotonic())
            self._timer = asyncio.get_running_loop().call_later(pause, self._ticked)

    def _write(self, octets: bytes) -> None:
        if not octets or self._serial is None:
            return
        self._counters.octets_out += len(octets)
        if not self.chunk:
            self._serial.write(octets)
            return
        idle = not self._unwritten
        self._unwritten += octets
        if idle:
            self._write_chunk()

    def _write_chunk(self) -> None:
        chunk, self._unwritten = self._unwritten[: self.chunk], self._unwritten[self.chunk :]
        if self._serial is not None and chunk:
            self._serial.write(chunk)
            if self._unwritten:
                asyncio.get_running_loop().call_later(self.chunk_pause, self._write_chunk)
