"""Two real sessions, a bad cable and a forgetful owner at each end, driven by hypothesis.

Conservation is the oracle: every request ends in exactly one of Answered, Unanswered and Closed, whatever happens.
"""

from __future__ import annotations

import itertools
from collections import Counter

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from smscd import pdu
from smscd.errors import SessionError, WindowFull
from smscd.session import Answered, Closed, Event, LateAnswer, Session, SessionSettings, Side, State, Unanswered
from tests.session.pair import BINDS, delivery, message

SIDES = st.sampled_from(Side)
REACHED: Counter[str] = Counter()
"""How often the machine came to each kind of event, so that a lazy strategy is noticed."""


class Owner:
    """One end: its session, the requests it owes an answer, and what became of those it made."""

    def __init__(self, side: Side, window: int) -> None:
        self.side = side
        self.session = Session(side, SessionSettings(window=window, response_timer=5, late_grace=100), 0)
        self.cable = b""
        self.owes: list[pdu.Pdu] = []
        self.asked: set[int] = set()
        self.ended: Counter[int] = Counter()
        self.unanswered: set[int] = set()
        self.closed = 0

    def hear(self, events: list[Event]) -> None:
        for event in events:
            REACHED[type(event).__name__] += 1
            if isinstance(event, Answered):
                self._ends(event.context)
            elif isinstance(event, Unanswered):
                self.unanswered.add(self._ends(event.context))
            elif isinstance(event, LateAnswer):
                assert event.context in self.unanswered, "late without having been unanswered, or late twice"
                self.unanswered.discard(event.context)
            elif isinstance(event, Closed):
                self.closed += 1
                for left in event.unanswered:
                    self._ends(left.context)
            elif isinstance(event, pdu.Pdu) and pdu.response_id(event.command_id) and not isinstance(event, pdu.Bind):
                self.owes.append(event)
        if self.session.state is State.CLOSED:
            self.owes.clear()

    def _ends(self, context: object) -> int:
        assert isinstance(context, int)
        assert context in self.asked
        self.ended[context] += 1
        return context


