"""Decides: what an MO means for the list, what it is answered, and whether a message may leave."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol

from smscd.optout.addresses import INTERNATIONAL, canonical, is_subscriber
from smscd.optout.events import Event, EventKind
from smscd.optout.keys import Hashing, Recent, key_of
from smscd.optout.list import Entry, OptOutList, Row, Scope
from smscd.optout.matching import Action, Match, Matcher
from smscd.optout.packs import load_pack
from smscd.optout.settings import OptOutSettings
from smscd.pdu.status import status_from_name

SECOND = 1_000_000
DAY = 86_400 * SECOND

BLOCKED_TEXT = "Sender blocked for given recipient."
"""What a blocked message's sender is told where there is room for words; the words of a hosted platform."""

Wanted = tuple[dict[int, Row], frozenset[tuple[Scope, bytes]]]
"""What forbids, see `OptOutList.wanted`, and what of it does not because the message is of an exempt category."""

ASKED: Final = 1 << 12
"""Senders whose parties are remembered, each with its ESME and service_type."""

OTHERS = "others"
"""In the tables of texts: every sender that has no text of its own."""

CARRIERS_START: Final = frozenset({"start", "unstop"})
"""What lifts a block that a carrier made itself (US toll-free): YES and the like do nothing there."""


class Addressed(Protocol):
    """What has a recipient."""

    destination_addr: bytes
    dest_addr_ton: int


@dataclass(slots=True)
class Decision:
    """What an MO asks for and what follows. `events` are facts for the store, in order."""

    action: Action
    match: Match
    events: list[Event] = field(default_factory=list)
    answer: str = ""
    """The text to send back; "" for none."""


@dataclass(slots=True, frozen=True)
class Category:
    """Which messages it is made of; nothing said about a property means any."""

    name: str
    party: bytes
    senders: frozenset[bytes]
    accounts: frozenset[str]
    service_types: frozenset[bytes]
    exempt: bool

    def holds(self, sender: bytes, account: str) -> bool:
        return (not self.senders or sender in self.senders) and (not self.accounts or account in self.accounts)


