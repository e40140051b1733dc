"""python-gsmmodem, a driver in threads, uses the emulated modem in PDU mode and in text mode."""

from __future__ import annotations

import queue
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.interop.emulated import Emulated, emulated
from tests.machine import PATIENCE

modem = pytest.importorskip(
    "gsmmodem.modem", reason="PYTHON-GSMMODEM WAS NOT TESTED: it is not installed (pip install python-gsmmodem-new)"
)

pytestmark = pytest.mark.interop


@pytest.fixture
def emulation(tmp_path: Path) -> Iterator[Emulated]:
    with emulated(tmp_path, "--set", "report_delay=0.2") as emulation:
        yield emulation


def test_it_sends_waits_for_reports_receives_and_asks_for_the_balance(emulation: Emulated) -> None:
    received: queue.Queue[Any] = queue.Queue()
    driver = modem.GsmModem(str(emulation.device), 115200, smsReceivedCallbackFunc=received.put)
    driver.smsTextMode = False
    driver.connect()
    try:
        assert (driver.imei, driver.imsi) == ("490154203237518", "234150000000001")
        for text_mode in (False, True):
            driver.smsTextMode = text_mode
            sent = driver.sendSms("+447700900123", "Hello [€]", waitForDeliveryReport=True, deliveryTimeout=PATIENCE)
            assert sent.status == modem.SentSms.DELIVERED
            assert emulation.wait("submit")["text"] == "Hello [€]"
            emulation.tell("mo +447700900777 Hi")
            sms = received.get(timeout=PATIENCE)
            assert (sms.number, sms.text) == ("+447700900777", "Hi")
        assert driver.sendUssd("*100#").message == "Your balance is 12.34"
    finally:
        driver.close()
