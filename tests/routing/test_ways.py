"""Groups, strategies and costs: whose turn it is."""

from __future__ import annotations

from collections import Counter
from typing import Literal, get_args

import hypothesis.strategies as st
from hypothesis import given

from smscd.routing import GroupSettings, RouteSettings, Ruleset, circle
from smscd.routing.rules import Rule

Strategy = Literal["failover", "round-robin", "weighted", "least-cost"]


def rule(connectors: list[str], groups: list[GroupSettings] | None = None, **said: object) -> Rule:
    return Ruleset([RouteSettings(connectors, **said)], groups or []).rules[0]  # type: ignore[arg-type]  # any key


def test_failover_takes_the_first_that_is_alive_and_the_first_of_all_where_none_is() -> None:
    one = rule(["a", "b", "c"])
    assert one.choose() == "a"
    assert one.choose({"b", "c"}.__contains__) == "b"
    assert one.choose(lambda _name: False) == "a"


def test_round_robin_takes_each_in_turn_and_passes_over_the_dead() -> None:
    one = rule(["a", "b", "c"], strategy="round-robin")
    assert [one.choose() for _ in range(6)] == ["a", "b", "c", "a", "b", "c"]
    assert [one.choose({"a", "c"}.__contains__) for _ in range(4)] == ["a", "c", "a", "c"]


def test_weights_are_kept_to_exactly_and_smoothly() -> None:
    one = rule(["a", "b", "c"], strategy="weighted", weights=[5, 1, 1])
    taken = [one.choose() for _ in range(70)]
    assert Counter(taken) == {"a": 50, "b": 10, "c": 10}
    assert max(map(len, "".join(taken).split("b"))) <= 7  # b is not starved for longer than a round


def test_a_weight_of_nothing_is_a_reserve() -> None:
    one = rule(["a", "b", "c"], strategy="weighted", weights=[1, 0, 3])
    assert Counter(one.choose() for _ in range(40)) == {"a": 10, "c": 30}
    assert [one.choose({"a", "b"}.__contains__) for _ in range(5)] == ["a"] * 5
    assert one.choose({"b"}.__contains__) == "b"


def test_least_cost_takes_the_cheapest_that_is_alive_and_the_first_among_equals() -> None:
    one = rule(["dear", "cheap", "same"], strategy="least-cost", cost=[0.05, 0.02, 0.02])
    assert one.connectors == ("cheap", "same", "dear")
    assert one.choose() == "cheap"
    assert one.choose({"dear", "same"}.__contains__) == "same"
    assert one.choose({"dear"}.__contains__) == "dear"


def test_least_busy_takes_who_has_the_least_to_do_and_each_in_turn_among_equals() -> None:
    busy = Counter({"a": 2})
    settings = [RouteSettings(["a", "b", "c"], strategy="least-busy")]
    one = Ruleset(settings, load=busy.__getitem__).rules[0]
    taken = []
    for _ in range(7):
        taken.append(one.choose())
        busy[taken[-1]] += 1
    assert Counter(taken) == {"a": 1, "b": 3, "c": 3}
    assert one.choose({"a"}.__contains__) == "a"  # however busy, if there is no other


def test_groups_stand_for_what_is_in_them_however_deep() -> None:
    groups = [
        GroupSettings("all", ["uk", "spare"]),
        GroupSettings("uk", ["a", "b"], strategy="round-robin"),
        GroupSettings("spare", ["c", "d"], strategy="least-cost", cost=[2, 1]),
    ]
    one = rule(["all"], groups)
    assert one.connectors == ("a", "b", "d", "c")
    assert [one.choose() for _ in range(3)] == ["a", "b", "a"]
    assert [one.choose({"b", "c", "d"}.__contains__) for _ in range(2)] == ["b", "b"]
    assert one.choose({"c", "d"}.__contains__) == "d"
    assert one.choose(lambda _name: False) in {"a", "b"}


def test_two_routes_that_name_one_group_share_its_turns() -> None:
    groups = [GroupSettings("pair", ["a", "b"], strategy="round-robin")]
    first, second = Ruleset([RouteSettings(["pair"]), RouteSettings(["pair"])], groups).rules
    assert [first.choose(), second.choose(), first.choose()] == ["a", "b", "a"]


def test_after_a_failure_each_of_the_living_has_its_turn_before_one_has_it_again() -> None:
    one = rule(["a", "b", "c"])
    assert [one.after(name, lambda _name: True) for name in ("a", "b", "c")] == ["b", "c", "a"]
    assert one.after("a", {"a", "c"}.__contains__) == "c"
    assert one.after("a", {"a"}.__contains__) == "a"
    assert one.after("gone", {"b", "c"}.__contains__) == "b"


def test_a_circle_of_groups_is_found_at_each_of_its_members_and_nowhere_else() -> None:
    groups = [GroupSettings("x", ["a", "y"]), GroupSettings("y", ["z"]), GroupSettings("z", ["x", "b"]),
              GroupSettings("outside", ["x"]), GroupSettings("self", ["self"])]  # fmt: skip
    assert list(circle(groups)) == [(0, "y"), (1, "z"), (2, "x"), (4, "self")]


strategies: st.SearchStrategy[Strategy] = st.sampled_from(get_args(Strategy))


@st.composite
def trees(draw: st.DrawFn) -> tuple[Rule, list[str]]:
    """A route over groups of groups, and the names of its connectors."""
    groups: list[GroupSettings] = []
    for number in range(draw(st.integers(0, 4))):
        known = ["a", "b", "c", "d"] + [group.name for group in groups]
        members = draw(st.lists(st.sampled_from(known), min_size=1, max_size=3, unique=True))
        groups.append(GroupSettings(f"g{number}", members, draw(strategies), cost=[1.0] * len(members)))
    known = ["a", "b", "c", "d"] + [group.name for group in groups]
    members = draw(st.lists(st.sampled_from(known), min_size=1, max_size=4, unique=True))
    one = rule(members, groups, strategy=draw(strategies), cost=[float(n) for n in range(len(members))])
    return one, sorted(one.connectors)


@given(trees(), st.data())
def test_a_living_connector_is_found_if_there_is_one(tree: tuple[Rule, list[str]], data: st.DataObject) -> None:
    one, names = tree
    for _ in range(5):
        living = data.draw(st.sets(st.sampled_from(names)))
        chosen = one.choose(living.__contains__)
        assert chosen in (living or names)
        following = one.after(chosen, living.__contains__)
        assert following in living or following == chosen


@given(trees())
def test_going_on_after_each_failure_visits_every_connector(tree: tuple[Rule, list[str]]) -> None:
    one, names = tree
    at, seen = one.choose(), set()
    for _ in names:
        seen.add(at)
        at = one.after(at, lambda _name: True)
    assert seen == set(names)
