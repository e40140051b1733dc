"""How a session comes to be bound and how it ends: its state, and everything that moves it to another."""

from __future__ import annotations

from typing import Final

from smscd import pdu
from smscd.errors import SessionError
from smscd.pdu import RESPONSE, CommandId
from smscd.session import states, versions
from smscd.session.events import Cause, Closed, Event, Unanswered
from smscd.session.in_flight import InFlight
from smscd.session.outgoing import Outgoing, bind_resp
from smscd.session.settings import SessionSettings
from smscd.session.states import BINDS, Side, State

_UNBIND_RESP: Final = int(CommandId.unbind_resp)
OUR_OWN: Final = object()
"""The context of a request that the session makes by itself: its answer is nobody's news."""


class Lifecycle:
    """The state of a session with what hangs on it; `Session` adds the conversation.

    State changes happen here only: `_outbound`, `_bound`, `_unbound`, `_close`. A `Closed` waits in `_news` for the
    next call that returns events, because an answer (`respond`) may be what ends the session.
    """

    __slots__ = (
        "_bind_pending",
        "_framer",
        "_in_flight",
        "_init_deadline",
        "_leaving",
        "_news",
        "_our_messages",
        "_out",
        "_peer_messages",
        "_unbind_to_answer",
        "_unbound_deadline",
        "bind",
        "deciding",
        "kept",
        "owed",
        "peer_system_id",
        "settings",
        "side",
        "state",
    )

    def __init__(self, side: Side, settings: SessionSettings, now: float) -> None:
        self.side = side
        self.settings = settings
        self.bind: pdu.Bind | None = None
        self.deciding = self.kept = False
        self.peer_system_id = b""
        self.owed = 0
        self._framer = pdu.Framer(settings.max_pdu_unbound)
        self._out = Outgoing(error_body=settings.error_body)
        self._in_flight = InFlight()
        self._init_deadline = now + settings.session_init_timer
        self._unbound_deadline: float | None = None
        self._news: list[Event] = []
        self._bind_pending: pdu.Bind | None = None
        self._leaving: tuple[Cause, str] | None = None
        self._unbind_to_answer: int | None = None
        self._enter(State.OPEN)

    @property
    def interface_version(self) -> int:
        """0x33, 0x34 or 0x50 (SMPP 3.4 §5.2.4, 5.0 §4.7.13); 0x34 until a bind says otherwise."""
        return self._out.interface_version

    def data_to_send(self) -> bytes:
        """Everything queued since the last call, as one piece; empty if there is nothing to write."""
        return self._out.take()

    # --- bound ----------------------------------------------------------------------------------------------------

    def accept_bind(self, request: pdu.Bind, system_id: bytes, settings: SessionSettings | None = None) -> bool:
        """As MC: answers a bind with ESME_ROK; the session is bound from here on, under `settings` if given.

        `system_id` names us. sc_interface_version goes to peers of 3.4 and newer and says what this peer is served.
        False if the session is closed; SessionError if `request` is not the bind that waits.
        """
        if not self._decides(request):
            return False
        if settings is not None:
            self.apply(settings)
        self._out.response(bind_resp(request, system_id, self.interface_version), request.sequence_number)
        self._bound(request, self.interface_version, request.system_id)
        return True

    def apply(self, settings: SessionSettings) -> None:
        """Go on under other settings; what is in flight keeps its place, even in a window that has become too small."""
        self.settings = settings
        self._out.error_body = settings.error_body

    def refuse_bind(self, request: pdu.Bind, command_status: int) -> bool:
        """As MC: answers a bind with an error. Both ends stay open, and the ESME may try again; or the owner closes."""
        if not self._decides(request):
            return False
        self._bind_pending = None
        self.deciding = False
        self._out.error(request.command_id | RESPONSE, command_status, request.sequence_number)
        return True

    def _decides(self, request: pdu.Bind) -> bool:
        if self.state is State.CLOSED:
            return False
        if request is not self._bind_pending or self.side is not Side.MC:
            raise SessionError("this bind does not wait for an answer")
        return True

    def _outbound(self, now: float) -> None:
        """5.0 §2.7: the session_init_timer also measures from an outbind to its bind."""
        self._enter(State.OUTBOUND)
        self._init_deadline = now + self.settings.session_init_timer

    def _bound(self, bind: pdu.Bind, interface_version: int, peer_system_id: bytes) -> None:
        self.bind = bind
        self.peer_system_id = peer_system_id
        self._bind_pending = None
        self.deciding = False
        self._out.interface_version = interface_version
        self._framer.max_length = self.settings.max_pdu
        self._enter(BINDS[bind.command_id])

    # --- leaving --------------------------------------------------------------------------------------------------

    def _unbound(self) -> None:
        """The peer's unbind or the end of its stream was read, or ours answered: no requests, only what is owed."""
        self._enter(State.UNBOUND)

    def _farewell(self) -> None:
        """In UNBOUND: once nothing is owed the unbind_resp may go, and once nothing is expected the session ends.

        So an ESME that submits and unbinds in one breath gets its answers before it hangs up.
        """
        if self.owed or self._leaving is None:
            return
        if self._unbind_to_answer is not None:
            self._out.octets(pdu.header(_UNBIND_RESP, pdu.ESME_ROK, self._unbind_to_answer))
            self._unbind_to_answer = None
        if self._leaving[0] is Cause.EOF or not self._in_flight.awaits_answers:
            self._close(*self._leaving)

    def _hurry(self, now: float) -> None:
        """Nobody waits in UNBOUND for longer than the response timer, for our owner's answers or for the peer's."""
        if self._unbound_deadline is None:
            self._unbound_deadline = now + self.settings.response_timer
        elif now >= self._unbound_deadline and self._leaving is not None:
            self.owed = 0
            self._farewell()
            self._close(*self._leaving)

    def close(self, reason: str) -> list[Event]:
        """Ends the session without unbind: write out `data_to_send()` and close the transport."""
        self._close(Cause.OWNER, reason)
        return self._take_news()

    def receive_eof(self, now: float, *, can_write: bool = False) -> list[Event]:  # noqa: ARG002 - as all news of the wire
        """The peer sends nothing more: `Closed`, with what is in flight; what we owe is lost with the connection.

        Unless `can_write`: a peer that has closed only its own direction gets its answers first, within the response
        timer.
        """
        octets = self._framer.pending
        reason = "the peer closed the connection" + (f", {octets} octets into a PDU" if octets else "")
        if can_write and self.owed:
            self._leaving = (Cause.EOF, reason)
            self._unbound()
        else:
            self._close(Cause.EOF, reason)
        return self._take_news()

    def _close(self, cause: Cause, reason: str) -> None:
        if self.state is State.CLOSED:
            return
        left = [
            Unanswered(context, request) for request, context, _ in self._in_flight.drain() if context is not OUR_OWN
        ]
        self._enter(State.CLOSED)
        self._bind_pending = None
        self.deciding = False
        self.owed = 0
        self._news.append(Closed(reason, cause, left))

    def _take_news(self) -> list[Event]:
        news, self._news = self._news, []
        return news

    def _enter(self, state: State) -> None:
        self.state = state
        self._peer_messages = states.message_requests(self.side.other, state)
        ours = states.message_requests(self.side, state)
        self._our_messages = versions.commands_known_to(self.interface_version, ours)
