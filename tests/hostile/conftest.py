"""One smscd for the whole battery: what one attack leaves behind, the next one meets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.hostile.house import House


@pytest.fixture(scope="session")
def battery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("hostile")) as house:
        yield house


@pytest.fixture
def house(battery: House) -> Iterator[House]:
    """The house, which is unharmed when the test ends."""
    since, faults = battery.canary.answers, len(battery.faults())
    yield battery
    battery.unharmed(since, faults)
