"""Through a modem and back: sent, reported, received, opted out."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from smscd import pdu, text
from smscd.connectors.modem.tpdu import Submit
from smscd.errors import ControlError
from tests.chaos.esme import Esme, message
from tests.connectors.modem.between import plugged
from tests.connectors.modem.fake import FakeModem
from tests.connectors.smpp.between import all_reported, closed, shown, submitted
from tests.running import until

LONG = "Ein langer Text, der nicht in eine Nachricht passt. " * 5


async def test_a_message_leaves_and_its_status_report_becomes_a_receipt(tmp_path: Path) -> None:
    async with plugged(tmp_path) as (gateway, esme, modem):
        message_id = await submitted(esme)
        await modem.until(lambda: modem.submits)
        (submit,) = modem.submits
        assert (submit.destination_addr.addr, submit.destination_addr.ton) == ("447700000001", 1)
        assert submit.text == "A00000001"
        assert submit.status_report
        modem.report(submit)
        await all_reported(esme)
        assert [(one.message_id, one.stat) for one in esme.ledger.receipts] == [(message_id, "DELIVRD")]
        assert (await shown(gateway, message_id))["parts"][0]["upstream_message_id"] == "1-00000001"


async def test_a_message_from_a_handset_is_stored_before_it_is_deleted_from_the_sim(tmp_path: Path) -> None:
    async with plugged(tmp_path) as (gateway, esme, modem):
        modem.receive(b"hello from afar")
        await esme.ledger.until(lambda: esme.ledger.mo[b"hello from afar"] == 1)
        await modem.until(lambda: not modem.stored)
        found = await asyncio.to_thread(gateway.ask, "message.list", kind="MO")
        (mo,) = found["messages"]
        assert (mo["source_addr"], mo["destination_addr"]) == ("447700900123", "447700900000")


async def test_what_arrived_while_nobody_listened_is_found_at_the_start(tmp_path: Path) -> None:
    modem = FakeModem(tmp_path / "modem").plug()
    modem.receive(b"before the start")
    modem.receive("später €".encode("utf-16-be"), tp_dcs=8)
    modem.unplug()
    async with plugged(tmp_path, modem=modem) as (_gateway, esme, _):
        await esme.ledger.until(lambda: len(esme.ledger.mo) == 2)
        assert esme.ledger.mo_order == [b"before the start", "später €".encode("utf-16-be")]
        await modem.until(lambda: not modem.stored)


async def test_a_stop_by_modem_is_confirmed_by_it_and_blocks_the_next_submit(tmp_path: Path) -> None:
    opt_out = '[opt_out]\npacks = ["us"]\nscope = "pair"\n'
    async with plugged(tmp_path, tables=opt_out) as (_gateway, esme, modem):
        modem.receive(b"STOP", sender="447700000001")
        await modem.until(lambda: modem.submits)
        assert modem.submits[0].destination_addr.addr == "447700000001"
        assert not modem.submits[0].status_report
        refused = await esme.submit()  # to the same handset, from whatever sender: it sees the modem's number
        assert refused.command_status != pdu.ESME_ROK
        accepted = await esme.submit()
        assert accepted.command_status == pdu.ESME_ROK


async def test_a_long_ucs2_message_leaves_in_parts_and_comes_back_as_one_receipt(tmp_path: Path) -> None:
    async with plugged(tmp_path) as (gateway, esme, modem):
        octets = ("Привет, мир! 😀 " * 12).encode("utf-16-be")
        tlvs = [(int(pdu.Tag.message_payload), octets)]
        message_id = await submitted(esme, lambda tag: message(tag, short_message=b"", data_coding=8, tlvs=tlvs))
        await modem.until(lambda: len(modem.submits) == 3)
        assert b"".join(submit.user_data[6:] for submit in modem.submits) == octets
        assert [submit.user_data[5] for submit in modem.submits] == [1, 2, 3]
        assert "AT+CMMS=2" in modem.asked
        for reference, submit in enumerate(modem.submits, start=1):
            modem.report(submit, reference, 0x46 if reference == 2 else 0)
        await all_reported(esme)
        assert [(one.message_id, one.stat) for one in esme.ledger.receipts] == [(message_id, "EXPIRED")]
        parts = (await shown(gateway, message_id))["parts"]
        assert [part["upstream_message_id"] for part in parts] == ["1-00000001", "2-00000001", "3-00000001"]


async def test_a_long_message_from_a_handset_is_one_message_to_the_esme(tmp_path: Path) -> None:
    with_parts = text.segment(LONG, reference=7)
    async with plugged(tmp_path) as (gateway, esme, modem):
        for part in reversed(with_parts):
            modem.receive(part.octets, udhi=True)
        await modem.until(lambda: not modem.stored)
        await esme.ledger.until(lambda: esme.ledger.mo_order)
        assert len(esme.ledger.mo_order) == 1
        listed = (await asyncio.to_thread(gateway.ask, "message.list", kind="MO"))["messages"]
        stories = [
            await asyncio.to_thread(gateway.ask, "message.show", message_id=one["message_id"], text=True)
            for one in listed
        ]
        assert [story["text"] for story in stories].count(LONG) == 1


async def test_two_modems_share_what_there_is_to_do_and_one_takes_over_from_the_other(tmp_path: Path) -> None:
    second = FakeModem(tmp_path / "second").plug()
    pool = (
        f'[[connector]]\nname = "modem-2"\nkind = "modem"\ndevice = "{second.link}"\nnumber = "+447700900002"\n'
        'reconnect = "50ms"\n'
    )
    async with plugged(tmp_path, tables=pool) as (gateway, esme, first):
        text_of = gateway.config.read_text().replace(
            'connectors = ["modem-1"]', 'connectors = ["modem-1", "modem-2"]\nstrategy = "least-busy"'
        )
        await asyncio.to_thread(gateway.reload, text_of)
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        await asyncio.to_thread(gateway.wait_for, "modem up", count=2)
        for _ in range(10):
            await esme.submit()
        await asyncio.to_thread(until, lambda: len(first.submits) + len(second.submits) == 10)
        assert min(len(first.submits), len(second.submits)) >= 3
        second.unplug()
        await asyncio.to_thread(gateway.wait_for, "modem is away", connector="modem-2")
        for _ in range(4):
            await esme.submit()
        await asyncio.to_thread(until, lambda: len(first.submits) + len(second.submits) == 14)


async def test_the_operator_sees_and_asks_a_modem(tmp_path: Path) -> None:
    async with plugged(tmp_path, 'in_doubt = "hold"') as (gateway, _esme, modem):
        modem.answers['AT+CUSD=1,"*100#",15'] = 'OK\r\n\r\n+CUSD: 0,"Your balance is 5.00",15\r\n\r\nOK'
        (listed,) = (await asyncio.to_thread(gateway.ask, "modem.list"))["modems"]
        assert (listed["state"], listed["imei"], listed["signal_dbm"]) == ("up", "356938035643809", -73)
        shown_modem = await asyncio.to_thread(gateway.ask, "modem.show", name="modem-1")
        assert shown_modem["service_centre"] == "+447785016005"
        answer = await asyncio.to_thread(gateway.ask, "modem.ussd", name="modem-1", code="*100#")
        assert answer["text"] == "Your balance is 5.00"
        tested = await asyncio.to_thread(gateway.ask, "modem.test", name="modem-1", to="+447700900123")
        assert tested["answers"][-1]["said"] == "+CMGS: 1"
        assert modem.submits[0].text == "smscd modem test"
        with pytest.raises(ControlError, match="no modem"):
            await asyncio.to_thread(gateway.ask, "modem.show", name="modem-9")


async def test_an_answer_that_comes_late_spares_the_doubt(tmp_path: Path) -> None:
    async with plugged(tmp_path, 'in_doubt = "hold"\nsend_timeout = "1s"') as (gateway, esme, modem):
        modem.on_submit = modem.submits.append
        message_id = await submitted(esme)
        await closed(gateway, message_id, "HELD")
        modem.say("+CMGS: 77\r\n\r\nOK")
        await asyncio.to_thread(gateway.wait_for, "late answer", message_id=message_id, too_late=False)
        modem.report(modem.submits[0], 77)
        await all_reported(esme)
        assert [one.stat for one in esme.ledger.receipts] == ["DELIVRD"]
        assert len(modem.submits) == 1


async def test_a_report_that_overtakes_its_answer_finds_it(tmp_path: Path) -> None:
    async with plugged(tmp_path) as (_gateway, esme, modem):

        def overtaken(submit: Submit) -> str | None:
            modem.report(submit, modem.reference + 1 & 0xFF)
            return modem.take(submit)

        modem.on_submit = overtaken
        for _ in range(3):
            await esme.submit()
        await all_reported(esme)
        assert {one.stat for one in esme.ledger.receipts} == {"DELIVRD"}


async def test_a_reload_leaves_a_modem_alone_unless_it_is_another(tmp_path: Path) -> None:
    async with plugged(tmp_path) as (gateway, esme, modem):
        await asyncio.to_thread(gateway.reload, gateway.config.read_text().replace('"100ms"', '"200ms"'))
        await asyncio.to_thread(gateway.wait_for, "reloaded")
        assert modem.asked.count("AT+CMGF=0") == 1
        await asyncio.to_thread(gateway.reload, gateway.config.read_text().replace("900000", "900009"))
        await asyncio.to_thread(gateway.wait_for, "modem up", count=2)
        await esme.submit()
        await modem.until(lambda: modem.submits)
        (listed,) = (await asyncio.to_thread(gateway.ask, "modem.list"))["modems"]
        assert listed["number"] == "+447700900009"
        gone = gateway.config.read_text().replace('connectors = ["modem-1"]', 'connectors = ["esme:test"]')
        before, _, after = gone.partition("[[connector]]")
        await asyncio.to_thread(gateway.reload, f"{before}[[route]]{after.partition('[[route]]')[2]}")
        await asyncio.to_thread(gateway.wait_for, "reloaded", count=3)
        assert (await asyncio.to_thread(gateway.ask, "modem.list"))["modems"] == []


async def test_a_clean_stop_reads_nothing_twice(tmp_path: Path) -> None:
    async with plugged(tmp_path) as (gateway, esme, modem):
        for number in range(5):
            modem.receive(b"message %d" % number)
        await asyncio.to_thread(gateway.stop)
        await asyncio.to_thread(gateway.start)
        again = await Esme(esme.ledger).bind(gateway.port)
        await esme.ledger.until(lambda: len(esme.ledger.mo) == 5)
        await modem.until(lambda: not modem.stored)
        assert set(esme.ledger.mo.values()) == {1}
        await again.leave()
