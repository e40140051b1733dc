"""What holds for every test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("smscd", deadline=None)  # how long an example takes is the machine's affair
settings.load_profile("smscd")

ONE_TAPE = {"test_tape.py", "test_wireshark.py"}
"""They read what every test with a foreign ESME has recorded."""


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With several workers a file stays with one, and whatever is recorded on one tape too."""
    for item in items:
        recorded = item.path.name in ONE_TAPE or "smsc" in getattr(item, "fixturenames", ())
        group = "tape" if recorded else str(item.path.relative_to(Path(__file__).parent))
        item.add_marker(pytest.mark.xdist_group(group))
