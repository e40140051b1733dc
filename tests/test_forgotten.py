"""Messages that are forgotten the moment they are final, whatever else is under way: nothing is left of them."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from smscd.connectors.smpp.correlation import key_of
from smscd.daemon.upkeep import Upkeep
from smscd.message import Accepted, Message, Part, Rejected
from smscd.store import StoreSettings, rows
from tests.play import SlowStore
from tests.test_reports import Reported

ACTS = ("submit", "answer", "answer", "refuse", "receipt", "receipt", "again", "purge", "purge", "give up", "crash")
STEPS = st.lists(
    st.tuples(st.sampled_from(ACTS), st.integers(0, 9), st.sampled_from([0, 1, 2, 4, 30])), min_size=5, max_size=60
)


class TwoQuestions(SlowStore):
    """Messages and their parts are read by two questions, as from SQLite: much may happen in between, and after."""

    pauses: tuple[asyncio.Event, asyncio.Event] | None = None
    """Said before the answer to `sent` goes on, and waited for."""
    pause_at = 0

    async def sent(self, provider: str, keys: Collection[str]) -> list[Message]:
        found = await self.late(await super().sent(provider, keys))
        await self._pause(0)
        for message in found:
            message.parts = [rows.part_of(row) for key, row in sorted(self._parts.items()) if key[0] == message.id]
        await self._pause(1)
        return await self.late([rows.complete(message) for message in found])  # type: ignore[no-any-return]

    async def _pause(self, at: int) -> None:
        if self.pauses is not None and at == self.pause_at:
            reached, over = self.pauses
            reached.set()
            await over.wait()


class Forgetful(Reported):
    """A play in which messages leave as two parts, or as one."""

    store: TwoQuestions
    two: bool | None = None
    """Whether a message leaves as two parts; None: every other one."""

    def _new_store(self) -> TwoQuestions:
        return TwoQuestions(self.clock, self.counters.store, self.broken.append, self.closed.extend, self._dropped)

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.carrier.divide = lambda message: 1 + (message.id % 2 if self.two is None else self.two)  # type: ignore[method-assign]
        self.out: list[Part] = []
        self.given: list[str] = []
        self.ends: Counter[str] = Counter()

    async def act(self, what: str, which: int) -> None:
        self.out = [part for message in self.carrier.handed for part in message.parts if part.stage == 1]
        match what:
            case "submit":
                self.accepted(registered_delivery=which % 3)
            case "answer" | "refuse" if self.out:
                self._answer(self.out[which % len(self.out)], refused=what == "refuse")
            case "receipt" if self.given:
                self.receipt(self.given[-1 - which % len(self.given)].encode())  # it may be there, or gone, already
            case "again" if self.given:
                for _ in range(3):
                    self.receipt(self.given[which % len(self.given)].encode())
            case "purge":
                now = self.clock.wall() + 1
                self.ends["forgotten"] += await self.store.purge(now, now, 1000)
            case "give up":
                self.clock.advance(5 * 86_400)
                self.ends["given up"] += await Upkeep(self.journey, self.ancillary, StoreSettings()).give_up()
            case "crash" if which == 0:
                given, ends = self.given, self.ends
                await self.crash()
                self.given, self.ends = given, ends

    def _answer(self, part: Part, *, refused: bool) -> None:
        (message,) = [one for one in self.carrier.handed if one.id == part.message]
        upstream_message_id = f"{part.message:x}-{part.number}"
        if not any(one.stage == 1 for one in message.parts if one is not part):
            self.carrier.handed.remove(message)
        if refused:
            self.journey.outcome(message, part.number, Rejected(11, "no"))
        else:
            self.given.append(upstream_message_id)
            self.journey.outcome(message, part.number, Accepted(upstream_message_id, key_of(upstream_message_id)))

    def assert_no_part_is_left_of_what_is_forgotten(self) -> None:
        orphans = {message for message, _number in self.store._parts} - self.store._messages.keys()
        assert not orphans, orphans


EVERY_END = [*[("answer", 0, 4)] * 6, ("receipt", 5, 30), ("give up", 0, 4), ("purge", 0, 4)]
"""Both parts of two messages and two messages of one are sent; one of these is reported in time, the others are not."""


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(steps=STEPS, turns=st.sampled_from([0, 1, 4]), commit_turns=st.sampled_from([0, 1, 4]))
@example(steps=EVERY_END, turns=0, commit_turns=0)
def test_no_receipt_answer_or_crash_leaves_a_part_of_what_is_forgotten(
    steps: list[tuple[str, int, int]], turns: int, commit_turns: int
) -> None:
    asyncio.run(played(steps, turns, commit_turns))


def test_the_acts_lead_to_every_end() -> None:
    ends = asyncio.run(played(EVERY_END, 0, 0))
    assert ends["receipt"] == 1
    assert ends["given up"] == 3
    assert ends["forgotten"] == 4


async def played(steps: list[tuple[str, int, int]], turns: int, commit_turns: int) -> Counter[str]:
    """Four messages and what is done to them; no part may outlive its message at any turn. How the messages ended."""
    async with Forgetful() as play:
        play.store.turns, play.store.commit_turns = turns, commit_turns
        for _ in range(4):
            play.accepted(registered_delivery=1)
        await play.quiet()
        for what, which, pause in steps:
            await play.act(what, which)
            for _ in range(pause):
                await asyncio.sleep(0)
                play.assert_no_part_is_left_of_what_is_forgotten()
        await play.quiet()
        play.assert_no_part_is_left_of_what_is_forgotten()
        play.ends["receipt"] = len(play.closed) - play.ends["given up"]
        return play.ends


@pytest.mark.parametrize("at", [0, 1])
async def test_a_receipt_for_what_is_forgotten_while_it_is_looked_up_writes_nothing(at: int) -> None:
    async with Forgetful() as play:
        play.two = True
        message = await play.submitted(registered_delivery=1)
        for part in message.parts:
            play._answer(part, refused=False)
        await play.quiet()
        await play.crash()  # only the store knows it now
        reached, over = asyncio.Event(), asyncio.Event()
        play.store.pauses, play.store.pause_at = (reached, over), at
        play.receipt(f"{message.id:x}-1".encode())
        await reached.wait()
        await play.act("give up", 0)
        await play.act("purge", 0)
        assert not await play.store.get([message.id])
        over.set()
        await play.quiet()
        play.assert_no_part_is_left_of_what_is_forgotten()
        assert [one.id for one in play.closed] == [message.id]
