"""What every store can do. `tests/store/contract.py` says it in tests; SQL stays behind it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any, Protocol

from smscd.message import Message
from smscd.store.batch import Batch
from smscd.store.optouts import OptOuts


@dataclass(slots=True)
class LaneState:
    """What waits for one connector, as found at start."""

    connector: str
    queued: int
    next_due: int  # microseconds UTC


@dataclass(slots=True)
class Recovered:
    """What a store knows when it opens."""

    highest_id: int = 0
    highest_alias: int = 0
    leased: list[str] = field(default_factory=list)  # connectors that had messages when the process ended
    dead: int = 0


@dataclass(slots=True)
class Listing:
    """Which messages somebody wants to see; a filter that is None takes everything."""

    stage: int | None = None
    message_state: int | None = None
    kind: int | None = None
    system_id: str | None = None
    source_addr: str | None = None
    destination_addr: str | None = None
    named: bool = False  # only those with a message_id: parked receipts have none
    before: int | None = None  # only ids below this one: how a long list is paged
    limit: int = 50


class Store(Protocol):
    """Durable messages. Writing is by facts put into the gathering `Batch`; reading sees what is committed."""

    @property
    def batch(self) -> Batch:
        """The transaction in the making: an act puts its facts here, without awaiting anything in between."""

    @property
    def opt_outs(self) -> OptOuts:
        """The opt-out list and its journal."""

    @property
    def full(self) -> bool:
        """No room at the last attempt: new work is better refused at once."""

    def wake(self) -> None:
        """Facts were put into the batch."""

    def wake_later(self) -> None:
        """Facts were put into the batch, and nobody waits for them: they go with others, or in a while by themselves.

        For what is found out again, or is in doubt, if the process dies before that.
        """

    def read_ended(self) -> None:
        """A peer was read from, and no act is half done: where much was put into the batch it may go to the disk."""

    async def open(self) -> Recovered:
        """Open or create. Raises StoreBroken if what is there cannot be used, StoreFull if there is no room for it."""

    async def make_room(self) -> None:
        """Once, before anybody waits for a commit: take the room that makes the commits after it quicker."""

    async def close(self) -> None:
        """Write what was gathered and let go of the files."""

    async def committed(self) -> None:
        """Return when everything gathered before this call is on stable storage."""

    async def due(self, connector: str, now: int, limit: int) -> list[Message]:
        """Queued messages for `connector` whose time has come, the longest due first."""

    async def next_due(self, connector: str, after: int) -> int | None:
        """When the earliest of those queued for `connector` that are due later than `after` is due."""

    async def set_back(self, connector: str, by: int, now: int) -> None:
        """The wall clock was set back by `by` microseconds, to `now`: what is queued for `connector` is due as much
        earlier, unless its sender gave the time (then it was never tried and is due later than it was accepted)."""

    async def queued_for_each(self) -> list[LaneState]:
        """Count and earliest due time of what is queued, by connector."""

    async def expired(self, now: int, limit: int) -> list[Message]:
        """Queued messages whose validity is over."""

    async def leased(self, connector: str, after: int, limit: int) -> list[Message]:
        """Messages given to `connector` and not closed, with their parts, in order of id from above `after`."""

    async def undecided(self, connector: str, after: int, limit: int) -> list[Message]:
        """As `leased`, but only messages with a part that left for a provider and has no outcome."""

    async def sent(self, provider: str, keys: Collection[str]) -> list[Message]:
        """Messages with a part that `provider` knows by one of these upstream keys, all parts loaded, newest first."""

    async def sent_to(self, connectors: Collection[str], destinations: Collection[bytes]) -> list[Message]:
        """Messages given to one of `connectors`, not closed, to one of these addresses: the oldest first, with parts.

        Without `index_recipients` it walks through all that waits for a final state from these connectors.
        """

    async def index_recipients(self, wanted: bool) -> None:
        """Keep an index for `sent_to`, or drop it: every message costs more with it, so only who asks for it has it.

        Made at a start: with a million messages that takes seconds, in which nothing can be committed.
        """

    async def queued(self, connector: str, after: tuple[int, int], limit: int) -> list[Message]:
        """Queued messages for `connector`, due or not, in order of (due, id) from above `after`."""

    async def requeue_leases(self, connector: str) -> int:
        """Queue again all that was leased to `connector`; for connectors whose unanswered work is always repeated.

        What a provider has a part of stays as it is.
        """

    async def leased_to(self) -> list[str]:
        """The connectors that messages are given to and not closed."""

    async def overdue(self, connector: str, before: int, after: int, limit: int) -> tuple[list[Message], int | None]:
        """Messages sent and never reported whose validity ended before `before`, with their parts.

        Of all that `connector` was given only the next `limit` are looked at, in order of id from above `after`: they
        may be a million, and others have questions too. How far that was comes with them, None where it was the end.
        """

    async def find(self, message_id: str) -> list[Message]:
        """The message that was issued `message_id`, or all those of its submit_multi; with parts. Empty: unknown."""

    async def get(self, ids: Collection[int]) -> list[Message]:
        """The messages with these numbers, those that exist."""

    async def members(self, groups: Collection[int]) -> list[Message]:
        """The messages with one of these group_ids, in order of id, without their parts."""

    async def arrived(self, after: int, limit: int) -> list[Message]:
        """MO with numbers above `after`, oldest first."""

    async def pending(self, system_id: str, source_addr: str, destination_addr: str) -> list[Message]:
        """Queued MT messages of one ESME between two addresses: what cancel_sm and replace_sm mean without an id."""

    async def listing(self, wanted: Listing) -> list[Message]:
        """Messages as asked for, newest first."""

    async def purge(self, closed_before: int, dead_before: int, limit: int) -> int:
        """Forget up to `limit` messages closed, and as many dead letters, that were final before these times.

        The oldest go first, and fewer than `limit` if it takes long and somebody waits for a commit. How many were
        forgotten: 0 if there is nothing left to forget.
        """

    async def forgettable(self, closed_before: int, dead_before: int, most: int) -> int:
        """How many `purge` would find: at most `most` of those closed, and of the dead letters, are counted."""

    async def set_counter(self, name: str, value: int) -> None:
        """Remember a number under a name, with the next batch at the latest."""

    async def counter(self, name: str) -> int:
        """The number last remembered under `name`, 0 if none was."""

    def statistics(self) -> dict[str, Any]:
        """Sizes worth showing: octets of the database and of its log."""
