"""The emulated modem itself: octets from the port in, octets for the port out; what it remembers, and what it plans.

It starts nothing and waits for nothing. Whoever runs it (`port`, a test) gives it octets (`receive`), lets it do what
is due (`advance`, `next_due`), takes what it has to write (`take`) and what happened (`news`), and closes the port for
a while when it is `gone`.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from smscd.clock import Clock
from smscd.connectors.modem.emulated import arrivals, general, messages
from smscd.connectors.modem.emulated.answers import AtError, CmeError
from smscd.connectors.modem.emulated.network import Network
from smscd.connectors.modem.emulated.parsing import Call, parse_line
from smscd.connectors.modem.emulated.profile import Profile
from smscd.connectors.modem.emulated.slots import Memory

_CR, _LF, _BACKSPACE, _CTRL_Z, _ESC = 0x0D, 0x0A, 0x08, 0x1A, 0x1B
_LINE_ENDS: Final = {"crlf": "\r\n", "lf": "\n", "crcrlf": "\r\r\n"}
_PROMPTS: Final = {"space": b"\r\n> ", "line": b"\r\n>\r\n", "bare": b">"}
_NUMERIC: Final = {"OK": "0", "NO CARRIER": "3", "ERROR": "4"}
_COMMANDS: Final = {**general.COMMANDS, **messages.COMMANDS}

Event = dict[str, Any]


@dataclass(slots=True)
class Session:
    """What a restart or ATZ sets back."""

    echo: bool
    cmee: int
    verbose: bool = True
    quiet: bool = False
    cmgf: int = 0
    csms: int = 0
    cnmi: list[int] = field(default_factory=lambda: [0, 0, 0, 0, 0])
    cscs: str = "GSM"
    csdh: int = 0
    csmp: list[int] = field(default_factory=lambda: [17, 167, 0, 0])
    chosen: list[str] = field(default_factory=list)  # mem1, mem2, mem3
    unsolicited: dict[str, int] = field(default_factory=dict)  # n of +CREG, +CGREG, +CEREG
    long_names: bool = True


class EmulatedModem:
    """One modem with its SIM; the network may be shared by several."""

    profile: Profile
    clock: Clock
    session: Session

    def __init__(self, profile: Profile, clock: Clock, network: Network | None = None) -> None:
        self.profile = profile
        self.clock = clock
        self.network = network or Network()
        self.memories = {name: Memory(profile.slots, profile.first_index) for name in profile.memories}
        self.smsc = profile.smsc
        self.mr = profile.mr
        self.pin_left = profile.pin_attempts
        self.pins_tried: list[str] = []
        self.news: deque[Event] = deque(maxlen=10_000)
        self.gone: float | None = None
        self.hung = False
        self.unacknowledged: bytes | None = None
        self._plans: list[tuple[float, int, bool, Callable[[], None]]] = []
        self._numbers = itertools.count()
        self._out = bytearray()
        self.power_on()

    # power

    def power_on(self, *, boot: bool = False) -> None:
        """As after plugging in: settings set back, PIN asked for, registration begins anew."""
        profile = self.profile
        self._plans = [plan for plan in self._plans if plan[2]]
        heapq.heapify(self._plans)
        self.session = self._fresh_session()
        self.gone = None
        self.hung = False
        self.cfun = 1
        self.unlocked = not profile.pin
        self.powered_at = self.clock.monotonic()
        self.registration = 0 if profile.registration_delay or profile.pin else profile.registration
        if self.unacknowledged is not None:  # the network does not know that it has arrived
            self.network.waiting.appendleft(self.unacknowledged)
        self.unacknowledged = None
        self.held_back: list[list[str]] = []
        self.after_ok: list[str] = []
        self._input = bytearray()
        self._line = bytearray()
        self._text: Callable[[bytes], None] | None = None
        self._busy = False
        self._out.clear()
        if not profile.pin:
            self.search()
        for number, line in enumerate(profile.boot if boot else (), start=1):
            self.later(number * profile.boot_delay, partial(self.announce, [line]))

    def search(self) -> None:
        """Look for the network: registered after `registration_delay`."""
        if self.profile.registration_delay:
            self.registration = 2
            self.later(self.profile.registration_delay, lambda: self.register(self.profile.registration))
        else:
            self.register(self.profile.registration)

    def reset(self) -> None:
        """ATZ, AT&F."""
        self.session = self._fresh_session()

    def _fresh_session(self) -> Session:
        first = self.profile.memories[0]
        return Session(self.profile.echo, self.profile.cmee, chosen=[first, first, first])

    def hang_up(self, seconds: float) -> None:
        """The port vanishes for that long; then the modem is switched on again."""
        self.gone = seconds
        self.tell("gone", seconds=seconds)

    # time

    def later(self, delay: float, what: Callable[[], None], *, outlives: bool = False) -> None:
        """Plan something; `outlives` says that it is the network's business and survives a restart."""
        heapq.heappush(self._plans, (self.clock.monotonic() + delay, next(self._numbers), outlives, what))

    def next_due(self) -> float | None:
        """When `advance` has something to do (monotonic seconds)."""
        return self._plans[0][0] if self._plans else None

    def advance(self) -> None:
        """Do what is due by now."""
        while self._plans and self._plans[0][0] <= self.clock.monotonic():
            heapq.heappop(self._plans)[3]()

    # octets

    def receive(self, octets: bytes) -> None:
        """What the computer wrote. While a command is being carried out it waits."""
        if self.hung or self.gone is not None:
            return
        self._input += octets
        self._read()

    def take(self) -> bytes:
        """What the computer is to read; taken once."""
        octets = bytes(self._out)
        self._out.clear()
        return octets

    def tell(self, event: str, **facts: Any) -> None:
        """Something happened that whoever runs the modem may want to know."""
        self.news.append({"event": event, **facts})

    def _read(self) -> None:
        while self._input and not self._busy and self.gone is None:
            octet = self._input.pop(0)
            if self._text is not None:
                self._read_text(octet)
            else:
                self._read_command(octet)

    def _read_command(self, octet: int) -> None:
        if octet == _ESC:
            self._line.clear()
            return
        if self.session.echo:
            self._out.append(octet)
        if octet == _CR:
            line = self._line.decode("latin-1").strip()
            self._line.clear()
            self._run(line)
        elif octet == _BACKSPACE:
            del self._line[-1:]
        elif octet not in {_LF, _CTRL_Z}:
            self._line.append(octet)

    def _read_text(self, octet: int) -> None:
        if self.session.echo or self.profile.pdu_echo:
            self._out.append(octet)
        if octet == _CTRL_Z:
            text, self._text = self._text, None
            line = bytes(self._line)
            self._line.clear()
            assert text is not None
            try:
                text(line)
            except AtError as error:
                self.answer([], error)
        elif octet == _ESC:
            self._text = None
            self._line.clear()
            self.answer([])
        elif octet not in {_CR, _LF} or self.session.cmgf:
            self._line.append(octet)

    # commands

    def _run(self, line: str) -> None:
        if not line:
            return
        self.tell("command", line=line)
        calls = parse_line(line)
        if calls is None:
            if "AT" in line.upper():
                self.answer([], AtError())
            return
        found: list[str] = []
        try:
            for call in calls:
                lines = self._call(call)
                if lines is None:
                    return
                found += lines
        except AtError as error:
            self.answer(found, error)
        except ValueError:  # a number that is none
            self.answer(found, CmeError(50))
        else:
            self.answer(found)

    def _call(self, call: Call) -> list[str] | None:
        if call.raw.startswith(self.profile.refuses or ("\0",)):
            raise AtError
        if call.raw.startswith(self.profile.accepts or ("\0",)):
            return []
        command = _COMMANDS.get(call.name)
        if command is None:
            raise AtError
        return command(self, call)

    def prompt(self, text: Callable[[bytes], None]) -> None:
        """Print the prompt and hand what comes before Ctrl-Z to `text`."""
        if self.mishap("prompt"):
            return
        self._text = text
        self._out += _PROMPTS[self.profile.prompt]

    def mishap(self, where: str) -> bool:
        """Whether the accident of the profile happens here: nothing more is to be answered then."""
        profile = self.profile
        if profile.accident == "none" or profile.accident_at != where or not profile.accidents:
            return False
        profile.accidents -= 1
        self.tell("accident", kind=profile.accident, at=where)
        if profile.accident == "hangup":
            self.hang_up(profile.away)
        return True

    # answers

    def answer(self, found: Sequence[str], error: AtError | None = None, delay: float = 0.0) -> None:
        """Write the lines of a command and its final result, after `delay` and the profile's own."""
        delay += self.profile.response_delay
        if not delay:
            self._answer(found, error)
            return
        self._busy = True
        self.later(delay, lambda: self._answer(found, error))

    def _answer(self, found: Sequence[str], error: AtError | None) -> None:
        final = error.result(self.session.cmee) if error else "OK"
        for line in self.profile.interrupt:
            self._lines_out([line])
        if found:
            self._lines_out(found)
            for line in self.profile.interrupt[::-1]:
                self._lines_out([line])
        if not self.session.quiet and final:
            self._final_out(final)
        for line in self.after_ok:
            self._lines_out([line])
        self.after_ok.clear()
        self._free()

    def _free(self) -> None:
        self._busy = False
        self._read()

    def _lines_out(self, lines: Sequence[str]) -> None:
        end = _LINE_ENDS[self.profile.line_end]
        self._out += f"{end if self.session.verbose else ''}{end.join(lines)}{end}".encode("latin-1", "replace")

    def _final_out(self, final: str) -> None:
        if self.session.verbose:
            self._lines_out([final])
        else:
            self._out += f"{_NUMERIC.get(final, final)}\r".encode()

    def announce(self, lines: Sequence[str], *, message: bool = False) -> None:
        """Print an unsolicited result; those of messages are kept back while AT+CNMI says so (mode 0)."""
        if message and self.session.cnmi[0] == 0:
            self.held_back.append(list(lines))
            return
        end = _LINE_ENDS[self.profile.line_end]
        start = "" if self.profile.glued else end
        self._out += (start + end.join(lines) + end).encode("latin-1", "replace")

    # the air

    @property
    def is_registered(self) -> bool:
        """Messages can come and go."""
        return self.registration in {1, 5} and self.cfun == 1 and self.unlocked and self.profile.sim != "absent"

    def register(self, stat: int) -> None:
        """The registration has changed; told where it was asked for. What waited arrives."""
        self.registration = stat
        for name, mode in self.session.unsolicited.items():
            if mode:
                self.announce([f"{name}: {general.registration_of(self, name)}{general.cell_of(self, mode)}"])
        arrivals.flush(self)
