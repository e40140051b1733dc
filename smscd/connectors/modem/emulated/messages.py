"""Message commands (27.005 §3): settings, sending, reading, deleting, acknowledging."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from smscd.connectors.modem.emulated import arrivals, textmode
from smscd.connectors.modem.emulated.answers import CmsError
from smscd.connectors.modem.emulated.general import Command, need_sim
from smscd.connectors.modem.emulated.network import Rule
from smscd.connectors.modem.emulated.parsing import Call
from smscd.connectors.modem.emulated.slots import ALL, READ, SENT, STATUS_WORDS, UNREAD, UNSENT, Memory, Stored
from smscd.connectors.modem.tpdu import (
    Deliver,
    StatusReport,
    Submit,
    Timestamp,
    TpduError,
    decode_received,
    decode_submit,
    encode_deliver,
    encode_status_report,
    parse_number,
    split_smsc,
)

if TYPE_CHECKING:
    from smscd.connectors.modem.emulated.modem import EmulatedModem

_CNMI_MOST: Final = (3, 3, 3, 2, 1)


def _cmgf(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "test":
        return ["+CMGF: (0,1)"]
    if call.form == "read":
        return [f"+CMGF: {modem.session.cmgf}"]
    modem.session.cmgf = _within(call.number(0, 0), 1)
    return []


def _csms(modem: EmulatedModem, call: Call) -> list[str]:
    need_sim(modem, for_messages=True)
    if call.form == "test":
        return ["+CSMS: (0,1)"]
    if call.form == "read":
        return [f"+CSMS: {modem.session.csms},1,1,1"]
    modem.session.csms = _within(call.number(0, 0), 1)
    return ["+CSMS: 1,1,1"]


def _csca(modem: EmulatedModem, call: Call) -> list[str]:
    need_sim(modem, for_messages=True)
    if call.form == "read":
        return [f'+CSCA: "{modem.smsc}",{145 if modem.smsc.startswith("+") else 129}']
    if call.form == "set":
        modem.smsc = call.text(0)
    return []


def _cpms(modem: EmulatedModem, call: Call) -> list[str]:
    need_sim(modem, for_messages=True)
    chosen = modem.session.chosen
    if call.form == "test":
        names = ",".join(f'"{name}"' for name in modem.memories)
        stores = ",".join(f'"{name}"' for name in modem.memories if name != "SR")
        return [f"+CPMS: ({names}),({stores}),({stores})"]
    if call.form == "set":
        names_given = [name.upper() for name in call.args if name]
        if not 0 < len(names_given) <= 3 or any(name not in modem.memories for name in names_given):
            raise CmsError(302)
        chosen[: len(names_given)] = names_given
        arrivals.flush(modem)
    used = [(len(modem.memories[name].messages), modem.memories[name].size) for name in chosen]
    if call.form == "set":
        return ["+CPMS: " + ",".join(f"{taken},{size}" for taken, size in used)]
    rows = zip(chosen, used, strict=True)
    return ["+CPMS: " + ",".join(f'"{name}",{taken},{size}' for name, (taken, size) in rows)]


def _cnmi(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "test":
        return ["+CNMI: (0-3),(0-3),(0,2,3),(0-2),(0,1)"]
    if call.form == "read":
        return ["+CNMI: " + ",".join(map(str, modem.session.cnmi))]
    need_sim(modem, for_messages=True)
    wanted = [call.number(at, 0) for at in range(5)]
    if len(call.args) > 5 or any(not 0 <= one <= most for one, most in zip(wanted, _CNMI_MOST, strict=True)):
        raise CmsError(303)
    modem.session.cnmi = wanted
    if wanted[0]:
        held_back, modem.held_back = modem.held_back, []
        for lines in held_back if not wanted[4] else ():
            modem.later(0, partial(modem.announce, lines))
    modem.later(0, lambda: arrivals.flush(modem))
    return []


def _accept(_modem: EmulatedModem, call: Call) -> list[str]:
    return [f"{call.name}: 0"] if call.form == "read" else []


def _csmp(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "read":
        return ["+CSMP: " + ",".join(map(str, modem.session.csmp))]
    if call.form == "set":
        modem.session.csmp = [call.number(at, default) for at, default in enumerate((17, 167, 0, 0))]
    return []


def _csdh(modem: EmulatedModem, call: Call) -> list[str]:
    if call.form == "read":
        return [f"+CSDH: {modem.session.csdh}"]
    if call.form == "set":
        modem.session.csdh = _within(call.number(0, 0), 1)
    return []


def _cmgs(modem: EmulatedModem, call: Call) -> list[str] | None:
    if call.form == "test":
        return []
    need_sim(modem, for_messages=True)
    if modem.session.cmgf:
        modem.prompt(lambda typed: _send(modem, textmode.submit(modem, call, typed), "+CMGS"))
        return None
    length = call.number(0, 0)
    if not 0 < length <= 176:
        raise CmsError(304)
    modem.prompt(lambda typed: _send(modem, _typed_pdu(typed, length)[1], "+CMGS"))
    return None


def _cmgw(modem: EmulatedModem, call: Call) -> list[str] | None:
    need_sim(modem, for_messages=True)
    if modem.session.cmgf:
        modem.prompt(lambda typed: _keep(modem, b"\0", textmode.submit(modem, call, typed), UNSENT))
        return None
    length, status = call.number(0, 0), call.number(1, UNSENT)
    modem.prompt(lambda typed: _keep(modem, *_typed_pdu(typed, length), status))
    return None


def _cmss(modem: EmulatedModem, call: Call) -> list[str] | None:
    need_sim(modem, for_messages=True)
    kept = _memory(modem, 1).messages.get(call.number(0, -1))
    if kept is None:
        raise CmsError(321)
    _send(modem, kept.tpdu, "+CMSS")
    return None


def _typed_pdu(typed: bytes, length: int) -> tuple[bytes, bytes]:
    """SMSC octets and TPDU; the length of the TPDU must be the one announced."""
    try:
        octets = bytes.fromhex(typed.decode("ascii"))
        _, tpdu = split_smsc(octets)
    except (ValueError, TpduError):
        raise CmsError(304) from None
    if len(tpdu) != length:
        raise CmsError(304)
    return octets[: len(octets) - len(tpdu)], tpdu


def _keep(modem: EmulatedModem, smsc: bytes, tpdu: bytes, status: int) -> None:
    try:
        read = decode_submit if _within(status, SENT) >= UNSENT else decode_received
        read(tpdu)
    except TpduError:
        raise CmsError(304) from None
    index = _memory(modem, 1).put(Stored(status, smsc, tpdu))
    if index is None:
        raise CmsError(322)
    modem.answer([f"+CMGW: {index}"])


def _send(modem: EmulatedModem, tpdu: bytes, name: str) -> None:
    """The network takes the message or refuses it, and its handset has it; the answer comes after a while."""
    try:
        submit = decode_submit(tpdu)
    except TpduError:
        raise CmsError(304) from None
    if modem.mishap("ctrl-z"):
        return
    if not modem.is_registered:
        raise CmsError(331)
    rule = modem.network.fate(submit)
    delay = modem.profile.network_delay
    if rule.cms:
        modem.tell("refused", to=str(submit.destination_addr), cms=rule.cms)
        modem.answer([], CmsError(rule.cms), delay)
        return
    mr, modem.mr = modem.mr, (modem.mr + 1) & 0xFF
    facts = {"mr": mr, "to": str(submit.destination_addr), "text": submit.text, "pdu": tpdu.hex().upper()}
    modem.tell("submit", **facts)
    _reach_handset(modem, submit, mr, rule)
    if not modem.mishap("sent"):
        modem.answer([f"{name}: {mr}"], None, delay)


def _reach_handset(modem: EmulatedModem, submit: Submit, mr: int, rule: Rule) -> None:
    profile, handset = modem.profile, submit.destination_addr
    delay = profile.report_delay if rule.delay is None else rule.delay
    taken = Timestamp(modem.clock.wall())
    if handset.addr == profile.number.lstrip("+") and not rule.st:
        deliver = Deliver(parse_number(profile.number), submit.user_data, submit.tp_dcs, submit.udhi, taken)
        modem.later(
            profile.network_delay + delay, lambda: arrivals.arrive(modem, encode_deliver(deliver)), outlives=True
        )
    if not (submit.status_report and rule.report and profile.reports):
        return

    def report() -> None:
        discharged = Timestamp(modem.clock.wall())
        arrivals.arrive(modem, encode_status_report(StatusReport(mr, handset, rule.st, taken, discharged)))

    if profile.report_first:
        report()
    else:
        modem.later(profile.network_delay + delay, report, outlives=True)


def _cmgl(modem: EmulatedModem, call: Call) -> list[str] | None:
    need_sim(modem, for_messages=True)
    if call.form == "test":
        words = ",".join(f'"{word}"' for word in STATUS_WORDS)
        return [f"+CMGL: ({words})" if modem.session.cmgf else "+CMGL: (0-4)"]
    if modem.profile.cmgl_hangs:
        modem.hung = True
        modem.tell("hangs", command="+CMGL")
        return None
    default = "REC UNREAD" if modem.session.cmgf else "0"
    given = call.text(0, default).upper()
    status = STATUS_WORDS.index(given) if given in STATUS_WORDS else int(given)
    lines: list[str] = []
    for index, kept in _memory(modem, 0).listed(_within(status, ALL)):
        if modem.session.cmgf:
            lines += textmode.listed(modem, kept, f"+CMGL: {index},")
        else:
            lines += [f"+CMGL: {index},{kept.status},,{len(kept.tpdu)}", kept.hex]
        _read_now(kept)
    return lines


def _cmgr(modem: EmulatedModem, call: Call) -> list[str]:
    need_sim(modem, for_messages=True)
    kept = _memory(modem, 0).messages.get(call.number(0, -1))
    if kept is None:
        if modem.profile.empty_slot == "ok":
            return []
        raise CmsError(321)
    if modem.session.cmgf:
        lines = textmode.listed(modem, kept, "+CMGR: ")
    else:
        lines = [f"+CMGR: {kept.status},,{len(kept.tpdu)}", kept.hex]
    _read_now(kept)
    return lines


def _cmgd(modem: EmulatedModem, call: Call) -> list[str]:
    need_sim(modem, for_messages=True)
    memory = _memory(modem, 0)
    if call.form == "test":
        return [f"+CMGD: ({','.join(map(str, sorted(memory.messages)))}),(0-4)"]
    index = call.number(0, -1)
    if not memory.first <= index < memory.first + memory.size:
        raise CmsError(321)
    memory.delete(index, _within(call.number(1, 0), 4))
    modem.later(0, lambda: arrivals.flush(modem))
    return []


def _cnma(modem: EmulatedModem, call: Call) -> list[str] | None:
    if call.form == "test":
        return ["+CNMA: (0-2)"]
    if not arrivals.acknowledge(modem):
        raise CmsError(340)
    if call.number(1, 0):  # an acknowledgement TPDU follows the prompt; what it says is not looked at
        modem.prompt(lambda _typed: modem.answer([]))
        return None
    return []


def _memory(modem: EmulatedModem, which: int) -> Memory:
    return modem.memories[modem.session.chosen[which]]


def _read_now(kept: Stored) -> None:
    if kept.status == UNREAD:
        kept.status = READ


def _within(value: int, most: int) -> int:
    if not 0 <= value <= most:
        raise CmsError(305)
    return value


COMMANDS: Final[dict[str, Command]] = {
    "+CMGF": _cmgf,
    "+CSMS": _csms,
    "+CSCA": _csca,
    "+CPMS": _cpms,
    "+CNMI": _cnmi,
    "+CSMP": _csmp,
    "+CSDH": _csdh,
    **dict.fromkeys(("+CMMS", "+CSCB", "+CSAS", "+CRES", "+CGSMS"), _accept),
    "+CMGS": _cmgs,
    "+CMGW": _cmgw,
    "+CMSS": _cmss,
    "+CMGL": _cmgl,
    "+CMGR": _cmgr,
    "+CMGD": _cmgd,
    "+CNMA": _cnma,
}
