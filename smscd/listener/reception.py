"""Doors, and how many may come in."""

from __future__ import annotations

from collections import Counter
from ssl import SSLContext

import structlog

from smscd.link import Door, Link, Links, listen, server_context
from smscd.listener.pump import Desk, Pump
from smscd.listener.settings import ListenerSettings
from smscd.session import Session, SessionSettings, Side
from smscd.units import split_endpoint

log = structlog.get_logger("smscd.listener")


class Reception:
    """One `[[listener]]`: its door, its limits, its pumps."""

    def __init__(self, settings: ListenerSettings, desk: Desk, links: Links) -> None:
        self.settings = settings
        self.pumps: set[Pump] = set()
        self._desk = desk
        self._links = links
        self._door: Door | None = None
        self._unbound: dict[Pump, str] = {}
        self._unbound_from: Counter[str] = Counter()

    @property
    def port(self) -> int:
        """The port we listen on, known once open."""
        assert self._door is not None
        return self._door.port

    async def prepare(self) -> None:
        """Take the address and read the certificates. Raises OSError or ConfigError; then nothing has changed."""
        host, port = split_endpoint(self.settings.address)
        self._door = await listen(
            host, port, self._make, tls=self._context(), handshake_timeout=self.settings.tls_handshake_timeout
        )

    def _context(self) -> SSLContext | None:
        return server_context(self.settings.tls) if self.settings.tls is not None else None

    def open(self) -> None:
        """Accept connections from now on."""
        assert self._door is not None
        self._door.open()
        log.info("listening", address=self.settings.address, tls=self.settings.tls is not None)

    def renew(self, settings: ListenerSettings, context: SSLContext | None) -> None:
        """Take over settings and certificates for the connections to come."""
        self.settings = settings
        if self._door is not None:
            self._door.tls = context
            self._door.handshake_timeout = settings.tls_handshake_timeout

    async def close(self) -> None:
        """Accept no more; links that are open stay."""
        if self._door is not None:
            await self._door.close()
            self._door = None

    def _make(self, host: str) -> Link | None:
        """A link for a peer that has just connected, or None to turn it away."""
        settings, refused = self.settings, self._desk.counters.daemon.connections_refused
        if len(self.pumps) >= settings.max_connections:
            refused["max_connections"] += 1
            return None
        if len(self._unbound) >= settings.max_unbound or self._unbound_from[host] >= settings.max_unbound_per_address:
            refused["max_unbound"] += 1
            return None
        self._desk.counters.daemon.connections += 1
        pump = Pump(self._desk, self._bound, self._gone)
        self.pumps.add(pump)
        self._unbound[pump] = host
        self._unbound_from[host] += 1
        timers = SessionSettings(
            session_init_timer=settings.session_init_timer,
            enquire_link_timer=settings.enquire_link_timer,
            inactivity_timer=settings.inactivity_timer,
            response_timer=settings.response_timer,
        )
        return Link(Session(Side.MC, timers, self._desk.clock.monotonic(), gathers=True), pump, self._links)

    def _bound(self, pump: Pump) -> None:
        host = self._unbound.pop(pump, None)
        if host is not None:
            self._unbound_from[host] -= 1
            if not self._unbound_from[host]:
                del self._unbound_from[host]

    def _gone(self, pump: Pump) -> None:
        self._bound(pump)
        self.pumps.discard(pump)
