"""Dialogs with one session, as a support engineer would write them down.

A line is one of

    side MC                                   which end is ours (first line; MC if it is left out)
    set window=2 response_timer=5             settings of the session, before anything happens
    > submit_sm destination_addr=4477 seq=7   the peer sends this
    > octets 00000010 00000999 ...            the peer sends these octets
    < submit_sm_resp ESME_RINVBNDSTS seq=7    the session has written this next
    ! +5s                                     time passes, a tick each second
    ! accept smscd                            our owner accepts the bind,
    ! refuse ESME_RINVPASWD                   or refuses it,
    ! answer ESME_ROK message_id=17           answers the oldest request of the peer that still waits,
    ! ask deliver_sm short_message="hi"       makes a request,
    ! outbind smscd | ! unbind | ! close ...  and so on
    ! eof                                     the peer hangs up
    = state BOUND_TRX                         what is so now: state, owed, credit, version
    = told Answered | = told Refusal ...      the next event of that kind, with words that its text contains

`#` starts a comment. A value is a number, ESME_..., "text in quotes" or bare text; `tlv.0x0210=34` is in hex, and
`tlvs=none` means none.
Without `seq=` the peer numbers its requests 1, 2, 3, ... and answers the last request of ours; a response of ours must
echo the last request it can answer. Everything the session writes has to be listed; events need not be.
"""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

from smscd import pdu
from smscd.pdu import RESPONSE
from smscd.session import Event, Session, SessionSettings, Side, State

CLASSES = {pdu.command_name(cls.command_id): cls for cls in pdu.PDUS}


class DialogError(AssertionError):
    """The session did not keep to the script; the message names the line."""


