"""Plain submissions taken together come to the same as one by one."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from smscd import pdu
from smscd.admission import is_plain
from smscd.message import Message
from smscd.optout import Entry, OptOutSettings
from smscd.routing import RouteSettings, Ruleset
from tests.cast import submit_sm
from tests.play import Play, Scripted

PLAIN = st.builds(
    submit_sm,
    short_message=st.binary(min_size=1, max_size=140),
    source_addr=st.sampled_from([b"12345", b"Shop", b""]),
    source_addr_ton=st.integers(0, 6),
    source_addr_npi=st.sampled_from([0, 1, 8]),
    destination_addr=st.from_regex(rb"\A44[0-9]{1,18}\Z"),
    dest_addr_ton=st.integers(0, 2),
    registered_delivery=st.integers(0, 31),
    data_coding=st.integers(0, 255),
    esm_class=st.sampled_from([0, 3, 0x40, 0x80]),
    protocol_id=st.integers(0, 255),
)


class Staged(Play):
    """Two networks that look at nothing."""

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.near = Scripted("near", room=network_room)
        self.network.screens = self.near.screens = False
        self.use(self.network, self.near, self.bound)
        self.told: list[tuple[str, int]] = []

    def together(self, submissions: list[pdu.SubmitSm], version: int = 0x34) -> list[pdu.SubmitSm]:
        """Those that are left."""
        return self.journey.accept_all(submissions, self.test, version, self._all_told)

    def _all_told(self, messages: list[Message], status: int) -> None:
        self.told += [(message.message_id, status) for message in messages]

    def one_by_one(self, submissions: list[pdu.SubmitSm]) -> None:
        for submission in submissions:
            taken = self.journey.accept(
                submission, self.test, 0x34, lambda message, status: self.told.append((message.message_id, status))
            )
            assert isinstance(taken, Message)

    def facts(self) -> Any:
        """Everything that came of it: rows, answers, where each went and how the lanes stand."""
        lanes = {
            name: (lane.queued, lane.reserved, lane.in_flight, lane.owned)
            for name, lane in self.journey.scheduler.lanes.items()
        }
        handed = {way.name: [message.id for message in way.handed] for way in (self.network, self.near)}
        return (
            self.store._messages, self.store._parts, self.told, handed, lanes, self.journey.queued,
            sorted(self.journey.scheduler.owned),
        )  # fmt: skip


NEAR = [RouteSettings(["near"], destination_addr="441*"), RouteSettings(["network"])]
ALL = [RouteSettings(["network"])]


@settings(max_examples=60, deadline=None)
@given(st.lists(PLAIN, min_size=1, max_size=8), st.integers(0, 6), st.sampled_from([ALL, NEAR]))
async def test_together_comes_to_the_same_as_one_by_one(
    submissions: list[pdu.SubmitSm], room: int, routes: list[RouteSettings]
) -> None:
    assert all(map(is_plain, submissions))
    facts = []
    for together in (True, False):
        async with Staged(network_room=room) as play:
            play.journey.routes = Ruleset(routes)
            if together:
                assert not play.together(submissions)
            else:
                play.one_by_one(submissions)
            await play.quiet()
            facts.append(play.facts())
    assert facts[0] == facts[1]
    assert len(facts[0][2]) == len(submissions)


@pytest.mark.parametrize(
    "why",
    ["a rate", "a filter", "an old peer", "a full queue", "no route", "a choice of routes", "a network that looks"],
)
async def test_what_needs_a_closer_look_is_left_alone(why: str) -> None:
    async with Staged(queue_limit=2 if why == "a full queue" else 0) as play:
        match why:
            case "a rate":
                play.account(rate=10)
            case "a filter":
                play.account(destination_addr=["44*"])
            case "no route":
                play.journey.routes = Ruleset([RouteSettings(["network"], destination_addr="1*")])
            case "a choice of routes":
                play.journey.routes = Ruleset([RouteSettings(["network", "near"])])
            case "a network that looks":
                play.network.screens = True
        three = [submit_sm(sequence_number=number) for number in (1, 2, 3)]
        assert play.together(three, version=0x33 if why == "an old peer" else 0x34) == three
        await play.quiet()
        assert play.facts()[:3] == ({}, {}, [])


async def test_whoever_is_forbidden_is_left_and_the_others_are_accepted() -> None:
    async with Staged(opt_out=OptOutSettings(enabled=True, default_country="GB")) as play:
        submissions = [submit_sm(destination_addr=b"44770090000%d" % number) for number in range(4)]
        optout = play.journey.interception.optout
        assert optout is not None
        assert not play.together(submissions)
        for handset in (b"447700900001", b"447700900003"):
            assert optout.decide("STOP", handset, b"12345", "test", play.clock.wall()) is not None
        assert play.together(submissions) == [submissions[1], submissions[3]]
        assert play.together(submissions[1:2]) == submissions[1:2]
        await play.quiet()
        assert len(play.told) == 6
        left = [message.content for message in play.network.history]
        assert sorted(one.destination_addr[-1:] for one in left) == [b"0", b"0", b"2", b"2"], "nor did those wait"


async def test_whom_no_row_is_about_is_looked_at_again_only_if_one_came_in() -> None:
    async with Staged(opt_out=OptOutSettings()) as play:
        interception, optout = play.journey.interception, play.journey.interception.optout
        assert optout is not None
        optout.list.add(Entry("pair", b"54321", b"447700900002"))
        contents = [submit_sm(destination_addr=b"44770090000%d" % number) for number in range(4)]
        handed = play.network.handed
        assert not play.together(contents)
        await play.quiet()
        assert [message.content for message in handed] == contents
        assert interception.suspects(handed) == {handed[2].id}, "a row is about it, if not for this sender"
        handed[3].recipient, handed[3].free_at = b"447700900009", None
        assert interception.suspects(handed) == {handed[2].id, handed[3].id}
        for change in (
            lambda: optout.list.add(Entry("pair", b"12345", b"447700900001")),
            lambda: optout.apply(OptOutSettings(default_country="44")),
        ):
            handed[1].free_at = interception.standing
            change()
            assert handed[1].id in interception.suspects(handed)


async def test_a_stop_between_acceptance_and_leaving_is_noticed() -> None:
    async with Staged(opt_out=OptOutSettings()) as play:
        interception, optout = play.journey.interception, play.journey.interception.optout
        assert optout is not None
        assert not play.together([submit_sm(), submit_sm(destination_addr=b"447700900002")])
        optout.list.add(Entry("pair", b"12345", b"447700900001"))
        await play.quiet()
        assert [message.content.destination_addr for message in play.network.history] == [b"447700900002"]
        assert not interception.suspects([])


@pytest.mark.parametrize(
    "field",
    [
        {"schedule_delivery_time": b"000001000000000R"}, {"validity_period": b"000001000000000R"}, {"priority_flag": 1},
        {"replace_if_present_flag": 1}, {"short_message": b""}, {"short_message": b"x" * 141},
        {"destination_addr": b"+44"}, {"tlvs": [(0x1400, b"x")]}, {"registered_delivery": 32}, {"source_addr_ton": 7},
    ],
)  # fmt: skip
def test_whatever_asks_for_more_than_being_sent_now_is_not_plain(field: dict[str, Any]) -> None:
    assert is_plain(submit_sm())
    assert not is_plain(submit_sm(**field))
