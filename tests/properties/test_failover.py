"""Providers that come and go, fail, fall silent and change places in the rules: what must be true of every part.

A seed is a whole story. A part that a provider took over never leaves again; the rest of its message stays with that
provider; nothing leaves twice without a reason; a message whose route has a living connector with room does not wait
for a dead one; and at the end everything has left, exactly once, or was refused.
"""

from __future__ import annotations

import random
from collections import Counter

import pytest

from smscd import pdu
from smscd.message import (
    LEASED,
    RESEND,
    SENT,
    Accepted,
    Deferred,
    Message,
    Outcome,
    Rejected,
    Unanswered,
)
from smscd.rerouting import reroute_all
from smscd.routing import GroupSettings, RouteSettings, Ruleset
from smscd.scheduler import RetrySettings
from smscd.store import Listing
from tests.play import Play, Scripted

NAMES = ("a", "b", "c", "d")
GROUPS = [GroupSettings("turns", ["a", "b"], strategy="round-robin"), GroupSettings("all", ["turns", "c"])]
TABLES = [
    [RouteSettings(["a", "b", "c"])],
    [RouteSettings(["c"], source_addr="1"), RouteSettings(["all", "d"])],
    [RouteSettings(["b", "d"], strategy="round-robin"), RouteSettings(["a"])],
    [RouteSettings(["d", "c", "b"], strategy="least-cost", cost=[3, 2, 1])],
    [RouteSettings(["a", "b", "c", "d"], strategy="weighted", weights=[1, 2, 0, 3])],
    [RouteSettings(["a"], source_addr="1"), RouteSettings(["b", "a"])],
]


class Books:
    """What has become of every part, noted as it happens."""

    def __init__(self) -> None:
        self.taken: dict[tuple[int, int], str] = {}
        self.left: Counter[tuple[int, int]] = Counter()
        self.excused: Counter[tuple[int, int]] = Counter()
        self.refused: set[int] = set()

    def leaves(self, provider: str, message: Message, number: int) -> None:
        part = (message.id, number)
        assert part not in self.taken, "a part that was taken over left again"
        with_others = {name for (of, _), name in self.taken.items() if of == message.id} - {provider}
        assert not with_others, "the parts of a message went to two providers"
        assert message.id not in self.refused, "it left after it was refused"
        self.left[part] += 1
        assert self.left[part] <= 1 + self.excused[part], "it left twice, and nobody knows why"


class Provider(Scripted):
    """A network whose parts come back one by one."""

    def __init__(self, name: str, books: Books, room: int) -> None:
        super().__init__(name, room=room)
        self.provider = name
        self.books = books
        self.out: list[tuple[Message, int]] = []

    def divide(self, message: Message) -> int:
        return 1 + int(message.content.source_addr[:1] == b"2")

    def credit(self) -> int:
        return self.room - len(self.out) if self.alive else 0

    def submit(self, messages: list[Message]) -> None:
        for message in messages:
            for part in message.parts:
                if part.stage == LEASED:
                    self.books.leaves(self.name, message, part.number)
                    self.out.append((message, part.number))

    def says(self, at: int, outcome: Outcome) -> None:
        """What becomes of one part that is out."""
        message, number = self.out.pop(at)
        part = (message.id, number)
        if isinstance(outcome, Accepted):
            self.books.taken[part] = self.name
        elif isinstance(outcome, Rejected):
            self.books.refused.add(message.id) if len(message.parts) == 1 else None
        else:
            self.books.excused[part] += 1
        self.news.outcome(message, number, outcome)

    def dies(self) -> None:
        self.alive = False
        while self.out:
            self.says(0, Deferred("the session ended", retry_after=0.0, counts=False))


