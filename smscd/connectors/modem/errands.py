"""What an operator wants of a modem between two messages: is it well, what does its network say to *100#?"""

from __future__ import annotations

import asyncio
from typing import Any

from smscd import text
from smscd.connectors.modem import faults, lines
from smscd.connectors.modem.addresses import parse_number
from smscd.connectors.modem.connector import Modem
from smscd.connectors.modem.dialogue import Unsolicited
from smscd.connectors.modem.port import Port
from smscd.connectors.modem.sending import send
from smscd.connectors.modem.tpdu import Submit

USSD_TIMEOUT = 30.0
"""Seconds until the network's answer."""
USSD_STATUS = (
    "no further action", "the network waits for an answer", "terminated by the network", "another client has answered",
    "not supported", "the network did not answer",
)  # fmt: skip
"""27.007 §7.15."""

QUESTIONS = (
    ("modem", "ATI", ""), ("imei", "AT+CGSN", ""), ("imsi", "AT+CIMI", ""), ("SIM", "AT+CPIN?", "+CPIN:"),
    ("signal", "AT+CSQ", "+CSQ:"), ("registration", "AT+CREG?", "+CREG:"), ("LTE registration", "AT+CEREG?", "+CEREG:"),
    ("network", "AT+COPS?", "+COPS:"), ("service centre", "AT+CSCA?", "+CSCA:"), ("service", "AT+CSMS?", "+CSMS:"),
    ("store", "AT+CPMS?", "+CPMS:"), ("announcements", "AT+CNMI?", "+CNMI:"), ("mode", "AT+CMGF?", "+CMGF:"),
)  # fmt: skip


async def examine(modem: Modem, to: str | None = None) -> list[dict[str, Any]]:
    """What the modem answers to everything that matters; with `to` it sends a message there. Raises ModemGone."""

    async def run(port: Port) -> list[dict[str, Any]]:
        found = []
        for name, command, expected in QUESTIONS:
            reply = await port.ask(command, expected, within=15.0)
            found.append({"what": name, "asked": command, "said": "; ".join(reply.lines), "result": reply.final})
        if to is not None:
            submit = Submit(parse_number(to), text.encode("smscd modem test", "gsm7"), validity=3600)
            reply = await send(port, submit, modem.settings, modem.keeper.facts.profile)
            found.append({"what": f"to {to}", "asked": "AT+CMGS", "said": reply.line, "result": reply.final})
        return found

    result: list[dict[str, Any]] = await modem.keeper.errand(run)
    return result


async def ussd(modem: Modem, code: str) -> dict[str, Any]:
    """Send `code`, wait for the network's answer. Raises ModemGone, or TimeoutError."""

    async def run(port: Port) -> dict[str, Any]:
        answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def heard(said: Unsolicited) -> None:
            if said.line.startswith("+CUSD:") and not answered.done():
                answered.set_result(said.line)

        forget = modem.keeper.listen(heard)
        try:
            packed = text.pack(text.encode(code, "gsm7")).hex().upper()
            for written in (code, packed):  # some take it only as the air does
                reply = await port.ask(f'AT+CUSD=1,"{written}",15', within=USSD_TIMEOUT)
                if reply.ok:
                    break
            else:
                return {"status": "refused", "text": "", "said": faults.understand(reply.final).line}
            async with asyncio.timeout(USSD_TIMEOUT):
                line = await answered
        finally:
            forget()
        return read_ussd(line)

    result: dict[str, Any] = await modem.keeper.errand(run)
    return result


def read_ussd(line: str) -> dict[str, Any]:
    """Status and text of a +CUSD line: plain, hexadecimal septets, or hexadecimal UCS-2, as the make has it."""
    found = lines.fields(line)
    number = lines.number(found[0])
    status = USSD_STATUS[number] if number is not None and number < len(USSD_STATUS) else "unknown"
    said = found[1] if len(found) > 1 else ""
    given = lines.number(found[2]) if len(found) > 2 else None
    dcs = 15 if given is None else given
    return {"status": status, "text": _characters(said, dcs), "said": line}


def _characters(said: str, dcs: int) -> str:
    if not lines.is_hex(said) or len(said) < 4:
        return said
    octets = bytes.fromhex(said)
    if dcs & 0xCC == 0x48 or dcs == 0x11:  # 23.038 §5: UCS-2
        return text.decode(octets, "ucs2")
    if dcs & 0xCC == 0x44:  # octets
        return octets.decode("latin-1")
    if octets[0] == 0 and len(octets) % 2 == 0:  # UCS-2 that is not called so
        return text.decode(octets, "ucs2")
    return text.decode(text.unpack(octets, len(octets) * 8 // 7), "gsm7").rstrip("\r@")
