"""Whose turn it is: one connector, or a group of connectors and further groups with a strategy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Protocol

from smscd.routing.settings import GroupSettings

Alive = Callable[[str], bool]
Load = Callable[[str], int]
"""Messages that wait for a connector or are out with it."""


def no_load(_connector: str) -> int:
    """Where nobody counts all are alike, and least-busy is round-robin."""
    return 0


class Strategy(Protocol):
    """What `[[route]]` and `[[group]]` have in common: names in an order, and how one of them is taken."""

    connectors: list[str]
    weights: list[int]
    cost: list[float]

    @property
    def strategy(self) -> str:
        """How one of them is taken."""


class Way:
    """One connector: every message goes there, alive or not."""

    __slots__ = ("name", "names")

    def __init__(self, name: str) -> None:
        self.name = name
        self.names: tuple[str, ...] = (name,)

    def is_alive(self, alive: Alive) -> bool:
        """Whether any connector of it is."""
        return any(map(alive, self.names))

    def choose(self, alive: Alive) -> str:
        """The connector whose turn it is."""
        assert callable(alive)
        return self.name

    def __str__(self) -> str:
        return self.name


MOST_NESTED = 16
"""Groups in each other: a message asks its way through all of them."""


class Several(Way):
    """Members in an order, each a connector or a group again; `names` are all their connectors, in that order."""

    __slots__ = ("_load", "_turns", "_weights", "members", "strategy")

    def __init__(self, name: str, members: Sequence[Way], settings: Strategy, load: Load = no_load) -> None:
        super().__init__(name)
        self._load = load
        self.strategy = settings.strategy
        costs = settings.cost if self.strategy == "least-cost" else []
        if costs:
            cheap_first = sorted(zip(costs, range(len(members)), members, strict=True), key=lambda one: one[:2])
            members = [member for _, _, member in cheap_first]
        self.members = tuple(members)
        self.names = tuple(dict.fromkeys(name for member in members for name in member.names))
        weights = settings.weights if self.strategy == "weighted" else []
        self._weights = dict(zip(members, weights or [1] * len(members), strict=True))
        self._turns = dict.fromkeys(members, 0)

    def choose(self, alive: Alive) -> str:
        """The first living member for failover and least-cost, each in turn otherwise; then the same inside of it.

        For least-busy each in turn of those that have the least to do.

        As if all were alive where none is: the message then waits.
        """
        living = [member for member in self.members if member.is_alive(alive)] or list(self.members)
        if self.strategy in {"failover", "least-cost"}:
            return living[0].choose(alive)
        if self.strategy == "least-busy":
            living = self._least_busy(living, alive)
        return self._next_of(living).choose(alive)

    def _least_busy(self, living: list[Way], alive: Alive) -> list[Way]:
        """Those with the least to do: of a group, its idlest living connector counts."""
        loads = [
            min((self._load(name) for name in way.names if alive(name)), default=self._load(way.names[0]))
            for way in living
        ]
        least = min(loads)
        return [way for way, load in zip(living, loads, strict=True) if load == least]

    def _next_of(self, members: list[Way]) -> Way:
        """Smooth weighted round-robin: everybody gains its weight, the richest goes and pays for all."""
        members = [member for member in members if self._weights[member]] or members
        for member in members:
            self._turns[member] += self._weights[member]
        chosen = max(members, key=self._turns.__getitem__)
        self._turns[chosen] -= sum(self._weights[member] for member in members)
        return chosen

    def __str__(self) -> str:
        inside = ", ".join(map(str, self.members))
        return f"{self.name}({self.strategy}: {inside})" if self.name else f"{self.strategy}: {inside}"


def ways(groups: Sequence[GroupSettings], load: Load = no_load) -> Mapping[str, Way]:
    """Every group by its name. Groups may name each other in any order, but not in a circle."""
    settings = {group.name: group for group in groups}
    made: dict[str, Way] = {}

    def make(name: str) -> Way:
        if name not in made:
            group = settings.get(name)
            members = [make(one) for one in group.connectors] if group is not None else []
            made[name] = Several(name, members, group, load) if group is not None else Way(name)
        return made[name]

    for name in settings:
        make(name)
    return made


def way_of(settings: Strategy, groups: Mapping[str, Way], load: Load = no_load) -> Way:
    """The way that a route takes."""
    members = [groups.get(name) or Way(name) for name in settings.connectors]
    return members[0] if len(members) == 1 else Several("", members, settings, load)


def circle(groups: Sequence[GroupSettings]) -> Iterator[tuple[int, str]]:
    """Members by which a group leads back to itself: the index of the group, and the member's name."""
    inside = {group.name: group.connectors for group in groups}

    def leads_to(start: str, goal: str) -> bool:
        seen, left = {start}, [start]
        while left:
            new = [one for one in inside.get(left.pop(), ()) if one not in seen]
            seen.update(new)
            left += new
        return goal in seen

    for index, group in enumerate(groups):
        yield from ((index, one) for one in group.connectors if leads_to(one, group.name))


def nested(groups: Sequence[GroupSettings]) -> Iterator[int]:
    """Index of each group that leads to a connector through more than `MOST_NESTED` groups, or in a circle."""
    names = {group.name for group in groups}
    for _ in range(MOST_NESTED):  # those that lead to one of them
        names = {group.name for group in groups if not names.isdisjoint(group.connectors)}
    yield from (index for index, group in enumerate(groups) if group.name in names)
