"""Doors and going out: who gets in, what is told when it fails, and what happens when the kernel has nothing left."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys

import pytest

from smscd.clock import FakeClock, SystemClock
from smscd.link import Link, LinkLimits, Links, client_context, connect, listen
from smscd.session import Closed, Event, Session, SessionSettings, Side
from tests.link.ends import Centre, Esme, place
from tests.machine import PATIENCE


def _nobody(_host: str) -> Link | None:
    return None


async def test_a_peer_that_is_turned_away_costs_no_link() -> None:
    door = await listen("127.0.0.1", 0, _nobody)
    door.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    assert await reader.read() == b""
    writer.close()
    await door.close()


async def test_callers_wait_until_the_door_opens() -> None:
    """A reload takes every address first and serves none before it has all."""
    met: list[str] = []

    def maker(host: str) -> None:
        met.append(host)

    door = await listen("127.0.0.1", 0, maker)
    reader, writer = await asyncio.open_connection("127.0.0.1", door.port)
    assert met == []
    door.open()
    await reader.read()
    assert met == ["127.0.0.1"]
    writer.close()
    await door.close()


async def test_a_closed_door_gives_its_address_back_and_keeps_its_links() -> None:
    async with place() as here:
        esme, link = await here.esme()
        port = here.door.port
        await here.door.close()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        again = await listen("127.0.0.1", port, _nobody)
        await again.close()
        esme.submit(link)
        await esme.until(lambda: link.session.in_flight == 0)


async def test_an_address_that_is_taken_is_an_error_and_nothing_is_kept() -> None:
    door = await listen("127.0.0.1", 0, _nobody)
    with pytest.raises(OSError, match="in use"):
        await listen("127.0.0.1", door.port, _nobody)
    await door.close()


async def test_ipv6_peers_are_written_in_brackets() -> None:
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    links = Links(SystemClock())
    far = Esme()

    def maker(host: str) -> Link:
        assert host == "::1"
        return Link(Session(Side.MC, SessionSettings(), 0.0), far, links)

    try:
        door = await listen("::1", 0, maker)
    except OSError:
        pytest.skip("no IPv6 loopback here")
    door.open()
    esme = Esme()
    link = Link(Session(Side.ESME, SessionSettings(), 0.0), esme, links)
    await connect("::1", door.port, link)
    assert link.peer == f"[::1]:{door.port}"
    link.abort("enough")
    await esme.gone()
    await far.gone()
    await door.close()


async def test_a_refused_connection_is_an_exception_and_no_more() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        links, esme = Links(SystemClock()), Esme()
        with pytest.raises(ConnectionRefusedError):
            await connect("127.0.0.1", port, Link(Session(Side.ESME, SessionSettings(), 0.0), esme, links))
    assert esme.reasons == []
    assert len(links) == 0


async def test_an_smsc_that_accepts_and_says_nothing_of_tls_times_out() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        links, esme = Links(SystemClock()), Esme()
        link = Link(Session(Side.ESME, SessionSettings(), 0.0), esme, links)
        with pytest.raises(TimeoutError):
            await connect("127.0.0.1", silent.getsockname()[1], link, tls=client_context(verify=False), within=0.1)
    assert esme.reasons == []


@pytest.mark.parametrize("loop", ["uvloop", "asyncio"])
def test_without_descriptors_the_door_waits_and_then_goes_on(loop: str) -> None:
    """In a process of its own, since it takes away every file descriptor of that process."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.link.starving", loop],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    paused, processor = done.stdout.split()[-2:]
    assert int(paused) in {1, 2, 3}
    assert float(processor) < 0.5, "a busy loop would have taken the whole time"


async def test_the_registry_ticks_every_link_and_knows_when_all_are_gone() -> None:
    async with place(settings=SessionSettings(enquire_link_timer=0.1, response_timer=5)) as here:
        await here.esme()
        far = here.centre.links[0]
        assert len(here.links) == 2
        assert set(here.links) >= {far}
        assert not await here.links.gone(0.01)
        for link in here.links:
            link.close("that was all")
        assert await here.links.gone(10)
        assert len(here.links) == 0


async def test_an_owner_that_fails_at_one_tick_is_still_ticked_for_the_others() -> None:
    class Faulty(Centre):
        def act(self, link: Link, event: Event) -> None:
            if isinstance(event, Closed) and link is self.links[0]:
                raise ZeroDivisionError("boom")

    clock = FakeClock()
    async with place(ticking=False, clock=clock, centre=Faulty()) as here:
        peers = [await here.raw(), await here.raw()]
        await here.opened(2)
        clock.advance(10)
        here.links.tick()
        for reader, writer in peers:
            try:
                assert await reader.read() == b""
            except ConnectionResetError:
                assert reader is peers[0][0]
            writer.close()
        await here.centre.until(lambda: len(here.centre.reasons) == 2)


def test_the_limits_leave_room_between_the_marks() -> None:
    limits = LinkLimits()
    assert limits.write_low < limits.write_high < limits.write_cap
