"""May this ESME bind? Account, address, TLS, password (off the loop), brute force, bind limit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import structlog

from smscd import pdu
from smscd.admission import BindGuard, Esme, passwords
from smscd.clock import Clock
from smscd.connectors import EsmeConnector
from smscd.link import Link
from smscd.listener.turns import Turns
from smscd.session import State

log = structlog.get_logger("smscd.listener")

LOCKED = "locked out after failures"

HASHES_AT_ONCE = 1
"""scrypt takes a core for tens of milliseconds by design: a storm of binds may keep one thread busy, not more."""
HASHES_WAITING = 256
"""Binds of one address that may wait for it; beyond that they are refused, and the ESME tries again."""
PROBE = 2.0
"""Seconds that an older bind gets to prove that it is alive when the limit is reached."""
ENDING = 100
"""Hundredths of a second until an aborted link is gone, at the latest: over TLS it takes some turns of the loop."""


class Binding:
    """Answers binds with a command_status."""

    def __init__(self, clock: Clock) -> None:
        self.esmes: Mapping[str, Esme] = {}
        self.connectors: Mapping[str, EsmeConnector] = {}
        self._clock = clock
        self._guard = BindGuard()
        self._known = passwords.KnownPasswords()
        self._hashing = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="scrypt")
        self._turns = Turns()

    async def decide(self, link: Link, bind: pdu.Bind) -> int:
        """ESME_ROK, or the status to refuse `bind` with.

        SMPP 3.4 §5.1.3 has one status for an unknown system_id and one for a wrong password, and clients tell people by
        them what to mend: which names exist is no secret in SMPP. A guess costs the same for either, and is counted.
        """
        system_id = bind.system_id.decode("utf-8", "replace")
        esme = self.esmes.get(system_id)
        if self._locked(link, system_id):
            return self._refused(link, system_id, pdu.ESME_RBINDFAIL, LOCKED)
        if esme is not None and not esme.allows_from(link.peer_host):
            return self._refused(link, system_id, pdu.ESME_RBINDFAIL, "address not in allow_from")
        if esme is not None and esme.settings.require_tls and not link.tls:
            return self._refused(link, system_id, pdu.ESME_RBINDFAIL, "TLS required")
        if esme is not None and esme.settings.certificate_cn not in {None, link.certificate_name}:
            why = f'the certificate is of "{link.certificate_name}"' if link.certificate_name else "no certificate"
            return self._refused(link, system_id, pdu.ESME_RBINDFAIL, why)
        if esme is not None and esme.settings.strict and (fault := pdu.beyond_specification(bind)) is not None:
            return self._refused(link, system_id, fault[0], fault[1])
        if not self._remembered(esme, bind.password):
            if self._turns.waiting(link.peer_host) >= HASHES_WAITING:
                return self._refused(link, system_id, pdu.ESME_RBINDFAIL, "too many binds wait for a password check")
            async with self._turns.turn(link.peer_host):
                if self._locked(link, system_id):  # by a guess that was ahead of this one
                    return self._refused(link, system_id, pdu.ESME_RBINDFAIL, LOCKED)
                if not await self._verified(esme, bind.password):
                    self._guard.failed(link.peer_host, system_id, self._clock.monotonic())
                    if esme is None:
                        return self._refused(link, system_id, pdu.ESME_RINVSYSID, "unknown system_id")
                    return self._refused(link, system_id, pdu.ESME_RINVPASWD, "wrong password")
        self._guard.succeeded(link.peer_host, system_id)
        assert esme is not None
        if not await self._room_for_one_more(esme):
            return self._refused(link, system_id, pdu.ESME_RBINDFAIL, f"bind_limit {esme.settings.bind_limit} reached")
        return pdu.ESME_ROK

    def _refused(self, link: Link, system_id: str, status: int, why: str) -> int:
        log.warning("bind refused", esme=system_id, peer=link.peer, status=pdu.status.status_name(status), why=why)
        return status

    def _locked(self, link: Link, system_id: str) -> bool:
        return self._guard.locked(link.peer_host, system_id, self._clock.monotonic())

    def _remembered(self, esme: Esme | None, password: bytes) -> bool:
        """Whether this very password was verified before: a reconnecting ESME waits for nobody's check."""
        return esme is not None and self._known.knows(esme.system_id, _stored(esme), password)

    async def _verified(self, esme: Esme | None, password: bytes) -> bool:
        loop = asyncio.get_running_loop()
        if esme is None:
            return await loop.run_in_executor(self._hashing, passwords.verify_nobody, password)
        if self._remembered(esme, password):  # by a bind that was ahead of this one
            return True
        stored = _stored(esme)
        right = await loop.run_in_executor(self._hashing, passwords.verify, stored, password)
        if right:
            self._known.remember(esme.system_id, stored, password)
        return right

    async def _room_for_one_more(self, esme: Esme) -> bool:
        """At the limit, older binds are asked whether they are alive: after a crash of the ESME they are not."""
        connector = self.connectors[esme.system_id]
        if len(connector.links) < esme.settings.bind_limit:
            return True
        probes = [(link, self._probe(link)) for link in connector.links if link.session.state is not State.CLOSED]
        silent = await asyncio.gather(*(self._silent(link, alive) for link, alive in probes))
        dead = [link for (link, _), is_silent in zip(probes, silent, strict=True) if is_silent]
        for link in dead:
            link.abort("replaced: silent when a new bind came")
        for _ in range(ENDING):
            if not any(link in connector.links for link in dead):
                break
            await asyncio.sleep(0.01)
        return len(connector.links) < esme.settings.bind_limit

    def _probe(self, link: Link) -> asyncio.Future[None]:
        """Ask with an enquire_link; the pump completes the future when the answer comes."""
        alive: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        link.session.request(pdu.EnquireLink(), self._clock.monotonic(), alive)
        link.flush()
        return alive

    async def _silent(self, link: Link, alive: asyncio.Future[None]) -> bool:
        """Whether it meets its probe with silence for PROBE seconds; those in which we stood still do not count.

        One that says something else is not dead, and of one that we do not read from we cannot know.
        """
        session = link.session
        heard, end = session.heard_at, session.silence(self._clock.monotonic()) + PROBE
        while (left := end - session.silence(self._clock.monotonic())) > 0:
            await asyncio.wait([alive], timeout=left)
            if alive.done() or session.heard_at != heard or link.reading_paused:
                return False
        return session.state is not State.CLOSED

    def close(self) -> None:
        """Wait for no more password checks."""
        self._hashing.shutdown(wait=False, cancel_futures=True)


def _stored(esme: Esme) -> str:
    return esme.settings.password_hash or esme.settings.password or ""
