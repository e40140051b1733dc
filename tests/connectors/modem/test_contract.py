"""A modem keeps the contract of all connectors; what its network refuses for good ends at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smscd import parts
from smscd.message import LEASED, Message
from tests import cast
from tests.connectors.contract import ConnectorContract
from tests.connectors.modem.desk import Desk, settings
from tests.connectors.modem.fake import FakeModem
from tests.connectors.wire import Told
from tests.machine import PATIENCE


class Plugged(Desk):
    """The modem's side of the contract. `told` is what the journey would be told."""

    most = 3

    def __init__(self, fake: FakeModem) -> None:
        self.told = Told()
        super().__init__(settings(fake.link))
        self.modem.window = self.most
        self.modem._news = self.told
        self.connector = self.modem
        self.may_answer = asyncio.Event()

    def message(self, number: int) -> Message:
        now = self.clock.wall()
        message = cast.message(number, connector="modem-1", accepted_at=now, expires=now + 10**12)
        message.stage = LEASED
        parts.lease(message, "modem-1", "modem-1", 1, now)
        return message

    async def finish(self) -> None:
        async with asyncio.timeout(PATIENCE):
            while self.modem.credit() != self.most:  # noqa: ASYNC110 - nobody announces it here
                await asyncio.sleep(0.01)


class TestModem(ConnectorContract):
    """Every test of the contract, with a modem whose network refuses everything."""

    @pytest.fixture
    async def way(self, tmp_path: Path) -> AsyncIterator[Plugged]:
        fake = FakeModem(tmp_path / "modem").plug()
        fake.on_submit = lambda _submit: "+CMS ERROR: 21"
        plugged = Plugged(fake)
        await plugged.modem.start()
        await plugged.finish()
        yield plugged
        await plugged.modem.stop()
        fake.unplug()

    async def test_a_stopped_connector_takes_no_more_until_it_is_started_again(self, way: Plugged) -> None:  # type: ignore[override]
        """A modem has to be set up first: it can take something soon, not at once."""
        await way.modem.stop()
        assert way.modem.credit() == 0
        await way.modem.start()
        await way.finish()
        assert way.modem.credit() == way.most
