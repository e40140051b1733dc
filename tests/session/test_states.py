"""The matrix, exhaustively: every (side, state, command), said by the peer and asked for by ourselves."""

from __future__ import annotations

import itertools

import pytest

from smscd import pdu
from smscd.errors import SessionError
from smscd.pdu import RESPONSE, CommandId
from smscd.session import Nacked, Refusal, Session, Side, State, Unbound, UnexpectedResponse, states
from tests.session.pair import SessionPair, frames, pair_in, sample

CELLS = [
    pytest.param(side, state, command, id=f"{side.value}-{state.value}-{command.name}")
    for side, state, command in itertools.product(Side, State, CommandId)
]
REQUESTS = [cell for cell in CELLS if not cell.values[2] & RESPONSE]  # type: ignore[operator]  # the command of a cell
RESPONSES = [cell for cell in CELLS if cell.values[2] & RESPONSE]  # type: ignore[operator]  # likewise


def test_the_matrix_has_every_command_once() -> None:
    listed = [command for command, *_ in states.MATRIX]
    assert sorted(listed) == sorted(CommandId)


def test_a_request_and_its_response_travel_in_opposite_directions() -> None:
    cells = {command: row for command, *row in states.MATRIX}
    mirrored = {"E": "M", "M": "E", "EM": "EM", "-": "-"}
    for command, row in cells.items():
        answer = pdu.response_id(command)
        if answer is not None:
            assert [mirrored[cell] for cell in row] == cells[CommandId(answer)], command.name


SUBMITTING = (
    "broadcast_sm cancel_broadcast_sm cancel_sm data_sm enquire_link query_broadcast_sm query_sm replace_sm "
    "submit_multi submit_sm unbind"
)
DELIVERING = "alert_notification data_sm deliver_sm enquire_link unbind"
BINDING = "bind_receiver bind_transceiver bind_transmitter enquire_link"


@pytest.mark.parametrize(
    ("state", "esme", "mc"),
    [
        (State.OPEN, BINDING, "enquire_link outbind"),
        (State.OUTBOUND, BINDING, "enquire_link"),
        (State.BOUND_TX, SUBMITTING, "enquire_link unbind"),
        (State.BOUND_RX, "enquire_link unbind", DELIVERING),
        (State.BOUND_TRX, SUBMITTING, DELIVERING),
        (State.UNBOUND, "enquire_link", "enquire_link"),
        (State.CLOSED, "", ""),
    ],
)
def test_what_each_end_may_ask_for(state: State, esme: str, mc: str) -> None:
    for side, said in ((Side.ESME, esme), (Side.MC, mc)):
        requests = {CommandId(command).name for command in states.allowed(side, state) if not command & RESPONSE}
        assert requests == set(said.split())


def read(pair: SessionPair, side: Side, received: pdu.Pdu) -> tuple[Session, list[object], list[pdu.Pdu]]:
    """What `side` makes of a PDU of its peer: its events, and what it writes."""
    session = pair.end(side).session
    events = list[object](session.receive_data(pdu.encode(received), pair.now))
    return session, events, frames(session.data_to_send())


@pytest.mark.parametrize(("peer", "state", "command"), REQUESTS)
def test_a_request_of_the_peer_is_heard_where_the_matrix_allows_it(
    peer: Side, state: State, command: CommandId
) -> None:
    request = sample(command)
    _, events, written = read(pair_in(peer.other, state), peer.other, request)
    if state is State.CLOSED:
        assert (events, written) == ([], [])
    elif command == CommandId.enquire_link:
        assert (events, written) == ([], [pdu.EnquireLinkResp(77)])
    elif not states.may_send(peer, state, command):
        (refusal,) = events
        assert isinstance(refusal, Refusal)
        (answer,) = written
        assert answer.command_id == (pdu.response_id(command) or CommandId.generic_nack)
        assert (answer.sequence_number, answer.command_status) == (77, refusal.command_status)
        again = command in states.BINDS and state in states.BOUND
        assert answer.command_status == (pdu.ESME_RALYBND if again else pdu.ESME_RINVBNDSTS)
    elif command == CommandId.unbind:
        assert events[0] == Unbound(by_peer=True)
        assert written == [pdu.UnbindResp(77)]
    else:
        assert (events, written) == ([request], [])


@pytest.mark.parametrize(("peer", "state", "command"), RESPONSES)
def test_a_response_to_nothing_is_an_event_in_every_state(peer: Side, state: State, command: CommandId) -> None:
    response = sample(command)
    before = pair_in(peer.other, state)
    session, events, written = read(before, peer.other, response)
    assert session.state is state
    assert written == []
    if state is State.CLOSED:
        assert events == []
    elif isinstance(response, pdu.GenericNack):
        assert events == [Nacked(response)]
    else:
        (event,) = events
        assert isinstance(event, UnexpectedResponse)
        assert (event.command_id, event.sequence_number) == (command, 77)


@pytest.mark.parametrize(("side", "state", "command"), CELLS)
def test_our_own_request_goes_out_where_the_matrix_allows_it(side: Side, state: State, command: CommandId) -> None:
    session = pair_in(side, state).end(side).session
    request = sample(command)
    if states.may_send(side, state, command) and not command & RESPONSE:
        number = session.request(request, 0)
        (written,) = frames(session.data_to_send())
        assert (written.command_id, written.sequence_number) == (command, number)
    else:
        with pytest.raises(SessionError):
            session.request(request, 0)
        assert session.data_to_send() == b""
