"""A modem of the tests' own, on a pty: it says exactly what a test wants, when and in which pieces.

The package's emulated modem is the friendly one; this one is for answers that no friendly modem gives.
"""

from __future__ import annotations

import asyncio
import os
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Self

from smscd.connectors.modem.tpdu import (
    Deliver,
    StatusReport,
    Submit,
    TpAddress,
    decode_submit,
    encode_deliver,
    encode_status_report,
    split_smsc,
)
from tests.machine import PATIENCE

ANSWERS = {
    "AT+CFUN?": "+CFUN: 1", "AT+CPIN?": "+CPIN: READY", "AT+CGMI": "tests", "AT+CGMM": "fake", "AT+CGMR": "1",
    "AT+CGSN": "356938035643809", "AT+CIMI": "234150999999999", "AT+CCID": "+CCID: 8944100000000000001",
    "AT+CNUM": '+CNUM: "","+447700900000",145', "AT+CSMS=1": "+CSMS: 1,1,1", "AT+CSCA?": '+CSCA: "+447785016005",145',
    "AT+CPMS=?": '+CPMS: ("ME","SM"),("ME","SM"),("ME","SM")', "AT+CSQ": "+CSQ: 20,0", "AT+CREG?": "+CREG: 0,1",
    "AT+COPS?": '+COPS: 0,0,"Test Net"', 'AT+CUSD=1,"*100#",15': "",
}  # fmt: skip


