"""`[[route]]`: the first match wins, and `explain` tells the walk that `resolve` took."""

from __future__ import annotations

import random
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd import pdu
from smscd.routing import RouteSettings, Ruleset
from smscd.routing.rules import Rule
from tests.cast import NOON

HOUR = 3_600_000_000


def said(source: bytes = b"12345", to: bytes = b"44", text: str = "", ton: int = 0) -> pdu.SubmitSm:
    """A submit_sm."""
    return pdu.SubmitSm(source_addr=source, dest_addr_ton=ton, destination_addr=to, short_message=text.encode())


def resolve(rules: Ruleset, *, esme: str = "test", at: int = NOON, **fields: Any) -> int:
    """The number of the rule that is taken, 0 if none is."""
    rule = rules.resolve(esme, said(**fields), "gsm7", at)
    return rule.number if rule else 0


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


def test_the_text_is_read_only_where_a_rule_asks_for_it_and_everything_else_holds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = Ruleset([RouteSettings(["a"], destination_addr="1", text="/x/"), RouteSettings(["b"])])
    with monkeypatch.context() as watched:
        watched.setattr("smscd.routing.rules.text_of", None)  # whoever asks for the text now fails
        assert resolve(rules, source=b"1", to=b"2") == 2
        with pytest.raises(TypeError):
            resolve(rules, source=b"1", to=b"1")


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


PREFIXES = ["*", "4*", "44*", "447*", "441", "44", "1*", "12345", "/4.*/", "/(1)?/", "ACME", "A*"]
ADDRESSES = [b"441", b"44", b"1", b"+441", b"", b"4471", b"+4471", b"12345", b"ACME", b"+", b"++44", b"07912345678"]

conditions = st.fixed_dictionaries(
    {
        "destination_addr": st.sampled_from(PREFIXES),
        "source_addr": st.sampled_from(["*", *PREFIXES]),
        "esme": st.sampled_from([[], [], ["test"], ["other"], ["test", "other"]]),
        "text": st.sampled_from([None, None, "/.*a.*/", "/b?/"]),
        "hours": st.sampled_from([[], [], ["08:00-18:00"], ["18:00-08:00"]]),
        "e164": st.sampled_from(["off", "off", "possible", "valid"]),
        "default_country": st.sampled_from([None, "44"]),
    }
)


def naive(rules: Ruleset, esme: str, content: pdu.SubmitSm, at: int) -> int:
    """The first rule that misses nothing, found by asking each."""
    found = (rule.number for rule in rules.rules if not rule.misses(esme, content, "gsm7", at))
    return next(found, 0)


def obeyed(rules: Ruleset, esme: str, content: pdu.SubmitSm, at: int) -> Rule | None:
    """What `naive` leads to: nowhere, if that rule refuses the number."""
    first = naive(rules, esme, content, at)
    return None if not first or rules.rules[first - 1].refuses(content) else rules.rules[first - 1]


@given(
    st.lists(conditions, max_size=12), st.sampled_from(["test", "other", ""]), st.sampled_from(ADDRESSES),
    st.sampled_from(ADDRESSES), st.sampled_from(["", "a", "b"]), st.integers(0, 2),
    st.sampled_from([NOON, NOON + 12 * HOUR]),
)  # fmt: skip
def test_look_up_explanation_and_a_walk_through_all_rules_agree(
    table: list[dict[str, Any]], esme: str, source: bytes, to: bytes, text: str, ton: int, at: int
) -> None:
    rules = Ruleset([RouteSettings(["a"], **one) for one in table])
    content = said(source, to, text, ton)
    first = naive(rules, esme, content, at)
    story = rules.explain(esme, content, "gsm7", at)
    assert [one.number for one in story if one.taken] == ([first] if first else [])
    assert [one.number for one in story] == list(range(1, (first or len(table)) + 1))
    assert all(one.why for one in story)
    assert rules.resolve(esme, content, "gsm7", at) is obeyed(rules, esme, content, at)


@given(
    st.lists(conditions, max_size=12), st.sampled_from(["test", "other", ""]), st.sampled_from([NOON, NOON + 12 * HOUR])
)
def test_every_address_is_led_as_a_walk_through_all_rules_leads_it_one_by_one_and_together(
    table: list[dict[str, Any]], esme: str, at: int
) -> None:
    rules = Ruleset([RouteSettings(["a"], **one) for one in table])
    contents = [said(source, to, "a", 1) for source in ADDRESSES for to in ADDRESSES]
    led = [obeyed(rules, esme, content, at) for content in contents]
    assert [rules.resolve(esme, content, "gsm7", at) for content in contents] == led
    for content, rule in zip(contents, led, strict=True):
        assert rules.resolve_all(esme, [content], "gsm7", at) == (None if rule is None else [rule])
    assert rules.resolve_all(esme, contents, "gsm7", at) == (None if None in led else led)
    ways = [content for content, rule in zip(contents, led, strict=True) if rule is not None]
    assert rules.resolve_all(esme, ways, "gsm7", at) == [rule for rule in led if rule is not None]


