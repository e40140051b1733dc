"""The data directory: private, and ours alone."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smscd.errors import ConfigError

BUSY = frozenset({errno.EWOULDBLOCK, errno.EACCES})
"""What a lock is refused with that somebody else has: EACCES where it is made of another kind of lock (flock(2))."""


@contextmanager
def claim_data_dir(path: Path) -> Iterator[Path]:
    """Make `path` if need be (mode 0700) and hold it; ConfigError if another process does, or it cannot be had."""
    os.umask(0o077)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptors = [os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)]
        descriptors.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
    except OSError as fault:
        raise ConfigError(
            [f"the data directory {path} cannot be used: {fault.strerror}"], "another data_dir, or --data-dir DIR"
        ) from fault
    try:
        if not all(_lock(descriptor) for descriptor in descriptors):
            raise ConfigError(
                [f"another smscd is running on {path}"], "`smscd status`; a second one needs a data_dir of its own"
            )
        yield path
    finally:
        for descriptor in descriptors:
            os.close(descriptor)


def _lock(descriptor: int) -> bool:
    """Whether nobody else has it: the file, which older versions lock too, or the directory, which nobody removes."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as fault:
        return fault.errno not in BUSY and stat.S_ISDIR(os.fstat(descriptor).st_mode)  # NFS has none for directories
    return True
