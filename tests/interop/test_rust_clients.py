"""Two clients written in Rust bind to us: rusmppyc, which speaks 5.0, and smpp34."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.interop.conftest import DELIVERED, REJECTED, THROTTLED, Account, Smsc
from tests.machine import PATIENCE

rusmppyc = pytest.importorskip("rusmppyc", reason="NO CLIENT OF SMPP 5.0 IN RUST WAS TESTED: rusmppyc is not installed")
smpp34 = pytest.importorskip("smpp34", reason="NO CLIENT OF SMPP 3.4 IN RUST WAS TESTED: smpp34 is not installed")

pytestmark = pytest.mark.interop

GSM = "50 EUR an @home [ok]"
EMOJI = "Привет 👋🏽 漢字"
BOTH = {"dest_addr_ton": 1, "dest_addr_npi": 1, "source_addr": "12345", "registered_delivery": 1}


def text_of(smsc: Smsc, message_id: bytes | str) -> Any:
    name = message_id.rstrip(b"\0").decode() if isinstance(message_id, bytes) else message_id
    return asyncio.to_thread(smsc.text_of, name)


# --- rusmppyc: SMPP 5.0 -----------------------------------------------------------------------------------------------


class FiveZero:
    """A rusmppyc client and the deliver_sm it got, acknowledged as its documentation does."""

    def __init__(self, client: Any, events: Any) -> None:
        self.client = client
        self.delivered: asyncio.Queue[Any] = asyncio.Queue()
        self.faults: list[Any] = []
        self.task = asyncio.create_task(self._listen(events))

    async def _listen(self, events: Any) -> None:
        async for event in events:
            if isinstance(event, rusmppyc.Event.Incoming):
                command = event._0
                if isinstance(command.id, rusmppyc.CommandId.DeliverSm):
                    await self.client.deliver_sm_resp(command.sequence_number)
                    self.delivered.put_nowait(command.pdu._0)
            else:
                self.faults.append(event)

    async def submit(self, message: Any = None, **fields: Any) -> str:
        if message is not None:
            response = await self.client.submit_sm(message)
        else:
            response = await self.client.submit_sm(**{**ADDRESSED, **fields})
        return str(response.message_id.rstrip(b"\0").decode())

    async def receive(self) -> tuple[Any, dict[str, str]]:
        """The next deliver_sm, and its TLVs as rusmppyc shows them."""
        deliver = await asyncio.wait_for(self.delivered.get(), PATIENCE)
        return deliver, {repr(tlv.tag): repr(tlv.value) for tlv in deliver.tlvs}


ADDRESSED = {
    "source_addr": "12345", "destination_addr": DELIVERED, "dest_addr_ton": rusmppyc.Ton.International(),
    "registered_delivery": rusmppyc.RegisteredDelivery.request_all(),
}  # fmt: skip


@pytest.fixture
async def five(smsc: Smsc) -> AsyncIterator[FiveZero]:
    client, events = await rusmppyc.Client.connect(url=f"smpp://127.0.0.1:{smsc.port}")
    esme = FiveZero(client, events)
    yield esme
    with contextlib.suppress(rusmppyc.exceptions.ConnectionClosedException):  # smscd may close first
        if client.is_active():
            await client.close()
    esme.task.cancel()
    await asyncio.gather(esme.task, return_exceptions=True)


@pytest.mark.parametrize("kind", ["transmitter", "receiver", "transceiver"])
async def test_rusmppyc_binds_as_5_0_and_unbinds(five: FiveZero, account: Account, smsc: Smsc, kind: str) -> None:
    bind = getattr(five.client, f"bind_{kind}")
    response = await bind(system_id=account.system_id, password=account.password)
    assert response.system_id == b"smscd-interop\0"
    assert "Smpp5_0" in repr(response.sc_interface_version)
    await five.client.unbind()
    closed = await asyncio.to_thread(lambda: smsc.running.wait_for("closed", esme=account.system_id))
    assert closed["reason"] == "unbound by the peer"


async def test_rusmppyc_is_told_a_wrong_password(five: FiveZero, account: Account) -> None:
    with pytest.raises(rusmppyc.exceptions.UnexpectedResponseException, match="EsmeRinvpaswd"):
        await five.client.bind_transceiver(system_id=account.system_id, password="Secret")


async def test_rusmppyc_is_told_where_its_message_is(five: FiveZero, account: Account, smsc: Smsc) -> None:
    await five.client.bind_transceiver(system_id=account.system_id, password=account.password)
    message = rusmppyc.Client.submit_sm_encode(GSM, **ADDRESSED)
    message_id = await five.submit(message)
    assert await text_of(smsc, message_id) == GSM
    notification, tlvs = await five.receive()
    assert "ShortMessageContainsIntermediateDeliveryNotification" in repr(notification.esm_class)
    assert "Enroute" in tlvs["MessageState"]
    receipt, tlvs = await five.receive()
    assert "ShortMessageContainsMCDeliveryReceipt" in repr(receipt.esm_class)
    assert "Delivered" in tlvs["MessageState"]
    assert not five.faults
    assert bytes(receipt.short_message).startswith(f"id:{message_id} sub:001 dlvrd:001".encode())


async def test_rusmppyc_splits_a_long_text_in_gsm_and_in_ucs_2(five: FiveZero, account: Account) -> None:
    await five.client.bind_transceiver(system_id=account.system_id, password=account.password)
    encoders = (rusmppyc.Encoder.Gsm7BitUnpacked(rusmppyc.Gsm7BitUnpacked.default()), GSM * 20), (
        rusmppyc.Encoder.Ucs2(rusmppyc.Ucs2.default()), "Жили у бабуси два весёлых гуся. " * 12,
    )  # fmt: skip
    wanted = {**ADDRESSED, "registered_delivery": rusmppyc.RegisteredDelivery.default()}
    for encoder, text in encoders:
        parts = rusmppyc.Client.submit_sm_multipart(text, reference=77, encoder=encoder, **wanted)
        assert len(parts) > 2
        assert len({await five.submit(part) for part in parts}) == len(parts)


async def test_rusmppyc_is_told_why_a_submit_was_refused(five: FiveZero, account: Account) -> None:
    await five.client.bind_transceiver(system_id=account.system_id, password=account.password)
    with pytest.raises(rusmppyc.exceptions.UnexpectedResponseException, match="EsmeRthrottled"):
        await five.submit(destination_addr=THROTTLED)
    assert await five.submit(short_message=b"x")


# --- smpp34 -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["TX", "RX", "TRX"])
async def test_smpp34_binds_and_unbinds(smsc: Smsc, account: Account, kind: str) -> None:
    client = smpp34.Client("127.0.0.1", smsc.port, account.system_id, account.password, bind_type=kind)
    session = await client.connect()
    await session.unbind()
    closed = await asyncio.to_thread(lambda: smsc.running.wait_for("closed", esme=account.system_id))
    assert closed["reason"] == "unbound by the peer"
    await client.stop()


async def test_smpp34_sends_texts_and_payloads_and_gets_receipts_and_mo(smsc: Smsc, account: Account) -> None:
    client = smpp34.Client("127.0.0.1", smsc.port, account.system_id, account.password, bind_type="TRX")
    session = await client.connect()
    octets = EMOJI.encode("utf-16-be")
    for fields in (
        {"short_message": octets},
        {"tlvs": [smpp34.Tlv(smpp34.TLV_MESSAGE_PAYLOAD, octets), smpp34.Tlv(0x1401, b"vendor")]},
    ):
        response = await session.submit_sm(DELIVERED, data_coding=8, **fields, **BOTH)
        assert response.is_success
        assert await text_of(smsc, response.message_id) == EMOJI
        receipt = await asyncio.wait_for(session.next(), PATIENCE)
        assert receipt.esm_class == 0x04
        tlvs = {tlv.tag: tlv for tlv in receipt.tlvs}
        assert tlvs[smpp34.TLV_RECEIPTED_MESSAGE_ID].as_string() == response.message_id
        assert tlvs[smpp34.TLV_MESSAGE_STATE].as_int() == 2
    refused = await session.submit_sm(THROTTLED, b"x", **BOTH)
    assert refused.command_status == smpp34.ESME_RTHROTTLED
    rejected = await session.submit_sm(REJECTED, b"x", **BOTH)
    receipt = await asyncio.wait_for(session.next(), PATIENCE)
    assert f"id:{rejected.message_id} ".encode() in receipt.short_message
    assert b"stat:REJECTD err:008" in receipt.short_message
    mo = {"from": "447700900123", "to": account.number, "text": EMOJI}
    await asyncio.to_thread(lambda: smsc.running.ask("mo", **mo))
    deliver = await asyncio.wait_for(session.next(), PATIENCE)
    assert (deliver.short_message, deliver.data_coding) == (octets, 8)
    await session.unbind()
    await client.stop()


async def test_smpp34_answers_our_enquire_link(smsc: Smsc, account: Account) -> None:
    client = smpp34.Client("127.0.0.1", smsc.impatient, account.system_id, account.password, bind_type="TRX")
    session = await client.connect()
    await asyncio.to_thread(lambda: smsc.running.wait_for("bound", esme=account.system_id))
    with pytest.raises(
        TimeoutError
    ):  # our enquire_link is due after one second, and without an answer its end after two
        await asyncio.wait_for(session.next(), 3)
    assert (await session.submit_sm(DELIVERED, b"x", source_addr="1")).is_success
    await session.unbind()
    await client.stop()
