"""The driver and the emulated modem in all its makes: sent, reported and received with each."""

from __future__ import annotations

from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from smscd.connectors import ModemSettings
from smscd.connectors.modem.emulated.console import obey
from smscd.connectors.modem.emulated.profile import NAMED
from smscd.connectors.modem.profiles import PROFILES
from smscd.message import Accepted
from tests.connectors.modem.desk import Emulated, at


def test_every_make_that_can_be_configured_has_its_manners_and_none_is_hidden() -> None:
    (choice, *_) = get_args(get_type_hints(ModemSettings, include_extras=True)["profile"])
    assert sorted(get_args(choice)) == sorted(["auto", *(profile.name for profile in PROFILES)])


@pytest.mark.parametrize("profile", NAMED)
async def test_every_make_sends_reports_and_receives(profile: str, tmp_path: Path) -> None:
    quick = {"registration_delay": 0.1} if profile == "quectel" else {}
    if profile == "sluggish":
        quick = {"response_delay": 0.01, "network_delay": 0.1}
    with Emulated(tmp_path / "modem", profile, **quick) as emulated:
        obey(emulated.modem, "mo +447700900123 before")
        emulated.port.turn()
        async with at(tmp_path / "modem") as desk:
            await desk.up()
            (message,) = await desk.sent(b"hello")
            (outcome,) = desk.of(message)
            assert isinstance(outcome, Accepted), outcome
            await desk.until(lambda: desk.reports)
            assert outcome.upstream_message_id in desk.reports[0].ids
            obey(emulated.modem, "mo +447700900123 after")
            emulated.port.turn()
            await desk.until(lambda: len(desk.heard) == 2)
            assert [one.short_message for one in desk.heard] == [b"before", b"after"]
            await desk.until(lambda: not any(memory.messages for memory in emulated.modem.memories.values()))
