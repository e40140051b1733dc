"""Which connector next: after a failure, for the parts of one long message, and for a number in another form."""

from __future__ import annotations

from typing import Any

import pytest

from smscd import pdu
from smscd.message import Accepted, Deferred, Message, Outcome, Stage, Unanswered
from smscd.optout import OptOutSettings
from smscd.reports import Reports
from smscd.rerouting import reroute_all
from smscd.routing import RouteSettings, Ruleset
from smscd.scheduler import RetrySettings
from smscd.ways import Companions, concatenation_of
from tests.cast import deliver_sm, submit_sm
from tests.play import Play, Scripted

BUSY = Deferred("busy", command_status=pdu.ESME_RX_T_APPN)


def three(play: Play, **said: Any) -> list[Scripted]:
    """The play goes on with three networks and one route to them."""
    networks = [Scripted(name) for name in ("a", "b", "c")]
    play.use(*networks, play.bound)
    play.journey.routes = Ruleset([RouteSettings(["a", "b", "c"], **said)])
    return networks


def part(number: int, total: int = 3, reference: int = 7, **fields: Any) -> dict[str, Any]:
    """What makes a submit_sm a part of a long message."""
    header = bytes((5, 0, 3, reference, total, number))
    return {"esm_class": pdu.ESM_UDHI, "text": header + b"part", **fields}


# --- failover ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("outcome", [BUSY, Unanswered(), Deferred("it does not answer")])
async def test_who_could_not_deliver_is_followed_by_the_next_at_once_until_each_had_its_turn(outcome: Outcome) -> None:
    async with Play(retry=RetrySettings(schedule=[10.0])) as play:
        a, b, c = three(play)
        message = await play.submitted()
        for network in (a, b, c):
            (handed,) = network.handed
            assert handed is message
            network.outcome(message, outcome)
            await play.quiet()
        assert a.handed == b.handed == c.handed == []  # now it rests as the ladder says
        await play.advance(9)
        assert a.handed == []
        await play.advance(2)
        (again,) = a.handed
        assert (again.id, again.attempts) == (message.id, 3)
        a.settle(again)
        await play.quiet()
        play.assert_nothing_left()


async def test_a_round_is_of_those_that_are_alive() -> None:
    async with Play(retry=RetrySettings(schedule=[10.0])) as play:
        a, b, c = three(play)
        b.alive = False
        message = await play.submitted()
        a.outcome(message, BUSY)
        await play.quiet()
        c.outcome(message, BUSY)
        await play.quiet()
        assert a.handed == b.handed == c.handed == []
        await play.advance(11)
        assert [one.id for one in a.handed] == [message.id]


async def test_one_that_went_away_without_having_failed_gives_its_messages_to_the_first_that_is_alive() -> None:
    async with Play() as play:
        a, b, c = three(play)
        message = await play.submitted()
        a.alive = False
        a.outcome(message, Deferred("the session ended", retry_after=0.0, counts=False))
        await play.quiet()
        assert (b.handed, c.handed) == ([message], [])
        assert message.attempts == 0


async def test_what_a_dead_connector_keeps_is_searched_once_and_not_every_two_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with Play() as play:
        a, b, _ = three(play)
        play.journey.routes = Ruleset([RouteSettings(["a"], source_addr="1"), RouteSettings(["a", "b"])])
        a.alive, b.alive, a.room = False, False, 0
        kept = [await play.submitted(source_addr=b"1") for _ in range(3)]
        moving = await play.submitted()
        pages: list[int] = []
        queued = play.store.queued

        async def counted(name: str, after: tuple[int, int], limit: int) -> list[Message]:
            page = await queued(name, after, limit)
            pages.append(len(page))
            return page

        monkeypatch.setattr(play.store, "queued", counted)
        assert await reroute_all(play.journey) == 0
        assert sum(pages) == 4  # once, because the rules of today may lead elsewhere
        assert await reroute_all(play.journey) == 0
        assert sum(pages) == 4  # nobody else is alive either: nothing can be found
        b.alive = True
        assert await reroute_all(play.journey) == 1
        await play.quiet()
        assert [one.id for one in b.handed] == [moving.id]
        del pages[:]
        for _ in range(3):
            assert await reroute_all(play.journey) == 0
        assert sum(pages) == 0
        late = await play.submitted(source_addr=b"1")
        assert await reroute_all(play.journey) == 0
        assert sum(pages) == 1  # only the one that has come since
        a.alive = True
        await reroute_all(play.journey)
        a.open()
        await play.quiet()
        assert [one.id for one in a.handed] == [one.id for one in (*kept, late)]


