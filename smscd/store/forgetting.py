"""Forgetting messages that were final for long enough, in the writer's thread.

Nobody is told and nobody waits, so there is no sync of its own: the next one is for this as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable

from smscd.store.transaction import unsynced

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
    (f"DELETE FROM part WHERE message IN ({oldest})", f"DELETE FROM message WHERE id IN ({oldest})")  # noqa: S608 - our own words
    for oldest in map(OLDEST.format, STAGES)
)
_COUNT = "(SELECT count(*) FROM (SELECT 1 FROM message WHERE stage = {} AND final_at < ? LIMIT ?))"
COUNT = "SELECT " + " + ".join(map(_COUNT.format, STAGES))
HIGHEST = "SELECT (SELECT max(id) FROM message), (SELECT max(alias) FROM message WHERE alias IS NOT NULL)"
FLOOR = (
    "INSERT INTO counter (name, value) VALUES ('highest_id', ?), ('highest_alias', ?)"
    " ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)"
)


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
