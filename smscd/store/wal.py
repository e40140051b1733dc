"""SQLite's log: how much of it waits to be copied back into the database, and when that is done.

It is copied back on the writer's own connection, between two batches, and begins anew with the next commit if all of it
has been copied and nobody reads. With questions coming one upon the other that might never be so: a log that has grown
to `LONGEST` is copied back while the reader holds still.

The size of the log file does not tell: a checkpoint leaves it as it is, and the next commits write over its beginning.
The wal-index does ("WAL-mode File Format", §2.1: mxFrame at octet 16, nBackfill at octet 96, in the machine's order).
"""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import structlog

from smscd.errors import StoreBroken, StoreFull
from smscd.store.commit import FULL_PAUSE, GroupCommit
from smscd.store.lost import tell_what_was_lost

log = structlog.get_logger("smscd.store")

IDLE = 1000
"""Pages worth copying back when nothing else is to be done."""
BUSY = 4000
"""Pages (16 MiB) after which the copy back is done even under load."""
LONGEST = 16_384
"""Pages (64 MiB) in the log, copied back or not, after which nobody may read while it is copied back."""

ROOM = (BUSY + BUSY // 8) * (24 + 4096)
"""Octets that the log is given at the start, frames of 24 and a page each: as long as it grows under load.

To sync what lies over octets that are there already takes half as long as to sync a file that has grown, because the
file system has nothing to note down."""
PIECE = 16_384
"""Octets of it that are written at once. Linux may keep what one write brings in units as large as that (ext4 does from
6.16 on), and each frame that is later written into one costs a walk through all of its blocks: 18 µs of CPU a frame
with units of 2 MiB, 5 with these (November 22, 2026). There is a frame for every four messages."""
SPARE = 8
"""That many times `ROOM` has to be free on the disk, or the log grows as it goes."""

_FRAMES = struct.Struct("=I")
MX_FRAME, N_BACKFILL = 16, 96


def lengthen(database: Path) -> None:
    """Give the log of an open database its usual length, before anybody waits for a sync.

    Zeros behind the last frame are not part of the log: their salt and checksum are wrong (WAL-mode File Format, §4.1).
    """
    descriptor = os.open(f"{database}-wal", os.O_WRONLY)
    length = os.fstat(descriptor).st_size
    try:
        disk = os.fstatvfs(descriptor)
        if length < ROOM and disk.f_bavail * disk.f_frsize > SPARE * ROOM:
            for begin in range(length, ROOM, PIECE):
                os.pwrite(descriptor, bytes(min(PIECE, ROOM - begin)), begin)
            os.fdatasync(descriptor)
    except OSError as fault:  # a quota
        log.warning("the log grows as it goes", why=fault.strerror)
        os.ftruncate(descriptor, length)
    finally:
        os.close(descriptor)


def sync(database: Path) -> None:
    """Have all that is in the log of an open database on stable storage. Raises StoreBroken: it never is, then."""
    try:
        descriptor = os.open(f"{database}-wal", os.O_RDONLY)
        try:
            os.fdatasync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as fault:
        raise StoreBroken(f"{database}-wal: {fault.strerror}") from fault


class WalIndex:
    """The wal-index of a database that is open.

    Close it after the last connection: closing any descriptor of a file drops all locks that the process holds on it
    (fcntl(2)), and SQLite's locks are on this one.
    """

    def __init__(self, database: Path) -> None:
        self._descriptor = os.open(f"{database}-shm", os.O_RDONLY)

    def pages(self) -> tuple[int, int]:
        """How many the log has, and how many of them are not in the database yet."""
        header = os.pread(self._descriptor, N_BACKFILL + _FRAMES.size, 0)
        if len(header) < N_BACKFILL + _FRAMES.size:
            return 0, 0
        written: int = _FRAMES.unpack_from(header, MX_FRAME)[0]
        copied: int = _FRAMES.unpack_from(header, N_BACKFILL)[0]
        return written, max(0, written - copied)

    def close(self) -> None:
        os.close(self._descriptor)


class Log:
    """The log of an open database. `copy_back` is the checkpoint itself; `silence` keeps the reader from reading."""

    def __init__(
        self, database: Path, commit: GroupCommit, copy_back: Callable[[], Awaitable[None]],
        silence: Callable[[], AbstractAsyncContextManager[None]],
    ) -> None:  # fmt: skip
        self.copying = False
        self._index = WalIndex(database)
        tell_what_was_lost(database, self._index.pages()[0])
        self._commit = commit
        self._copy_back = copy_back
        self._silence = silence
        self._task: asyncio.Task[None] | None = None

    def mind(self) -> None:
        """Ask for a checkpoint when much is not copied back: sooner if nothing waits, later under load."""
        if self.copying:
            return
        length, waiting = self._index.pages()
        if length >= LONGEST:
            self.copying = True
            self._task = asyncio.create_task(self._in_silence(), name="checkpoint")
        elif waiting >= (BUSY if self._commit.gathering else IDLE):
            self.copying = True
            self._commit.between_batches(self._copy)

    async def _in_silence(self) -> None:
        """The log begins anew with the commit after this: whoever reads from now on reads the database alone."""
        async with self._silence():
            copied: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._commit.between_batches(lambda: self._copy(copied))
            await copied

    async def _copy(self, copied: asyncio.Future[None] | None = None) -> None:
        try:
            await self._copy_back()
        except StoreFull as full:  # the log goes on growing, if it has room: copying it back can wait for some
            log.warning("no room for a checkpoint", why=str(full))
            asyncio.get_running_loop().call_later(FULL_PAUSE, self._again)
        else:
            self.copying = False
        finally:
            if copied is not None and not copied.done():
                copied.set_result(None)

    def _again(self) -> None:
        self.copying = False

    async def close(self) -> None:
        """After the last commit: whoever still waits for it to be copied back is sent away."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def forget(self) -> None:
        """After the last connection was closed."""
        self._index.close()
