"""What a running smscd counts of messages from handsets, as /metrics and `smscd status` tell it."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.running import EMULATOR, Running

HANDSET = "447700900001"
FILE = f"""{EMULATOR.replace('["*"]', '["12345"]')}
[opt_out]
relay = false

[admin]
address = "127.0.0.1:0"
"""


@pytest.fixture
def smscd(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, FILE) as running:
        yield running


def counted(smscd: Running, *names: str) -> dict[str, float]:
    """The values of these metrics, of the ESME and the connector there are."""
    with urllib.request.urlopen(f"http://127.0.0.1:{smscd.ports[1]}/metrics", timeout=20) as page:
        families = list(text_string_to_metric_families(page.read().decode()))
    return {
        sample.name: sample.value
        for family in families for sample in family.samples
        if sample.name in names and sample.labels in ({}, {"system_id": "test"}, {"connector": "handsets"})
    }  # fmt: skip


def heard(smscd: Running, text: str, to: str = "12345") -> None:
    smscd.ask("mo", **{"from": HANDSET, "to": to, "text": text})


def test_an_mo_that_no_esme_receives_is_counted(smscd: Running) -> None:
    heard(smscd, "hello", to="999")
    assert counted(smscd, "smscd_mo_unclaimed_total", "smscd_mo_accepted_total", "smscd_mo_dead_total") == {
        "smscd_mo_unclaimed_total": 1, "smscd_mo_accepted_total": 1, "smscd_mo_dead_total": 0,
    }  # fmt: skip
    assert smscd.ask("status")["totals"]["dead"] == 1


def test_a_stop_that_its_esme_is_not_to_see_is_no_dead_letter(smscd: Running) -> None:
    heard(smscd, "STOP")
    assert counted(smscd, "smscd_mo_unclaimed_total", "smscd_mo_dead_total", "smscd_receipts_waiting") == {
        "smscd_mo_unclaimed_total": 0, "smscd_mo_dead_total": 0, "smscd_receipts_waiting": 0,
    }  # fmt: skip


def test_an_mo_waits_for_its_esme_among_the_receipts(smscd: Running) -> None:
    heard(smscd, "hello")
    assert counted(smscd, "smscd_receipts_waiting") == {"smscd_receipts_waiting": 1}
