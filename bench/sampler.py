"""smscd with a clock in its loop's thread that looks, every few milliseconds of CPU time, at what the thread is doing.

    python bench/sampler.py FILE run --config smscd.toml        # what bench/budget.py starts

SIGUSR2 writes to FILE what was seen since the last one: samples by the functions of smscd that were running, the
innermost first, and the names of the threads.

The clock is the thread's own CPU time (timer_create(2), CLOCK_THREAD_CPUTIME_ID): a thread that waits, for a lock or
for a core, is not seen. What the loop does below Python is seen at `_run_loop`, or at the first instruction of
the callback that follows it, which is taken for the same.
"""

from __future__ import annotations

import ctypes
import json
import signal
import sys
import threading
from collections import Counter
from pathlib import Path
from types import FrameType

from smscd.cli import main

CLOCK_THREAD_CPUTIME_ID = 3
SIGEV_SIGNAL = 0
NANOSECONDS = 2_000_000
"""CPU time between two looks; the kernel may make more of it."""
DEPTH = 12
FIRST = 8
"""f_lasti below this: the function has not begun."""


class _SigEvent(ctypes.Structure):
    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_byte * 48),
    )


class _TimerSpec(ctypes.Structure):
    _fields_ = (("every_s", ctypes.c_long), ("every_ns", ctypes.c_long), ("first_s", ctypes.c_long),
                ("first_ns", ctypes.c_long))  # fmt: skip


class Sampler:
    """Counts stacks."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.stacks: Counter[tuple[str, ...]] = Counter()
        self._names: dict[object, str] = {}

    def look(self, _signal: int, frame: FrameType | None) -> None:
        stack: list[str] = []
        is_first = frame is not None and frame.f_lasti < FIRST
        while frame is not None and len(stack) < DEPTH:
            name = self._names.get(frame.f_code) or self._name(frame)
            if name == "daemon/__init__.py:_run_loop":
                break
            if name != "-":
                stack.append(name)
            frame = frame.f_back
        if is_first and len(stack) <= 1:
            stack = []
        self.stacks[tuple(stack)] += 1

    def _name(self, frame: FrameType) -> str:
        """As "journey.py:settle"; "-" for what is not ours."""
        code = frame.f_code
        _, found, path = code.co_filename.rpartition("/smscd/")
        name = self._names[code] = f"{path}:{code.co_name}" if found else "-"
        return name

    def tell(self, _signal: int, _frame: FrameType | None) -> None:
        stacks, self.stacks = self.stacks, Counter()
        told = {
            "stacks": [[count, *stack] for stack, count in stacks.items()],
            "threads": {thread.native_id: thread.name for thread in threading.enumerate()},
        }
        part = self.file.with_suffix(".part")
        part.write_text(json.dumps(told))
        part.rename(self.file)

    def begin(self) -> None:
        signal.signal(signal.SIGPROF, self.look)
        signal.signal(signal.SIGUSR2, self.tell)
        library = ctypes.CDLL(None, use_errno=True)
        timer, event = ctypes.c_void_p(), _SigEvent(signo=signal.SIGPROF, notify=SIGEV_SIGNAL)
        every = _TimerSpec(every_ns=NANOSECONDS, first_ns=NANOSECONDS)
        if library.timer_create(CLOCK_THREAD_CPUTIME_ID, ctypes.byref(event), ctypes.byref(timer)) or (
            library.timer_settime(timer, 0, ctypes.byref(every), None)
        ):
            raise OSError(ctypes.get_errno(), "timer_create")


if __name__ == "__main__":
    Sampler(Path(sys.argv[1])).begin()
    sys.argv[:2] = ["smscd"]
    main()
