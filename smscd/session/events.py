"""What a session tells its owner, in the order in which it happened.

The hot path is bare: a valid request of the peer is the PDU object itself (`SubmitSm`, a bind, `Outbind`,
`AlertNotification`) and waits for `respond`, `accept_bind` or `refuse_bind`. All else is one of the classes below.

Every request of ours ends in exactly one of

- `Answered`: the response came (any command_status; a generic_nack counts), or
- `Acknowledged`, together with others, where the owner of the session wants that, or
- `Unanswered`: the response timer ran out (perhaps followed by one `LateAnswer`), or
- an entry in `Closed.unanswered`: the session ended first.

`enquire_link` never shows: the session answers the peer's and asks by itself. Nor
has an owner to answer `unbind`: it learns of it by `Unbound`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from smscd.pdu import GenericNack, Pdu, decode
from smscd.session.in_flight import Pending
from smscd.session.states import State


class Cause(StrEnum):
    """Why a session ended; few and fixed, so that they can label a counter."""

    UNBOUND = "unbound"
    """Either end said unbind, and everything owed has been said."""
    EOF = "eof"
    """The peer closed the connection without unbind."""
    OWNER = "owner"
    """`close()` was called."""
    SESSION_INIT = "session_init_timer"
    ENQUIRE_LINK = "enquire_link_timer"
    INACTIVITY = "inactivity_timer"
    BIND_UNANSWERED = "bind_unanswered"
    """As ESME: our bind met silence until the response timer."""
    UNFRAMEABLE = "unframeable"
    """A command_length that cannot be right; nothing after it can be trusted."""


@dataclass(slots=True)
class Answered:
    """The peer answered a request of ours; `response.command_status` says what, `round_trip` is in seconds.

    `response` normally is the matching response. It is a `GenericNack` if the peer nacked that sequence_number, and
    may be another command's response, because a response is matched by sequence_number alone.
    """

    context: object
    request: Pdu
    response: Pdu
    round_trip: float = 0.0


@dataclass(slots=True)
class Acknowledged:
    """The peer took these messages: `Answered` for all plain answers of one read (see `pdu.plain_answer`).

    The first event of that read, wherever in it they stood. `requests` are as they were in flight, and `frames` their
    responses in the same order; `time` is when these came.
    """

    requests: list[Pending]
    frames: list[bytes]
    time: float

    def one_by_one(self) -> Iterator[Answered]:
        for (request, context, sent), frame in zip(self.requests, self.frames, strict=True):
            yield Answered(context, request, decode(frame), self.time - sent)


@dataclass(slots=True)
class Unanswered:
    """The response timer ran out: whether the peer has seen the request is unknown."""

    context: object
    request: Pdu


@dataclass(slots=True)
class LateAnswer:
    """The answer to a request that was `Unanswered` before, still within the grace time."""

    context: object
    request: Pdu
    response: Pdu


@dataclass(slots=True)
class UnexpectedResponse:
    """A response to nothing we know of: too late, twice, or made up. `response` is None if its command is unknown."""

    response: Pdu | None
    command_id: int
    sequence_number: int


@dataclass(slots=True)
class Nacked:
    """A generic_nack that names no request of ours: its sequence_number is 0 or unknown. The session lives on."""

    nack: GenericNack


@dataclass(slots=True)
class Refusal:
    """The session itself refused what the peer sent, and has queued `command_status` as the answer.

    Wrong state, malformed body, unknown command_id; after an unframeable PDU a `Closed` follows.
    """

    command_id: int
    sequence_number: int
    command_status: int
    reason: str


@dataclass(slots=True)
class Bound:
    """As ESME: the MC accepted our bind (its `Answered` came just before). As MC the owner knows: `accept_bind`."""

    state: State
    interface_version: int
    system_id: bytes


@dataclass(slots=True)
class Unbound:
    """An unbind: the peer's has been read (`by_peer`), or ours has been answered. Ask for nothing more.

    Answers still owed may be given; `Closed` follows when all is said, at the latest after the response timer.
    """

    by_peer: bool


@dataclass(slots=True)
class Closed:
    """The end, told exactly once: write out `data_to_send()`, then close the transport.

    `unanswered` are our requests still in flight, oldest first; nobody will answer them any more.
    """

    reason: str
    cause: Cause
    unanswered: list[Unanswered] = field(default_factory=list)


Event = (
    Pdu | Answered | Acknowledged | Unanswered | LateAnswer | UnexpectedResponse | Nacked | Refusal | Bound | Unbound
    | Closed
)  # fmt: skip
