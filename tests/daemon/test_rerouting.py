"""A connector that is removed, or named differently, leaves nothing behind that waits for it until it expires."""

from __future__ import annotations

import pytest

from smscd import pdu, rerouting
from smscd.message import MT, Stage
from smscd.rerouting import reroute_all
from smscd.routing import RouteSettings, Ruleset
from smscd.scheduler import lanes
from tests.cast import deliver_sm
from tests.play import Play, Scripted

LATER = b"000000020000000R"


def rename(play: Play) -> Scripted:
    """`network` is called `another` from now on, as after a reload."""
    another = Scripted("another")
    play.use(another, play.bound)
    play.journey.routes = Ruleset([RouteSettings(["another"])])
    return another


async def test_what_waited_for_a_removed_connector_leaves_by_the_route_of_today() -> None:
    async with Play(network_room=0) as play:
        due = [await play.submitted() for _ in range(3)]
        scheduled = await play.submitted(schedule_delivery_time=LATER)
        another = rename(play)
        assert await reroute_all(play.journey) == 4
        await play.quiet()
        assert [one.id for one in another.handed] == [message.id for message in due]
        await play.advance(7201)
        await play.quiet()
        assert another.handed[-1].id == scheduled.id
        for message in list(another.handed):
            another.settle(message)
        await play.quiet()
        row = await play.stored(scheduled)
        assert (row.stage, row.connector) == (Stage.CLOSED, "another")
        play.assert_nothing_left()


async def test_after_a_restart_too() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        await play.crash(network_room=0)
        another = rename(play)
        assert await reroute_all(play.journey) == 1
        await play.quiet()
        assert [one.id for one in another.handed] == [message.id]


async def test_what_no_route_takes_any_more_goes_on_waiting() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted()
        another = rename(play)
        play.journey.routes = Ruleset([RouteSettings(["another"], destination_addr="49*")])
        assert await reroute_all(play.journey) == 0
        assert (await play.stored(message)).stage == Stage.QUEUED
        assert play.journey.queued == 1
        play.journey.routes = Ruleset([RouteSettings(["another"])])
        assert await reroute_all(play.journey) == 1
        await play.quiet()
        assert len(another.handed) == 1


async def test_what_the_other_connector_would_not_let_in_is_rejected_with_a_receipt() -> None:
    async with Play(network_room=0) as play:
        message = await play.submitted(registered_delivery=1)
        rename(play).refuse = pdu.ESME_RINVDSTADR
        assert await reroute_all(play.journey) == 1
        await play.quiet()
        row = await play.stored(message)
        assert (row.stage, row.message_state, row.error_code) == (
            Stage.CLOSED, pdu.MessageState.REJECTED, pdu.ESME_RINVDSTADR
        )  # fmt: skip
        assert [one.kind for one in play.bound.handed] != [MT]
        assert len(play.bound.handed) == 1


async def test_what_waits_for_a_removed_account_is_nobody_elses() -> None:
    async with Play(bound_room=0) as play:
        play.journey.accept_mo(deliver_sm())
        await play.quiet()
        play.use(Scripted("network"))
        assert await reroute_all(play.journey) == 0
        assert play.journey.scheduler.lane("esme:test").queued == 1


async def test_a_long_queue_that_moves_does_not_stand_before_everybody_else_at_its_new_connector(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rerouting, "PAGE", 20)
    monkeypatch.setattr(rerouting, "CROWDED", 50)
    monkeypatch.setattr(lanes, "WINDOW", 10)
    monkeypatch.setattr(lanes, "MOST", 10)
    monkeypatch.setattr(lanes, "LOW_WATER", 3)
    async with Play(network_room=0) as play:
        for number in range(400):
            play.accepted(b"%d" % number)
        await play.quiet()
        another = rename(play)
        another.room = 0
        moved = await reroute_all(play.journey)
        assert 50 <= moved < 50 + 20
        play.clock.advance(1)
        newcomer = (await play.submitted(b"new")).id
        while len(another.history) < 401:
            another.open(room=len(another.handed) + 50)
            await play.quiet()
            play.clock.advance(1)
            moved += await reroute_all(play.journey)
            await play.quiet()
        assert moved == 400
        left = [message.id for message in another.history]
        assert sorted(left) == sorted(set(left))
        assert left.index(newcomer) < 50 + 20 + 50, "it has waited for all the others"
