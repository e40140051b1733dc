"""What is written beside the batches without a sync of its own, in the writer's thread.

The log is written in order: the next sync is for this as well. So it is for what counts for nothing before that.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

SLICES = 4
"""In so many steps a portion is forgotten."""
LEAST = 50
"""Messages in a slice: with fewer it costs more to look at the clock."""
ENOUGH = 0.004
"""Seconds: a portion that has taken longer ends with its slice if somebody waits for the writer."""

STAGES = (5, 6)
"""Closed, dead. They stand in the statements themselves, or SQLite would not see that a partial index fits."""
OLDEST = "SELECT id FROM message WHERE stage = {} AND final_at < ? ORDER BY final_at LIMIT ?"
FORGET = tuple(
    (f"DELETE FROM part WHERE message IN ({oldest})", f"DELETE FROM message WHERE id IN ({oldest})")  # noqa: S608
    for oldest in map(OLDEST.format, STAGES)
)
_COUNT = "(SELECT count(*) FROM (SELECT 1 FROM message WHERE stage = {} AND final_at < ? LIMIT ?))"
COUNT = "SELECT " + " + ".join(map(_COUNT.format, STAGES))
HIGHEST = "SELECT (SELECT max(id) FROM message), (SELECT max(alias) FROM message WHERE alias IS NOT NULL)"
FLOOR = (
    "INSERT INTO counter (name, value) VALUES ('highest_id', ?), ('highest_alias', ?)"
    " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
)


@contextmanager
def unsynced(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction, rolled back if anything fails; what comes after the block is synced again."""
    connection.execute("PRAGMA synchronous=NORMAL")
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:  # the next batch would run into a transaction that was left open
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute("PRAGMA synchronous=FULL")


def write(connection: sqlite3.Connection, statements: list[tuple[str, list[Any]]]) -> None:
    """All of these."""
    with unsynced(connection):
        for sql, parameters in statements:
            connection.execute(sql, parameters)


def forget(
    connection: sqlite3.Connection, final_before: tuple[int, int], limit: int, is_over: Callable[[], bool]
) -> int:
    """Forget up to `limit` messages closed, and as many dead letters, that were final before these times. How many.

    The oldest go first; once `is_over` says so, fewer: a slice of each at the least.
    """
    with unsynced(connection):
        highest_id, highest_alias = connection.execute(HIGHEST).fetchone()
        forgotten = sum(
            _forget(connection, statements, before, limit, is_over)
            for statements, before in zip(FORGET, final_before, strict=True)
        )
        if forgotten:  # a number must not come back, even when the newest are gone and the wall clock has stepped back
            connection.execute(FLOOR, (highest_id, highest_alias or 0))
    return forgotten


def _forget(
    connection: sqlite3.Connection, statements: tuple[str, str], before: int, limit: int, is_over: Callable[[], bool]
) -> int:
    parts, messages = statements
    slice_, forgotten = max(LEAST, limit // SLICES), 0
    while forgotten < limit:
        some = min(slice_, limit - forgotten)
        connection.execute(parts, (before, some))
        gone = connection.execute(messages, (before, some)).rowcount
        forgotten += gone
        if gone < some or is_over():
            break
    return forgotten
