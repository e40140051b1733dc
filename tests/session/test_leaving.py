"""From bound to CLOSED: unbind from either side, from both, with answers owed, and the ways that are less polite."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.errors import SessionError
from smscd.session import Answered, Cause, Closed, Refusal, Session, SessionSettings, Side, State, Unanswered, Unbound
from tests.session.pair import SessionPair, bound, delivery, frames, message


def unbind_arrives(session: Session, number: int = 40) -> list[object]:
    return list[object](session.receive_data(pdu.encode(pdu.Unbind(number)), 0))


def test_an_unbind_is_answered_and_both_ends_close() -> None:
    pair = bound()
    pair.esme.session.unbind(pair.now)
    pair.pump()
    assert pair.mc.events == [Unbound(by_peer=True), Closed("unbound by the peer", Cause.UNBOUND)]
    assert pair.esme.events == [Unbound(by_peer=False), Closed("unbound by us", Cause.UNBOUND)]
    assert pair.mc.last_sent() == pdu.UnbindResp(2)
    assert pair.esme.in_state(State.CLOSED)
    assert pair.mc.in_state(State.CLOSED)


def test_the_mc_may_unbind_too() -> None:
    pair = bound(pdu.BindReceiver)
    pair.mc.session.unbind(pair.now)
    pair.pump()
    assert pair.esme.in_state(State.CLOSED)
    assert pair.mc.in_state(State.CLOSED)


def test_the_answers_we_owe_go_out_before_the_unbind_resp() -> None:
    """An ESME that submits and unbinds in one breath must not hang up without its answers."""
    pair = bound()
    pair.esme.session.request(message(), pair.now, "mine")
    pair.esme.session.unbind(pair.now)
    pair.pump()
    assert pair.mc.only(Unbound).by_peer
    assert pair.mc.in_state(State.UNBOUND)
    assert pair.esme.in_state(State.BOUND_TRX)
    pair.mc.session.respond(pair.mc.only(pdu.SubmitSm), pdu.SubmitSmResp(message_id=b"1"))
    assert pair.mc.in_state(State.CLOSED)
    pair.pump()
    assert [type(sent) for sent in pair.mc.sent[-2:]] == [pdu.SubmitSmResp, pdu.UnbindResp]
    assert [type(event) for event in pair.esme.events] == [Answered, Unbound, Closed]
    pair.mc.events += pair.mc.session.receive_eof(pair.now)
    assert pair.mc.only(Closed).cause is Cause.UNBOUND


def test_answers_encoded_elsewhere_finish_an_unbind_as_well() -> None:
    pair = bound()
    number = pair.esme.session.request(message(), pair.now)
    pair.esme.session.unbind(pair.now)
    pair.pump()
    pair.mc.session.respond_octets(pdu.submit_sm_resp(number, b"1"))
    assert pair.mc.in_state(State.CLOSED)
    (closed,) = pair.mc.session.tick(pair.now)
    assert isinstance(closed, Closed)


def test_after_the_peers_unbind_its_requests_are_refused_and_ours_not_made() -> None:
    pair = bound()
    pair.esme.session.request(message(), pair.now)
    pair.esme.session.unbind(pair.now)
    pair.pump()
    assert pair.mc.session.credit == 0
    with pytest.raises(SessionError):
        pair.mc.session.request(delivery(), pair.now)
    (refusal,) = pair.mc.session.receive_data(pdu.encode(message()), pair.now)
    assert isinstance(refusal, Refusal)
    assert refusal.command_status == pdu.ESME_RINVBNDSTS


def test_while_our_unbind_travels_the_peer_is_still_served() -> None:
    pair = bound()
    pair.mc.session.unbind(pair.now)
    assert pair.mc.session.credit == 0
    crossing = message()
    crossing.sequence_number = 9
    (submitted,) = pair.mc.session.receive_data(pdu.encode(crossing), pair.now)
    assert submitted == crossing
    with pytest.raises(SessionError):
        pair.mc.session.request(delivery(), pair.now)


def test_what_is_in_flight_may_be_answered_after_the_unbind() -> None:
    pair = bound()
    pair.mc.session.request(delivery(), pair.now, "receipt")
    pair.pump()
    delivered = pair.esme.only(pdu.DeliverSm)
    pair.mc.events += unbind_arrives(pair.mc.session)  # type: ignore[arg-type]  # events they are
    assert pair.mc.in_state(State.UNBOUND)
    pair.mc.events += pair.mc.session.receive_data(pdu.encode(pdu.DeliverSmResp(delivered.sequence_number)), pair.now)
    assert [type(event) for event in pair.mc.events] == [Unbound, Answered, Closed]


def test_an_unbind_that_crosses_ours_is_answered_and_both_are_awaited() -> None:
    pair = bound()
    pair.esme.session.unbind(pair.now)
    pair.mc.session.unbind(pair.now)
    pair.pump()
    for end in (pair.esme, pair.mc):
        assert end.session.state is State.CLOSED
        assert [type(sent) for sent in end.sent[-2:]] == [pdu.Unbind, pdu.UnbindResp]
        assert end.only(Closed).cause is Cause.UNBOUND


def test_an_unbind_that_nobody_answers_ends_with_the_response_timer() -> None:
    pair = bound()
    pair.mc.session.request(delivery(), 5, "receipt")
    pair.mc.session.unbind(0)
    assert pair.mc.session.tick(9) == []
    (closed,) = pair.mc.session.tick(10)
    assert isinstance(closed, Closed)
    assert [event.context for event in closed.unanswered] == ["receipt"]


def test_a_refused_unbind_leaves_all_the_same() -> None:
    pair = bound()
    pair.esme.session.unbind(0)
    events = pair.esme.session.receive_data(pdu.encode(pdu.UnbindResp(2, pdu.ESME_RSYSERR)), 0)
    assert [type(event) for event in events] == [Unbound, Closed]


def test_nobody_waits_for_our_own_answers_beyond_the_response_timer() -> None:
    pair = bound()
    pair.esme.session.request(message(), pair.now, "mine")
    pair.esme.session.unbind(pair.now)
    pair.pump()
    pair.advance(9)
    assert pair.mc.in_state(State.UNBOUND)
    pair.cut = True
    pair.advance(2)
    assert pair.mc.only(Closed).cause is Cause.UNBOUND
    assert pair.mc.last_sent() == pdu.UnbindResp(3)


def test_nobody_waits_for_the_peers_answers_beyond_the_response_timer() -> None:
    pair = bound()
    pair.mc.session.request(delivery(), pair.now, "receipt")
    pair.esme.session.unbind(pair.now)
    pair.pump()
    assert frames(pair.mc.session.data_to_send()) == []
    assert isinstance(pair.mc.last_sent(), pdu.UnbindResp)
    assert pair.mc.in_state(State.UNBOUND)
    pair.advance(11)
    assert pair.mc.only(Unanswered).context == "receipt"
    assert pair.mc.only(Closed).unanswered == []


def test_leaving_twice_is_leaving_once() -> None:
    pair = bound()
    pair.esme.session.unbind(pair.now)
    pair.esme.session.unbind(pair.now)
    with pytest.raises(SessionError):
        pair.esme.session.request(pdu.Unbind(), pair.now)
    pair.pump()
    pair.esme.session.unbind(pair.now)
    assert [type(sent) for sent in pair.esme.sent].count(pdu.Unbind) == 1


def test_before_the_bind_close_is_the_word() -> None:
    session = Session(Side.MC, SessionSettings(), 0)
    with pytest.raises(SessionError):
        session.unbind(0)
    (closed,) = session.close("shutting down")
    assert closed == Closed("shutting down", Cause.OWNER)
    assert session.close("again") == []


def test_what_was_queued_before_a_close_is_still_written() -> None:
    pair = SessionPair()
    pair.esme.session.request(pdu.BindReceiver(system_id=b"test"), 0)
    pair.pump()
    pair.mc.session.refuse_bind(pair.mc.only(pdu.Bind), pdu.ESME_RINVPASWD)
    pair.mc.session.close("wrong password")
    assert pair.mc.session.data_to_send() == pdu.header(0x80000001, pdu.ESME_RINVPASWD, 1)


def test_the_end_is_told_once_and_nothing_is_heard_after_it() -> None:
    session = bound().mc.session
    (closed,) = session.receive_eof(3)
    assert closed == Closed("the peer closed the connection", Cause.EOF)
    assert session.receive_data(pdu.encode(message()), 3) == []
    assert session.tick(1000) == []
    assert session.receive_eof(1000) == []
    assert session.data_to_send() == b""


def test_an_end_in_the_middle_of_a_pdu_is_said_so() -> None:
    session = bound().mc.session
    session.receive_data(pdu.encode(message())[:20], 0)
    (closed,) = session.receive_eof(0)
    assert closed == Closed("the peer closed the connection, 20 octets into a PDU", Cause.EOF)


def test_a_peer_that_has_only_stopped_sending_still_gets_its_answers() -> None:
    pair = bound()
    pair.esme.session.request(message(), pair.now, "mine")
    pair.pump()
    pair.mc.session.request(delivery(), pair.now, "receipt")
    submitted = pair.mc.only(pdu.SubmitSm)
    assert pair.mc.session.receive_eof(pair.now, can_write=True) == []
    assert pair.mc.in_state(State.UNBOUND)
    pair.mc.session.data_to_send()
    assert pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
    (closed,) = pair.mc.session.tick(pair.now)
    assert isinstance(closed, Closed)
    assert closed.cause is Cause.EOF
    assert [event.context for event in closed.unanswered] == ["receipt"]
    assert frames(pair.mc.session.data_to_send()) == [pdu.SubmitSmResp(submitted.sequence_number, message_id=b"1")]


def test_a_peer_that_unbinds_and_stops_sending_gets_its_answers_too() -> None:
    pair = bound()
    pair.esme.session.request(message(), pair.now, "mine")
    pair.esme.session.unbind(pair.now)
    pair.pump()
    assert pair.mc.session.receive_eof(pair.now, can_write=True) == []
    pair.mc.session.respond(pair.mc.only(pdu.SubmitSm), pdu.SubmitSmResp(message_id=b"1"))
    assert [type(sent) for sent in frames(pair.mc.session.data_to_send())] == [pdu.SubmitSmResp, pdu.UnbindResp]
    assert pair.mc.in_state(State.CLOSED)


def test_a_peer_that_stops_sending_with_nothing_owed_is_gone() -> None:
    (closed,) = bound().mc.session.receive_eof(0, can_write=True)
    assert isinstance(closed, Closed)
