"""PyPI's aiosmpplib binds to us: it splits, correlates and reconnects by itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiosmpplib
import pytest
from aiosmpplib import (
    ESME,
    NPI,
    TON,
    BindMode,
    BindTransceiverResp,
    DeliverSm,
    PhoneNumber,
    SmppCommandStatus,
    SubmitSm,
    SubmitSmResp,
)

from tests.interop.conftest import BRIEFLY, DELIVERED, EXPIRED_LATER, THROTTLED, UNDELIVERABLE, Account, Smsc
from tests.machine import PATIENCE
from tests.running import EMULATOR, Running

pytestmark = pytest.mark.interop

GSM = "Grüße an @home: 50 € ~ [ok]"
EMOJI = "Привет 👋🏽 漢字"


@dataclass
class Unreadable:
    """What the hook is given as None: an error it cannot parse, or one part of a message that it splits by itself."""

    octets: bytes


class Heard(aiosmpplib.AbstractHook):  # type: ignore[misc]  # it ships no types
    """Everything the ESME receives, by kind, in order."""

    def __init__(self) -> None:
        self.of_kind: dict[type, asyncio.Queue[Any]] = {}
        self.sending_failed: list[Exception] = []

    async def sending(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        pass

    async def received(self, smpp_message: Any, pdu: bytes, client_id: str) -> None:
        heard = Unreadable(pdu) if smpp_message is None else smpp_message
        self.queue(type(heard)).put_nowait(heard)

    async def send_error(self, smpp_message: Any, error: Exception, client_id: str) -> None:
        self.sending_failed.append(error)

    def queue(self, kind: type) -> asyncio.Queue[Any]:
        return self.of_kind.setdefault(kind, asyncio.Queue())


class Impatient(aiosmpplib.AbstractRetryTimer):  # type: ignore[misc]  # likewise
    """Reconnects a tenth of a second after a failure: a test is no production."""

    def next_delay(self) -> float:
        return 0.1

    async def wait(self) -> None:
        await asyncio.sleep(0.1)

    def reset(self) -> None:
        pass


class Esme:
    """A started ESME and what it heard."""

    def __init__(self, port: int, system_id: str, password: str = "secret", **options: Any) -> None:
        self.heard = Heard()
        self.esme = ESME(
            "127.0.0.1", port, system_id, password, hook=self.heard, log_level=logging.CRITICAL,
            default_encoding="gsm0338", retry_timer=Impatient(), **options,
        )  # fmt: skip
        self.task = asyncio.create_task(self.esme.start())

    async def hear(self, kind: type) -> Any:
        return await asyncio.wait_for(self.heard.queue(kind).get(), PATIENCE)

    async def submit(self, to: str, text: str, **fields: Any) -> Any:
        await self.esme.broker.enqueue(message(to, text, **fields))
        return await self.hear(SubmitSmResp)

    async def accepted(self, to: str, text: str, **fields: Any) -> str:
        response = await self.submit(to, text, **fields)
        assert response.command_status == SmppCommandStatus.ESME_ROK
        return str(response.message_id)

    async def receipt(self) -> tuple[Any, dict[str, Any]]:
        deliver = await self.hear(DeliverSm)
        assert deliver.is_receipt()
        return deliver, deliver.parse_receipt()


def message(to: str, text: str, **fields: Any) -> SubmitSm:
    return SubmitSm(
        short_message=text, source=PhoneNumber("12345", TON.NETWORK_SPECIFIC, NPI.UNKNOWN),
        destination=PhoneNumber(to), log_id=text[:10], **fields,
    )  # fmt: skip


Connect = Callable[..., Awaitable[Esme]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Connect and bind as many ESMEs as a test wants."""
    made: list[Esme] = []

    async def bind(port: int, system_id: str, **options: Any) -> Esme:
        esme = Esme(port, system_id, **options)
        made.append(esme)
        mode = options.get("bind_mode", BindMode.TRANSCEIVER)
        response = await esme.hear({
            BindMode.TRANSCEIVER: aiosmpplib.BindTransceiverResp, BindMode.TRANSMITTER: aiosmpplib.BindTransmitterResp,
            BindMode.RECEIVER: aiosmpplib.BindReceiverResp,
        }[mode])  # fmt: skip
        assert response.command_status == SmppCommandStatus.ESME_ROK
        assert response.system_id.startswith("smscd")
        return esme

    yield bind
    await end(*made)


async def end(*esmes: Esme) -> None:
    """Without the half second that each of its tasks is given to end by itself."""
    for esme in esmes:
        esme.task.cancel()
    for task in asyncio.all_tasks():
        if task.get_name() in {"Receiver", "Sender", "Connection keeper"}:
            task.cancel()
    await asyncio.gather(*(esme.task for esme in esmes), return_exceptions=True)


@pytest.fixture
async def bound(connect: Connect, smsc: Smsc, account: Account) -> Esme:
    return await connect(smsc.port, account.system_id)


@pytest.mark.parametrize("mode", list(BindMode))
async def test_it_binds_and_unbinds(connect: Connect, smsc: Smsc, account: Account, mode: BindMode) -> None:
    esme = await connect(smsc.port, account.system_id, bind_mode=mode)
    await esme.esme.stop()
    closed = partial(smsc.running.wait_for, "closed", esme=account.system_id)
    assert (await asyncio.to_thread(closed))["reason"] == "unbound by the peer"  # it does not wait for our unbind_resp


