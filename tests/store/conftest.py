"""A store to test, and a pause that a test can wait out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from smscd.store import commit
from tests.store.chests import SqliteChest


@pytest.fixture
async def chest(tmp_path: Path) -> AsyncIterator[SqliteChest]:
    """The default store, open."""
    chest = SqliteChest(tmp_path)
    await chest.open()
    yield chest
    await chest.discard()


@pytest.fixture
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Look for room often."""
    monkeypatch.setattr(commit, "FULL_PAUSE", 0.01)
