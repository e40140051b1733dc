"""The file behind the records: whole lines only, put aside when it has grown, the oldest deleted.

`records.jsonl` is the one being written.  When it is full it becomes `records-00000001.jsonl`, the next one
`records-00000002.jsonl`: a name never changes again, so whoever reads the files can remember how far it came.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

_ASIDE = re.compile(r"records-(\d{8,})\.jsonl")

TAIL = 64 << 10
"""Octets at the end in which the last line must begin; a record is below one KiB."""


class RecordFile:
    """Appends lines to `records.jsonl` under `directory`; every method may raise OSError and can be called again."""

    def __init__(self, directory: Path, size: int, keep: int) -> None:
        self.path = directory / "records.jsonl"
        self._most = size
        self._keep = keep
        self._fd: int | None = None
        self._size = 0

    def append(self, lines: Sequence[bytes]) -> int:
        """Write as many of `lines` as the file has room for, at least one; how many that were.

        After an OSError none of them is in the file: a half-written line is cut off again.
        """
        fd = self._opened()
        chunk, count = b"".join(lines), len(lines)
        if self._size + len(chunk) > self._most:
            count = self._room_for(lines)
            chunk = b"".join(lines[:count])
        try:
            _write_all(fd, chunk)
        except OSError:
            os.ftruncate(fd, self._size)
            raise
        self._size += len(chunk)
        return count

    def _room_for(self, lines: Sequence[bytes]) -> int:
        """How many of `lines` begin before the file is full, at least one."""
        size, count = self._size, 0
        while count < len(lines) and (not count or size < self._most):
            size += len(lines[count])
            count += 1
        return count

    def close(self) -> None:
        """Sync and close."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            try:
                os.fdatasync(fd)
            finally:
                os.close(fd)

    def _opened(self) -> int:
        """A descriptor of the file that `path` names now and that has room: a moved or deleted one is begun anew."""
        if self._fd is not None and not _names(self.path, self._fd):
            self.close()
        if self._fd is None:
            self._fd = self._begin()
        if self._size >= self._most:
            self._put_aside()
            self._fd = self._begin()
        return self._fd

    def _begin(self) -> int:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.fchmod(fd, 0o600)
            self._size = _cut_torn_line(fd)
        except OSError:
            os.close(fd)
            raise
        return fd

    def _put_aside(self) -> None:
        self.close()
        aside = sorted((int(match[1]), path) for path in self.path.parent.iterdir() if (match := _match(path)))
        number = aside[-1][0] + 1 if aside else 1
        full = self.path.with_name(f"records-{number:08d}.jsonl")
        self.path.rename(full)
        aside.append((number, full))
        for _, path in aside[: max(0, len(aside) - (self._keep - 1))]:
            path.unlink(missing_ok=True)


def _match(path: Path) -> re.Match[str] | None:
    return _ASIDE.fullmatch(path.name)


def _names(path: Path, fd: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(fd))
    except FileNotFoundError:
        return False


def _write_all(fd: int, octets: bytes) -> None:
    rest = memoryview(octets)
    while rest:
        rest = rest[os.write(fd, rest) :]


def _cut_torn_line(fd: int) -> int:
    """The size of the file after cutting what a crash left of a line."""
    size = os.fstat(fd).st_size
    start = max(0, size - TAIL)
    tail = os.pread(fd, size - start, start)
    whole = start + tail.rfind(b"\n") + 1 if tail else size
    if whole != size:
        os.ftruncate(fd, whole)
    return whole
