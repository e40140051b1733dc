"""Requests of ours and of the peer: matching, window, sequence numbers, answers of every odd kind."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.errors import SessionError, WindowFull
from smscd.pdu import MAX_SEQUENCE_NUMBER
from smscd.session import (
    Answered,
    Closed,
    LateAnswer,
    Nacked,
    SessionSettings,
    State,
    Unanswered,
    UnexpectedResponse,
)
from tests.session.pair import SessionPair, bound, delivery, frames, message

# --- answers ----------------------------------------------------------------------------------------------------------


def test_an_answer_comes_back_with_its_context_and_its_time() -> None:
    pair = bound()
    request = message()
    pair.esme.session.request(request, pair.now, "first")
    pair.pump()
    submitted = pair.mc.only(pdu.SubmitSm)
    assert pair.mc.session.owed == 1
    pair.now += 3
    assert pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"17"))
    pair.pump()
    answered = pair.esme.only(Answered)
    assert (answered.context, answered.round_trip) == ("first", 3)
    assert answered.request is request
    assert isinstance(answered.response, pdu.SubmitSmResp)
    assert answered.response.message_id == b"17"
    assert pair.mc.session.owed == 0


def test_answers_may_come_in_any_order() -> None:
    pair = bound()
    for context in ("a", "b", "c"):
        pair.esme.session.request(message(), pair.now, context)
    pair.pump()
    for submitted in reversed(pair.mc.take(pdu.SubmitSm)):
        pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
    pair.pump()
    assert [answered.context for answered in pair.esme.take(Answered)] == ["c", "b", "a"]


def test_both_directions_number_their_requests_independently() -> None:
    """SMPP 5.0 §2.6.1: two sets of sequence numbers in one session."""
    pair = bound()
    submit_number = pair.esme.session.request(message(), 0, "submit")
    for _ in range(submit_number):
        deliver_number = pair.mc.session.request(delivery(), 0, "deliver")
    assert submit_number == deliver_number
    pair.pump()
    for submitted in pair.mc.take(pdu.SubmitSm):
        pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
    for delivered in pair.esme.take(pdu.DeliverSm):
        pair.esme.session.respond(delivered, pdu.DeliverSmResp())
    pair.pump()
    assert [event.context for event in pair.esme.take(Answered)] == ["submit"]
    assert {event.context for event in pair.mc.take(Answered)} == {"deliver"}


@pytest.mark.parametrize("number", [0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF])
def test_whatever_sequence_number_came_is_echoed(number: int) -> None:
    pair = bound()
    request = message()
    request.sequence_number = number
    (submitted,) = pair.mc.session.receive_data(pdu.encode(request), 0)
    assert isinstance(submitted, pdu.SubmitSm)
    pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
    assert frames(pair.mc.session.data_to_send()) == [pdu.SubmitSmResp(number, message_id=b"1")]


def test_a_sequence_number_used_twice_by_the_peer_is_answered_twice() -> None:
    pair = bound()
    twice = pdu.encode(message()) * 2
    for submitted in pair.mc.session.receive_data(twice, 0):
        assert isinstance(submitted, pdu.SubmitSm)
        pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
    assert len(frames(pair.mc.session.data_to_send())) == 2


def test_a_generic_nack_answers_the_request_it_names() -> None:
    pair = bound()
    number = pair.esme.session.request(message(), 0, "mine")
    (answered,) = pair.esme.session.receive_data(pdu.encode(pdu.GenericNack(number, pdu.ESME_RINVCMDID)), 0)
    assert isinstance(answered, Answered)
    assert (answered.context, answered.response.command_status) == ("mine", pdu.ESME_RINVCMDID)


@pytest.mark.parametrize("number", [0, 99])
def test_a_generic_nack_that_names_nothing_is_news_and_the_session_lives_on(number: int) -> None:
    pair = bound()
    pair.esme.session.request(message(), 0, "mine")
    nack = pdu.GenericNack(number, pdu.ESME_RINVCMDLEN)
    assert pair.esme.session.receive_data(pdu.encode(nack), 0) == [Nacked(nack)]
    assert pair.esme.session.state is State.BOUND_TRX
    assert pair.esme.session.in_flight == 1


def test_a_response_of_another_command_still_answers_the_request_it_names() -> None:
    pair = bound()
    number = pair.esme.session.request(message(), 0, "mine")
    (answered,) = pair.esme.session.receive_data(pdu.encode(pdu.DataSmResp(number, message_id=b"1")), 0)
    assert isinstance(answered, Answered)
    assert answered.context == "mine"


@pytest.mark.parametrize("kind", [pdu.EnquireLinkResp, pdu.UnbindResp, pdu.BindTransceiverResp])
def test_a_response_about_the_session_never_answers_a_message(kind: type[pdu.Pdu]) -> None:
    pair = bound()
    number = pair.esme.session.request(message(), 0, "mine")
    (event,) = pair.esme.session.receive_data(pdu.encode(kind(number)), 0)
    assert isinstance(event, UnexpectedResponse)
    assert pair.esme.session.in_flight == 1


def test_a_message_response_never_answers_an_enquire_link() -> None:
    pair = bound()
    number = pair.esme.session.request(pdu.EnquireLink(), 0, "probe")
    (event,) = pair.esme.session.receive_data(pdu.encode(pdu.SubmitSmResp(number, message_id=b"1")), 0)
    assert isinstance(event, UnexpectedResponse)
    (answered,) = pair.esme.session.receive_data(pdu.encode(pdu.EnquireLinkResp(number)), 0)
    assert isinstance(answered, Answered)
    assert answered.context == "probe"


def test_an_unreadable_response_body_still_answers_with_its_status() -> None:
    pair = bound()
    number = pair.esme.session.request(message(), 0, "mine")
    unended = pdu.header(0x80000004, 0, number)[4:] + b"no end"
    (answered,) = pair.esme.session.receive_data((4 + len(unended)).to_bytes(4, "big") + unended, 0)
    assert isinstance(answered, Answered)
    assert isinstance(answered.response, pdu.SubmitSmResp)
    assert (answered.context, answered.response.message_id) == ("mine", None)


def test_an_unknown_response_command_is_only_news() -> None:
    pair = bound()
    number = pair.esme.session.request(message(), 0, "mine")
    (event,) = pair.esme.session.receive_data(pdu.header(0x80000999, 0, number), 0)
    assert event == UnexpectedResponse(None, 0x80000999, number)
    assert pair.esme.session.data_to_send() != b""
    assert pair.esme.session.data_to_send() == b""
    assert pair.esme.session.in_flight == 1


# --- time runs out ----------------------------------------------------------------------------------------------------


def test_an_unanswered_request_frees_its_place_and_may_still_be_answered_late() -> None:
    pair = bound()
    pair.esme.session.request(message(), pair.now, "mine")
    pair.pump()
    pair.advance(9)
    assert pair.esme.take(Unanswered) == []
    pair.advance(1)
    assert pair.esme.only(Unanswered).context == "mine"
    assert pair.esme.session.credit == 10
    pair.advance(59)
    pair.mc.session.respond(pair.mc.only(pdu.SubmitSm), pdu.SubmitSmResp(message_id=b"1"))
    pair.pump()
    late = pair.esme.only(LateAnswer)
    assert late.context == "mine"
    assert isinstance(late.response, pdu.SubmitSmResp)


def test_after_the_grace_time_an_answer_is_unexpected() -> None:
    pair = bound()
    pair.esme.session.request(message(), pair.now, "mine")
    pair.pump()
    pair.advance(70)
    pair.mc.session.respond(pair.mc.only(pdu.SubmitSm), pdu.SubmitSmResp(message_id=b"1"))
    pair.pump()
    assert len(pair.esme.take(Unanswered)) == 1
    assert pair.esme.take(LateAnswer) == []
    assert pair.esme.only(UnexpectedResponse).command_id == 0x80000004


def test_a_late_answer_counts_once() -> None:
    pair = bound()
    number = pair.esme.session.request(message(), pair.now, "mine")
    pair.advance(10)
    response = pdu.encode(pdu.SubmitSmResp(number, message_id=b"1"))
    events = pair.esme.session.receive_data(response * 2, pair.now)
    assert [type(event) for event in events] == [LateAnswer, UnexpectedResponse]


def test_only_what_is_due_expires() -> None:
    pair = bound()
    for context in range(5):
        pair.esme.session.request(message(), context, context)
    assert [event.context for event in pair.esme.session.tick(12) if isinstance(event, Unanswered)] == [0, 1, 2]
    assert pair.esme.session.in_flight == 2


def test_paused_reading_freezes_the_response_timers() -> None:
    pair = bound()
    session = pair.esme.session
    session.request(message(), 0, "before")
    session.pause_timers(5)
    session.request(message(), 50, "while")
    assert session.tick(100) == []
    session.resume_timers(105)
    assert session.tick(109) == []
    assert [event.context for event in session.tick(110) if isinstance(event, Unanswered)] == ["before"]
    assert [event.context for event in session.tick(115) if isinstance(event, Unanswered)] == ["while"]


def test_pausing_twice_or_resuming_without_a_pause_changes_nothing() -> None:
    session = bound().esme.session
    session.resume_timers(1)
    session.request(message(), 1, "mine")
    session.pause_timers(3)
    session.pause_timers(4)
    session.resume_timers(5)
    assert session.tick(12) == []
    assert len(session.tick(13)) == 1


# --- window and numbers -----------------------------------------------------------------------------------------------


def test_the_window_bounds_what_is_unanswered() -> None:
    pair = SessionPair(esme=SessionSettings(window=2))
    pair.bind()
    assert pair.esme.session.credit == 2
    pair.esme.session.request(message(), 0)
    pair.esme.session.request(message(), 0)
    assert pair.esme.session.credit == 0
    pair.pump()
    with pytest.raises(WindowFull):
        pair.esme.session.request(message(), 0)
    assert pair.esme.session.data_to_send() == b""
    pair.mc.session.respond(pair.mc.take(pdu.SubmitSm)[0], pdu.SubmitSmResp(message_id=b"1"))
    pair.pump()
    assert pair.esme.session.credit == 1


def test_enquire_link_and_unbind_pass_a_full_window() -> None:
    pair = SessionPair(esme=SessionSettings(window=1))
    pair.bind()
    pair.esme.session.request(message(), 0)
    pair.esme.session.request(pdu.EnquireLink(), 0, "probe")
    pair.pump()
    assert pair.esme.only(Answered).context == "probe"
    pair.esme.session.unbind(0)
    pair.pump()
    assert pair.mc.session.state is State.UNBOUND


@pytest.mark.parametrize("kind", [pdu.BindTransmitter, pdu.BindReceiver])
def test_a_bind_that_carries_nothing_our_way_gives_no_credit(kind: type[pdu.Bind]) -> None:
    pair = bound(kind)
    carries = pair.esme if kind is pdu.BindTransmitter else pair.mc
    other = pair.mc if kind is pdu.BindTransmitter else pair.esme
    assert carries.session.credit == 10
    assert other.session.credit == 0


def test_sequence_numbers_start_at_1_and_wrap_to_1() -> None:
    pair = bound()
    session = pair.esme.session
    session._in_flight._last = MAX_SEQUENCE_NUMBER - 1
    assert session.request(message(), 0) == MAX_SEQUENCE_NUMBER
    assert session.request(message(), 0) == 1


def test_a_number_that_may_still_be_answered_is_not_given_again() -> None:
    pair = bound()
    session = pair.esme.session
    for number in (2, 3, 4):
        assert session.request(message(), 0 if number == 2 else 5) == number
    session.tick(10)
    assert session.in_flight == 2
    probe = session.request(pdu.EnquireLink(), 10)
    assert probe == 5
    session._in_flight._last = MAX_SEQUENCE_NUMBER
    assert session.request(message(), 10) == 1
    assert session.request(message(), 10) == 6


# --- answering --------------------------------------------------------------------------------------------------------


def test_answers_made_elsewhere_go_out_as_one_piece() -> None:
    pair = bound()
    for _ in range(3):
        pair.esme.session.request(message(), 0)
    pair.pump()
    numbers = [submitted.sequence_number for submitted in pair.mc.take(pdu.SubmitSm)]
    pair.mc.session.respond_octets(pdu.submit_sm_resp(numbers[0], b"a"))
    pair.mc.session.respond_octets(b"".join(pdu.submit_sm_resp(number, b"b") for number in numbers[1:]), answers=2)
    assert pair.mc.session.owed == 0
    pair.pump()
    assert len(pair.esme.take(Answered)) == 3


def test_an_answer_that_nobody_waits_for_is_the_owners_error() -> None:
    pair = bound()
    with pytest.raises(SessionError):
        pair.mc.session.respond(message(), pdu.SubmitSmResp(message_id=b"1"))
    with pytest.raises(SessionError):
        pair.mc.session.respond_octets(pdu.submit_sm_resp(1, b"1"))
    assert pair.mc.session.data_to_send() == b""


def test_an_answer_after_the_link_went_away_is_dropped_and_says_so() -> None:
    pair = bound()
    pair.esme.session.request(message(), 0)
    pair.pump()
    submitted = pair.mc.only(pdu.SubmitSm)
    pair.mc.session.receive_eof(1)
    assert not pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
    assert not pair.mc.session.respond_octets(pdu.submit_sm_resp(2, b"1"))
    assert pair.mc.session.data_to_send() == b""


def test_a_pdu_that_cannot_be_encoded_leaves_no_trace() -> None:
    session = bound().esme.session
    broken = message()
    broken.source_addr = b"1\x002"
    with pytest.raises(ValueError, match="NUL"):
        session.request(broken, 0)
    assert session.in_flight == 0
    assert session.data_to_send() == b""


def test_an_alert_notification_waits_for_no_answer() -> None:
    pair = bound(pdu.BindReceiver)
    pair.mc.session.request(pdu.AlertNotification(source_addr=b"1", esme_addr=b"2"), 0)
    pair.pump()
    assert pair.esme.only(pdu.AlertNotification).source_addr == b"1"
    assert pair.esme.session.owed == pair.mc.session.in_flight == 0


def test_what_is_in_flight_comes_back_when_the_connection_breaks() -> None:
    pair = bound()
    requests = [message(), message()]
    for request in requests:
        pair.esme.session.request(request, pair.now, request)
    pair.esme.session.request(pdu.EnquireLink(), pair.now, "probe")
    (closed,) = pair.esme.session.receive_eof(pair.now)
    assert isinstance(closed, Closed)
    assert [event.context for event in closed.unanswered] == [*requests, "probe"]
    assert pair.esme.session.receive_eof(pair.now) == []
    with pytest.raises(SessionError):
        pair.esme.session.request(message(), pair.now)


# --- many at once -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("last", [0, MAX_SEQUENCE_NUMBER - 2, MAX_SEQUENCE_NUMBER])
@pytest.mark.parametrize("taken", [(), (1, 2), (MAX_SEQUENCE_NUMBER,)])
@pytest.mark.parametrize("interface_version", [0x33, 0x34, 0x50])
def test_what_is_relayed_together_is_numbered_and_answered_like_one_by_one(
    last: int, taken: tuple[int, ...], interface_version: int
) -> None:
    said, answered = [], []
    for together in (True, False):
        pair = bound(interface_version=interface_version)
        session = pair.esme.session
        for number in taken:  # unanswered since the numbers began anew
            session._in_flight._last = number - 1
            session.request(message(b"old"), 0, "old")
        session._in_flight._last = last
        pair.pump()
        pair.esme.sent.clear()
        texts = [b"one", b"two", b"three", b"four"]
        if together:
            requests = [message(text) for text in texts]
            session.relay(requests, [pdu.encode(request) for request in requests], texts, 0)
            assert all(request == message(text) for request, text in zip(requests, texts, strict=True))
        else:
            for text in texts:
                session.request(message(text), 0, text)
        pair.pump()
        said.append(pair.esme.sent)
        for submitted in pair.mc.take(pdu.SubmitSm):
            pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
        pair.pump()
        answered.append([(event.context, event.response) for event in pair.esme.take(Answered)])
        assert session.in_flight == 0
    assert said[0] == said[1]
    assert answered[0] == answered[1]


def test_what_cannot_all_be_relayed_is_not_relayed_at_all() -> None:
    pair = bound()
    session = pair.esme.session
    requests = [message()] * (session.credit + 1)
    with pytest.raises(WindowFull):
        session.relay(requests, [pdu.encode(message())] * len(requests), requests, 0)
    deliveries = [delivery()]
    with pytest.raises(SessionError):
        session.relay(deliveries, [pdu.encode(delivery())], deliveries, 0)
    assert session.data_to_send() == b""
    assert session.in_flight == 0
