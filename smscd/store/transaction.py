"""One transaction on the writer's connection, in the writer's thread."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import Any


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """The block is one transaction, rolled back if anything fails: the next one would run into it."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):  # SQLite may have rolled back by itself
            connection.execute("ROLLBACK")
        raise


@contextmanager
def unsynced(connection: sqlite3.Connection) -> Iterator[None]:
    """As `transaction`, on stable storage only once the next one is: the log is written in order."""
    connection.execute("PRAGMA synchronous=NORMAL")
    try:
        with transaction(connection):
            yield
    finally:
        connection.execute("PRAGMA synchronous=FULL")


def write(
    connection: sqlite3.Connection, statements: list[tuple[str, list[Any]]],
    within: Callable[[sqlite3.Connection], AbstractContextManager[None]] = transaction,
) -> None:  # fmt: skip
    """All of these in one. A single one is a transaction by itself."""
    if len(statements) == 1 and within is transaction:
        connection.execute(*statements[0])
        return
    with within(connection):
        for sql, parameters in statements:
            connection.execute(sql, parameters)
