"""What a peer may do wrong, and that it hurts nobody: every answer, and whether the session lives on."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.session import Answered, Cause, Closed, Refusal, Session, SessionSettings, Side, State
from tests.session.pair import SessionPair, bound, frames, message


def with_body(command_id: int, body: bytes, number: int = 5) -> bytes:
    return (16 + len(body)).to_bytes(4, "big") + pdu.header(command_id, 0, number)[4:] + body


def test_an_unknown_command_is_nacked_with_its_number_and_the_session_lives_on() -> None:
    session = bound().mc.session
    unknown = with_body(0x00010203, b"anything", number=7)
    refusal, submitted = session.receive_data(unknown + pdu.encode(message()), 0)
    assert refusal == Refusal(0x00010203, 7, pdu.ESME_RINVCMDID, "unknown command_id 0x00010203")
    assert session.data_to_send() == pdu.header(0x80000000, pdu.ESME_RINVCMDID, 7)
    assert isinstance(submitted, pdu.SubmitSm)


def test_an_unknown_command_is_nacked_before_the_bind_as_well() -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    session.receive_data(with_body(0x00010203, b""), 0)
    assert session.data_to_send() == pdu.header(0x80000000, pdu.ESME_RINVCMDID, 5)
    assert session.state is State.OPEN


@pytest.mark.parametrize(
    ("body", "command_status"),
    [
        (b"TOOLONG\0", pdu.ESME_RINVSERTYP),
        (b"\0\1\1" + b"1" * 22 + b"\0", pdu.ESME_RINVSRCADR),
        (b"\0\1\1123\0\1\1" + b"1" * 22 + b"\0", pdu.ESME_RINVDSTADR),
        (b"", pdu.ESME_RINVCMDLEN),
    ],
)
def test_a_malformed_body_is_answered_with_its_status_and_the_session_lives_on(
    body: bytes, command_status: int
) -> None:
    session = bound().mc.session
    refusal, submitted = session.receive_data(with_body(4, body) + pdu.encode(message()), 0)
    assert isinstance(refusal, Refusal)
    assert (refusal.command_id, refusal.sequence_number, refusal.command_status) == (4, 5, command_status)
    assert session.data_to_send() == pdu.header(0x80000004, command_status, 5)
    assert isinstance(submitted, pdu.SubmitSm)
    assert session.owed == 1


def test_a_malformed_body_in_the_wrong_state_is_first_of_all_in_the_wrong_state() -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    (refusal,) = session.receive_data(with_body(4, b"rubbish"), 0)
    assert isinstance(refusal, Refusal)
    assert refusal.command_status == pdu.ESME_RINVBNDSTS


def test_a_malformed_bind_is_answered_and_another_may_follow() -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    (refusal, bind) = session.receive_data(with_body(9, b"x" * 300) + pdu.encode(pdu.BindTransceiver(6)), 0)
    assert isinstance(refusal, Refusal)
    assert refusal.command_status == pdu.ESME_RINVSYSID
    assert isinstance(bind, pdu.Bind)


def test_a_password_of_1000_characters_costs_the_connection_only() -> None:
    """NowSMS CVE-2008-0871: before the bind no PDU may be longer than 1 KiB."""
    session = Session(Side.MC, SessionSettings(), 0)
    events = session.receive_data(with_body(9, b"test\0" + b"p" * 1000 + b"\0\0\x34\0\0\0"), 0)
    assert [type(event) for event in events] == [Refusal, Closed]
    assert session.data_to_send() == pdu.header(0x80000000, pdu.ESME_RINVCMDLEN, 5)


def test_a_malformed_alert_notification_is_nacked_because_it_has_no_response() -> None:
    session = bound(pdu.BindReceiver).esme.session
    session.receive_data(with_body(0x102, b"\1\1"), 0)
    (nack,) = frames(session.data_to_send())
    assert isinstance(nack, pdu.GenericNack)
    assert nack.sequence_number == 5


@pytest.mark.parametrize("length", [0, 1, 7, 15, 70_001, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_length_that_cannot_be_ends_the_session_after_what_came_before(length: int) -> None:
    session = bound().mc.session
    broken = length.to_bytes(4, "big") + (4).to_bytes(4, "big") + bytes(4) + (9).to_bytes(4, "big")
    submitted, refusal, closed = session.receive_data(pdu.encode(message()) + broken + pdu.encode(message()), 0)
    assert isinstance(submitted, pdu.SubmitSm)
    assert isinstance(refusal, Refusal)
    assert refusal.command_status == pdu.ESME_RINVCMDLEN
    assert isinstance(closed, Closed)
    assert closed.cause is Cause.UNFRAMEABLE
    assert session.data_to_send() == pdu.header(0x80000000, pdu.ESME_RINVCMDLEN, 9)
    assert session.receive_data(pdu.encode(message()), 1) == []


@pytest.mark.parametrize("start", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"])
def test_another_protocol_is_recognised_and_closed(start: bytes) -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    *_, closed = session.receive_data(start, 0)
    assert isinstance(closed, Closed)
    assert "looks like" in closed.reason


def test_a_bound_peer_may_send_64_kib_of_text() -> None:
    pair = bound()
    long = message(b"")
    long.tlvs = [(0x0424, b"x" * 0xFFFF)]
    pair.esme.session.request(long, 0)
    pair.pump()
    assert pair.mc.only(pdu.SubmitSm).tlvs == long.tlvs


def test_an_unbound_peer_may_not_send_more_than_a_kib() -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    assert session.receive_data((1024).to_bytes(4, "big"), 0) == []
    session = Session(Side.MC, SessionSettings(), 0)
    assert len(session.receive_data((1025).to_bytes(4, "big"), 0)) == 2


def test_a_body_behind_an_enquire_link_is_forgiven() -> None:
    session = bound().mc.session
    assert session.receive_data(with_body(0x15, b"\0"), 0) == []
    assert session.data_to_send() == pdu.header(0x80000015, 0, 5)


def test_nacks_are_never_nacked() -> None:
    """Two ends that nack each other's nacks would never stop."""
    pair = bound()
    pair.mc.session.receive_data(with_body(0x80000000, b"junk"), 0)
    pair.mc.session.receive_data(with_body(0xFFFFFFFF, b"junk"), 0)
    assert pair.mc.session.data_to_send() == b""


