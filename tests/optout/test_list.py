"""The list itself: addresses, keys, layers, and its rows on disk."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smscd.optout import Entry, OptOutList, canonical
from smscd.optout.keys import KeySet, Recent

KEYS = st.integers(0, (1 << 64) - 1) | st.sampled_from([0, 1, (1 << 52) - 1, 1 << 52, (1 << 64) - 1])


@pytest.mark.parametrize(
    ("written", "ton", "country", "form"),
    [
        (b"447700900001", 1, "", b"447700900001"), (b"+447700900001", 0, "", b"447700900001"),
        (b"00447700900001", 1, "", b"447700900001"), (b"07700900001", 0, "44", b"447700900001"),
        (b"7700900001", 2, "44", b"447700900001"), (b"2025550123", 0, "1", b"12025550123"),
        (b"12025550123", 0, "1", b"12025550123"), (b"0612345678", 0, "33", b"33612345678"),
        (b"0312345678", 0, "39", b"390312345678"), (b"12345", 0, "44", b"12345"), (b"12345", 3, "", b"12345"),
        (b"Acme", 5, "44", b"ACME"), (b"+44 (7700) 900-001", 0, "", b"447700900001"), (b"", 0, "44", b""),
    ],
)  # fmt: skip
def test_an_address_has_one_form(written: bytes, ton: int, country: str, form: bytes) -> None:
    assert canonical(written, ton, country) == form


@given(st.lists(st.tuples(st.booleans(), KEYS), max_size=200), st.lists(KEYS, max_size=50))
def test_a_key_set_is_a_set(changes: list[tuple[bool, int]], loaded: list[int]) -> None:
    ours, theirs = KeySet(bits=3), set(loaded)
    ours.load(loaded)
    ours.settle()
    for adds, key in changes:
        assert (ours.add(key) if adds else ours.discard(key)) is ((key not in theirs) if adds else (key in theirs))
        (theirs.add if adds else theirs.discard)(key)
        assert (key in ours) is adds
    assert len(ours) == len(theirs)
    assert sorted(key for shard in ours.shards() for key in shard) == sorted(theirs)


def test_what_is_remembered_for_a_day_is_forgotten_after_it() -> None:
    recent = Recent(24, 24)
    recent.add(7, 100)
    assert recent.has(7, 124)
    assert not recent.has(7, 126)
    assert not recent.has(8, 100)


def test_an_import_blocks_at_one_moment_and_at_every_moment_while_it_is_folded_in() -> None:
    rows = [Entry("pair", b"12345", b"4477009%05d" % number) for number in range(500)]
    live, layer = OptOutList(), OptOutList()
    live.settle(0)
    live.add(rows[0])
    for row in rows:
        layer.add(row)
    assert [row in live for row in rows].count(True) == 1
    live.overlay(layer, 1)
    for _ in live.folding():
        assert all(live.blocking(row.party, row.recipient, b"test", {}) == row for row in rows[::50])
    assert len(live) == 500
    assert live.generation == 1
    assert live.discard(rows[3])
    assert rows[3] not in live