class FakeModem:
    """`link` is where it can be opened. What it is sent lands in `submits`; `on_submit` says what comes of one."""

    def __init__(self, link: Path) -> None:
        self.link = link
        self.asked: list[str] = []
        self.submits: list[Submit] = []
        self.stored: dict[int, str] = {}
        self.answers: dict[str, str | Callable[[str], str | None]] = dict(ANSWERS)
        self.on_submit: Callable[[Submit], str | None] = self.take
        self.reference = 0
        self.memory = "ME"  # the only one that holds anything
        self.echo = False
        self.one_by_one = False
        self.prompt = "\r\n> "
        self.noise: tuple[str, ...] = ()  # said before every answer, and between its lines
        self._master = -1
        self._slave = -1
        self._buffer = b""
        self._pdu = False
        self._news = asyncio.Event()

    # -- its life ----------------------------------------------------------------------------------------------------

    def plug(self) -> Self:
        """A new pty behind the link."""
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        temporary = self.link.with_suffix(".new")
        temporary.symlink_to(os.ttyname(self._slave))
        temporary.replace(self.link)
        self._buffer, self._pdu = b"", False
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    def unplug(self) -> None:
        """Hang up: the port behind the link is gone."""
        if self._master >= 0:
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._slave)
            os.close(self._master)
            self._master = -1

    async def until(self, fact: Callable[[], object], patience: float = PATIENCE) -> None:
        """Return when `fact` holds; it is looked at whenever something was asked."""
        async with asyncio.timeout(patience):
            while not fact():
                self._news.clear()
                await self._news.wait()

    # -- what it says ------------------------------------------------------------------------------------------------

    def say(self, text: str) -> None:
        """Write a line, or lines, as an answer or out of the blue."""
        self.write(f"\r\n{text}\r\n")

    def answer(self, text: str) -> None:
        """Write an answer, with whatever noise there is in its midst; a PDU follows its head at once."""
        head, after_head = "", False
        for line in filter(None, text.split("\r\n")):
            noise = "" if after_head else "".join(f"\r\n{one}\r\n" for one in self.noise)
            head += f"{noise}\r\n{line}\r\n"
            after_head = line.startswith(("+CMGL:", "+CMGR:"))
        self.write(head)

    def write(self, text: str) -> None:
        if self._master < 0:
            return
        octets = text.encode("latin-1")
        for piece in (octets[at : at + 1] for at in range(len(octets))) if self.one_by_one else (octets,):
            os.write(self._master, piece)

    def take(self, submit: Submit) -> str | None:
        """Accept a message, without a word about what becomes of it."""
        self.submits.append(submit)
        self.reference = (self.reference + 1) & 0xFF
        return f"+CMGS: {self.reference}\r\n\r\nOK"

    def report(self, submit: Submit, reference: int | None = None, tp_st: int = 0, announce: str = "+CDS") -> None:
        """The status report on `submit`."""
        status = StatusReport(self.reference if reference is None else reference, submit.destination_addr, tp_st)
        tpdu = encode_status_report(status)
        self.say(f"{announce}: {len(tpdu)}\r\n00{tpdu.hex().upper()}")

    def receive(self, text: bytes, sender: str = "447700900123", **fields: object) -> int:
        """A message from a handset: stored, and announced. Its index."""
        deliver = Deliver(TpAddress(sender, 1), text, **fields)  # type: ignore[arg-type]
        return self.store("00" + encode_deliver(deliver).hex().upper())

    def store(self, octets: str, announce: str = "+CMTI") -> int:
        index = next(number for number in range(1, 256) if number not in self.stored)
        self.stored[index] = octets
        self.say(f'{announce}: "ME",{index}')
        return index

    # -- what it hears -----------------------------------------------------------------------------------------------

    def _read(self) -> None:
        try:
            octets = os.read(self._master, 4096)
        except OSError:
            return
        self._buffer += octets
        while self._master >= 0:
            end = b"\x1a" if self._pdu else b"\r"
            escaped = self._buffer.find(b"\x1b")
            at = self._buffer.find(end)
            if escaped >= 0 and (at < 0 or escaped < at):
                self._buffer, self._pdu = self._buffer[escaped + 1 :], False
                continue
            if at < 0:
                return
            heard, self._buffer = self._buffer[:at].decode("latin-1"), self._buffer[at + 1 :]
            if self._pdu:
                self._submitted(heard)
            elif heard.strip():
                self._asked(heard.strip())
            self._news.set()

    def _submitted(self, octets: str) -> None:
        self._pdu = False
        if self.echo:
            self.write(octets)
        answer = self.on_submit(decode_submit(split_smsc(bytes.fromhex(octets))[1]))
        if answer is not None:
            self.answer(answer)

    def _asked(self, command: str) -> None:
        self.asked.append(command)
        if self.echo:
            self.write(command + "\r")
        known = self.answers.get(command, self.answers.get(command.partition("=")[0] + "="))
        if known is not None:
            said = known(command) if callable(known) else known
            if said is not None:
                self.answer(said if _is_final(said) else f"{said}\r\n\r\nOK")
        elif command.startswith("AT+CMGS="):
            self._pdu = True
            self.write(self.prompt)
        elif command.startswith("AT+CPMS"):
            self.memory = command.split('"')[1] if "=" in command else self.memory
            count = len(self.stored)
            self.answer(f'+CPMS: "ME",{count},20,"ME",{count},20,"ME",{count},20\r\n\r\nOK')
        elif command == "AT+CMGL=4":
            listed = [f"+CMGL: {index},1,,{_length(pdu)}\r\n{pdu}" for index, pdu in self.stored.items()]
            self.answer("\r\n".join([*(listed if self.memory == "ME" else []), "OK"]))
        elif command.startswith("AT+CMGR="):
            pdu = self.stored.get(int(command.partition("=")[2]))
            self.answer("OK" if pdu is None else f"+CMGR: 0,,{_length(pdu)}\r\n{pdu}\r\n\r\nOK")
        elif command.startswith("AT+CMGD="):
            self.stored.pop(int(command.partition("=")[2]), None)
            self.answer("OK")
        else:
            self.answer("OK")


def _length(pdu: str) -> int:
    return len(pdu) // 2 - 1 - int(pdu[:2], 16)


def _is_final(said: str) -> bool:
    return said.rpartition("\n")[2].startswith(("OK", "ERROR", "+CME ERROR", "+CMS ERROR"))
