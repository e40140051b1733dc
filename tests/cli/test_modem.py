"""`smscd modem`, against a scripted daemon."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.cli.conftest import Serve, Smscd, scripted

UP: dict[str, Any] = {
    "name": "modem-1", "state": "up", "network": "[b]Net\x1b[2J", "registration": "home", "signal_dbm": -73,
    "queued": 4, "in_flight": 1, "stored": "0/30 ME", "number": "+447700900000",
    "device": "/dev/modem-1", "trouble": None,
}  # fmt: skip
ANSWER = {"what": "signal", "asked": "AT+CSQ", "said": "+CSQ: 20,0", "result": "OK"}


def test_piped_it_is_what_the_daemon_said(serve: Serve, smscd: Smscd) -> None:
    result = smscd("modem", "list", "--data-dir", serve({"modem.list": scripted([{"modems": [UP]}])}))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == {"modems": [UP]}


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_it_is_a_table(serve: Serve, smscd: Smscd) -> None:
    result = smscd("modem", "list", "--data-dir", serve({"modem.list": scripted([{"modems": [UP]}])}))
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("modem-1")]
    assert row.split()[:2] == ["modem-1", "up"]
    assert "-73" in row
    assert "\x1b[2J" not in result.stdout


@pytest.mark.usefixtures("terminal")
def test_no_modems_is_an_answer_too(serve: Serve, smscd: Smscd) -> None:
    result = smscd("modem", "list", "--data-dir", serve({"modem.list": scripted([{"modems": []}])}))
    assert (result.exit_code, result.stdout.strip()) == (0, "no modems")


@pytest.mark.usefixtures("terminal")
def test_a_test_shows_what_was_asked_and_said(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    command = scripted([{"name": "modem-1", "answers": [ANSWER]}], heard)
    result = smscd("modem", "test", "modem-1", "--to", "+44", "--data-dir", serve({"modem.test": command}))
    assert "AT+CSQ" in result.stdout
    assert heard == [{"name": "modem-1", "to": "+44"}]


@pytest.mark.usefixtures("terminal")
def test_ussd_prints_what_the_network_said(serve: Serve, smscd: Smscd) -> None:
    heard: list[dict[str, Any]] = []
    command = scripted([{"text": "Balance: 5.00", "status": "no further action"}], heard)
    result = smscd("modem", "ussd", "modem-1", "*100#", "--data-dir", serve({"modem.ussd": command}))
    assert result.stdout.strip() == "Balance: 5.00"
    assert heard == [{"name": "modem-1", "code": "*100#"}]


@pytest.mark.usefixtures("terminal")
def test_one_modem_is_shown_name_by_name(serve: Serve, smscd: Smscd) -> None:
    shown = {**UP, "outcomes": {"accepted": 3}}
    result = smscd("modem", "show", "modem-1", "--data-dir", serve({"modem.show": scripted([shown])}))
    assert "signal_dbm" in result.stdout
    assert "accepted" in result.stdout
