"""How slow this machine is just now: limits in wall-clock time are for one that has nothing else to do."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

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


class Stopwatch:
    """A clock that stands while the machine does: for limits in seconds that no order or count can replace.

    with Stopwatch() as watch:
        started = watch.read()
        ...
        assert watch.read() - started < LIMIT * slack()

    A thread looks at the time every hundredth of a second. What it comes too late for is nobody's fault: then the whole
    machine stood still, or gave its processors to others.
    """

    STEP = 0.01

    def __init__(self) -> None:
        self._lost = 0.0
        self._due = time.monotonic() + 2 * self.STEP
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def read(self) -> float:
        """Monotonic seconds, without those that were lost."""
        with self._lock:
            now = time.monotonic()
            return now - self._lost - max(0.0, now - self._due)

    def _look(self) -> None:
        while not self._ended.wait(self.STEP):
            with self._lock:
                now = time.monotonic()
                self._lost += max(0.0, now - self._due)
                self._due = now + 2 * self.STEP


def processor_time(pid: int) -> float:
    """Seconds that a process has had of all processors (proc(5): utime and stime, in ticks)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def slack() -> float:
    """1 on a quiet machine; on one with more work than processors, how many times longer everything takes."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1), password_check() / CHECK)
