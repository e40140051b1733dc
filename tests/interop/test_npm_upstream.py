"""npm's `smpp` as the upstream SMSC: we bind to it, it takes our messages, reports on them and writes back."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.interop.foreign import Driver
from tests.running import Running

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent

GATEWAY = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["12345"]

[[connector]]
name = "npm"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw"
password = "gw-pass"
reconnect = "50ms"
rate = 200

[[route]]
connectors = ["npm"]
"""


@pytest.fixture
def npm_smsc() -> Iterator[Driver]:
    done = subprocess.run([ROOT / "scripts" / "interop-node"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"NO NODE SMSC WAS TESTED: {done.stderr.strip()}")
    environment = {**os.environ, "NODE_PATH": str(ROOT / ".venv" / "interop-node" / "node_modules")}
    driver = Driver(["node", str(HERE / "npm_smsc.js")], environment)
    yield driver
    driver.stop()


async def test_a_hundred_messages_go_through_npm_and_all_receipts_come_back(npm_smsc: Driver, tmp_path: Path) -> None:
    port = npm_smsc.expect(lambda told: told["told"] == "listening")["port"]
    gateway = Running(tmp_path, GATEWAY.format(port=port))
    try:
        await asyncio.to_thread(gateway.start)
        esme = await Esme(Ledger()).bind(gateway.port)
        esme.pump(count=100)
        ledger = esme.ledger
        await ledger.until(lambda: len(ledger.accepted) == 100 and not ledger.open)
        assert {one.stat for one in ledger.receipts} == {"DELIVRD"}
        assert len(npm_smsc.left(lambda told: told["told"] == "text")) == 100
        await ledger.until(lambda: ledger.mo[b"reply"] == 10)
        assert gateway.lines("message_id rule learned", provider="npm", rule="hex-decimal")
        await esme.leave()
        await asyncio.to_thread(gateway.stop)
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)
