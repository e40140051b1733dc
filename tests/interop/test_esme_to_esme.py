"""Two ESMEs of different makers talk to each other through a route `esme:SYSTEM_ID`, and an explanation agrees."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
import smpplib.exceptions
import smpplib.gsm
from aiosmpplib import DeliverSm, SubmitSmResp

from tests.interop import test_aiosmpplib as modern
from tests.interop import test_smpplib as classic
from tests.running import Running

pytestmark = pytest.mark.interop

CONFIG = """\
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "shop"
password = "secret"
receives = ["*"]

[[esme]]
system_id = "bank"
password = "secret"

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"

[[route]]
destination_addr = "777*"
connectors = ["esme:bank", "handsets"]

[[route]]
destination_addr = "888*"
esme = ["bank"]
connectors = ["esme:shop"]

[[route]]
destination_addr = "44*"
e164 = "possible"
default_country = "44"
connectors = ["handsets"]
"""


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with Running(tmp_path, CONFIG) as running:
        yield running


async def test_two_foreign_esmes_talk_to_each_other_and_get_their_receipts(running: Running) -> None:
    shop = modern.Esme(running.port, "shop")
    with classic.Esme(running.port) as bank:
        await asyncio.to_thread(bank.bind, "transceiver", "bank")
        try:
            there = "Order 17: 20 € paid?"
            submit = modern.message("7771", there)
            await shop.esme.broker.enqueue(submit)
            got = await asyncio.to_thread(bank.receive)
            assert (got.source_addr, got.destination_addr) == (b"12345", b"7771")
            assert smpplib.gsm.gsm_encode(there) == got.short_message
            response = await shop.hear(SubmitSmResp)
            _, receipt = await shop.receipt()
            assert (receipt["id"], receipt["stat"]) == (response.message_id, "DELIVRD")

            (octets,), coding, esm_class = smpplib.gsm.make_parts("да", encoding=8)
            number = await asyncio.to_thread(
                bank.submit, "8881", octets, source_addr="7771", data_coding=coding, esm_class=esm_class,
                registered_delivery=True,
            )  # fmt: skip
            answer = await shop.hear(DeliverSm)
            assert (answer.source.number, answer.destination.number, answer.short_message) == ("7771", "8881", "да")
            receipt_to_bank = await asyncio.to_thread(bank.receive)
            assert f"id:{number} ".encode() in receipt_to_bank.short_message
            assert b"stat:DELIVRD" in receipt_to_bank.short_message
        finally:
            await modern.end(shop)


async def test_what_is_for_an_esme_that_is_not_bound_takes_the_other_way_and_others_may_not_use_its_route(
    running: Running,
) -> None:
    with classic.Esme(running.port) as shop:
        await asyncio.to_thread(shop.bind, "transceiver", "shop")
        await asyncio.to_thread(shop.submit, "7771", b"hello", registered_delivery=True)
        receipt = await asyncio.to_thread(shop.receive)  # nobody is bound as bank: the handset got it
        assert b"stat:DELIVRD" in receipt.short_message
        with pytest.raises(smpplib.exceptions.PDUError) as refused:
            await asyncio.to_thread(shop.submit, "8881", b"hello")
        assert refused.value.args[1] == 0x0B  # ESME_RINVDSTADR: that route is the bank's


def test_the_explanation_names_file_and_line_and_agrees_with_what_submits_are_answered(running: Running) -> None:
    lines = running.config.read_text().splitlines()
    starts = [number for number, line in enumerate(lines, start=1) if line == "[[route]]"]
    told = running.ask("route.explain", **{"from": "12345", "to": "8881", "esme": "shop"})
    assert told["route"] is None
    assert told["answer"] == "ESME_RINVDSTADR"
    assert [rule["place"] for rule in told["rules"]] == [f"{running.config.name}:{line}" for line in starts]
    assert told["rules"][1]["why"] == "esme is shop, not one of bank"
    with classic.Esme(running.port) as shop:
        shop.bind("transceiver", "shop")
        for to in ("7771", "447700900123", "07700900123", "8881", "447", "999"):
            told = running.ask("route.explain", **{"from": "12345", "to": to, "esme": "shop"})
            if told["answer"] is None:
                number = shop.submit(to, b"hello", dest_addr_ton=0, dest_addr_npi=0, registered_delivery=True)
                receipt = shop.receive()
                assert f"id:{number} ".encode() in receipt.short_message
                assert receipt.source_addr == to.encode()  # as it was submitted
                found = running.ask("message.show", message_id=number)
                assert found["connector"] in told["connectors"]
            else:
                with pytest.raises(smpplib.exceptions.PDUError) as refused:
                    shop.submit(to, b"hello", dest_addr_ton=0, dest_addr_npi=0)
                assert refused.value.args[1] == 0x0B
    assert running.ask("route.explain", **{"from": "1", "to": "07700900123"})["leaves_to"] == "447700900123"
