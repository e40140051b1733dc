"""An upstream that rings: it connects to us, says outbind, and we bind on its connection (SMPP 3.4 §2.2.1, §4.1.7)."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Sequence

import structlog

from smscd import pdu
from smscd.connectors.settings import OutbindSettings, SmppSettings
from smscd.connectors.smpp.line import Line
from smscd.link import Link, listen, renew_certificate, server_context
from smscd.link.opening import Door
from smscd.session import Event
from smscd.units import split_endpoint

log = structlog.get_logger("smscd.connectors")


UNKNOWN = 8
"""Connections at a time that have not said who they are."""


class CalledLine(Line):
    """A session that begins when the upstream calls; until then it waits."""

    async def _keep(self) -> None:
        while not self._stopping:
            self._over = asyncio.Event()
            self.trouble = self.trouble or "waits for an outbind"
            await self._over.wait()

    @property
    def is_free(self) -> bool:
        """Whether it can take a call."""
        return self.link is None and not self._stopping

    def take(self, link: Link) -> None:
        """Bind on a connection whose outbind was the right one."""
        self._bound_at, self._refused_with = None, 0
        self.link = link
        self._ask_to_bind(link)


class Call:
    """The owner of one call: nobody's until it has said who it is, then a line's."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._line: CalledLine | None = None

    def events(self, link: Link, events: list[Event]) -> None:
        for event in events:
            if self._line is not None:
                self._line.events(link, [event])
            elif isinstance(event, pdu.Outbind):
                self._line = self._calls.rung(link, event)

    def writable(self, link: Link) -> None:
        if self._line is not None:
            self._line.writable(link)

    def closed(self, link: Link, reason: str) -> None:
        self._calls.ended(self)
        if self._line is not None:
            self._line.closed(link, reason)


def is_known(outbind: pdu.Outbind, wanted: OutbindSettings) -> bool:
    """Whether an outbind says what the configuration wants to hear."""
    if wanted.system_id is not None and outbind.system_id != wanted.system_id.encode():
        return False
    return wanted.password is None or hmac.compare_digest(outbind.password, wanted.password.encode())


class Calls:
    """The door that one upstream calls at; every call is for the first of `lines` that is free.

    Our password goes to whoever calls, so whoever calls has to be known. Raises ConfigError for a bad certificate.
    """

    def __init__(self, settings: SmppSettings, lines: Sequence[CalledLine]) -> None:
        self._settings = settings
        self._lines = lines
        self._tls = server_context(settings.outbind.tls) if settings.outbind.tls is not None else None
        self._networks = [ipaddress.ip_network(network) for network in settings.outbind.allow_from]
        self._calls: set[Call] = set()
        self._door: Door | None = None
        self._opening: asyncio.Task[None] | None = None

    def renew(self) -> None:
        """Show those who call from now on the certificate that is on disk now. Raises ConfigError."""
        if self._tls is not None and self._settings.outbind.tls is not None:
            renew_certificate(self._tls, self._settings.outbind.tls)

    def start(self) -> None:
        if self._lines:
            self._opening = asyncio.create_task(self._open(), name=f"outbind {self._settings.name}")

    async def stop(self) -> None:
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._door is not None:
            await self._door.close()

    async def _open(self) -> None:
        """Take the address, however long another one, perhaps our own predecessor, still has it."""
        address = self._settings.outbind.address
        assert address is not None
        host, port = split_endpoint(address)
        while self._door is None:
            try:
                self._door = await listen(host, port, self._link_for, tls=self._tls)
            except OSError as fault:
                log.warning("cannot listen for outbind", connector=self._settings.name, address=address,
                            why=fault.strerror)  # fmt: skip
                await asyncio.sleep(self._settings.reconnect)
        self._door.open()
        log.info("listening for outbind", connector=self._settings.name, address=address)

    def _link_for(self, host: str) -> Link | None:
        if self._networks and not any(ipaddress.ip_address(host) in network for network in self._networks):
            log.warning("outbind from a stranger", connector=self._settings.name, peer=host)
            return None
        if len(self._calls) >= len(self._lines) + UNKNOWN:
            return None
        call = Call(self)
        self._calls.add(call)
        return self._lines[0].new_link(call)

    def rung(self, link: Link, outbind: pdu.Outbind) -> CalledLine | None:
        """The line that takes this call; None if nobody does."""
        settings = self._settings
        free = next((line for line in self._lines if line.is_free), None)
        log.info("outbind", connector=settings.name, peer=link.peer, system_id=outbind.system_id)
        if free is None or not is_known(outbind, settings.outbind):
            why = "every session is bound" if free is None else "wrong system_id or password"
            log.warning("outbind refused", connector=settings.name, peer=link.peer, why=why)
            link.close("outbind refused")
            return None
        free.take(link)
        return free

    def ended(self, call: Call) -> None:
        """Its connection is gone."""
        self._calls.discard(call)
