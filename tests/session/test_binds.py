"""From OPEN to bound: three binds, refusals, rebinds, outbind, versions."""

from __future__ import annotations

import pytest

from smscd import pdu
from smscd.errors import SessionError
from smscd.session import (
    Answered,
    Bound,
    Cause,
    Closed,
    Refusal,
    Session,
    SessionSettings,
    Side,
    State,
    Unanswered,
)
from tests.session.pair import BINDS, SessionPair, bound, delivery, frames, message


def ask_to_bind(pair: SessionPair, interface_version: int = 0x34) -> pdu.Bind:
    """An ESME has asked; returns the bind as the MC's owner sees it."""
    request = pdu.BindTransceiver(system_id=b"test", password=b"secret", interface_version=interface_version)
    pair.esme.session.request(request, pair.now, "the bind")
    pair.pump()
    return pair.mc.only(pdu.Bind)


@pytest.mark.parametrize(("state", "kind"), BINDS.items())
def test_each_bind_leads_both_ends_to_its_state(state: State, kind: type[pdu.Bind]) -> None:
    pair = SessionPair()
    pair.esme.session.request(kind(system_id=b"test", interface_version=0x34), 0, "the bind")
    pair.pump()
    pair.mc.session.accept_bind(pair.mc.only(pdu.Bind), b"smscd")
    pair.pump()
    answered, news = pair.esme.events
    assert isinstance(answered, Answered)
    assert answered.context == "the bind"
    assert news == Bound(state, 0x34, b"smscd")
    assert pair.esme.session.state is pair.mc.session.state is state
    assert pair.mc.session.peer_system_id == b"test"
    assert pair.mc.session.bind is not None


def test_a_refused_bind_leaves_both_ends_open() -> None:
    pair = SessionPair()
    pair.mc.session.refuse_bind(ask_to_bind(pair), pdu.ESME_RINVPASWD)
    pair.pump()
    assert pair.esme.only(Answered).response.command_status == pdu.ESME_RINVPASWD
    assert pair.esme.take(Bound) == []
    assert pair.esme.in_state(State.OPEN)
    assert pair.mc.in_state(State.OPEN)
    pair.bind()
    assert pair.mc.in_state(State.BOUND_TRX)


def bind_and(pair: SessionPair, more: bytes) -> pdu.Bind:
    """The bind that the MC has to decide about, with `more` behind it in the same read."""
    octets = pdu.encode(pdu.BindTransceiver(1, system_id=b"test")) + more
    (bind,) = pair.mc.session.receive_data(octets, 0)
    assert isinstance(bind, pdu.Bind)
    return bind


def test_what_comes_behind_a_bind_waits_until_it_is_decided() -> None:
    """An ESME may write ahead; how long a password check takes must not decide about what it is answered."""
    pair = SessionPair()
    early = message()
    early.sequence_number = 2
    behind = pdu.encode(early) + pdu.encode(pdu.EnquireLink(3))
    mc = pair.mc.session
    bind = bind_and(pair, behind[:30])
    assert mc.receive_data(behind[30:], 0) == []
    assert (mc.deciding, mc.kept, mc.data_to_send()) == (True, True, b"")
    mc.accept_bind(bind, b"smscd")
    assert mc.receive_data(b"", 0) == [early]
    assert (mc.deciding, mc.kept) == (False, False)
    mc.respond(early, pdu.SubmitSmResp(message_id=b"1"))
    answers = frames(mc.data_to_send())
    assert [one.command_id for one in answers] == [0x80000009, 0x80000015, 0x80000004]


def test_what_comes_behind_a_bind_may_be_as_long_as_a_bound_peer_may_send() -> None:
    pair = SessionPair()
    mc = pair.mc.session
    long = pdu.SubmitSm(sequence_number=2, tlvs=[(0x0424, b"x" * 60_000)])
    bind = bind_and(pair, pdu.encode(long))
    assert mc.accept_bind(bind, b"smscd")
    assert mc.receive_data(b"", 0) == [long]


