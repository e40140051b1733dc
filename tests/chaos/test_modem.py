"""A modem, hundreds of messages, and what may go wrong between Ctrl-Z and +CMGS."""

from __future__ import annotations

import asyncio
from collections import Counter
from pathlib import Path

import pytest

from smscd import pdu
from tests.chaos.esme import Esme, message
from tests.chaos.ledger import Ledger
from tests.chaos.plugged import Plugged

COUNT = 270


def to_one_handset(tag: bytes) -> pdu.SubmitSm:
    return message(tag, destination_addr=b"447700900123")


async def test_270_messages_to_one_handset_wrap_the_reference_and_each_gets_its_own_receipt(tmp_path: Path) -> None:
    """Status reports name a message by one octet and its recipient: here all have the same recipient."""
    with Plugged(tmp_path, mr=200, report_delay=0.2) as modem:
        modem.tell("rule text=*7 st=0x45")
        modem.tell("rule text=*3 st=0x46 delay=0.5")  # overtaken by those after it
        with modem.gateway(tmp_path) as gateway:
            esme = await Esme(Ledger(), window=20).bind(gateway.port)
            esme.pump(to_one_handset, COUNT)
            await esme.ledger.until(lambda: len(esme.ledger.accepted) == COUNT and not esme.ledger.open)
            assert not esme.ledger.contradictions()
            assert not esme.ledger.duplicates
            expected = {ord("7"): "UNDELIV", ord("3"): "EXPIRED"}
            assert all(one.stat == expected.get(one.tag[-1], "DELIVRD") for one in esme.ledger.receipts)
            assert Counter(one.stat for one in esme.ledger.receipts)["DELIVRD"] == COUNT * 8 // 10
            assert sorted(modem.submits) == sorted(tag.decode() for tag in esme.ledger.accepted)
            await esme.leave()


async def test_reports_that_overtake_the_answer_are_not_lost(tmp_path: Path) -> None:
    with Plugged(tmp_path, report_first=True, network_delay=0.02) as modem, modem.gateway(tmp_path) as gateway:
        esme = await Esme(Ledger()).bind(gateway.port)
        esme.pump(message, 20)
        await esme.ledger.until(lambda: len(esme.ledger.accepted) == 20 and not esme.ledger.open)
        assert [one.stat for one in esme.ledger.receipts] == ["DELIVRD"] * 20
        await esme.leave()


async def test_more_messages_than_the_sim_holds_arrive_all_the_same(tmp_path: Path) -> None:
    with Plugged(tmp_path, slots=3, memories=("SM",)) as modem:
        texts = [f"text {number}" for number in range(20)]
        for text in texts:
            modem.tell(f"mo +447700900777 {text}")
        assert len(modem.modem.network.waiting) == 17
        with modem.gateway(tmp_path) as gateway:
            esme = await Esme(Ledger()).bind(gateway.port)
            await esme.ledger.until(lambda: len(esme.ledger.mo) == 20)
            assert esme.ledger.mo == Counter(text.encode() for text in texts)
            await modem.until(lambda: not modem.modem.memories["SM"].messages)
            await esme.leave()


@pytest.mark.parametrize(("in_doubt", "sent"), [("fail", 1), ("hold", 1), ("resend", 2)])
async def test_a_kill_between_ctrl_z_and_the_answer_is_doubt_and_nothing_is_sent_twice_unasked(
    tmp_path: Path, in_doubt: str, sent: int
) -> None:
    # no report tells what became of the attempt that nobody saw answered
    with Plugged(tmp_path, network_delay=30.0, report_delay=30.0) as modem:
        gateway = modem.gateway(tmp_path, f'in_doubt = "{in_doubt}"')
        with gateway:
            esme = await Esme(Ledger()).bind(gateway.port)
            answer = await esme.submit()
            assert isinstance(answer, pdu.SubmitSmResp)
            assert answer.message_id
            await modem.until(lambda: modem.submits)
            gateway.kill()
            await esme.gone.wait()
            modem.modem.power_on()
            modem.modem.profile.network_delay = modem.modem.profile.report_delay = 0.0
            await asyncio.to_thread(gateway.start)
            esme = await Esme(esme.ledger).bind(gateway.port)
            if in_doubt == "hold":
                await asyncio.to_thread(gateway.wait_for, "modem up")
                found = await asyncio.to_thread(gateway.ask, "message.show", message_id=answer.message_id.decode())
                assert found["stage"] == "HELD"
            else:
                await esme.ledger.until(lambda: not esme.ledger.open)
                stat = {"fail": "UNKNOWN", "resend": "DELIVRD"}[in_doubt]
                assert [one.stat for one in esme.ledger.receipts] == [stat]
            another = await esme.submit()  # goes its way, whatever became of the one before
            assert another.command_status == pdu.ESME_ROK
            await modem.until(lambda: modem.submits[-1] != modem.submits[0])
            assert Counter(modem.submits)[modem.submits[0]] == sent
            await esme.leave()


@pytest.mark.parametrize(("where", "stat"), [("prompt", "DELIVRD"), ("sent", "UNKNOWN")])
async def test_the_modem_vanishes_in_the_middle_of_sending_and_comes_back(
    tmp_path: Path, where: str, stat: str
) -> None:
    """Before Ctrl-Z nothing has left: it is sent when the port is back. After it, nobody knows."""
    settings = {"accident": "hangup", "accident_at": where, "away": 0.1, "reports": where == "prompt"}
    with Plugged(tmp_path, **settings) as modem, modem.gateway(tmp_path) as gateway:
        esme = await Esme(Ledger()).bind(gateway.port)
        await esme.submit()
        await esme.ledger.until(lambda: not esme.ledger.open)
        assert [one.stat for one in esme.ledger.receipts] == [stat]
        modem.modem.profile.reports = True
        await esme.submit()
        await esme.ledger.until(lambda: not esme.ledger.open)
        assert esme.ledger.receipts[-1].stat == "DELIVRD"
        await esme.leave()
