"""A text made for the operator's own regular expression (`text` of a route or of an emulator's behaviour).

Nobody but the operator writes expressions, but any ESME writes texts. Matching happens in the event loop.
"""

from __future__ import annotations

import time

import pytest

from smscd.units import compile_expression


def cpu_seconds_to_match(expression: str, text: str) -> float:
    compiled = compile_expression(expression)
    spent = []
    for _ in range(3):
        started = time.thread_time()
        compiled.fullmatch(text)
        spent.append(time.thread_time() - started)
    return min(spent)


@pytest.mark.xfail(
    strict=True,
    reason="Python's re tries 2^n ways through (a+)+b: 26 octets stop everybody for 3 s, 40 for half a day. "
    "An engine of linear time would not",
)
def test_a_text_made_for_a_rule_takes_no_longer_than_any_other_of_its_length() -> None:
    shorter, longer = (cpu_seconds_to_match("/(a+)+b/", "a" * length) for length in (16, 21))
    assert longer < 10 * shorter
