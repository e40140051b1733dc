"""What SQLite would lose at an opening and say nothing: a log that it does not believe, or that has lost its database.

A log whose header is wrong, or beside which the database is missing or empty, is thrown away as a whole. Neither is
ever left by a crash: the database has its first page before there is a log, whose header is one write of 32 octets.
Nor is a log that is gone while its index knows of pages that were never copied back: whoever ends well copies them and
removes the index before the log, be it smscd or the `sqlite3` with which somebody looks at what a kill has left.
Behind a frame whose checksum is wrong it reads no further. That is how commits that a power cut has torn are undone:
the last that somebody waited for, and what was written without a sync before it. But a damaged disk may cut off
commits of the same log in this way too, and it is said ("WAL-mode File Format", §4).
"""

from __future__ import annotations

import os
import struct
from pathlib import Path

import structlog

from smscd.errors import StoreBroken

log = structlog.get_logger("smscd.store")

_HEADER = struct.Struct(">8I")  # magic, version, page size, sequence, two salts, two checksums
_FRAME = struct.Struct(">6I")  # page, pages of the database after a commit or 0, two salts, two checksums
MAGIC = {0x377F0682: "<6I", 0x377F0683: ">6I"}
"""Octets in which order the checksums are made of."""
MASK = 0xFFFFFFFF
_INDEX = struct.Struct("=48s48sI")  # its header twice, and how many pages of the log were copied back, in machine order
_INDEX_HEADER = struct.Struct("=I8xB3xI28x")  # version, whether it was ever filled, pages in the log (§2.1)
INDEX_VERSION = 3_007_000


def refuse_what_would_be_lost(database: Path) -> None:
    """Raises StoreBroken where opening `database` would throw its log away. Nothing is changed."""
    header = _beginning(Path(f"{database}-wal"), _HEADER.size)
    if not any(header):  # missing, empty, or zeros only
        _refuse_if_it_was_taken_away(database)
        return
    if not database.exists() or not database.stat().st_size:
        fault = "empty" if database.exists() else "missing"
        raise StoreBroken(f"{database} is {fault}, but its log is not: {database}-wal")
    if len(header) < _HEADER.size or not _is_sound(header):
        raise StoreBroken(f"{database}-wal is damaged at its beginning: nothing that it has could be read")


def _refuse_if_it_was_taken_away(database: Path) -> None:
    """After a kill the index says what the log had; nothing of it is believed where its two headers differ (§2.1)."""
    index = _beginning(Path(f"{database}-shm"), _INDEX.size)
    if len(index) < _INDEX.size:
        return
    one, other, copied = _INDEX.unpack(index)
    version, filled, written = _INDEX_HEADER.unpack(one)
    if one == other and version == INDEX_VERSION and filled and copied < written:
        raise StoreBroken(
            f"{database}-wal is missing or empty, and {written - copied} of its pages are not in the database yet:"
            f" put it back, or remove {database}-shm to go on without what was committed there"
        )


def _beginning(file: Path, octets: int) -> bytes:
    """What `file` begins with; nothing if there is none."""
    try:
        with file.open("rb") as opened:
            return opened.read(octets)
    except FileNotFoundError:
        return b""


def _is_sound(header: bytes) -> bool:
    """Whether SQLite would believe it (§4.4: the checksum algorithm)."""
    order = MAGIC.get(int.from_bytes(header[:4], "big"))
    if order is None:
        return False
    one = two = 0
    words = struct.unpack(order, header[:24])
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = one + first + two & MASK
        two = two + second + one & MASK
    return (one, two) == _HEADER.unpack(header)[6:]


def tell_what_was_lost(database: Path, believed: int) -> None:
    """Log it if the log of an open database has commits behind the frames that SQLite believes, `believed` of them."""
    commits = _commits_behind(database, believed)
    if commits > 1:  # one alone is what a power cut leaves of the last
        unless = "the power has failed: then nobody had been told of them"
        log.error("the log is torn: commits are lost", file=f"{database}-wal", commits=commits, unless=unless)


def _commits_behind(database: Path, believed: int) -> int:
    with Path(f"{database}-wal").open("rb", buffering=0) as file:
        header = file.read(_HEADER.size)
        if len(header) < _HEADER.size or not any(header):
            return 0
        unpacked = _HEADER.unpack(header)
        found, size = 0, _FRAME.size + unpacked[2]
        at = _HEADER.size + believed * size
        while len(frame := os.pread(file.fileno(), _FRAME.size, at)) == _FRAME.size and any(frame):
            _page, committed, first, second, *_checksums = _FRAME.unpack(frame)
            found += (first, second) == unpacked[4:6] and committed != 0
            at += size
        return found
