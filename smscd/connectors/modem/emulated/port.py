"""The pseudo terminal that an emulated modem is plugged into, behind a link that outlives it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import Callable
from pathlib import Path

from smscd.connectors.modem.emulated.modem import EmulatedModem, Event

_READ = 4096
_UNREAD = 65_536
"""Octets kept for a computer that does not read; like a serial line, what comes on top is lost."""
_BETWEEN_WRITES = 0.001  # seconds, so that pieces are read as pieces
_LAST_WORDS = 0.05  # seconds for what was written before the port vanishes


class Port:
    """Runs one modem in the running event loop: `open`, then it lives by itself until `close`.

    `told` gets every event of the modem, and {"event": "device", "device": path} when a terminal was opened.
    """

    def __init__(self, modem: EmulatedModem, link: Path | None, told: Callable[[Event], None]) -> None:
        self.modem = modem
        self.link = link
        self.device = Path()
        self._told = told
        self._loop = asyncio.get_running_loop()
        self._ends: tuple[int, int] | None = None
        self._out = bytearray()
        self._writing = False
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def open(self) -> None:
        """Open a terminal and point the link at it. Raises OSError."""
        # the other end stays open too: without it, reading fails with EIO whenever no program has the port open
        master, slave = self._ends = pty.openpty()
        tty.setraw(slave)
        os.set_blocking(master, False)
        self.device = Path(os.ttyname(slave))
        if self.link is not None:
            _point(self.link, self.device)
        self._loop.add_reader(master, self._readable)
        self._told({"event": "device", "device": str(self.link or self.device)})
        self.turn()

    def close(self) -> None:
        """Hang up, and take the link away."""
        self._hang_up()
        for timer in self._timers.values():
            timer.cancel()
        if self.link is not None and self.link.is_symlink():
            self.link.unlink()

    def turn(self) -> None:
        """Let the modem do what is due, and write what it says; call it after anything was done to the modem."""
        self.modem.advance()
        if self._ends is not None:
            self._out += self.modem.take()
            del self._out[_UNREAD:]
            self._write()
        while self.modem.news:
            self._told(self.modem.news.popleft())
        if self.modem.gone is not None and self._ends is not None and "vanish" not in self._timers:
            self._timers["vanish"] = self._loop.call_later(_LAST_WORDS, self._vanish)
        self._plan()

    def _plan(self) -> None:
        due = self.modem.next_due()
        if (timer := self._timers.pop("due", None)) is not None:
            timer.cancel()
        if due is not None:
            wait = max(0.0, due - self.modem.clock.monotonic())
            self._timers["due"] = self._loop.call_later(wait, self.turn)

    def _readable(self) -> None:
        assert self._ends is not None
        with contextlib.suppress(BlockingIOError):
            self.modem.receive(os.read(self._ends[0], _READ))
        self.turn()

    def _write(self) -> None:
        if self._writing or not self._out or self._ends is None:
            return
        size = self.modem.profile.write_size or len(self._out)
        try:
            written = os.write(self._ends[0], self._out[:size])
        except BlockingIOError:  # nobody reads
            written = 0
        del self._out[:written]
        if self._out:
            self._writing = True
            self._timers["write"] = self._loop.call_later(_BETWEEN_WRITES if written else 0.05, self._write_on)

    def _write_on(self) -> None:
        self._writing = False
        self._write()

    def _vanish(self) -> None:
        self._timers.pop("vanish")
        self._hang_up()
        self._timers["back"] = self._loop.call_later(self.modem.gone or 0.0, self._come_back)

    def _hang_up(self) -> None:
        if self._ends is None:
            return
        self._loop.remove_reader(self._ends[0])
        for end in self._ends:
            os.close(end)
        self._ends = None
        self._out.clear()
        if self.link is not None and self.link.is_symlink():
            self.link.unlink()

    def _come_back(self) -> None:
        self.modem.power_on(boot=True)
        self.open()


def _point(link: Path, device: Path) -> None:
    """Put the link in place of what was there, in one step. Raises OSError, FileExistsError for what is no link."""
    if os.path.lexists(link) and not link.is_symlink():
        raise FileExistsError(17, "is there and is no link", str(link))
    fresh = link.with_name(f".{link.name}.{os.getpid()}")
    fresh.symlink_to(device)
    fresh.replace(link)
