"""A pause that a test can wait out."""

from __future__ import annotations

import pytest

from smscd.store import commit


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for room often."""
    monkeypatch.setattr(commit, "FULL_PAUSE", 0.01)
