"""Address patterns: digits, prefixes, expressions."""

from __future__ import annotations

import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from smscd.patterns import AddressSet


@pytest.mark.parametrize(
    ("patterns", "inside", "outside"),
    [
        (["*"], [b"", b"1", b"ACME", b"+44", b"\xff"], []),
        (["12345"], [b"12345", b"+12345"], [b"1234", b"123456", b"", b"+", b"++12345"]),
        (["4477*"], [b"4477", b"447700900001", b"+447700900001"], [b"447", b"44", b"", b"144770"]),
        (["4477*", "49*", "1"], [b"491", b"4477", b"1"], [b"12", b"4478"]),
        (["ACME"], [b"ACME"], [b"acme", b"ACME2", b"ACM"]),
        (["/44[0-9]{3}/"], [b"44123", b"+44123"], [b"441234", b"4412", b"x44123"]),
        (["/.*9/"], [b"9", b"449"], [b"98", b""]),
        (["/(1|2)*/"], [b"", b"1212"], [b"3"]),
        ([], [], [b"", b"1"]),
        (["caf\u00e9"], ["caf\u00e9".encode()], [b"caf"]),
    ],
)
def test_a_set_holds_what_any_of_its_patterns_means(
    patterns: list[str], inside: list[bytes], outside: list[bytes]
) -> None:
    addresses = AddressSet(patterns)
    assert [one for one in inside if one not in addresses] == []
    assert [one for one in outside if one in addresses] == []


@given(st.binary(max_size=21))
def test_no_address_a_peer_may_send_breaks_an_expression(address: bytes) -> None:
    assert (address in AddressSet(["/[0-9]+/", "/\u00e9*/"])) in {True, False}


digits = st.text("0123456789", min_size=1, max_size=6)


@given(st.lists(st.tuples(digits, st.booleans()), max_size=8), digits)
def test_many_patterns_mean_what_each_of_them_means(patterns: list[tuple[str, bool]], address: str) -> None:
    written = [digits + "*" * prefix for digits, prefix in patterns]
    expected = any(re.fullmatch(one.replace("*", ".*"), address) for one in written)
    assert (address.encode() in AddressSet(written)) is expected


def test_only_a_bare_star_means_every_address() -> None:
    assert AddressSet(["1", "*"]).is_everything
    assert not AddressSet(["1*"]).is_everything
    assert not AddressSet(["/.*x?/", "/(44.*)?/"]).is_everything
    assert not AddressSet([]).is_everything


def test_an_exact_number_is_closer_than_any_prefix_and_a_long_prefix_closer_than_a_short_one() -> None:
    addresses = AddressSet(["*", "44*", "4477*", "447700900001", "/44.*/"])
    assert addresses.specificity(b"447700900001") > addresses.specificity(b"447700900002")
    assert addresses.specificity(b"447700900002") > addresses.specificity(b"44123")
    assert addresses.specificity(b"44123") > addresses.specificity(b"1")
    assert AddressSet(["44*"]).specificity(b"1") == -1


def test_an_expression_that_fits_is_closer_than_a_star_and_less_close_than_a_prefix() -> None:
    star, expression, prefix = AddressSet(["*"]), AddressSet(["/4.*/"]), AddressSet(["4*"])
    assert star.specificity(b"44") < expression.specificity(b"44") < prefix.specificity(b"44")
    assert expression.specificity(b"54") == -1


@given(st.binary(max_size=21))
def test_an_address_is_in_a_set_exactly_if_some_pattern_fits_it(address: bytes) -> None:
    addresses = AddressSet(["12*", "345", "/[a-z]*/"])
    assert (addresses.specificity(address) >= 0) is (address in addresses)