class OptOut:
    """The list and the rules of one house. `apply` takes over changed settings; the list stays."""

    def __init__(self, settings: OptOutSettings) -> None:
        self.list = OptOutList()
        self._answered = Recent(DAY, 24)
        self._importing: OptOutList | None = None
        self._lifting: dict[Entry, Event] = {}
        self._lifted_lately: set[Entry] = set()
        self.exempted: Callable[[Entry, str], None] = lambda _entry, _account: None
        """Hears of a row that would have forbidden a message of this account, were its category not exempt."""
        self.changes = 0
        """How often somebody has asked for a block."""
        self.is_importing_rows = False
        """Whether rows of an import are on their way to the store: they count as somebody who asks."""
        self.apply(settings)

    def apply(self, settings: OptOutSettings) -> None:
        """Take over changed settings."""
        before: OptOutSettings | None = getattr(self, "settings", None)
        if before is None or (before.yes_within, before.confirm_again) != (settings.yes_within, settings.confirm_again):
            self._stopped = Recent(int(settings.yes_within * SECOND), 30)
            self._confirmed = Recent(int(settings.confirm_again * SECOND), 24)
        self.settings = settings
        self.matcher = Matcher(settings)
        self.reject_status = status_from_name(settings.reject_status)
        self._country = settings.default_country
        pools: dict[bytes, tuple[bytes, ...]] = {}
        for name, senders in settings.pools.items():
            for sender in map(self.address, senders):
                pools[sender] = (*pools.get(sender, ()), name.encode())
        self._pools = pools
        self._categories = tuple(
            Category(
                one.name, one.name.encode(), frozenset(map(self.address, one.senders)), frozenset(one.esme),
                frozenset(word.encode() for word in one.service_type), one.exempt,
            )
            for one in settings.category
        )  # fmt: skip
        served: dict[bytes, tuple[bytes, ...]] = {}
        for sender_name, number in settings.reply_number.items():
            reply = self.address(number)
            served[reply] = (*served.get(reply, (reply,)), self.address(sender_name))
        self._served = served
        self._wanted: dict[tuple[Hashing, bytes, int, str, bytes], Wanted] = {}
        self.list.standing = object()
        managed = [pattern.removeprefix("+").encode() for pattern in settings.carrier_managed]
        self._managed = frozenset(pattern for pattern in managed if not pattern.endswith(b"*"))
        self._managed_prefixes = tuple(pattern[:-1] for pattern in managed if pattern.endswith(b"*"))

    def address(self, written: str | bytes, ton: int = 0) -> bytes:
        """The form in which an address is compared."""
        octets = written.encode("latin-1", "replace") if isinstance(written, str) else written
        return canonical(octets, ton, self._country)

    @property
    def erased(self) -> AbstractSet[bytes]:
        """What stands for the numbers that were erased."""
        return self.list.erased

    def known_as(self, written: str | bytes, ton: int = 0) -> bytes:
        """The form in which rows and journal have a recipient: its address, or its hash if it was erased."""
        return self.list.known_as(self.address(written, ton))

    # -- may we? -----------------------------------------------------------------------------------------------------

    def forbidding(
        self, sender: bytes, sender_ton: int, recipient: bytes, ton: int, account: str, service_type: bytes = b""
    ) -> Row | None:
        """What forbids `account` to write to `recipient` as `sender`; None: it may.

        `sender` is what the handset will see, after any rewriting.
        """
        known, country = self.list, self._country
        if not recipient.isdigit() or recipient < b"01" or (country and ton != INTERNATIONAL):
            recipient = canonical(recipient, ton, country)
        asked = (known.hashing, sender, sender_ton, account, service_type)
        wanted = self._wanted.get(asked)
        if wanted is None:
            wanted = self._wanted_by(sender, sender_ton, account, service_type)
            if len(self._wanted) >= ASKED:
                self._wanted.clear()
            self._wanted[asked] = wanted
        found = known.first(wanted[0], recipient)
        if found is not None and found[1:] in wanted[1]:
            self.exempted(Entry(*found[1:], known.known_as(recipient)), account)
            return None
        return found

    def blocking(
        self, sender: bytes, sender_ton: int, recipient: bytes, ton: int, account: str, service_type: bytes = b""
    ) -> Entry | None:
        """The row that `forbidding` finds."""
        found = self.forbidding(sender, sender_ton, recipient, ton, account, service_type)
        return None if found is None else Entry(*found[1:], self.known_as(recipient, ton))

    def _wanted_by(self, sender: bytes, ton: int, account: str, service_type: bytes) -> Wanted:
        sender = canonical(sender, ton, self._country)
        named = [
            one
            for one in self._categories
            if one.holds(sender, account) and (not one.service_types or service_type in one.service_types)
        ]
        plain: list[tuple[Scope, bytes]] = [("pair", sender), *(("pool", pool) for pool in self._pools.get(sender, ()))]
        others: list[tuple[Scope, bytes]] = [*(("pool", one.party) for one in named), ("account", account.encode()),
                                             ("global", b"")]  # fmt: skip
        if any(one.exempt for one in named):
            return self.list.wanted([*others, *plain]), frozenset(plain)
        return self.list.wanted([*plain, *others]), frozenset()

    def perhaps(self, contents: Sequence[Addressed]) -> Sequence[int]:
        """To whose recipients, counted from 0, a row may forbid to write: `forbidding` is for them.

        All others may be written to by anybody. That is nearly every message, at a third of the price.
        """
        country = self._country
        recipients = [one.destination_addr for one in contents]
        if (
            not b"".join(recipients).isdigit() or min(recipients) <= b"01"  # not all have the usual, canonical form
            or (country and {one.dest_addr_ton for one in contents} != {INTERNATIONAL})
        ):  # fmt: skip
            recipients = [canonical(one.destination_addr, one.dest_addr_ton, country) for one in contents]
        return self.list.perhaps(recipients)

    def learned(
        self, sender: bytes, sender_ton: int, recipient: bytes, ton: int, now: int, why: str, *, connector: str,
        message: int, account: str,
    ) -> Event | None:  # fmt: skip
        """A carrier says that `recipient` has opted out of `sender`: the pair blocks now; None if it did before."""
        number, handset = self.address(sender, sender_ton), self.known_as(recipient, ton)
        event = Event(
            now, "carrier", Entry("pair", number, handset), source="carrier-error", number=number,
            connector=connector, message=message, system_id=account, reason=why,
        )  # fmt: skip
        return event if self.block([event]) else None

    def _categories_of(self, number: bytes, account: str) -> list[Category]:
        """Those that messages of `account`, to which people answer by writing to `number`, may be of."""
        senders = self._served.get(number, (number,))
        return [one for one in self._categories if any(one.holds(sender, account) for sender in senders)]

    # -- what does it mean? ------------------------------------------------------------------------------------------

    def decide(
        self,
        characters: str,
        handset: bytes,
        number: bytes,
        account: str,
        now: int,
        *,
        connector: str = "",
        message: int = 0,
    ) -> Decision | None:
        """What `handset` asks for by writing `characters` to `number`, both canonical; None: nothing.

        `account` owns `number` ("" if nobody does). What blocks, blocks when this returns; what is lifted is lifted by
        `lift`, once the store has the events. Never in answer to a short code or a name: they are machines.
        """
        if not is_subscriber(handset):
            return None
        categories = self._categories_of(number, account) if self._categories else []
        match = self._meant(self.matcher.match(characters, [one.name for one in categories]), handset, number, now)
        if match is None:
            return None
        decision = Decision("stop" if match.action == "ask" else match.action, match)

        person = self.list.known_as(handset)

        def event(kind: EventKind, entry: Entry) -> Event:
            entry = entry._replace(recipient=person)
            return Event(now, kind, entry, match.keyword.word, match.rule, "mo", number, connector, message, account)

        if decision.action == "stop":
            decision.events = [event("stop", entry) for entry in self._entries(match, handset, number, account)]
            self._stop(decision, handset, number, now)
        elif decision.action == "start":
            lifted = self._lifted(match, person, number, account, categories)
            decision.events = [event("start", entry) for entry in lifted]
            if lifted and self.settings.answer:
                decision.answer = self._text("start", match, number)
        elif decision.action == "help":
            decision.events = [event("help", Entry("pair", number, handset))]
            if self.settings.answer:
                decision.answer = self._text("help", match, number)
        else:
            decision.events = [event("flag", Entry("pair", number, handset))]
        self._restrain(decision, handset, number, now)
        return decision

    def _meant(self, match: Match | None, handset: bytes, number: bytes, now: int) -> Match | None:
        """What `match` comes to from this handset at this number."""
        if match is None or (match.keyword.if_stopped and not self._stopped_lately(handset, number, now)):
            return None
        if self._is_managed(number):
            if match.action == "start" and match.keyword.word not in CARRIERS_START:
                return None
            if match.action == "ask":  # its carrier gives the answers there: we cannot ask
                return match._replace(action="flag")
        return match

    def _entries(self, match: Match, handset: bytes, number: bytes, account: str) -> list[Entry]:
        """The rows of a STOP: as wide as the keyword, the law or the configuration says."""
        if match.keyword.category:
            return [Entry("pool", match.keyword.category.encode(), handset)]
        scope = self.settings.scope
        if scope != "global" and (match.keyword.wide or (self.settings.us_revoke_all and handset[:1] == b"1")):
            scope = "account"
        if scope == "global":
            return [Entry("global", b"", handset)]
        if scope == "account" and account:
            return [Entry("account", account.encode(), handset)]
        senders = self._served.get(number, (number,))
        if scope == "pool":
            pools = [Entry("pool", pool, handset) for sender in senders for pool in self._pools.get(sender, ())]
            unpooled = [Entry("pair", sender, handset) for sender in senders if sender not in self._pools]
            return [*dict.fromkeys(pools), *unpooled]
        return [Entry("pair", sender, handset) for sender in senders]

    def _stop(self, decision: Decision, handset: bytes, number: bytes, now: int) -> None:
        key = self._key_of(number, handset)
        self._stopped.add(key, now)
        is_new = self.block(decision.events)
        wanted = self.settings.confirm or decision.match.action == "ask"
        if wanted and (is_new or not self._confirmed.has(key, now)):
            decision.answer = self._text("ask" if decision.match.action == "ask" else "stop", decision.match, number)
        if decision.answer:
            self._confirmed.add(key, now)

    def _lifted(
        self, match: Match, handset: bytes, number: bytes, account: str, categories: list[Category]
    ) -> list[Entry]:
        """The rows a START ends: those that a STOP to the same number makes, at whatever scope they are."""
        if match.keyword.category:
            only = Entry("pool", match.keyword.category.encode(), handset)
            return [only] if only in self.list else []
        senders = self._served.get(number, (number,))
        candidates = [Entry("pair", sender, handset) for sender in senders]
        candidates += [Entry("pool", pool, handset) for sender in senders for pool in self._pools.get(sender, ())]
        candidates += [Entry("pool", one.party, handset) for one in categories]
        if account:
            candidates.append(Entry("account", account.encode(), handset))
        if self.settings.scope == "global":
            candidates.append(Entry("global", b"", handset))
        return [entry for entry in dict.fromkeys(candidates) if entry in self.list]

    def _stopped_lately(self, handset: bytes, number: bytes, now: int) -> bool:
        return self._stopped.has(self._key_of(number, handset), now)

    def _key_of(self, number: bytes, handset: bytes) -> int:
        """The same before and after the handset's number was erased."""
        return key_of(number, self.list.hashing.erased(handset))

    def _text(self, action: Literal["stop", "start", "help", "ask"], match: Match, number: bytes) -> str:
        settings, category = self.settings, match.keyword.category
        if category and action == "stop":
            own = next(one.stop_text for one in settings.category if one.name == category)
            return own or load_pack(match.keyword.language).answers["category"].replace("{name}", category)
        texts = {
            "stop": settings.stop_text, "start": settings.start_text, "help": settings.help_text,
            "ask": settings.ask_text,
        }[action]  # fmt: skip
        for sender, text in texts.items():
            if sender != OTHERS and self.address(sender) == number:
                return text
        return texts.get(OTHERS) or load_pack(match.keyword.language).answers[action]

    def _restrain(self, decision: Decision, handset: bytes, number: bytes, now: int) -> None:
        """No answer where the carrier gives its own, and only so many a day: the other side may be a machine."""
        if not decision.answer:
            return
        turn = self._turn(handset, number, now)
        if turn is None or self._is_managed(number):
            decision.answer = ""
            return
        self._answered.add(turn, now)
        for event in decision.events:
            event.answered = True

    def _is_managed(self, number: bytes) -> bool:
        return number in self._managed or number.startswith(self._managed_prefixes)

    def _turn(self, handset: bytes, number: bytes, now: int) -> int | None:
        turns = (self._key_of(b"%d:%s" % (turn, number), handset) for turn in range(self.settings.answer_limit))
        return next((key for key in turns if not self._answered.has(key, now)), None)

    # -- changes of the list -----------------------------------------------------------------------------------------

    def block(self, events: Iterable[Event]) -> bool:
        """The rows of `events` block from now on. Whether any of them is new. Before the store is told, not after."""
        is_new = False
        self.changes += 1
        for event in events:
            is_new |= self._lifting.pop(event.entry, None) is not None  # the store is told that it does not block
            is_new |= self.list.add(event.entry)
        return is_new

    def lifting(self, events: Iterable[Event]) -> None:
        """The store is being told that these rows no longer block; until `lift` they do."""
        for event in events:
            self._lifting[event.entry] = event

    def lift(self, events: Iterable[Event]) -> None:
        """The store has it: the rows no longer block, unless somebody has stopped again meanwhile."""
        for event in events:
            entry = self._known(event.entry)
            if self._lifting.get(entry) is event:
                del self._lifting[entry]
                self.list.discard(entry)
                if self._importing is not None:
                    self._importing.discard(entry)
                    self._lifted_lately.add(entry)

    def erase(self, number: bytes) -> list[int]:
        """From now on events name `number` by its hash, and its rows block by that: see `OptOutList.erase`.

        Not while an import is under way.
        """
        self.changes += 1
        added = self.list.erase(number)
        self._lifting = {self._known(entry): event for entry, event in self._lifting.items()}
        return added

    def _known(self, entry: Entry) -> Entry:
        return entry._replace(recipient=self.list.known_as(entry.recipient))

    # -- many at once ------------------------------------------------------------------------------------------------

    def begin_import(self) -> OptOutList:
        """A list to fill with what is imported; it counts for nothing until `end_import`."""
        self._importing = self.list.layer()
        self._lifted_lately = set()
        return self._importing

    @property
    def lifted_meanwhile(self) -> Collection[Entry]:
        """What `lifted` will tell."""
        return self._lifted_lately

    def lifted(self) -> set[Entry]:
        """What was lifted since the import began, or since this was asked: an import may say that it blocks, or not."""
        lifted, self._lifted_lately = self._lifted_lately, set()
        return lifted

    def end_import(self, layer: OptOutList, generation: int) -> None:
        """All of the import blocks from now on."""
        self._importing = None
        self.changes += 1
        self.list.overlay(layer, generation)

    def is_importing(self, layer: OptOutList) -> bool:
        """Whether `layer` is what `begin_import` gave last."""
        return self._importing is layer

    def remember(self, event: Event) -> None:
        """At a start: an event of the last while, so that an answer is not given twice and YES is understood."""
        number = event.number
        key = self._key_of(number, event.entry.recipient)
        if event.kind == "stop":
            self._stopped.add(key, event.at)
        if event.answered:
            if event.kind == "stop":
                self._confirmed.add(key, event.at)
            turn = self._turn(event.entry.recipient, number, event.at)
            if turn is not None:
                self._answered.add(turn, event.at)
