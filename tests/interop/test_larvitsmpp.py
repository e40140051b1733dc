"""npm's larvitsmpp binds to us: a bind_transceiver that names no version, and receipts that are read by their TLVs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.interop.conftest import DELIVERED, HERE, REJECTED, ROOT, THROTTLED, Account, Smsc
from tests.interop.foreign import Driver, Foreign

pytestmark = pytest.mark.interop

LONG = "Жили у бабуси два весёлых гуся. " * 6
"""Three parts of UCS-2."""


@pytest.fixture(scope="module")
def larvit() -> Iterator[Driver]:
    """A process with npm's `larvitsmpp`."""
    done = subprocess.run([ROOT / "scripts" / "interop-node"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"LARVITSMPP WAS NOT TESTED: {done.stderr.strip()}")
    environment = {**os.environ, "NODE_PATH": str(ROOT / ".venv" / "interop-node" / "node_modules")}
    driver = Driver(["node", str(HERE / "larvit.js")], environment)
    yield driver
    driver.stop()


@pytest.fixture
def esmes(larvit: Driver) -> Iterator[Callable[[], Foreign]]:
    with larvit.esmes() as make:
        yield make


def bind(esme: Foreign, smsc: Smsc, account: Account, password: str = "secret") -> Foreign:
    esme.tell(do="bind", port=smsc.port, username=account.system_id, password=password)
    return esme


def sent(esme: Foreign, to: str, text: str) -> Any:
    """What became of its submits: their message_ids, empty for one that was refused."""
    esme.tell(do="send", to=to, text=text)
    return esme.expect("sent")["ids"]


def test_larvitsmpp_sends_in_parts_and_reads_each_receipt(
    esmes: Callable[[], Foreign], smsc: Smsc, account: Account
) -> None:
    esme = bind(esmes(), smsc, account)
    esme.expect("bound")
    (whole,) = sent(esme, DELIVERED, "hello")
    assert smsc.text_of(whole) == "hello"
    parts = sent(esme, DELIVERED, LONG)
    assert len(set(parts)) == 3
    (rejected,) = sent(esme, REJECTED, "no")
    receipts = [esme.expect("receipt") for _ in range(5)]
    states = {one["smsId"]: one["statusMsg"] for one in receipts}
    assert states == {whole: "DELIVERED", **dict.fromkeys(parts, "DELIVERED"), rejected: "REJECTED"}
    assert sent(esme, THROTTLED, "too fast") == [""]
    assert smsc.running.lines("bound", esme=account.system_id)[-1]["interface_version"] == "0x34"


def test_larvitsmpp_is_told_a_wrong_password(esmes: Callable[[], Foreign], smsc: Smsc, account: Account) -> None:
    assert "refused" in bind(esmes(), smsc, account, "Secret").expect("refused")["why"]
