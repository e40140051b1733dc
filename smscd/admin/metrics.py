"""/metrics: the counters of all rooms in Prometheus' exposition format.

One table maps an attribute of a counters object to a metric; the collector, the page docs/records.md and the tests
are made from it.  Nothing is counted here: the rooms add to plain integers, and a scrape reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from smscd import __version__
from smscd.counters import Counters, Distribution
from smscd.message import Stage
from smscd.pdu.constants import MessageState
from smscd.pdu.status import status_name

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""What `exposition` returns, whatever version of the library wrote it."""

Kind = Literal["counter", "gauge", "histogram"]


_STATES: dict[int | str, str] = {int(state): state.name for state in MessageState}
_STAGES: dict[int | str, str] = {int(stage): stage.name.lower() for stage in Stage}


def _state(key: int | str) -> str:
    return _STATES.get(key, str(key))


def _stage(key: int | str) -> str:
    return _STAGES.get(key, str(key))


def _status(key: int | str) -> str:
    return status_name(key) if isinstance(key, int) else key


LABELS: dict[str, Callable[[int | str], str]] = {
    "command_status": _status,
    "message_state": _state,
    "stage": _stage,
    "bind": str,
    "outcome": str,
    "reason": str,
    "receipt": str,
    "scope": str,
    "action": str,
    "reading": str,
}
"""How the key of a tally is written as the value of this label."""


@dataclass(frozen=True, slots=True)
class Metric:
    """One attribute as one metric. `label` names what a tally's keys are."""

    name: str
    kind: Kind
    attribute: str
    help: str
    label: str = ""


ESME = (
    Metric("smscd_messages_accepted", "counter", "accepted", "messages answered ESME_ROK, which means: on disk"),
    Metric("smscd_segments_accepted", "counter", "accepted_segments", "short messages those make on the air"),
    Metric("smscd_messages_refused", "counter", "refused", "submits answered otherwise", "command_status"),
    Metric("smscd_messages_blocked", "counter", "blocked", "times an opt-out forbade a message", "scope"),
    Metric("smscd_messages_closed", "counter", "closed", "messages that reached a final state", "message_state"),
    Metric("smscd_receipts_delivered", "counter", "receipts_delivered", "receipts the ESME acknowledged"),
    Metric("smscd_receipts_waiting", "gauge", "waiting", "receipts, MO and all else that waits for the ESME"),
    Metric("smscd_receipts_dead", "counter", "receipts_dead", "receipts that became dead letters"),
    Metric("smscd_mo_delivered", "counter", "mo_delivered", "MO the ESME acknowledged"),
    Metric("smscd_mo_dead", "counter", "mo_dead", "MO that became dead letters"),
    Metric("smscd_sessions", "gauge", "sessions", "sessions bound now", "bind"),
    Metric("smscd_binds", "counter", "binds", "binds answered ESME_ROK"),
    Metric("smscd_esme_octets_in", "counter", "octets_in", "octets read from the ESME's sessions"),
    Metric("smscd_esme_octets_out", "counter", "octets_out", "octets written to the ESME's sessions"),
)
"""Per ESME: every one carries the label `system_id`."""

CONNECTOR = (
    Metric("smscd_parts_forwarded", "counter", "forwarded", "parts handed to the other side, every attempt counted"),
    Metric("smscd_outcomes", "counter", "outcomes", "what became of those attempts", "outcome"),
    Metric(
        "smscd_parts_rejected",
        "counter",
        "rejected",
        'attempts refused by the other side; statuses beyond the first hundred are "other"',
        "command_status",
    ),
    Metric("smscd_connector_messages_closed", "counter", "closed", "messages closed through it", "message_state"),
    Metric("smscd_mo_accepted", "counter", "mo_accepted", "MO taken from the other side"),
    Metric("smscd_upstream_receipts", "counter", "receipts", "receipts taken from the other side", "receipt"),
    Metric("smscd_in_doubt", "counter", "in_doubt", "parts that left and were never answered"),
    Metric("smscd_upstream_unexpected_responses", "counter", "unexpected", "responses and nacks that answer nothing"),
    Metric("smscd_queue", "gauge", "queue", "messages that wait, or are out and not answered yet", "stage"),
    Metric("smscd_connector_sessions", "gauge", "sessions", "sessions bound to the other side now"),
    Metric("smscd_connector_credit", "gauge", "credit", "parts it would take at this moment"),
    Metric("smscd_modem", "gauge", "modem", "a modem: registered, signal_dbm, stored, capacity", "reading"),
    Metric("smscd_connector_octets_in", "counter", "octets_in", "octets read from the other side"),
    Metric("smscd_connector_octets_out", "counter", "octets_out", "octets written to the other side"),
)
"""Per connector: every one carries the label `connector`."""

