"""A text made for the operator's own regular expression (`text` of a route or of an emulator's behaviour).

Nobody but the operator writes expressions, but any ESME writes texts. Matching happens in the event loop.
"""

from __future__ import annotations

import time

from smscd.units import LONGEST_MATCH, compile_expression


def cpu_seconds_to_match(expression: str, text: str) -> float:
    compiled = compile_expression(expression)
    spent = []
    for _ in range(3):
        started = time.thread_time()
        compiled.fullmatch(text)
        spent.append(time.thread_time() - started)
    return min(spent)


def test_a_text_made_for_a_rule_takes_no_longer_than_any_other_of_its_length() -> None:
    assert cpu_seconds_to_match("/(a+)+b/", "a" * 400) < 5 * LONGEST_MATCH
    assert cpu_seconds_to_match("/.*a.*b.*c.*d.*/", "abc" * 4000) < 5 * LONGEST_MATCH


def test_what_takes_too_long_counts_as_no_match() -> None:
    assert compile_expression("/(a+)+b/").fullmatch("a" * 8 + "b")
    assert not compile_expression("/(a+)+b/").fullmatch("a" * 400)
