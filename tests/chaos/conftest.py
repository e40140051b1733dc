"""What every test here has: a printed seed, and processes that do not outlive it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.chaos.chaotic import TEXT, Chaotic

Build = Callable[..., Chaotic]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.chaos)


@pytest.fixture
def dice() -> random.Random:
    """Chance, from a seed that a failed test shows; CHAOS_SEED=N repeats it."""
    seed = int(os.environ.get("CHAOS_SEED") or random.randrange(1 << 32))
    print(f"CHAOS_SEED={seed}")
    return random.Random(seed)


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """`build(text, name=…, …)` makes a smscd, not yet started; it is killed and forgotten after the test."""
    with ExitStack() as stack:

        def make(text: str = TEXT, *, name: str = "smscd", **how: Any) -> Chaotic:
            chaotic = Chaotic(tmp_path / name, text, **how)
            stack.callback(chaotic.__exit__, None, None, None)
            return chaotic

        yield make
