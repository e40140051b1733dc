"""`[[route]]`: the first match wins, and `explain` tells the walk that `resolve` took."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd.routing import Receivers, RouteSettings, Ruleset


def resolve(rules: Ruleset, *, esme: str = "test", source: bytes = b"12345", to: bytes = b"44", text: str = "") -> int:
    """The number of the rule that is taken, 0 if none is."""
    rule = rules.resolve(esme, source, to, lambda: text)
    return rule.number if rule else 0


def never() -> str:
    raise AssertionError("nobody asked for the text")


def test_the_first_rule_whose_conditions_all_hold_is_taken() -> None:
    rules = Ruleset([
        RouteSettings(["a"], destination_addr="4477*"), RouteSettings(["b"], destination_addr="44*", esme=["other"]),
        RouteSettings(["c"], destination_addr="44*", source_addr="ACME"), RouteSettings(["d"], text="/.*urgent.*/"),
        RouteSettings(["e"], destination_addr="44*"),
    ])  # fmt: skip
    assert resolve(rules, to=b"447700900001") == 1
    assert resolve(rules, to=b"+447700900001") == 1
    assert resolve(rules, to=b"441", esme="other") == 2
    assert resolve(rules, to=b"441", source=b"ACME") == 3
    assert resolve(rules, to=b"441", text="very urgent!") == 4
    assert resolve(rules, to=b"491", text="very urgent!") == 4
    assert resolve(rules, to=b"441") == 5
    assert resolve(rules, to=b"491") == 0


def test_no_rules_take_nothing() -> None:
    assert resolve(Ruleset([])) == 0


def test_the_text_is_read_only_where_a_rule_asks_for_it_and_everything_else_holds() -> None:
    rules = Ruleset([RouteSettings(["a"], destination_addr="1", text="/x/"), RouteSettings(["b"])])
    rule = rules.resolve("test", b"1", b"2", never)
    assert rule is not None
    assert rule.number == 2


@pytest.mark.parametrize(
    "condition",
    [
        {"destination_addr": "/(44.*)?/"}, {"source_addr": "/[A-Z]*/"}, {"destination_addr": "/.{0,3}/"},
        {"esme": ["other"]}, {"text": "/.*x/"}, {"destination_addr": "44*"},
    ],
)  # fmt: skip
def test_a_first_rule_that_an_empty_address_would_meet_does_not_take_everything(condition: dict[str, Any]) -> None:
    rules = Ruleset([RouteSettings(["a"], **condition), RouteSettings(["b"])])
    assert resolve(rules, to=b"491701234567", source=b"12345") == 2


def test_a_first_rule_without_conditions_takes_everything() -> None:
    rules = Ruleset([RouteSettings(["a"]), RouteSettings(["b"], destination_addr="1")])
    assert resolve(rules, to=b"1") == 1
    assert resolve(rules, to=b"") == 1


conditions = st.fixed_dictionaries(
    {
        "destination_addr": st.sampled_from(["*", "44*", "441", "/4.*/", "/(1)?/"]),
        "source_addr": st.sampled_from(["*", "1*", "ACME", "/[A-Z]*/"]),
        "esme": st.sampled_from([[], ["test"], ["other"], ["test", "other"]]),
        "text": st.sampled_from([None, "/.*a.*/", "/b?/"]),
    }
)


@given(
    st.lists(conditions, max_size=5), st.sampled_from(["test", "other"]), st.sampled_from([b"1", b"ACME", b"9", b""]),
    st.sampled_from([b"441", b"44", b"1", b"+441", b""]), st.sampled_from(["", "a", "b"]),
)  # fmt: skip
def test_the_explanation_ends_where_the_message_goes(
    table: list[dict[str, Any]], esme: str, source: bytes, to: bytes, text: str
) -> None:
    rules = Ruleset([RouteSettings(["a"], **one) for one in table])
    story = rules.explain(esme, source, to, lambda: text)
    taken = [one.number for one in story if one.taken]
    number = resolve(rules, esme=esme, source=source, to=to, text=text)
    assert taken == ([number] if number else [])
    assert [one.number for one in story] == list(range(1, (number or len(table)) + 1))
    assert all(one.why for one in story)


def test_the_explanation_names_the_condition_that_did_not_hold() -> None:
    rules = Ruleset([
        RouteSettings(["a"], destination_addr="49*"), RouteSettings(["a"], source_addr="ACME"),
        RouteSettings(["a"], esme=["x", "other"]), RouteSettings(["a"], text="/b/"), RouteSettings(["b", "c"]),
    ])  # fmt: skip
    why = [one.why for one in rules.explain("test", b"1", b"44", lambda: "a")]
    assert ["destination_addr" in why[0], "source_addr" in why[1], "other, x" in why[2], "/b/" in why[3]] == [True] * 4
    assert "b, c" in why[4]


def test_failover_takes_the_first_connector_and_round_robin_each_in_turn() -> None:
    first, each, one = Ruleset([
        RouteSettings(["a", "b"]), RouteSettings(["a", "b", "c"], strategy="round-robin"),
        RouteSettings(["a"], strategy="round-robin"),
    ]).rules  # fmt: skip
    assert [first.choose() for _ in range(3)] == ["a", "a", "a"]
    assert [each.choose() for _ in range(7)] == ["a", "b", "c", "a", "b", "c", "a"]
    assert [one.choose() for _ in range(2)] == ["a", "a"]


# --- receivers --------------------------------------------------------------------------------------------------------


def test_an_mo_goes_to_the_esme_with_the_closest_pattern() -> None:
    receivers = Receivers({"all": ["*"], "uk": ["44*"], "brand": ["12345", "4477*"], "none": []})
    owners = {to: receivers.owner(to) for to in (b"1", b"441", b"447712", b"12345", b"+12345", b"123456")}
    assert owners == {
        b"1": "all", b"441": "uk", b"447712": "brand", b"12345": "brand", b"+12345": "brand", b"123456": "all"
    }  # fmt: skip


def test_among_equals_the_first_in_the_file_receives() -> None:
    assert Receivers({"a": ["44*"], "b": ["44*"]}).owner(b"441") == "a"
    assert Receivers({"b": ["44*"], "a": ["44*"]}).owner(b"441") == "b"


def test_an_expression_goes_before_a_star_wherever_it_stands() -> None:
    assert Receivers({"all": ["*"], "short": ["/[0-9]{5}/"]}).owner(b"12345") == "short"


def test_what_nobody_receives_has_no_owner_and_neither_is_remembered_wrongly() -> None:
    receivers = Receivers({"a": ["1"]})
    assert [receivers.owner(b"2"), receivers.owner(b"1"), receivers.owner(b"2")] == [None, "a", None]


def test_what_is_remembered_of_numbers_is_bounded() -> None:
    receivers = Receivers({"a": ["1*"]})
    for number in range(receivers.LARGEST * 2 + 5):
        receivers.owner(b"1%d" % number)
    assert len(receivers._known) <= receivers.LARGEST
    assert receivers.owner(b"15") == "a"
