"""How a modem is: registration, signal, how full its store is."""

from __future__ import annotations

from dataclasses import dataclass

from smscd.connectors.modem import lines
from smscd.connectors.modem.port import Port

REGISTERED = frozenset({1, 5, 6, 7})
"""+CREG, +CEREG: at home, roaming, and the two "SMS only" (27.007 §7.2, §10.1.22)."""
QUESTIONS = ("CREG", "CEREG", "CGREG")


@dataclass(slots=True)
class Health:
    """The last look."""

    registered: bool = False
    registration: str = "unknown"
    signal: int | None = None  # dBm
    network: str = ""
    used: int = 0
    capacity: int = 0

    @property
    def is_full(self) -> bool:
        return 0 < self.capacity <= self.used


_WORDS = {
    0: "not searching", 1: "home", 2: "searching", 3: "denied", 4: "unknown", 5: "roaming", 6: "home, SMS only",
    7: "roaming, SMS only",
}  # fmt: skip


async def look(port: Port, health: Health) -> None:
    """Bring `health` up to date. A modem that answers none of the registration questions counts as registered."""
    states = []
    for question in QUESTIONS:
        reply = await port.ask(f"AT+{question}?", f"+{question}:", one_line=True)
        found = registration(reply.line) if reply.lines else None
        if found is not None:
            states.append(found)
            if found in REGISTERED:
                break
    good = [state for state in states if state in REGISTERED]
    health.registered = bool(good) or not states
    health.registration = _WORDS.get((good or states or [4])[0], "unknown")
    signal = await port.ask("AT+CSQ", "+CSQ:", one_line=True)
    health.signal = dbm(signal.line) if signal.lines else None
    network = await port.ask("AT+COPS?", "+COPS:", one_line=True, within=15.0)
    if network.lines and len(found_names := lines.fields(network.line)) > 2:
        health.network = found_names[2]
    stored = await port.ask("AT+CPMS?", "+CPMS:", one_line=True)
    if stored.lines:
        health.used, health.capacity = counted(stored.line)


def counted(line: str, *, first: bool = False) -> tuple[int, int]:
    """Used and total of a +CPMS line: of the store that receives, or of the `first`, which is read from."""
    numbers = [number for field in lines.fields(line) if (number := lines.number(field)) is not None]
    if len(numbers) < 2:
        return 0, 0
    return (numbers[0], numbers[1]) if first else (numbers[-2], numbers[-1])


def registration(line: str) -> int | None:
    """The state in an answer to AT+CREG?, or in the unsolicited line that looks like it."""
    found = lines.fields(line)
    return lines.number(found[1] if len(found) > 1 and found[1].isdigit() and len(found[1]) == 1 else found[0])


def dbm(line: str) -> int | None:
    """Signal strength of +CSQ: 0 is -113 dBm or less, each step two more; 99 is unknown (27.007 §8.5)."""
    value = lines.number(lines.fields(line)[0])
    return None if value is None or value > 31 else 2 * value - 113
