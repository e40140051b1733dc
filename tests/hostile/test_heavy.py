"""Few octets that ask for much work: it is done in portions, and nobody else waits for it."""

from __future__ import annotations

import contextlib

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import frame, submit
from tests.machine import slack
from tests.running import until

ENQUIRE_LINK = int(pdu.CommandId.enquire_link)
MOST_READ = 32 << 20
"""Octets; what both kernels and smscd keep for a peer that does not read is a third of it."""


def test_forty_submit_multi_to_254_destinations_in_one_write(house: House) -> None:
    request = pdu.SubmitMulti(source_addr=b"12345", registered_delivery=1)
    octets = []
    for number in range(1, 41):
        request.sequence_number = number
        request.dest_address = [pdu.SmeAddress(1, 1, b"4477%08d" % (254 * number + n)) for n in range(254)]
        octets.append(pdu.encode(request))
    with house.bound("heavy") as peer:
        peer.send(b"".join(octets))
        assert peer.answer_to(40).command_status == pdu.ESME_ROK
    with house.bound("heavy", kind=pdu.BindReceiver) as peer:
        for _ in range(40 * 254):
            heard = peer.hear()
            assert isinstance(heard, pdu.DeliverSm)
            peer.send(pdu.deliver_sm_resp(heard.sequence_number))
    until(lambda: house.waiting("esme:heavy") == 0)


def test_a_thousand_cancellations_over_a_long_queue_in_one_write(house: House) -> None:
    with house.bound("heavy") as peer:
        for first in range(0, 10_000, 1000):
            octets = [
                pdu.encode(submit(destination_addr=b"4470%08d" % (first + n), sequence_number=first + n))
                for n in range(1000)
            ]
            peer.send(b"".join(octets))
            peer.answer_to(first + 999)
        cancel = pdu.CancelSm(source_addr=b"12345", destination_addr=b"447099999999")
        replacing = submit(destination_addr=b"447099999999", replace_if_present_flag=1)
        octets = []
        for number in range(0, 1000, 2):
            cancel.sequence_number, replacing.sequence_number = number, number + 1
            octets += [pdu.encode(cancel), pdu.encode(replacing)]
        peer.send(b"".join(octets))
        found = [peer.hear() for _ in range(1000)]
    statuses = {(type(one), one.command_status) for one in found if one is not None}
    assert statuses <= {
        (pdu.SubmitSmResp, pdu.ESME_ROK), (pdu.CancelSmResp, pdu.ESME_ROK), (pdu.CancelSmResp, pdu.ESME_RCANCELFAIL)
    }  # fmt: skip
    pending = {"to": "447099999999", "state": "ENROUTE", "kind": "MT", "limit": 1000}
    until(lambda: len(house.running.ask("message.list", **pending)["messages"]) <= 1)


def test_optional_parameters_by_the_ten_thousand(house: House) -> None:
    request = submit(tlvs=[(0x1401, b"")] * 16_000)
    with house.bound("heavy", kind=pdu.BindTransmitter) as peer:
        numbers = [peer.say(request) for _ in range(30)]
        assert {peer.answer_to(number).command_status for number in numbers} == {pdu.ESME_ROK}


def test_a_flood_of_enquire_links_whose_answers_nobody_reads_is_not_read_any_more(house: House) -> None:
    before = house.rss()
    with house.peer(receive_buffer=4096) as peer:
        peer.bind("heavy", kind=pdu.BindTransmitter)
        octets = b"".join(frame(ENQUIRE_LINK, number=number) for number in range(1, 10_001))
        sent = 0
        peer.socket.settimeout(0.5 * slack())
        with contextlib.suppress(TimeoutError):
            while sent < MOST_READ:
                sent += peer.socket.send(octets[sent % len(octets) :])  # it may have taken a part
            raise AssertionError(f"{sent} octets were read and nothing was taken")
        assert house.rss() < before + (32 << 20)
