"""Two SMSCs from PyPI as the upstream: smpp34, whose core is in Rust, and smppy, which takes the wire for granted."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from smscd import pdu
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger
from tests.interop.foreign import Driver
from tests.running import Running, free_ports, until

pytestmark = pytest.mark.interop

ROOT = Path(__file__).parents[2]
SMPPY = ROOT / ".venv" / "interop-python"

GATEWAY = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["12345"]

[[connector]]
name = "foreign"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw"
password = "gw-pass"
reconnect = "50ms"
{keys}

[[route]]
connectors = ["foreign"]

[retry]
schedule = ["100ms"]
"""


@asynccontextmanager
async def gateway_to(port: int, directory: Path, keys: str = "") -> AsyncIterator[tuple[Running, Esme]]:
    """A gateway that has that port for its upstream, and an ESME bound to it."""
    gateway = Running(directory, GATEWAY.format(port=port, keys=keys))
    try:
        await asyncio.to_thread(gateway.start)
        esme = await Esme(Ledger()).bind(gateway.port)
        yield gateway, esme
        await esme.leave()
        await asyncio.to_thread(gateway.stop)
        assert not [line for line in gateway.lines() if line.get("level") in {"error", "critical"}]
    finally:
        await asyncio.to_thread(gateway.__exit__, None, None, None)


# --- smpp34 -----------------------------------------------------------------------------------------------------------

smpp34 = pytest.importorskip("smpp34", reason="NO SMSC OF PYTHON WAS TESTED: smpp34 is not installed")


