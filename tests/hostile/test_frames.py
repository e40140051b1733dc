"""What is no frame, or not the frame it claims to be."""

from __future__ import annotations

import random
import ssl

import pytest

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import Peer, frame, submit

ENQUIRE_LINK = int(pdu.CommandId.enquire_link)


def is_nacked_and_closed(peer: Peer) -> bool:
    """Whether all that comes is a generic_nack with ESME_RINVCMDLEN and the end."""
    heard = peer.rest()
    return [(type(one), one.command_status) for one in heard] == [(pdu.GenericNack, pdu.ESME_RINVCMDLEN)]


@pytest.mark.parametrize("length", [0, 1, 7, 15, 0xFFFFFFFF, 0x80000000, 64 * 1024 + 4097])
@pytest.mark.parametrize("bound", [False, True], ids=["unbound", "bound"])
def test_a_command_length_that_cannot_be_is_nacked_and_the_connection_closed(
    house: House, length: int, bound: bool
) -> None:
    with house.bound("frames") if bound else house.peer() as peer:
        peer.send(frame(ENQUIRE_LINK, length=length, number=77))
        assert is_nacked_and_closed(peer)


def test_a_command_length_of_four_gibibytes_reserves_no_memory(house: House) -> None:
    before = house.rss()
    with house.peer() as peer:
        peer.send(frame(ENQUIRE_LINK, length=0xFFFFFFFF)[:4])
        assert is_nacked_and_closed(peer)
    assert house.rss() < before + (8 << 20)


def test_a_bare_header_with_an_unknown_command_is_nacked_and_the_session_lives_on(house: House) -> None:
    with house.bound("frames") as peer:
        peer.send(frame(0x000000AA, number=4711))
        heard = peer.hear()
        assert isinstance(heard, pdu.GenericNack)
        assert (heard.command_status, heard.sequence_number) == (pdu.ESME_RINVCMDID, 4711)
        assert peer.alive()


def test_more_than_a_kibibyte_before_the_bind_is_refused_before_it_is_read(house: House) -> None:
    with house.peer() as peer:
        peer.send(frame(int(pdu.CommandId.bind_transceiver), length=1025))
        assert is_nacked_and_closed(peer)


def test_a_kibibyte_before_the_bind_is_read(house: House) -> None:
    with house.peer() as peer:
        peer.send(frame(int(pdu.CommandId.enquire_link), bytes(1024 - 16)))
        assert isinstance(peer.hear(), pdu.EnquireLinkResp)


def test_a_web_browser_is_told_apart_and_closed(house: House) -> None:
    with house.peer() as peer:
        peer.send(b"GET / HTTP/1.1\r\nHost: smsc.example\r\nAccept: */*\r\n\r\n")
        assert is_nacked_and_closed(peer)
        name = peer.name
    line = house.running.wait_for("unframeable", peer=name)
    assert "looks like HTTP" in line["reason"]


def test_a_tls_client_on_the_plain_port_is_told_apart_and_closed(house: House) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="smsc.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    with house.peer() as peer:
        peer.send(outgoing.read())
        assert is_nacked_and_closed(peer)
        name = peer.name
    line = house.running.wait_for("unframeable", peer=name)
    assert "looks like TLS" in line["reason"]


def test_random_octets_end_in_a_close_not_in_a_wait(house: House) -> None:
    seed = 20260706
    print(f"seed {seed}")
    draw = random.Random(seed)
    for _ in range(50):
        with house.peer() as peer:
            peer.send(draw.randbytes(draw.randrange(16, 4096)))
            peer.rest()


def test_a_thousand_pdus_in_one_write_are_answered_in_order(house: House) -> None:
    with house.bound("frames") as peer:
        peer.send(b"".join(frame(ENQUIRE_LINK, number=number) for number in range(1, 1001)))
        heard = [peer.hear() for _ in range(1000)]
        assert [one.sequence_number for one in heard if isinstance(one, pdu.EnquireLinkResp)] == list(range(1, 1001))


def test_a_pdu_in_single_octets_is_one_pdu(house: House) -> None:
    with house.bound("frames") as peer:
        request = submit(b"one octet after the other")
        request.sequence_number = 99
        for octet in pdu.encode(request):
            peer.send(bytes((octet,)))
        answer = peer.answer_to(99)
        assert (type(answer), answer.command_status) == (pdu.SubmitSmResp, pdu.ESME_ROK)


def test_a_pdu_that_never_ends_keeps_nobody_waiting(house: House) -> None:
    with house.bound("frames") as endless:
        endless.send(frame(int(pdu.CommandId.submit_sm), bytes(40_000), length=60_000))
        with house.bound("frames") as peer:
            assert peer.status_of(submit()) == "ESME_ROK"


def test_nothing_behind_a_broken_frame_is_believed(house: House) -> None:
    with house.bound("frames") as peer:
        peer.send(frame(ENQUIRE_LINK, length=3) + pdu.encode(submit(b"behind the break", source_addr=b"33333")))
        assert is_nacked_and_closed(peer)
    assert house.running.ask("message.list", **{"from": "33333"}) == {"messages": []}