class Story:
    """One seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.books = Books()
        self.accepted: list[Message] = []
        self.ups = 0

    async def run(self) -> None:
        async with Play(retry=RetrySettings(schedule=[2.0, 7.0], validity=100_000.0)) as self.play:
            self.play.account(validity=100_000.0)
            self.networks = [Provider(name, self.books, self.chance.choice([1, 3, 50])) for name in NAMES]
            self.play.use(*self.networks, self.play.bound)
            self.new_rules()
            for _ in range(120):
                await self.step()
            await self.to_the_end()
            await self.balance()

    async def step(self) -> None:
        steps = [self.submit, self.submit, self.submit, self.say, self.say, self.say, self.flip, self.look, self.wait]
        self.chance.choice([*steps, *([self.new_rules] if self.chance.random() < 0.3 else [])])()
        if self.looking:
            await reroute_all(self.play.journey)
            await self.play.quiet()
            await self.nobody_waits_in_vain()
        elif self.chance.random() < 0.7:
            await self.play.quiet()
        if self.waiting:
            await self.play.advance(self.waiting)
        self.looking, self.waiting = False, 0.0

    looking = False
    waiting = 0.0

    def look(self) -> None:
        self.looking = True

    def wait(self) -> None:
        self.waiting = self.chance.choice([0.5, 3.0, 8.0])

    def new_rules(self) -> None:
        self.play.journey.routes = Ruleset(self.chance.choice(TABLES), GROUPS)

    def submit(self) -> None:
        source, registered = self.chance.choice([b"1", b"2", b"3"]), self.chance.choice([0, 1])
        for _ in range(self.chance.choice([1, 1, 4])):
            self.accepted.append(self.play.accepted(source_addr=source, registered_delivery=registered))
            self.accepted[-1].in_doubt = RESEND

    def say(self) -> None:
        busy = [network for network in self.networks if network.out]
        if not busy:
            return
        network = self.chance.choice(busy)
        ups = Accepted(f"up-{self.ups}", f"up-{self.ups}")
        self.ups += 1
        outcomes: list[Outcome] = [
            ups, ups, ups, Deferred("busy", command_status=pdu.ESME_RX_T_APPN), Deferred("no", counts=False),
            Unanswered(), Rejected(pdu.ESME_RINVDSTADR, "never"),
        ]  # fmt: skip
        network.says(self.chance.randrange(len(network.out)), self.chance.choice(outcomes))

    def flip(self) -> None:
        network = self.chance.choice(self.networks)
        if network.alive:
            network.dies()
        else:
            network.alive = True
            self.play.journey.has_credit(network.name)

    async def nobody_waits_in_vain(self) -> None:
        """After a look, what is due waits for a dead connector only if its rule has no living one."""
        journey = self.play.journey
        for network in self.networks:
            if network.alive:
                continue
            for row in await self.play.store.queued(network.name, (-(1 << 62), 0), 10_000):
                rule = journey.routes.resolve("test", row.content, "gsm7", self.play.clock.wall())
                living = rule is not None and any(one.alive for one in self.networks if one.name in rule.connectors)
                assert not living or any(part.is_with_provider for part in row.parts), (network.name, row.id)

    async def to_the_end(self) -> None:
        """Everybody is alive, and takes everything."""
        for network in self.networks:
            network.alive, network.room = True, 1000
        for _ in range(60):
            await reroute_all(self.play.journey)
            for network in self.networks:
                self.play.journey.has_credit(network.name)
            await self.play.quiet()
            for network in self.networks:
                while network.out:
                    self.ups += 1
                    network.says(0, Accepted(f"up-{self.ups}", f"up-{self.ups}"))
            await self.play.advance(10)
            if not any(network.out for network in self.networks) and not self.play.journey.queued:
                return
        raise AssertionError(f"it never ends: {self.play.counts()}")

    async def balance(self) -> None:
        for message in list(self.play.bound.handed):
            self.play.bound.settle(message)
        await self.play.quiet()
        self.play.assert_nothing_left()
        rows = {row.id: row for row in await self.play.store.listing(Listing(limit=100_000))}
        for message in self.accepted:
            row = rows[message.id]
            live = [part for part in row.parts if part.stage in {SENT, LEASED}]
            taken = {name for (of, _), name in self.books.taken.items() if of == row.id}
            assert len(taken) <= 1
            if row.is_open:  # its receipt is waited for: all of it is with one provider, and the row knows which
                assert [part.stage for part in live] == [SENT] * len(live)
                assert {part.provider for part in live} == taken == {row.connector}
            else:
                assert taken or row.message_state == pdu.MessageState.REJECTED


@pytest.mark.parametrize("seed", range(24))
async def test_whatever_the_providers_do_every_part_leaves_once_and_a_message_stays_together(seed: int) -> None:
    await Story(seed).run()
