"""What left and was not answered: how much of a long message may be sent twice, and when a repetition leaves."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import Esme, message
from tests.connectors.smpp.between import all_reported, between, shown, submitted
from tests.connectors.smpp.quirky import Quirky, plain

WINDOW = 4


def long(tag: bytes) -> pdu.SubmitSm:
    """A text of three parts, each of them unlike every other."""
    text = b"".join(b"%s-%03d " % (tag, number) for number in range(30))
    return message(tag, short_message=b"", tlvs=[(int(pdu.Tag.message_payload), text)])


async def test_kill_9_repeats_no_more_parts_of_long_messages_than_the_window(tmp_path: Path) -> None:
    def up_to_a_point(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if len(upstream.submits) <= 13:
            plain(upstream, link, submit)

    more = f'window = {WINDOW}\nlong_messages = "udh"\nresponse_timer = "30s"'
    async with Quirky(up_to_a_point) as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        for _ in range(10):
            await submitted(esme, long)
        await upstream.until(lambda: len(upstream.submits) == 13 + WINDOW)
        await asyncio.to_thread(gateway.kill)
        await upstream.lose_links()
        upstream.on_submit = plain
        await asyncio.to_thread(gateway.start)
        again = await Esme(esme.ledger).bind(gateway.port)
        await all_reported(again)
        assert len(upstream.texts) == 30
        assert sum(upstream.texts.values()) - 30 <= WINDOW
        await again.leave()


async def test_a_repetition_after_a_lost_connection_leaves_by_the_ladder_and_not_with_the_next_bind(
    tmp_path: Path,
) -> None:
    came: list[tuple[bytes, float]] = []

    def hangs_up_once(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        came.append((submit.short_message, time.monotonic()))
        if len(came) == 1:
            link.abort("hangs up in the middle")
        else:
            plain(upstream, link, submit)

    async with Quirky(hangs_up_once) as upstream, between(tmp_path, upstream) as (gateway, esme):
        await asyncio.to_thread(gateway.reload, gateway.config.read_text().replace('"100ms"', '"2s"'))
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        message_id = await submitted(esme)
        await upstream.until(lambda: len(upstream.binds) == 2)
        other = await submitted(esme)
        await all_reported(esme)
        assert len(came) == 3
        first, again = [at for text, at in came if text == came[0][0]]
        assert again - first >= 1.9
        assert (await shown(gateway, message_id))["parts"][0]["in_doubt"] == 1
        assert (await shown(gateway, other))["parts"][0]["in_doubt"] == 0


async def test_a_clean_stop_sends_no_part_of_a_long_message_twice(tmp_path: Path) -> None:
    more = f'window = {WINDOW}\nlong_messages = "udh"'
    async with Quirky() as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        for _ in range(10):
            await submitted(esme, long)
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)
        again = await Esme(esme.ledger).bind(gateway.port)
        await all_reported(again)
        assert len(upstream.texts) == 30
        assert set(upstream.texts.values()) == {1}
        await again.leave()
