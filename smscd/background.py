"""Long work that computes, without keeping the loop and the store's threads waiting for the interpreter."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")

COURTESY = 0.0005
"""Seconds after which a thread that computes gives the interpreter to one that waits for it, while such work goes on.

Python's usual 5 ms are paid several times by each commit, because the store's thread asks anew after every statement.
"""

_usual: list[float] = []
"""The interval that held before each work that goes on; only the first of them is put back."""


async def in_background(work: Callable[P, T], /, *arguments: P.args, **named: P.kwargs) -> T:
    """What `work` returns or raises, done in a thread, and courteously."""
    with courteous():
        return await asyncio.to_thread(work, *arguments, **named)


@contextmanager
def courteous() -> Iterator[None]:
    """Whoever waits for the interpreter has it after half a millisecond, until the end of the block."""
    _usual.append(sys.getswitchinterval())
    sys.setswitchinterval(COURTESY)
    try:
        yield
    finally:
        interval = _usual[0]
        _usual.pop()
        if not _usual:
            sys.setswitchinterval(interval)
