"""Nobody may fill our memory: neither by asking faster than we answer nor by not reading what we say."""

from __future__ import annotations

import asyncio

from smscd import pdu
from smscd.clock import FakeClock
from smscd.link import LinkLimits
from smscd.session import Answered, SessionSettings, Unanswered
from tests.link.ends import Chatty, flood, place, submit_sm

SMALL = LinkLimits(write_high=64 << 10, write_low=16 << 10, write_cap=4 << 20)


async def test_reading_pauses_beyond_the_window_and_goes_on_at_half() -> None:
    async with place(window=10) as here:
        esme, link = await here.esme()
        far = here.centre.links[0]
        here.centre.holding = True
        esme.submit(link, 10)
        await here.centre.until(lambda: len(here.centre.held) == 10)
        assert not far.reading_paused, "a peer that keeps to its window is never paused"
        esme.submit(link, 1)
        await here.centre.until(lambda: len(here.centre.held) == 11)
        assert far.reading_paused
        esme.submit(link, 5)
        here.centre.release(far, 5)
        await esme.until(lambda: len(esme.of(Answered)) == 6)
        assert far.reading_paused
        assert len(here.centre.held) == 6
        here.centre.release(far, 1)
        await here.centre.until(lambda: len(here.centre.held) == 10)
        assert not far.reading_paused


async def test_a_window_of_one_serves_one_by_one() -> None:
    async with place(window=1) as here:
        esme, link = await here.esme(settings=SessionSettings(window=1))
        for _ in range(20):
            esme.submit(link)
            await esme.until(lambda: link.session.in_flight == 0)
        assert len(esme.of(Answered)) == 21


async def test_the_window_may_change_while_the_link_is_paused() -> None:
    async with place(window=2) as here:
        esme, link = await here.esme()
        far = here.centre.links[0]
        here.centre.holding = True
        esme.submit(link, 8)
        await here.centre.until(lambda: far.reading_paused)
        far.window = 0
        far.flush()
        assert not far.reading_paused


async def test_our_own_timers_stand_still_while_reading_is_paused() -> None:
    """The answer we wait for may be among what we do not read."""
    clock = FakeClock()
    settings = SessionSettings(window=100, response_timer=10)
    async with place(window=1, clock=clock, ticking=False, settings=settings) as here:
        esme, link = await here.esme()
        far = here.centre.links[0]
        here.centre.holding = True
        esme.submit(link, 2)
        await here.centre.until(lambda: far.reading_paused)
        far.session.request(pdu.DeliverSm(source_addr=b"1", destination_addr=b"2"), clock.monotonic(), "mo")
        far.flush()
        clock.advance(60)
        far.tick(clock.monotonic())
        assert here.centre.of(Unanswered) == []
        here.centre.release(far, 2)
        await esme.until(lambda: len(esme.of(Answered)) == 3)
        assert not far.reading_paused
        clock.advance(11)
        far.tick(clock.monotonic())
        assert [event.context for event in here.centre.of(Unanswered)] == ["mo"]


async def test_a_client_that_never_reads_stops_being_read_and_memory_stays_bounded() -> None:
    async with place(limits=SMALL, ticking=False, centre=Chatty()) as here:
        _reader, writer = await flood(here)
        far = here.centre.links[0]
        await here.centre.until(lambda: far.writing_paused)
        assert far.reading_paused
        before = here.centre.calls
        for _ in range(50):
            await asyncio.sleep(0)
        assert here.centre.calls == before
        assert far._transport is not None
        assert far._transport.get_write_buffer_size() < SMALL.write_cap
        writer.transport.abort()


async def test_a_client_that_never_reads_is_cut_when_its_time_is_over() -> None:
    clock = FakeClock()
    async with place(limits=SMALL, clock=clock, ticking=False, centre=Chatty()) as here:
        _reader, writer = await flood(here)
        far = here.centre.links[0]
        await here.centre.until(lambda: far.writing_paused)
        clock.advance(SMALL.stall - 1)
        here.links.tick()
        assert here.centre.reasons == []
        clock.advance(2)
        here.links.tick()
        assert await here.centre.gone() == f"peer does not read: over {SMALL.write_low} octets unsent for 30 s"
        writer.transport.abort()


async def test_what_is_produced_for_a_client_that_never_reads_is_capped() -> None:
    """Answers to what was read before the pause still come; they may not pile up without end."""
    async with place(limits=SMALL, ticking=False, centre=Chatty()) as here:
        _reader, writer = await flood(here)
        far = here.centre.links[0]
        await here.centre.until(lambda: far.writing_paused)
        while not here.centre.reasons:
            far.session.respond_octets(b"\0" * 50_000, answers=0)
            far.flush()
            await asyncio.sleep(0)
        assert here.centre.reasons == ["peer does not read: the send buffer is full"]
        writer.transport.abort()


async def test_the_owner_hears_when_the_peer_reads_again() -> None:
    async with place(limits=SMALL, ticking=False, centre=Chatty()) as here:
        reader, writer = await flood(here)
        far = here.centre.links[0]
        await here.centre.until(lambda: far.writing_paused)
        while not here.centre.writables:
            assert await reader.read(1 << 16)
        assert not far.writing_paused
        assert not far.reading_paused
        writer.transport.abort()


async def test_both_ends_at_full_speed_never_lose_or_reorder_anything() -> None:
    """Small buffers and small windows, so that both directions pause and resume all the time."""
    limits = LinkLimits(write_high=4096, write_low=1024)
    async with place(window=7, limits=limits, settings=SessionSettings(window=40)) as here:
        esme, link = await here.esme()
        sent = 0
        while sent < 3000:
            await esme.until(lambda: link.session.credit > 0 and not link.writing_paused)
            while sent < 3000 and link.session.credit and not link.writing_paused:
                link.session.request(submit_sm(b"x" * 140), here.links.clock.monotonic(), sent)
                sent += 1
                if sent % 9 == 0:
                    link.flush()
            link.flush()
        await esme.until(lambda: len(esme.of(Answered)) == 3001)
        assert [event.context for event in esme.of(Answered)[1:]] == list(range(3000))


async def test_clients_that_never_read_are_no_concern_of_one_that_does() -> None:
    async with place(limits=SMALL, ticking=False, centre=Chatty()) as here:
        deaf = [await flood(here) for _ in range(20)]
        await here.centre.until(lambda: all(link.writing_paused for link in here.centre.links))
        esme, link = await here.esme()
        esme.submit(link)
        await esme.until(lambda: len(esme.of(Answered)) == 2)
        transports = [link._transport for link in here.centre.links]
        assert all(t is not None and t.get_write_buffer_size() < SMALL.write_cap for t in transports)
        for _reader, writer in deaf:
            writer.transport.abort()
