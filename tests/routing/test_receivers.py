"""Whose a number is: the closest `receives` wins."""

from __future__ import annotations

from smscd.routing import Receivers


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
