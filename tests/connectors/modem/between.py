"""A gateway in its own process between a modem of ours and an ESME."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.connectors.modem.fake import FakeModem
from tests.running import Running

GATEWAY = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "modem-1"
kind = "modem"
device = "{device}"
number = "+447700900000"
reconnect = "50ms"
{more}

[[route]]
connectors = ["modem-1"]

[retry]
schedule = ["100ms"]
{tables}
"""


@asynccontextmanager
async def plugged(
    tmp_path: Path, more: str = "", tables: str = "", modem: FakeModem | None = None
) -> AsyncIterator[tuple[Running, Esme, FakeModem]]:
    """A gateway with its modem up, and an ESME bound to the gateway."""
    modem = modem or FakeModem(tmp_path / "modem")
    modem.plug()
    gateway = Running(tmp_path, GATEWAY.format(device=modem.link, more=more, tables=tables))
    try:
        await asyncio.to_thread(gateway.start)
        await asyncio.to_thread(gateway.wait_for, "modem up")
        esme = await Esme(Ledger()).bind(gateway.port)
        yield gateway, esme, modem
        await esme.leave()
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)
        modem.unplug()
