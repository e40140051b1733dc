"""Commands that are not about messages: identity, manners, PIN, registration, signal, USSD (V.250, 27.007)."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from smscd import text
from smscd.connectors.modem.emulated.answers import AtError, CmeError, CmsError
from smscd.connectors.modem.emulated.parsing import Call

if TYPE_CHECKING:
    from smscd.connectors.modem.emulated.modem import EmulatedModem

Command = Callable[["EmulatedModem", Call], list[str] | None]


def sim_fault(modem: EmulatedModem) -> int | None:
    """The +CME ERROR of a SIM that cannot be used now; None if it can."""
    if modem.profile.sim == "absent":
        return 10
    if modem.profile.sim == "busy" or modem.clock.monotonic() < modem.powered_at + modem.profile.sim_delay:
        return 14
    if modem.pin_left <= 0:
        return 12
    return None if modem.unlocked else 11


def need_sim(modem: EmulatedModem, *, for_messages: bool = False) -> None:
    """Raise what a command that needs the SIM is answered without it."""
    fault = sim_fault(modem)
    if fault is not None:
        raise CmsError({10: 310, 11: 311, 12: 316, 14: 314}[fault]) if for_messages else CmeError(fault)


def registration_of(modem: EmulatedModem, name: str) -> int:
    """What +CREG, +CGREG or +CEREG tells; on LTE alone the first stays 0."""
    return 0 if modem.profile.packet_only and name != "+CEREG" else modem.registration


def cell_of(modem: EmulatedModem, mode: int) -> str:
    """Location area and cell, where +CREG=2 asks for them."""
    return ',"00C3","00001A2B"' if mode == 2 and modem.is_registered else ""


def _fixed(read: Callable[[EmulatedModem], str], prefix: str = "") -> Command:
    def command(modem: EmulatedModem, call: Call) -> list[str]:
        return [] if call.form == "test" else [prefix + read(modem)]

    return command


def _accept(_modem: EmulatedModem, _call: Call) -> list[str]:
    return []


def _echo(modem: EmulatedModem, call: Call) -> list[str]:
    modem.session.echo = call.text(0, "0") != "0"
    return []


def _verbose(modem: EmulatedModem, call: Call) -> list[str]:
    modem.session.verbose = call.text(0, "0") != "0"
    return []


def _quiet(modem: EmulatedModem, call: Call) -> list[str]:
    modem.session.quiet = call.text(0, "0") != "0"
    return []


def _reset(modem: EmulatedModem, _call: Call) -> list[str]:
    modem.reset()
    return []


def _dial(_modem: EmulatedModem, _call: Call) -> list[str]:
    raise _NoCarrier


class _NoCarrier(AtError):
    def result(self, _cmee: int) -> str:
        return "NO CARRIER"


def _identify(modem: EmulatedModem, _call: Call) -> list[str]:
    return [modem.profile.manufacturer, modem.profile.model, f"Revision: {modem.profile.revision}"]


def _imsi(modem: EmulatedModem, call: Call) -> list[str]:
    need_sim(modem)
    return [] if call.form == "test" else [modem.profile.imsi]


def _iccid(modem: EmulatedModem, _call: Call) -> list[str]:
    if modem.profile.sim == "absent":
        raise CmeError(10)
    return [f"+CCID: {modem.profile.iccid}"]


def _cmee(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "read":
        return [f"+CMEE: {modem.session.cmee}"]
    if call.form == "test":
        return ["+CMEE: (0-2)"]
    modem.session.cmee = _within(call.number(0, 0), 2)
    return []


def _cpin(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "test":
        return []
    fault = sim_fault(modem)
    if call.form == "read":
        if fault in {10, 14}:
            raise CmeError(fault)
        state = {None: "READY", 11: "SIM PIN", 12: "SIM PUK"}[fault]
        if not modem.profile.cpin_ok:
            raise _Final(f"+CPIN: {state}")
        return [f"+CPIN: {state}"]
    if fault is None:
        raise CmeError(3)
    if fault in {10, 14}:
        raise CmeError(fault)
    if len(call.args) > 1 and call.text(0) == modem.profile.puk:
        modem.profile.pin = call.text(1)
        modem.pin_left = modem.profile.pin_attempts
    elif fault == 12:
        raise CmeError(16)
    else:
        _try_pin(modem, call.text(0))
    modem.unlocked = True
    modem.tell("unlocked")
    modem.search()
    return []


class _Final(AtError):
    """A line after which no other comes."""

    def result(self, _cmee: int) -> str:
        return str(self)


def _try_pin(modem: EmulatedModem, pin: str) -> None:
    modem.pins_tried.append(pin)
    if pin != modem.profile.pin:
        modem.pin_left -= 1
        modem.tell("wrong PIN", attempts_left=modem.pin_left)
        raise CmeError(16 if modem.pin_left else 12)
    modem.pin_left = modem.profile.pin_attempts


def _cpinr(modem: EmulatedModem, _call: Call) -> list[str]:
    return [f"+CPINR: SIM PIN,{modem.pin_left},{modem.profile.pin_attempts}", "+CPINR: SIM PUK,10,10"]


def _cfun(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "read":
        return [f"+CFUN: {modem.cfun}"]
    if call.form == "test":
        return ["+CFUN: (0,1,4),(0,1)"]
    wanted = call.number(0, 1)
    if wanted not in {0, 1, 4}:
        raise CmeError(50)
    if call.number(1, 0):
        delay = modem.profile.response_delay
        away = modem.profile.away
        modem.later(delay, lambda: modem.hang_up(away) if away else modem.power_on(boot=True))
        return []
    before, modem.cfun = modem.cfun, wanted
    if wanted != 1:
        modem.registration = 0
    elif before != 1 and modem.unlocked:
        modem.search()
    return []


def _registered(name: str) -> Command:
    def command(modem: EmulatedModem, call: Call) -> list[str]:
        if call.form == "test":
            return [f"{name}: (0-2)"]
        if call.form == "set":
            modem.session.unsolicited[name] = _within(call.number(0, 0), 2)
            return []
        mode = modem.session.unsolicited.get(name, 0)
        line = f"{name}: {mode},{registration_of(modem, name)}{cell_of(modem, mode)}"
        if not modem.profile.creg_after_ok:
            return [line]
        modem.after_ok.append(line)
        return []

    return command


def _cops(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "set":
        if call.number(0, 0) == 3:
            modem.session.long_names = call.number(1, 0) < 2
        return []
    if call.form == "test":
        return [f'+COPS: (2,"smscd","smscd","{modem.profile.operator}"),,(0-4),(0-2)']
    if not modem.is_registered:
        return ["+COPS: 0"]
    return ['+COPS: 0,0,"smscd"' if modem.session.long_names else f'+COPS: 0,2,"{modem.profile.operator}"']


def _cscs(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "test":
        return ['+CSCS: ("GSM","IRA","UCS2")']
    if call.form == "read":
        return [f'+CSCS: "{modem.session.cscs}"']
    if call.text(0).upper() not in {"GSM", "IRA", "UCS2"}:
        raise CmeError(50)
    modem.session.cscs = call.text(0).upper()
    return []


def _cusd(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "test":
        return ["+CUSD: (0-2)"]
    if call.form == "read":
        return ["+CUSD: 1"]
    if call.text(1):
        need_sim(modem)
        if not modem.is_registered:
            raise CmeError(30)
        modem.tell("ussd", code=call.text(1))
        modem.later(modem.profile.ussd_delay, lambda: modem.announce([_ussd_answer(modem)]))
    return []


def _ussd_answer(modem: EmulatedModem) -> str:
    answer = modem.profile.ussd_answer
    if modem.profile.ussd == "ucs2":
        return f'+CUSD: 0,"{text.encode(answer, "ucs2").hex().upper()}",72'
    if modem.profile.ussd == "packed":
        return f'+CUSD: 0,"{text.pack(text.encode(answer, "gsm7"), cr_padding=True).hex().upper()}",15'
    return f'+CUSD: 0,"{answer}",15'


def _cnum(modem: EmulatedModem, _call: Call) -> list[str]:
    need_sim(modem)
    number = modem.profile.number
    return [f'+CNUM: ,"{number}",{145 if number.startswith("+") else 129}']


def _within(value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise CmeError(50)
    return value


COMMANDS: Final[dict[str, Command]] = {
    **dict.fromkeys(("&C", "&D", "&K", "&W", "&S", "X", "M", "L", "S", "H", "A", "+CRC", "+CLIP", "+IPR"), _accept),
    **dict.fromkeys(("+IFC", "+CGREG", "+CMER", "+CCWA", "+CSSN", "+CRLP", "+COLP", "+CHUP", "+CTZU"), _accept),
    "E": _echo,
    "V": _verbose,
    "Q": _quiet,
    "Z": _reset,
    "&F": _reset,
    "D": _dial,
    "I": _identify,
    **dict.fromkeys(("+CGMI", "+GMI"), _fixed(lambda modem: modem.profile.manufacturer)),
    **dict.fromkeys(("+CGMM", "+GMM"), _fixed(lambda modem: modem.profile.model)),
    **dict.fromkeys(("+CGMR", "+GMR"), _fixed(lambda modem: modem.profile.revision)),
    **dict.fromkeys(("+CGSN", "+GSN"), _fixed(lambda modem: modem.profile.imei)),
    "+GCAP": _fixed(lambda _modem: "+GCAP: +CGSM,+DS"),
    "+CIMI": _imsi,
    **dict.fromkeys(("+CCID", "+ICCID"), _iccid),
    "+CMEE": _cmee,
    "+CPIN": _cpin,
    "+CPINR": _cpinr,
    "+CFUN": _cfun,
    **{name: _registered(name) for name in ("+CREG", "+CGREG", "+CEREG")},
    "+COPS": _cops,
    "+CSCS": _cscs,
    "+CSQ": _fixed(lambda modem: f"{modem.profile.signal if modem.is_registered else 99},99", "+CSQ: "),
    "+CESQ": _fixed(lambda _modem: "+CESQ: 99,99,255,255,20,50"),
    "+CBC": _fixed(lambda _modem: "+CBC: 0,100"),
    "+CGATT": _fixed(lambda modem: f"{int(modem.is_registered)}", "+CGATT: "),
    "+CPAS": _fixed(lambda _modem: "+CPAS: 0"),
    "+CNUM": _cnum,
    "+CUSD": _cusd,
}
"""What each command does: it returns its lines (None: it answers by itself, later), or raises the error it ends in."""
