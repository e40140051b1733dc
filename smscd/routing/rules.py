"""The `[[route]]` table, compiled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from smscd.dress import Dress, dress_of
from smscd.message import Content, text_of
from smscd.patterns import AddressSet
from smscd.routing.hours import Hours
from smscd.routing.index import Entry, Index
from smscd.routing.numbers import Numbers
from smscd.routing.settings import GroupSettings, RouteSettings
from smscd.routing.way import Alive, Load, Way, no_load, way_of, ways
from smscd.text import Alphabet
from smscd.units import compile_expression


@dataclass(slots=True, frozen=True)
class Explanation:
    """Why one rule was or was not taken; `place` is where it stands, "smscd.toml:45"."""

    number: int
    place: str
    taken: bool
    why: str


class Rule:
    """One `[[route]]`, number 1 being the first in the file."""

    __slots__ = (
        "connectors", "destination", "dress", "esmes", "hours", "number", "numbers", "only", "place", "source", "text",
        "way",
    )  # fmt: skip

    def __init__(self, number: int, settings: RouteSettings, way: Way, numbers: Numbers | None, place: str) -> None:
        self.number = number
        self.place = place
        self.way = way
        self.connectors = way.names
        """Every connector that it may lead to, in the order in which they are tried."""
        self.only = way.names[0] if len(way.names) == 1 else ""
        self.numbers = numbers
        self.destination = AddressSet([settings.destination_addr])
        self.source = AddressSet([settings.source_addr])
        self.esmes = frozenset(settings.esme)
        self.hours = Hours(settings.hours, settings.time_zone) if settings.hours else None
        self.text = compile_expression(settings.text) if settings.text else None
        self.dress: Dress | None = dress_of(settings.sender, settings.tlvs)

    def misses(self, system_id: str, content: Content, alphabet: Alphabet, now: int) -> str:
        """The first condition that does not hold, in words; empty if all hold."""
        if self.esmes and system_id not in self.esmes:
            return f"esme is {system_id or 'not given'}, not one of {', '.join(sorted(self.esmes))}"
        if not self._meets_destination(content):
            return f"destination_addr does not match {self.destination.patterns[0]}"
        if content.source_addr not in self.source:
            return f"source_addr does not match {self.source.patterns[0]}"
        if self.hours is not None and not self.hours.hold(now):
            return f"hours are {self.hours.text}, it is {self.hours.local(now):%a %H:%M} there"
        if self.text is not None and not self.text.fullmatch(text_of(content, alphabet)):
            return f"text does not match /{self.text.pattern}/"
        return ""

    def _meets_destination(self, content: Content) -> bool:
        return (self.recipient(content) or content.destination_addr) in self.destination

    def recipient(self, content: Content) -> bytes:
        """The recipient's E.164 digits; b"" where the rule takes numbers as they come, or this is not one."""
        return self.numbers.digits(content.destination_addr, content.dest_addr_ton) if self.numbers is not None else b""

    def refuses(self, content: Content) -> bool:
        """Whether it asks for E.164 numbers and this is none."""
        return self.numbers is not None and not self.recipient(content)

    @property
    def shows(self) -> bytes:
        """The sender that handsets see of what this rule takes; b"" where it rewrites none."""
        return self.dress.shows if self.dress is not None else b""

    @property
    def entry(self) -> Entry:
        """What it asks for."""
        (source,), (destination,) = self.source.patterns, self.destination.patterns
        return Entry(self.esmes, source, destination, self.numbers, self.text is not None or self.hours is not None)

    @property
    def is_unconditional(self) -> bool:
        """Whether it takes whatever comes to it."""
        addresses = self.destination.is_everything and self.source.is_everything
        return addresses and not self.esmes and self.text is None and self.hours is None and self.numbers is None

    def choose(self, alive: Alive = lambda _connector: True) -> str:
        """The connector whose turn it is among those that are alive, by the strategy; as if all were where none is."""
        return self.only or self.way.choose(alive)

    def keep_or_choose(self, connector: str, alive: Alive) -> str:
        """`connector` again, if it is one of these and alive."""
        return connector if connector in self.connectors and alive(connector) else self.choose(alive)

    def after(self, connector: str, alive: Alive) -> str:
        """The next living one after `connector`, round and round: so that each is tried before one is tried again.

        `connector` itself where no other is alive.
        """
        names = self.connectors
        at = names.index(connector) + 1 if connector in names else 0
        return next((name for name in (*names[at:], *names[:at]) if name != connector and alive(name)), connector)

    def __str__(self) -> str:
        form = f", to a {self.numbers}" if self.numbers is not None else ""
        sender = f", as {self.shows.decode('latin-1')}" if self.shows else ""
        return f"{self.way}{form}{sender}"


