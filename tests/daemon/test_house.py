"""A house from start to stop, what it finds after one that never stopped, and what a reload makes of it."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from smscd import pdu
from smscd.clock import SECOND
from smscd.daemon import House
from smscd.daemon.reload import apply
from smscd.errors import ConfigError
from smscd.message import Stage
from smscd.pdu import MessageState
from smscd.store import Listing, StoreSettings
from tests.cast import deliver_sm, submit_sm
from tests.listener.calling import Caller, caller, configured, housed, port_of
from tests.machine import PATIENCE

HOUSE = """
[[listener]]
address = "127.0.0.1:0"

[[esme]]
system_id = "test"
password = "secret"
receives = ["*"]

[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"
  [[connector.behaviour]]
  destination_addr = "4470*"
  delay = "1h"

[[route]]
connectors = ["handsets"]
"""
SLOW = b"447000000001"
"""A handset that is reached after an hour."""
OTHER = '[[esme]]\nsystem_id = "other"\npassword = "secret"\n'
ANOTHER_DOOR = '[[listener]]\naddress = "localhost:0"\n'


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with housed(tmp_path / "data", HOUSE) as house:
        yield house


async def abandon(house: House) -> None:
    """As kill -9 would: nothing is written, nothing is said."""
    for reception in house.receptions.values():
        await reception.close()
    for link in house.links:
        link.abort("killed")
    await house.links.gone(PATIENCE)
    for task in house._tasks:
        task.remove_done_callback(house._ended)
        task.cancel()
    assert house.store._loop is not None
    house.store._loop.cancel()
    await asyncio.wait([*house._tasks, house.store._loop])
    for connector in house.journey.connectors.values():
        timer = getattr(connector, "_timer", None)
        if timer is not None:
            timer.cancel()
    await house.store._disconnect()
    await house.control.stop()
    house.records.close()
    house.links.stop()
    house.binding.close()


async def until(fact: Any) -> None:
    """Until something holds that nobody announces."""
    async with asyncio.timeout(PATIENCE):
        while not fact():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


# --- start and stop ---------------------------------------------------------------------------------------------------


async def test_a_house_starts_serves_and_stops_with_its_doors_shut(tmp_path: Path) -> None:
    async with housed(tmp_path / "data", HOUSE) as house:
        peer = await caller(house)
        assert (await peer.ask(submit_sm())).command_status == pdu.ESME_ROK
        port = port_of(house)
    assert peer.of(pdu.Unbind)
    await peer.gone.wait()
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await asyncio.open_connection("127.0.0.1", port)


async def test_a_stop_answers_what_it_has_read_and_the_next_start_repeats_nothing(tmp_path: Path) -> None:
    async with housed(tmp_path / "data", HOUSE) as house:
        peer = await caller(house)
        numbers = peer.send(*[submit_sm(destination_addr=SLOW) for _ in range(50)])
        await peer.response(numbers[0])
    answered = {peer_answer.sequence_number for peer_answer in peer.of(pdu.SubmitSmResp)} | {numbers[0]}
    async with housed(tmp_path / "data", HOUSE) as house:
        rows = await house.store.listing(Listing(limit=100))
        assert len(rows) >= len(answered)
        assert house.counters.connector("handsets").forwarded == 0
        assert house.journey.connectors["handsets"].status()["in_flight"] == len(rows)


async def test_a_connection_that_never_said_anything_does_not_hold_up_the_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smscd.daemon.house.DRAIN", 3600.0)  # waited for, it would take that long
    async with asyncio.timeout(PATIENCE):
        async with housed(tmp_path / "data", HOUSE) as house:
            silent = await Caller(house).call()
            await until(lambda: len(house.links) == 1)
        await silent.gone.wait()


async def test_a_bound_peer_that_does_not_answer_the_unbind_is_left_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("smscd.daemon.house.DRAIN", 0.2)
    async with housed(tmp_path / "data", HOUSE) as house:
        peer = await caller(house)
        peer.data_received = lambda data: None  # type: ignore[method-assign]
    async with asyncio.timeout(PATIENCE):
        await peer.gone.wait()


async def test_a_start_that_cannot_have_its_address_says_which(tmp_path: Path, house: House) -> None:
    taken = HOUSE.replace("127.0.0.1:0", f"127.0.0.1:{port_of(house)}")
    second = House(configured(tmp_path / "second", taken))
    with pytest.raises(ConfigError, match=f"127.0.0.1:{port_of(house)}"):
        await second.start()
    await abandon(second)


# --- after one that never stopped -------------------------------------------------------------------------------------


async def test_what_a_killed_house_was_doing_is_taken_up(tmp_path: Path) -> None:
    house = House(configured(tmp_path / "data", HOUSE))
    await house.start()
    peer = await caller(house, kind=pdu.BindTransmitter)
    under_way = (await peer.ask(submit_sm(destination_addr=SLOW, registered_delivery=1))).message_id
    scheduled = (await peer.ask(submit_sm(schedule_delivery_time=b"000000010000000R"))).message_id
    reported = (await peer.ask(submit_sm(registered_delivery=1))).message_id
    await until(lambda: house.journey.scheduler.lane("esme:test").queued == 1)
    await abandon(house)
    async with housed(tmp_path / "data", HOUSE) as again:
        assert again.journey.connectors["handsets"].status()["in_flight"] == 1
        lanes = again.journey.scheduler.lanes
        assert (lanes["handsets"].queued, lanes["esme:test"].queued, again.journey.queued) == (1, 1, 2)
        assert again.counters.connector("handsets").in_doubt == 0
        back = await caller(again)
        (receipt,) = await back.deliveries(1)
        assert pdu.tlv.get(receipt.tlvs, pdu.Tag.receipted_message_id) == reported + b"\0"
        for message_id, state in ((under_way, MessageState.ENROUTE), (scheduled, MessageState.ENROUTE)):
            asked = pdu.QuerySm(message_id=message_id, source_addr=b"12345")
            assert (await back.ask(asked)).message_state == state
        assert (await back.ask(pdu.CancelSm(message_id=under_way))).command_status == pdu.ESME_ROK
        newer = (await back.ask(submit_sm())).message_id
        assert int(newer) > int(reported)


async def test_numbers_of_the_emulated_network_go_on_after_a_clean_stop(tmp_path: Path) -> None:
    for expected in (1, 2):
        async with housed(tmp_path / "data", HOUSE) as house:
            peer = await caller(house)
            message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
            (row,) = await house.store.find(message_id.decode())
            assert row.parts[0].upstream_message_id == str(expected)


async def test_nothing_is_repeated_however_often_a_house_is_killed(tmp_path: Path) -> None:
    message_ids = []
    for _ in range(3):
        house = House(configured(tmp_path / "data", HOUSE))
        await house.start()
        peer = await caller(house)
        message_ids.append((await peer.ask(submit_sm(destination_addr=SLOW))).message_id)
        await abandon(house)
    async with housed(tmp_path / "data", HOUSE) as house:
        assert house.journey.connectors["handsets"].status()["in_flight"] == 3
        rows = await house.store.listing(Listing())
        assert sorted(row.message_id.encode() for row in rows) == sorted(message_ids)


# --- reload -----------------------------------------------------------------------------------------------------------


async def test_a_reload_that_changes_nothing_changes_nothing(house: House, tmp_path: Path) -> None:
    peer = await caller(house)
    before = dict(house.journey.connectors)
    await apply(house, configured(tmp_path / "data", HOUSE))
    assert house.journey.connectors == before
    assert (await peer.ask(submit_sm())).command_status == pdu.ESME_ROK


async def test_new_accounts_may_bind_and_removed_ones_are_unbound(house: House, tmp_path: Path) -> None:
    await apply(house, configured(tmp_path / "data", HOUSE + OTHER))
    kept, leaving = await caller(house), await caller(house, system_id=b"other")
    await apply(house, configured(tmp_path / "data", HOUSE))
    await leaving.gone.wait()
    assert leaving.of(pdu.Unbind)
    assert (await kept.ask(submit_sm())).command_status == pdu.ESME_ROK
    refused = await (await Caller(house).call()).bind(system_id=b"other")
    assert refused.command_status != pdu.ESME_ROK


async def test_the_receipts_of_a_removed_account_are_there_when_it_comes_back(house: House, tmp_path: Path) -> None:
    await apply(house, configured(tmp_path / "data", HOUSE + OTHER))
    sender = await caller(house, system_id=b"other", kind=pdu.BindTransmitter)
    await sender.ask(submit_sm(registered_delivery=1))
    await until(lambda: house.journey.scheduler.lane("esme:other").queued == 1)
    await apply(house, configured(tmp_path / "data", HOUSE))
    await sender.gone.wait()
    await apply(house, configured(tmp_path / "data", HOUSE + OTHER))
    back = await caller(house, system_id=b"other")
    assert len(await back.deliveries(1)) == 1


async def test_a_changed_rule_of_the_network_holds_for_the_next_message(house: House, tmp_path: Path) -> None:
    peer = await caller(house)
    changed = HOUSE.replace('delay = "1h"', 'submit_status = "ESME_RSYSERR"')
    await apply(house, configured(tmp_path / "data", changed))
    assert (await peer.ask(submit_sm(destination_addr=SLOW))).command_status == pdu.ESME_RSYSERR
    assert (await peer.ask(submit_sm())).command_status == pdu.ESME_ROK


async def test_a_listener_that_is_added_listens_and_one_that_is_removed_keeps_its_links(
    house: House, tmp_path: Path
) -> None:
    await apply(house, configured(tmp_path / "data", HOUSE + ANOTHER_DOOR))
    by_the_new_door = await Caller(house).call(port_of(house, 1))
    await by_the_new_door.bind()
    await apply(house, configured(tmp_path / "data", HOUSE))
    assert len(house.receptions) == 1
    assert (await by_the_new_door.ask(submit_sm())).command_status == pdu.ESME_ROK
    assert len(house._sessions()) == 1


async def test_a_removed_network_finishes_what_it_has_and_one_that_comes_back_takes_up_the_rest(
    house: House, tmp_path: Path
) -> None:
    peer = await caller(house)
    message_id = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    other = HOUSE.replace("handsets", "elsewhere")
    await apply(house, configured(tmp_path / "data", other))
    assert (await peer.ask(pdu.QuerySm(message_id=message_id))).message_state == MessageState.ENROUTE
    await apply(house, configured(tmp_path / "data", HOUSE))
    assert (await peer.ask(submit_sm())).command_status == pdu.ESME_ROK
    (row,) = await house.store.find(message_id.decode())
    assert (row.stage, row.parts[0].attempt) == (Stage.LEASED, 1)


async def test_what_a_network_had_before_the_start_is_resumed_when_a_reload_brings_it_back(tmp_path: Path) -> None:
    async with housed(tmp_path / "data", HOUSE) as house:
        message_id = (await (await caller(house)).ask(submit_sm(destination_addr=SLOW))).message_id
    async with housed(tmp_path / "data", HOUSE.replace("handsets", "elsewhere")) as house:
        await apply(house, configured(tmp_path / "data", HOUSE))
        assert house.journey.connectors["handsets"].status()["in_flight"] == 1
        peer = await caller(house)
        assert (await peer.ask(pdu.CancelSm(message_id=message_id))).command_status == pdu.ESME_ROK


# --- upkeep -----------------------------------------------------------------------------------------------------------


async def test_what_nobody_reported_for_three_days_after_its_validity_is_given_up(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = await caller(house)
    asked = submit_sm(destination_addr=SLOW, registered_delivery=1, validity_period=b"000000020000000R")
    message_id = (await peer.ask(asked)).message_id
    now = house.clock.wall()
    monkeypatch.setattr(house.journey.clock, "wall", lambda: now + (72 + 3) * 3600 * SECOND)
    assert await house.upkeep.give_up() == 1
    (receipt,) = await peer.deliveries(1)
    assert b"stat:UNKNOWN" in receipt.short_message
    (row,) = await house.store.find(message_id.decode())
    assert (row.stage, row.message_state) == (Stage.CLOSED, MessageState.UNKNOWN)
    assert house.journey.connectors["handsets"].status()["in_flight"] == 0
    assert await house.upkeep.give_up() == 0


async def test_a_message_that_cannot_be_read_does_not_keep_back_those_behind_it(tmp_path: Path) -> None:
    async with housed(tmp_path / "data", HOUSE) as house:
        numbers = [house.journey.accept_mo(deliver_sm(text)).id for text in (b"first", b"second", b"third")]
        await house.store.committed()
    with sqlite3.connect(tmp_path / "data" / "smscd.db") as elsewhere:
        elsewhere.execute("UPDATE message SET pdu = x'00' WHERE id = ?", (numbers[1],))
    async with housed(tmp_path / "data", HOUSE) as house:
        peer = await caller(house)
        assert [one.short_message for one in await peer.deliveries(2)] == [b"first", b"third"]
        await until(lambda: not house.journey.scheduler.owned)
        assert house.journey.queued == 0
        assert house.journey.scheduler.lane("esme:test").queued == 0


async def test_finished_messages_are_forgotten_after_the_retention_and_others_are_not(house: House) -> None:
    peer = await caller(house)
    finished = (await peer.ask(submit_sm())).message_id
    waiting = (await peer.ask(submit_sm(destination_addr=SLOW))).message_id
    await until(lambda: house.counters.esme("test").closed)
    await house.upkeep.purge()
    assert await house.store.find(finished.decode())
    house.upkeep.remembers = StoreSettings(retention=0)
    await house.upkeep.purge()
    assert await house.store.find(finished.decode()) == []
    assert await house.store.find(waiting.decode())
