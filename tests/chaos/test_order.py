"""P1: an answer leaves after the sync that makes it true. Seen in the system calls, so it depends on no luck."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smscd import pdu
from tests.chaos import trace
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger

MESSAGES = 5


async def orders(build: Build, out: Path, sabotage: str = "") -> list[str]:
    """Submit one message after the other to a traced smscd; what was wrong with the order of each."""
    trace.usable()
    ledger = Ledger()
    smscd = build(name=f"smscd-{sabotage}", sabotage=sabotage, prefix=trace.strace(out))
    await smscd.begin()
    esme = await Esme(ledger).bind(smscd.port)
    frames: list[tuple[bytes, bytes]] = []
    for _ in range(MESSAGES):
        tag = ledger.tag()
        answer = await esme.ask(message(tag))
        assert isinstance(answer, pdu.SubmitSmResp)
        frames.append((tag, pdu.encode(answer)))
    await smscd.halt()
    await asyncio.to_thread(trace.closed, out)
    everything = await asyncio.to_thread(trace.calls, out)  # seconds, for which others here must not stand still
    wrongs = [trace.answered_before_synced(everything, tag, answer) for tag, answer in frames]
    return [wrong for wrong in wrongs if wrong is not None]


async def test_the_answer_is_written_after_the_sync_of_what_it_promises(build: Build, tmp_path: Path) -> None:
    assert await orders(build, tmp_path / "strace") == []


async def test_builds_that_answer_too_early_are_found_out(build: Build, tmp_path: Path) -> None:
    broken = ("answer-first", "forgetful", "unsynced")
    found = await asyncio.gather(*(orders(build, tmp_path / name, name) for name in broken))
    assert [len(wrong) for wrong in found] == [MESSAGES] * len(broken), found
