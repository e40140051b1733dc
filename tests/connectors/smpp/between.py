"""A gateway in its own process between an upstream of ours and an ESME."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from smscd import pdu
from tests.chaos.esme import Esme, Make, message
from tests.chaos.ledger import Ledger
from tests.connectors.smpp.quirky import Quirky
from tests.machine import PATIENCE
from tests.running import Running

GATEWAY = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "carrier-a"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw"
password = "gw-secret"
reconnect = "50ms"
{more}

[[route]]
connectors = ["carrier-a"]

[retry]
schedule = ["100ms"]
{tables}
"""


@asynccontextmanager
async def between(
    tmp_path: Path, upstream: Quirky, more: str = "", tables: str = ""
) -> AsyncIterator[tuple[Running, Esme]]:
    """A gateway bound to `upstream`, and an ESME bound to the gateway."""
    gateway = Running(tmp_path, GATEWAY.format(port=upstream.port, more=more, tables=tables))
    try:
        await asyncio.to_thread(gateway.start)
        await upstream.until(lambda: upstream.bound)
        esme = await Esme(Ledger()).bind(gateway.port)
        yield gateway, esme
        await esme.leave()
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)


async def all_reported(esme: Esme) -> None:
    await esme.ledger.until(lambda: not esme.ledger.open)


async def shown(gateway: Running, message_id: str) -> dict[str, Any]:
    """What `smscd message show` says."""
    found = await asyncio.to_thread(gateway.ask, "message.show", message_id=message_id)
    assert isinstance(found, dict)
    return found


async def closed(gateway: Running, message_id: str, stage: str = "CLOSED") -> dict[str, Any]:
    """As `shown`, once the message is at `stage`."""
    async with asyncio.timeout(PATIENCE):
        while (found := await shown(gateway, message_id))["stage"] != stage:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)
    return found


async def submitted(esme: Esme, make: Make = message) -> str:
    """Submit one message; its message_id."""
    answer = await esme.submit(make)
    assert isinstance(answer, pdu.SubmitSmResp)
    assert answer.message_id
    return answer.message_id.decode()