class Dialog:
    """Plays a script against one real session, `chunk` octets at a time (0 = whole PDUs).

    `play` raises DialogError at the first line that does not hold.
    """

    def __init__(self, chunk: int = 0) -> None:
        self.chunk = chunk
        self.side = Side.MC
        self.settings = SessionSettings()
        self.session: Session | None = None
        self.now = 0
        self.told: list[Event] = []
        self.asked: list[pdu.Pdu] = []
        self.written: list[pdu.Pdu] = []
        self.framer = pdu.Framer()
        self.next_number = 1
        self.last_of_peer: dict[int, int] = {}
        self.last_of_ours: dict[int, int] = {}

    def play(self, script: str, name: str = "dialog") -> None:
        for number, line in enumerate(script.splitlines(), start=1):
            try:
                words = shlex.split(line, comments=True)
                if words:
                    self._line(words)
            except Exception as fault:
                raise DialogError(f"{name}:{number}: {line.strip()}\n    {fault}") from fault
        if self._collect():
            raise DialogError(f"{name}: written and not listed: {self.written}")

    def _line(self, words: list[str]) -> None:
        verb, *rest = words
        if verb in {"side", "set"}:
            assert self.session is None, "comes too late"
            self._prepare(verb, rest)
            return
        if self.session is None:
            self.session = Session(self.side, self.settings, self.now)
        if verb == "<":
            self._expect(self.session, rest)
        elif verb == "=":
            self._check(self.session, rest)
        elif verb in {">", "!"}:
            assert not self._collect(), f"not listed before: {self.written}"
            (self._peer_sends if verb == ">" else self._owner)(self.session, rest)
        else:
            raise ValueError("a line starts with side, set, >, <, ! or =")

    def _prepare(self, verb: str, rest: list[str]) -> None:
        if verb == "side":
            self.side = Side[rest[0]]
            return
        for word in rest:
            key, _, value = word.partition("=")
            kind = type(getattr(self.settings, key))
            setattr(self.settings, key, int(value, 0) if kind is not float else float(value))

    # --- > and < --------------------------------------------------------------------------------------------------

    def _peer_sends(self, session: Session, words: list[str]) -> None:
        if words[0] == "octets":
            octets = bytes.fromhex("".join(words[1:]))
        else:
            sent = build(words)
            if "seq" not in given(words):
                sent.sequence_number = self._number_of_peer(sent.command_id)
            self.last_of_peer[sent.command_id] = sent.sequence_number
            octets = pdu.encode(sent)
        step = self.chunk or len(octets)
        for start in range(0, len(octets), step):
            self._hear(session.receive_data(octets[start : start + step], self.now))

    def _number_of_peer(self, command_id: int) -> int:
        if command_id & RESPONSE:
            return self.last_of_ours[command_id & ~RESPONSE]
        self.next_number += 1
        return self.next_number - 1

    def _expect(self, session: Session, words: list[str]) -> None:
        assert session is self.session
        assert self._collect(), "nothing was written"
        got, wanted = self.written.pop(0), build(words)
        if "seq" not in given(words):
            wanted.sequence_number = got.sequence_number
            if got.command_id & RESPONSE:
                wanted.sequence_number = self.last_of_peer.get(got.command_id & ~RESPONSE, got.sequence_number)
        assert type(got) is type(wanted), f"it wrote {got}"
        fields = {"command_status", "sequence_number", *given(words)} - {"seq"}
        for name in fields:
            field = "tlvs" if name.startswith("tlv.") else name
            assert getattr(got, field) == getattr(wanted, field), f"it wrote {got}"

    def _collect(self) -> bool:
        """Whether the session has written something that no line has listed yet."""
        if self.session is not None:
            for frame in self.framer.feed(self.session.data_to_send()):
                written = pdu.decode(frame)
                self.last_of_ours[written.command_id] = written.sequence_number
                self.written.append(written)
        return bool(self.written)

    # --- ! --------------------------------------------------------------------------------------------------------

    def _owner(self, session: Session, words: list[str]) -> None:
        verb, *rest = words
        if verb.startswith("+"):
            for _ in range(int(verb[1:].removesuffix("s"))):
                self.now += 1
                self._hear(session.tick(self.now))
        elif verb in {"accept", "refuse"}:
            (bind,) = [request for request in self.asked if isinstance(request, pdu.Bind)]
            self.asked.remove(bind)
            if verb == "accept":
                session.accept_bind(bind, rest[0].encode())
            else:
                session.refuse_bind(bind, pdu.status_from_name(rest[0]))
        elif verb == "answer":
            request = self.asked.pop(0)
            session.respond(request, build([pdu.command_name(request.command_id | RESPONSE), *rest]))
        elif verb == "ask":
            session.request(build(rest), self.now, rest[0])
        elif verb == "outbind":
            session.outbind(rest[0].encode(), b"", self.now)
        elif verb == "unbind":
            session.unbind(self.now)
        elif verb == "close":
            self._hear(session.close(" ".join(rest)))
        elif verb == "eof":
            self._hear(session.receive_eof(self.now))
        else:
            raise ValueError(f"nobody knows how to {verb}")

    def _hear(self, events: list[Event]) -> None:
        self.told += events
        self.asked += [event for event in events if isinstance(event, pdu.Pdu) and pdu.response_id(event.command_id)]

    # --- = --------------------------------------------------------------------------------------------------------

    def _check(self, session: Session, words: list[str]) -> None:
        what, wanted, *more = words
        if what == "told":
            self._check_told(wanted, more)
            return
        found = {
            "state": session.state,
            "owed": session.owed,
            "credit": session.credit,
            "version": session.interface_version,
        }[what]
        assert found == (State[wanted] if what == "state" else int(wanted, 0)), f"{what} is {found}"

    def _check_told(self, kind: str, words: list[str]) -> None:
        assert kind.lower() != kind, "events are spelled as their classes"
        for position, event in enumerate(self.told):
            if type(event).__name__ == kind:
                del self.told[: position + 1]
                text = str(event)
                missing = [word for word in words if word not in text]
                assert not missing, f"{missing} is not in {text}"
                return
        raise AssertionError(f"told was only: {self.told}")


def given(words: list[str]) -> set[str]:
    """The names of the fields that a line gives."""
    return {word.partition("=")[0] for word in words[1:] if "=" in word}


def build(words: list[str]) -> pdu.Pdu:
    """The PDU that a line spells."""
    made = CLASSES[words[0]]()
    types = {field.name: field.type for field in dataclasses.fields(made)}
    for word in words[1:]:
        name, equals, value = word.partition("=")
        if not equals:
            made.command_status = pdu.status_from_name(word)
        elif name == "seq":
            made.sequence_number = int(value, 0)
        elif word == "tlvs=none":
            getattr(made, "tlvs").clear()  # noqa: B009 - not every PDU has them
        elif name.startswith("tlv."):
            getattr(made, "tlvs").append((int(name[4:], 0), bytes.fromhex(value)))  # noqa: B009 - likewise
        elif name in types:
            setattr(made, name, int(value, 0) if types[name] == "int" else value.encode())
        else:
            raise ValueError(f"{words[0]} has no {name}")
    return made


def play_file(path: Path, chunk: int) -> None:
    Dialog(chunk).play(path.read_text(encoding="utf-8"), path.name)
