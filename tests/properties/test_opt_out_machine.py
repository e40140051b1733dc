"""Opt-out under everything at once: whole and split STOPs, START, imports, slow commits, crashes, two networks.

The oracle is one sentence: once the answer to a STOP was written, no message of that sender to that handset is handed
to any network, until somebody has asked to start again. And of our own answers each is handed over once, unless it was
deferred, and a STOP is confirmed once for every time that it was lifted.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Coroutine
from functools import partial
from typing import Any, Literal

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from smscd import blocklist, pdu
from smscd.admin import imports
from smscd.admin.commands import handset_message
from smscd.admin.optouts import OptOutCommands
from smscd.errors import ControlError
from smscd.joining import Joining
from smscd.message import (
    MT,
    OPT_OUT,
    Accepted,
    Deferred,
    Delivered,
    Message,
    Outcome,
    Rejected,
    Stage,
    Unanswered,
    text_of,
)
from smscd.optout import OptOutSettings
from smscd.rerouting import reroute_all
from smscd.routing import Receivers, RouteSettings, Ruleset
from smscd.scheduler import RetrySettings
from smscd.store import Listing
from tests.cast import deliver_sm
from tests.machine import PATIENCE
from tests.optout.stage import import_of
from tests.play import Play, Scripted

REACHED: Counter[str] = Counter()
"""How often the machine came to each kind of thing, so that a lazy strategy is noticed."""
TURNS = st.sampled_from([0, 1, 2, 3, 5, 8, 60])
HANDSETS = [b"447700900001", b"447700900002"]
NUMBERS = [b"12345", b"67890"]
"""The first is what `network` shows, the second what `spare` makes of any sender."""
WAITED = 500.0
"""Seconds within which the second part of a text surely meets the first."""
Pair = tuple[bytes, bytes]


class Books:
    """Who must not be written to any more, as far as anybody outside can know."""

    def __init__(self) -> None:
        self.time = 0
        self.started: dict[bytes, int] = {}  # when each handset asked for START last
        self.pairs: dict[Pair, int] = {}
        self.everything: dict[bytes, int] = {}  # by handset: of the whole account
        self.answers: Counter[int] = Counter()
        self.may_leave_again: set[int] = set()
        self.confirmations: dict[Pair, set[int]] = defaultdict(set)
        self.lifts: Counter[bytes] = Counter()

    def tick(self) -> int:
        self.time += 1
        return self.time

    def stopped(self, pair: Pair, wide: bool, at: int) -> None:
        """The answer to a STOP that came at `at` is written."""
        if self.started.get(pair[1], 0) < at:
            REACHED["stopped"] += 1
            if wide:
                self.everything[pair[1]] = at
            else:
                self.pairs[pair] = at

    def starts(self, handset: bytes) -> None:
        """From now on nothing is sure about it: START may reach further than the oracle knows, or get lost."""
        self.started[handset] = self.tick()
        self.everything.pop(handset, None)
        self.pairs = {pair: at for pair, at in self.pairs.items() if pair[1] != handset}
        self.lifts[handset] += 1

    def handed(self, network: Scripted, message: Message) -> Outcome | None:
        if message.kind != MT:
            return None
        content = message.content
        if message.origin == OPT_OUT:
            self._answer(message)
            return None
        shown = network.shows or content.source_addr
        assert (shown, content.destination_addr) not in self.pairs, "sent to somebody who has stopped it"
        assert content.destination_addr not in self.everything, "sent to somebody who has stopped everything"
        REACHED["sent"] += 1
        return None

    def _answer(self, message: Message) -> None:
        assert not self.answers[message.id] or message.id in self.may_leave_again, "an answer handed over twice"
        self.may_leave_again.discard(message.id)
        self.answers[message.id] += 1
        REACHED["answered"] += 1
        if "unsubscribed" in text_of(message.content):
            pair = message.content.source_addr, message.content.destination_addr
            self.confirmations[pair].add(message.id)
            assert len(self.confirmations[pair]) <= 2 + self.lifts[pair[1]], (
                "confirmed again and again"
            )  # STOP, STOPALL


class TwoNetworks(Play):
    """A play with a second network that shows another sender."""

    def __init__(self, books: Books, opt_out: OptOutSettings, turns: int) -> None:
        self.books = books
        super().__init__(
            retry=RetrySettings(schedule=[1.0, 5.0], validity=3000.0), bound_room=3, network_room=2, opt_out=opt_out
        )
        self.store.turns = self.store.commit_turns = turns

    def _begin(self, bound_room: int, network_room: int) -> None:
        super()._begin(bound_room, network_room)
        self.spare = Scripted("spare", room=network_room)
        self.spare.shows = NUMBERS[1]
        self.use(self.network, self.spare, self.bound)
        for network in self.networks:
            network.at_once = self._watching_over(network)
        self.bound.at_once = lambda _message: Delivered()
        self.journey.routes = Ruleset([RouteSettings(["network", "spare"])])
        self.journey.receivers = Receivers({"test": ["*"]})
        self.commands = OptOutCommands(self.journey)
        self.joining = Joining(self.journey, self.ancillary)

    def _watching_over(self, network: Scripted) -> Any:
        return lambda message: self.books.handed(network, message)

    @property
    def networks(self) -> list[Scripted]:
        return [self.network, self.spare]


class StopMeansStop(RuleBasedStateMachine):
    """Handsets, an ESME, an operator and fate, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.books = Books()
        self.faults: list[dict[str, Any]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.halves: list[tuple[pdu.DeliverSm, Pair, float, list[int]]] = []
        self.reference = 0
        self.importing = False

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    @initialize(
        turns=st.sampled_from([0, 1, 4, 20]), scope=st.sampled_from(["pair", "account", "global"]), relay=st.booleans()
    )
    def begin(self, turns: int, scope: Literal["pair", "account", "global"], relay: bool) -> None:
        async def open_it() -> TwoNetworks:
            asyncio.get_running_loop().set_exception_handler(lambda _loop, context: self.faults.append(context))
            play = TwoNetworks(self.books, OptOutSettings(scope=scope, relay=relay), turns)
            await play.__aenter__()
            return play

        self.is_wide = scope != "pair"
        self.play = self.run(open_it())

    # -- the ESME ----------------------------------------------------------------------------------------------------

    @rule(handset=st.sampled_from(HANDSETS), count=st.integers(1, 4), turns=TURNS, later=st.booleans())
    def submit(self, handset: bytes, count: int, turns: int, later: bool) -> None:
        async def submit() -> None:
            for _ in range(count):
                schedule = b"000000000005000R" if later else b""
                answer = self.play.accept(destination_addr=handset, schedule_delivery_time=schedule)
                assert isinstance(answer, Message) or answer == pdu.ESME_RSUBMITFAIL
                REACHED["refused"] += answer == pdu.ESME_RSUBMITFAIL
            await turn(turns)

        self.run(submit())

    # -- handsets ----------------------------------------------------------------------------------------------------

    @rule(
        handset=st.sampled_from(HANDSETS), number=st.sampled_from(NUMBERS), turns=TURNS,
        word=st.sampled_from(["STOP", "Stop. Thank you", "STOPALL", "START", "HELP", "yes", "hello"]),
    )  # fmt: skip
    def write(self, handset: bytes, number: bytes, word: str, turns: int) -> None:
        self._write(deliver_sm(word.encode(), source_addr=handset, destination_addr=number), (number, handset), word)
        self.run(turn(turns))

    def _write(self, content: pdu.DeliverSm, pair: Pair, word: str) -> None:
        at = self.books.tick()
        stops, wide = word.upper().startswith("STOP"), self.is_wide or word == "STOPALL"
        if word in {"START", "yes"}:
            self.books.starts(pair[1])

        def answered(_message: Message, status: int) -> None:
            assert status == pdu.ESME_ROK
            if stops:
                self.books.stopped(pair, wide, at)

        async def arrive() -> None:
            network = "network" if pair[0] == NUMBERS[0] else "spare"
            self.play.journey.accept_mo(content, answered, network)

        self.run(arrive())

    @rule(handset=st.sampled_from(HANDSETS), number=st.sampled_from(NUMBERS), turns=TURNS, backwards=st.booleans())
    def write_half(self, handset: bytes, number: bytes, turns: int, backwards: bool) -> None:
        """A STOP in two parts: one of them, in either order."""
        self.reference += 1
        parts = handset_message(handset.decode(), number.decode(), " " * 160 + "STOP", self.reference & 0xFF)
        first, second = reversed(parts) if backwards else parts
        stored: list[int] = []

        async def arrive() -> None:
            self.play.journey.accept_mo(first, lambda _message, status: stored.append(status), "network")
            await turn(turns)

        self.run(arrive())
        self.halves.append((second, (number, handset), self.play.clock.monotonic(), stored))

    @precondition(lambda self: self.halves)
    @rule(at=st.integers(0, 10), turns=TURNS)
    def write_other_half(self, at: int, turns: int) -> None:
        content, pair, since, stored = self.halves.pop(at % len(self.halves))
        is_whole = stored == [pdu.ESME_ROK] and self.play.clock.monotonic() - since < WAITED
        self._write(content, pair, "STOP" if is_whole else "?")
        REACHED["split"] += is_whole
        self.run(turn(turns))

    # -- the operator ------------------------------------------------------------------------------------------------

    @rule(handset=st.sampled_from(HANDSETS), number=st.sampled_from(NUMBERS), turns=TURNS)
    def add(self, handset: bytes, number: bytes, turns: int) -> None:
        async def add() -> None:
            at = self.books.tick()
            await self.play.commands.add({"to": handset.decode(), "from": number.decode()})
            self.books.stopped((number, handset), False, at)

        self._begin(add(), turns)

    @rule(handset=st.sampled_from(HANDSETS), number=st.sampled_from(NUMBERS), turns=TURNS)
    def remove(self, handset: bytes, number: bytes, turns: int) -> None:
        async def remove() -> None:
            self.books.starts(handset)
            await self.play.commands.remove({"to": handset.decode(), "from": number.decode(), "reason": "asked"})

        self._begin(remove(), turns)

    @rule(handset=st.sampled_from(HANDSETS), number=st.sampled_from(NUMBERS), turns=TURNS)
    def bring_in(self, handset: bytes, number: bytes, turns: int) -> None:
        async def bring_in() -> None:
            if self.importing:
                return
            self.importing = True
            at, bringing = self.books.tick(), self.play.commands.imports
            await self.play.store.committed()  # what was asked before has had its say
            try:
                begun = await bringing.begin({})
                text, keys = import_of(begun, [{"recipient": handset.decode(), "from": number.decode()}])
                await bringing.rows({"import": begun["import"], "rows": text})
                for portions in keys:
                    await bringing.keys({"import": begun["import"], "portions": portions})
                await bringing.end({"import": begun["import"]})
            except ControlError:
                return  # the one before is being tidied up
            finally:
                self.importing = False
            self.books.stopped((number, handset), False, at)
            REACHED["imported"] += 1

        self._begin(bring_in(), turns)

    def _begin(self, work: Coroutine[Any, Any, None], turns: int) -> None:
        async def begin() -> None:
            self.tasks.append(asyncio.create_task(work))
            await turn(turns)

        self.run(begin())

    # -- the networks ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self._out())
    @rule(at=st.integers(0, 20), turns=TURNS, outcome=st.sampled_from([
        Accepted("up"), Accepted("up"), Deferred("busy"), Deferred("gone", retry_after=0.0, counts=False),
        Deferred("throttled", retry_after=0.5, command_status=0x58), Rejected(11, "no"), Unanswered(),
    ]))  # fmt: skip
    def network_says(self, at: int, outcome: Outcome, turns: int) -> None:
        network, message = self._out()[at % len(self._out())]

        async def say() -> None:
            if isinstance(outcome, Deferred):
                self.books.may_leave_again.add(message.id)
            if isinstance(outcome, Accepted):
                network.settle(message)
            else:
                network.outcome(message, outcome)
            await turn(turns)

        self.run(say())

    def _out(self) -> list[tuple[Scripted, Message]]:
        return [(network, message) for network in self.play.networks for message in network.handed]

    @rule(first=st.integers(0, 5), second=st.integers(0, 5), turns=TURNS)
    def change_rooms(self, first: int, second: int, turns: int) -> None:
        async def change() -> None:
            self.play.network.open(first)
            self.play.spare.open(second)
            await turn(turns)

        self.run(change())

    @rule(at=st.integers(0, 1), turns=TURNS)
    def lose_or_find_a_network(self, at: int, turns: int) -> None:
        async def moved() -> None:
            await reroute_all(self.play.journey)

        network = self.play.networks[at]
        network.alive = not network.alive
        self._begin(moved(), turns)

    # -- fate --------------------------------------------------------------------------------------------------------

    @rule(turns=TURNS)
    def let_it_turn(self, turns: int) -> None:
        self.run(turn(turns))

    @rule(seconds=st.sampled_from([0.5, 1.0, 5.0, 120.0]))
    def pass_time(self, seconds: float) -> None:
        async def advance() -> None:
            self.play.clock.advance(seconds)
            self.play.joining.expire()
            self.play.journey.scheduler._changed.set()
            await asyncio.sleep(0)

        self.run(advance())

    @rule(turns=TURNS, room=st.integers(0, 3))
    def crash(self, turns: int, room: int) -> None:
        async def crash() -> None:
            await turn(turns)
            await self.play.die()
            await perish()
            stored = await self.play.store.listing(Listing(limit=100_000))
            self.books.may_leave_again = {row.id for row in stored if row.stage == Stage.QUEUED}
            known = {row.id for row in stored}
            for number in [number for number in self.books.answers if number not in known]:
                del self.books.answers[number]  # never committed: the number may be given again
            await self.play.rise(network_room=room, bound_room=3)

        self.run(crash())
        self.tasks = []
        self.halves = [half for half in self.halves if half[3]]
        REACHED["crash"] += 1

    # -- the end -----------------------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_broken(self) -> None:
        assert self.play.broken == [], self.play.broken
        assert self.faults == [], self.faults
        for task in [task for task in self.tasks if task.done() and not task.cancelled()]:
            self.tasks.remove(task)
            task.result()

    def teardown(self) -> None:
        try:
            if hasattr(self, "play"):
                self.run(self._to_the_end())
        finally:
            if hasattr(self, "play"):
                self.run(self.play.__aexit__(None, None, None))
                self.run(perish())
            self.runner.close()

    async def _to_the_end(self) -> None:
        """Everything leaves that may; and whoever has stopped is blocked, also after one more start."""
        await asyncio.wait_for(asyncio.gather(*self.tasks), PATIENCE)
        for network in self.play.networks:
            network.alive = True
            network.open(1000)
        for _ in range(3):
            await self.play.quiet()
            for network, message in self._out():
                network.settle(message)
            await self.play.advance(400.0)
        self._are_blocked()
        await self.play.crash()
        self._are_blocked()

    def _are_blocked(self) -> None:
        everywhere = {(number, handset) for handset in self.books.everything for number in NUMBERS}
        for number, handset in {*self.books.pairs, *everywhere}:
            assert self.play.accept(source_addr=number, destination_addr=handset) == pdu.ESME_RSUBMITFAIL


async def perish() -> None:
    """Whatever is under way ends here, as it does with a process."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


async def turn(turns: int) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", [0, 1, 4, 20])
def test_the_rules_lead_to_every_way(turns: int) -> None:
    """One play of all of them: which of them random plays come to depends on how they are chosen."""
    REACHED.clear()
    machine = StopMeansStop()
    machine.begin(turns, "pair", True)
    (one, other), (number, _) = HANDSETS, NUMBERS
    try:
        for step in (
            partial(machine.change_rooms, 5, 5, 0),
            partial(machine.submit, one, 2, 60, False),
            partial(machine.write, one, number, "STOP", 60),
            partial(machine.submit, one, 1, 60, False),
            partial(machine.write_half, other, number, 60, False),
            partial(machine.write_other_half, 0, 60),
            partial(machine.network_says, 0, Accepted("up"), 60),
            partial(machine.crash, 60, 3),
            partial(machine.bring_in, other, number, 60),
            partial(machine.let_it_turn, 500),
        ):
            step()
            machine.nothing_is_broken()
    finally:
        machine.teardown()
    assert (+REACHED).keys() >= {"sent", "refused", "answered", "stopped", "split", "imported", "crash"}


def test_no_interleaving_hands_a_message_over_after_the_answer_to_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocklist, "PAUSE", 0)  # only the loop's turns count here, not how long they take
    monkeypatch.setattr(imports, "LONGEST_REST", 0)
    run_state_machine_as_test(
        StopMeansStop,
        settings=settings(
            max_examples=40,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.reuse, Phase.generate],  # making a failure smaller takes many minutes
        ),
    )
