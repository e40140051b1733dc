"""An emulated network: outcomes by rule, chance from a seed, and nothing that a restart would change."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from smscd.clock import SECOND, FakeClock, SystemClock
from smscd.connectors import Behaviour, Connector, Emulator, EmulatorSettings
from smscd.connectors.emulator import Network
from smscd.connectors.emulator import connector as emulator
from smscd.message import LEASE, Kind, Message, Part, Stage
from smscd.pdu import MessageState
from tests.cast import message, submit_sm
from tests.connectors.contract import ConnectorContract, hand_over
from tests.connectors.wire import Told
from tests.machine import PATIENCE

DELIVERED, UNDELIVERABLE, EXPIRED = (
    int(MessageState[name]) for name in ("DELIVERED", "UNDELIVERABLE", "EXPIRED")
)  # fmt: skip


class Handsets:
    """An emulated network and what it tells; its time is moved by the test."""

    most = 5

    def __init__(self, *, begin_at: int = 0, clock: FakeClock | None = None, **settings: Any) -> None:
        self.told = Told()
        self.clock = clock or FakeClock()
        self.reserved: list[tuple[str, int]] = []
        self.emulator = Emulator(
            EmulatorSettings("handsets", **settings), self.told, self.clock, lambda *kept: self.reserved.append(kept)
        )
        self.emulator.begin_at(begin_at)
        self.connector: Connector = self.emulator

    def message(self, number: int, **content: Any) -> Message:
        """Screened, and leased now."""
        one = self.unscreened(number, **content)
        self.emulator.screen(one)
        one.lease_until = self.clock.wall() + LEASE
        for part in one.parts:
            part.changed_at, part.stage = self.clock.wall(), Stage.LEASED
        return one

    def unscreened(self, number: int, **content: Any) -> Message:
        return message(number, connector="handsets", kind=Kind.MT, content=submit_sm(**content))

    async def finish(self) -> None:
        self.advance(60.0)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.emulator._due()

    def ends(self) -> list[tuple[int, int, int]]:
        return [(one.id, state, error) for one, state, error in self.told.settled]


@pytest.fixture
async def way(monkeypatch: pytest.MonkeyPatch) -> Handsets:
    monkeypatch.setattr(emulator, "CAPACITY", Handsets.most)
    return Handsets()


class TestEmulator(ConnectorContract):
    """Every test of the contract."""


# --- what happens to a message ----------------------------------------------------------------------------------------


async def test_without_rules_everything_is_taken_over_at_once_and_delivered_after_the_receipt_delay() -> None:
    handsets = Handsets(receipt_delay=2.0)
    (one,) = hand_over(handsets, 1)
    assert handsets.told.accepted == [one]
    handsets.advance(1.9)
    assert handsets.ends() == []
    handsets.advance(0.1)
    assert handsets.ends() == [(1, DELIVERED, 0)]


async def test_latency_comes_before_the_taking_over_and_the_delay_after_it() -> None:
    handsets = Handsets(latency=1.0, receipt_delay=2.0)
    hand_over(handsets, 1)
    assert handsets.told.accepted == []
    handsets.advance(1.0)
    assert len(handsets.told.accepted) == 1
    handsets.advance(1.9)
    assert handsets.ends() == []
    handsets.advance(0.1)
    assert handsets.ends() == [(1, DELIVERED, 0)]


async def test_the_first_rule_that_meets_a_message_decides() -> None:
    handsets = Handsets(behaviour=[
        Behaviour(destination_addr="441*", message_state="UNDELIVERABLE", error_code=27, delay=5.0),
        Behaviour(text="/.*fail.*/", message_state="REJECTED", error_code=1),
        Behaviour(esme=["other"], message_state="UNKNOWN"), Behaviour(source_addr="ACME", message_state="DELETED"),
    ])  # fmt: skip
    handsets.emulator.submit([
        handsets.message(1, destination_addr=b"4412"), handsets.message(2, short_message=b"please fail"),
        handsets.message(3, source_addr=b"ACME"), handsets.message(4),
        handsets.message(5, destination_addr=b"4413", short_message=b"fail"),
    ])  # fmt: skip
    handsets.advance(1)
    assert sorted(handsets.ends()) == [
        (2, MessageState.REJECTED, 1), (3, MessageState.DELETED, 0), (4, DELIVERED, 0)
    ]  # fmt: skip
    handsets.advance(4)
    assert handsets.ends()[3:] == [(1, UNDELIVERABLE, 27), (5, UNDELIVERABLE, 27)]


@pytest.mark.parametrize(
    ("name", "status"), [("ESME_RTHROTTLED", 0x58), ("0x00000401", 0x401), ("ESME_RINVDSTADR", 0x0B)]
)
async def test_a_rule_may_refuse_a_message_while_its_sender_waits(name: str, status: int) -> None:
    handsets = Handsets(behaviour=[Behaviour(destination_addr="44*", submit_status=name)])
    one = handsets.unscreened(1)
    refused = handsets.emulator.screen(one)
    assert refused == status
    assert type(refused) is int
    assert one.parts == []
    assert handsets.emulator.screen(handsets.unscreened(2, destination_addr=b"1")) == 0


async def test_a_text_in_the_alphabet_of_its_data_coding_is_what_a_rule_looks_at() -> None:
    handsets = Handsets(behaviour=[Behaviour(text="/.*\u20ac.*/", message_state="REJECTED")])
    handsets.emulator.submit([
        handsets.message(1, short_message="5 \u20ac".encode("utf-16-be"), data_coding=8),
        handsets.message(2, short_message=b"5 \x1be"), handsets.message(3, short_message=b"5 e"),
    ])  # fmt: skip
    handsets.advance(1)
    assert [state for _, state, _ in sorted(handsets.ends())] == [
        MessageState.REJECTED,
        MessageState.REJECTED,
        DELIVERED,
    ]


async def test_messages_that_fall_due_together_are_told_together_and_in_their_order() -> None:
    handsets = Handsets(receipt_delay=1.0)
    hand_over(handsets, 1, 2)
    handsets.clock.advance(0.001)
    hand_over(handsets, 3)
    handsets.advance(0.999)
    assert [number for number, _, _ in handsets.ends()] == [1, 2, 3]


async def test_what_ends_sooner_is_told_sooner_whatever_came_first() -> None:
    handsets = Handsets(behaviour=[Behaviour(destination_addr="441*", delay=10.0)], receipt_delay=1.0)
    handsets.emulator.submit([handsets.message(1, destination_addr=b"4412"), handsets.message(2)])
    handsets.advance(1)
    assert [number for number, _, _ in handsets.ends()] == [2]
    handsets.advance(9)
    assert [number for number, _, _ in handsets.ends()] == [2, 1]


async def test_the_timer_of_the_loop_tells_what_is_due() -> None:
    """With the real loop and clock: nobody has to call anything."""
    settled = asyncio.Event()
    told = Told()
    told.settle_all = lambda *_ends: settled.set()  # type: ignore[method-assign]
    network = Emulator(EmulatorSettings("handsets", receipt_delay=0.02), told, SystemClock(), lambda *_kept: None)
    one = message(1, expires=SystemClock().wall() + 60 * SECOND)
    network.screen(one)
    network.submit([one])
    async with asyncio.timeout(PATIENCE):
        await settled.wait()
    await network.stop()


# --- chance -----------------------------------------------------------------------------------------------------------


def verdicts(seed: int, probability: float, arrivals: int = 2000) -> list[int]:
    network = Network(EmulatorSettings("handsets", seed=seed, behaviour=[
        Behaviour(probability=probability, message_state="UNDELIVERABLE")
    ]))  # fmt: skip
    return [network.judge(message(1), arrival).message_state for arrival in range(1, arrivals)]


def test_the_same_seed_and_number_meet_the_same_verdict() -> None:
    assert verdicts(1, 0.5) == verdicts(1, 0.5)
    assert verdicts(1, 0.5) != verdicts(2, 0.5)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_a_rule_holds_as_often_as_its_probability_says(probability: float) -> None:
    share = sum(state == UNDELIVERABLE for state in verdicts(7, probability)) / 1999
    assert share == pytest.approx(probability, abs=0.04)


def test_the_chances_of_two_rules_are_independent() -> None:
    network = Network(EmulatorSettings("handsets", behaviour=[
        Behaviour(probability=0.5, message_state="UNDELIVERABLE"), Behaviour(probability=0.5, message_state="REJECTED"),
    ]))  # fmt: skip
    states = [network.judge(message(1), arrival).message_state for arrival in range(4000)]
    assert states.count(int(MessageState.REJECTED)) / 4000 == pytest.approx(0.25, abs=0.03)


async def test_the_same_arrivals_have_the_same_outcomes_after_a_restart() -> None:
    rules: dict[str, Any] = {"seed": 9, "behaviour": [
        Behaviour(probability=0.5, message_state="UNDELIVERABLE", delay=3.0), Behaviour(probability=0.5, delay=7.0)
    ]}  # fmt: skip
    whole, before = Handsets(**rules), Handsets(**rules)
    hand_over(whole, *range(1, 41))
    hand_over(before, *range(1, 21))
    await before.emulator.stop()
    after = Handsets(begin_at=before.reserved[-1][1], **rules)
    hand_over(after, *range(21, 41))
    whole.advance(10)
    before.emulator._due()
    before.advance(10)
    after.advance(10)
    assert sorted(before.ends() + after.ends()) == sorted(whole.ends())


# --- numbers ----------------------------------------------------------------------------------------------------------


async def test_every_arrival_has_its_number_and_refused_ones_have_theirs_too() -> None:
    handsets = Handsets(behaviour=[Behaviour(destination_addr="1", submit_status="ESME_RTHROTTLED")])
    first = handsets.message(1)
    handsets.emulator.screen(handsets.unscreened(2, destination_addr=b"1"))
    third = handsets.message(3)
    assert [one.parts[0].upstream_message_id for one in (first, third)] == ["1", "3"]


async def test_numbers_are_reserved_before_they_are_given_so_that_a_crash_repeats_none() -> None:
    handsets = Handsets(begin_at=500, behaviour=[Behaviour()])
    given = 500
    for _ in range(12_000):
        handsets.emulator.screen(handsets.unscreened(1))
        given += 1
        assert handsets.reserved[-1][1] >= given
    assert len(handsets.reserved) <= 3
    assert {name for name, _ in handsets.reserved} == {"handsets"}


async def test_a_stop_keeps_the_last_number_given_so_that_a_clean_restart_goes_on_with_the_next() -> None:
    handsets = Handsets(behaviour=[Behaviour()])
    for _ in range(3):
        handsets.message(1)
    await handsets.emulator.stop()
    assert handsets.reserved[-1] == ("handsets", 3)
    assert Handsets(begin_at=3, behaviour=[Behaviour()]).message(1).parts[0].upstream_message_id == "4"


# --- restart ----------------------------------------------------------------------------------------------------------


def resumed(handsets: Handsets, of: Message) -> Message:
    """The same message, as a new process reads it from the store."""
    one = handsets.unscreened(of.id)
    one.content, one.expires, one.lease_until = of.content, of.expires, of.lease_until
    one.parts = [
        Part(of.id, 1, "handsets", Stage.LEASED, part.upstream_message_id, changed_at=part.changed_at)
        for part in of.parts
    ]
    handsets.told.accepted.append(one)
    handsets.emulator.resume(one)
    return one


@pytest.mark.parametrize(("downtime", "left"), [(2.0, 8.0), (10.0, 0.0), (3600.0, 0.0), (-3600.0, 10.0)])
async def test_what_was_under_way_ends_when_it_would_have(downtime: float, left: float) -> None:
    """Whatever the wall clock did meanwhile, it is not before its time again and not later than it had to wait."""
    before = Handsets(receipt_delay=10.0)
    (one,) = hand_over(before, 1)
    before.clock.advance(downtime)
    after = Handsets(receipt_delay=10.0, clock=before.clock)
    resumed(after, one)
    if left:
        after.advance(left - 0.1)
        assert after.ends() == []
    after.advance(0.1)
    assert after.ends() == [(1, DELIVERED, 0)]


async def test_what_was_still_on_its_way_into_the_network_waits_for_both_times() -> None:
    before = Handsets(latency=5.0, receipt_delay=10.0)
    (one,) = hand_over(before, 1)
    before.clock.advance(2.0)
    after = Handsets(latency=5.0, receipt_delay=10.0, clock=before.clock)
    resumed(after, one)
    after.advance(12.9)
    assert after.ends() == []
    after.advance(0.1)
    assert after.ends() == [(1, DELIVERED, 0)]


async def test_a_restart_makes_nobody_deliver_what_would_have_expired() -> None:
    before = Handsets(receipt_delay=10.0)
    one = before.message(1)
    one.expires = before.clock.wall() + 4 * SECOND
    before.emulator.submit([one])
    after = Handsets(receipt_delay=10.0, clock=before.clock)
    resumed(after, one)
    for handsets in (before, after):
        handsets.advance(0)
    before.advance(4.1)
    after.advance(0)
    assert [state for _, state, _ in before.ends()] == [EXPIRED]
    assert [state for _, state, _ in after.ends()] == [EXPIRED]


# --- taking back and reloading ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("latency", [0.0, 5.0])
async def test_what_has_not_reached_its_handset_can_be_taken_back(latency: float) -> None:
    handsets = Handsets(latency=latency, receipt_delay=10.0)
    one, other = hand_over(handsets, 1, 2)
    assert handsets.emulator.recall(one)
    assert not handsets.emulator.recall(one)
    handsets.advance(latency)
    handsets.advance(10)
    assert [number for number, _, _ in handsets.ends()] == [other.id]
    assert not handsets.emulator.recall(other)


async def test_what_was_taken_back_and_handed_over_again_ends_once_at_its_new_time() -> None:
    handsets = Handsets(receipt_delay=10.0)
    (one,) = hand_over(handsets, 1)
    handsets.advance(9)
    handsets.emulator.recall(one)
    handsets.emulator.submit([one])
    handsets.advance(9)
    assert handsets.ends() == []
    handsets.advance(1)
    assert handsets.ends() == [(1, DELIVERED, 0)]


async def test_changed_settings_hold_for_what_comes_and_leave_alone_what_is_under_way() -> None:
    handsets = Handsets(receipt_delay=10.0)
    hand_over(handsets, 1)
    handsets.emulator.apply(
        EmulatorSettings("handsets", receipt_delay=1.0, behaviour=[Behaviour(message_state="REJECTED")])
    )
    hand_over(handsets, 2)
    handsets.advance(1)
    assert handsets.ends() == [(2, MessageState.REJECTED, 0)]
    handsets.advance(9)
    assert handsets.ends()[1:] == [(1, DELIVERED, 0)]


async def test_a_stopped_network_tells_nothing_more() -> None:
    handsets = Handsets(receipt_delay=0.001)
    hand_over(handsets, 1)
    await handsets.emulator.stop()
    assert handsets.emulator._timer is None
    assert handsets.emulator.status()["state"] == "stopped"
