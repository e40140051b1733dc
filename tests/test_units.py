"""Durations, sizes, endpoints and patterns as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smscd import units


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("1.5s", 1.5),
        ("5m", 300),
        ("1h30m", 5400),
        ("24h", 86400),
        ("7d", 604800),
        ("0s", 0),
    ],
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert units.parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "5", "5 s", "-5s", "s", "5S", "1d ", "5sec", "٥s", "1e3s", "9" * 400 + "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        units.parse_duration(text)


@given(st.integers(0, 10**10))
def test_a_duration_is_read_as_it_was_written(milliseconds: int) -> None:
    seconds = milliseconds / 1000
    assert units.parse_duration(units.format_duration(seconds)) == pytest.approx(seconds)


@pytest.mark.parametrize(("seconds", "text"), [(172800, "48h"), (604800, "7d"), (0.1, "100ms"), (90, "90s"), (0, "0s")])
def test_a_duration_is_written_as_people_do(seconds: float, text: str) -> None:
    assert units.format_duration(seconds) == text


@given(st.integers(0, 2**50))
def test_a_size_is_read_as_it_was_written(octets: int) -> None:
    assert units.parse_size(units.format_size(octets)) == octets


@pytest.mark.parametrize("text", ["", "64", "64KB", "64kib", "1.5MiB", "-1B", "9" * 5000 + "B"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        units.parse_size(text)


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("127.0.0.1:2775", ("127.0.0.1", 2775)),
        ("[::1]:2775", ("::1", 2775)),
        ("[fe80::1%eth0]:1", ("fe80::1%eth0", 1)),
        ("smsc.example.net:0", ("smsc.example.net", 0)),
    ],
)
def test_an_endpoint_is_host_and_port(text: str, endpoint: tuple[str, int]) -> None:
    assert units.split_endpoint(text) == endpoint


@pytest.mark.parametrize(
    "text", ["", "2775", ":2775", "host", "host:", "host:x", "host:65536", "::1:2775", "[x]:1", "a b:1", "h:٣"]
)
def test_what_is_no_endpoint_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        units.split_endpoint(text)


@pytest.mark.parametrize(
    ("host", "inside"),
    [
        ("127.3.2.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
        ("example.net", False),
    ],
)
def test_loopback_is_what_cannot_be_reached_from_elsewhere(host: str, inside: bool) -> None:
    assert units.is_loopback(host) is inside


@pytest.mark.parametrize("text", ["*", "12345", "4477*", "ACME", "ACME*", "/44(77|78)\\d+/", "Müller & Co"])
def test_an_address_pattern_is_taken(text: str) -> None:
    assert units.AddressNotation().read(text) == text


@pytest.mark.parametrize("text", ["", "**", "4*4", "+44", "/44", "/(/", "a\nb", 12345])
def test_what_is_no_address_pattern_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        units.AddressNotation().read(text)


def test_an_expression_matches_text_of_several_lines() -> None:
    assert units.compile_expression("/.*stop.*/").fullmatch("please\nstop\nit")
