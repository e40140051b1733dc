"""The memory store keeps the contract."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.store.chests import MemoryChest
from tests.store.contract import StoreContract


@pytest.fixture
async def chest() -> AsyncIterator[MemoryChest]:
    chest = MemoryChest()
    await chest.open()
    yield chest
    await chest.discard()


class TestMemoryStore(StoreContract):
    """Every test of the contract."""
