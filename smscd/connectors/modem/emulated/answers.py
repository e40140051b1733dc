"""Results and how they are written: final results, errors in three degrees of detail (27.007 §9.2, 27.005 §3.2.5)."""

from __future__ import annotations

from typing import Final

from smscd.errors import SmscdError

CME: Final = {
    3: "operation not allowed",
    4: "operation not supported",
    10: "SIM not inserted",
    11: "SIM PIN required",
    12: "SIM PUK required",
    13: "SIM failure",
    14: "SIM busy",
    16: "incorrect password",
    20: "memory full",
    21: "invalid index",
    30: "no network service",
    50: "incorrect parameters",
    100: "unknown error",
}
CMS: Final = {
    38: "network out of order",
    300: "ME failure",
    301: "SMS service of ME reserved",
    302: "operation not allowed",
    303: "operation not supported",
    304: "invalid PDU mode parameter",
    305: "invalid text mode parameter",
    310: "SIM not inserted",
    311: "SIM PIN required",
    314: "SIM busy",
    316: "SIM PUK required",
    320: "memory failure",
    321: "invalid memory index",
    322: "memory full",
    330: "SMSC address unknown",
    331: "no network service",
    332: "network timeout",
    340: "no +CNMA acknowledgement expected",
    500: "unknown error",
}


class AtError(SmscdError):
    """The command ends in ERROR, +CME ERROR or +CMS ERROR."""

    def result(self, _cmee: int) -> str:
        """The final result line at that setting of AT+CMEE."""
        return "ERROR"


class CmeError(AtError):
    """An error of the equipment; plain ERROR unless AT+CMEE asks for more."""

    def __init__(self, code: int) -> None:
        super().__init__(f"+CME ERROR: {code}")
        self.code = code

    def result(self, cmee: int) -> str:
        if cmee == 0:
            return "ERROR"
        return f"+CME ERROR: {self.code if cmee == 1 else CME.get(self.code, CME[100])}"


class CmsError(AtError):
    """An error of the message service: told in numbers whatever AT+CMEE says, in words where it asks for them."""

    def __init__(self, code: int) -> None:
        super().__init__(f"+CMS ERROR: {code}")
        self.code = code

    def result(self, cmee: int) -> str:
        return f"+CMS ERROR: {CMS.get(self.code, self.code) if cmee == 2 else self.code}"
