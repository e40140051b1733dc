"""A process that was stopped, or a machine that was suspended, for an hour: nobody else was silent in that time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from smscd import pdu
from smscd.clock import FakeClock
from smscd.session import Answered, SessionSettings, Unanswered
from tests.link.ends import Place, place
from tests.machine import PATIENCE

HOUR = 3600.0
QUICK = SessionSettings(session_init_timer=1.0, response_timer=1.0, enquire_link_timer=0.5, window=10)


class Rounds:
    """Counts how often the registry has come round; `each` is done whenever it does."""

    def __init__(self, here: Place, each: Callable[[], None] = lambda: None) -> None:
        self._links = here.links
        self._each = each
        self._left = 0
        self._over = asyncio.Event()

    async def pass_by(self, count: int) -> None:
        """Return when everybody has been ticked `count` times, and the loop has looked at its sockets in between."""
        self._left = count
        self._over.clear()
        self._links.join(self)
        async with asyncio.timeout(PATIENCE):
            await self._over.wait()
        self._links.leave(self)

    def tick(self, now: float) -> None:
        self._each()
        self._left -= 1
        if not self._left:
            self._over.set()

    def slept(self, seconds: float) -> None: ...

    def close(self, reason: str) -> None: ...

    def abort(self, reason: str) -> None: ...


async def test_an_hour_of_standing_still_is_nobodys_silence() -> None:
    clock = FakeClock()
    async with place(clock=clock, settings=QUICK) as here:
        esme, link = await here.esme()
        here.centre.holding = True
        reader, writer = await here.raw()
        await here.opened(2)
        esme.submit(link)
        await here.centre.until(lambda: bool(here.centre.of(pdu.SubmitSm)))
        clock.advance(HOUR)
        await Rounds(here).pass_by(3)
        assert esme.of(Unanswered) == []
        here.centre.release(here.centre.links[0], 1)
        await esme.until(lambda: len(esme.of(Answered)) == 2)
        writer.write(pdu.encode(pdu.BindTransceiver(sequence_number=1, system_id=b"test")))
        assert len(await reader.readexactly(16)) == 16, "it had its second for the bind still before it"
        assert esme.reasons == here.centre.reasons == []
        writer.close()


async def test_a_second_that_passes_while_everybody_is_listened_to_is_silence() -> None:
    clock = FakeClock()
    async with place(clock=clock, settings=QUICK) as here:
        esme, link = await here.esme()
        here.centre.holding = True
        esme.submit(link)
        await here.centre.until(lambda: bool(here.centre.of(pdu.SubmitSm)))
        await Rounds(here, lambda: clock.advance(0.09)).pass_by(13)
        assert len(esme.of(Unanswered)) == 1
