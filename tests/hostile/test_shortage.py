"""File descriptors run out: nobody new comes in, everybody inside is served, and it passes."""

from __future__ import annotations

import contextlib
import math
import resource
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest

from smscd import pdu
from smscd.link.opening import SHORTAGE_PAUSE
from tests.hostile.house import House
from tests.hostile.peer import submit
from tests.running import Running, until


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path) as house:
        yield house
        house.unharmed(0, 0)


def test_without_descriptors_accepting_pauses_those_inside_are_served_and_it_recovers(own_house: House) -> None:
    running = own_house.running
    with own_house.bound() as inside:
        limit = own_house.descriptors() + 20
        _, hard = resource.prlimit(running.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(running.pid, resource.RLIMIT_NOFILE, (limit, hard))
        with contextlib.ExitStack() as open_ones:
            crowd = [open_ones.enter_context(own_house.peer()) for _ in range(60)]
            for peer in crowd:
                peer.say(pdu.BindTransceiver(system_id=b"reset", password=b"secret"))
            running.wait_for("accept paused")
            busy = cpu_seconds(running.pid)
            for _ in range(200):
                assert inside.status_of(submit(receipt=True)) == "ESME_ROK"
            own_house.canary.prove(0)
            bound = [peer for peer in crowd if not unanswered(peer)]
            assert 0 < len(bound) <= 20
            assert least_pause(running) > SHORTAGE_PAUSE * 0.9, "it goes round and round"
            assert cpu_seconds(running.pid) - busy < 1.5
        until(lambda: own_house.descriptors() < limit - 10)
        with own_house.bound() as new:
            assert new.status_of(submit()) == "ESME_ROK"


def unanswered(peer: object) -> bool:
    with contextlib.suppress(TimeoutError):
        return not peer.hear(patience=0.01)  # type: ignore[attr-defined]
    return True


def least_pause(running: Running) -> float:
    """Seconds between the two closest "accept paused" of one port; endless if there was but one."""
    at: dict[int, list[datetime]] = {}
    for line in running.lines("accept paused"):
        at.setdefault(line["port"], []).append(datetime.fromisoformat(line["timestamp"]))
    gaps = [(later - earlier).total_seconds() for times in at.values() for earlier, later in pairwise(times)]
    return min(gaps, default=math.inf)


def cpu_seconds(pid: int) -> float:
    """Processor time a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100