def test_what_comes_behind_a_bind_that_is_refused_is_refused_as_well() -> None:
    pair = SessionPair()
    mc = pair.mc.session
    mc.refuse_bind(bind_and(pair, pdu.encode(message())), pdu.ESME_RBINDFAIL)
    (refusal,) = mc.receive_data(b"", 0)
    assert isinstance(refusal, Refusal)
    assert refusal.command_status == pdu.ESME_RINVBNDSTS
    assert pair.mc.in_state(State.OPEN)


def test_garbage_behind_a_bind_ends_the_session_after_the_bind_is_answered() -> None:
    pair = SessionPair()
    mc = pair.mc.session
    mc.accept_bind(bind_and(pair, b"\0\0\0\1" * 4), b"smscd")
    refusal, closed = mc.receive_data(b"", 0)
    assert isinstance(refusal, Refusal)
    assert (refusal.command_status, type(closed)) == (pdu.ESME_RINVCMDLEN, Closed)
    assert [one.command_id for one in frames(mc.data_to_send())] == [0x80000009, 0x80000000]


def test_a_second_bind_behind_the_first_is_one_too_many() -> None:
    pair = SessionPair()
    bind = ask_to_bind(pair)
    assert pair.mc.session.receive_data(pdu.encode(pdu.BindReceiver(9, system_id=b"test")), 0) == []
    assert pair.mc.session.accept_bind(bind, b"smscd")
    (refusal,) = pair.mc.session.receive_data(b"", 0)
    assert isinstance(refusal, Refusal)
    assert refusal.command_status == pdu.ESME_RALYBND
    assert pair.mc.in_state(State.BOUND_TRX)


def test_only_the_bind_that_waits_can_be_answered_and_only_once() -> None:
    pair = SessionPair()
    bind = ask_to_bind(pair)
    with pytest.raises(SessionError):
        pair.mc.session.accept_bind(pdu.BindTransceiver(), b"smscd")
    pair.mc.session.accept_bind(bind, b"smscd")
    with pytest.raises(SessionError):
        pair.mc.session.refuse_bind(bind, pdu.ESME_RBINDFAIL)


def test_a_bind_decided_after_the_link_went_away_says_so() -> None:
    pair = SessionPair()
    bind = ask_to_bind(pair)
    pair.mc.session.receive_eof(1)
    assert not pair.mc.session.accept_bind(bind, b"smscd")
    assert not pair.mc.session.refuse_bind(bind, pdu.ESME_RBINDFAIL)
    assert pair.mc.session.data_to_send() == b""


def test_an_esme_cannot_bind_twice_at_once() -> None:
    pair = SessionPair()
    ask_to_bind(pair)
    with pytest.raises(SessionError):
        pair.esme.session.request(pdu.BindReceiver(), 0)


def test_a_bind_that_nobody_answers_ends_the_session() -> None:
    pair = SessionPair(esme=SessionSettings(response_timer=7))
    ask_to_bind(pair)
    pair.advance(6)
    assert pair.esme.in_state(State.OPEN)
    pair.advance(1)
    assert pair.esme.only(Unanswered).context == "the bind"
    assert pair.esme.only(Closed).cause is Cause.BIND_UNANSWERED


def test_a_nacked_bind_is_answered_and_not_bound() -> None:
    session = Session(Side.ESME, SessionSettings(), 0)
    session.request(pdu.BindTransceiver(), 0, "the bind")
    (answered,) = session.receive_data(pdu.encode(pdu.GenericNack(1, pdu.ESME_RINVCMDID)), 0)
    assert isinstance(answered, Answered)
    assert session.state is State.OPEN


def test_messages_in_the_same_read_as_the_bind_resp_are_taken() -> None:
    session = Session(Side.ESME, SessionSettings(), 0)
    session.request(pdu.BindTransceiver(interface_version=0x34), 0)
    long = delivery()
    long.tlvs = [(0x0424, b"x" * 5000)]
    events = session.receive_data(pdu.encode(pdu.BindTransceiverResp(1, system_id=b"mc")) + pdu.encode(long), 0)
    assert [type(event) for event in events] == [Answered, Bound, pdu.DeliverSm]


def test_the_owner_may_give_the_account_its_own_settings_with_the_bind() -> None:
    pair = SessionPair()
    pair.bind(settings=SessionSettings(window=3))
    assert pair.mc.session.credit == 3


