"""A message that is given to a provider as one part: its own row says so, and a crash leaves no doubt about that."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.message import FAIL, HOLD, RESEND, Accepted, Deferred, Message, Rejected, Stage, Unanswered
from smscd.optout import OptOutSettings
from smscd.pdu import MessageState
from smscd.routing import RouteSettings, Ruleset
from smscd.store import rows
from tests.play import Play, Scripted


class Carrier(Scripted):
    """A connector with a provider behind it, or, without one, a network that everything leaves to as it is."""

    def divide(self, message: Message) -> int:
        return 1 if self.provider else 0


class Provided(Play):
    """A play in which both ways out lead to providers."""

    policy = RESEND
    configured = True

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.network, self.other = Carrier("network", room=network_room), Carrier("other")
        for way in (self.network, self.other):
            way.provider, way.in_doubt = f"carrier of {way.name}", self.policy
        if self.configured:
            self.use(self.network, self.other, self.bound)
        else:
            self.use(self.other, self.bound)

    def row(self, message: Message) -> dict[str, object]:
        """What is on disk."""
        return dict(zip(rows.MESSAGE, self.store._messages[message.id], strict=True))

    @property
    def in_doubt(self) -> int:
        return self.counters.connector("network").in_doubt


async def test_a_message_of_one_part_has_one_row_until_its_provider_answers() -> None:
    async with Provided() as play:
        message = await play.submitted(registered_delivery=1)
        assert play.store._parts == {}
        back = await play.stored(message)
        assert [(part.stage, part.provider, part.attempt) for part in back.parts] == [
            (Stage.LEASED, "carrier of network", 1)
        ]
        assert [getattr(back.parts[0], name) for name in rows.PART] == [
            getattr(message.parts[0], name) for name in rows.PART
        ]
        assert (back.attempts, message.attempts, play.row(message)["attempts"]) == (0, 0, 1)
        play.network.outcome(message, Accepted("A1", "a1"))
        await play.quiet()
        assert len(play.store._parts) == 1
        back = await play.stored(message)
        assert (back.stage, back.parts[0].stage, back.attempts) == (Stage.LEASED, Stage.SENT, 1)


async def test_what_was_taken_in_plenty_is_told_by_the_lease_and_the_row_of_its_part_alone() -> None:
    async with Provided() as play:
        messages = [await play.submitted(registered_delivery=asked) for asked in (1, 0)]
        play.network.handed.clear()
        play.journey.accepted_all([(message, f"A{message.id}", f"a{message.id}") for message in messages])
        assert not play.store.batch.attempted
        await play.quiet()
        for message, stage in zip(messages, (Stage.LEASED, Stage.CLOSED), strict=True):
            back = await play.stored(message)
            assert (back.stage, back.attempts, message.attempts) == (stage, 1, 1)
            assert [part.upstream_message_id for part in back.parts] == [f"A{message.id}"]
        await play.crash()
        assert play.network.handed == []
        assert play.in_doubt == 0


async def test_how_often_it_was_handed_over_is_written_where_the_lease_has_not_told_it() -> None:
    async with Provided() as play:
        message = await play.submitted(registered_delivery=1)
        play.network.outcome(message, Deferred("not now", retry_after=0.001, command_status=pdu.ESME_RTHROTTLED))
        await play.advance(1)
        assert play.network.handed == [message]
        assert (message.provider, [part[3] for part in play.store._parts.values()]) == ("", [Stage.LEASED])
        play.journey.accepted_all([(message, "A1", "a1")])
        assert list(play.store.batch.attempted) == [message.id]


@pytest.mark.parametrize(
    ("policy", "stage", "state"),
    [
        (RESEND, Stage.LEASED, MessageState.ENROUTE),
        (FAIL, Stage.CLOSED, MessageState.UNKNOWN),
        (HOLD, Stage.HELD, MessageState.ENROUTE),
    ],
)
async def test_after_a_crash_a_lease_without_an_answer_is_in_doubt(policy: int, stage: int, state: int) -> None:
    play = Provided()
    play.policy = policy
    play.network.in_doubt = play.other.in_doubt = policy
    async with play:
        message = await play.submitted()
        await play.crash()
        back = await play.stored(message)
        assert (back.stage, back.message_state) == (stage, state)
        assert play.in_doubt == 1
        assert [part.doubts for part in back.parts] == [1]
        again = [message.id] if policy == RESEND else []
        assert [one.id for one in play.network.handed] == again
        assert back.attempts == 1
        if policy == RESEND:
            play.network.outcome(play.network.handed[0], Accepted("A1", "a1"))
            await play.quiet()
            assert [(one.attempts, one.stage) for one in play.closed] == [(2, Stage.CLOSED)]


async def test_an_answer_that_was_not_on_disk_is_as_good_as_none() -> None:
    async with Provided() as play:
        message = await play.submitted(registered_delivery=1)
        play.network.outcome(message, Accepted("A1", "a1"))
        await play.crash()
        assert [one.id for one in play.network.handed] == [message.id]
        assert play.in_doubt == 1


async def test_an_answer_on_disk_ends_the_doubt() -> None:
    async with Provided() as play:
        message = await play.submitted(registered_delivery=1)
        play.network.outcome(message, Accepted("A1", "a1"))
        await play.quiet()
        await play.crash()
        assert play.network.handed == []
        assert play.in_doubt == 0
        (found,) = await play.store.sent("carrier of network", ["a1"])
        assert (found.id, found.attempts) == (message.id, 1)


async def test_what_waited_in_the_queue_is_leased_in_its_own_row_too() -> None:
    async with Provided(network_room=0) as play:
        message = await play.submitted()
        assert play.row(message)["stage"] == Stage.QUEUED
        play.network.open()
        await play.quiet()
        assert play.store._parts == {}
        assert (play.row(message)["stage"], play.row(message)["attempts"]) == (Stage.LEASED, 1)
        await play.crash()
        assert play.in_doubt == 1
        assert [one.id for one in play.network.handed] == [message.id]


@pytest.mark.parametrize("crashes", [1, 3])
async def test_every_crash_costs_one_attempt_and_one_doubt(crashes: int) -> None:
    async with Provided() as play:
        message = await play.submitted()
        for _ in range(crashes):
            await play.crash()
        (again,) = play.network.handed
        assert (again.id, again.attempts) == (message.id, crashes)
        assert again.parts[0].doubts == crashes
        assert again.parts[0].attempt == crashes + 1


async def test_a_part_that_was_put_off_has_its_row_in_every_further_attempt() -> None:
    async with Provided() as play:
        message = await play.submitted()
        play.network.outcome(message, Deferred("not now", retry_after=0.001, command_status=pdu.ESME_RTHROTTLED))
        await play.quiet()
        assert (play.row(message)["attempts"], play.row(message)["provider"]) == (1, "")
        await play.advance(1)
        assert [one.id for one in play.network.handed] == [message.id]
        await play.crash()
        assert play.in_doubt == 1
        back = await play.stored(message)
        assert (back.attempts, back.parts[0].doubts, back.parts[0].command_status) == (2, 1, pdu.ESME_RTHROTTLED)


async def test_a_way_that_burnt_no_attempt_is_not_counted() -> None:
    async with Provided() as play:
        message = await play.submitted()
        play.network.room = 0
        play.network.outcome(message, Deferred("the upstream is away", retry_after=0.0, counts=False))
        await play.quiet()
        assert play.row(message)["attempts"] == 0
        await play.crash()
        assert play.in_doubt == 0
        assert [one.attempts for one in play.network.handed] == [0]


async def test_a_lease_of_a_connector_that_has_left_the_file_is_decided_about_too() -> None:
    async with Provided() as play:
        message = await play.submitted()
        play.configured = False
        play.journey.routes = Ruleset([RouteSettings(["other"])])
        await play.crash()
        assert play.in_doubt == 1
        assert play.row(message)["stage"] == Stage.QUEUED


async def test_a_lease_of_an_emulated_network_needs_no_part_and_is_no_doubt() -> None:
    async with Provided() as play:
        play.network.provider = ""
        message = await play.submitted()
        assert (play.row(message)["provider"], play.store._parts, message.parts) == ("", {}, [])
        play.configured = False
        await play.crash()
        assert play.in_doubt == 0
        assert play.row(message)["stage"] == Stage.LEASED


async def test_a_failover_leaves_no_doubt_behind_at_the_first_provider() -> None:
    async with Provided() as play:
        play.journey.routes = Ruleset([RouteSettings(["network", "other"])])
        message = await play.submitted()
        play.network.outcome(message, Deferred("not now", command_status=pdu.ESME_RSYSERR))
        await play.quiet()
        assert play.other.handed == [message]
        assert (play.row(message)["connector"], play.row(message)["provider"]) == ("other", "")
        play.journey.routes = Ruleset([RouteSettings(["other"])])
        await play.crash()
        assert play.in_doubt == 0
        assert play.counters.connector("other").in_doubt == 1
        back = await play.stored(message)
        assert (back.connector, back.attempts) == ("other", 2)
        assert back.parts[0].provider == "carrier of other"


@pytest.mark.parametrize("outcome", [Rejected(pdu.ESME_RINVDSTADR, "no"), Unanswered()])
async def test_however_it_ends_the_row_of_its_part_tells_how(outcome: Rejected | Unanswered) -> None:
    play = Provided()
    play.network.in_doubt = FAIL
    async with play:
        message = await play.submitted()
        play.network.outcome(message, outcome)
        await play.quiet()
        back = await play.stored(message)
        assert (back.stage, back.attempts, len(back.parts)) == (Stage.CLOSED, 1, 1)
        refused = isinstance(outcome, Rejected)
        assert back.parts[0].command_status == (pdu.ESME_RINVDSTADR if refused else 0)
        assert back.parts[0].doubts == (not refused)
        await play.crash()
        assert play.in_doubt == (not refused)


async def test_one_that_was_stopped_in_the_last_moment_shows_its_part_and_no_attempt() -> None:
    async with Provided(opt_out=OptOutSettings(enabled=True, default_country="GB"), network_room=0) as play:
        message = await play.submitted()
        optout = play.journey.interception.optout
        assert optout is not None
        handset, number = optout.address(b"447700900001", 1), optout.address(b"12345", 1)
        assert optout.decide("STOP", handset, number, "test", play.clock.wall()) is not None
        play.network.open()
        await play.quiet()
        back = await play.stored(message)
        assert (back.stage, back.message_state, back.attempts) == (Stage.CLOSED, MessageState.REJECTED, 0)
        assert [part.attempt for part in back.parts] == [1]
        assert play.network.history == []
