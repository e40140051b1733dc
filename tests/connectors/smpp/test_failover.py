"""An upstream that is bound and of no use, that does not answer, that never reports: the next one of the route."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import Esme, message
from tests.connectors.smpp.between import all_reported, between, closed, shown, submitted
from tests.connectors.smpp.quirky import Quirky, plain
from tests.running import Running

SECOND_WAY = """
[[connector]]
name = "carrier-b"
kind = "smpp"
address = "127.0.0.1:{port}"
system_id = "gw"
password = "gw-secret"
reconnect = "50ms"

[[route]]
connectors = ["carrier-a", "carrier-b"]
"""


@asynccontextmanager
async def two_ways(
    tmp_path: Path, first: Quirky, second: Quirky, more: str, schedule: str = "100ms"
) -> AsyncIterator[tuple[Running, Esme]]:
    """A gateway whose only route has two upstreams."""
    async with between(tmp_path, first, more) as (gateway, esme):
        text = gateway.config.read_text().replace('"100ms"', f'"{schedule}"')
        before, _, after = text.partition('[[route]]\nconnectors = ["carrier-a"]\n')
        await asyncio.to_thread(gateway.reload, before + SECOND_WAY.format(port=second.port) + after)
        await second.until(lambda: second.bound)
        yield gateway, esme


def silent(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    pass


def takes_and_never_reports(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    upstream.accept(link, submit, upstream.next_id())


def refuses(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    upstream.refuse(link, submit, pdu.ESME_RSYSERR)


async def test_what_nobody_answers_takes_the_next_way_of_its_route_at_once(tmp_path: Path) -> None:
    more = 'response_timer = "500ms"'
    async with Quirky(silent) as first, Quirky() as second, two_ways(tmp_path, first, second, more, "1h") as (_, esme):
        await submitted(esme)
        await all_reported(esme)
        assert (len(first.submits), len(second.submits)) == (1, 1)


async def test_a_bound_upstream_that_fails_too_often_is_left_alone(tmp_path: Path) -> None:
    more = 'dead_after = 3\nprobe_after = "5m"'
    async with Quirky(refuses) as first, Quirky() as second, two_ways(tmp_path, first, second, more) as (gateway, esme):
        for _ in range(10):
            await submitted(esme)
            await all_reported(esme)
        assert len(first.submits) == 3
        assert len(second.submits) == 10
        status = await asyncio.to_thread(gateway.ask, "status")
        states = {one["name"]: one["state"] for one in status["connectors"]}
        assert (states["carrier-a"], states["carrier-b"]) == ("failing", "up")


async def test_an_upstream_that_was_left_alone_is_tried_with_one_message_until_that_is_taken(tmp_path: Path) -> None:
    """However long anything takes: what is tried is refused once more, and then taken."""

    def refuses_twice(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        (refuses if len(upstream.submits) <= 2 else plain)(upstream, link, submit)

    more = 'dead_after = 1\nprobe_after = "300ms"'
    async with (
        Quirky(refuses_twice) as first,
        Quirky() as second,
        two_ways(tmp_path, first, second, more) as (gateway, esme),
    ):
        while not gateway.lines("upstream is well again"):
            await submitted(esme)
            await all_reported(esme)
        assert len(first.submits) == 3
        assert len(gateway.lines("upstream is bound and useless")) == 2
        await submitted(esme)
        await all_reported(esme)
        assert len(first.submits) == 4


async def test_what_waits_for_a_dead_upstream_without_another_way_leaves_when_it_is_well(tmp_path: Path) -> None:
    more = 'dead_after = 1\nprobe_after = "500ms"\npermanent = []'
    async with Quirky(refuses) as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        await submitted(esme)
        await asyncio.to_thread(gateway.wait_for, "upstream is bound and useless")
        for _ in range(5):
            await submitted(esme)
        upstream.on_submit = plain
        await all_reported(esme)
        assert len(upstream.submits) == 7


async def test_without_a_receipt_in_time_a_message_ends_unknown_or_takes_the_next_way(tmp_path: Path) -> None:
    for policy in ("unknown", "next"):
        (tmp_path / policy).mkdir()
        more = f'receipt_within = "1s"\nno_receipt = "{policy}"'
        async with (
            Quirky(takes_and_never_reports) as first,
            Quirky() as second,
            two_ways(tmp_path / policy, first, second, more) as (gateway, esme),
        ):
            message_id = await submitted(esme)
            await all_reported(esme)
            assert [one.stat for one in esme.ledger.receipts] == ["UNKNOWN" if policy == "unknown" else "DELIVRD"]
            assert len(second.submits) == (policy == "next")
            found = await shown(gateway, message_id)
            assert found["connector"] == ("carrier-a" if policy == "unknown" else "carrier-b")
            await asyncio.to_thread(gateway.wait_for, "no receipt", message_id=message_id)


async def test_a_message_that_waits_for_no_receipt_is_not_waited_for(tmp_path: Path) -> None:
    async with (
        Quirky(takes_and_never_reports) as upstream,
        between(tmp_path, upstream, 'receipt_within = "1s"') as (
            gateway,
            esme,
        ),
    ):
        message_id = await submitted(esme, lambda tag: message(tag, registered_delivery=0))
        assert (await closed(gateway, message_id))["message_state"] == "ACCEPTED"


async def test_a_part_that_is_sent_again_has_the_same_user_message_reference(tmp_path: Path) -> None:
    def silent_once(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if upstream.texts[submit.short_message] > 1:
            plain(upstream, link, submit)

    more = 'response_timer = "2s"\nnumber_submits = true\nlong_messages = "udh"'
    long = [(int(pdu.Tag.message_payload), b"x" * 200 + b"y" * 100)]
    async with Quirky(silent_once) as upstream, between(tmp_path, upstream, more) as (_gateway, esme):
        await submitted(esme, lambda tag: message(tag, short_message=b"", tlvs=long))
        await submitted(esme, lambda tag: message(tag, tlvs=[(int(pdu.Tag.user_message_reference), b"\0\7")]))
        await all_reported(esme)
        references: dict[bytes, set[bytes | None]] = {}
        for submit in upstream.submits:
            reference = pdu.tlv.get(submit.tlvs, pdu.Tag.user_message_reference)
            references.setdefault(submit.short_message, set()).add(reference)
        assert len(upstream.submits) == 6
        assert [len(some) for some in references.values()] == [1, 1, 1]
        assert len(set.union(*references.values())) == 3
        assert references[b"A00000002"] == {b"\0\7"}