async def test_a_wrong_password_does_not_bind(smsc: Smsc, account: Account) -> None:
    """SMPP 3.4 §4.1.6: this bind_resp has its body with an error too. aiosmpplib relies on it, and tries again."""
    esme = Esme(smsc.port, account.system_id, "Secret")
    for _ in range(2):
        assert (await esme.hear(BindTransceiverResp)).command_status == SmppCommandStatus.ESME_RINVPASWD
    await end(esme)


@pytest.mark.parametrize("text", [GSM, EMOJI])
async def test_a_text_arrives_as_it_was_written_and_is_receipted(bound: Esme, smsc: Smsc, text: str) -> None:
    message_id = await bound.accepted(DELIVERED, text)
    assert await asyncio.to_thread(smsc.text_of, message_id) == text
    deliver, receipt = await bound.receipt()
    assert (receipt["id"], receipt["stat"], receipt["err"]) == (message_id, "DELIVRD", 0)
    assert deliver.log_id == text[:10]  # it has found its own message by the id in the receipt
    assert bound.heard.queue(Unreadable).empty()


@pytest.mark.parametrize("text", [GSM * 20, EMOJI * 20])
async def test_a_long_text_as_message_payload_is_one_message(bound: Esme, smsc: Smsc, text: str) -> None:
    message_id = await bound.accepted(DELIVERED, text)
    assert await asyncio.to_thread(smsc.text_of, message_id) == text
    _, receipt = await bound.receipt()
    assert receipt["id"] == message_id
    assert receipt["sub"] == receipt["dlvrd"] > 1


@pytest.mark.parametrize("text", ["The quick brown fox. " * 20, "Жили у бабуси два весёлых гуся. " * 12])
async def test_a_long_text_that_it_splits_itself_is_receipted_once(bound: Esme, text: str) -> None:
    """aiosmpplib tells its user about the last of its own parts: all of them were answered and receipted then."""
    await bound.accepted(DELIVERED, text, auto_message_payload=False, esm_class=0x40)
    _, receipt = await bound.receipt()
    assert receipt["stat"] == "DELIVRD"
    assert not bound.heard.sending_failed


async def test_other_outcomes_are_receipted_with_their_words(bound: Esme) -> None:
    for to, word, err in ((UNDELIVERABLE, "UNDELIV", 27), (EXPIRED_LATER, "EXPIRED", 0)):
        message_id = await bound.accepted(to, "x")
        _, receipt = await bound.receipt()
        assert (receipt["id"], receipt["stat"], receipt["err"]) == (message_id, word, err)


async def test_a_refusal_at_submit_is_told_with_its_status(bound: Esme) -> None:
    response = await bound.submit(THROTTLED, "x")
    assert response.command_status == SmppCommandStatus.ESME_RTHROTTLED
    assert await bound.accepted(DELIVERED, "x")


async def test_times_as_it_writes_them_are_understood(bound: Esme) -> None:
    scheduled = await bound.accepted(DELIVERED, "x", schedule_delivery_time=timedelta(seconds=1))
    _, receipt = await bound.receipt()
    assert receipt["id"] == scheduled
    valid = await bound.accepted(BRIEFLY, "x", validity_period=timedelta(hours=1))
    _, receipt = await bound.receipt()
    assert (receipt["id"], receipt["stat"]) == (valid, "DELIVRD")


@pytest.mark.parametrize("text", [GSM, EMOJI])
async def test_an_mo_is_read(bound: Esme, account: Account, smsc: Smsc, text: str) -> None:
    mo = {"from": "447700900123", "to": account.number, "text": text}
    await asyncio.to_thread(lambda: smsc.running.ask("mo", **mo))
    deliver = await bound.hear(DeliverSm)
    assert not deliver.is_receipt()
    assert deliver.short_message == text
    assert (deliver.source.number, deliver.destination.number) == ("447700900123", account.number)


async def test_both_ends_enquire(connect: Connect, smsc: Smsc, account: Account) -> None:
    esme = await connect(smsc.impatient, account.system_id)
    for _ in range(2):
        await esme.hear(aiosmpplib.EnquireLink)
    ours = await connect(smsc.port, account.system_id, enquire_link_interval=0.1)
    for _ in range(3):
        assert (await ours.hear(aiosmpplib.EnquireLinkResp)).command_status == SmppCommandStatus.ESME_ROK


async def test_after_kill_9_it_reconnects_and_gets_the_receipt_it_was_owed(tmp_path: Path, connect: Connect) -> None:
    with Running(tmp_path, EMULATOR.replace('"0ms"', '"1s"')) as smscd:
        esme = await connect(smscd.port, "test")
        message_id = await esme.accepted(DELIVERED, "x")
        await asyncio.to_thread(smscd.restart)
        assert (await esme.hear(aiosmpplib.BindTransceiverResp)).command_status == SmppCommandStatus.ESME_ROK
        _, receipt = await esme.receipt()
        assert (receipt["id"], receipt["stat"]) == (message_id, "DELIVRD")
        assert await esme.accepted(DELIVERED, "y")


async def test_at_a_stop_it_is_unbound_and_the_process_ends_well(tmp_path: Path, connect: Connect) -> None:
    with Running(tmp_path) as smscd:
        esme = await connect(smscd.port, "test")
        message_id = await esme.accepted(DELIVERED, "x")
        assert await asyncio.to_thread(smscd.stop) == 0
        assert await esme.hear(aiosmpplib.Unbind)
        _, receipt = await esme.receipt()
        assert receipt["id"] == message_id
