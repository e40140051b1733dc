"""Lines that tell a running emulated modem what to do: messages to it, faults, settings."""

from __future__ import annotations

import itertools
import shlex
from typing import Final

from smscd import text
from smscd.connectors.modem.emulated import arrivals
from smscd.connectors.modem.emulated.modem import EmulatedModem
from smscd.connectors.modem.emulated.network import parse_rule
from smscd.connectors.modem.emulated.profile import SettingError, setting
from smscd.connectors.modem.tpdu import Deliver, Timestamp, TpAddress, TpduError, encode_deliver, parse_number

HELP: Final = """\
mo FROM TEXT         a message to this modem from a number or a name; a long one comes in parts
rule KEY=VALUE ...   what becomes of messages sent: to=+4477009* text=*stop* cms=38 st=0x45 delay=2 report=no times=1
rules clear          forget all rules
set KEY VALUE        one setting of the profile
registration N       1 home, 5 roaming, 0 not, 2 searching, 3 denied
say LINE             print an unsolicited line
hang, resume         answer nothing; answer again
hangup [SECONDS]     the port vanishes, and comes back behind the same link
restart              as hangup, but the port stays
status               what is stored, waiting and set
help                 this text"""

DONE: Final = "done"

_references = itertools.count(1)


def obey(modem: EmulatedModem, line: str) -> str:
    """Do what a line says and return what to tell in answer. Raises SettingError for a line that says nothing."""
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise SettingError(f"{line!r}: {error}") from None
    if not words:
        return ""
    answer = _asked(modem, words) or _to_network(modem, words) or _to_modem(modem, words, line)
    if answer is None:
        raise SettingError(f"{line.strip()!r} is nothing to do here: see help")
    return answer


def _asked(modem: EmulatedModem, words: list[str]) -> str | None:
    match words:
        case ["help"]:
            return HELP
        case ["status"]:
            return _status(modem)
        case ["set", key, value]:
            setting(modem.profile, key, value)
            return DONE
        case _:
            return None


def _to_network(modem: EmulatedModem, words: list[str]) -> str | None:
    match words:
        case ["mo", source, *body] if body:
            return _mo(modem, source, " ".join(body))
        case ["rules", "clear"]:
            modem.network.rules.clear()
        case ["rule", *facts] if facts:
            modem.network.rules.append(parse_rule(facts))
        case ["registration", stat] if stat.isdigit():
            modem.register(int(stat))
        case _:
            return None
    return DONE


def _to_modem(modem: EmulatedModem, words: list[str], line: str) -> str | None:
    match words:
        case ["say", _, *_]:
            modem.announce([line.strip()[len("say") :].strip()])
        case ["hang"] | ["resume"]:
            modem.hung = words == ["hang"]
        case ["hangup"]:
            modem.hang_up(modem.profile.away)
        case ["hangup", seconds]:
            modem.hang_up(_seconds(seconds))
        case ["restart"]:
            modem.power_on(boot=True)
        case _:
            return None
    return DONE


def _mo(modem: EmulatedModem, source: str, body: str) -> str:
    alphabet, tp_dcs = text.choose(body)
    digits = source.lstrip("+")
    source_addr = parse_number(source) if digits.isdigit() else TpAddress(source, ton=5, npi=0)
    parts = text.segment(body, alphabet, next(_references))
    for part in parts:
        more = part.number < part.total
        scts = Timestamp(modem.clock.wall())
        deliver = Deliver(source_addr, part.octets, tp_dcs, part.udhi, scts, more_messages=more)
        try:
            arrivals.arrive(modem, encode_deliver(deliver))
        except TpduError as error:
            raise SettingError(str(error)) from None
    return f"{len(parts)} part{'' if len(parts) == 1 else 's'}"


def _status(modem: EmulatedModem) -> str:
    kept = ", ".join(f"{name} {len(memory.messages)}/{memory.size}" for name, memory in modem.memories.items())
    return (
        f"registration {modem.registration}, stored {kept}, waiting {len(modem.network.waiting)}, "
        f"next TP-MR {modem.mr}, PIN attempts left {modem.pin_left}"
    )


def _seconds(word: str) -> float:
    try:
        return float(word)
    except ValueError:
        raise SettingError(f"{word!r} is no number of seconds") from None
