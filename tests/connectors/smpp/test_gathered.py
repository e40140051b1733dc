"""Parts that an ESME has cut, before a real upstream that wants them whole; and kill -9 at every step of it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from smscd import pdu
from smscd.link import Link
from smscd.message import octets_of
from smscd.text import segment
from tests.chaos.esme import Esme
from tests.chaos.ledger import Ledger
from tests.connectors.smpp.between import all_reported, between, closed, shown
from tests.connectors.smpp.quirky import Quirky, plain, receipt
from tests.machine import PATIENCE

PAYLOAD = 'long_messages = "payload"\nparts_within = "{}"'
TEXT = "".join(chr(ord("a") + number % 26) for number in range(400))


def parts_of(reference: int, text: str = TEXT) -> Iterator[pdu.SubmitSm]:
    for part in segment(text, "gsm7", reference):
        yield pdu.SubmitSm(
            source_addr=b"12345", destination_addr=b"447700%06d" % reference, registered_delivery=1,
            esm_class=pdu.ESM_UDHI, short_message=part.octets,
        )  # fmt: skip


async def submit_all(esme: Esme, parts: Iterator[pdu.SubmitSm]) -> list[str]:
    """One after the other, as a client does that waits for each answer."""
    numbers = []
    for part in parts:
        tag = esme.ledger.tag()
        answer = await esme.ask(part)
        assert isinstance(answer, pdu.SubmitSmResp)
        esme.ledger.answered(tag, answer.command_status, answer.message_id)
        numbers.append((answer.message_id or b"").decode())
    return numbers


async def test_three_parts_leave_as_one_payload_and_one_receipt_of_the_upstream_becomes_three(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, PAYLOAD.format("30s")) as (gateway, esme):
        numbers = await submit_all(esme, parts_of(7))
        await all_reported(esme)
        (submit,) = upstream.submits
        assert (octets_of(submit), submit.short_message, submit.esm_class) == (TEXT.encode(), b"", 0)
        assert {(one.message_id, one.stat) for one in esme.ledger.receipts} == {(one, "DELIVRD") for one in numbers}
        story = await closed(gateway, numbers[1])
        assert story["message_id"] == numbers[1]
        whole = story["others"][-1]
        assert [part["upstream_message_id"] for part in whole["parts"]] == ["7000000001"]
        status = await asyncio.to_thread(gateway.ask, "status")
        assert (status["totals"]["accepted"], status["totals"]["closed"]) == (3, 3)
        assert status["queue"] == {"queued": 0, "leased": 0, "waiting_for_esme": 0}


async def test_what_the_upstream_refuses_is_refused_for_each_part(tmp_path: Path) -> None:
    def refusing(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        upstream.refuse(link, submit, pdu.ESME_RINVDSTADR)

    async with Quirky(refusing) as upstream, between(tmp_path, upstream, PAYLOAD.format("30s")) as (_gateway, esme):
        await submit_all(esme, parts_of(7))
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["REJECTD"] * 3


async def test_a_part_without_its_others_leaves_as_it_was_cut(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, PAYLOAD.format("1s")) as (_gateway, esme):
        first = next(parts_of(7))
        await submit_all(esme, iter([first]))
        await all_reported(esme)
        assert [(one.esm_class, one.short_message) for one in upstream.submits] == [
            (pdu.ESM_UDHI, first.short_message)
        ]  # fmt: skip


@pytest.mark.parametrize("step", ["between the parts", "before the answer", "before the receipt"])
async def test_kill_9_loses_no_part(tmp_path: Path, step: str) -> None:
    silent: list[tuple[Link, pdu.SubmitSm]] = []

    def slow(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        silent.append((link, submit))
        if step == "before the receipt":
            upstream.accept(link, submit, b"the-id")

    async with Quirky(slow) as upstream, between(tmp_path, upstream, PAYLOAD.format("30s")) as (gateway, esme):
        parts = list(parts_of(7))
        early = parts[:2] if step == "between the parts" else parts
        numbers = await submit_all(esme, iter(early))
        if step != "between the parts":
            await upstream.until(lambda: silent)
        if step == "before the receipt":
            async with asyncio.timeout(PATIENCE):
                while (await shown(gateway, numbers[0]))["others"][-1]["parts"][0]["upstream_message_id"] != "the-id":  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
        upstream.on_submit = plain
        await asyncio.to_thread(gateway.kill)
        await upstream.until(lambda: not upstream.bound)
        await asyncio.to_thread(gateway.start)
        await upstream.until(lambda: upstream.bound)
        again = await Esme(esme.ledger).bind(gateway.port)
        if step == "before the receipt":
            upstream.deliver(upstream.receiving, receipt(silent[0][1], b"the-id"))
        await submit_all(again, iter(parts[len(early) :]))
        await all_reported(again)
        assert {octets_of(submit) for submit in upstream.submits} == {TEXT.encode()}
        assert len(upstream.submits) == (2 if step == "before the answer" else 1)  # in doubt, and sent again
        assert again.ledger.duplicates == 0
        await again.leave()


async def test_many_sets_and_kill_9_at_any_moment(tmp_path: Path) -> None:
    dice, kills, sets = random.Random(20261122), 2, 100
    reference = iter(range(1, 1_000_000))
    async with Quirky() as upstream, between(tmp_path, upstream, PAYLOAD.format("1s")) as (gateway, first):
        ledger = first.ledger
        for _ in range(kills):
            esme = await Esme(ledger).bind(gateway.port)
            pumps = [asyncio.create_task(_pump(esme, reference, sets // kills // 5)) for _ in range(5)]
            enough = len(ledger.accepted) + dice.randrange(10, 50)
            await ledger.until(partial(_has, ledger, enough))  # some are at every stage
            await asyncio.to_thread(gateway.kill)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            await upstream.until(lambda: not upstream.bound)
            await asyncio.to_thread(gateway.start)
            await upstream.until(lambda: upstream.bound)
        last = await Esme(ledger).bind(gateway.port)
        await _pump(last, reference, 5)
        await all_reported(last)
        wholes = [submit for submit in upstream.submits if len(octets_of(submit)) == len(TEXT)]
        assert len(wholes) > kills, "hardly any was joined: this has shown less than it says"
        assert {one.stat for one in ledger.receipts} == {"DELIVRD"}
        await last.leave()


def _has(ledger: Ledger, accepted: int) -> bool:
    return len(ledger.accepted) >= accepted


async def _pump(esme: Esme, reference: Iterator[int], sets: int) -> None:
    for _ in range(sets):
        await submit_all(esme, parts_of(next(reference)))
