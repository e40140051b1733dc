"""The `[[route]]` table and the `receives` of the ESMEs, compiled."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from smscd.dress import Dress, dress_of
from smscd.patterns import AddressSet
from smscd.routing.settings import RouteSettings
from smscd.units import compile_expression


@dataclass(slots=True, frozen=True)
class Explanation:
    """Why one rule was or was not taken."""

    number: int
    taken: bool
    why: str


class Rule:
    """One `[[route]]`, number 1 being the first in the file."""

    __slots__ = (
        "_turns",
        "_weights",
        "connectors",
        "destination",
        "dress",
        "esmes",
        "number",
        "source",
        "strategy",
        "text",
    )

    def __init__(self, number: int, settings: RouteSettings) -> None:
        self.number = number
        self.connectors = tuple(settings.connectors)
        self.strategy = settings.strategy
        self.destination = AddressSet([settings.destination_addr])
        self.source = AddressSet([settings.source_addr])
        self.esmes = frozenset(settings.esme)
        self.text = compile_expression(settings.text) if settings.text else None
        self.dress: Dress | None = dress_of(settings.sender, settings.tlvs)
        weights = settings.weights if settings.strategy == "weighted" else []
        self._weights = dict(zip(self.connectors, weights or [1] * len(self.connectors), strict=False))
        self._turns = dict.fromkeys(self.connectors, 0)

    def misses(self, system_id: str, source: bytes, destination: bytes, text: Callable[[], str]) -> str:
        """The first condition that does not hold, in words; empty if all hold."""
        if self.esmes and system_id not in self.esmes:
            return f"esme is {system_id}, not one of {', '.join(sorted(self.esmes))}"
        if destination not in self.destination:
            return f"destination_addr does not match {self.destination.patterns[0]}"
        if source not in self.source:
            return f"source_addr does not match {self.source.patterns[0]}"
        if self.text is not None and not self.text.fullmatch(text()):
            return f"text does not match /{self.text.pattern}/"
        return ""

    @property
    def takes(self) -> str:
        """What the rule does, in words."""
        sender = f", as {self.shows.decode('latin-1')}" if self.shows else ""
        return f"takes it to {', '.join(self.connectors)}{sender}"

    @property
    def shows(self) -> bytes:
        """The sender that handsets see of what this rule takes; b"" where it rewrites none."""
        return self.dress.shows if self.dress is not None else b""

    @property
    def is_unconditional(self) -> bool:
        return not self.esmes and self.text is None and self.destination.is_everything and self.source.is_everything

    def choose(self, alive: Callable[[str], bool] = lambda _connector: True) -> str:
        """The connector whose turn it is among those that are alive: the first for failover, each in turn otherwise.

        The first of all, or whose turn it is, where none is alive: the message then waits for it.
        """
        if len(self.connectors) == 1:
            return self.connectors[0]
        living = [name for name in self.connectors if alive(name)] or list(self.connectors)
        return living[0] if self.strategy == "failover" else self._next_of(living)

    def keep_or_choose(self, connector: str, alive: Callable[[str], bool]) -> str:
        """`connector` again, if it is one of these and alive."""
        return connector if connector in self.connectors and alive(connector) else self.choose(alive)

    def _next_of(self, names: list[str]) -> str:
        """Smooth weighted round-robin: everybody gains its weight, the richest goes and pays for all."""
        for name in names:
            self._turns[name] += self._weights[name]
        chosen = max(names, key=self._turns.__getitem__)
        self._turns[chosen] -= sum(self._weights[name] for name in names)
        return chosen


class Ruleset:
    """All rules, in order."""

    __slots__ = ("dresses", "rules", "takes_all")

    def __init__(self, settings: Sequence[RouteSettings]) -> None:
        self.rules = tuple(Rule(number, one) for number, one in enumerate(settings, start=1))
        self.dresses = any(rule.dress is not None for rule in self.rules)
        first = self.rules[0] if self.rules else None
        self.takes_all = first if first is not None and first.is_unconditional else None

    def resolve(self, system_id: str, source: bytes, destination: bytes, text: Callable[[], str]) -> Rule | None:
        """The first rule that matches, or None. `text` is called only where a rule asks for the text."""
        if self.takes_all is not None:
            return self.takes_all
        for rule in self.rules:
            if not rule.misses(system_id, source, destination, text):
                return rule
        return None

    def explain(self, system_id: str, source: bytes, destination: bytes, text: Callable[[], str]) -> list[Explanation]:
        """The same walk as `resolve`, with a line for every rule looked at."""
        story = []
        for rule in self.rules:
            why = rule.misses(system_id, source, destination, text)
            story.append(Explanation(rule.number, not why, why or rule.takes))
            if not why:
                break
        return story


class Receivers:
    """Which ESME a number belongs to: the most specific `receives` wins, the first in the file among equals."""

    __slots__ = ("_known", "_sets")

    LARGEST = 10_000
    """Numbers remembered at most; the answer for one is remembered because MO traffic repeats itself."""

    def __init__(self, receives: Mapping[str, Sequence[str]]) -> None:
        self._sets = [(system_id, AddressSet(patterns)) for system_id, patterns in receives.items() if patterns]
        self._known: dict[bytes, str | None] = {}

    def owner(self, destination: bytes) -> str | None:
        """system_id of the ESME that receives what is sent to `destination`, or None."""
        if destination in self._known:
            return self._known[destination]
        best, owner = -1, None
        for system_id, addresses in self._sets:
            fit = addresses.specificity(destination)
            if fit > best:
                best, owner = fit, system_id
        if len(self._known) >= self.LARGEST:
            self._known.clear()
        self._known[destination] = owner
        return owner
