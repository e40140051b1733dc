"""One SMPP session, either end, without a socket and without a clock.

Feed it what arrived (`receive_data`), the time (`tick`) and what you want to say (`request`, `respond`); it returns
events and collects octets (`data_to_send`). It never raises for what the peer does, only for what its owner may not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import repeat
from typing import Final

from smscd import pdu
from smscd.errors import MalformedPdu, SessionError, WindowFull
from smscd.pdu import RESPONSE, CommandId, Pdu, command_name
from smscd.session import states, versions
from smscd.session.events import (
    Acknowledged,
    Answered,
    Bound,
    Cause,
    Event,
    LateAnswer,
    Nacked,
    Refusal,
    Unanswered,
    Unbound,
    UnexpectedResponse,
)
from smscd.session.in_flight import Pending
from smscd.session.lifecycle import OUR_OWN, Lifecycle
from smscd.session.settings import SessionSettings
from smscd.session.states import BINDS, BOUND, Side, State
from smscd.session.timers import Advice, Liveness, SessionTime

_GENERIC_NACK: Final = int(CommandId.generic_nack)
_CLOSED: Final = State.CLOSED  # CPython 3.11 takes 150 ns to look up a member of an Enum, and these are asked per PDU
_UNBOUND: Final = State.UNBOUND
_ENQUIRE_LINK: Final = int(CommandId.enquire_link)
_UNBIND: Final = int(CommandId.unbind)
_OUTBIND: Final = int(CommandId.outbind)
_SESSION_RESPONSES: Final = frozenset(command_id | RESPONSE for command_id in (*BINDS, _UNBIND, _ENQUIRE_LINK))


class Session(Lifecycle):
    """An SMPP session seen from `side`; `now` is always monotonic seconds.

    To be read: `state`, `interface_version` (0x33, 0x34 or 0x50: the rules this session follows), `bind` (the bind that
    holds, ours or the peer's), `peer_system_id`, `owed` (the peer's requests that still wait for `respond`), `deciding`
    (the peer's bind waits for `accept_bind` or `refuse_bind`) and `kept` (so does what it has sent behind it: ask for
    that with `receive_data`, with no octets if need be, once it is decided).
    """

    __slots__ = ("_decode", "_gathers", "_last_message", "_liveness", "_time")

    def __init__(
        self, side: Side, settings: SessionSettings, now: float, decode: Callable[[bytes], Pdu] = pdu.decode, *,
        gathers: bool = False,
    ) -> None:  # fmt: skip
        """`decode` reads the frames of the peer, where its owner wants some of them read in a way of their own.

        `gathers`: the owner wants to hear of the plain answers of one read together (see `Acknowledged`).
        """
        super().__init__(side, settings, now)
        self._decode = decode
        self._gathers = gathers
        self._time = SessionTime()
        self._liveness = Liveness(now)
        self._last_message = now

    @property
    def credit(self) -> int:
        """How many requests about messages `request` would take now."""
        free = self.settings.window - len(self._in_flight.messages)
        return free if free > 0 and self._our_messages else 0

    def silence(self, now: float) -> float:
        """Seconds since the peer's last whole PDU, without those in which reading was paused."""
        return self._time.at(now) - self._liveness.heard_at

    @property
    def heard_at(self) -> float:
        """When the peer's last whole PDU came, in the time of `silence`: the same as long as no other comes."""
        return self._liveness.heard_at

    @property
    def in_flight(self) -> int:
        """Our requests about messages that are not answered yet."""
        return len(self._in_flight.messages)

    # --- what arrives ---------------------------------------------------------------------------------------------

    def receive_data(self, data: bytes, now: float) -> list[Event]:
        """Takes octets off the transport, in any portions; returns what they mean, in order.

        Never raises for what the peer sent: a malformed body, an unknown command or a wrong state is answered and told
        as a `Refusal`; an unframeable PDU is nacked and ends the session (SMPP 3.4 §4.3, 5.0 §2.8.2).
        """
        if self.state is _CLOSED:
            return self._take_news()
        if self.deciding:
            self._framer.keep(data)
            self.kept = True
            return []
        self.kept = False
        events: list[Event] = []
        time = self._time.at(now)
        frames = self._framer.feed(data)
        if frames:
            self._liveness.heard(time)
        left = iter(self._acknowledged(frames, time, events))
        decode = self._decode
        peer_messages = self._peer_messages
        our_messages = self._in_flight.messages
        for frame in left:
            try:
                received = decode(frame)
            except MalformedPdu as fault:
                self._malformed(fault, events)
                continue
            command_id = received.command_id
            if command_id in peer_messages:
                self.owed += 1
                events.append(received)
                continue
            if command_id & RESPONSE:
                number = received.sequence_number
                pending = our_messages.get(number)
                if pending is not None and pending[0].command_id | RESPONSE == command_id:
                    del our_messages[number]
                    request, context, sent = pending
                    events.append(Answered(context, request, received, time - sent))
                    continue
                self._other_response(received, time, events)
            else:
                self._session_request(received, now, events)
                if self.deciding:
                    self._framer.put_back(left)
                    self.kept = self._framer.pending > 0
                    break
            peer_messages = self._peer_messages
        if events:
            self._last_message = time
        if self._framer.error is not None or self.state is _UNBOUND:
            self._end_of_read(events)
        return events

    def _acknowledged(self, frames: list[bytes], time: float, events: list[Event]) -> list[bytes]:
        """The plain answers among `frames` become one event; returns the others, in their order."""
        our_messages = self._in_flight.messages
        if not (self._gathers and our_messages):
            return frames
        number_of = pdu.plain_answer.number_of
        requests: list[Pending] = []
        answers: list[bytes] = []
        others: list[bytes] = []
        for frame in frames:
            answered = number_of(frame) if frame[4] else None  # of a command_id only that of a response begins so
            if answered is not None:
                number, command_id = answered
                pending = our_messages.get(number)
                if pending is not None and pending[0].command_id == command_id:
                    del our_messages[number]
                    requests.append(pending)
                    answers.append(frame)
                    continue
            others.append(frame)
        if answers:
            events.append(Acknowledged(requests, answers, time))
        return others

    def _end_of_read(self, events: list[Event]) -> None:
        """Ends a broken stream, or an unbind with nothing left to say."""
        error = self._framer.error
        if error is not None:
            # 3.4 §4.3: "it should assume that the data is corrupt", so nothing behind it is looked at
            self._out.error(_GENERIC_NACK, pdu.ESME_RINVCMDLEN, error.sequence_number)
            events.append(Refusal(0, error.sequence_number, pdu.ESME_RINVCMDLEN, error.reason))
            self._close(Cause.UNFRAMEABLE, error.reason)
        else:
            self._farewell()
        events += self._take_news()

    def _malformed(self, fault: MalformedPdu, events: list[Event]) -> None:
        """Answers a sound frame with no valid request in it. A known response always decodes: one here is unknown."""
        command_id, number = fault.command_id, fault.sequence_number
        if command_id & RESPONSE:
            events.append(UnexpectedResponse(None, command_id, number))
        elif command_id in states.COMMANDS and not states.may_send(self.side.other, self.state, command_id):
            self._refuse_state(command_id, number, events)
        else:
            self._refuse(Refusal(command_id, number, fault.command_status, fault.reason), events)

    def _other_response(self, received: Pdu, time: float, events: list[Event]) -> None:
        """A response that is not simply the expected answer to a message of ours."""
        number, command_id = received.sequence_number, received.command_id
        about_session = command_id in _SESSION_RESPONSES
        nack = command_id == _GENERIC_NACK
        if number in self._in_flight.messages and not about_session:
            request, context, sent = self._in_flight.messages.pop(number)
            events.append(Answered(context, request, received, time - sent))
        elif number in self._in_flight.control and (about_session or nack):
            self._session_answer(self._in_flight.control.pop(number), received, time, events)
        elif number in self._in_flight.late:
            request, context, _ = self._in_flight.late.pop(number)
            if context is not OUR_OWN:
                events.append(LateAnswer(context, request, received))
        elif isinstance(received, pdu.GenericNack):
            events.append(Nacked(received))
        else:
            events.append(UnexpectedResponse(received, command_id, number))

    def _session_answer(self, pending: Pending, received: Pdu, time: float, events: list[Event]) -> None:
        """The answer to a bind, unbind or enquire_link of ours."""
        request, context, sent = pending
        if context is not OUR_OWN:
            events.append(Answered(context, request, received, time - sent))
        if isinstance(request, pdu.Bind):
            self._bind_pending = None
            if isinstance(received, pdu.BindResp) and received.command_status == pdu.ESME_ROK:
                version = versions.version_of_mc(request, received, self.settings.peer_version)
                self._bound(request, version, received.system_id or b"")
                events.append(Bound(self.state, version, self.peer_system_id))
        elif request.command_id == _UNBIND:
            # whatever the status: a peer that refuses to be left is left all the same
            events.append(Unbound(by_peer=False))
            self._unbound()

    def _session_request(self, received: Pdu, now: float, events: list[Event]) -> None:
        """A request of the peer that is about the session, or one it may not make in this state."""
        command_id, number = received.command_id, received.sequence_number
        if not states.may_send(self.side.other, self.state, command_id):
            self._refuse_state(command_id, number, events)
        elif command_id == _ENQUIRE_LINK:
            self._out.octets(pdu.header(_ENQUIRE_LINK | RESPONSE, pdu.ESME_ROK, number))
        elif command_id == _UNBIND:
            self._leaving = (Cause.UNBOUND, "unbound by the peer")
            self._unbind_to_answer = number
            self._unbound()
            events.append(Unbound(by_peer=True))
        elif isinstance(received, pdu.Bind):
            self._peer_binds(received, events)
        else:
            if command_id == _OUTBIND:
                self._outbound(now)
            events.append(received)

    def _peer_binds(self, bind: pdu.Bind, events: list[Event]) -> None:
        wanted = min(versions.asked_version(bind), self.settings.interface_version)
        self._out.interface_version = versions.served_version(wanted)
        self._bind_pending = bind
        self.deciding = True
        events.append(bind)

    def _refuse_state(self, command_id: int, number: int, events: list[Event]) -> None:
        """5.0 §2.8.2: ESME_RINVBNDSTS in the response of that command; ESME_RALYBND for one bind too many."""
        name = command_name(command_id)
        if command_id in BINDS and (self.state in BOUND or self._bind_pending is not None):
            refusal = Refusal(command_id, number, pdu.ESME_RALYBND, f"{name} in a session that is bound or binding")
        else:
            reason = f"{name} is not for the {self.side.other.value} to send in {self.state.value}"
            refusal = Refusal(command_id, number, pdu.ESME_RINVBNDSTS, reason)
        self._refuse(refusal, events)

    def _refuse(self, refusal: Refusal, events: list[Event]) -> None:
        """Answers in the command's own response, or by generic_nack where there is none (SMPP 3.4 §3.3, §4.3)."""
        answer_id = pdu.response_id(refusal.command_id) or _GENERIC_NACK
        self._out.error(answer_id, refusal.command_status, refusal.sequence_number)
        events.append(refusal)

    # --- what we ask ----------------------------------------------------------------------------------------------

    def request(self, request: Pdu, now: float, context: object = None, frame: bytes = b"") -> int:
        """Queues a request of ours; `context` comes back with its answer. Returns the sequence_number it was given.

        `frame` is `request` encoded, under any sequence_number, where the caller has that already.

        Raises WindowFull without `credit`, SessionError if the matrix or the peer's version forbids it, ValueError if
        the PDU cannot be encoded; then nothing is queued. Binds, enquire_link and unbind do not count in the window.
        """
        command_id = request.command_id
        in_flight = self._in_flight
        if command_id not in self._our_messages:
            return self._request_of_session(request, now, context)
        if len(in_flight.messages) >= self.settings.window:
            raise WindowFull(f"{self.settings.window} requests are unanswered")
        number = request.sequence_number = in_flight.allot()
        if frame:
            self._out.framed(request, frame)
        else:
            self._out.request(request)
        time = self._last_message = self._time.at(now)
        in_flight.messages[number] = request, context, time
        return number

    def relay(self, requests: Sequence[Pdu], frames: Sequence[bytes], contexts: Sequence[object], now: float) -> None:
        """`request` for many of one command, as the octets in `frames`: only the number is ours.

        To a peer before 3.4 they must have no TLVs. The PDUs in `requests` come back with their answers and stay as
        they are. Raises WindowFull if there is no credit for all of them, and SessionError as `request` does.
        """
        in_flight, command_id = self._in_flight, requests[0].command_id
        if command_id not in self._our_messages:
            self._check_ours(command_id)
        if len(in_flight.messages) + len(requests) > self.settings.window:
            raise WindowFull(f"{self.settings.window} requests may be unanswered")
        numbers = in_flight.allot_all(len(requests))
        self._out.relayed(frames, numbers)
        time = self._last_message = self._time.at(now)
        in_flight.messages.update(zip(numbers, zip(requests, contexts, repeat(time)), strict=True))

    def _request_of_session(self, request: Pdu, now: float, context: object) -> int:
        command_id = request.command_id
        self._check_ours(command_id)
        number = request.sequence_number = self._in_flight.allot()
        self._out.request(request)
        if command_id not in states.UNCONFIRMED:
            self._in_flight.control[number] = request, context, self._time.at(now)
        if isinstance(request, pdu.Bind):
            self._bind_pending = request
            self._framer.max_length = self.settings.max_pdu  # messages may follow the bind_resp in the same read
        elif command_id == _OUTBIND:
            self._outbound(now)
        elif command_id == _UNBIND:
            self._leaving = (Cause.UNBOUND, "unbound by us")
            self._our_messages = frozenset()
        return number

    def _check_ours(self, command_id: int) -> None:
        """Raises SessionError for a request outside `_our_messages` that we may not make now, and says why."""
        name = command_name(command_id)
        if not states.may_send(self.side, self.state, command_id):
            raise SessionError(f"{name} is not for the {self.side.value} to send in {self.state.value}")
        if versions.FIRST_VERSION.get(command_id, 0) > self.interface_version:
            raise SessionError(f"{name} is unknown to a peer of version 0x{self.interface_version:02X}")
        if command_id & RESPONSE:
            raise SessionError(f"{name} is no request: respond() is for answers")
        if self._bind_pending is not None and command_id in BINDS:
            raise SessionError("a bind is under way already")
        if self._leaving is not None and command_id != _ENQUIRE_LINK:
            raise SessionError(f"{name} after unbind")

    def outbind(self, system_id: bytes, password: bytes, now: float) -> None:
        """As MC: asks the ESME that we connected to, to bind within the session_init_timer (SMPP 3.4 §2.2.1)."""
        self.request(pdu.Outbind(system_id=system_id, password=password), now)

    def unbind(self, now: float) -> None:
        """Leaves in order: what the peer asks before its unbind_resp is still served; then come `Unbound` and `Closed`.

        Does nothing if either end is leaving already; raises SessionError before the bind, where `close` is the word.
        """
        if self._leaving is None and self.state is not _CLOSED:
            self.request(pdu.Unbind(), now, OUR_OWN)

    # --- what we answer -------------------------------------------------------------------------------------------

    def respond(self, request: Pdu, response: Pdu) -> bool:
        """Queues our answer to a request of the peer, with its sequence_number, whatever that is.

        `response` may be a `GenericNack`. Towards older peers a command_status of 5.0 becomes the nearest they know,
        and TLVs they must not get stay out. False if the session is closed: nobody is left to hear it.
        Raises SessionError if the peer waits for nothing, ValueError if the response cannot be encoded.
        """
        if self.state is _CLOSED:
            return False
        if not self.owed:
            raise SessionError("the peer waits for no answer")
        self._out.response(response, request.sequence_number)
        self.owed -= 1
        if self.state is _UNBOUND:
            self._farewell()
        return True

    def respond_octets(self, octets: bytes, answers: int = 1) -> bool:
        """Queues responses that are encoded already, `answers` of them in one piece; otherwise as `respond`."""
        if self.state is _CLOSED:
            return False
        if answers > self.owed:
            raise SessionError("the peer waits for fewer answers")
        self._out.octets(octets)
        self.owed -= answers
        if self.state is _UNBOUND:
            self._farewell()
        return True

    # --- time -----------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> list[Event]:
        """Looks at every timer; to be called about once a second. Costs next to nothing while nothing is due."""
        if self.state is _CLOSED:
            return self._take_news()
        events: list[Event] = []
        time = self._time.at(now)
        if self._in_flight.anything:
            self._expire(time, events)
        if self.state is _UNBOUND:
            self._hurry(now)
        elif self.bind is not None:
            self._watch(now, time)
        elif self.settings.session_init_timer and self._bind_pending is None and now >= self._init_deadline:
            self._close(Cause.SESSION_INIT, f"no bind within {self.settings.session_init_timer:g} s")
        if self._news:
            events += self._take_news()
        return events

    def pause_timers(self, now: float) -> None:
        """Reading is paused: nothing the peer might have answered counts as missing until `resume_timers`."""
        self._time.pause(now)

    def resume_timers(self, now: float) -> None:
        """Reading goes on; our response timers and the watch over the peer go on where they stood."""
        self._time.resume(now)

    def slept(self, seconds: float) -> None:
        """We have listened to nobody for so long: in that time no answer, bind or end of the peer's was late."""
        self._time.skip(seconds)
        self._init_deadline += seconds
        if self._unbound_deadline is not None:
            self._unbound_deadline += seconds

    def _expire(self, time: float, events: list[Event]) -> None:
        for request, context, _ in self._in_flight.expire(time, self.settings.response_timer, self.settings.late_grace):
            if context is not OUR_OWN:
                events.append(Unanswered(context, request))
            if isinstance(request, pdu.Bind):
                self._close(Cause.BIND_UNANSWERED, f"no bind_resp within {self.settings.response_timer:g} s")
            elif request.command_id == _UNBIND and self._leaving is not None:
                self._close(self._leaving[0], f"{self._leaving[1]}, without an unbind_resp")

    def _watch(self, now: float, time: float) -> None:
        """Leaves an idle peer, asks a silent one, drops a dead one."""
        if self.state is _CLOSED:
            return
        timers = self.settings
        if self._leaving is None and 0 < timers.inactivity_timer <= time - self._last_message:
            self.unbind(now)
            self._leaving = (Cause.INACTIVITY, f"no message for {timers.inactivity_timer:g} s")
            return
        advice = self._liveness.advice(
            time, timers.enquire_link_timer, timers.response_timer, timers.enquire_link_misses
        )
        if advice is Advice.ASK:
            self.request(pdu.EnquireLink(), now, OUR_OWN)
        elif advice is Advice.GONE:
            self._close(Cause.ENQUIRE_LINK, f"{timers.enquire_link_misses} enquire_links met silence")
