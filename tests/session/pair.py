"""Two real sessions back to back on a cable that may be bad, and PDUs to send over it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from smscd import pdu
from smscd.session import Event, Session, SessionSettings, Side, State

Found = TypeVar("Found")


def message(text: bytes = b"hello") -> pdu.SubmitSm:
    return pdu.SubmitSm(source_addr=b"12345", destination_addr=b"447700900001", short_message=text)


def delivery(text: bytes = b"hello") -> pdu.DeliverSm:
    return pdu.DeliverSm(source_addr=b"447700900001", destination_addr=b"12345", short_message=text)


def sample(command_id: int) -> pdu.Pdu:
    """A PDU of this command that its peer can decode."""
    classes = {cls.command_id: cls for cls in pdu.PDUS}
    made = classes[command_id](sequence_number=77)
    if isinstance(made, pdu.SubmitMulti):
        made.dest_address = [pdu.SmeAddress(destination_addr=b"447700900001")]
    return made


def frames(octets: bytes) -> list[pdu.Pdu]:
    """What a session has written, read back."""
    return [pdu.decode(frame) for frame in pdu.Framer().feed(octets)]


@dataclass
class End:
    """One end of the pair: its session, what it was told, and every octet it ever wrote."""

    session: Session
    events: list[Event] = field(default_factory=list)
    sent: list[pdu.Pdu] = field(default_factory=list)

    def take(self, kind: type[Found]) -> list[Found]:
        """The events of one kind since the last look; they are gone then, the others stay."""
        found: list[Found] = [event for event in self.events if isinstance(event, kind)]
        self.events = [event for event in self.events if not isinstance(event, kind)]
        return found

    def only(self, kind: type[Found]) -> Found:
        (found,) = self.take(kind)
        return found

    def in_state(self, state: State) -> bool:
        """A call, so that a type checker does not believe the state to stay what it was asserted to be."""
        return self.session.state is state

    def last_sent(self) -> pdu.Pdu:
        return self.sent[-1]


class SessionPair:
    """An ESME and an MC. `chunk` octets at a time cross the cable (0 = all at once); a `cut` cable loses everything."""

    def __init__(
        self,
        esme: SessionSettings | None = None,
        mc: SessionSettings | None = None,
        *,
        chunk: int = 0,
        now: float = 0,
    ) -> None:
        self.now = now
        self.chunk = chunk
        self.cut = False
        self.esme = End(Session(Side.ESME, esme or SessionSettings(), now))
        self.mc = End(Session(Side.MC, mc or SessionSettings(), now))

    def end(self, side: Side) -> End:
        return self.esme if side is Side.ESME else self.mc

    def pump(self) -> None:
        """Carries octets both ways until both ends are silent."""
        while self._carry(self.esme, self.mc) | self._carry(self.mc, self.esme):
            pass

    def _carry(self, sender: End, receiver: End) -> bool:
        octets = sender.session.data_to_send()
        sender.sent += frames(octets)
        if not self.cut:
            for piece in self._pieces(octets):
                receiver.events += receiver.session.receive_data(piece, self.now)
        return bool(octets)

    def _pieces(self, octets: bytes) -> Iterator[bytes]:
        step = self.chunk or len(octets) or 1
        for start in range(0, len(octets), step):
            yield octets[start : start + step]

    def advance(self, seconds: int) -> None:
        """Lets time pass, a tick a second, at both ends."""
        for _ in range(seconds):
            self.now += 1
            for end in (self.esme, self.mc):
                end.events += end.session.tick(self.now)
            self.pump()

    def bind(
        self,
        kind: type[pdu.Bind] = pdu.BindTransceiver,
        interface_version: int = pdu.INTERFACE_VERSION_5_0,
        settings: SessionSettings | None = None,
    ) -> None:
        """Binds, and forgets the events of it."""
        request = kind(system_id=b"test", password=b"secret", interface_version=interface_version)
        self.esme.session.request(request, self.now)
        self.pump()
        self.mc.session.accept_bind(self.mc.only(pdu.Bind), b"smscd", settings)
        self.pump()
        assert self.esme.session.state is self.mc.session.state
        self.esme.events.clear()
        self.mc.events.clear()


def bound(kind: type[pdu.Bind] = pdu.BindTransceiver, interface_version: int = 0x50, chunk: int = 0) -> SessionPair:
    pair = SessionPair(chunk=chunk)
    pair.bind(kind, interface_version)
    return pair


BINDS: dict[State, type[pdu.Bind]] = {
    State.BOUND_TX: pdu.BindTransmitter,
    State.BOUND_RX: pdu.BindReceiver,
    State.BOUND_TRX: pdu.BindTransceiver,
}


def pair_in(side: Side, state: State) -> SessionPair:
    """A pair whose end `side` is in `state`, with nothing left to write or to be told."""
    pair = SessionPair()
    own, peer = pair.end(side), pair.end(side.other)
    if state is State.OUTBOUND:
        pair.mc.session.outbind(b"smscd", b"secret", pair.now)
        pair.pump()
    elif state in BINDS:
        pair.bind(BINDS[state])
    elif state is State.UNBOUND:
        # what is owed to the peer keeps its unbind from ending at once
        pair.bind()
        peer.session.request(message() if side is Side.MC else delivery(), pair.now)
        peer.session.unbind(pair.now)
        pair.pump()
    elif state is State.CLOSED:
        own.session.close("test")
    own.events.clear()
    peer.events.clear()
    assert own.session.state is state
    return pair
