"""Everything at once: submits of one account, some of them scheduled, some for another account, and MO."""

from __future__ import annotations

import asyncio
import random

from smscd import pdu
from smscd.errors import ControlError
from tests.chaos.chaotic import Chaotic
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger, Verdict
from tests.machine import PATIENCE


class Traffic:
    """Goes on over all lives of one smscd. Both accounts come and go from round to round, so that receipts and
    messages wait for them meanwhile.
    """

    def __init__(self, smscd: Chaotic, dice: random.Random) -> None:
        self.smscd = smscd
        self.dice = dice
        self.test, self.other, self.handsets = Ledger("A"), Ledger("B"), Ledger("M")
        self.for_other: set[bytes] = set()
        self.esmes: list[Esme] = []
        self._writing = False
        self._handsets: asyncio.Task[None] | None = None

    async def begin(self, number: int) -> None:
        """Bind as it is the turn of this round, and pump."""
        kind = [pdu.BindTransceiver, pdu.BindTransmitter][number % 2]
        esme = await Esme(self.test).bind(self.smscd.port, kind)
        self.esmes = [esme]
        if number % 3 == 0:
            self.esmes.append(await Esme(self.other, system_id=b"other").bind(self.smscd.port, pdu.BindReceiver))
        self._writing = True
        self._handsets = asyncio.create_task(asyncio.to_thread(self._write))
        esme.pump(self.make)

    async def end(self) -> None:
        """Leave what is still bound, and wait until nothing more is heard from anybody."""
        self._writing = False
        for esme in self.esmes:
            await esme.leave()
        if self._handsets is not None:
            await self._handsets

    def make(self, tag: bytes) -> pdu.SubmitSm:
        match self.dice.randrange(8):
            case 0:
                return message(tag, schedule_delivery_time=b"000000000002000R")
            case 1:
                self.for_other.add(tag)
                return message(tag, destination_addr=b"888" + tag[-6:])
            case _:
                return message(tag)

    def _write(self) -> None:
        """A handset that writes one message after the other; what the control socket has confirmed must arrive."""
        while self._writing:
            tag = self.handsets.tag()
            self.handsets.submitted(tag)
            try:
                answer = self.smscd.ask("mo", **{"from": "447700900123", "to": "12345", "text": tag.decode()})
            except ControlError:
                return
            self.handsets.answered(tag, pdu.ESME_ROK, answer["message_id"].encode())

    async def settled(self) -> list[str]:
        """Everybody is bound and listens: what is wrong, if everything that was answered does not arrive."""
        receiver = await Esme(self.other, system_id=b"other").bind(self.smscd.port, pdu.BindReceiver)
        esme = await Esme(self.test).bind(self.smscd.port)
        verdict: Verdict = await esme.verdict()
        await self.test.quiet(lambda: set(self.handsets.accepted) <= set(self.test.mo), silence=PATIENCE)
        await self.other.quiet(lambda: self._missing_at_other() == set(), silence=PATIENCE)
        wrong = self.test.contradictions()
        if verdict.lost or verdict.waiting:
            wrong.append(str(verdict))
        wrong += [f"MO {tag!r} is lost" for tag in set(self.handsets.accepted) - set(self.test.mo)]
        wrong += [f"{tag!r} never reached the other account" for tag in self._missing_at_other()]
        wrong += [f"the other account got {tag!r}" for tag in set(self.other.mo) - self.for_other]
        await esme.leave()
        await receiver.leave()
        return wrong

    def _missing_at_other(self) -> set[bytes]:
        return (self.for_other & set(self.test.accepted)) - set(self.other.mo)

    def __str__(self) -> str:
        return f"{self.test}; {len(self.other.mo)} to the other account, {len(self.handsets.accepted)} MO"
