"""The SQLite store keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.store.chests import SqliteChest
from tests.store.contract import StoreContract


@pytest.fixture
async def chest(tmp_path: Path) -> AsyncIterator[SqliteChest]:
    chest = SqliteChest(tmp_path)
    await chest.open()
    yield chest
    await chest.discard()


class TestSqliteStore(StoreContract):
    """Every test of the contract."""