class Ruleset:
    """All rules, in order."""

    __slots__ = ("_by_rank", "_index", "alternatives", "dresses", "rewrites", "rules", "takes_all")

    def __init__(
        self, settings: Sequence[RouteSettings], groups: Sequence[GroupSettings] = (), places: Sequence[str] = (),
        load: Load = no_load,
    ) -> None:  # fmt: skip
        """`places`: where each rule stands, for explanations. `load` says how busy a connector is."""
        known, forms = ways(groups, load), _forms(settings)
        self.rules = tuple(
            Rule(number, one, way_of(one, known, load), forms.get((one.e164, one.default_country)), place)
            for number, (one, place) in enumerate(zip(settings, _filled(places, len(settings)), strict=True), start=1)
        )
        self._index = Index([rule.entry for rule in self.rules])
        self._by_rank = (*self.rules, None)
        first = self.rules[0] if self.rules else None
        self.takes_all = first if first is not None and first.is_unconditional else None
        """The rule that every message takes, where that is certain without looking at it."""
        self.rewrites = bool(forms)
        """Whether any rule sends numbers in another form than they came in."""
        self.dresses = any(rule.dress is not None for rule in self.rules)
        """Whether any rule puts something on what it takes."""
        self.alternatives = self._alternatives()
        """By connector, where else the rules that lead to it lead."""

    def resolve(self, system_id: str, content: Content, alphabet: Alphabet, now: int) -> Rule | None:
        """The first rule that matches at `now`, microseconds UTC; None if none does, or if it refuses the number.

        `alphabet`: what data_coding 0 means to the ESME. The text is read only where a rule asks for it.
        """
        rule = self._first(system_id, content, alphabet, now)
        return None if rule is None or rule.refuses(content) else rule

    def resolve_all(
        self, system_id: str, contents: Sequence[Content], alphabet: Alphabet, now: int
    ) -> list[Rule] | None:
        """`resolve` for what one ESME has sent together; None if there is no rule for any one of them."""
        if self.takes_all is not None:
            return [self.takes_all] * len(contents)
        found: Iterable[Rule | None]
        if self._index.only is not None:
            found = map(self._by_rank.__getitem__, self._index.only.ranks([one.destination_addr for one in contents]))
        else:
            found = [self.resolve(system_id, content, alphabet, now) for content in contents]
        rules = [rule for rule in found if rule is not None]
        return rules if len(rules) == len(contents) else None

    def _first(self, system_id: str, content: Content, alphabet: Alphabet, now: int) -> Rule | None:
        if self.takes_all is not None:
            return self.takes_all
        rules = self.rules
        rank = self._index.first(
            system_id, content.source_addr, content.destination_addr, content.dest_addr_ton,
            lambda rank: not rules[rank].misses(system_id, content, alphabet, now),
        )  # fmt: skip
        return self._by_rank[rank]

    def explain(self, system_id: str, content: Content, alphabet: Alphabet, now: int) -> list[Explanation]:
        """The rule that `resolve` takes, after a line for every rule before it that says what does not hold."""
        taken = self._first(system_id, content, alphabet, now)
        story = []
        for rule in self.rules:
            if rule is taken:
                break
            story.append(Explanation(rule.number, rule.place, False, rule.misses(system_id, content, alphabet, now)))
        if taken is not None:
            refused = taken.refuses(content)
            why = f"takes it and refuses its recipient: it is no {taken.numbers}" if refused else f"takes it to {taken}"
            story.append(Explanation(taken.number, taken.place, True, why))
        return story

    def phase(self, now: int) -> tuple[bool, ...]:
        """Which of the rules with hours hold now: while it stays the same, time changes nothing."""
        return tuple(rule.hours.hold(now) for rule in self.rules if rule.hours is not None)

    def _alternatives(self) -> Mapping[str, frozenset[str]]:
        found: dict[str, set[str]] = {}
        for names in {rule.connectors for rule in self.rules}:
            for name in names:
                found.setdefault(name, set()).update(names)
        return {name: frozenset(others - {name}) for name, others in found.items()}


def _forms(settings: Sequence[RouteSettings]) -> Mapping[tuple[str, str | None], Numbers]:
    """One memory of numbers for all the rules that take them for the same."""
    return {
        (one.e164, one.default_country): Numbers(one.e164, one.default_country) for one in settings if one.e164 != "off"
    }


def _filled(places: Sequence[str], count: int) -> Sequence[str]:
    return places if len(places) == count else [""] * count
