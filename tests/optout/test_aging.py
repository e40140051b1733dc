"""Rows that lapse."""

from __future__ import annotations

from smscd import pdu
from smscd.aging import expire
from smscd.message import Message
from tests.optout.stage import mo, play
from tests.play import Play

MONTH = 30 * 86_400.0


async def lapsed(one: Play) -> int:
    ended = await expire(one.journey.interception.optout, one.store, one.clock)
    await one.quiet()
    return ended


async def test_a_row_lapses_so_long_after_the_last_stop_and_not_after_the_first() -> None:
    async with play(expire_after=MONTH, confirm=False) as one:
        mo(one)
        await one.advance(MONTH - 10)
        mo(one)
        await one.advance(20)
        assert await lapsed(one) == 0
        assert one.accept() == pdu.ESME_RSUBMITFAIL
        await one.advance(MONTH)
        assert await lapsed(one) == 1
        assert isinstance(one.accept(), Message)
        journal = [event.kind for _, event in await one.store.opt_outs.journal(None, 1 << 62, 10)]
        assert journal == ["expire", "stop", "stop"]
        await one.crash()
        assert isinstance(one.accept(), Message)
        mo(one)
        assert one.accept() == pdu.ESME_RSUBMITFAIL


async def test_a_stop_while_it_is_looked_at_keeps_the_row() -> None:
    async with play(expire_after=MONTH, confirm=False) as one:
        mo(one)
        await one.advance(MONTH + 10)
        committed = one.store.committed

        async def and_a_stop() -> None:
            await committed()
            mo(one)

        one.store.committed = and_a_stop  # type: ignore[method-assign]  # the moment that matters
        assert await lapsed(one) == 0
        await one.quiet()
        assert one.accept() == pdu.ESME_RSUBMITFAIL


async def test_without_being_told_so_nothing_lapses() -> None:
    async with play(confirm=False) as one:
        mo(one)
        await one.advance(1000 * MONTH)
        assert await lapsed(one) == 0
        assert one.accept() == pdu.ESME_RSUBMITFAIL
