"""What an error of SQLite's means: no room, which passes, or a store that cannot be trusted any more."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from smscd.errors import StoreBroken, StoreFull

T = TypeVar("T")

NO_ROOM = frozenset({sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_SHMSIZE})
"""ENOSPC, and ENOSPC where the index of a long log has to grow."""
OUT_OF_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
UNREADABLE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR})
"""Primary result codes (the low octet of an extended one) of a file that is damaged, or that the disk does not give."""
PROBE = 1 << 20
"""Octets: more than the pages of nearly every batch, so that a quota that is nearly used up is noticed."""
UNEXPLAINED = 5
"""So often in a row a failed write may be without a reason: room may have come between the failure and the probe."""


def code_of(fault: sqlite3.Error) -> int:
    """The extended result code, 0 where SQLite was not asked at all."""
    code: int = getattr(fault, "sqlite_errorcode", 0)
    return code


def is_unreadable(fault: sqlite3.Error) -> bool:
    """Whether a read failed for a reason that no later read will be without."""
    return code_of(fault) & 0xFF in UNREADABLE and code_of(fault) not in NO_ROOM


class Disk:
    """Runs work on the writer, and says what its failure means; used in the writer's thread only.

    Whatever fails before the sync can be rolled back, and nothing was promised; a failed sync cannot (RELIABILITY 4).
    SQLite has one code for all failed writes but ENOSPC, so a quota is told from a dying disk by a write of our own.
    """

    def __init__(self, directory: Path) -> None:
        self._probe = directory / ".room"
        self._unexplained = 0

    def run(self, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection) -> T:
        """`work(connection)`, which leaves no transaction open if it fails. Raises StoreFull or StoreBroken."""
        try:
            done = work(connection)
        except sqlite3.Error as fault:
            if not self._has_no_room(fault):
                raise StoreBroken(str(fault)) from fault
            raise StoreFull(str(fault)) from fault
        self._unexplained = 0
        return done

    def is_full(self, fault: sqlite3.Error) -> bool:
        """Whether an opening failed for want of room: only what the disk itself says, for nothing is tried again."""
        if code_of(fault) == sqlite3.SQLITE_IOERR_WRITE:
            return self._try_to_write() in OUT_OF_ROOM
        return code_of(fault) in NO_ROOM

    def _has_no_room(self, fault: sqlite3.Error) -> bool:
        if code_of(fault) != sqlite3.SQLITE_IOERR_WRITE:
            return code_of(fault) in NO_ROOM
        refused = self._try_to_write()
        if refused:
            return refused in OUT_OF_ROOM
        self._unexplained += 1
        return self._unexplained < UNEXPLAINED

    def _try_to_write(self) -> int:
        """The errno with which a file of some size beside the database is refused; 0 if it is not."""
        try:
            with self._probe.open("wb", buffering=0) as probe:
                probe.write(bytes(PROBE))
        except OSError as fault:
            return fault.errno or errno.EIO
        finally:
            with suppress(OSError):
                self._probe.unlink(missing_ok=True)
        return 0
