"""What the tests of the driven clients share: numbers of the specification, and how they submit and read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.interop.foreign import Fields, Foreign

Esmes = Callable[[], Foreign]

ROK = 0
RINVBNDSTS = 0x04
RALYBND = 0x05
RINVSRCADR = 0x0A
RINVDSTADR = 0x0B
RINVMSGID = 0x0C
RBINDFAIL = 0x0D
RINVPASWD = 0x0E
RINVSYSID = 0x0F
RCANCELFAIL = 0x11
RREPLACEFAIL = 0x13
RINVSCHED = 0x61
RTHROTTLED = 0x58
RX_T_APPN, RX_P_APPN, RX_R_APPN = 0x64, 0x65, 0x66

ENROUTE, STATE_DELIVERED, DELETED = 1, 2, 4
SCHEDULED = 0
RECEIPT, NOTIFICATION = 0x04, 0x20
WINDOW = 20
"""deliver_window, unless the configuration says otherwise."""


def submit(esme: Foreign, to: str, text: Any = "hello", **fields: Any) -> Fields:
    fields = {"source_addr": "12345", "source_addr_ton": 3, "dest_addr_ton": 1, "dest_addr_npi": 1, **fields}
    return esme.request("submit_sm", **{"destination_addr": to, "data_coding": 0, "short_message": text, **fields})


def accepted(response: Fields) -> str:
    """The message_id of an answer that must be ESME_ROK."""
    assert response["command_status"] == ROK, response
    assert response["message_id"]
    return str(response["message_id"])


def characters(deliver: Fields) -> str:
    return str(deliver["short_message"]["message"])


def receipt_fields(deliver: Fields) -> dict[str, str]:
    """`id:… stat:…` of a receipt's text as a dictionary, as most ESMEs read it."""
    words = characters(deliver).replace("submit date", "submit_date").replace("done date", "done_date")
    return dict(word.split(":", 1) for word in words.split(" text:")[0].split())
