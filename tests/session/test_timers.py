"""The four timers of SMPP 3.4 §7.2, with integers for time."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.session import Cause, Closed, Event, Session, SessionSettings, Side, State, Unbound
from tests.session.pair import SessionPair, bound, delivery, frames, message

ENQUIRE = pdu.EnquireLink
QUIET = SessionSettings(enquire_link_timer=0)


def ticks(session: Session, start: int, end: int) -> list[Event]:
    return [event for now in range(start, end + 1) for event in session.tick(now)]


# --- session_init_timer -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("side", Side)
def test_a_connection_on_which_nobody_binds_is_closed(side: Side) -> None:
    session = Session(side, SessionSettings(session_init_timer=5), 100)
    assert session.tick(104) == []
    (closed,) = session.tick(105)
    assert closed == Closed("no bind within 5 s", Cause.SESSION_INIT)


def test_enquire_links_do_not_replace_a_bind() -> None:
    session = Session(Side.MC, SessionSettings(session_init_timer=5), 0)
    for now in range(5):
        session.receive_data(pdu.encode(ENQUIRE(now)), now)
    assert [type(event) for event in session.tick(5)] == [Closed]


def test_our_own_slow_decision_is_not_the_peers_silence() -> None:
    session = Session(Side.MC, SessionSettings(session_init_timer=5), 0)
    (bind,) = session.receive_data(pdu.encode(pdu.BindReceiver(1)), 4)
    assert isinstance(bind, pdu.Bind)
    assert session.tick(60) == []
    session.refuse_bind(bind, pdu.ESME_RBINDFAIL)
    assert [type(event) for event in session.tick(61)] == [Closed]


def test_without_a_session_init_timer_a_connection_may_wait() -> None:
    assert Session(Side.MC, SessionSettings(session_init_timer=0), 0).tick(100_000) == []


# --- enquire_link_timer -----------------------------------------------------------------------------------------------


def test_a_silent_peer_is_asked_and_its_answer_is_enough() -> None:
    pair = bound()
    pair.advance(200)
    assert pair.esme.in_state(State.BOUND_TRX)
    assert pair.mc.in_state(State.BOUND_TRX)
    assert sum(isinstance(sent, ENQUIRE) for sent in pair.mc.sent) >= 6
    assert pair.esme.events == pair.mc.events == []


def test_a_peer_that_answers_nothing_is_dropped_after_the_misses() -> None:
    pair = bound()
    pair.mc.session.request(delivery(), 0, "receipt")
    pair.pump()
    pair.cut = True
    pair.advance(49)
    assert [type(sent) for sent in pair.mc.sent].count(ENQUIRE) == 2
    assert pair.mc.in_state(State.BOUND_TRX)
    pair.advance(1)
    assert pair.mc.only(Closed).cause is Cause.ENQUIRE_LINK


def test_any_pdu_counts_as_life() -> None:
    """5.0 §4.1.2.1: the peer "may also respond by sending any valid SMPP primitive"."""
    session = bound().mc.session
    for now in range(0, 300, 20):
        session.receive_data(pdu.encode(message()), now)
        assert session.tick(now + 19) == []
    assert frames(session.data_to_send()) == []


def test_traffic_after_an_unanswered_enquire_link_forgives_it() -> None:
    session = bound().mc.session
    session.tick(30)
    session.receive_data(pdu.encode(message()), 35)
    assert ticks(session, 36, 64) == []
    written = frames(session.data_to_send())
    assert [type(sent) for sent in written] == [ENQUIRE]
    assert ticks(session, 65, 84) == []
    assert [type(event) for event in session.tick(85)] == [Closed]


def test_half_a_pdu_is_no_sign_of_life() -> None:
    session = bound().mc.session
    for now, octet in enumerate(pdu.encode(message())[:-1]):
        session.receive_data(bytes([octet]), now)
    session.tick(50)
    assert [type(sent) for sent in frames(session.data_to_send())] == [ENQUIRE]


def test_the_answer_to_our_own_enquire_link_is_nobodys_news_even_late() -> None:
    session = bound().mc.session
    session.tick(30)
    (enquire,) = frames(session.data_to_send())
    session.tick(40)
    assert session.receive_data(pdu.encode(pdu.EnquireLinkResp(enquire.sequence_number)), 41) == []


def test_nobody_is_asked_before_the_bind() -> None:
    session = Session(Side.ESME, SessionSettings(session_init_timer=0), 0)
    assert ticks(session, 1, 100) == []
    assert session.data_to_send() == b""


def test_paused_reading_is_not_the_peers_silence() -> None:
    session = bound().mc.session
    session.pause_timers(1)
    assert session.tick(500) == []
    assert session.data_to_send() == b""
    session.resume_timers(500)
    assert session.tick(528) == []
    session.tick(529)
    assert [type(sent) for sent in frames(session.data_to_send())] == [ENQUIRE]


# --- inactivity_timer -------------------------------------------------------------------------------------------------


def test_an_idle_bind_is_unbound() -> None:
    pair = SessionPair(mc=SessionSettings(inactivity_timer=60))
    pair.bind()
    pair.advance(59)
    assert pair.mc.in_state(State.BOUND_TRX)
    pair.advance(1)
    assert pair.esme.only(Unbound).by_peer
    assert pair.mc.only(Closed) == Closed("no message for 60 s", Cause.INACTIVITY)


@pytest.mark.parametrize("busy", [Side.ESME, Side.MC])
def test_messages_in_either_direction_are_activity_but_enquire_links_are_not(busy: Side) -> None:
    pair = SessionPair(mc=SessionSettings(inactivity_timer=60))
    pair.bind()
    for _ in range(4):
        pair.advance(50)
        pair.end(busy).session.request(message() if busy is Side.ESME else delivery(), pair.now)
        pair.pump()
        for submitted in pair.mc.take(pdu.SubmitSm):
            pair.mc.session.respond(submitted, pdu.SubmitSmResp(message_id=b"1"))
        for delivered in pair.esme.take(pdu.DeliverSm):
            pair.esme.session.respond(delivered, pdu.DeliverSmResp())
        pair.pump()
    assert pair.mc.in_state(State.BOUND_TRX)
    pair.advance(60)
    assert pair.mc.only(Closed).cause is Cause.INACTIVITY


def test_an_idle_session_whose_peer_is_gone_still_ends() -> None:
    session = bound().mc.session
    session.settings = SessionSettings(inactivity_timer=20)
    session.tick(20)
    (closed,) = session.tick(30)
    assert isinstance(closed, Closed)
    assert closed.cause is Cause.INACTIVITY


# --- response_timer: see test_requests.py -----------------------------------------------------------------------------


def test_a_tick_with_nothing_due_writes_nothing() -> None:
    pair = SessionPair(esme=QUIET, mc=QUIET)
    pair.bind()
    pair.advance(1000)
    assert pair.esme.events == pair.mc.events == []
    assert pair.mc.session.data_to_send() == b""


def test_silence_is_measured_from_the_last_whole_pdu() -> None:
    session = bound().mc.session
    session.receive_data(pdu.encode(message()), 4)
    session.receive_data(pdu.encode(message())[:-1], 6)
    assert session.silence(10) == 6
    session.pause_timers(10)
    assert session.silence(50) == 6