@pytest.mark.parametrize("chunk", [1, 2, 15, 16, 17])
def test_a_cable_that_splits_every_pdu_changes_nothing(chunk: int) -> None:
    pair = SessionPair(chunk=chunk)
    pair.bind()
    for context in range(3):
        pair.esme.session.request(message(b"text %d" % context), 0, context)
    pair.pump()
    for submitted in pair.mc.take(pdu.SubmitSm):
        pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=submitted.short_message))
    pair.esme.session.unbind(0)
    pair.pump()
    answered = pair.esme.take(Answered)
    assert [event.context for event in answered] == [0, 1, 2]
    assert pair.esme.session.state is pair.mc.session.state is State.CLOSED


def test_a_thousand_pdus_in_one_read_are_a_thousand_events() -> None:
    session = bound().mc.session
    assert len(session.receive_data(pdu.encode(message()) * 1000, 0)) == 1000
    assert session.owed == 1000


def test_an_error_gets_a_body_if_the_account_asks_for_it() -> None:
    pair = SessionPair(mc=SessionSettings(error_body=True))
    pair.bind()
    pair.esme.session.request(message(), 0)
    pair.pump()
    pair.mc.session.respond(pair.mc.only(pdu.SubmitSm), pdu.SubmitSmResp(command_status=pdu.ESME_RTHROTTLED))
    pair.mc.session.receive_data(with_body(4, b"", number=6), 0)
    first, second = pdu.Framer().feed(pair.mc.session.data_to_send())
    assert first[16:] == second[16:] == b"\0"


@pytest.mark.parametrize(
    ("request_id", "body"),
    [(0x09, b"\0"), (0x103, b"\0"), (0x03, b"\0\0\7\0"), (0x21, b"\0\0")],
    ids=["bind_transceiver", "data_sm", "query_sm", "submit_multi"],
)
@pytest.mark.parametrize("interface_version", [0x33, 0x34, 0x50])
def test_an_error_has_the_body_that_only_3_4_leaves_it(request_id: int, body: bytes, interface_version: int) -> None:
    """3.4 says of bind_transmitter_resp, bind_receiver_resp and submit_sm_resp that they have none; of these it does
    not, and gosmpp takes it at its word. 5.0 §3.2.1.3: "a PDU body should not be included"."""
    pair = SessionPair()
    pair.bind(interface_version=interface_version)
    pair.mc.session.receive_data(with_body(request_id, b""), 0)
    (answer,) = pdu.Framer().feed(pair.mc.session.data_to_send())
    if not (request_id == 0x103 and interface_version == 0x33):
        assert answer[4:8] == (0x80000000 | request_id).to_bytes(4, "big")
    assert answer[8:12] != bytes(4)
    assert answer[16:] == (body if interface_version == 0x34 else b"")


@pytest.mark.parametrize(
    ("bind", "body"), [(pdu.BindTransmitter, b""), (pdu.BindReceiver, b""), (pdu.BindTransceiver, b"\0")]
)
def test_a_refused_bind_has_the_body_that_3_4_leaves_it(bind: type[pdu.Bind], body: bytes) -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    (request,) = session.receive_data(pdu.encode(bind(sequence_number=9, system_id=b"x", interface_version=0x34)), 0)
    assert isinstance(request, bind)
    session.refuse_bind(request, pdu.ESME_RINVPASWD)
    (answer,) = pdu.Framer().feed(session.data_to_send())
    assert answer[16:] == body


def test_an_error_is_a_bare_header_by_default() -> None:
    """SMPP 3.4 §4.4.2: "the submit_sm_resp PDU Body is not returned if the command_status field contains a non-zero
    value"."""
    pair = bound()
    number = pair.esme.session.request(message(), 0)
    pair.pump()
    pair.mc.session.respond(pair.mc.only(pdu.SubmitSm), pdu.SubmitSmResp(command_status=pdu.ESME_RTHROTTLED))
    assert pair.mc.session.data_to_send() == pdu.header(0x80000004, pdu.ESME_RTHROTTLED, number)
