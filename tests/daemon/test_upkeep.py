"""What has to be done now and then, beside a journey on a stage."""

from __future__ import annotations

from typing import Any, cast

import pytest

from smscd.daemon import upkeep
from smscd.daemon.upkeep import Upkeep
from smscd.message import Message, Stage
from smscd.pdu import MessageState
from smscd.store import StoreSettings
from tests.cast import DAY, NOON, message
from tests.play import Play, Turns
from tests.store.contract import put


async def test_what_cannot_be_given_up_does_not_keep_back_what_is_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two that their connector would not give back were found again and again, and nothing behind them was."""
    monkeypatch.setattr(upkeep, "SWEEP", 2)
    async with Play() as play:
        held = [await play.submitted() for _ in range(2)]
        lost = [
            message(1 << 60, stage=Stage.LEASED, expires=NOON),
            message(1, stage=Stage.LEASED, expires=NOON, connector="removed"),
        ]
        await put(play.store, *lost)
        play.clock.advance(30 * DAY / 1_000_000)
        assert await Upkeep(play.journey, play.ancillary, StoreSettings()).give_up() == 2
        assert [(await play.stored(one)).stage for one in lost] == [Stage.CLOSED] * 2
        assert [(await play.stored(one)).stage for one in held] == [Stage.LEASED] * 2


async def test_what_expires_together_ends_turn_by_turn() -> None:
    """Five hundred ends and their receipts were one turn of the loop, for which everybody else waited."""
    async with Play(network_room=0) as play:
        waiting = [play.accepted(registered_delivery=1) for _ in range(120)]
        await play.quiet()
        play.clock.advance(30 * DAY / 1_000_000)
        turns, end = Turns(), play.journey.expire

        def ends_now(one: Message) -> None:
            turns.note()
            end(one)

        cast("Any", play.journey).expire = ends_now
        async with turns:
            assert await Upkeep(play.journey, play.ancillary, StoreSettings()).expire() == 120
        assert sorted(turns.noted.values()) == [20, upkeep.TURN, upkeep.TURN]
        assert {(await play.stored(one)).message_state for one in waiting} == {MessageState.EXPIRED}
