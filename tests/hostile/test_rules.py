"""A text made for the operator's own regular expression."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hostile.house import House
from tests.hostile.peer import submit

ROUTE = """
[[route]]
text = "/(a+)+b/"
esme = ["test"]
connectors = ["handsets"]
"""


@pytest.fixture
def own_house(tmp_path: Path) -> Iterator[House]:
    with House(tmp_path, rules_first=ROUTE) as house:
        yield house


@pytest.mark.xfail(
    strict=True,
    reason="Python's re tries 2^n ways through (a+)+b: one text stops everybody. An engine of linear time would not",
)
def test_a_text_made_for_a_rule_keeps_nobody_else_waiting(own_house: House) -> None:
    since = own_house.canary.answers
    with own_house.bound() as peer:
        peer.status_of(submit(b"a" * 25))
        own_house.canary.prove(since)
