"""Whatever statements a batch becomes, what is stored is what the messages and parts say."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from smscd.message import CLOSED, DEAD, Message, Part, Stage
from smscd.optout import Entry, Event
from smscd.store import optouts, rows
from smscd.store.schema import MIGRATIONS
from smscd.store.transaction import write
from tests.cast import NOON, message, submit_sm

FIRST = 1 << 60
"""The number of the first message."""
COUNT = st.sampled_from([1, 2, 3, 5, 7, 13, 100, 127, 128, 129, 300])
ENDS = st.tuples(st.sampled_from([CLOSED, DEAD]), st.sampled_from([2, 5]), st.integers(0, 1), st.integers(0, 2))


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        for migration in MIGRATIONS:
            connection.executescript(migration)
        yield connection


def begin(connection: sqlite3.Connection, count: int) -> list[Message]:
    """So many messages that came in as one, stored, and nothing else."""
    connection.executescript("DELETE FROM message; DELETE FROM part;")
    messages = [message(FIRST + number) for number in range(count)]
    write(connection, rows.inserting({one.id: one for one in messages}, [messages]))
    assert stored(connection) == [rows.message_row(one) for one in messages]
    return messages


def stored(connection: sqlite3.Connection) -> list[rows.Row]:
    return connection.execute(f"SELECT {','.join(rows.MESSAGE)} FROM message ORDER BY id").fetchall()


@settings(max_examples=40, deadline=None)
@given(sizes=st.lists(st.integers(1, 150), min_size=1, max_size=5), alone=st.integers(0, 150), data=st.data())
def test_what_comes_in_is_stored_whole(
    connection: sqlite3.Connection, sizes: list[int], alone: int, data: st.DataObject
) -> None:
    connection.executescript("DELETE FROM message; DELETE FROM part;")
    messages, together = [], []
    for at, size in enumerate([*sizes, *[1] * alone]):  # as many reads
        some = [
            message(FIRST + 1000 * at + number, accepted_at=NOON + at, origin=at % 7 == 6) for number in range(size)
        ]
        if data.draw(st.booleans()):
            some[-1].lease_whole("network", "carrier", 1, NOON)
        messages += some
        if data.draw(st.booleans()):
            together.append(some)
    write(connection, rows.inserting({one.id: one for one in messages}, together))
    assert stored(connection) == [rows.message_row(one) for one in messages]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), count=COUNT)
def test_who_is_changed_is_stored_as_it_is_now(connection: sqlite3.Connection, data: st.DataObject, count: int) -> None:
    messages = begin(connection, count)
    chosen = data.draw(st.lists(st.sampled_from(messages), unique_by=lambda one: one.id))
    for one in chosen:
        one.stage, one.due, one.lease_until = data.draw(ENDS)[0], NOON + 1, NOON + one.id % 7
    write(connection, rows.changing(chosen))
    assert stored(connection) == [rows.message_row(one) for one in messages]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 13, 100, 127, 128, 129, 300])
def test_who_is_replaced_is_stored_whole_whether_it_was_there_or_not(
    connection: sqlite3.Connection, count: int
) -> None:
    messages = begin(connection, count)
    connection.execute("DELETE FROM message WHERE id % 3 = 1")
    again = messages[: count // 2 + 1]
    for one in again:
        one.content, one.frame, one.stage, one.group_id = submit_sm(b"%d" % one.id), b"", DEAD, FIRST
    write(connection, rows.replacing(again))
    there = [one for one in messages if one in again or one.id % 3 != 1]
    assert stored(connection) == [rows.message_row(one) for one in there]


@pytest.mark.parametrize("count", [1, 2, 3, 5, 7, 13, 100, 127, 128, 129, 300])
def test_of_opt_outs_the_last_word_about_each_is_stored_and_every_line(
    connection: sqlite3.Connection, count: int
) -> None:
    connection.executescript("DELETE FROM opt_out; DELETE FROM opt_out_journal;")
    entries = [Entry("pair", b"12345", b"4477%08d" % number) for number in range(count)]
    write(connection, optouts.statements([Event(NOON, "stop", one) for one in entries]))
    write(connection, optouts.statements([Event(NOON + 1, kind, entries[0]) for kind in ("start", "stop", "start")]))
    found = connection.execute("SELECT recipient, state, since FROM opt_out ORDER BY recipient").fetchall()
    assert found == [(one.recipient.decode(), int(n > 0), NOON + (n == 0)) for n, one in enumerate(entries)]
    lines = connection.execute("SELECT kind, recipient, at FROM opt_out_journal ORDER BY id").fetchall()
    assert lines == [("stop", one.recipient.decode(), NOON) for one in entries] + [
        (kind, entries[0].recipient.decode(), NOON + 1) for kind in ("start", "stop", "start")
    ]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), count=COUNT)
def test_who_is_closed_gets_its_own_end_and_nobody_else_does(
    connection: sqlite3.Connection, data: st.DataObject, count: int
) -> None:
    messages = begin(connection, count)
    ended: list[Message] = []
    at, receipt = 0, FIRST + 10_000
    while at < count:  # stretches that end alike, with gaps; their receipts in a row, or not
        some = messages[at : at + data.draw(st.integers(1, 150))]
        end, is_asked, unasked = data.draw(ENDS), data.draw(st.booleans()), data.draw(st.integers(-2, len(some)))
        for number, one in enumerate(some):
            one.stage, one.message_state, one.error_code, one.attempts = end
            one.final_at = NOON + 1 + at
            one.receipt = receipt + number if is_asked and number != unasked else 0
        receipt += len(some) + data.draw(st.integers(0, 1))
        if data.draw(st.booleans()):
            some = data.draw(st.permutations(some))
        ended += some
        at += len(some) + data.draw(st.integers(0, 3))
    write(connection, rows.closing(ended))
    assert stored(connection) == [rows.message_row(one) for one in messages]


@settings(max_examples=40, deadline=None)
@given(data=st.data(), count=COUNT)
def test_attempts_are_told_of_those_that_had_them(
    connection: sqlite3.Connection, data: st.DataObject, count: int
) -> None:
    messages = begin(connection, count)
    chosen = data.draw(st.lists(st.sampled_from(messages), unique_by=lambda one: one.id))
    for one in chosen:
        one.attempts = data.draw(st.integers(1, 3))
    write(connection, rows.attempting(chosen))
    assert stored(connection) == [rows.message_row(one) for one in messages]


@settings(max_examples=40, deadline=None)
@given(count=COUNT, distinct=st.integers(1, 3), again=st.booleans())
def test_parts_are_stored_as_they_are_now(
    connection: sqlite3.Connection, count: int, distinct: int, again: bool
) -> None:
    begin(connection, 1)
    parts = [
        Part(FIRST + number, 1 + number % 2, "network", Stage.SENT, f"id{number}", 1 + number % distinct,
             changed_at=NOON + number, provider="carrier", upstream_key=f"key{number}")
        for number in range(count)
    ]  # fmt: skip
    for _ in range(1 + again):
        write(connection, rows.parting(parts))
    found = connection.execute(f"SELECT {','.join(rows.PART)} FROM part ORDER BY message").fetchall()
    assert found == [rows.part_row(part) for part in parts]
