"""Faults of routes and groups, and rules that nothing can reach."""

from __future__ import annotations

import time

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd.config.overlap import first_cover, first_covers
from smscd.config.rules import _route_covers
from smscd.routing import RouteSettings
from tests.config.writing import read_file, said


def route(*lines: str) -> str:
    return "\n".join(["[[route]]", 'destination_addr = "1"', *lines])


def group(name: str, *lines: str) -> str:
    return "\n".join(["[[group]]", f'name = "{name}"', *lines])


UNKNOWN_ZONE = (
    'allowed: a name of the IANA time zone database: "UTC", "Europe/London", "America/New_York"'
)  # fmt: skip
FAULTS = [
    (
        route('connectors = ["handsets", "handsets"]'),
        '3: route.connectors = ["handsets", "handsets"]: names one of them twice',
    ),
    (
        route('connectors = ["handsets"]', 'strategy = "least-cost"'),
        "1: route.cost = []: does not fit the connectors; allowed: as many prices as there are connectors",
    ),
    (
        route('connectors = ["handsets"]', 'strategy = "least-cost"', "cost = [1, 2]"),
        "5: route.cost = [1.0, 2.0]: does not fit the connectors; allowed: as many prices as there are connectors",
    ),
    (
        route('connectors = ["handsets"]', "cost = [1]"),
        '4: warning: route.cost = [1.0]: says nothing without strategy = "least-cost"',
    ),
    (
        route('connectors = ["handsets"]', "weights = [1]"),
        '4: warning: route.weights = [1]: says nothing without strategy = "weighted"',
    ),
    (
        route('connectors = ["handsets"]', 'time_zone = "Europe/Londn"'),
        f'4: route.time_zone = "Europe/Londn": is no time zone; {UNKNOWN_ZONE}',
    ),
    (
        route('connectors = ["handsets"]', 'hours = ["mon 08:00-09:00", "mo 08:00-09:00"]'),
        (
            '4: route.hours[1] = "mo 08:00-09:00": is no span of hours; allowed: "08:00-18:00", "mon-fri 08:00-18:00",'
            ' "sat,sun" or "22:00-06:00" (until the next morning)'
        ),
    ),
    (
        route('connectors = ["handsets"]', 'default_country = "44"'),
        '4: warning: route.default_country = "44": says nothing without `e164`',
    ),
    (
        route('connectors = ["handsets"]', 'e164 = "valid"', 'default_country = "UK"'),
        '5: route.default_country = "UK": is no calling code; allowed: a calling code: "44", "1", "353"',
    ),
    (group("handsets", 'connectors = ["handsets"]'), '2: group.name = "handsets": is the name of a connector already'),
    (
        group("g", "connectors = []"),
        "3: group.connectors = []: leads nowhere; allowed: one or more names of connectors",
    ),
    (
        group("carriers", 'connectors = ["handsets", "carrier"]'),
        '3: group.connectors[1] = "carrier": is no [[connector]] or [[group]] of this file; did you mean "carriers"?',
    ),
    (
        "\n".join([group("a", 'connectors = ["b"]'), group("b", 'connectors = ["handsets", "a"]')]),
        '6: group.connectors[1] = "a": leads back to this group',
    ),
    (
        "\n".join([group("a", 'connectors = ["handsets"]')] * 2),
        '5: group.name = "a": names a second group; the first is number 1 in the file',
    ),
]


@pytest.mark.parametrize(("text", "expected"), [pytest.param(*case, id=case[1][:60]) for case in FAULTS])
def test_a_fault_of_a_route_or_group_is_told_on_its_line(text: str, expected: str) -> None:
    assert f"smscd.toml:{expected}" in said(f"{text}\n")


@pytest.mark.parametrize("name", ["nobody", "joined", "esme:test"])
def test_a_connector_has_no_name_that_smscd_uses_itself(name: str) -> None:
    text = f'[[connector]]\nname = "{name}"\nkind = "emulator"\n'
    assert said(text) == [f'smscd.toml:2: connector.name = "{name}": is a name that smscd uses itself']


def test_groups_and_every_key_of_a_route_are_read() -> None:
    text = "\n".join([
        group("pair", 'connectors = ["handsets", "esme:test"]', 'strategy = "weighted"', "weights = [3, 1]"),
        route('connectors = ["pair", "handsets"]', 'strategy = "least-cost"', "cost = [0.031, 2]",
              'hours = ["mon-fri 08:00-18:00"]', 'time_zone = "Europe/London"', 'e164 = "valid"',
              'default_country = "44"'),
    ])  # fmt: skip
    config = read_file(text).config
    (made,), (first, *_) = config.groups, config.routes
    assert (made.name, made.connectors, made.weights) == ("pair", ["handsets", "esme:test"], [3, 1])
    assert (first.cost, first.hours, first.time_zone) == ([0.031, 2.0], ["mon-fri 08:00-18:00"], "Europe/London")
    assert (first.e164, first.default_country) == ("valid", "44")
    assert config.route_places[0] == "smscd.toml:6"


@pytest.mark.parametrize(
    ("earlier", "later", "covered"),
    [
        ({}, {"hours": ["sat"]}, True),
        ({"hours": ["sat"]}, {}, False),
        ({"hours": ["sat"]}, {"hours": ["sat"]}, True),
        ({"hours": ["sat"]}, {"hours": ["sat"], "time_zone": "Europe/London"}, False),
        ({}, {"e164": "valid"}, True),
        ({"e164": "valid"}, {}, True),  # it refuses what is no number
        ({"destination_addr": "44*"}, {"destination_addr": "4477*", "e164": "valid"}, False),  # 07700 is 447700 there
        ({"destination_addr": "44*", "e164": "valid"}, {"destination_addr": "4477*", "e164": "valid"}, True),
    ],
)
def test_a_route_covers_another_only_if_nothing_could_reach_it(
    earlier: dict[str, object], later: dict[str, object], covered: bool
) -> None:
    rules = [RouteSettings(["a"], **said) for said in (earlier, later)]  # type: ignore[arg-type]  # any keys
    assert list(first_covers(rules, _route_covers)) == [None, 0 if covered else None]


patterns = st.sampled_from(["*", "4*", "44*", "441", "44", "/4.*/", "/a/", "5*", "551*"])
rules_of_addresses = st.lists(
    st.builds(RouteSettings, connectors=st.just(["a"]), destination_addr=patterns, source_addr=patterns,
              esme=st.sampled_from([[], ["x"], ["x", "y"]])),
    max_size=10,
)  # fmt: skip


@given(rules_of_addresses)
def test_looking_up_what_covers_a_rule_finds_what_comparing_all_of_them_finds(rules: list[RouteSettings]) -> None:
    compared = [first_cover(rules[:at], rule) for at, rule in enumerate(rules)]
    assert list(first_covers(rules, lambda _earlier, _later: True)) == compared


def test_ten_thousand_routes_are_not_compared_each_with_each() -> None:
    rules = [RouteSettings(["a"], destination_addr=f"{number:07}*") for number in range(10_000)]
    started = time.process_time()
    assert set(first_covers(rules, _route_covers)) == {None}
    assert time.process_time() - started < 10  # 50 million comparisons take a minute