digits = st.text("01ÿ", max_size=4)
patterns = st.one_of(digits.map("{}*".format), digits.filter(bool))


@given(st.lists(patterns, max_size=30), st.lists(st.text("01ÿ/2+\x00", max_size=6), max_size=30))
def test_on_a_line_of_prefixes_and_whole_addresses_the_first_rule_is_the_one_that_a_walk_finds(
    table: list[str], numbers: list[str]
) -> None:
    rules = Ruleset([RouteSettings(["a"], destination_addr=pattern) for pattern in table])
    for number in (*numbers, *(pattern.rstrip("*") for pattern in table)):
        content = said(to=number.encode())
        assert rules.resolve("test", content, "gsm7", NOON) is obeyed(rules, "test", content, NOON)


def test_on_a_long_line_too_the_first_rule_is_the_one_that_a_walk_finds() -> None:
    chance = random.Random(1)
    rules = Ruleset([RouteSettings(["a"], destination_addr=f"{chance.randrange(10**5)}*") for _ in range(1500)])
    contents = [said(to=str(chance.randrange(10**6)).encode()) for _ in range(60)]
    led = [obeyed(rules, "test", content, NOON) for content in contents]
    assert {rule is None for rule in led} == {True, False}
    assert [rules.resolve("test", content, "gsm7", NOON) for content in contents] == led


class Sought(bytes):
    """An address that counts how often it is compared."""

    times = 0

    def __lt__(self, other: bytes) -> bool:
        Sought.times += 1
        return bytes.__lt__(self, other)

    def removeprefix(self, _prefix: Any, /) -> Sought:
        return self


@pytest.mark.parametrize(("rules", "most"), [(10, 5), (10_000, 15)])
def test_a_look_up_among_ten_thousand_prefixes_compares_a_few_and_asks_no_rule(
    rules: int, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = Ruleset([RouteSettings(["a"], destination_addr=f"{number:05}*") for number in range(rules)])
    monkeypatch.setattr(Rule, "misses", None)  # whoever asks a rule now fails
    for address, number in ((Sought(b"0000712345"), 8), (Sought(b"9"), 0)):
        Sought.times = 0
        assert resolve(found, to=address) == number
        assert 0 < Sought.times <= most


def test_the_explanation_names_the_condition_that_did_not_hold() -> None:
    rules = Ruleset([
        RouteSettings(["a"], destination_addr="49*"), RouteSettings(["a"], source_addr="ACME"),
        RouteSettings(["a"], esme=["x", "other"]), RouteSettings(["a"], text="/b/"), RouteSettings(["b", "c"]),
    ])  # fmt: skip
    why = [one.why for one in rules.explain("test", said(b"1", b"44", "a"), "gsm7", NOON)]
    assert ["destination_addr" in why[0], "source_addr" in why[1], "other, x" in why[2], "/b/" in why[3]] == [True] * 4
    assert "b, c" in why[4]


def test_the_explanation_says_where_each_rule_stands() -> None:
    settings = [RouteSettings(["a"], destination_addr="49*"), RouteSettings(["b"])]
    rules = Ruleset(settings, places=["smscd.toml:7", "smscd.toml:12"])
    assert [one.place for one in rules.explain("test", said(), "gsm7", NOON)] == ["smscd.toml:7", "smscd.toml:12"]


def test_hours_open_and_close_a_rule() -> None:
    rules = Ruleset([RouteSettings(["a"], hours=["mon-sun 06:00-12:00"]), RouteSettings(["b"])])
    assert resolve(rules, at=NOON) == 1
    assert resolve(rules, at=NOON + 8 * HOUR) == 2
    why = rules.explain("test", said(), "gsm7", NOON + 8 * HOUR)[0].why
    assert "06:00-12:00 UTC" in why
    assert "16:00 there" in why
    assert rules.phase(NOON) != rules.phase(NOON + 8 * HOUR)


def test_a_rule_that_asks_for_e164_matches_the_number_in_that_form_and_refuses_what_is_none() -> None:
    rules = Ruleset([
        RouteSettings(["codes"], destination_addr="/[0-9]{5}/"),
        RouteSettings(["uk"], destination_addr="447*", e164="valid", default_country="44"),
        RouteSettings(["world"], e164="valid"),
    ])  # fmt: skip
    taken = {to: resolve(rules, to=to) for to in (b"07912345678", b"00447912345678", b"12345", b"33612345678")}
    assert taken == {b"07912345678": 2, b"00447912345678": 2, b"12345": 1, b"33612345678": 3}
    for wrong in (b"4479", b"0791", b"ACME", b"447700900123"):  # the first and the last match 447*, the others *
        assert resolve(rules, to=wrong) == 0
        assert "refuses its recipient" in rules.explain("test", said(to=wrong), "gsm7", NOON)[-1].why
    uk = rules.rules[1]
    assert uk.recipient(said(to=b"07912345678")) == b"447912345678"
    assert rules.rules[0].recipient(said(to=b"12345")) == b""
    assert rules.rewrites
    assert not Ruleset([RouteSettings(["a"])]).rewrites
