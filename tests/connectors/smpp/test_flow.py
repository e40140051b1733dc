"""Too fast, refused, unanswered, away: what an upstream does to a message on its way, and what becomes of it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from smscd import pdu
from smscd.link import Link
from tests.chaos.esme import Esme, message
from tests.connectors.smpp.between import all_reported, between, closed, shown, submitted
from tests.connectors.smpp.quirky import Quirky, plain, receipt


async def test_a_throttled_link_rests_and_the_same_message_leaves_first_again(tmp_path: Path) -> None:
    def third_too_fast(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if submit.short_message == b"A00000003" and upstream.texts[b"A00000003"] < 3:
            upstream.refuse(link, submit, pdu.ESME_RTHROTTLED)
        else:
            plain(upstream, link, submit)

    async with Quirky(third_too_fast) as upstream, between(tmp_path, upstream, "window = 1") as (gateway, esme):
        for _ in range(6):
            await esme.submit()
        await all_reported(esme)
        sent = [submit.short_message for submit in upstream.submits]
        third = sent.index(b"A00000003")
        assert sent == [b"A%08d" % number for number in (1, 2, 3, 3, 3, 4, 5, 6)]
        assert third == 2
        attempts = (await shown(gateway, esme.ledger.accepted[b"A00000003"]))["attempts"]
        assert attempts == 1  # a pause burns no attempt


async def test_the_window_is_filled_and_never_exceeded(tmp_path: Path) -> None:
    held: list[tuple[Link, pdu.SubmitSm]] = []

    def hold(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        held.append((link, submit))

    async with Quirky(hold) as upstream, between(tmp_path, upstream, "window = 7") as (_gateway, esme):
        for _ in range(20):
            await esme.submit()
        await upstream.until(lambda: len(held) == 7)
        assert upstream.most_at_once == 7
        upstream.on_submit = plain
        for link, submit in held:
            plain(upstream, link, submit)
        await all_reported(esme)
        assert upstream.most_at_once <= 7
        assert len(upstream.submits) == 20


async def test_refused_for_good_is_told_at_once_and_temporary_is_tried_again(tmp_path: Path) -> None:
    def moody(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if submit.short_message == b"A00000001":
            upstream.refuse(link, submit, pdu.ESME_RINVDSTADR)
        elif upstream.texts[submit.short_message] == 1:
            upstream.refuse(link, submit, pdu.ESME_RX_T_APPN)
        else:
            plain(upstream, link, submit)

    async with Quirky(moody) as upstream, between(tmp_path, upstream) as (gateway, esme):
        first, second = await submitted(esme), await submitted(esme)
        await all_reported(esme)
        assert {one.message_id: one.stat for one in esme.ledger.receipts} == {first: "REJECTD", second: "DELIVRD"}
        assert (await shown(gateway, first))["parts"][0]["command_status"] == "ESME_RINVDSTADR"
        assert (await shown(gateway, second))["attempts"] == 2


ONCE = "2s"
"""Response timer of tests in which one answer is missing, and the other must not be: it has time enough to come."""


def silent_once(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
    if upstream.texts[submit.short_message] > 1:
        plain(upstream, link, submit)


async def test_what_nobody_answers_is_sent_again_where_the_operator_says_so(tmp_path: Path) -> None:
    more = f'response_timer = "{ONCE}"\nin_doubt = "resend"'
    async with Quirky(silent_once) as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        message_id = await submitted(esme)
        await all_reported(esme)
        assert upstream.texts[b"A00000001"] == 2
        found = await shown(gateway, message_id)
        assert found["parts"][0]["in_doubt"] == 1
        assert gateway.lines("in doubt", message_id=message_id)


async def test_what_nobody_answers_fails_or_is_held_where_the_operator_says_so(tmp_path: Path) -> None:
    for policy in ("fail", "hold"):
        (tmp_path / policy).mkdir()
        more = f'response_timer = "{ONCE}"\nin_doubt = "{policy}"'
        async with Quirky(silent_once) as upstream, between(tmp_path / policy, upstream, more) as (gateway, esme):
            message_id = await submitted(esme)
            if policy == "fail":
                await all_reported(esme)
                assert [one.stat for one in esme.ledger.receipts] == ["UNKNOWN"]
                story = await shown(gateway, message_id)
                assert (story["in_doubt"], story["parts"][0]["command_status"]) == ("fail", None)
                continue
            await closed(gateway, message_id, "HELD")
            await asyncio.to_thread(gateway.ask, "message.retry", message_id=message_id)
            await all_reported(esme)
            assert upstream.texts[b"A00000001"] == 2


async def test_a_late_answer_spares_the_second_sending(tmp_path: Path) -> None:
    kept: list[tuple[Link, pdu.SubmitSm]] = []

    def later(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        kept.append((link, submit))

    more = 'response_timer = "300ms"'
    async with Quirky(later) as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        await asyncio.to_thread(gateway.reload, gateway.config.read_text().replace('"100ms"', '"1h"'))
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        message_id = await submitted(esme)
        await asyncio.to_thread(gateway.wait_for, "in doubt", message_id=message_id)
        plain(upstream, *kept[0])
        await all_reported(esme)
        assert len(upstream.submits) == 1
        await asyncio.to_thread(gateway.wait_for, "late answer", message_id=message_id, too_late=False)


async def test_an_upstream_that_comes_back_gets_what_has_waited(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream) as (gateway, esme):
        await upstream.close()
        await asyncio.to_thread(gateway.wait_for, "upstream is away")
        for _ in range(30):
            await esme.submit()
        await upstream.open()
        await all_reported(esme)
        assert set(upstream.texts.values()) == {1}


async def test_a_refused_bind_is_tried_again_and_says_why(tmp_path: Path) -> None:
    async with Quirky() as upstream:
        upstream.on_bind = lambda _bind: pdu.ESME_RALYBND if len(upstream.binds) < 3 else pdu.ESME_ROK
        async with between(tmp_path, upstream) as (gateway, esme):
            assert len(upstream.binds) >= 3
            assert gateway.lines("upstream is away", why="bind refused: ESME_RALYBND")
            await esme.submit()
            await all_reported(esme)


async def test_an_upstream_that_knows_nothing_of_our_bind_is_bound_to_anew_when_it_has_answered_all(
    tmp_path: Path,
) -> None:
    """As behind a balancer that has moved us: without a new bind it would be ESME_RINVBNDSTS for ever."""

    def forgets_the_first(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        if link is not first:
            plain(upstream, link, submit)
        elif len(upstream.submits) < 3:
            held.append(submit)
        else:
            upstream.refuse(link, submit, pdu.ESME_RINVBNDSTS)
            for one in held:
                upstream.accept(link, one, upstream.next_id())

    held: list[pdu.SubmitSm] = []
    async with Quirky(forgets_the_first) as upstream, between(tmp_path, upstream) as (gateway, esme):
        (first,) = upstream.bound
        esme.pump(lambda tag: message(tag, registered_delivery=0), count=3)
        await upstream.until(lambda: len(upstream.submits) == 4)
        assert (len(upstream.binds), upstream.unbound) == (2, 1)
        assert sorted(upstream.texts.values()) == [1, 1, 2]  # what was answered on the old link was not sent again
        await asyncio.to_thread(gateway.wait_for, "upstream knows nothing of our bind")
        assert not gateway.lines("in doubt")


async def test_a_message_from_a_handset_is_stored_before_it_is_answered_and_waits_for_its_esme(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream) as (_gateway, esme):
        mo = pdu.DeliverSm(source_addr=b"447700900001", destination_addr=b"12345", short_message=b"hello from afar")
        upstream.deliver(upstream.receiving, mo)
        await upstream.until(lambda: upstream.acknowledged)
        assert upstream.acknowledged[0].command_status == pdu.ESME_ROK
        await esme.ledger.until(lambda: esme.ledger.mo[b"hello from afar"] == 1)


async def test_a_long_text_leaves_in_parts_and_the_worst_of_them_is_its_fate(tmp_path: Path) -> None:
    def second_part_fails(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        message_id = upstream.next_id()
        upstream.accept(link, submit, message_id)
        upstream.deliver(link, receipt(submit, message_id, 5 if submit.short_message[5] == 2 else 2, err=7))

    async with (
        Quirky(second_part_fails) as upstream,
        between(tmp_path, upstream, 'long_messages = "udh"\nwindow = 1') as (gateway, esme),
    ):
        text = b"All work and no play makes Jack a dull boy. " * 8
        vendor = [(0x1400, b"entity\0"), (int(pdu.Tag.message_payload), text)]
        message_id = await submitted(esme, lambda _tag: message(b"000000", short_message=b"", tlvs=vendor))
        await closed(gateway, message_id)
        found = await shown(gateway, message_id)
        assert (found["message_state"], len(found["parts"])) == ("UNDELIVERABLE", 3)
        assert b"".join(submit.short_message[6:] for submit in upstream.submits) == text
        assert [submit.short_message[5] for submit in upstream.submits] == [1, 2, 3]
        assert all((0x1400, b"entity\0") in submit.tlvs for submit in upstream.submits)


async def test_kill_9_leaves_no_more_than_the_window_in_doubt_and_loses_nothing(tmp_path: Path) -> None:
    kept = 0

    def slowly(upstream: Quirky, link: Link, submit: pdu.SubmitSm) -> None:
        nonlocal kept
        kept += 1
        if kept < 40:
            plain(upstream, link, submit)

    more = 'window = 5\nsessions = 2\nresponse_timer = "30s"'
    async with Quirky(slowly) as upstream, between(tmp_path, upstream, more) as (gateway, esme):
        await upstream.until(lambda: len(upstream.bound) == 2)
        esme.pump(count=100)
        await esme.ledger.until(lambda: len(esme.ledger.accepted) == 100)
        await upstream.until(lambda: kept >= 49)
        await asyncio.to_thread(gateway.kill)
        await upstream.lose_links()
        upstream.on_submit = plain
        await asyncio.to_thread(gateway.start)
        again = await Esme(esme.ledger).bind(gateway.port)
        await all_reported(again)
        assert len(upstream.texts) == 100
        twice = sum(count - 1 for count in upstream.texts.values())
        assert twice <= 10
        assert len(gateway.lines("in doubt")) >= twice
        await again.leave()


async def test_a_clean_stop_sends_nothing_twice(tmp_path: Path) -> None:
    async with Quirky() as upstream, between(tmp_path, upstream, "window = 5") as (gateway, esme):
        esme.pump(count=300)
        await esme.ledger.until(lambda: len(esme.ledger.accepted) >= 50)
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)
        again = await Esme(esme.ledger).bind(gateway.port)
        await all_reported(again)
        assert set(upstream.texts.values()) == {1}
        assert upstream.unbound == 1
        await again.leave()


async def test_failover_goes_round_a_connector_that_is_away_and_a_reload_takes_it_out(tmp_path: Path) -> None:
    async with Quirky() as first, Quirky() as second:
        other = f"""
[[connector]]
name = "carrier-b"
kind = "smpp"
address = "127.0.0.1:{second.port}"
system_id = "gw"
password = "gw-secret"
reconnect = "50ms"
"""
        async with between(tmp_path, first, tables=other) as (gateway, esme):
            text = gateway.config.read_text().replace('["carrier-a"]', '["carrier-a", "carrier-b"]')
            await asyncio.to_thread(gateway.reload, text)
            await asyncio.to_thread(gateway.wait_for, "reloaded")
            await second.until(lambda: second.bound)
            await esme.submit()
            await all_reported(esme)
            assert (len(first.submits), len(second.submits)) == (1, 0)
            await first.close()
            await asyncio.to_thread(gateway.wait_for, "upstream is away", connector="carrier-a")
            await esme.submit()
            await all_reported(esme)
            assert (len(first.submits), len(second.submits)) == (1, 1)
            await first.open()
