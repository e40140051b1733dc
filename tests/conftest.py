"""What holds for every test.

The gate tries the same examples each time, so that what it says depends on the change alone; `scripts/explore` tries
others each time, for as long as one likes.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("gate", deadline=None, derandomize=True)  # how long an example takes is the machine's affair
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("gate")


def _inherited() -> dict[str, object]:
    """What a process that the next test starts would get of this one."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    return {
        "signal mask": signal.pthread_sigmask(signal.SIG_BLOCK, ()),
        "handlers": [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)],
        "directory": Path.cwd(),
        "environment": environment,
    }


@pytest.fixture(autouse=True)
def nothing_is_left_to_the_next_test() -> Iterator[None]:
    """Which test comes before which is chance where several processes share them."""
    before = _inherited()
    yield
    assert _inherited() == before