async def test_a_message_for_an_esme_that_went_away_takes_the_other_way_of_its_route_and_its_receipts_stay() -> None:
    async with Play(bound_room=0) as play:
        other = Scripted("other")
        play.use(other, play.bound)
        play.journey.routes = Ruleset([RouteSettings(["esme:test", "other"])])
        message = await play.submitted()
        mo = play.journey.accept_mo(deliver_sm())
        await play.quiet()
        play.bound.alive = False
        assert await reroute_all(play.journey) == 1
        await play.quiet()
        assert [one.id for one in other.handed] == [message.id]
        play.bound.open()
        await play.quiet()
        assert [one.id for one in play.bound.handed] == [mo.id]


async def test_what_waits_moves_when_the_hour_changes_the_rules() -> None:
    async with Play() as play:
        a, b, _ = three(play)
        hours = ["06:00-09:00"]  # it is eight
        play.journey.routes = Ruleset([RouteSettings(["a"], hours=hours), RouteSettings(["b", "a"])])
        a.alive, a.room = False, 0
        message = await play.submitted()
        assert await reroute_all(play.journey) == 0
        await play.advance(3 * 3600)
        assert await reroute_all(play.journey) == 1
        await play.quiet()
        assert [one.id for one in b.handed] == [message.id]


# --- long messages ----------------------------------------------------------------------------------------------------


async def test_the_parts_of_a_long_message_follow_the_first_and_whole_messages_take_their_turns() -> None:
    async with Play() as play:
        a, b, c = three(play, strategy="round-robin")
        for number in (2, 1):
            await play.submitted(**part(number))
            await play.submitted()  # somebody else's turn in between
        await play.submitted(**part(3))
        assert [len(one.handed) for one in (a, b, c)] == [3, 1, 1]
        await play.submitted(**part(1))  # the reference comes round: another message
        assert [len(one.handed) for one in (a, b, c)] == [4, 1, 1]


def companions_of(count: int) -> tuple[Companions, Ruleset]:
    return Companions(), Ruleset([RouteSettings([f"n{n}" for n in range(count)], strategy="round-robin")])


def chosen(companions: Companions, rules: Ruleset, number: int, reference: int = 1, total: int = 2, **said: Any) -> str:
    fields = part(number, total, reference, **said)
    content = submit_sm(fields.pop("text"), **fields)
    return companions.choose(rules.rules[0], "test", content, lambda name: name not in dead)


dead: set[str] = set()


def test_parts_keep_together_by_account_addresses_reference_and_total() -> None:
    companions, rules = companions_of(50)
    first = chosen(companions, rules, 1)
    apart = [
        chosen(companions, rules, 2, reference=2), chosen(companions, rules, 2, total=3),
        chosen(companions, rules, 2, source_addr=b"9"), chosen(companions, rules, 2, destination_addr=b"9"),
    ]  # fmt: skip
    assert first not in apart
    assert len(set(apart)) == 4
    assert chosen(companions, rules, 2) == first
    assert chosen(companions, rules, 1) != first  # that set was complete


def test_a_part_whose_companions_went_by_a_dead_connector_takes_its_own_way_and_the_rest_follow_it() -> None:
    companions, rules = companions_of(3)
    first = chosen(companions, rules, 1, total=4)
    dead.add(first)
    try:
        second = chosen(companions, rules, 2, total=4)
    finally:
        dead.clear()
    assert second != first
    assert chosen(companions, rules, 3, total=4) == second


def test_what_is_remembered_of_sets_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Companions, "LARGEST", 4)
    companions, rules = companions_of(3)
    for reference in range(20):
        chosen(companions, rules, 1, reference=reference)
    assert len(companions._sets) == 4


