"""What waits: messages between two acts, and the way they wait for.

The ground that `journey.Journey` stands on. Nothing here decides what becomes of a message; it goes into a lane, out of
one, or to another.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import structlog

from smscd import parts, pdu, ways
from smscd.admission import Esme
from smscd.clock import SECOND, Clock
from smscd.connectors import Connector
from smscd.counters import Counters
from smscd.dress import Dress
from smscd.logs import masked
from smscd.message import DEAD, HELD, LEASE, LEASED, MT, OPT_OUT, QUEUED, Content, Deferred, Message, MessageIds, Part
from smscd.receipts import Made
from smscd.routing import Receivers, Rule, Ruleset
from smscd.scheduler import Lane, RetrySettings, Scheduler
from smscd.store import Answer, Store
from smscd.text import Alphabet

log = structlog.get_logger("smscd.journey")

NOBODY = "nobody"
"""The connector of an MO that no ESME receives: a dead letter from the start."""

JOINED = "joined"
"""The connector of a part that has become part of another message, and ends with that: see `gathering`."""

HEAVY = 10
"""A message of more segments may be cut into as many parts, each with a row and a turn of its window: of such messages
only as many are leased at once as there is credit for their parts."""

Holds = Callable[[Message, Answer | None, str, Alphabet], bool]
"""Whether an MO, come by that connector in that alphabet, is kept back to be joined with others: see `joining`."""


@dataclass(slots=True)
class Look:
    """How far the queue of a connector that is away has been searched for messages that know another way."""

    laws: object
    """The rules, connectors and hours under which it was: with others it begins anew."""
    living: frozenset[str]
    """Where else the rules led then: with more it begins anew too."""
    since: float
    after: tuple[int, int] = (-(1 << 62), 0)
    """(due, id) of the last row that was read."""
    done: bool = False
    """Nothing was left behind that."""


class Queueing:
    """The store, the lanes, and everything that a reload may replace."""

    def __init__(
        self, store: Store, ids: MessageIds, clock: Clock, counters: Counters, retry: RetrySettings,
        queue_limit: int = 0,
    ) -> None:  # fmt: skip
        self.store = store
        self.ids = ids
        self.clock = clock
        self.counters = counters
        self.retry = retry
        self.queue_limit = queue_limit
        self.queued = 0
        self.esmes: Mapping[str, Esme] = {}
        self.connectors: Mapping[str, Connector] = {}
        self.routes = Ruleset([])
        self.receivers = Receivers({})
        self.on_sent: Callable[[Message, Part], None] = lambda _message, _part: None
        self.on_sent_all: Callable[[list[Message]], None] = lambda _messages: None
        """`on_sent` for messages of one part each."""
        self.holds: Holds = lambda _message, _answer, _connector, _alphabet: False
        self.take_up_parts: Callable[[Sequence[Message]], None] = lambda _messages: None
        self.gathers: Callable[[Message, Connector], bool] = lambda _message, _connector: False
        """Whether a new message is a part that waits for others, to leave as one: see `gathering`."""
        self.follow: Callable[[Sequence[Message]], None] = lambda _closed: None
        """What is closed may be the whole of some parts; asked where it `has_wholes`."""
        self.has_wholes = False
        self._companions = ways.Companions()
        self.looked_at: dict[str, Look] = {}
        """By connector that is away."""
        self.scheduler = Scheduler(store, clock, self.has_credit)
        self.then_leave, self.then_release = self.leave_all, self.scheduler.release_all  # bound once, named for all
        self.then_push = self.scheduler.push_all

    def has_credit(self, connector: str) -> None:
        """`connector` can take more, or more is due for it."""
        raise AssertionError(f"{connector}: nobody forwards")

    def leave_all(self, messages: list[Message]) -> None:
        """The leases of one commit are on disk: hand the messages over."""
        raise AssertionError(f"nobody forwards {len(messages)}")

    def enter(self, message: Message, now: int) -> None:
        """Put a new message into the batch: already leased if its connector can take it now, else queued.

        The lease saves the fast path a second sync: row, lease and answer share one commit.
        """
        lane = self.scheduler.lane(message.connector)
        connector = self.connectors.get(message.connector)
        batch = self.store.batch
        batch.add(message)
        self.scheduler.own(message)  # at once: whoever reads the row before `push` has run must know whose it is
        at_once = connector is not None and message.due <= now and lane.idle and connector.credit() > lane.reserved
        if at_once and connector is not None and not (lane.reserved and message.segments > HEAVY):
            self.lease(message, connector, now)
            lane.reserved += 1
            batch.then_all(message, self.then_leave)
        else:
            self.queued += 1
            lane.queued += 1
            lane.entering += 1
            batch.all_parts(message)
            batch.then(message, self.scheduler.push)
        self.store.wake()

    def enter_all(self, name: str, messages: list[Message], now: int) -> None:
        """`enter` for new messages of one connector that are due now."""
        lane = self.scheduler.lane(name)
        connector = self.connectors.get(name)
        room = connector.credit() - lane.reserved if connector is not None and lane.idle else 0
        leaving = messages if room >= len(messages) else messages[: max(room, 0)]
        by_id = {message.id: message for message in leaving}
        self.store.batch.add_all(by_id)
        self.scheduler.own_all(lane, by_id)
        lane.reserved += len(leaving)
        if connector is not None:
            self._lease_all(leaving, connector, now)
        self.store.batch.then_all_of(leaving, self.then_leave)
        if len(leaving) < len(messages):
            self._wait_all(lane, messages[len(leaving) :])
        self.store.wake()

    def _wait_all(self, lane: Lane, messages: list[Message]) -> None:
        """New messages, due now and without parts, that their connector cannot take yet."""
        by_id = {message.id: message for message in messages}
        self.store.batch.add_all(by_id)
        self.scheduler.own_all(lane, by_id)
        self.queued += len(messages)
        lane.queued += len(messages)
        lane.entering += len(messages)
        self.store.batch.then_all_of(messages, self.then_push)

    def leaving_at_once(self, taken: list[Message], connector: Connector, room: int) -> int:
        """How many of these, which come first in their lane, have no more than `room` parts together: one at least."""
        if not connector.divides or not any(message.segments > HEAVY for message in taken):
            return len(taken)
        parts = 0
        for at, message in enumerate(taken):
            parts += connector.divide(message) if message.segments > 1 else 1
            if parts > room and at:
                return at
        return len(taken)

    def lease(self, message: Message, connector: Connector, now: int) -> None:
        """Record that `message` is given to `connector`, before a single octet leaves."""
        message.stage, message.provider = LEASED, ""
        if not connector.stores_lease:
            return
        count = connector.divide(message)
        if count == 1 and connector.provider and not message.parts:
            message.lease_whole(connector.name, connector.provider, self.ids.node_id, now + LEASE)
            return
        message.lease_until = now + LEASE
        message.owner = self.ids.node_id
        for part in parts.lease(message, connector.name, connector.provider, count, now):
            self.store.batch.part(part)

    def _lease_all(self, messages: list[Message], connector: Connector, now: int) -> None:
        """`lease` for many, most of which leave for the first time, and as one part."""
        owner, until, name, provider = self.ids.node_id, now + LEASE, connector.name, connector.provider
        if connector.stores_lease and not connector.divides and not any(message.parts for message in messages):
            for message in messages:
                message.stage, message.lease_until, message.owner = LEASED, until, owner
            return
        for message in messages:
            if message.parts or not provider or connector.divide(message) != 1:
                self.lease(message, connector, now)
            else:
                message.lease_whole(name, provider, owner, until)

    def to_esme(self, kind: int, system_id: str, content: pdu.DeliverSm, now: int) -> Message:
        """A message for an ESME, by `kind`; it is in no batch yet."""
        return self.to_esme_all(kind, system_id, [(content, b"")], now)[0]

    def to_esme_all(self, kind: int, system_id: str, made: Sequence[Made], now: int) -> list[Message]:
        """`to_esme` for receipts with their frames."""
        numbers = self.ids.next_all(now, len(made))
        name, expires = f"esme:{system_id}", now + int(self.retry.receipt_validity * SECOND)
        messages = []
        for number, issued, (content, frame) in zip(numbers, self.ids.issue_all(numbers), made, strict=True):
            message = Message(number, issued, kind, system_id, name, content, now, now, expires)
            message.frame = frame
            messages.append(message)
        return messages

    def is_alive(self, connector: str) -> bool:
        """Whether `connector` could hand something over now, or soon: routes skip those that cannot."""
        return ways.is_alive(self.connectors, connector)

    def load(self, connector: str) -> int:
        """Messages that wait for `connector`, or are out with it."""
        lane = self.scheduler.lane(connector)
        return lane.queued + lane.reserved + lane.in_flight

    def requeue(self, message: Message) -> None:
        """A message that memory owns goes back to its lane, once that is committed."""
        message.stage, message.provider = QUEUED, ""
        self.queued += 1
        lane = self.scheduler.lane(message.connector)
        lane.queued += 1
        lane.entering += 1
        self.store.batch.change(message)
        parts.unlease(message)
        self.store.batch.all_parts(message)
        self.store.batch.then(message, self.scheduler.push)
        self.store.wake()

    def keep(self, message: Message, stage: int, message_state: int) -> None:
        """Store an MO that goes to nobody."""
        message.connector = NOBODY
        message.stage, message.message_state, message.final_at = stage, message_state, self.clock.wall()
        self.store.batch.add(message)
        self.store.batch.close(message)
        if stage == DEAD:
            to = masked(message.content.destination_addr)
            log.warning("mo without receiver", message_id=message.message_id, to=to)

    def hold(self, message: Message) -> None:
        """Keep a message that memory owns for the operator to decide about."""
        message.stage = HELD
        self.store.batch.change(message)
        self.store.batch.then(message, self.scheduler.release)
        self.store.wake()

    def choose(self, rule: Rule, system_id: str, content: Content) -> str:
        """The connector that a new message takes, of those that `rule` leads to."""
        return self._companions.choose(rule, system_id, content, self.is_alive)

    def number(self, messages: list[Message]) -> None:
        """Find the form in which each recipient leaves now, by the rules of today."""
        for message in messages:
            if message.kind == MT:
                rule = self._rule_of(message)
                message.recipient = rule.recipient(message.content) if rule is not None else b""
                message.free_at = None  # nobody has looked whether that one has opted out

    def _rule_of(self, message: Message) -> Rule | None:
        esme = self.esmes.get(message.system_id)
        alphabet = esme.settings.default_alphabet if esme is not None else "gsm7"
        return ways.rule_of(message, self.routes, alphabet, self.clock.wall())

    def reroute(self, message: Message, deferred: Deferred | None = None, *, leaving: bool = False) -> int | None:
        """Ask the rules again where a message that memory owns is to go, now that it was `deferred` where it is.

        What a provider has a part of stays with it: the parts of a message belong on one link. Our answer to a STOP
        stays with the connector that the STOP came by: another one may show another sender.
        None if it stays; 0 if it is for another connector now; a command_status if that one will not have it.
        `leaving`: it leaves even a provider that has it, if there is one of its route that it has not been to.
        """
        if message.origin == OPT_OUT:
            return None
        rule = self._rule_of(message)
        failed = leaving or (deferred is not None and (deferred.counts or deferred.command_status != 0))
        turn = None
        if leaving or not any(part.is_with_provider for part in message.parts):
            turn = ways.another(message, rule, self.connectors, self._companions, failed=failed) if rule else None
        if rule is None or turn is None or (leaving and turn.round_over):
            return None
        connector = turn.connector
        message.recipient, message.free_at = rule.recipient(message.content), None
        if deferred is not None and not turn.round_over:  # the pause was for the connector that could not
            message.due = min(message.due, self.clock.wall())
        parts.withdraw(message)
        self.store.batch.all_parts(message)
        self.scheduler.move(message, connector.name)
        message.in_doubt = connector.in_doubt
        return connector.screen(message)

    def note(self, message: Message, number: int, command_status: int) -> None:
        """Keep the answer of the other side with the part it was given for; an ESME's messages have no parts."""
        if command_status and message.parts and not message.parts[0].provider:  # `parts.note` did it
            message.parts[number - 1].command_status = command_status
            self.store.batch.part(message.parts[number - 1])

    def dress(self, message: Message) -> Dress | None:
        """What the route that `message` takes now puts on it on its way out; None for nothing."""
        if not self.routes.dresses or message.kind != MT:
            return None
        rule = self._rule_of(message)
        return rule.dress if rule is not None else None

    def shows(self, message: Message) -> bytes:
        """The sender that its route makes handsets see; b"" where it leaves that to the connector."""
        dress = self.dress(message)
        return dress.shows if dress is not None else b""

    def dropped(self, messages: list[Message]) -> None:
        """The disk had no room for these: their senders have been told, and nothing here remembers them."""
        for message in messages:
            self.queued -= message.stage == QUEUED
            self.scheduler.unwritten(message)
            esme = self.esmes.get(message.system_id)
            if message.kind == MT and esme is not None:
                esme.refund(message.segments, message.accepted_at)
