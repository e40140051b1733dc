"""However a link ends, its owner hears `closed` once, with the reason, and nothing after it."""

from __future__ import annotations

import asyncio
import socket
import struct

import pytest

from smscd import pdu
from smscd.clock import FakeClock
from smscd.link import Link, LinkLimits
from smscd.session import Answered, Closed, Event, SessionSettings, State
from tests.link.ends import Centre, Place, place, submit_sm

BIND = pdu.encode(pdu.BindTransceiver(sequence_number=1, system_id=b"test"))


def _settle(here: Place) -> None:
    assert len(here.centre.reasons) == 1
    assert len(here.centre.of(Closed)) == 1
    assert len(here.links) == 0


async def test_end_of_stream_in_the_middle_of_a_pdu() -> None:
    async with place() as here:
        _reader, writer = await here.raw()
        writer.write(BIND + pdu.encode(submit_sm())[:25])
        writer.write_eof()
        assert await here.centre.gone() == "the peer closed the connection, 25 octets into a PDU"
        _settle(here)
        writer.close()


async def test_end_of_stream_between_two_pdus() -> None:
    async with place() as here:
        _reader, writer = await here.raw()
        writer.write(BIND)
        writer.close()
        assert await here.centre.gone() == "the peer closed the connection"
        _settle(here)


async def test_a_peer_that_says_all_in_one_breath_and_ends_its_stream_gets_every_answer() -> None:
    """`shutdown(SHUT_WR)`: it sends no more, and still listens."""
    async with place() as here:
        here.centre.holding = True
        reader, writer = await here.raw()
        writer.write(BIND + b"".join(pdu.encode(numbered(submit_sm(), number)) for number in range(2, 200)))
        writer.write_eof()
        await here.centre.until(lambda: len(here.centre.held) == 198)
        assert here.centre.reasons == []
        here.centre.release(here.centre.links[0], 198)
        said = pdu.Framer().feed(await reader.read(-1))
        answers = [pdu.decode(frame) for frame in said]
        assert [one.sequence_number for one in answers] == list(range(1, 200))
        assert {one.command_status for one in answers} == {pdu.ESME_ROK}
        assert await here.centre.gone() == "the peer closed the connection"
        _settle(here)
        writer.close()


async def test_a_peer_that_ends_its_stream_is_not_waited_for_for_ever() -> None:
    clock = FakeClock()
    async with place(clock=clock, settings=SessionSettings(response_timer=10.0), ticking=False) as here:
        here.centre.holding = True
        reader, writer = await here.raw()
        writer.write(BIND + pdu.encode(numbered(submit_sm(), 2)))
        writer.write_eof()
        await here.centre.until(lambda: bool(here.centre.held))
        (link,) = here.centre.links
        while link.session.state is not State.UNBOUND:  # noqa: ASYNC110 - nobody announces it
            await asyncio.sleep(0)
        for _ in range(2):
            link.tick(clock.monotonic())
            clock.advance(10.0)
        assert [pdu.decode(one).command_id for one in pdu.Framer().feed(await reader.read(-1))] == [0x80000009]
        assert await here.centre.gone() == "the peer closed the connection"
        writer.close()


def numbered(request: pdu.SubmitSm, number: int) -> pdu.SubmitSm:
    request.sequence_number = number
    return request


async def test_a_connection_reset_by_the_peer() -> None:
    async with place() as here:
        reader, writer = await here.raw()
        writer.write(BIND)
        await reader.readexactly(16)
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        assert "reset" in await here.centre.gone()
        _settle(here)


async def test_what_was_in_flight_comes_back_with_the_end() -> None:
    async with place() as here:
        esme, link = await here.esme()
        here.centre.holding = True
        esme.submit(link, 3)
        await here.centre.until(lambda: len(here.centre.held) == 3)
        here.centre.links[0].abort("pulled the plug")
        await esme.gone()
        (closed,) = esme.of(Closed)
        assert [unanswered.context for unanswered in closed.unanswered] == [0, 1, 2]
        assert await here.centre.gone() == "pulled the plug"