@pytest.mark.parametrize(
    ("fields", "known"),
    [
        ({"esm_class": 0x40, "short_message": b"\x05\0\x03\x07\x02\x01x"}, (7, 2, 1)),
        ({"esm_class": 0x40, "short_message": b"\x06\x08\x04\x01\x07\x02\x02x"}, (263, 2, 2)),
        ({"tlvs": [(0x020C, b"\0\x09"), (0x020E, b"\x03"), (0x020F, b"\x02")]}, (9, 3, 2)),
        ({"tlvs": [(0x020C, b"\0\x09"), (0x020E, b"\x03")]}, None),
        ({"tlvs": [(0x020C, b""), (0x020E, b""), (0x020F, b"")]}, None),
        ({"esm_class": 0x40, "short_message": b"\x05\0\x03\x07\x01\x01x"}, None),  # one part is a whole
        ({"esm_class": 0x40, "short_message": b"\x06\x05\x04\x15\x81\0\0x"}, None),
        ({"esm_class": 0x40, "short_message": b""}, None),
        ({"short_message": b"\x05\0\x03\x07\x02\x01x"}, None),
    ],
)
def test_a_part_is_known_by_its_header_or_its_tlvs(fields: dict[str, Any], known: tuple[int, int, int] | None) -> None:
    found = concatenation_of(pdu.SubmitSm(**fields))
    assert (found and (found.reference, found.total, found.number)) == known


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_a_number_leaves_in_e164_and_comes_back_as_its_esme_wrote_it() -> None:
    async with Play() as play:
        play.journey.routes = Ruleset([RouteSettings(["network"], e164="valid", default_country="44")])
        message = await play.submitted(destination_addr=b"07912345678", registered_delivery=1)
        (handed,) = play.network.handed
        assert (handed.recipient, handed.content.destination_addr) == (b"447912345678", b"07912345678")
        play.network.settle(message)
        await play.quiet()
        (receipt,) = play.bound.handed
        assert receipt.content.source_addr == b"07912345678"
        assert play.accept(destination_addr=b"0791") == pdu.ESME_RINVDSTADR
        assert play.accept(destination_addr=b"12345") == pdu.ESME_RINVDSTADR


async def test_a_number_that_waited_on_disk_leaves_in_e164_too() -> None:
    async with Play(network_room=0) as play:
        routes = Ruleset([RouteSettings(["network"], e164="valid", default_country="44")])
        play.journey.routes = routes
        await play.submitted(destination_addr=b"07912345678")
        await play.crash(network_room=0)
        play.journey.routes = routes
        play.network.open()
        await play.quiet()
        assert [one.recipient for one in play.network.handed] == [b"447912345678"]


async def test_who_stopped_under_the_international_number_is_not_reached_under_the_national_one() -> None:
    """The list itself knows no default country here: the route does."""
    async with Play(opt_out=OptOutSettings()) as play:
        play.journey.routes = Ruleset([RouteSettings(["network"], e164="valid", default_country="44")])
        waiting = Scripted("network", room=0)
        play.use(waiting, play.bound)
        early = await play.submitted(destination_addr=b"07912345678")
        play.journey.accept_mo(deliver_sm(b"STOP", source_addr=b"447912345678"))
        await play.quiet()
        assert play.accept(destination_addr=b"07912345678") == play.journey.interception.refusal
        waiting.open()
        await play.quiet()
        assert early.id not in [one.id for one in waiting.history]
        assert (await play.stored(early)).stage == Stage.CLOSED


# --- late answers -----------------------------------------------------------------------------------------------------


class Upstream(Scripted):
    """A network whose receipts come back by a provider's id; it cuts every message into so many parts."""

    def __init__(self, name: str, count: int) -> None:
        super().__init__(name)
        self.provider = name
        self.count = count

    def divide(self, message: Message) -> int:
        return self.count

    def says(self, message: Message, *outcomes: Outcome) -> None:
        self.handed.remove(message)
        for number, outcome in enumerate(outcomes, start=1):
            self.news.outcome(message, number, outcome)


@pytest.mark.parametrize(("count", "others"), [(1, 1), (2, 1), (2, 2), (1, 2), (3, 2)])
async def test_a_late_answer_brings_the_message_back_and_the_rest_of_it_leaves_where_its_part_is(
    count: int, others: int
) -> None:
    async with Play() as play:
        a, b = Upstream("a", count), Upstream("b", others)
        play.use(a, b, play.bound)
        play.journey.routes = Ruleset([RouteSettings(["a", "b"])])
        reports = Reports(play.journey, play.ancillary)
        b.room = 0
        message = await play.submitted(registered_delivery=1)
        a.says(message, *[Unanswered()] * count)
        await play.quiet()
        assert (message.connector, message.stage) == ("b", Stage.QUEUED)
        reports.late("a", message, 1, Accepted("up-1", "up-1"))
        await reports.stop()
        await play.quiet()
        b.open()
        await play.quiet()
        assert b.history == []
        row = await play.stored(message)
        assert row.connector == "a"
        if count > 1:
            (again,) = a.handed
            assert [one.number for one in again.parts if one.stage == Stage.LEASED] == list(range(2, count + 1))
            for number in range(2, count + 1):
                play.journey.outcome(again, number, Accepted(f"up-{number}", f"up-{number}"))
            await play.quiet()
            row = await play.stored(message)
        assert [one.stage for one in row.parts] == [Stage.SENT] * count
        assert play.counts() == {}
