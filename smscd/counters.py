"""What has happened so far, in plain integers: the rooms add, the metrics read.

A room fetches its object once (`counters.esme("test")`, `counters.connector("carrier-a")`) and then only does `+= 1`.
Names of metrics, labels and help texts stand in one table, `admin/metrics.py`; nothing here knows of them.
Objects are made for configured names only, never for what an unauthenticated peer typed.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field

SECONDS = (0.0005, 0.001, 0.002, 0.003, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds for latencies: dense around the promises (1, 3 and 6 ms), sparse where all is lost."""

ROWS = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0)
"""Upper bounds for the size of a commit batch."""


MOST_STATUSES = 100
"""command_status of one connector that are counted each by itself: both specifications together have fewer."""
OTHER = "other"
"""What all further ones are counted as."""


class Distribution:
    """How often a value fell under which bound; the last slot of `counts` is for everything beyond all bounds."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def observe(self, value: float, times: int = 1) -> None:
        """Add `value`, `times` over: what one commit answered together is one call."""
        self.counts[bisect_left(self.bounds, value)] += times
        self.total += value * times


class Tally(dict[int | str, int]):
    """Counts per key that start at zero: `tally[command_status] += 1`."""

    __slots__ = ()

    def __missing__(self, key: int | str) -> int:
        return 0


@dataclass(slots=True)
class EsmeCounters:
    """One account. `waiting` and `sessions` go up and down, everything else only up."""

    system_id: str
    accepted: int = 0  # messages answered ESME_ROK
    accepted_segments: int = 0  # what they were billed as
    refused: Tally = field(default_factory=Tally)  # by command_status
    blocked: Tally = field(default_factory=Tally)  # by the scope of the opt-out that forbade it
    closed: Tally = field(default_factory=Tally)  # MT by final message_state
    receipts_delivered: int = 0
    receipts_dead: int = 0
    mo_delivered: int = 0
    mo_dead: int = 0
    waiting: int = 0  # whatever is to be delivered to it
    sessions: Tally = field(default_factory=Tally)  # bound now, by kind of bind
    binds: int = 0
    octets_in: int = 0
    octets_out: int = 0


@dataclass(slots=True)
class ConnectorCounters:
    """One way out. `queue`, `sessions`, `credit` and `modem` go up and down, everything else only up."""

    name: str
    forwarded: int = 0  # parts written
    outcomes: Tally = field(default_factory=Tally)  # by type: accepted, delivered, deferred, rejected, unanswered
    rejected: Tally = field(default_factory=Tally)  # by command_status of the answer: see `count_rejected`
    closed: Tally = field(default_factory=Tally)  # MT by final message_state
    mo_accepted: int = 0
    receipts: Tally = field(default_factory=Tally)  # final, intermediate, duplicate, unknown; "no id" of a submit
    in_doubt: int = 0  # parts that left and were never answered
    unexpected: int = 0  # responses and nacks that answer nothing we know of
    queue: Tally = field(default_factory=Tally)  # messages now, by stage
    sessions: int = 0
    credit: int = 0
    modem: Tally = field(default_factory=Tally)  # a modem's health now, by what was read
    octets_in: int = 0
    octets_out: int = 0

    def count_rejected(self, command_status: int) -> None:
        """The other side may answer any of four thousand million numbers: only so many are counted one by one."""
        told_apart = command_status in self.rejected or len(self.rejected) < MOST_STATUSES
        self.rejected[command_status if told_apart else OTHER] += 1


@dataclass(slots=True)
class StoreCounters:
    """The writer."""

    batches: Distribution = field(default_factory=lambda: Distribution(ROWS))  # rows per commit
    commits: Distribution = field(default_factory=Distribution)  # seconds from BEGIN until COMMIT has returned
    answers: Distribution = field(default_factory=Distribution)  # seconds from arrival to answer, the oldest's for all
    full: int = 0  # batches rolled back because there was no room


@dataclass(slots=True)
class DaemonCounters:
    """What belongs to nobody in particular."""

    loop_lag: Distribution = field(default_factory=Distribution)  # seconds that a timer of the loop fired late
    connections: int = 0
    connections_refused: Tally = field(default_factory=Tally)  # by reason
    binds_refused: Tally = field(default_factory=Tally)  # by command_status
    malformed: int = 0  # PDUs answered with an error because their body broke the specification
    unframeable: int = 0  # connections closed because a frame did
    unexpected: int = 0  # responses and nacks of ESMEs that answer nothing we know of
    mo_unclaimed: int = 0  # dead letters from the start, because no ESME receives their number
    opt_outs: Tally = field(default_factory=Tally)  # MO understood as stop, start, help or flag
    records_written: int = 0
    records_dropped: int = 0


class Counters:
    """All of them."""

    __slots__ = ("connectors", "daemon", "esmes", "store")

    def __init__(self) -> None:
        self.esmes: dict[str, EsmeCounters] = {}
        self.connectors: dict[str, ConnectorCounters] = {}
        self.store = StoreCounters()
        self.daemon = DaemonCounters()

    def esme(self, system_id: str) -> EsmeCounters:
        """The object of a configured ESME, the same one every time."""
        found = self.esmes.get(system_id)
        if found is None:
            found = self.esmes[system_id] = EsmeCounters(system_id)
        return found

    def connector(self, name: str) -> ConnectorCounters:
        """The object of a configured connector, the same one every time."""
        found = self.connectors.get(name)
        if found is None:
            found = self.connectors[name] = ConnectorCounters(name)
        return found

    def forget(self, *, esmes: set[str], connectors: set[str]) -> None:
        """Drop everybody who is not among these: for reload, so that removed names do not stay in /metrics."""
        self.esmes = {name: found for name, found in self.esmes.items() if name in esmes}
        self.connectors = {name: found for name, found in self.connectors.items() if name in connectors}
