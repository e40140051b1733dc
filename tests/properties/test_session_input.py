"""Any octets at all, into any state of either end: no exception, no endless talk, and splitting changes nothing."""

from __future__ import annotations

import itertools
from collections import Counter

import hypothesis.strategies as st
from hypothesis import given, settings

from smscd import pdu
from smscd.session import Closed, Event, Refusal, Session, Side, State
from tests.session.pair import pair_in, sample

COMMANDS = st.sampled_from([*map(int, pdu.CommandId), 0x00010203, 0x80010203])
STATES = st.sampled_from(State)


@st.composite
def frames(draw: st.DrawFn, commands: st.SearchStrategy[int] = COMMANDS) -> bytes:
    """A sound frame (its length is right) around a good body, a cut or lengthened good one, or a random one."""
    command_id = draw(commands)
    body = draw(st.binary(max_size=60))
    if command_id in set(pdu.CommandId):
        good = pdu.encode(sample(command_id))[16:]
        body = draw(st.sampled_from([good, good, good[: len(body)], good + body, body]))
    header = pdu.header(command_id, draw(st.integers(0, 0xFFFFFFFF)), draw(st.integers(0, 0xFFFFFFFF)))
    return (16 + len(body)).to_bytes(4, "big") + header[4:] + body


def test_no_frame_in_any_state_raises_and_every_refusal_is_answered_once() -> None:
    seen: Counter[str] = Counter()

    @settings(max_examples=300, deadline=None)
    @given(side=st.sampled_from(Side), state=STATES, stream=st.lists(frames(), max_size=6))
    def check(side: Side, state: State, stream: list[bytes]) -> None:
        session = pair_in(side, state).end(side).session
        events = session.receive_data(b"".join(stream), 1)
        written = pdu.Framer().feed(session.data_to_send())
        assert len(written) <= len(stream) + 1  # and an unbind_resp that waited
        assert sum(isinstance(event, Refusal) for event in events) <= len(written)
        assert session.owed >= 0
        seen.update("request" if isinstance(event, pdu.Pdu) else type(event).__name__ for event in events)

    check()
    assert min(seen["request"], seen["Refusal"], seen["UnexpectedResponse"]) >= 10, seen


@settings(max_examples=200, deadline=None)
@given(side=st.sampled_from(Side), state=STATES, octets=st.binary(max_size=200))
def test_octets_that_are_no_smpp_end_in_a_nack_or_in_waiting(side: Side, state: State, octets: bytes) -> None:
    session = pair_in(side, state).end(side).session
    for event in session.receive_data(octets, 1):
        if isinstance(event, Closed):
            assert session.state is State.CLOSED
    session.receive_eof(1)
    assert session.state is State.CLOSED


STAYING = COMMANDS.filter(lambda command_id: command_id != pdu.CommandId.unbind)
"""An unbind closes at the end of a read, so what counts as the same read would matter behind it."""


@settings(max_examples=200, deadline=None)
@given(
    side=st.sampled_from(Side),
    state=STATES,
    stream=st.lists(frames(STAYING), max_size=6),
    cuts=st.lists(st.integers(0, 400), max_size=8),
)
def test_how_a_stream_is_split_changes_nothing(side: Side, state: State, stream: list[bytes], cuts: list[int]) -> None:
    octets = b"".join(stream)
    bounds = [0, *sorted(min(cut, len(octets)) for cut in cuts), len(octets)]

    def hear(pieces: list[bytes]) -> tuple[Session, list[Event]]:
        session = pair_in(side, state).end(side).session
        return session, [event for piece in pieces for event in session.receive_data(piece, 1)]

    whole, told_whole = hear([octets])
    split, told_split = hear([octets[start:end] for start, end in itertools.pairwise(bounds)])
    assert told_split == told_whole
    assert split.data_to_send() == whole.data_to_send()
    assert split.state is whole.state
    assert split.owed == whole.owed
