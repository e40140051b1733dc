"""What the log says at info, and what it never says; what a peer types cannot look like a line of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from smscd import pdu
from tests.hostile.accounts import BATTERY, PASSWORD, SENDER
from tests.hostile.house import House
from tests.hostile.peer import Peer, submit
from tests.running import Running

TEXT, HANDSET = "attack at dawn", "447700900789"
ESCAPES = b"\x1b[2J\r\n2026-01-01T00:00:00Z info bound\x1b[0m"


@pytest.fixture
def console(tmp_path: Path) -> Iterator[Running]:
    """A smscd that logs to a terminal: there escapes would do harm."""
    with Running(tmp_path, f'[smscd]\nlog_format = "console"\n{BATTERY}') as running:
        yield running


def live_through_everything(running: Running) -> None:
    """Whatever is logged at info happens once: binds, refusals, deferrals, cancellations, MO, dead letters, breaks."""
    for system_id, password in ((b"loud", PASSWORD.encode() + b"!"), (ESCAPES, PASSWORD.encode()), (b"loud", ESCAPES)):
        with Peer(running.port) as peer:
            peer.ask(pdu.BindTransceiver(system_id=system_id, password=password, system_type=b"\x1b[31m"))
    with Peer(running.port).bind("loud", PASSWORD) as peer:
        peer.ask(submit(TEXT.encode(), receipt=True, source_addr=SENDER.encode(), destination_addr=HANDSET.encode()))
        receipt = peer.hear()
        assert isinstance(receipt, pdu.DeliverSm)
        peer.send(pdu.deliver_sm_resp(receipt.sequence_number, 0xFF))
        answer = peer.ask(submit(TEXT.encode(), source_addr=SENDER.encode(), destination_addr=b"447000900789"))
        assert isinstance(answer, pdu.SubmitSmResp)
        message_id = answer.message_id or b""
        for request in (
            submit(TEXT.encode(), source_addr=ESCAPES[:18], source_addr_ton=5),
            submit(TEXT.encode(), destination_addr=ESCAPES[:20]),
            submit(TEXT.encode(), service_type=b"\x1b[2J"),
            pdu.QuerySm(message_id=ESCAPES, source_addr=SENDER.encode()),
            pdu.ReplaceSm(message_id=message_id, source_addr=SENDER.encode(), short_message=TEXT.encode() * 2),
            pdu.CancelSm(message_id=message_id, source_addr=SENDER.encode()),
        ):
            peer.ask(request)
        running.ask("mo", **{"from": HANDSET, "to": SENDER, "text": TEXT})
        peer.send(b"GET /" + ESCAPES)
        peer.rest()


def test_neither_text_nor_password_nor_number_nor_escape_reaches_a_terminal(console: Running) -> None:
    live_through_everything(console)
    console.kill()
    text = console.log.read_text()
    assert "unframeable" in text
    assert "bind refused" in text
    assert "deferred" in text
    for secret in (TEXT, PASSWORD, SENDER, HANDSET):
        assert secret not in text, f"{secret!r} is in the log"
    assert "\x1b" not in text
    assert "\r" not in text
    lines = [line for line in text.splitlines() if not line.startswith("    | ")]
    forged = [line for line in lines if line.startswith("2026-01-01")]
    assert forged == []


def test_neither_text_nor_password_nor_number_reaches_a_journal(house: House) -> None:
    live_through_everything(house.running)
    text = house.running.log.read_text()
    for secret in (TEXT, PASSWORD, SENDER, HANDSET):
        assert secret not in text, f"{secret!r} is in the log"
    for line in text.splitlines():
        assert isinstance(json.loads(line), dict)
        assert line.isascii()
        assert line.isprintable()


def test_an_mo_that_nobody_receives_is_logged_with_a_masked_number(house: House) -> None:
    house.running.ask("mo", **{"from": HANDSET, "to": "447700900999", "text": TEXT})
    house.running.wait_for("mo without receiver", to="4477****0999")