class TwoSessions(RuleBasedStateMachine):
    """Octets lie on the cable until a rule carries some of them; time passes only by `tick`."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.contexts = itertools.count()
        self.ends: dict[Side, Owner] = {}

    @initialize(
        windows=st.tuples(st.integers(1, 4), st.integers(1, 4)),
        kind=st.sampled_from([*BINDS.values(), pdu.BindTransceiver, pdu.BindTransceiver, None]),
        version=st.sampled_from([0x33, 0x34, 0x50]),
    )
    def connect(self, windows: tuple[int, int], kind: type[pdu.Bind] | None, version: int) -> None:
        self.ends = {side: Owner(side, window) for side, window in zip(Side, windows, strict=True)}
        if kind is None:
            return
        esme, mc = self.ends[Side.ESME], self.ends[Side.MC]
        request = kind(system_id=b"test", interface_version=version)
        context = next(self.contexts)
        esme.asked.add(context)
        esme.session.request(request, 0, context)
        (bind,) = mc.session.receive_data(esme.session.data_to_send(), 0)
        assert isinstance(bind, pdu.Bind)
        mc.session.accept_bind(bind, b"smscd")
        esme.hear(esme.session.receive_data(mc.session.data_to_send(), 0))

    # --- what owners do -------------------------------------------------------------------------------------------

    @rule(side=SIDES, burst=st.integers(1, 5))
    def ask_for_messages(self, side: Side, burst: int) -> None:
        for _ in range(burst):
            self._ask(side, control=False)

    @rule(side=SIDES)
    def ask_for_life(self, side: Side) -> None:
        self._ask(side, control=True)

    def _ask(self, side: Side, *, control: bool) -> None:
        own = self.ends[side]
        request: pdu.Pdu = pdu.EnquireLink() if control else message() if side is Side.ESME else delivery()
        context = next(self.contexts)
        credit = own.session.credit
        try:
            own.session.request(request, self.now, context)
        except WindowFull:
            assert credit == 0
            return
        except SessionError:
            assert credit == 0
            return
        assert control or credit > 0
        own.asked.add(context)

    @precondition(lambda self: any(own.owes for own in self.ends.values()))
    @rule(side=SIDES, pick=st.integers(0, 5), how=st.sampled_from(["ok", "error", "nack", "octets", "other"]))
    def answer(self, side: Side, pick: int, how: str) -> None:
        own = self.ends[side] if self.ends[side].owes else self.ends[side.other]
        request = own.owes.pop(pick % len(own.owes))
        if how == "octets":
            own.session.respond_octets(pdu.header(request.command_id | pdu.RESPONSE, 0, request.sequence_number))
            return
        classes = {cls.command_id: cls for cls in pdu.PDUS}
        response = classes[request.command_id | pdu.RESPONSE]()
        if how == "error":
            response.command_status = pdu.ESME_RINVDCS
        elif how == "nack":
            response = pdu.GenericNack(command_status=pdu.ESME_RSYSERR)
        elif how == "other":
            response = pdu.QuerySmResp(message_id=b"1")
        own.session.respond(request, response)

    @precondition(lambda self: self.now > 12)
    @rule(side=SIDES)
    def unbind(self, side: Side) -> None:
        session = self.ends[side].session
        if session.state in BINDS or session.state in {State.UNBOUND, State.CLOSED}:
            session.unbind(self.now)

    @rule(side=SIDES, paused=st.booleans())
    def pause(self, side: Side, paused: bool) -> None:
        session = self.ends[side].session
        (session.pause_timers if paused else session.resume_timers)(self.now)

    # --- what the network does ------------------------------------------------------------------------------------

    @rule(side=SIDES, octets=st.one_of(st.integers(1, 60), st.just(1_000_000)))
    def carry(self, side: Side, octets: int) -> None:
        """From `side` to the other: all of it, or only so many octets."""
        sender, receiver = self.ends[side], self.ends[side.other]
        sender.cable += sender.session.data_to_send()
        piece, sender.cable = sender.cable[:octets], sender.cable[octets:]
        receiver.hear(receiver.session.receive_data(piece, self.now))

    @rule()
    def carry_both_ways(self) -> None:
        for side in Side:
            self.carry(side, 1_000_000)

    @rule(seconds=st.integers(1, 6))
    def tick(self, seconds: int) -> None:
        self.now += seconds
        for own in self.ends.values():
            own.hear(own.session.tick(self.now))

    @rule(side=SIDES, command_id=st.sampled_from([*map(int, pdu.CommandId), 0x999, 0x80000999]),
          number=st.integers(0, 12), body=st.binary(max_size=40))  # fmt: skip
    def stray_frame(self, side: Side, command_id: int, number: int, body: bytes) -> None:
        """The far end says something nobody made it say: made-up answers and requests, malformed bodies."""
        if command_id in LEADS_ELSEWHERE:
            return
        frame = (16 + len(body)).to_bytes(4, "big") + pdu.header(command_id, 0, number)[4:] + body
        self.ends[side].cable += self.ends[side].session.data_to_send()
        if not self.ends[side].cable:
            own = self.ends[side.other]
            if not own.session._framer.pending:
                own.hear(own.session.receive_data(frame, self.now))

    @precondition(lambda self: self.now > 25)
    @rule(side=SIDES, how=st.sampled_from(["eof", "close", "garbage"]))
    def end(self, side: Side, how: str) -> None:
        own = self.ends[side]
        if how == "eof":
            own.hear(own.session.receive_eof(self.now))
        elif how == "close":
            own.hear(own.session.close("enough"))
        else:
            own.hear(own.session.receive_data(b"\xff" * 16, self.now))

    # --- what always holds ----------------------------------------------------------------------------------------

    @invariant()
    def nothing_is_lost_and_nothing_ends_twice(self) -> None:
        for own in self.ends.values():
            assert all(count == 1 for count in own.ended.values())
            pending = [*own.session._in_flight.messages.values(), *own.session._in_flight.control.values()]
            waiting = {context for _, context, _ in pending if isinstance(context, int)}
            assert not waiting & set(own.ended)
            if not own.session._news:
                assert own.asked == waiting | set(own.ended)

    @invariant()
    def the_window_holds(self) -> None:
        for own in self.ends.values():
            assert 0 <= own.session.in_flight <= own.session.settings.window
            assert own.session.credit <= own.session.settings.window - own.session.in_flight

    @invariant()
    def what_is_owed_is_what_the_owner_was_given(self) -> None:
        for own in self.ends.values():
            assert own.session.owed == (len(own.owes) if own.session.state is not State.CLOSED else 0)

    @invariant()
    def the_end_is_told_once(self) -> None:
        for own in self.ends.values():
            assert own.closed <= 1
            if own.closed:
                assert own.session.state is State.CLOSED

    def teardown(self) -> None:
        """Every run ends with an unbind, if it can, and then with the line cut: nothing may be left over."""
        self.unbind(Side.ESME)
        self.carry_both_ways()
        self.carry_both_ways()
        for own in self.ends.values():
            own.hear(own.session.receive_eof(self.now))
            assert own.closed == 1
            assert set(own.ended) == own.asked
            assert all(count == 1 for count in own.ended.values())


LEADS_ELSEWHERE = {int(command) for command in pdu.CommandId if "bind" in command.name}
"""A made-up bind, outbind or unbind would only end the run early."""


def test_every_request_ends_exactly_once_whatever_two_sessions_do_to_each_other() -> None:
    REACHED.clear()
    run_state_machine_as_test(TwoSessions, settings=settings(max_examples=150, stateful_step_count=40, deadline=None))
    interesting = {"Answered", "Unanswered", "LateAnswer", "Closed", "Refusal", "Unbound", "SubmitSm", "DeliverSm"}
    assert interesting <= set(REACHED), f"the rules no longer reach {interesting - set(REACHED)}"
