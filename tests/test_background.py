"""Work in a thread that leaves the interpreter to others."""

from __future__ import annotations

import asyncio
import sys
import threading

import pytest

from smscd.background import COURTESY, in_background


async def test_while_it_computes_the_interpreter_changes_hands_sooner_and_then_as_before() -> None:
    usual = sys.getswitchinterval()
    assert await in_background(sys.getswitchinterval) == pytest.approx(COURTESY)
    assert sys.getswitchinterval() == usual


async def test_work_that_fails_puts_it_back_as_well() -> None:
    usual = sys.getswitchinterval()
    with pytest.raises(ZeroDivisionError):
        await in_background(divmod, 1, 0)
    assert sys.getswitchinterval() == usual


@pytest.mark.parametrize("first_ends_first", [True, False])
async def test_of_several_works_the_last_that_ends_puts_it_back(first_ends_first: bool) -> None:
    usual = sys.getswitchinterval()
    gates = threading.Event(), threading.Event()
    works = [asyncio.create_task(in_background(gate.wait, 10)) for gate in gates]
    await asyncio.sleep(0)
    order = (0, 1) if first_ends_first else (1, 0)
    gates[order[0]].set()
    await works[order[0]]
    assert sys.getswitchinterval() == pytest.approx(COURTESY)
    gates[order[1]].set()
    await works[order[1]]
    assert sys.getswitchinterval() == usual
