"""The data directory: private, and ours alone."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from smscd.errors import ConfigError


@contextmanager
def claim_data_dir(path: Path) -> Iterator[Path]:
    """Make `path` if need be (mode 0700) and hold it; ConfigError if another process does, or it cannot be had."""
    os.umask(0o077)
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        raise ConfigError(
            [f"the data directory {path} cannot be used: {fault.strerror}"], "another data_dir, or --data-dir DIR"
        ) from fault
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise ConfigError(
            [f"another smscd is running on {path}"], "`smscd status`; a second one needs a data_dir of its own"
        ) from None
    try:
        yield path
    finally:
        os.close(descriptor)
