"""What a modem has received: read, handed on, and deleted or acknowledged only when it is committed.

Lines that announce something are noted as they come; the task that talks to the modem then works them off. A message
that was handed on and not yet deleted when the process ended is read again at the next start: twice rather than never.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from itertools import pairwise

import structlog

from smscd.connectors.interface import Returns
from smscd.connectors.modem import incoming, lines
from smscd.connectors.modem.dialogue import Unsolicited
from smscd.connectors.modem.health import counted
from smscd.connectors.modem.port import Port
from smscd.connectors.modem.setup import Facts
from smscd.connectors.settings import ModemSettings
from smscd.connectors.smpp.correlation import Report
from smscd.counters import ConnectorCounters
from smscd.logs import masked

log = structlog.get_logger("smscd.connectors")

Slot = tuple[str, int]
"""Memory and index."""
READABLE = ("SM", "ME", "MT", "SR")
LIST_TIMEOUT = 15.0
MOST_ANNOUNCED = 1000
"""Announcements that may wait; what is announced beyond them is found by the next search of the store."""
MOST_SLOTS = 255
"""Indices tried one by one where a modem cannot list."""


class Inbox:
    """Of one connector, whatever port it is on. `kick` wakes the task that calls `work`."""

    def __init__(
        self, settings: ModemSettings, returns: Returns, counters: ConnectorCounters, kick: Callable[[], None]
    ) -> None:
        self._settings = settings
        self._returns = returns
        self._counters = counters
        self._kick = kick
        self._facts = Facts()
        self._announced: deque[Slot] = deque()
        self._delete: deque[Slot] = deque()
        self._held: set[Slot] = set()  # handed on, or never to be touched
        self._received: deque[Unsolicited] = deque()
        self._owed = 0  # acknowledgements
        self._pending = 0  # handed on, and not answered yet
        self._memory = ""
        self._lists = True
        self._seen: set[tuple[int, str]] = set()  # by the search that is under way

    def use(self, facts: Facts) -> None:
        """A modem was set up; what another port owed is owed no more."""
        self._facts, self._memory, self._owed = facts, facts.storage, 0
        self._announced.clear()
        self._delete.clear()
        self._held.clear()
        self._received.clear()

    @property
    def is_waiting(self) -> bool:
        """Whether something was handed on that is not committed yet."""
        return self._pending > 0

    @property
    def has_work(self) -> bool:
        return bool(self._announced or self._delete or self._received or self._owed)

    # -- what is announced -------------------------------------------------------------------------------------------

    def heard(self, said: Unsolicited) -> None:
        """An unsolicited line; those that concern nobody here are passed over."""
        if said.line.startswith(("+CMT:", "+CDS:")):
            self._received.append(said)
        elif said.line.startswith(("+CMTI:", "+CDSI:")):
            found = lines.fields(said.line)
            index = lines.number(found[1]) if len(found) > 1 else None
            if index is None:
                return
            memory = found[0]
            if said.line.startswith("+CDSI:") and self._facts.profile.reports_in_sr:
                memory = "SR"
            slot = memory, index
            if slot in self._announced or len(self._announced) >= MOST_ANNOUNCED:
                return
            self._announced.append(slot)
        else:
            return
        self._kick()

    # -- working it off ----------------------------------------------------------------------------------------------

    async def work(self, port: Port) -> None:
        """Everything that is due. Raises ModemGone."""
        while self._received:
            said = self._received.popleft()
            self._take(said.pdu, lines.announced(said.line), self._acknowledge)
        while self._owed:
            self._owed -= 1
            await port.ask("AT+CNMA")
        for _ in range(len(self._announced)):  # what is announced meanwhile has its turn later
            await self._read(port, self._announced.popleft())
        while self._delete:
            slot = self._delete.popleft()
            if await self._select(port, slot[0]):
                await port.ask(f"AT+CMGD={slot[1]}", within=15.0)
            self._held.discard(slot)
        await self._select(port, self._facts.storage)

    async def drain(self, port: Port, everywhere: bool) -> None:
        """Read what lies in the modem's store, announced or not; at a start `everywhere` it may lie."""
        places = [self._facts.storage]
        if everywhere:
            places += [name for name in READABLE if name in self._facts.memories and name != self._facts.storage]
        self._seen = set()
        for memory in places:
            if await self._select(port, memory):
                await self._drain(port, memory)
        await self._select(port, self._facts.storage)
        await self.work(port)

    async def _drain(self, port: Port, memory: str) -> None:
        if self._lists and self._facts.profile.lists:
            reply = await port.ask("AT+CMGL=4", "+CMGL:", within=LIST_TIMEOUT)
            if reply.final != lines.TIMEOUT:
                self._listed(memory, reply.lines)
                return
            self._lists = False  # some hang over it: one by one from now on
            log.warning("the modem cannot list what it has", connector=self._settings.name, memory=memory)
        left, capacity = counted((await port.ask("AT+CPMS?", "+CPMS:", one_line=True)).line, first=True)
        for index in range(min(MOST_SLOTS, capacity) + 1):  # some count from 0, some from 1
            if left <= 0:
                return
            left -= await self._read(port, (memory, index), announced=False)

    def _listed(self, memory: str, said: list[str]) -> None:
        for head, octets in pairwise(said):
            if not head.startswith("+CMGL:") or octets.startswith("+CMGL:"):
                continue
            index = lines.number(lines.fields(head)[0])
            if index is not None and (index, octets) not in self._seen:
                self._seen.add((index, octets))  # some show the same messages whichever store is chosen
                self._stored((memory, index), head, octets)

    async def _read(self, port: Port, slot: Slot, *, announced: bool = True) -> bool:
        """Hand on what is in `slot`. Whether there is anything."""
        if slot in self._held or not await self._select(port, slot[0]):
            return slot in self._held
        reply = await port.ask(f"AT+CMGR={slot[1]}", "+CMGR:", within=15.0)
        if len(reply.lines) >= 2:
            self._stored(slot, reply.lines[-2], reply.lines[-1])
            return True
        if announced:  # it has gone already, or the modem named the wrong place
            log.debug("announced, but not there", connector=self._settings.name, memory=slot[0], index=slot[1])
        return False

    async def _select(self, port: Port, memory: str) -> bool:
        if memory != self._memory and memory:
            reply = await port.ask(f'AT+CPMS="{memory}"', "+CPMS:", within=10.0)
            if not reply.ok:
                return False
            self._memory = memory
        return True

    # -- handing on --------------------------------------------------------------------------------------------------

    def _stored(self, slot: Slot, head: str, octets: str) -> None:
        if slot in self._held:
            return
        self._held.add(slot)

        def answer(status: int) -> None:
            if status == 0:
                self._delete.append(slot)
            else:  # it stays where it is until the next look
                self._held.discard(slot)
            self._kick()

        self._take(octets, lines.announced(head), answer)

    def _acknowledge(self, status: int) -> None:
        if status == 0 and self._facts.acknowledges:
            self._owed += 1
            self._kick()

    def _take(self, octets: str, announced: int | None, answer: Callable[[int], None]) -> None:
        """Hand on one PDU; `answer` is called when what it causes is committed, or never if it is not for us."""
        name = self._settings.name
        try:
            found = incoming.decode(octets, announced)
            report = self._report(found) if isinstance(found, incoming.StatusReport) else None
        except (incoming.TpduError, ValueError) as fault:
            log.warning("what the modem has received cannot be read", connector=name, why=str(fault))
            return
        if isinstance(found, incoming.Stored):
            return
        self._pending += 1

        def answered(status: int) -> None:
            self._pending -= 1
            answer(status)

        if report is not None:
            self._returns.report(report, answered)
        elif isinstance(found, incoming.Deliver):
            self._counters.mo_accepted += 1
            content = incoming.deliver_sm(found, self._settings.number or self._facts.number)
            log.debug("mo", connector=name, handset=masked(content.source_addr))
            self._returns.mo(name, content, answered)

    def _report(self, found: incoming.StatusReport) -> Report:
        """Raises TpduError for one that could not be kept: its recipient is longer than a number can be."""
        return incoming.report(found, self._settings.name, incoming.UNCONFIRMED[self._settings.unconfirmed])
