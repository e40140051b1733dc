"""A session on a transport: what goes in comes out, whatever the portions."""

from __future__ import annotations

import asyncio
import socket

import pytest

from smscd import pdu
from smscd.link import Link
from smscd.session import Answered, Event, Refusal, Unbound
from tests.link.ends import Centre, Esme, place, submit_sm


async def test_a_request_is_answered_over_a_real_socket() -> None:
    async with place() as here:
        esme, link = await here.esme()
        esme.submit(link)
        await esme.until(lambda: len(esme.of(Answered)) == 2)
        answer = esme.of(Answered)[1]
        assert answer.response.command_status == pdu.ESME_ROK
        assert answer.context == 0
        assert answer.round_trip > 0


async def test_both_ends_know_each_other_by_address() -> None:
    async with place() as here:
        _esme, link = await here.esme()
        assert link.peer == f"127.0.0.1:{here.door.port}"
        assert link.peer_host == "127.0.0.1"
        assert here.centre.links[0].peer_host == "127.0.0.1"
        assert not link.tls
        assert here.centre.links[0].certificate_name == ""


async def test_an_answer_waits_neither_for_nagle_nor_for_a_dead_peer() -> None:
    async with place() as here:
        _esme, link = await here.esme()
        for end in (link, here.centre.links[0]):
            assert end._transport is not None
            sock = end._transport.get_extra_info("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60


async def test_a_bind_dribbled_octet_by_octet_is_a_bind() -> None:
    async with place() as here:
        reader, writer = await here.raw()
        for octet in pdu.encode(pdu.BindTransceiver(sequence_number=7, system_id=b"test")):
            writer.write(bytes([octet]))
            await writer.drain()
            await asyncio.sleep(0)
        assert isinstance(await _read(reader), pdu.BindTransceiverResp)
        writer.close()


async def test_a_thousand_pdus_in_one_write_are_answered_in_order() -> None:
    async with place() as here:
        reader, writer = await here.raw()
        writer.write(pdu.encode(pdu.BindTransceiver(sequence_number=1, system_id=b"test")))
        await _read(reader)
        frames = []
        for number in range(2, 1002):
            request = submit_sm(b"number %d" % number)
            request.sequence_number = number
            frames.append(pdu.encode(request))
        writer.write(b"".join(frames))
        answers = [await _read(reader) for _ in range(1000)]
        assert [answer.sequence_number for answer in answers] == list(range(2, 1002))
        assert {answer.command_status for answer in answers} == {pdu.ESME_ROK}
        assert here.centre.calls < 100, "events come a read at a time, not a PDU at a time"
        writer.close()


async def test_everything_answered_in_one_turn_is_one_write() -> None:
    async with place() as here:
        esme, link = await here.esme()
        far = here.centre.links[0]
        here.centre.holding = True
        esme.submit(link, 50)
        await here.centre.until(lambda: len(here.centre.held) == 50)
        writes: list[int] = []
        assert far._transport is not None
        far._transport = _Counting(far._transport, writes)  # type: ignore[assignment]
        for _ in range(50):
            here.centre.release(far, 1)  # asks for a flush each time
        assert writes == []
        await esme.until(lambda: len(esme.of(Answered)) == 51)
        assert len(writes) == 1


async def test_flushing_inside_a_batch_waits_for_its_end() -> None:
    class Eager(Centre):
        def act(self, link: Link, event: Event) -> None:
            super().act(link, event)
            link.flush()

    async with place(centre=Eager()) as here:
        esme, link = await here.esme()
        far = here.centre.links[0]
        writes: list[int] = []
        assert far._transport is not None
        far._transport = _Counting(far._transport, writes)  # type: ignore[assignment]
        esme.submit(link, 20)
        await esme.until(lambda: len(esme.of(Answered)) == 21)
        assert len(writes) == 1


async def test_an_unknown_command_leaves_the_link_open() -> None:
    async with place() as here:
        reader, writer = await here.raw()
        writer.write(pdu.encode(pdu.BindTransceiver(sequence_number=1, system_id=b"test")))
        await _read(reader)
        writer.write(pdu.header(0x00FFFFFF, 0, 2))
        answer = await _read(reader)
        assert isinstance(answer, pdu.GenericNack)
        assert answer.command_status == pdu.ESME_RINVCMDID
        writer.write(pdu.encode(pdu.EnquireLink(sequence_number=3)))
        assert isinstance(await _read(reader), pdu.EnquireLinkResp)
        assert len(here.centre.of(Refusal)) == 1
        writer.close()


async def test_an_unbind_is_answered_before_the_link_closes() -> None:
    async with place() as here:
        esme, link = await here.esme()
        link.session.unbind(here.links.clock.monotonic())
        link.flush()
        assert "unbound" in await esme.gone()
        assert "unbound" in await here.centre.gone()
        assert len(here.centre.of(Unbound)) == 1


async def test_a_fault_of_the_owner_costs_its_own_link_and_no_other(caplog: pytest.LogCaptureFixture) -> None:
    class Faulty(Centre):
        def act(self, link: Link, event: Event) -> None:
            if isinstance(event, pdu.SubmitSm) and event.short_message == b"bomb":
                raise ZeroDivisionError("boom")
            super().act(link, event)

    async with place(centre=Faulty()) as here:
        unlucky, its_link = await here.esme()
        other, other_link = await here.esme()
        unlucky.submit(its_link, text=b"bomb")
        await unlucky.gone()
        assert here.centre.reasons == ["internal error: ZeroDivisionError"]
        assert "boom" in caplog.text
        other.submit(other_link)
        await other.until(lambda: len(other.of(Answered)) == 2)


async def test_a_link_may_be_closed_before_it_was_ever_open() -> None:
    async with place() as here:
        esme = Esme()
        here.esme_link(esme).close("changed our mind")
        assert esme.reasons == ["changed our mind"]


async def _read(reader: asyncio.StreamReader) -> pdu.Pdu:
    length = await reader.readexactly(4)
    return pdu.decode(length + await reader.readexactly(int.from_bytes(length, "big") - 4))


class _Counting:
    """A transport that counts what is written to it."""

    def __init__(self, transport: asyncio.Transport, writes: list[int]) -> None:
        self._inner, self._writes = transport, writes

    def write(self, octets: bytes) -> None:
        self._writes.append(len(octets))
        self._inner.write(octets)

    def __getattr__(self, name: str) -> object:
        return getattr(self._inner, name)
