"""How much of SQLite's log waits to be copied back into the database.

The size of the log file does not tell: a checkpoint leaves it as it is, and the next commits write over its beginning.
The wal-index does ("WAL-mode File Format", §2.1: mxFrame at octet 16, nBackfill at octet 96, in the machine's order).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

_FRAMES = struct.Struct("=I")
MX_FRAME, N_BACKFILL = 16, 96


class WalIndex:
    """The wal-index of a database that is open.

    Close it after the last connection: closing any descriptor of a file drops all locks that the process holds on it
    (fcntl(2)), and SQLite's locks are on this one.
    """

    def __init__(self, database: Path) -> None:
        self._descriptor = os.open(f"{database}-shm", os.O_RDONLY)

    def pages(self) -> int:
        """Pages in the log that are not in the database yet."""
        header = os.pread(self._descriptor, N_BACKFILL + _FRAMES.size, 0)
        if len(header) < N_BACKFILL + _FRAMES.size:
            return 0
        written: int = _FRAMES.unpack_from(header, MX_FRAME)[0]
        copied: int = _FRAMES.unpack_from(header, N_BACKFILL)[0]
        return max(0, written - copied)

    def close(self) -> None:
        os.close(self._descriptor)