# --- versions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "served"),
    [(0x03, 0x33), (0x33, 0x33), (0x34, 0x34), (0x40, 0x34), (0x4F, 0x34), (0x50, 0x50), (0x52, 0x50)],
)
def test_an_interface_version_is_served_by_the_nearest_rules_that_are_not_newer(asked: int, served: int) -> None:
    pair = SessionPair()
    pair.mc.session.accept_bind(ask_to_bind(pair, asked), b"smscd")
    assert pair.mc.session.interface_version == served
    (response,) = frames(pair.mc.session.data_to_send())
    assert isinstance(response, pdu.BindResp)
    assert response.tlvs == ([] if served == 0x33 else [(0x0210, bytes([served]))])


@pytest.mark.parametrize(
    ("kind", "served"), [(pdu.BindTransmitter, 0x33), (pdu.BindReceiver, 0x33), (pdu.BindTransceiver, 0x34)]
)
def test_who_names_no_version_speaks_the_first_that_has_its_bind(kind: type[pdu.Bind], served: int) -> None:
    """npm's larvitsmpp: bind_transceiver with 0x00, and it refuses receipts without TLVs."""
    pair = bound(kind, interface_version=0x00)
    assert pair.mc.session.interface_version == served


def test_an_mc_of_3_4_serves_a_5_0_peer_as_3_4() -> None:
    pair = SessionPair(mc=SessionSettings(interface_version=0x34))
    pair.bind(interface_version=0x50)
    assert pair.mc.session.interface_version == pair.esme.session.interface_version == 0x34


@pytest.mark.parametrize(
    ("asked", "tlvs", "pinned", "follows"),
    [
        (0x34, [(0x0210, b"\x34")], 0, 0x34),
        (0x50, [(0x0210, b"\x34")], 0, 0x34),
        (0x34, [(0x0210, b"\x50")], 0, 0x34),
        (0x50, [(0x0210, b"\x50")], 0, 0x50),
        (0x34, [(0x0210, b"\x33")], 0, 0x33),
        (0x34, [], 0, 0x34),
        (0x50, [], 0, 0x34),
        (0x33, [], 0, 0x33),
        (0x50, [(0x0210, b"")], 0, 0x34),
        (0x34, [], 0x33, 0x33),
        (0x50, [(0x0210, b"\x34")], 0x50, 0x50),
    ],
)
def test_an_esme_follows_what_the_mc_says_or_what_is_pinned(
    asked: int, tlvs: list[pdu.Tlv], pinned: int, follows: int
) -> None:
    session = Session(Side.ESME, SessionSettings(peer_version=pinned), 0)
    session.request(pdu.BindTransmitter(interface_version=asked), 0)
    session.receive_data(pdu.encode(pdu.BindTransmitterResp(1, system_id=b"mc", tlvs=tlvs)), 0)
    assert session.interface_version == follows


# --- outbind ----------------------------------------------------------------------------------------------------------


def test_an_outbind_asks_the_esme_to_bind() -> None:
    pair = SessionPair()
    pair.mc.session.outbind(b"smscd", b"pw", pair.now)
    pair.pump()
    outbind = pair.esme.only(pdu.Outbind)
    assert (outbind.system_id, outbind.password) == (b"smscd", b"pw")
    assert pair.esme.in_state(State.OUTBOUND)
    assert pair.mc.in_state(State.OUTBOUND)
    pair.bind(pdu.BindReceiver)
    assert pair.mc.in_state(State.BOUND_RX)


def test_an_outbind_gives_the_esme_the_session_init_timer_anew() -> None:
    pair = SessionPair()
    pair.advance(4)
    pair.mc.session.outbind(b"smscd", b"", pair.now)
    pair.pump()
    pair.advance(4)
    assert pair.mc.in_state(State.OUTBOUND)
    pair.advance(1)
    assert pair.mc.only(Closed).cause is Cause.SESSION_INIT


def test_an_outbind_on_a_bound_session_is_nacked() -> None:
    pair = bound()
    (refusal,) = pair.esme.session.receive_data(pdu.encode(pdu.Outbind(5)), 0)
    assert isinstance(refusal, Refusal)
    assert pair.esme.session.data_to_send() == pdu.header(0x80000000, pdu.ESME_RINVBNDSTS, 5)
