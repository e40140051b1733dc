"""From an open port to a modem that sends and receives in PDU mode (27.005, 27.007), with a way round what is missing.

What a modem does not know is passed over; what it must have (a SIM that is open, PDU mode) is insisted on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from smscd.connectors.modem import lines
from smscd.connectors.modem.dialogue import Reply
from smscd.connectors.modem.faults import Asks, understand
from smscd.connectors.modem.port import Port
from smscd.connectors.modem.profiles import PROFILES, Profile, profile_of
from smscd.connectors.settings import ModemSettings
from smscd.errors import SmscdError

log = structlog.get_logger("smscd.connectors")

SIM_BUSY_PAUSE = 0.5
SIM_BUSY_ATTEMPTS = 20
CFUN_TIMEOUT = 30.0
PUK_ATTEMPTS_LEFT = 3
"""A SIM that has fewer attempts left for its PIN has seen a wrong one already: not ours to try."""


class ModemFault(SmscdError):
    """This modem cannot work now: open it anew, later. `may_pass`: a restart of it may help."""

    def __init__(self, why: str, *, may_pass: bool = True) -> None:
        super().__init__(why)
        self.may_pass = may_pass


class ModemParked(SmscdError):
    """This modem cannot work until somebody has done something about it."""


@dataclass(slots=True)
class Facts:
    """Who it is and how it was set up."""

    manufacturer: str = ""
    model: str = ""
    revision: str = ""
    imei: str = ""
    imsi: str = ""
    iccid: str = ""
    smsc: str = ""
    number: str = ""
    storage: str = ""
    memories: tuple[str, ...] = ()  # that can be read
    routing: str = ""
    acknowledges: bool = False  # phase 2+: what it hands over directly it wants acknowledged by AT+CNMA
    profile: Profile = PROFILES[0]


class SetUp:
    """The sequence. `refused` and `trying` are the memory of a PIN that was wrong: over restarts, too."""

    def __init__(
        self, port: Port, settings: ModemSettings, pin_refused: bool, trying: Callable[[bool], Awaitable[None]]
    ) -> None:
        self._port = port
        self._settings = settings
        self._pin_refused = pin_refused
        self._trying = trying
        self.facts = Facts()

    async def run(self) -> Facts:
        """All of it. Raises ModemParked, ModemFault or ModemGone."""
        ask = self._port.ask
        for text in ("ATE0", "ATV1Q0", "AT+CMEE=1"):
            await ask(text)
        await self._power()
        await self._unlock()
        await self._identify()
        for text in (*self.facts.profile.setup, "AT+CREG=0", "AT+CEREG=0", 'AT+CSCS="GSM"'):
            await ask(text)
        self.facts.acknowledges = (await ask("AT+CSMS=1", "+CSMS:")).ok
        if not self.facts.acknowledges:
            await ask("AT+CSMS=0", "+CSMS:")
        pdu_mode = await self._patiently("AT+CMGF=0")
        if not pdu_mode.ok:
            raise ModemFault(f"no PDU mode: {pdu_mode.final}")
        await self._service_centre()
        await self._storage()
        await self._routing()
        return self.facts

    async def _power(self) -> None:
        reply = await self._port.ask("AT+CFUN?", "+CFUN:", one_line=True)
        if reply.lines and lines.fields(reply.line)[0] in {"0", "4"}:
            await self._port.ask("AT+CFUN=1", within=CFUN_TIMEOUT)

    # -- the SIM -----------------------------------------------------------------------------------------------------

    async def _patiently(self, text: str, *expects: str, one_line: bool = False) -> Reply:
        """Ask again while the SIM is busy: after a start that takes seconds."""
        for _ in range(SIM_BUSY_ATTEMPTS):
            reply = await self._port.ask(text, *expects, one_line=one_line)
            if reply.ok or understand(reply.final).asks is not Asks.WAIT:
                return reply
            await asyncio.sleep(SIM_BUSY_PAUSE)
        raise ModemFault(f"{text}: the SIM stays busy")

    async def _unlock(self) -> None:
        reply = await self._patiently("AT+CPIN?", "+CPIN:", one_line=True)
        state = reply.line.partition(":")[2].strip().upper()
        if not reply.lines:
            trouble = understand(reply.final)
            if trouble.code in {12, 316, 17, 318}:
                raise ModemParked("the SIM wants its PUK")
            if trouble.code in {11, 311}:
                state = "SIM PIN"
            elif trouble.asks is Asks.MODEM and trouble.code in {10, 13, 15, 310, 313, 315}:
                raise ModemFault(f"the SIM: {reply.final}")
        if state == "SIM PIN":
            await self._enter_pin()
        elif state and state != "READY":
            raise ModemParked(f"the SIM wants {state}")

    async def _enter_pin(self) -> None:
        """Once. A PIN that may have been refused is not tried a second time, by any process."""
        pin = self._settings.pin
        if pin is None:
            raise ModemParked("the SIM wants a PIN, and none is configured")
        if self._pin_refused:
            raise ModemParked("the SIM has refused this PIN: give the right one, or unlock it by hand")
        left = await self._port.ask("AT+CPINR", "+CPINR:")
        for line in left.lines:
            found = lines.fields(line)
            counted = lines.number(found[1]) if found[0].upper() == "SIM PIN" and len(found) > 1 else None
            if counted is not None and counted < PUK_ATTEMPTS_LEFT:
                raise ModemParked(f"the SIM has seen a wrong PIN: {found[1]} attempts left")
        self._pin_refused = True
        await self._trying(True)
        reply = await self._port.ask(f'AT+CPIN="{pin}"', within=20.0)
        if not reply.ok:
            raise ModemParked(f"the SIM has refused the PIN: {reply.final}")
        await self._trying(False)
        self._pin_refused = False
        for _ in range(SIM_BUSY_ATTEMPTS):
            again = await self._port.ask("AT+CPIN?", "+CPIN:", one_line=True)
            if "READY" in again.line.upper():
                return
            await asyncio.sleep(SIM_BUSY_PAUSE)
        raise ModemFault("the SIM is not ready after its PIN")

    # -- who it is ---------------------------------------------------------------------------------------------------

    async def _identify(self) -> None:
        facts, settings = self.facts, self._settings
        facts.manufacturer = await self._said("AT+CGMI")
        facts.model = await self._said("AT+CGMM")
        facts.revision = await self._said("AT+CGMR")
        facts.imei = _digits(await self._said("AT+CGSN"))
        facts.imsi = _digits(await self._said("AT+CIMI"))
        facts.iccid = await self._said("AT+CCID")
        facts.profile = profile_of(settings.profile, facts.manufacturer)
        self._port.chunk, self._port.chunk_pause = facts.profile.chunk, facts.profile.chunk_pause
        if settings.imei is not None and facts.imei[:14] != _digits(settings.imei)[:14]:  # the last is a check digit
            raise ModemFault(f"another modem is here: its IMEI is {facts.imei or 'unknown'}", may_pass=False)
        if settings.imsi is not None and facts.imsi != settings.imsi:
            raise ModemFault(f"another SIM is here: its IMSI is {facts.imsi or 'unknown'}", may_pass=False)
        own = await self._port.ask("AT+CNUM", "+CNUM:")
        if own.lines and len(found := lines.fields(own.line)) > 1:
            facts.number = found[1]

    async def _said(self, text: str) -> str:
        """The first line of an answer in free form."""
        reply = await self._port.ask(text, "")
        if not reply.ok or not reply.lines:
            return ""
        line = reply.lines[0]
        if line.startswith("+") and ":" in line:
            line = line.partition(":")[2]
        return line.strip().strip('"')

    # -- short messages ----------------------------------------------------------------------------------------------

    async def _service_centre(self) -> None:
        reply = await self._patiently("AT+CSCA?", "+CSCA:", one_line=True)
        if reply.lines:
            self.facts.smsc = lines.fields(reply.line)[0]
            if not self.facts.smsc and self._settings.smsc is None:
                log.warning("the SIM knows no service centre: give smsc", connector=self._settings.name)

    async def _storage(self) -> None:
        """Where what arrives is kept: the modem itself holds more than the SIM does, if it can read what it keeps."""
        offered = (await self._port.ask("AT+CPMS=?", "+CPMS:")).line
        self.facts.memories = memories(offered)[0]
        for memory in usable(offered) if self._settings.storage == "auto" else (self._settings.storage,):
            if (await self._port.ask(f'AT+CPMS="{memory}","{memory}","{memory}"', "+CPMS:")).ok:
                self.facts.storage = memory
                return
        now = await self._port.ask("AT+CPMS?", "+CPMS:", one_line=True)
        names = [field for field in lines.fields(now.line) if field and not field.isdigit()]
        self.facts.storage = names[-1] if names else "SM"  # the last is where it puts what it receives

    async def _routing(self) -> None:
        for routing in self.facts.profile.routings:
            if (await self._port.ask(f"AT+CNMI={routing}")).ok:
                self.facts.routing = routing
                return
        log.warning("nothing will be announced: the modem takes no AT+CNMI", connector=self._settings.name)


def memories(line: str) -> tuple[tuple[str, ...], ...]:
    """The stores to read from, to write to and to receive in, from an answer to AT+CPMS=? (27.005 §3.2.2)."""
    groups = [group.partition(")")[0] for group in line.split("(")[1:]]
    named = [tuple(name.strip().strip('"') for name in group.split(",") if name.strip()) for group in groups]
    return tuple(named) or ((),)


def usable(line: str) -> tuple[str, ...]:
    """Those of "ME" and "SM" that are good for all three."""
    return tuple(memory for memory in ("ME", "SM") if all(memory in group for group in memories(line)))


def _digits(text: str) -> str:
    return "".join(character for character in text if character.isdigit())
