"""How an emulated modem behaves: one flat list of settings, and named sets of them after families of devices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal, get_args, get_origin, get_type_hints

from smscd.errors import SmscdError

Where = Literal["prompt", "ctrl-z", "sent"]


class SettingError(SmscdError):
    """There is no such setting, or it cannot have that value."""


@dataclass(slots=True)
class Profile:
    """Settings of an emulated modem. Durations are seconds."""

    # who it is
    manufacturer: str = "smscd"
    model: str = "emulated modem"
    revision: str = "1"
    imei: str = "490154203237518"
    imsi: str = "234150000000001"
    iccid: str = "8944150000000000017"
    number: str = "+447700900000"  # a message to it comes back as one received
    smsc: str = "+447785016005"
    operator: str = "23415"

    # manners
    echo: bool = True
    cmee: int = 0
    line_end: Literal["crlf", "lf", "crcrlf"] = "crlf"
    prompt: Literal["space", "line", "bare"] = "space"  # "\r\n> ", "\r\n>\r\n", ">"
    pdu_echo: bool = False  # what follows the prompt is echoed even after ATE0
    write_size: int = 0  # octets per write; 0: all at once
    response_delay: float = 0.0
    interrupt: tuple[str, ...] = ()  # unsolicited lines printed in the middle of every response
    glued: bool = False  # unsolicited lines begin without CR LF
    boot: tuple[str, ...] = ()  # lines printed after power-on and AT+CFUN=1,1
    boot_delay: float = 1.0  # before and between them
    cpin_ok: bool = True  # False: +CPIN without a final OK
    creg_after_ok: bool = False  # +CREG: printed after its OK
    accepts: tuple[str, ...] = ()  # vendor's commands answered OK and nothing else
    refuses: tuple[str, ...] = ()  # commands answered ERROR, as they begin: +CSMS=1 or +CNMI=2,1,0,1

    # SIM
    pin: str = ""  # "": none is asked for
    pin_attempts: int = 3
    puk: str = "12345678"
    sim: Literal["ready", "absent", "busy"] = "ready"
    sim_delay: float = 0.0  # for so long after power-on the SIM is busy (CME 14)
    memories: tuple[str, ...] = ("SM", "ME", "SR")
    slots: int = 30  # in each memory
    first_index: int = 1
    empty_slot: Literal["ok", "error"] = "error"  # AT+CMGR of an empty slot: OK, or +CMS ERROR: 321
    cmgl_hangs: bool = False

    # network
    registration: int = 1  # what AT+CREG? ends in: 1 home, 5 roaming, 0, 2, 3
    registration_delay: float = 0.0
    packet_only: bool = False  # CREG stays 0: only +CEREG tells of the registration
    signal: int = 20
    mr: int = 0  # the first TP-MR; it wraps at 256
    network_delay: float = 0.05  # from Ctrl-Z to +CMGS
    report_delay: float = 0.5  # from there to the status report
    report_first: bool = False  # the status report overtakes +CMGS
    reports: bool = True
    cdsi_memory: str = "SR"  # what +CDSI names; some devices say SM though it is in SR
    ack_timeout: float = 15.0  # after AT+CSMS=1, for AT+CNMA; then +CMT and +CDS are switched off
    ussd: Literal["plain", "packed", "ucs2"] = "plain"
    ussd_answer: str = "Your balance is 12.34"
    ussd_delay: float = 0.2

    # accidents while sending
    accident: Literal["none", "hangup", "silence"] = "none"
    accident_at: Where = "sent"  # instead of the prompt, after Ctrl-Z without sending, sent and not answered
    accidents: int = 1  # how often
    away: float = 1.0  # how long the port is gone after a hang-up


NAMED: Final[Mapping[str, Mapping[str, Any]]] = {
    "generic": {},
    "quectel": {
        "manufacturer": "Quectel",
        "model": "EC25",
        "boot": ("RDY", "+CFUN: 1", "+CPIN: READY", "+QIND: SMS DONE"),
        "accepts": ("+QURCCFG", "+QCFG"),
        "registration_delay": 2.0,
        "first_index": 0,
        "cdsi_memory": "SM",
    },
    "huawei": {
        "manufacturer": "huawei",
        "model": "E173",
        "boot": ("^BOOT:23841592,0,0,0,75",),
        "accepts": ("^CURC", "^U2DIAG", "^PORTSEL"),
        "interrupt": ("^RSSI:18", "^SRVST:2"),
        "first_index": 0,
        "empty_slot": "ok",
        "cmgl_hangs": True,
    },
    "simcom": {
        "manufacturer": "SIMCOM INCORPORATED",
        "model": "SIM7670G-MNGV",
        "boot": ("*ATREADY: 1", "+CPIN: READY", "SMS DONE", "PB DONE"),
        "accepts": ("+CNMP",),
        "prompt": "line",
        "packet_only": True,
    },
    "wavecom": {
        "manufacturer": "WAVECOM MODEM",
        "model": "MULTIBAND 900E 1800",
        "accepts": ("+WIND", "+WOPEN"),
        "refuses": ("+CPMS=?",),
        "cpin_ok": False,
        "creg_after_ok": True,
        "slots": 10,
    },
    "siemens": {
        "manufacturer": "SIEMENS",
        "model": "TC35i",
        "boot": ("^SYSSTART",),
        "accepts": ("^SSMSS", "^SCKS"),
        "refuses": ("+CNMI=2,1,0,1",),
        "slots": 20,
        "cmee": 2,
    },
    "sluggish": {"write_size": 1, "response_delay": 0.3, "network_delay": 3.0, "glued": True, "pdu_echo": True},
}
"""Named profiles. The names tell what inspired them; nothing here was measured on the device itself."""


def named(name: str) -> Profile:
    """A fresh profile by its name. Raises SettingError."""
    if name not in NAMED:
        raise SettingError(f"there is no profile {name!r}: choose one of {', '.join(NAMED)}")
    return replace(Profile(), **NAMED[name])


def setting(profile: Profile, key: str, value: str) -> None:
    """Set one field from text: yes/no, numbers, words; several words separated by `|`. Raises SettingError."""
    hints = get_type_hints(Profile)
    key = key.replace("-", "_")
    if key not in hints:
        raise SettingError(f"there is no setting {key!r}: {', '.join(field.name for field in fields(Profile))} are")
    try:
        setattr(profile, key, _read(hints[key], value))
    except ValueError:
        raise SettingError(f"{value!r} is no value of {key}") from None


def _read(kind: Any, value: str) -> Any:
    if kind is bool:
        if value.lower() not in {"yes", "no", "true", "false", "1", "0"}:
            raise ValueError(value)
        return value.lower() in {"yes", "true", "1"}
    if get_origin(kind) is tuple:
        return tuple(value.split("|")) if value else ()
    if get_origin(kind) is Literal:
        if value not in get_args(kind):
            raise ValueError(value)
        return value
    return kind(value)
