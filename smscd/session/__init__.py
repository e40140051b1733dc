"""SMPP sessions, sans-IO, for either end: states, window, sequence numbers, timers, events.

`Session` takes octets and the time, and gives events and octets. It answers by itself what needs no decision
(enquire_link, unbind, wrong states, broken PDUs) and leaves the rest to its owner: who may bind, and what a message is
worth. It must never know a socket, a clock, a store or an account.

It raises SessionError and WindowFull when its owner asks for what SMPP forbids now, and nothing for what a peer does.

Start with `states.py`: who may say what, and when.
"""

from smscd.session.events import (
    Acknowledged,
    Answered,
    Bound,
    Cause,
    Closed,
    Event,
    LateAnswer,
    Nacked,
    Refusal,
    Unanswered,
    Unbound,
    UnexpectedResponse,
)
from smscd.session.session import Session
from smscd.session.settings import SessionSettings
from smscd.session.states import Side, State
from smscd.session.versions import served_version, wire_status

__all__ = [
    "Acknowledged",
    "Answered",
    "Bound",
    "Cause",
    "Closed",
    "Event",
    "LateAnswer",
    "Nacked",
    "Refusal",
    "Session",
    "SessionSettings",
    "Side",
    "State",
    "Unanswered",
    "Unbound",
    "UnexpectedResponse",
    "served_version",
    "wire_status",
]