STORE = (
    Metric("smscd_commit_rows", "histogram", "batches", "rows per commit"),
    Metric("smscd_commit_seconds", "histogram", "commits", "seconds until a commit was on stable storage"),
    Metric("smscd_answer_seconds", "histogram", "answers", "seconds from a submit's arrival until its answer"),
    Metric("smscd_store_full", "counter", "full", "batches rolled back because there was no room"),
)

DAEMON = (
    Metric("smscd_loop_lag_seconds", "histogram", "loop_lag", "seconds by which a timer of the event loop was late"),
    Metric("smscd_connections", "counter", "connections", "connections taken, bound or not"),
    Metric("smscd_connections_refused", "counter", "connections_refused", "connections closed at once", "reason"),
    Metric("smscd_binds_refused", "counter", "binds_refused", "binds refused, whoever asked", "command_status"),
    Metric("smscd_malformed_pdus", "counter", "malformed", "PDUs whose body broke the specification"),
    Metric("smscd_unframeable_pdus", "counter", "unframeable", "connections closed because a frame was broken"),
    Metric("smscd_unexpected_responses", "counter", "unexpected", "responses and nacks of ESMEs that answer nothing"),
    Metric("smscd_mo_unclaimed", "counter", "mo_unclaimed", "MO that no ESME receives: dead letters"),
    Metric("smscd_opt_outs", "counter", "opt_outs", "MO understood as STOP, START, HELP, or nearly so", "action"),
    Metric("smscd_records_written", "counter", "records_written", "records handed to the file system"),
    Metric("smscd_records_dropped", "counter", "records_dropped", "records lost to a full or slow disk"),
)

VERSION = Metric("smscd_version", "gauge", "__version__", "always 1; the label is the version that runs", "version")

Owner = tuple[tuple[str, ...], Any]
"""Values of the owner's own labels, and the counters object."""

TABLES: tuple[tuple[tuple[str, ...], tuple[Metric, ...], Callable[[Counters], Iterable[Owner]]], ...] = (
    (("system_id",), ESME, lambda c: [((name,), found) for name, found in list(c.esmes.items())]),
    (("connector",), CONNECTOR, lambda c: [((name,), found) for name, found in list(c.connectors.items())]),
    ((), STORE, lambda c: [((), c.store)]),
    ((), DAEMON, lambda c: [((), c.daemon)]),
)


class CountersCollector(Collector):
    """Reads `counters` when somebody scrapes. Safe in another thread: it copies each dictionary in one step."""

    def __init__(self, counters: Counters) -> None:
        self._counters = counters

    def collect(self) -> Iterator[Family]:
        for labels, metrics, owners in TABLES:
            found = list(owners(self._counters))
            for metric in metrics:
                yield _family(metric, labels, found)
        version = GaugeMetricFamily(VERSION.name, VERSION.help, labels=(VERSION.label,))
        version.add_metric((__version__,), 1)
        yield version

    def describe(self) -> Iterator[Family]:
        """Nothing to check for duplicates: the names stand in one table."""
        return iter(())


def _family(metric: Metric, labels: tuple[str, ...], owners: Iterable[Owner]) -> Family:
    if metric.kind == "histogram":
        histogram = HistogramMetricFamily(metric.name, metric.help, labels=labels)
        for values, owner in owners:
            distribution: Distribution = getattr(owner, metric.attribute)
            histogram.add_metric(values, list(_buckets(distribution)), distribution.total)
        return histogram
    family_of = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
    if not metric.label:
        family = family_of(metric.name, metric.help, labels=labels)
        for values, owner in owners:
            family.add_metric(values, getattr(owner, metric.attribute))
        return family
    family = family_of(metric.name, metric.help, labels=(*labels, metric.label))
    write = LABELS[metric.label]
    for values, owner in owners:
        tally: Mapping[int | str, int] = getattr(owner, metric.attribute)
        for key, count in list(tally.items()):
            family.add_metric((*values, write(key)), count)
    return family


def _buckets(distribution: Distribution) -> Iterator[tuple[str, float]]:
    """(upper bound, values at or below it): Prometheus counts buckets from the bottom up."""
    so_far = 0
    for bound, count in zip((*distribution.bounds, float("inf")), list(distribution.counts), strict=True):
        so_far += count
        yield "+Inf" if bound == float("inf") else repr(bound), so_far


class Metrics:
    """What /metrics says, in a registry of its own."""

    def __init__(self, counters: Counters) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self.registry.register(CountersCollector(counters))
        ProcessCollector(registry=self.registry)

    def exposition(self) -> bytes:
        """The whole page in the text format 0.0.4, all metrics read at this moment."""
        return generate_latest(self.registry)
