"""The list itself: addresses, keys, layers, and its rows on disk."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smscd.optout import Entry, OptOut, OptOutList, OptOutSettings, canonical
from smscd.optout.keys import GLANCE_BITS, HUGE_PAGE, PORTIONS, Filter, Hashing, KeySet, Recent
from smscd.optout.list import SCOPES, Scope
from tests.cast import submit_sm

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
    assert list(ours) == sorted(theirs)


def test_what_is_remembered_for_a_day_is_forgotten_after_it() -> None:
    recent = Recent(24, 24)
    recent.add(7, 100)
    assert recent.has(7, 124)
    assert not recent.has(7, 126)
    assert not recent.has(8, 100)


def test_an_import_blocks_at_one_moment_and_at_every_moment_while_it_is_folded_in() -> None:
    rows = [Entry("pair", b"12345", b"4477009%05d" % number) for number in range(500)]
    live = OptOutList(b"salt")
    live.settle(0)
    live.add(rows[0])
    layer = live.layer()
    for row in rows:
        layer.add(row)
    assert [row in live for row in rows].count(True) == 1
    live.overlay(layer, 1)
    for _ in live.folding():
        for row in rows[::50]:
            assert live.first(live.wanted([("pair", row.party)]), row.recipient) == (0, "pair", row.party)
    assert len(live) == 500
    assert live.generation == 1
    assert live.discard(rows[3])
    assert rows[3] not in live


@settings(max_examples=30, deadline=None)
@given(st.lists(KEYS, max_size=300), st.lists(KEYS, max_size=300))
def test_a_set_is_what_its_portions_say(some: list[int], others: list[int]) -> None:
    first, second, third = KeySet(bits=9), KeySet(bits=9), KeySet(bits=9)
    for keys, into in ((some, first), (others, second)):
        into.load(keys)
        into.settle()
    for one in (first, second):
        for number in range(PORTIONS):
            third.put(number, one.portion(number))
    assert list(third) == sorted({*some, *others})
    for at, _ in enumerate(first.absorb(second)):
        assert at % 64 or {*first, *second} == {*third}
    assert (list(first), len(first), len(second)) == (list(third), len(third), 0)


@given(st.binary(max_size=24), st.binary(max_size=24), st.binary(max_size=16), st.sampled_from(SCOPES))
def test_keys_are_the_same_after_a_start_and_different_elsewhere(
    one: bytes, other: bytes, party: bytes, scope: Scope
) -> None:
    here, again, elsewhere = Hashing(b"salt"), Hashing(b"salt"), Hashing(b"pepper")
    assert here.recipient(one) == again.recipient(one) < 1 << 64
    assert here.party(scope, party) == again.party(scope, party) < 1 << 32
    if one.lstrip(b"\0") != other.lstrip(b"\0"):
        assert here.recipient(one) != here.recipient(other)
    if one.lstrip(b"\0"):
        assert here.recipient(one) != elsewhere.recipient(one)


@pytest.mark.parametrize("salt", [b"%d" % number for number in range(20)])
def test_what_multiplies_is_prime(salt: bytes) -> None:
    prime = Hashing(salt).prime
    assert 1 << 63 < prime < 1 << 64
    assert all(pow(base, prime - 1, prime) == 1 for base in range(2, 60))
    assert all(prime % small for small in range(2, 10_000))


def passes(optouts: OptOutList, recipient: bytes) -> bool:
    known = optouts._filter
    assert known is not None
    here = optouts.hashing.recipient(recipient)
    return bool(known.bits[here >> known.to_octet] >> (here >> known.to_bit & 7) & 1)


def test_a_filter_lets_every_recipient_through_that_has_a_row_and_few_others() -> None:
    optouts = OptOutList(b"salt")
    rows = [Entry("pair", b"12345", b"4477%09d" % number) for number in range(10_000)]
    optouts.load(rows[:9_000])
    optouts.sort()
    assert optouts.wants_filter
    filtering = optouts.filtering()
    for at, _ in enumerate(filtering):
        if 2_000 <= at < 3_000:
            optouts.add(rows[at + 7_000])  # while it is being made
    assert not optouts.wants_filter
    assert all(passes(optouts, row.recipient) for row in rows)
    strangers = sum(passes(optouts, b"4478%09d" % number) for number in range(10_000))
    assert strangers < 1_500
    for number in range(60_000):
        optouts.add(Entry("pair", b"12345", b"4479%09d" % number))
    assert optouts.wants_filter


def test_an_import_that_began_before_the_filter_was_replaced_is_not_filtered_out() -> None:
    live = OptOutList(b"salt")
    for _ in live.filtering():
        pass
    layer = live.layer()
    for _ in live.filtering():
        pass
    row = Entry("global", b"", b"447700900001")
    layer.add(row)
    wanted = live.wanted([("global", b"")])
    assert live.first(wanted, row.recipient) is None
    live.overlay(layer, 1)
    assert live.first(wanted, row.recipient) == (0, "global", b"")


@settings(max_examples=100)
@given(st.data(), st.sampled_from(["", "44", "39"]), st.booleans())
def test_a_glance_at_many_misses_nobody_who_is_blocked(data: st.DataObject, country: str, has_filter: bool) -> None:
    forms = [(b"447700900001", 1), (b"07700900002", 0), (b"00447700900003", 1), (b"+447700900004", 0), (b"12345", 3),
             (b"Acme", 5), (b"", 0), (b"\xff", 0), (b"447700900005", 1), (b"447700900006", 1)]  # fmt: skip
    usual = [one for one in forms if one[1] == 1 and one[0].startswith(b"44")]
    stopped = data.draw(st.lists(st.sampled_from(forms)))
    asked = data.draw(st.lists(st.sampled_from(forms)) | st.lists(st.sampled_from(usual)))
    optout = OptOut(OptOutSettings(default_country=country))
    if has_filter:
        for _ in optout.list.filtering():
            pass
    for written, ton in stopped:
        optout.list.add(Entry("global", b"", optout.address(written, ton)))
    blocked = [at for at, to in enumerate(asked) if optout.blocking(b"36123", 0, *to, "test") is not None]
    contents = [submit_sm(destination_addr=to, dest_addr_ton=ton) for to, ton in asked]
    assert blocked == list(optout.perhaps(contents)), "and of so few rows none is taken for another"


def test_the_filter_of_a_long_list_misses_nobody_and_lets_few_others_through() -> None:
    live = OptOutList(b"salt")
    rows = [b"4477%09d" % number for number in range(5_000)]
    live._layers[0].size = HUGE_PAGE  # so long that its filter takes more than a huge page
    for _ in live.filtering():
        pass
    live._layers[0].size = 0
    assert live._filter is not None
    assert len(live._filter.bits) > HUGE_PAGE
    for row in rows:
        live.add(Entry("pair", b"12345", row))
    assert list(live.perhaps([*rows, *(b"4478%09d" % number for number in range(5_000))])) == list(range(5_000))
    assert all(passes(live, row) for row in rows)
    assert sum(passes(live, b"4478%09d" % number) for number in range(5_000)) < 50


def test_a_long_list_has_more_shards_and_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smscd.optout.keys.LONG", 1000)
    rows = [Entry("pair", b"12345", b"4477%09d" % number) for number in range(3000)]
    live = OptOutList(b"salt")
    live.load(rows[:2000])
    live.sort()
    before = list(live._layers[0])
    live.settle(0)
    assert len(live._layers[0].shards) == 1 << 16
    assert list(live._layers[0]) == before
    assert len(live) == 2000
    layer = live.layer()
    for row in rows[2000:]:
        layer.add(row)
    live.overlay(layer, 1)
    for _ in live.folding():
        pass
    wanted = live.wanted([("pair", b"12345")])
    assert all(live.first(wanted, row.recipient) for row in rows)
    assert live.first(wanted, b"4478000000001") is None
    assert live.discard(rows[7])
    assert not live.add(rows[8])
    assert [rows[7] in live, rows[8] in live] == [False, True]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 30), unique=True), st.sets(st.integers(0, 30)), st.booleans(), st.booleans())
def test_a_glance_misses_nobody_who_was_erased(
    erased: list[int], stopped: set[int], are_seen: bool, is_started_anew: bool
) -> None:
    people = [b"44770090%04d" % number for number in range(30 + 1)]
    live = OptOut(OptOutSettings())
    for _ in live.list.filtering():
        pass
    for one in stopped:
        live.list.add(Entry("pair", b"12345", people[one]))
    names = [(live.list.hashing.erased(people[one]), live.list.hashing.glance(people[one])) for one in erased]
    if is_started_anew:  # as by keys: rows are by the hash, the filter is made of those
        live.list = OptOutList()
        live.list.know([(name, glance if are_seen else None) for name, glance in names])
        for one in stopped:
            live.list.add(Entry("pair", b"12345", live.list.known_as(people[one])))
        for _ in live.list.filtering():
            pass
    else:
        for one in erased:
            live.erase(people[one])
    contents = [submit_sm(destination_addr=one) for one in people]
    assert set(live.perhaps(contents)) == stopped
    assert {at for at, one in enumerate(people) if live.forbidding(b"12345", 0, one, 1, "test")} == stopped
    assert {at for at, one in enumerate(people) if live.forbidding(b"54321", 0, one, 1, "test")} == set()


@pytest.mark.parametrize("rows", [0, 100_000, 5_000_000])
def test_a_glance_lets_nearly_nobody_else_through(rows: int) -> None:
    made, hashing = Filter(rows), Hashing(b"salt")
    made.glances([hashing.glance(b"44770090%04d" % number) for number in range(100)])
    assert 0 < sum(octet.bit_count() for octet in bytes(made.bits)) <= 100 * max(1, len(made.bits) * 8 >> GLANCE_BITS)
    for number in range(100):
        here = hashing.recipient(b"44770090%04d" % number)
        assert made.bits[here >> made.to_octet] >> (here >> made.to_bit & 7) & 1


def test_of_several_rows_the_narrowest_is_told() -> None:
    optout = OptOut(OptOutSettings(pools={"alerts": ["12345"]}))
    rows = [Entry("global", b"", b"447700900001"), Entry("account", b"test", b"447700900001"),
            Entry("pool", b"alerts", b"447700900001"), Entry("pair", b"12345", b"447700900001")]  # fmt: skip
    for row in rows:
        optout.list.add(row)
        assert optout.blocking(b"12345", 0, b"+447700900001", 1, "test") == row
        assert optout.blocking(b"54321", 0, b"447700900001", 1, "shop") == rows[0]
    for row in reversed(rows):
        assert optout.blocking(b"12345", 0, b"447700900001", 1, "test") == row
        optout.list.discard(row)
    assert optout.blocking(b"12345", 0, b"447700900001", 1, "test") is None


def test_changed_pools_hold_for_a_sender_that_was_asked_about_before() -> None:
    optout = OptOut(OptOutSettings())
    row = Entry("pool", b"alerts", b"447700900001")
    optout.list.add(row)
    assert optout.blocking(b"12345", 0, row.recipient, 1, "test") is None
    optout.apply(OptOutSettings(pools={"alerts": ["12345"]}))
    assert optout.blocking(b"12345", 0, row.recipient, 1, "test") == row
    optout.list = OptOutList(b"another salt")
    optout.list.add(row)
    assert optout.blocking(b"12345", 0, row.recipient, 1, "test") == row
