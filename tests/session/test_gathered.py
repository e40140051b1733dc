"""Answers told together come to the same as told one by one."""

from __future__ import annotations

import hypothesis.strategies as st
from hypothesis import event, given, settings

from smscd import pdu
from smscd.session import Acknowledged, Answered, Event, Session, SessionSettings, Side
from tests.session.pair import delivery, message

REQUESTS = 4
FRAMES = st.lists(
    st.tuples(
        st.sampled_from(["taken", "taken", "taken", "refused", "nacked", "another", "delivered", "asked", "unbind"]),
        st.integers(2, REQUESTS + 3),  # the sequence_number: 1 was the bind, and the last ones are nobody's
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda one: one[1],
)


def session(gathers: bool) -> Session:
    """A bound ESME with `REQUESTS` messages in flight."""
    ours = Session(Side.ESME, SessionSettings(), 0, gathers=gathers)
    number = ours.request(pdu.BindTransceiver(), 0)
    ours.receive_data(pdu.encode(pdu.BindTransceiverResp(sequence_number=number)), 0)
    for at in range(REQUESTS):
        ours.request(message(), 1 + at, f"message {at}")
    ours.data_to_send()
    return ours


def frame(what: str, number: int) -> bytes:
    made: dict[str, pdu.Pdu] = {
        "taken": pdu.SubmitSmResp(message_id=b"A%d" % number),
        "refused": pdu.SubmitSmResp(command_status=pdu.ESME_RTHROTTLED),
        "nacked": pdu.GenericNack(command_status=pdu.ESME_RSYSERR),
        "another": pdu.DeliverSmResp(message_id=b""),
        "delivered": delivery(),
        "asked": pdu.EnquireLink(),
        "unbind": pdu.Unbind(),
    }
    made[what].sequence_number = number
    return pdu.encode(made[what])


def told(events: list[Event]) -> tuple[list[Answered], list[Event]]:
    """The answers in the order of what was asked, and what else there was."""
    answers: list[Answered] = []
    others: list[Event] = []
    for at, one in enumerate(events):
        if isinstance(one, Acknowledged):
            assert at == 0
            answers += one.one_by_one()
        elif isinstance(one, Answered):
            answers.append(one)
        else:
            others.append(one)
    return sorted(answers, key=lambda one: str(one.context)), others


@settings(deadline=None)
@given(FRAMES, st.sampled_from([b"", b"\0\0\0\x01"]))
def test_what_one_read_brings_is_the_same_together_and_one_by_one(frames: list[tuple[str, int]], rest: bytes) -> None:
    octets = b"".join(frame(*one) for one in frames) + rest
    together, singly = session(gathers=True), session(gathers=False)
    events = together.receive_data(octets, 9)
    event(f"together: {len(events[0].requests) if events and isinstance(events[0], Acknowledged) else 0}")
    assert told(events) == told(singly.receive_data(octets, 9))
    assert together.in_flight == singly.in_flight
    assert together.owed == singly.owed
    assert together.state is singly.state
    assert together.data_to_send() == singly.data_to_send()


def test_what_is_more_than_plain_is_told_by_itself() -> None:
    ours = session(gathers=True)
    events = ours.receive_data(frame("refused", 2) + frame("taken", 3) + frame("nacked", 4) + frame("taken", 5), 9)
    first, *others = events
    assert isinstance(first, Acknowledged)
    assert [context for _, context, _ in first.requests] == ["message 1", "message 3"]
    assert [one.context for one in others if isinstance(one, Answered)] == ["message 0", "message 2"]
    assert ours.in_flight == 0
