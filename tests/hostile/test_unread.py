"""A client that never reads: what it is sent stays within bounds, and after the limit it is gone.

The limit is 30 s, so the client is there from the first moment of the battery, and this file comes last.
"""

from __future__ import annotations

from tests.hostile.house import House
from tests.hostile.peer import Peer
from tests.machine import PATIENCE


def test_a_client_that_never_reads_costs_little_and_is_dropped_after_the_limit(house: House, deaf: Peer) -> None:
    line = house.running.wait_for("closed", patience=30 + PATIENCE, esme="deaf", peer=deaf.name)
    assert line["reason"].startswith("peer does not read"), line
    assert house.waiting("esme:deaf") > 1000, "what it did not take is kept"
