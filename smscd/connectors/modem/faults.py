"""What +CMS ERROR and +CME ERROR ask for. Tables, and the little code that reads a line.

Sources: 3GPP TS 27.005 §3.2.5 (300-500), TS 24.011 annex E-2 (1-127, RP-cause), TS 23.040 §9.2.3.22 (128-255, TP-FCS),
TS 27.007 §9.2 (+CME). From 512 on they belong to the vendor, who each mean something else.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from smscd.connectors.modem.lines import number
from smscd.pdu.status import CommandStatus


class Asks(Enum):
    """How to go on after an error."""

    NEVER = auto()  # this message is wrong: no modem will take it
    LATER = auto()  # this attempt failed: later, perhaps by another modem
    FEW = auto()  # says nothing certain: later, a few times, then never
    MODEM = auto()  # this modem or SIM cannot: take it out, another may
    WAIT = auto()  # busy: the same command again in a moment
    STORAGE = auto()  # its store is full or gone: tidy up, later


FEW_ATTEMPTS: Final = 3

CMS: Final[dict[int, Asks]] = {
    **dict.fromkeys((1, 21, 95, 96, 97, 98, 99, 111), Asks.NEVER),
    **dict.fromkeys(range(128, 144), Asks.NEVER),  # TP-PID
    **dict.fromkeys((144, 145, 159, 160, 161, 175, 176, 195, 196, 197, 198, 199, 304, 305), Asks.NEVER),
    **dict.fromkeys((17, 22, 27, 38, 41, 42, 47, 127, 192, 194, 331, 332), Asks.LATER),
    **dict.fromkeys((300, 301, 302, 303, 310, 311, 312, 313, 315, 316, 317, 318, 320, 209, 210, 213), Asks.MODEM),
    **dict.fromkeys((8, 10, 28, 29, 30, 50, 69, 193, 330, 340), Asks.MODEM),  # this SIM, this network, its settings
    **dict.fromkeys((314, 212), Asks.WAIT),
    **dict.fromkeys((321, 322, 208, 211), Asks.STORAGE),
    500: Asks.FEW,
}
"""Everything else is FEW."""

CME: Final[dict[int, Asks]] = {
    **dict.fromkeys((10, 11, 12, 13, 15, 16, 17, 18, 0, 1, 2, 3, 4), Asks.MODEM),
    14: Asks.WAIT,
    20: Asks.STORAGE,
    **dict.fromkeys((30, 31, 32), Asks.LATER),
}

_INVALID_DESTINATION: Final = frozenset({1, 28, 30})
_TEXTS: Final[dict[str, int]] = {
    "unassigned (unallocated) number": 1, "operator determined barring": 8, "call barred": 10,
    "short message transfer rejected": 21, "memory capacity exceeded": 22, "destination out of service": 27,
    "unidentified subscriber": 28, "facility rejected": 29, "unknown subscriber": 30, "network out of order": 38,
    "temporary failure": 41, "congestion": 42, "resources unavailable, unspecified": 47,
    "requested facility not subscribed": 50, "requested facility not implemented": 69,
    "invalid short message transfer reference value": 81, "semantically incorrect message": 95,
    "invalid mandatory information": 96, "interworking, unspecified": 127, "me failure": 300,
    "sms service of me reserved": 301, "operation not allowed": 302, "operation not supported": 303,
    "invalid pdu mode parameter": 304, "invalid text mode parameter": 305, "sim not inserted": 310,
    "sim pin required": 311, "ph-sim pin required": 312, "sim failure": 313, "sim busy": 314, "sim wrong": 315,
    "sim puk required": 316, "memory failure": 320, "invalid memory index": 321, "memory full": 322,
    "smsc address unknown": 330, "no network service": 331, "network timeout": 332,
    "no +cnma acknowledgement expected": 340, "unknown error": 500,
}  # fmt: skip
"""+CMEE=2 says it in words."""
_CME_TEXTS: Final[dict[str, int]] = {
    "sim not inserted": 10, "sim pin required": 11, "sim puk required": 12, "sim failure": 13, "sim busy": 14,
    "sim wrong": 15, "incorrect password": 16, "memory full": 20, "no network service": 30, "network timeout": 31,
    "operation not allowed": 3, "operation not supported": 4,
}  # fmt: skip


@dataclass(slots=True, frozen=True)
class Trouble:
    """An error, understood. `code` is None where the modem gave none."""

    asks: Asks
    line: str
    code: int | None = None
    is_cms: bool = False

    @property
    def command_status(self) -> int:
        """What the error is called in SMPP."""
        if self.asks is not Asks.NEVER:
            return int(CommandStatus.ESME_RX_T_APPN)
        wrong_number = self.is_cms and self.code in _INVALID_DESTINATION
        return int(CommandStatus.ESME_RINVDSTADR if wrong_number else CommandStatus.ESME_RSUBMITFAIL)


def understand(line: str, vendor: dict[int, Asks] | None = None) -> Trouble:
    """What the final result `line`, which is not OK, asks for; `vendor` knows codes that mean something else here."""
    is_cms = line.startswith("+CMS ERROR")
    if not is_cms and not line.startswith("+CME ERROR"):
        return Trouble(Asks.FEW, line)
    said = line.partition(":")[2].strip()
    code = number(said)
    if code is None:
        code = (_TEXTS if is_cms else _CME_TEXTS).get(said.casefold())
    if code is None:
        return Trouble(Asks.FEW, line, None, is_cms)
    table = CMS if is_cms else CME
    asks = (vendor or {}).get(code) if is_cms else None
    return Trouble(asks or table.get(code, Asks.FEW), line, code, is_cms)


DUPLICATE: Final = 197
"""Rejected as a duplicate: after an attempt that nobody answered it means that that one was taken."""
