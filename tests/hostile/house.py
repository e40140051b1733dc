"""A running smscd with a canary beside it, and what must be true of both after every attack."""

from __future__ import annotations

import os
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.hostile.accounts import BATTERY
from tests.hostile.canary import Canary
from tests.hostile.peer import Peer
from tests.machine import PATIENCE
from tests.running import Running, until

MOST_RSS = 220 << 20
"""Octets. A fresh process has about 70 MiB; sqlite's cache, scrypt (16 MiB) and 50,000 short messages fit below."""


class House:
    """smscd and its canary."""

    def __init__(self, directory: Path, more: str = "") -> None:
        self.running = Running(directory, f'{BATTERY}{more}\n[admin]\naddress = "127.0.0.1:0"\n')
        self.admin_port = self.running.ports[-1]
        self.canary: Canary

    def __enter__(self) -> Self:
        self.running.start()
        self.canary = Canary(self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, where: TracebackType | None
    ) -> None:
        self.canary.rest()
        self.running.__exit__(kind, fault, where)

    @property
    def port(self) -> int:
        return self.running.port

    def peer(self, **options: Any) -> Peer:
        """A connection that has said nothing yet."""
        return Peer(self.port, **options)

    def bound(self, system_id: str = "test", **options: Any) -> Peer:
        """A connection that is bound."""
        return Peer(self.port).bind(system_id, **options)

    def totals(self, name: str) -> int:
        """One of the totals in `smscd status`."""
        return int(self.running.ask("status")["totals"][name])

    def counted(self, metric: str) -> float:
        """The sum of a counter over all its labels, as /metrics shows it."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/metrics", timeout=PATIENCE) as answer:
            page = answer.read().decode()
        lines = [line for line in page.splitlines() if line.partition("{")[0].partition(" ")[0] == metric]
        return sum(float(line.rpartition(" ")[2]) for line in lines)

    def sessions(self, system_id: str) -> list[dict[str, Any]]:
        """Who is bound, as `smscd status` shows it."""
        return [one for one in self.running.ask("status")["sessions"] if one["system_id"] == system_id]

    def waiting(self, connector: str) -> int:
        """How many messages are queued for or out with a connector."""
        found = next(one for one in self.running.ask("status")["connectors"] if one["name"] == connector)
        return int(found["queued"]) + int(found["in_flight"])

    def descriptors(self) -> int:
        """Open file descriptors of the process."""
        return len(os.listdir(f"/proc/{self.running.pid}/fd"))  # noqa: PTH208 - no Path is wanted

    def rss(self) -> int:
        """Resident octets of the process now."""
        for line in Path(f"/proc/{self.running.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) << 10
        raise AssertionError("no VmRSS")

    def faults(self) -> list[dict[str, Any]]:
        """What it logged about faults of its own."""
        return [line for line in self.running.lines() if line.get("level") in {"error", "critical", None}]

    def unharmed(self, since: int, faults: int) -> None:
        """After an attack: the canary sang all the time, memory is bounded, and smscd met no fault of its own."""
        self.canary.prove(since)
        assert self.faults()[faults:] == []
        until(lambda: self.rss() < MOST_RSS, patience=PATIENCE)
