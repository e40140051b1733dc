"""Requests and answers that nobody would send on purpose: numbers, floods, silence, lies."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

import pytest

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import Peer, frame, submit
from tests.machine import Stopwatch, slack
from tests.running import until

DELIVER_SM_RESP = int(pdu.CommandId.deliver_sm_resp)
ENQUIRE_LINK = int(pdu.CommandId.enquire_link)


def numbered(number: int, text: bytes = b"hello", *, receipt: bool = False) -> bytes:
    return pdu.encode(submit(text, receipt=receipt, sequence_number=number))


def answers(peer: Peer, count: int) -> list[pdu.Pdu]:
    """The next `count` responses; requests between them are passed over."""
    found: list[pdu.Pdu] = []
    while len(found) < count:
        heard = peer.hear()
        assert heard is not None
        if heard.command_id & pdu.RESPONSE:
            found.append(heard)
    return found


def deliveries(peer: Peer) -> Iterator[pdu.DeliverSm]:
    """Every deliver_sm as it comes."""
    while True:
        heard = peer.hear()
        assert heard is not None
        if isinstance(heard, pdu.DeliverSm):
            yield heard


# -- numbers -----------------------------------------------------------------------------------------------------------


def test_any_sequence_number_is_echoed_also_zero_and_those_that_are_not_allowed(house: House) -> None:
    numbers = [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 5, 5, 5, 0]
    with house.bound() as peer:
        peer.send(b"".join(map(numbered, numbers)))
        found = answers(peer, len(numbers))
    assert [one.sequence_number for one in found] == numbers
    assert {one.command_status for one in found} == {pdu.ESME_ROK}
    ids = [one.message_id for one in found if isinstance(one, pdu.SubmitSmResp)]
    assert len(set(ids)) == len(numbers), "every request is a message of its own, whatever its number"


def test_answers_that_nobody_waits_for_are_let_pass(house: House) -> None:
    with house.bound() as peer:
        for cls in pdu.PDUS:
            if cls.command_id & pdu.RESPONSE and cls is not pdu.UnbindResp:
                for number in (0, 1, 12345, 0xFFFFFFFF):
                    for status in (0, 8, 0xFFFFFFFF):
                        peer.send(frame(cls.command_id, b"", status=status, number=number))
        peer.send(frame(int(pdu.CommandId.unbind_resp), number=99))
        assert peer.status_of(submit()) == "ESME_ROK"


@pytest.mark.parametrize("status", [0, pdu.ESME_RINVCMDID, 0xFFFFFFFF])
def test_a_generic_nack_with_any_number_ends_nothing(house: House, status: int) -> None:
    with house.bound() as peer:
        for number in (0, 1, 2, 0x80000000, 0xFFFFFFFF):
            peer.send(frame(int(pdu.CommandId.generic_nack), status=status, number=number))
        assert peer.status_of(submit()) == "ESME_ROK"


# -- floods ------------------------------------------------------------------------------------------------------------


def test_a_flood_beyond_the_window_is_answered_without_an_error(house: House) -> None:
    with house.bound("narrow") as peer:
        count = 3000
        peer.send(b"".join(numbered(number) for number in range(1, count + 1)))
        found = answers(peer, count)
    assert {one.command_status for one in found} == {pdu.ESME_ROK}
    assert [one.sequence_number for one in found] == list(range(1, count + 1))


def test_a_flood_beyond_the_rate_is_throttled_at_once(house: House) -> None:
    with house.bound("slow") as peer, Stopwatch() as watch:
        began, started = time.monotonic(), watch.read()
        peer.send(b"".join(numbered(number) for number in range(1, 501)))
        found = answers(peer, 500)
        took, worked = time.monotonic() - began, watch.read() - started
        statuses = [one.command_status for one in found]
        assert set(statuses) == {pdu.ESME_ROK, pdu.ESME_RTHROTTLED}
        assert 10 <= statuses.count(pdu.ESME_ROK) <= 10 + 10 * took + 1
        assert worked < 1.0 * slack()
        assert peer.alive()


def test_unbind_behind_a_hundred_submits_waits_for_their_answers(house: House) -> None:
    with house.bound() as peer:
        unbind = frame(int(pdu.CommandId.unbind), number=1000)
        peer.send(b"".join(numbered(number) for number in range(1, 101)) + unbind + numbered(1001))
        heard = peer.rest()
    assert [one.sequence_number for one in heard if isinstance(one, pdu.SubmitSmResp) and not one.command_status] == [
        *range(1, 101)
    ]
    assert isinstance(heard[-1], pdu.UnbindResp)
    late = [one for one in heard if one.sequence_number == 1001]
    assert [one.command_status for one in late] in ([], [pdu.ESME_RINVBNDSTS])


def test_fifty_cancellations_in_one_write_are_all_answered(house: House) -> None:
    cancel = pdu.CancelSm(source_addr=b"12345", destination_addr=b"447700900999")
    octets = []
    for number in range(1, 51):
        cancel.sequence_number = number
        octets.append(pdu.encode(cancel))
    with house.bound() as peer:
        peer.send(b"".join(octets))
        found = answers(peer, 50)
    assert {one.command_status for one in found} == {pdu.ESME_RCANCELFAIL}


def test_what_is_cancelled_while_it_is_being_stored_ends_once(house: House) -> None:
    """Submit and cancel of the same message in one write: whoever wins, the receipt and the listing agree."""
    cancel = pdu.CancelSm(source_addr=b"60606", destination_addr=b"447700900123")
    pairs = 200
    with house.bound("narrow") as peer:
        for number in range(pairs):
            cancel.sequence_number = 2 * number + 1
            message = submit(source_addr=b"60606", sequence_number=2 * number, validity_period=b"000001000000000R")
            peer.send(pdu.encode(message) + pdu.encode(cancel))
        found = answers(peer, 2 * pairs)
    assert {one.command_status for one in found if isinstance(one, pdu.SubmitSmResp)} == {pdu.ESME_ROK}
    listed = {"from": "60606", "kind": "MT", "limit": 1000}
    until(lambda: house.running.ask("message.list", stage="QUEUED", **listed)["messages"] == [])
    states = [one["message_state"] for one in house.running.ask("message.list", **listed)["messages"]]
    assert len(states) == pairs
    assert set(states) <= {"DELIVERED", "DELETED"}


# -- an ESME that does not answer as it should -------------------------------------------------------------------------


def receipts_due(house: House, system_id: str, count: int) -> None:
    """Let `count` receipts wait for an ESME that is not there."""
    with house.bound(system_id, kind=pdu.BindTransmitter) as peer:
        peer.send(b"".join(numbered(number, receipt=True) for number in range(1, count + 1)))
        answers(peer, count)
    until(lambda: house.waiting(f"esme:{system_id}") == count)


def acknowledge_all(house: House, system_id: str, count: int) -> None:
    """Bind as a decent ESME, and take what waits: all of it, and nothing else."""
    with house.bound(system_id, kind=pdu.BindReceiver) as peer:
        seen = set()
        for deliver in deliveries(peer):
            peer.send(pdu.deliver_sm_resp(deliver.sequence_number))
            seen.add(pdu.tlv.get(deliver.tlvs, pdu.Tag.receipted_message_id))
            if len(seen) == count:
                break
        until(lambda: house.waiting(f"esme:{system_id}") == 0)


@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda n: frame(DELIVER_SM_RESP, b"\0", status=pdu.ESME_RSYSERR, number=n), id="error"),
        pytest.param(lambda n: frame(DELIVER_SM_RESP, b"\0", status=0xFFFFFFFF, number=n), id="unheard of"),
        pytest.param(lambda n: frame(DELIVER_SM_RESP, b"\0", number=n ^ 0x40000000), id="wrong number"),
        pytest.param(lambda n: frame(int(pdu.CommandId.generic_nack), number=n), id="nack without a status"),
        pytest.param(lambda n: b"", id="nothing"),
    ],
)
def test_a_receipt_that_is_not_acknowledged_is_kept_and_brought_again(house: House, reply: object) -> None:
    system_id = next(stubborn)
    receipts_due(house, system_id, 30)
    assert callable(reply)
    with house.bound(system_id, kind=pdu.BindReceiver) as peer:
        seen: dict[bytes | None, int] = {}
        for deliver in deliveries(peer):
            name = pdu.tlv.get(deliver.tlvs, pdu.Tag.receipted_message_id)
            seen[name] = seen.get(name, 0) + 1
            peer.send(reply(deliver.sequence_number))
            if max(seen.values()) >= 2:  # it came again
                break
    assert house.waiting(f"esme:{system_id}") == 30
    acknowledge_all(house, system_id, 30)


stubborn = itertools.cycle(f"stubborn{number}" for number in range(5))


def test_a_receipt_acknowledged_twice_is_one_receipt(house: House) -> None:
    receipts_due(house, "twice", 50)
    with house.bound("twice", kind=pdu.BindReceiver) as peer:
        seen = []
        for deliver in deliveries(peer):
            seen.append(pdu.tlv.get(deliver.tlvs, pdu.Tag.receipted_message_id))
            peer.send(2 * pdu.deliver_sm_resp(deliver.sequence_number))
            if len(seen) == 50:
                break
        until(lambda: house.waiting("esme:twice") == 0)
        assert len(set(seen)) == 50
        assert peer.alive()


def test_no_more_deliver_sm_are_unanswered_than_the_window_allows(house: House) -> None:
    receipts_due(house, "mute", 100)
    with house.bound("mute", kind=pdu.BindReceiver) as peer:
        first = [peer.hear() for _ in range(5)]
        peer.send(frame(ENQUIRE_LINK, number=1))
        assert all(isinstance(one, pdu.DeliverSm) for one in first)
        assert isinstance(peer.hear(), pdu.EnquireLinkResp), "the sixth came although none was answered"
    acknowledge_all(house, "mute", 100)
