"""What /metrics says, read back with the parser of the Prometheus library."""

from __future__ import annotations

import ast
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

import smscd
from smscd.admin.metrics import TABLES, Metrics
from smscd.counters import Counters, Distribution, Tally
from smscd.message import Stage
from smscd.pdu.constants import MessageState
from smscd.pdu.status import ESME_RTHROTTLED


def scraped(counters: Counters) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    page = Metrics(counters).exposition().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def test_a_count_shows_under_the_name_of_its_esme() -> None:
    counters = Counters()
    counters.esme("test").accepted += 7
    counters.esme("other").accepted += 1
    page = scraped(counters)
    assert page["smscd_messages_accepted_total", (("system_id", "test"),)] == 7
    assert page["smscd_messages_accepted_total", (("system_id", "other"),)] == 1


def test_statuses_states_and_stages_are_spelled_as_the_specification_does() -> None:
    counters = Counters()
    counters.esme("test").refused[ESME_RTHROTTLED] += 2
    counters.esme("test").refused[0x400] += 1
    counters.esme("test").closed[int(MessageState.UNDELIVERABLE)] += 3
    counters.connector("handsets").queue[int(Stage.IN_DOUBT)] = 4
    page = scraped(counters)
    refused = "smscd_messages_refused_total"
    assert page[refused, (("command_status", "ESME_RTHROTTLED"), ("system_id", "test"))] == 2
    assert page[refused, (("command_status", "0x00000400"), ("system_id", "test"))] == 1
    assert page["smscd_messages_closed_total", (("message_state", "UNDELIVERABLE"), ("system_id", "test"))] == 3
    assert page["smscd_queue", (("connector", "handsets"), ("stage", "in_doubt"))] == 4


def test_a_distribution_becomes_cumulative_buckets() -> None:
    counters = Counters()
    counters.store.answers = Distribution((0.001, 0.01))
    counters.store.answers.observe(0.001, times=3)  # on the bound: belongs below it
    counters.store.answers.observe(0.005)
    counters.store.answers.observe(7.0)
    page = scraped(counters)
    bucket = "smscd_answer_seconds_bucket"
    assert [page[bucket, (("le", bound),)] for bound in ("0.001", "0.01", "+Inf")] == [3, 4, 5]
    assert page["smscd_answer_seconds_count", ()] == 5
    assert page["smscd_answer_seconds_sum", ()] == pytest.approx(7.008)


def test_a_scrape_reads_what_is_counted_now() -> None:
    counters = Counters()
    metrics = Metrics(counters)
    first = metrics.exposition()
    counters.esme("late").binds += 1
    assert b'smscd_binds_total{system_id="late"} 1.0' not in first
    assert b'smscd_binds_total{system_id="late"} 1.0' in metrics.exposition()


def test_the_memory_of_the_process_is_on_the_page() -> None:
    assert scraped(Counters())["process_resident_memory_bytes", ()] > 1 << 20


def test_a_strange_system_id_does_not_break_the_page() -> None:
    counters = Counters()
    counters.esme('a"b\\c\nd').accepted += 1
    assert scraped(counters)["smscd_messages_accepted_total", (("system_id", 'a"b\\c\nd'),)] == 1


def test_removed_names_leave_the_page() -> None:
    counters = Counters()
    kept = counters.esme("stays")
    kept.accepted += 1
    counters.esme("goes").accepted += 1
    counters.connector("goes").forwarded += 1
    counters.forget(esmes={"stays"}, connectors=set())
    assert "goes" not in str(scraped(counters))
    assert counters.esme("stays") is kept


def owner(counters: Counters, labels: tuple[str, ...], at: int) -> Any:
    counters.esme("test")
    counters.connector("handsets")
    return next(iter(TABLES[at][2](counters)))[1]


@pytest.mark.parametrize("at", range(len(TABLES)))
def test_every_attribute_is_a_metric_and_every_metric_an_attribute(at: int) -> None:
    labels, metrics, _ = TABLES[at]
    counted = owner(Counters(), labels, at)
    named = {field.name for field in fields(counted)} - {"system_id", "name"}
    assert {metric.attribute for metric in metrics} == named
    for metric in metrics:
        value = getattr(counted, metric.attribute)
        assert isinstance(value, Tally) == bool(metric.label), metric.name
        assert isinstance(value, Distribution) == (metric.kind == "histogram"), metric.name


def test_names_are_distinct_and_follow_the_conventions_of_prometheus() -> None:
    names = [metric.name for _, metrics, _ in TABLES for metric in metrics]
    assert len(names) == len(set(names))
    for name in names:
        assert re.fullmatch(r"smscd_[a-z]+(_[a-z]+)*", name), name
        assert not name.endswith(("_total", "_bucket", "_count", "_sum")), name


def test_a_number_is_never_a_label() -> None:
    labels = {name for own, metrics, _ in TABLES for metric in metrics for name in (*own, metric.label) if name}
    assert labels == {
        "system_id", "connector", "command_status", "message_state", "stage", "bind", "outcome", "reason",
        "receipt", "scope", "action", "reading",
    }  # fmt: skip


def test_nothing_is_shown_that_nobody_counts() -> None:
    package = Path(smscd.__file__).parent
    counted: set[str] = set()
    for path in package.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            target: ast.expr
            if isinstance(node, ast.AugAssign):
                target = node.target
            elif isinstance(node, ast.Assign):
                target = node.targets[0]
                aliases = node.value.elts if isinstance(node.value, ast.Tuple) else []  # counted by a local name
                counted.update(alias.attr for alias in aliases if isinstance(alias, ast.Attribute))
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "observe":
                target = node.func.value
            else:
                continue
            named = target.value if isinstance(target, ast.Subscript) else target
            if isinstance(named, ast.Attribute):
                counted.add(named.attr)
    shown = {metric.attribute for _, metrics, _ in TABLES for metric in metrics}
    assert shown - counted == set()
