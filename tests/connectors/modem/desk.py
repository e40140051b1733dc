"""A modem connector in the test's own loop: what the journey would be told is written down here."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from smscd import message as messages
from smscd import parts, pdu
from smscd.clock import SystemClock
from smscd.connectors import AnswerReports, Modem, ModemSettings
from smscd.connectors.modem.emulated.modem import EmulatedModem
from smscd.connectors.modem.emulated.network import Network
from smscd.connectors.modem.emulated.port import Port
from smscd.connectors.modem.emulated.profile import named
from smscd.connectors.modem.keeper import Notes
from smscd.connectors.smpp.correlation import Report
from smscd.counters import ConnectorCounters
from smscd.message import Message, Outcome
from smscd.text import Alphabet
from tests.cast import message
from tests.machine import PATIENCE


class Desk:
    """News and Returns of one modem. `status` is what an MO is answered with."""

    def __init__(self, settings: ModemSettings, notes: Notes | None = None) -> None:
        self.clock = SystemClock()
        self.outcomes: list[tuple[int, int, Outcome]] = []
        self.reports: list[Report] = []
        self.heard: list[pdu.DeliverSm] = []
        self.status = pdu.ESME_ROK
        self.answers: list[Callable[[int], None]] | None = None
        """Where not None, MO are answered only when a test does."""
        self._news = asyncio.Event()
        self.counters = ConnectorCounters(settings.name)
        self.notes = notes or Notes()
        self.modem = Modem(settings, self, self, self.clock, self.counters, lambda _system_id: "gsm7", self.notes)

    # -- News --------------------------------------------------------------------------------------------------------

    def outcome(self, message: Message, number: int, outcome: Outcome) -> None:
        parts.note(message.parts[number - 1], outcome, self.clock.wall())
        self.outcomes.append((message.id, number, outcome))
        self._news.set()

    def taken_over(self, messages: list[Message]) -> None:
        raise AssertionError("a modem takes parts over one by one")

    def accepted_all(self, accepted: list[tuple[Message, str, str]]) -> None:
        raise AssertionError("a modem takes parts over one by one")

    def delivered(self, messages: list[Message]) -> None:
        raise AssertionError("a modem is not the recipient")

    def settle(self, message: Message, message_state: int, error_code: int) -> None:
        raise AssertionError("a modem's news of the end are reports")

    def settle_all(self, messages: list[Message], message_state: int, error_code: int) -> None:
        raise AssertionError("a modem's news of the end are reports")

    def has_credit(self, connector: str) -> None:
        assert connector == self.modem.name
        self._news.set()

    # -- Returns -----------------------------------------------------------------------------------------------------

    def report_all(self, reports: list[Report], answer: AnswerReports) -> None:
        raise AssertionError(f"a modem has one at a time, not {len(reports)}")

    def report(self, report: Report, answer: Callable[[int], None]) -> None:
        self.reports.append(report)
        answer(pdu.ESME_ROK)
        self._news.set()

    def late(self, provider: str, message: Message, number: int, outcome: Outcome) -> None:
        raise AssertionError("nothing is late here")

    def mo(
        self, connector: str, content: pdu.DeliverSm, answer: Callable[[int], None], alphabet: Alphabet = "gsm7"
    ) -> None:
        assert (connector, alphabet) == (self.modem.name, "gsm7")
        self.heard.append(content)
        if self.answers is None:
            answer(self.status)
        else:
            self.answers.append(answer)
        self._news.set()

    # -- what a test does --------------------------------------------------------------------------------------------

    async def until(self, fact: Callable[[], object], patience: float = PATIENCE) -> None:
        """Return when `fact` holds: looked at when there is news, and now and then."""
        async with asyncio.timeout(patience):
            while not fact():
                self._news.clear()
                try:
                    async with asyncio.timeout(0.05):
                        await self._news.wait()
                except TimeoutError:
                    continue

    async def up(self) -> None:
        """Return when the modem can take something."""
        await self.until(self.modem.credit)

    def submit(self, text: bytes = b"hello", number: int = 0, **fields: Any) -> Message:
        """Hand a message over, leased as the journey would have it."""
        fields = {"registered_delivery": 1, "dest_addr_ton": 1, **fields}
        content = pdu.SubmitSm(
            source_addr=b"12345", **{"destination_addr": b"447700900001", "short_message": text, **fields}
        )
        now = self.clock.wall()
        handed = message(number, content=content, connector=self.modem.name, accepted_at=now, expires=now + 10**12)
        return self.give(handed)

    def give(self, handed: Message) -> Message:
        handed.stage = messages.LEASED
        parts.lease(handed, self.modem.name, self.modem.provider, self.modem.divide(handed), self.clock.wall())
        self.modem.submit([handed])
        return handed

    async def sent(self, *texts: bytes, **fields: Any) -> list[Message]:
        """Hand messages over one by one, each when the modem has credit, and wait for their outcomes."""
        handed = []
        for text in texts:
            await self.up()
            one = self.submit(text, **fields)
            handed.append(one)
            await self.ended(one)
        return handed

    async def ended(self, message: Message) -> list[Outcome]:
        """The outcomes of `message`, once every leased part of it has one."""
        await self.until(lambda: not any(part.stage == messages.LEASED for part in message.parts))
        return self.of(message)

    def of(self, message: Message) -> list[Outcome]:
        return [outcome for number, _, outcome in self.outcomes if number == message.id]


def settings(link: Path, **more: Any) -> ModemSettings:
    """A modem that comes back quickly."""
    given = {"number": "+447700900000", "reconnect": 0.05, "health": 0.2, "quarantine": 0.3, **more}
    return ModemSettings(name="modem-1", device=link, **given)


@asynccontextmanager
async def at(link: Path, notes: Notes | None = None, **more: Any) -> AsyncIterator[Desk]:
    """The connector of whatever is behind `link`, started."""
    desk = Desk(settings(link, **more), notes)
    await desk.modem.start()
    try:
        yield desk
    finally:
        await desk.modem.stop()


class Emulated:
    """The package's emulated modem, plugged in."""

    def __init__(self, link: Path, profile: str = "generic", **more: Any) -> None:
        chosen = named(profile)
        for key, value in {"boot_delay": 0.01, "report_delay": 0.02, "network_delay": 0.01, **more}.items():
            setattr(chosen, key, value)
        self.network = Network([])
        self.modem = EmulatedModem(chosen, SystemClock(), self.network)
        self.events: list[dict[str, Any]] = []
        self.port = Port(self.modem, link, self.events.append)
        self.link = link

    def __enter__(self) -> Self:
        self.port.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.port.close()

    def of(self, event: str) -> list[dict[str, Any]]:
        return [one for one in self.events if one["event"] == event]
