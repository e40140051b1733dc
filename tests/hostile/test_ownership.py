"""query_sm, cancel_sm and replace_sm find what is one's own, and of other ESMEs' messages not even that they exist."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from smscd import pdu
from tests.hostile.house import House
from tests.hostile.peer import Peer, submit

UNDER_WAY = b"447000900123"
"""A recipient whose messages stay under way for an hour."""


@pytest.fixture
def victim(house: House) -> Iterator[Peer]:
    with house.bound("test") as peer:
        yield peer


@pytest.fixture
def thief(house: House) -> Iterator[Peer]:
    with house.bound("other") as peer:
        yield peer


def message_of(peer: Peer, version: int = 0x34) -> bytes:
    answer = peer.ask(submit(b"mine", destination_addr=UNDER_WAY))
    assert isinstance(answer, pdu.SubmitSmResp)
    assert answer.message_id
    return answer.message_id


def untouched(house: House, message_id: bytes) -> bool:
    shown = house.running.ask("message.show", message_id=message_id.decode(), text=True)
    return (shown["message_state"], shown["text"]) == ("ENROUTE", "mine")


@pytest.mark.parametrize("source", [b"12345", b"", b"99999"])
def test_the_message_of_another_esme_is_one_that_does_not_exist(
    house: House, victim: Peer, thief: Peer, source: bytes
) -> None:
    theirs, nobodys = message_of(victim), b"382600000000000000"
    for message_id in (theirs, nobodys):
        query = pdu.QuerySm(message_id=message_id, source_addr=source)
        cancel = pdu.CancelSm(message_id=message_id, source_addr=source, destination_addr=UNDER_WAY)
        replace = pdu.ReplaceSm(message_id=message_id, source_addr=source, short_message=b"stolen")
        answers = [thief.ask(request) for request in (query, cancel, replace)]
        assert [pdu.status.status_name(one.command_status) for one in answers] == ["ESME_RINVMSGID"] * 3
        assert not getattr(answers[0], "message_id", None)
    assert untouched(house, theirs)


def test_a_cancellation_by_addresses_reaches_ones_own_messages_only(house: House, victim: Peer, thief: Peer) -> None:
    theirs = message_of(victim)
    cancel = pdu.CancelSm(source_addr=b"12345", destination_addr=UNDER_WAY)
    assert thief.status_of(cancel) == "ESME_RCANCELFAIL"
    ours = message_of(thief)
    assert thief.status_of(cancel) == "ESME_ROK"
    assert untouched(house, theirs)
    assert not untouched(house, ours)


def test_a_replacement_by_flag_reaches_ones_own_messages_only(house: House, victim: Peer, thief: Peer) -> None:
    theirs = message_of(victim)
    assert thief.status_of(submit(b"x", destination_addr=UNDER_WAY, replace_if_present_flag=1)) == "ESME_ROK"
    assert untouched(house, theirs)


def test_with_the_wrong_sender_ones_own_message_is_not_touched(house: House, victim: Peer) -> None:
    mine = message_of(victim)
    assert victim.status_of(pdu.QuerySm(message_id=mine, source_addr=b"1")) == "ESME_RINVMSGID"
    assert victim.status_of(pdu.CancelSm(message_id=mine, source_addr=b"1")) == "ESME_RINVSRCADR"
    assert victim.status_of(pdu.ReplaceSm(message_id=mine, source_addr=b"1")) == "ESME_RINVSRCADR"
    assert untouched(house, mine)


def test_an_id_that_only_looks_like_a_number_is_not_it(house: House, victim: Peer) -> None:
    mine = message_of(victim)
    same = int(mine)
    for other in (b"+" + mine, b"0" + mine, b" " + mine, mine + b" ", b"%x" % same, b"0x%x" % same, mine + b"\xb2"):
        assert victim.status_of(pdu.QuerySm(message_id=other, source_addr=b"12345")) == "ESME_RINVMSGID"
        assert victim.status_of(pdu.CancelSm(message_id=other, source_addr=b"12345")) == "ESME_RINVMSGID"
    assert untouched(house, mine)


def test_the_short_ids_of_3_3_are_private_as_well(house: House, thief: Peer) -> None:
    with house.bound("test", version=pdu.INTERFACE_VERSION_3_3) as old:
        theirs = message_of(old)
        assert len(theirs) <= 8
        assert thief.status_of(pdu.QuerySm(message_id=theirs, source_addr=b"12345")) == "ESME_RINVMSGID"
        assert thief.status_of(pdu.CancelSm(message_id=theirs, source_addr=b"12345")) == "ESME_RINVMSGID"
    assert untouched(house, theirs)
