"""One smscd for the whole battery: what one attack leaves behind, the next one meets."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import Peer, submit


@pytest.fixture(scope="session")
def battery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    with House(tmp_path_factory.mktemp("hostile")) as house:
        yield house


@pytest.fixture(scope="session")
def deaf(battery: House) -> Iterator[Peer]:
    """A bound client with a tiny buffer that never reads, while thousands of receipts are due to it."""
    with battery.bound("deaf", kind=pdu.BindTransmitter) as peer:
        text = b"x" * 60
        for first in range(0, 6000, 500):
            octets = [pdu.encode(submit(text, receipt=True, sequence_number=first + n)) for n in range(500)]
            peer.send(b"".join(octets))
            peer.answer_to(first + 499)
    with battery.peer(receive_buffer=4096) as peer:
        yield peer.bind("deaf", kind=pdu.BindReceiver)


@pytest.fixture
def house(battery: House, deaf: Peer) -> Iterator[House]:
    """The house, which is unharmed when the test ends. All the time there is somebody in it who never reads."""
    since, faults = battery.canary.answers, len(battery.faults())
    yield battery
    battery.unharmed(since, faults)