async def test_a_peer_reads_the_nack_of_a_broken_frame_although_it_has_sent_more() -> None:
    """Closing with unread octets would reset the connection and destroy the nack on its way."""
    async with place() as here:
        reader, writer = await here.raw()
        writer.write(struct.pack(">IIII", 0x7FFFFFFF, 4, 0, 9) + b"x" * 300_000)
        nack = pdu.decode(await reader.readexactly(16))
        assert isinstance(nack, pdu.GenericNack)
        assert nack.command_status == pdu.ESME_RINVCMDLEN
        assert await reader.read() == b""
        writer.close()
        await here.centre.gone()
        _settle(here)


@pytest.mark.parametrize(
    "octets", [b"GET / HTTP/1.1\r\nHost: smsc\r\n\r\n", bytes.fromhex("16030102000100") + b"\0" * 500]
)
async def test_bytes_of_another_protocol_end_the_link(octets: bytes) -> None:
    async with place() as here:
        reader, writer = await here.raw()
        writer.write(octets)
        await reader.read()
        writer.close()
        await here.centre.gone()
        _settle(here)


async def test_a_refused_bind_is_read_by_the_peer_before_the_close() -> None:
    class Strict(Centre):
        def act(self, link: Link, event: Event) -> None:
            if isinstance(event, pdu.Bind):
                link.session.refuse_bind(event, pdu.ESME_RINVPASWD)
                link.close("wrong password")

    async with place(centre=Strict()) as here:
        reader, writer = await here.raw()
        writer.write(BIND)
        answer = pdu.decode(await reader.readexactly(17))  # bind_transceiver_resp keeps its body (see docs/sessions.md)
        assert answer.command_status == pdu.ESME_RINVPASWD
        assert await reader.read() == b""
        writer.close()
        assert await here.centre.gone() == "wrong password"
        _settle(here)


async def test_a_peer_that_does_not_end_its_side_is_cut_after_the_linger_time() -> None:
    clock = FakeClock()
    async with place(clock=clock, ticking=False, limits=LinkLimits(linger=5)) as here:
        reader, writer = await here.raw()
        writer.write(BIND)
        await reader.readexactly(16)
        here.centre.links[0].close("enough")
        await here.centre.until(lambda: bool(here.centre.of(Closed)))
        clock.advance(4.9)
        here.links.tick()
        assert len(here.links) == 1
        clock.advance(0.2)
        here.links.tick()
        assert await here.centre.gone() == "enough"
        _settle(here)
        writer.close()


async def test_a_peer_that_goes_on_sending_after_the_end_is_cut_by_volume() -> None:
    async with place(ticking=False, limits=LinkLimits(discard=100_000)) as here:
        reader, writer = await here.raw()
        writer.write(BIND)
        await reader.readexactly(16)
        here.centre.links[0].close("enough")
        writer.write(b"x" * 1_000_000)
        assert await here.centre.gone() == "enough"
        _settle(here)
        writer.close()


async def test_a_link_that_never_binds_is_closed_by_the_tick() -> None:
    clock = FakeClock()
    async with place(clock=clock, ticking=False, settings=SessionSettings(session_init_timer=5.0)) as here:
        reader, writer = await here.raw()
        await here.opened(1)
        clock.advance(5.1)
        here.links.tick()
        assert await reader.read() == b""
        writer.close()
        assert await here.centre.gone() == "no bind within 5 s"
        _settle(here)


async def test_a_close_from_the_owner_answers_what_was_decided_before() -> None:
    async with place() as here:
        esme, link = await here.esme()
        here.centre.holding = True
        esme.submit(link, 2)
        await here.centre.until(lambda: len(here.centre.held) == 2)
        far = here.centre.links[0]
        here.centre.release(far, 2)
        far.close("maintenance")
        await esme.gone()
        assert len(esme.of(Answered)) == 3
        assert await here.centre.gone() == "maintenance"
        _settle(here)
