"""An upstream does what every connector must do, over a real connection to an SMSC that answers when it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import pytest

from smscd import pdu
from smscd.clock import SystemClock
from smscd.connectors import Connector, SmppSettings, Upstream
from smscd.counters import Counters
from smscd.link import Link, Links
from smscd.message import Accepted, Message, Outcome, Part, Stage
from smscd.reports import Reports
from tests.cast import message
from tests.connectors.contract import ConnectorContract, Way, hand_over
from tests.connectors.smpp.quirky import Quirky
from tests.connectors.wire import Told
from tests.machine import PATIENCE


class ToldByUpstream(Told):
    """An upstream is done with a message when it has taken it over: what becomes of it comes back by itself."""

    def __init__(self) -> None:
        super().__init__()
        self._news = asyncio.Event()

    def outcome(self, message: Message, number: int, outcome: Outcome) -> None:
        super().outcome(message, number, outcome)
        if isinstance(outcome, Accepted):
            self.ends[message.id] += 1
        self._news.set()

    def has_credit(self, connector: str) -> None:
        super().has_credit(connector)
        self._news.set()

    async def until(self, holds: Callable[[], object]) -> None:
        """Wait until `holds`, looking again whenever something was told."""
        async with asyncio.timeout(PATIENCE):
            while not holds():
                self._news.clear()
                await self._news.wait()


class Bound:
    """A connector bound to an upstream that keeps every submit until `finish`."""

    most = 5

    def __init__(self, upstream: Quirky) -> None:
        self.hears = ToldByUpstream()
        self.told: Told = self.hears
        self.upstream = upstream
        self.held: list[tuple[Link, pdu.SubmitSm]] = []
        upstream.on_submit = lambda _upstream, link, submit: self.held.append((link, submit))
        self.clock = SystemClock()
        self.links = Links(self.clock)
        self.counters = Counters()
        settings = SmppSettings("carrier-a", f"127.0.0.1:{upstream.port}", "gw", window=self.most, reconnect=0.05)
        self.carrier = Upstream(
            settings, b"gw-secret", None, self.told, _nothing_comes_back(), self.links, self.clock,
            self.counters.connector("carrier-a"), lambda _system_id: "gsm7",
        )  # fmt: skip
        self.connector: Connector = self.carrier

    async def begin(self) -> None:
        self.links.start()
        await self.connector.start()
        await self.hears.until(lambda: self.connector.alive)

    async def end(self) -> None:
        await self.connector.stop()
        self.links.stop()

    def message(self, number: int) -> Message:
        one = message(number, connector="carrier-a", expires=self.clock.wall() + 60_000_000)
        one.parts = [Part(number, 1, "carrier-a", Stage.LEASED, provider="carrier-a")]
        return one

    async def finish(self) -> None:
        """Answers everything it was handed, and waits until that has been heard."""
        await self.upstream.until(lambda: len(self.held) == self.carrier.in_flight)
        held, self.held = self.held, []
        for link, submit in held:
            self.upstream.accept(link, submit, self.upstream.next_id())
        await self.hears.until(lambda: not self.carrier.in_flight)


def _nothing_comes_back() -> Reports:
    return None  # type: ignore[return-value]  # an attribute error would say that something has come back


@pytest.fixture
async def way() -> AsyncIterator[Bound]:
    async with Quirky() as upstream:
        bound = Bound(upstream)
        await bound.begin()
        yield bound
        await bound.finish()
        await bound.end()


class TestUpstream(ConnectorContract):
    """Every test of the contract."""

    async def test_a_stopped_connector_takes_no_more_until_it_is_started_again(self, way: Way) -> None:
        # an upstream that was stopped is not started again: a reload makes another
        await way.connector.stop()
        assert way.connector.credit() == 0
        assert not way.connector.alive


async def test_what_is_in_flight_when_the_connection_ends_is_unanswered_and_what_waits_was_never_sent(
    way: Bound,
) -> None:
    hand_over(way, 1, 2)
    await way.upstream.until(lambda: len(way.held) == 2)
    await way.upstream.close()
    await way.hears.until(lambda: len(way.told.outcomes) == 2)
    assert [type(outcome).__name__ for _, outcome in way.told.outcomes] == ["Unanswered", "Unanswered"]
    assert way.connector.credit() == 0
    hand_over(way, 3)
    assert way.told.of(type(way.told.outcomes[-1][1])) == [3]
    way.held.clear()
    await way.upstream.open()
    await way.hears.until(lambda: way.connector.alive)
    assert way.connector.credit() == way.most
