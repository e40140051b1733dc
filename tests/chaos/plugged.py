"""The emulated modem in the test's own loop, and a gateway on it in a process that can be killed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from smscd.clock import SystemClock
from smscd.connectors.modem.emulated.console import obey
from smscd.connectors.modem.emulated.modem import EmulatedModem, Event
from smscd.connectors.modem.emulated.network import Network
from smscd.connectors.modem.emulated.port import Port
from smscd.connectors.modem.emulated.profile import Profile
from tests.machine import PATIENCE
from tests.running import Running

GATEWAY = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "modem-1"
kind = "modem"
device = "{device}"
number = "+447700900000"
reconnect = "50ms"
health = "100ms"
{more}

[[route]]
connectors = ["modem-1"]

[retry]
schedule = ["100ms"]
"""


class Plugged:
    """`with` it: the modem is plugged in. `submits` are the texts that left through it, in order."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        profile = Profile(network_delay=0.0, report_delay=0.05)
        for key, value in settings.items():
            setattr(profile, key, value)
        self.link = directory / "modem"
        self.events: list[Event] = []
        self.modem = EmulatedModem(profile, SystemClock(), Network())
        self._news = asyncio.Event()
        self._port = Port(self.modem, self.link, self._told)

    def __enter__(self) -> Self:
        self._port.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._port.close()

    def tell(self, line: str) -> None:
        obey(self.modem, line)
        self._port.turn()

    @property
    def submits(self) -> list[str]:
        return [str(event["text"]) for event in self.events if event["event"] == "submit"]

    async def until(self, fact: Callable[[], object]) -> None:
        """Return when `fact` holds: looked at whenever the modem has news."""
        while not fact():
            self._news.clear()
            async with asyncio.timeout(PATIENCE):
                await self._news.wait()

    def gateway(self, directory: Path, more: str = "") -> Running:
        """A gateway that sends through it, not started yet."""
        return Running(directory, GATEWAY.format(device=self.link, more=more))

    def _told(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()
