"""A reload that changes an upstream, or takes it away, while it has work: nothing is lost, nothing is sent twice."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import message
from tests.connectors.smpp.between import all_reported, between, shown, submitted
from tests.connectors.smpp.quirky import Quirky, plain, receipt
from tests.connectors.smpp.test_failover import SECOND_WAY, two_ways
from tests.running import Running


async def reload(gateway: Running, text: str, count: int = 1) -> None:
    await asyncio.to_thread(gateway.reload, text)
    await asyncio.to_thread(gateway.wait_for, "reloaded", count=count)


async def test_a_changed_upstream_answers_what_it_has_and_the_rest_leaves_by_the_new_sessions(tmp_path: Path) -> None:
    held: list[tuple[Link, pdu.SubmitSm]] = []

    def hold(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        held.append((link, submit))

    async with Quirky(hold) as upstream, between(tmp_path, upstream, "window = 5") as (gateway, esme):
        for _ in range(20):
            await esme.submit()
        await upstream.until(lambda: len(held) == 5)
        upstream.on_submit = plain
        await reload(gateway, gateway.config.read_text().replace("window = 5", "window = 7\nsessions = 2"))
        await upstream.until(lambda: len(upstream.binds) == 3)
        for link, submit in held:  # on the old session, which waits for this
            plain(upstream, link, submit)
        await all_reported(esme)
        await upstream.until(lambda: upstream.unbound == 1)
        assert set(upstream.texts.values()) == {1}
        assert len(upstream.texts) == 20
        assert not gateway.lines("in doubt")


async def test_an_upstream_that_did_not_change_is_left_alone(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream) as (gateway, esme):
        await reload(gateway, gateway.config.read_text().replace('"100ms"', '"200ms"'))
        await submitted(esme)
        await all_reported(esme)
        assert (len(upstream.binds), upstream.unbound) == (1, 0)


async def test_what_waits_for_an_upstream_that_was_removed_takes_the_other_way(tmp_path: Path) -> None:
    async with Quirky() as first, Quirky() as second, two_ways(tmp_path, first, second, "") as (gateway, esme):
        await first.close()
        await second.close()
        await asyncio.to_thread(gateway.wait_for, "upstream is away", connector="carrier-a")
        await asyncio.to_thread(gateway.wait_for, "upstream is away", connector="carrier-b")
        for _ in range(10):
            await esme.submit()
        text = gateway.config.read_text()
        start, end = text.index("[[connector]]"), text.index("[[connector]]", text.index("[[connector]]") + 1)
        text = text[:start] + text[end:]
        await reload(gateway, text.replace('"carrier-a", "carrier-b"', '"carrier-b"'), count=2)
        await second.open()
        await all_reported(esme)
        assert (len(first.submits), len(second.submits)) == (0, 10)


async def test_a_receipt_for_what_a_removed_upstream_took_comes_in_by_another_of_its_provider(tmp_path: Path) -> None:
    def takes(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        upstream.accept(link, submit, b"7001")

    one = 'provider = "carrier"'
    async with Quirky(takes) as first, Quirky() as second, between(tmp_path, first, one) as (gateway, esme):
        message_id = await submitted(esme)
        await first.until(lambda: first.submits)
        text = gateway.config.read_text()
        start, end = text.index("[[connector]]"), text.index("[[route]]")
        other = SECOND_WAY.format(port=second.port).split("[[route]]")[0] + f"{one}\n"
        text = text[:start] + other + text[end:].replace("carrier-a", "carrier-b")
        await reload(gateway, text)
        await second.until(lambda: second.bound)
        await first.until(lambda: not first.bound)
        second.deliver(second.receiving, receipt(first.submits[0], b"7001"))
        await all_reported(esme)
        assert [report.stat for report in esme.ledger.receipts] == ["DELIVRD"]
        assert (await shown(gateway, message_id))["parts"][0]["upstream_message_id"] == "7001"


async def test_what_a_removed_upstream_does_not_answer_in_time_is_in_doubt_and_goes_on(tmp_path: Path) -> None:
    def silent(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        pass

    async with Quirky(silent) as first, Quirky() as second, between(tmp_path, first) as (gateway, esme):
        message_id = await submitted(esme)
        await first.until(lambda: first.submits)
        text = gateway.config.read_text()
        start, end = text.index("[[connector]]"), text.index("[[route]]")
        other = SECOND_WAY.format(port=second.port).split("[[route]]")[0]
        await reload(gateway, text[:start] + other + text[end:].replace("carrier-a", "carrier-b"))
        await all_reported(esme)
        assert gateway.lines("in doubt", message_id=message_id)
        assert (len(first.submits), len(second.submits)) == (1, 1)


async def test_a_text_that_is_too_long_for_its_upstream_is_refused_and_after_a_reload_rejected_alone(
    tmp_path: Path,
) -> None:
    """17,500 thorns fit one message_payload; as UCS-2 parts they would be more than 255."""

    def thorns(tag: bytes) -> pdu.SubmitSm:
        submit = message(tag)
        submit.tlvs, submit.short_message = [(0x0424, tag + b"\xfe" * 17_500)], b""
        return submit

    async with Quirky() as upstream, between(tmp_path, upstream) as (gateway, esme):
        latin = gateway.config.read_text().replace('receives = ["*"]', 'receives = ["*"]\ndefault_alphabet = "latin1"')
        await reload(gateway, latin)
        await upstream.close()
        await asyncio.to_thread(gateway.wait_for, "upstream is away", connector="carrier-a")
        await submitted(esme, thorns)
        await submitted(esme)
        cutting = latin.replace('reconnect = "50ms"', 'reconnect = "50ms"\nlong_messages = "udh"')
        await reload(gateway, cutting, count=2)
        refused = await esme.submit(thorns)
        assert refused.command_status == pdu.ESME_RINVMSGLEN
        await upstream.open()
        await all_reported(esme)
        assert sorted(one.stat for one in esme.ledger.receipts) == ["DELIVRD", "REJECTD"]
        await submitted(esme)
        await all_reported(esme)
        assert not gateway.lines("internal error")
