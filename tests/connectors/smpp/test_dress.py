"""What a route and a connector put on a message, seen by a real upstream; and that opt-out looks at what it shows."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smscd import pdu
from smscd.message import Message
from smscd.optout import OptOutSettings
from smscd.routing import RouteSettings, Ruleset
from tests.cast import deliver_sm
from tests.chaos.esme import message
from tests.connectors.smpp.between import all_reported, between, submitted
from tests.connectors.smpp.quirky import Quirky
from tests.play import Play

ENTITY, TEMPLATE, CHAIN = 0x1400, 0x1401, 0x1402
"""India's DLT: the principal entity, the content template, the chain of telemarketers."""

DLT = """
[[route]]
destination_addr = "4477*"
connectors = ["carrier-a"]
sender = "ACME"
tlvs = { 0x1400 = "1201159000000000001", 0x1401 = "1207161000000000002" }
"""


def with_routes(gateway_text: str, routes: str) -> str:
    """The file with these routes before its own."""
    return gateway_text.replace("[[route]]", f"{routes}\n[[route]]", 1)


async def test_the_tags_of_a_route_reach_the_upstream_and_the_receipt_names_the_sender_that_was_submitted(
    tmp_path: Path,
) -> None:
    more = 'tlvs = { 0x1402 = "1202159000000000003" }'
    async with Quirky() as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        await asyncio.to_thread(gateway.reload, with_routes(gateway.config.read_text(), DLT))
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        await submitted(esme)
        own = [(TEMPLATE, b"1207161000000000099")]
        await submitted(esme, lambda tag: message(tag, tlvs=own))
        await submitted(esme, lambda tag: message(tag, destination_addr=b"4917000"))
        await all_reported(esme)
        plain, with_own, elsewhere = upstream.submits
        entity, chain = (ENTITY, b"1201159000000000001"), (CHAIN, b"1202159000000000003")
        assert plain.tlvs == [entity, (TEMPLATE, b"1207161000000000002"), chain]
        assert with_own.tlvs == [*own, entity, chain]
        assert elsewhere.tlvs == [chain]
        assert [one.source_addr for one in upstream.submits] == [b"ACME", b"ACME", elsewhere.source_addr]
        assert (plain.source_addr_ton, plain.source_addr_npi) == (5, 0)
        assert len(esme.ledger.receipts) == 3


async def test_who_has_stopped_the_sender_that_a_route_shows_is_not_sent_to(tmp_path: Path) -> None:
    tables = "[opt_out]\nconfirm = false\n"
    async with Quirky() as upstream, between(tmp_path, upstream, tables=tables) as (gateway, esme):
        routes = DLT.replace('"ACME"', '"36123"')
        await asyncio.to_thread(gateway.reload, with_routes(gateway.config.read_text(), routes))
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        upstream.deliver(upstream.receiving, pdu.DeliverSm(
            source_addr=b"447700900001", source_addr_ton=1, source_addr_npi=1, destination_addr=b"36123",
            short_message=b"STOP",
        ))  # fmt: skip
        await upstream.until(lambda: upstream.acknowledged)
        refused = await esme.submit(lambda tag: message(tag, destination_addr=b"447700900001"))
        assert refused is not None
        assert refused.command_status == pdu.ESME_RSUBMITFAIL
        await submitted(esme, lambda tag: message(tag, destination_addr=b"447700900002"))
        await all_reported(esme)
        assert [one.destination_addr for one in upstream.submits] == [b"447700900002"]


async def test_the_sender_of_a_route_counts_for_the_list_only_where_it_is_shown() -> None:
    settings = OptOutSettings(enabled=True, confirm=False)
    async with Play(opt_out=settings) as play:
        play.journey.routes = Ruleset([RouteSettings(["network"], sender="67890")])
        play.journey.accept_mo(deliver_sm(b"STOP", destination_addr=b"67890"), connector="network")
        assert isinstance(play.accept(), Message)  # an emulated network shows what was submitted
        play.journey.accept_mo(deliver_sm(b"STOP"), connector="network")
        assert play.accept() == pdu.ESME_RSUBMITFAIL
        play.network.kind = "smpp"
        assert play.accept(source_addr=b"555") == pdu.ESME_RSUBMITFAIL


async def test_an_explanation_shows_the_sender_and_the_tags_that_then_leave(tmp_path: Path) -> None:
    more = 'tlvs = { 0x1402 = "1202159000000000003", privacy_indicator = "3" }'
    async with Quirky() as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        await asyncio.to_thread(gateway.reload, with_routes(gateway.config.read_text(), DLT))
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        sender, to = "447700900009", "447700900001"
        told = await asyncio.to_thread(gateway.ask, "route.explain", **{"from": sender, "to": to, "esme": "test"})
        assert told["ways"] == [{
            "connector": "carrier-a", "takes_messages": True, "sender": "ACME", "ton_npi": "5/0",
            "adds_tlvs": {
                "0x1400": "1201159000000000001", "0x1401": "1207161000000000002", "0x1402": "1202159000000000003",
                "privacy_indicator": "0x03",
            },
        }]  # fmt: skip
        await submitted(esme, lambda tag: message(tag, source_addr=sender.encode(), destination_addr=to.encode()))
        await all_reported(esme)
        (submit,) = upstream.submits
        assert (submit.source_addr, submit.source_addr_ton, submit.source_addr_npi) == (b"ACME", 5, 0)
        assert [pdu.tlv.tlv_name(tag) for tag, _ in submit.tlvs] == list(told["ways"][0]["adds_tlvs"])