class Rust:
    """An SMSC with smpp34. `decide` says what a submit is answered; None drops it without an answer."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.texts: Counter[bytes] = Counter()
        self.esme: Any = None
        self.bound = asyncio.Event()
        self.decide: Callable[[Any], int | None] = lambda _event: smpp34.ESME_ROK
        self._numbers = itertools.count(0xFF00)
        self._server: Any = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self._server = smpp34.Server("127.0.0.1", self.port, system_id="smpp34")
        await self._server.start()
        self._task = asyncio.create_task(self._serve())

    async def close(self) -> None:
        assert self._task is not None
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task
        await self._server.stop()

    async def _serve(self) -> None:
        while True:
            await self._take(await self._server.next())

    async def _take(self, event: Any) -> None:
        """Nobody refers to the event when this returns: dropped without a decision, it is refused by smpp34."""
        if isinstance(event, smpp34.Esme):
            self.esme = event
            self.bound.set()
        elif isinstance(event, smpp34.SubmitSmEvent):
            self.texts[event.short_message] += 1
            status = self.decide(event)
            if status is not None and status:
                event.reject(status)
            elif status is not None:
                message_id = f"{next(self._numbers):08x}-smpp34"
                event.accept(message_id)
                if event.registered_delivery:
                    await self._report(event, message_id)

    async def _report(self, event: Any, message_id: str) -> None:
        await self.esme.deliver_sm(
            event.source_addr, pdu.format_receipt(message_id.encode(), 2, 1, 1), source_addr=event.destination_addr,
            esm_class=4,
        )  # fmt: skip


@pytest.fixture
async def rust() -> AsyncIterator[Rust]:
    upstream = Rust()
    await upstream.open()
    yield upstream
    await upstream.close()


async def test_a_hundred_messages_go_through_smpp34_and_all_receipts_come_back(rust: Rust, tmp_path: Path) -> None:
    async with gateway_to(rust.port, tmp_path) as (_gateway, esme):
        esme.pump(count=100)
        await esme.ledger.until(lambda: esme.idle and not esme.ledger.open)
        assert {one.stat for one in esme.ledger.receipts} == {"DELIVRD"}
        assert rust.texts == Counter(esme.ledger.accepted.keys())


async def test_smpp34s_refusals_are_what_the_table_says(rust: Rust, tmp_path: Path) -> None:
    """Dropped without a decision it says ESME_RSYSERR: tried three times. ESME_RINVDSTADR is final at once."""
    seen: Counter[str] = Counter()

    def decide(event: Any) -> int | None:
        seen[event.destination_addr] += 1
        match event.destination_addr, seen[event.destination_addr]:
            case "447700000001", _:
                return None
            case "447700000002", _:
                return int(smpp34.ESME_RINVDSTADR)
            case "447700000003", 1:
                return int(smpp34.ESME_RTHROTTLED)
        return int(smpp34.ESME_ROK)

    rust.decide = decide
    stats = {}
    async with gateway_to(rust.port, tmp_path) as (_gateway, esme):
        for number in (b"447700000001", b"447700000002", b"447700000003"):
            esme.pump(partial(message, destination_addr=number), count=1)
            await esme.ledger.until(lambda: esme.idle and not esme.ledger.open)
            stats[number.decode()] = esme.ledger.receipts[-1].stat, seen[number.decode()]
    assert stats == {
        "447700000001": ("REJECTD", 3), "447700000002": ("REJECTD", 1), "447700000003": ("DELIVRD", 2),
    }  # fmt: skip


async def test_a_handsets_message_through_smpp34_is_acknowledged_after_it_is_stored(rust: Rust, tmp_path: Path) -> None:
    async with gateway_to(rust.port, tmp_path) as (_gateway, esme):
        await rust.bound.wait()
        answer = await rust.esme.deliver_sm("12345", b"hello", source_addr="447700900123")
        assert answer.is_success
        await esme.ledger.until(lambda: esme.ledger.mo[b"hello"])


# --- smppy ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def smppy() -> Iterator[Driver]:
    done = subprocess.run([ROOT / "scripts" / "interop-python"], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"SMPPY WAS NOT TESTED: {done.stderr.strip()}")
    driver = Driver([sys.executable, str(Path(__file__).with_name("smppy_smsc.py")), str(SMPPY)])
    yield driver
    driver.stop()


def listening(smppy: Driver) -> int:
    return int(smppy.expect(lambda told: told["told"] == "listening")["port"])


def texts(smppy: Driver) -> Counter[bytes]:
    return Counter(told["text"].encode() for told in smppy.left(lambda told: told["told"] == "text"))


def ended(gateway: Running, count: int) -> Callable[[], bool]:
    return lambda: len(gateway.ask("message.list", kind="MT", state="ACCEPTED", limit=1000)["messages"]) == count


async def test_smppy_gets_everything_once_where_it_is_given_one_at_a_time(smppy: Driver, tmp_path: Path) -> None:
    """It answers without a message_id and never reports: its ESME_ROK is the end of the story."""
    async with gateway_to(listening(smppy), tmp_path, "window = 1") as (gateway, esme):
        esme.pump(partial(message, registered_delivery=0), count=50)
        await asyncio.to_thread(until, ended(gateway, 50))
        assert texts(smppy) == Counter(esme.ledger.accepted.keys())


async def test_what_smppy_overlooks_is_in_doubt_and_sent_again(smppy: Driver, tmp_path: Path) -> None:
    """Of several PDUs in one segment it reads the first: the others are answered by nobody."""
    keys = 'window = 4\nresponse_timer = "300ms"\nlate_grace = "0s"'
    async with gateway_to(listening(smppy), tmp_path, keys) as (gateway, esme):
        esme.pump(partial(message, registered_delivery=0), count=8)
        await asyncio.to_thread(until, ended(gateway, 8))
        assert texts(smppy).keys() == esme.ledger.accepted.keys()
        assert gateway.lines("in doubt"), "smppy has learned to read: this test has nothing left to show"


async def test_a_receipt_that_smppy_never_sends_leaves_the_message_with_it(smppy: Driver, tmp_path: Path) -> None:
    async with gateway_to(listening(smppy), tmp_path) as (gateway, esme):
        answer = await esme.submit()
        assert isinstance(answer, pdu.SubmitSmResp)
        show = partial(gateway.ask, "message.show", message_id=(answer.message_id or b"").decode())
        await asyncio.to_thread(until, lambda: show()["parts"][0]["stage"] == "SENT")
        assert show()["parts"][0]["upstream_message_id"] == ""
        await asyncio.to_thread(gateway.restart)
        assert show()["parts"][0]["stage"] == "SENT"
        assert sum(texts(smppy).values()) == 1


@pytest.mark.parametrize(
    ("times", "reply", "parts"),
    [(1, "hello", [b"hello"]), (1, "Grüße", ["Grüße".encode("latin-1")]), (1, "Привет", ["Привет".encode("iso8859-5")]),
     (1, "漢字", ["漢字".encode("utf-16-be")]), (42, "12345", [b"12345" * 20, b"12345" * 20, b"12345" * 2])],
    ids=["ascii", "latin-1", "cyrillic", "ucs-2", "long"],
)  # fmt: skip
async def test_what_handsets_reply_through_smppy_arrives(
    smppy: Driver, tmp_path: Path, times: int, reply: str, parts: list[bytes]
) -> None:
    """A long one comes in three deliver_sm in one segment, held together by sar TLVs."""
    async with gateway_to(listening(smppy), tmp_path) as (_gateway, esme):
        text = f"reply {times} {reply}".encode("utf-16-be")
        esme.pump(lambda _tag: pdu.SubmitSm(source_addr=b"12345", destination_addr=b"447700900123", data_coding=8,
                                            short_message=text), count=1)  # fmt: skip
        await esme.ledger.until(lambda: len(esme.ledger.mo_order) == len(parts))
        assert esme.ledger.mo_order == parts
