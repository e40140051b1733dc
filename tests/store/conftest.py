"""A pause that a test can wait out."""

from __future__ import annotations

import pytest

from smscd.store import batch


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for room often."""
    monkeypatch.setattr(batch, "FULL_PAUSE", 0.01)
