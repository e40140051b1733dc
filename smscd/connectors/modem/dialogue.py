"""The dialogue with a modem, sans-IO: one command at a time, its answer told from all else that the modem says.

Octets in (`receive`), time in (`tick`, and `now` everywhere: monotonic seconds), octets out (`output`) and events out
(`events`). A modem's sins never raise. Unsolicited lines may come anywhere, also between a command and its answer:
a line belongs to the answer only if it begins as the command says its answer begins.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

from smscd.connectors.modem import lines
from smscd.errors import SessionError

ESCAPE = b"\x1b"
SUBMIT = b"\x1a"
WAKE = ESCAPE + b"\rAT\r"
"""Out of a prompt that somebody has left behind, and a question that every modem answers with OK."""
WAKE_PAUSE = 1.0
"""Seconds between two of them."""
WAKE_ATTEMPTS = 5
QUIET = 0.15
"""Seconds of silence after an OK until it was surely the last."""
GRACE = 0.5
"""Seconds in which a line may come late: the final result after the one line that matters, or that line after OK."""
PROMPT_WAIT = 8.0
PROMPT_PAUSE = 0.05
"""Seconds between the prompt and the PDU: some drop what comes sooner."""
LONGEST_LINE = 4096


@dataclass(slots=True, eq=False)
class Command:
    """One command line, and what its answer looks like."""

    text: str
    expects: tuple[str, ...] = ()  # how the lines of its answer begin; "" = any text that is not unsolicited
    timeout: float = 5.0  # seconds until the final result; after the payload if there is one
    payload: bytes = b""  # what follows the prompt, without Ctrl-Z
    one_line: bool = False  # its answer is one such line: some leave out the OK after it, some say it after OK


@dataclass(slots=True)
class Reply:
    """What came of a command."""

    command: Command
    final: str = ""
    lines: list[str] = field(default_factory=list)
    left: bool = False  # the payload and its Ctrl-Z were sent: what they ask for may happen, whatever `final` says

    @property
    def ok(self) -> bool:
        return self.final == lines.OK

    @property
    def line(self) -> str:
        """The last line of the answer: an unsolicited one that looks the same comes before it."""
        return self.lines[-1] if self.lines else ""


@dataclass(slots=True)
class Unsolicited:
    """A line that nobody asked for, with the PDU that came after it if it announced one."""

    line: str
    pdu: str = ""


@dataclass(slots=True)
class Restarted:
    """The modem has started anew: it knows nothing of what it was told."""

    line: str
    just_ready: bool  # a later sign of the same start


@dataclass(slots=True)
class Synchronised:
    """The modem answers again."""


@dataclass(slots=True)
class Silent:
    """It does not answer, however often it is asked."""


Event = Reply | Unsolicited | Restarted | Synchronised | Silent


class State(Enum):
    """What we wait for."""

    IDLE = auto()
    ANSWER = auto()
    PROMPT = auto()
    PAUSE = auto()  # the prompt came; the payload follows in a moment
    SENT = auto()  # the payload has left
    ESCAPED = auto()  # no prompt came; the command is tried once more when the modem is back at its lines
    WAKING = auto()
    QUIET = auto()  # it has answered while being woken; late answers to older commands may follow


BUSY = frozenset({State.ANSWER, State.PROMPT, State.PAUSE, State.SENT, State.ESCAPED})


class Dialogue:
    """One port's worth of it. `deadline` is when `tick` wants to be called."""

    def __init__(self) -> None:
        self.state = State.IDLE
        self.deadline: float | None = None
        self._output = bytearray()
        self._events: list[Event] = []
        self._buffer = b""
        self._head = ""  # an unsolicited line whose PDU has not come yet
        self._reply: Reply | None = None
        self._ended = False  # OK came before the one line that matters
        self._attempts = 0

    # -- our side ----------------------------------------------------------------------------------------------------

    def start(self, command: Command, now: float) -> None:
        """Ask `command`; its `Reply` is an event, whatever happens. Raises SessionError while another is under way."""
        if self.state is not State.IDLE:
            raise SessionError(f"{command.text}: the modem is busy ({self.state.name})")
        self._reply, self._ended, self._attempts = Reply(command), False, 0
        self._ask(now)

    def _ask(self, now: float) -> None:
        assert self._reply is not None
        command = self._reply.command
        self._output += command.text.encode("latin-1") + b"\r"
        self.state = State.PROMPT if command.payload else State.ANSWER
        self.deadline = now + (PROMPT_WAIT if command.payload else command.timeout)

    def wake(self, now: float) -> None:
        """Find out whether anybody answers, whatever state the last speaker has left the modem in."""
        self._attempts = 0
        self._wake(now)

    def _wake(self, now: float) -> None:
        self._attempts += 1
        self._output += WAKE
        self.state, self.deadline = State.WAKING, now + WAKE_PAUSE

    def close(self) -> None:
        """The port is gone: whatever was asked ends so."""
        self._finish(lines.GONE)
        self.state, self.deadline = State.IDLE, None
        self._buffer, self._head = b"", ""

    def output(self) -> bytes:
        """What is to be written now."""
        octets, self._output = bytes(self._output), bytearray()
        return octets

    def events(self) -> list[Event]:
        """What has happened since the last call, in order."""
        happened, self._events = self._events, []
        return happened

    # -- time --------------------------------------------------------------------------------------------------------

    def tick(self, now: float) -> None:
        """Whatever is due by `now`."""
        if self.deadline is None or now < self.deadline:
            return
        reply = self._reply
        if self.state is State.PAUSE and reply is not None:
            self._output += reply.command.payload + SUBMIT
            reply.left = True
            self.state, self.deadline = State.SENT, now + reply.command.timeout
        elif self.state is State.PROMPT:
            self._output += ESCAPE + b"\r"
            self.state, self.deadline = State.ESCAPED, now + WAKE_PAUSE
        elif self.state is State.ESCAPED and self._attempts == 0:
            self._attempts = 1
            self._ask(now)
        elif self.state is State.WAKING:
            self._not_awake(now)
        elif self.state is State.QUIET:
            self.state, self.deadline = State.IDLE, None
            self._events.append(Synchronised())
        elif reply is not None and (self._ended or (reply.command.one_line and reply.lines)):
            self._finish(lines.OK)
        else:
            self._finish(lines.TIMEOUT)
            self.wake(now)

    def _not_awake(self, now: float) -> None:
        if self._attempts < WAKE_ATTEMPTS:
            self._wake(now)
        else:
            self.state, self.deadline = State.IDLE, None
            self._events.append(Silent())

    # -- the modem's side --------------------------------------------------------------------------------------------

    def receive(self, octets: bytes, now: float) -> None:
        """Octets as they come, in pieces of any size."""
        *whole, self._buffer = (self._buffer + octets).replace(b"\n", b"\r").split(b"\r")
        for line in whole:
            self._line(line.decode("latin-1").strip(" \t\0\x1a\x1b"), now)
        rest = self._buffer.strip(b" \t\0\x1b")
        if (rest == b">" and self._prompted(now)) or len(self._buffer) > LONGEST_LINE:
            self._buffer = b""

    def _prompted(self, now: float) -> bool:
        """A prompt is not ended by a line. True if it was understood."""
        if self.state is State.PROMPT:
            self.state, self.deadline = State.PAUSE, now + PROMPT_PAUSE
        elif self.state is State.IDLE:
            self._output += ESCAPE  # somebody else's, or one that came much too late
        return self.state is not State.SENT  # there it is the echo of the PDU that follows

    def _line(self, line: str, now: float) -> None:
        if line.startswith(">"):
            self._prompted(now)
            line = line[1:].strip()
        reply = self._reply
        if reply is not None:
            line = without_echoes(line, reply.command)
        if not line:
            return
        if self._is_pdu(line):
            return
        if line.startswith(lines.HEADS):
            self._head = line
        elif lines.is_final(line):
            self._final(line, now)
        elif reply is not None and self.state in BUSY and self._belongs(line, reply.command):
            self._answered(line, reply, now)
        elif lines.has_started(line) or lines.has_become_ready(line):
            self._restarted(line)
        elif not lines.is_hex(line):  # hexadecimal without a head is a piece of an echo
            self._events.append(Unsolicited(line))

    def _is_pdu(self, line: str) -> bool:
        """Whether `line` is the PDU that a head has announced; it is then done with."""
        if self._head and lines.fits(line, lines.announced(self._head)):
            self._announced(line)
            return True
        if not lines.is_hex(line):
            return False
        reply = self._reply
        listed = reply is not None and self.state is State.ANSWER and reply.line.startswith(("+CMGL:", "+CMGR:"))
        if reply is not None and listed:  # whatever length it said
            reply.lines.append(line)
            return True
        if self._head and (reply is None or "" not in reply.command.expects):
            self._announced(line)  # there is nothing else that it could be
            return True
        return False

    def _announced(self, pdu: str) -> None:
        self._events.append(Unsolicited(self._head, pdu))
        self._head = ""

    @staticmethod
    def _belongs(line: str, command: Command) -> bool:
        if "" in command.expects:
            named = line.startswith("+") and not line.startswith(f"{command.text[2:].rstrip('?')}:")
            return not named and not lines.is_unsolicited(line)
        return bool(command.expects) and line.startswith(command.expects)

    def _answered(self, line: str, reply: Reply, now: float) -> None:
        reply.lines.append(line)
        if reply.command.one_line:
            if self._ended:
                self._finish(lines.OK)
            elif self.deadline is not None:
                self.deadline = min(self.deadline, now + GRACE)

    def _final(self, line: str, now: float) -> None:
        if self.state is State.WAKING:
            self.state, self.deadline = State.QUIET, now + QUIET  # an ERROR is an answer too: some know no bare AT
        elif self.state in {State.QUIET, State.ESCAPED}:
            self.deadline = now + QUIET
        elif self._reply is not None and self.state in BUSY:
            command = self._reply.command
            if line == lines.OK and command.one_line and not self._reply.lines and self.state is not State.PROMPT:
                self._ended, self.deadline = True, now + GRACE
            else:
                self._finish(line)

    def _restarted(self, line: str) -> None:
        started = lines.has_started(line)
        if started and self.state in BUSY:
            self._finish(lines.GONE)
        self._events.append(Restarted(line, just_ready=not started))

    def _finish(self, final: str) -> None:
        reply, self._reply = self._reply, None
        if reply is None:
            return
        reply.final = final
        self.state, self.deadline = State.IDLE, None
        self._events.append(reply)


def without_echoes(line: str, command: Command) -> str:
    """`line` without the repetition of what was sent."""
    line = lines.without_echo(line, command.text)
    return lines.without_echo(line, command.payload.decode("latin-1")) if command.payload else line
