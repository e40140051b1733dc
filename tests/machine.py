"""How slow this machine is just now: limits in wall-clock time are for one that has nothing else to do."""

from __future__ import annotations

import hashlib
import os
import time

PATIENCE = 60.0
"""Seconds after which a test is told that something did not happen. Waiting itself ends with the event, so that this
measures nothing: a machine that stands still for half of it makes no test fail."""
CHECK = 0.06
"""Seconds that one password check takes on a quiet machine."""


def password_check() -> float:
    """Seconds that one password check (scrypt, as smscd's own hashes cost) takes at this moment."""
    started = time.monotonic()
    hashlib.scrypt(b"guess", salt=b"12345678", n=1 << 14, r=8, p=1, maxmem=32 << 20)
    return time.monotonic() - started


def slack() -> float:
    """1 on a quiet machine; on one with more work than processors, how many times longer everything takes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1), password_check() / CHECK)
