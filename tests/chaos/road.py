"""All the way through: an ESME, smscd as a gateway, a bad cable, and the carrier that writes down what it is handed."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.carrier import Carrier
from tests.chaos.chaotic import Chaotic
from tests.chaos.conftest import Build
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger, Verdict
from tests.chaos.proxy import Proxy
from tests.machine import PATIENCE
from tests.running import until

WINDOW, SESSIONS = 20, 2

GATEWAY = """\
[smscd]
log_level = "warning"

[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "carrier"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw"
password = "gw-pass"
window = {window}
sessions = {sessions}
reconnect = "50ms"
{keys}

[[route]]
connectors = ["carrier"]

[retry]
schedule = ["100ms"]
"""


@dataclass
class Road:
    """`carrier` is in front of `cable`, which is what smscd connects to."""

    smscd: Chaotic
    cable: Proxy
    carrier: Carrier
    ledger: Ledger

    async def bind(self) -> Esme:
        return await Esme(self.ledger).bind(self.smscd.port)

    async def pump(self, count: int = 1 << 60) -> Esme:
        """A fresh bind that submits as fast as its window allows."""
        esme = await self.bind()
        esme.pump(count=count)
        return esme

    async def carried(self, count: int) -> None:
        """Return when the carrier has been handed so many messages, whoever knows of it."""
        await asyncio.to_thread(until, lambda: sum(self.handed.values()) >= count)

    async def carried_text(self, text: bytes) -> None:
        """Return when the carrier has been handed this one."""
        await asyncio.to_thread(until, lambda: text in self.handed)

    @property
    def handed(self) -> Counter[bytes]:
        return self.carrier.handed()

    @property
    def duplicates(self) -> int:
        """How many times the carrier was handed a message that it had been handed before."""
        return sum(count - 1 for count in self.handed.values())

    @property
    def missing(self) -> set[bytes]:
        """Accepted from the ESME and never handed to the carrier."""
        return set(self.ledger.accepted) - set(self.handed)

    async def conserved(self, *, silence: float = PATIENCE) -> list[str]:
        """What is wrong when everything has had its time: bind, wait for what is due, and ask for the rest."""
        verdict: Verdict = await (await self.bind()).verdict(silence=silence)
        print(self.ledger, verdict, f"{sum(self.handed.values())} handed over, {self.duplicates} of them again")
        wrong = self.ledger.contradictions()
        if verdict.lost or verdict.waiting:
            wrong.append(str(verdict))
        if self.missing:
            wrong.append(f"never handed to the carrier: {sorted(self.missing)[:5]} of {len(self.missing)}")
        invented = set(self.handed) - set(self.ledger.accepted) - self.ledger.unknown
        if invented:
            wrong.append(f"handed to the carrier and never accepted: {sorted(invented)[:5]}")
        named = len(self.smscd.lines("in doubt"))
        if self.duplicates > named:
            wrong.append(f"{self.duplicates} duplicates and only {named} named")
        return wrong


@asynccontextmanager
async def road(
    build: Build, tmp_path: Path, *options: str, keys: str = "", sabotage: str = "", shimmed: bool = False,
    shadowed: bool = False,
) -> AsyncIterator[Road]:  # fmt: skip
    """Everything started; `options` are the carrier's, `keys` the connector's."""
    with Carrier(tmp_path, *options) as carrier:
        async with Proxy(carrier.port) as cable:
            text = GATEWAY.format(port=cable.port, window=WINDOW, sessions=SESSIONS, keys=keys)
            smscd = build(text, sabotage=sabotage, shimmed=shimmed, shadowed=shadowed)
            await smscd.begin()
            yield Road(smscd, cable, carrier, Ledger())
            await asyncio.to_thread(smscd.kill)
