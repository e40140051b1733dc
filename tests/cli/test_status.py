"""`smscd status`, against a scripted daemon."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
import termios
from typing import Any

import pytest

from smscd.cli.complaint import printable
from smscd.cli.output import duration, moment
from smscd.errors import ControlError
from tests.cli.conftest import Serve, Smscd, scripted

NOW: dict[str, Any] = {
    "system_id": "smscd",
    "version": "0.1.0",
    "uptime_s": 93784.2,
    "listeners": [
        {"address": "127.0.0.1:0", "port": 2775, "tls": False}, {"address": "[::]:3550", "port": 3550, "tls": True},
    ],
    "data_dir": "/var/lib/smscd",
    "sessions": [
        {
            "system_id": "test", "bind": "transceiver", "peer": "127.0.0.1:40000", "interface_version": 0x34,
            "window": 100, "owed": 3, "in_flight": 20, "since": 1_800_000_000_000_000,
        },
        {
            "system_id": "[red]evil\x1b[2J", "bind": "receiver", "peer": "[::1]:40001", "interface_version": "0x50",
            "window": 10, "owed": 0, "in_flight": 0, "since": "2027-01-15T09:30:00+01:00",
        },
    ],
    "connectors": [{"name": "handsets", "kind": "emulator", "state": "up", "queued": 5, "in_flight": 1, "credit": 99}],
    "queue": {"queued": 5, "leased": 1, "waiting_for_esme": 7, "dead": 2},
    "rates": {"accepted_per_s": 120.5, "closed_per_s": 119.0, "receipts_per_s": 60.0},
    "totals": {"messages_accepted": 123456, "receipts": 99},
}  # fmt: skip


def test_what_a_terminal_may_obey_is_escaped_in_json_too(serve: Serve, smscd: Smscd) -> None:
    """JSON escapes what is below the space; above DEL are as many control characters, and 0x9B is ESC [ to some."""
    sneaky = "a\x7f\x9b31m\u202egnp.exe\u2066\u00e9\u20ac"
    result = smscd("status", "--json", "--data-dir", serve({"status": scripted([{"system_id": sneaky}])}))
    assert json.loads(result.stdout) == {"system_id": sneaky}
    assert r'"a\u007f\u009b31m\u202egnp.exe\u2066é€"' in result.stdout


def test_piped_it_is_what_the_daemon_said(serve: Serve, smscd: Smscd) -> None:
    result = smscd("status", "--data-dir", serve({"status": scripted([NOW])}))
    assert result.exit_code == 0
    assert json.loads(result.stdout) == NOW
    assert "\x1b" not in result.stdout


@pytest.mark.usefixtures("terminal")
def test_on_a_terminal_it_is_tables(serve: Serve, smscd: Smscd) -> None:
    result = smscd("status", "--data-dir", serve({"status": scripted([NOW])}))
    assert result.exit_code == 0
    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines() if line.strip()}
    assert rows["smscd,"] == ["smscd,", "smscd", "0.1.0,", "up", "1d", "2h,", "data", "in", "/var/lib/smscd"]
    assert "listening on: 127.0.0.1:2775, [::]:3550 (TLS)" in result.stdout
    assert "5 queued, 1 on their way, 7 waiting for an ESME, 2 dead letters" in result.stdout
    assert "per second: 120.5 accepted, 119.0 closed, 60.0 receipts" in result.stdout
    assert "since the start: 123456 messages accepted, 99 receipts" in result.stdout
    assert rows["test"] == [
        "test", "transceiver", "127.0.0.1:40000", "3.4", "100", "20", "3", "2027-01-15", "08:00:00Z"
    ]  # fmt: skip
    assert rows["[red]evil\\x1b[2J"][1:4] == ["receiver", "[::1]:40001", "5.0"]
    assert rows["handsets"] == ["handsets", "emulator", "up", "5", "1", "99"]


@pytest.mark.usefixtures("terminal")
def test_a_system_id_can_neither_colour_nor_clear_the_terminal(serve: Serve, smscd: Smscd) -> None:
    shown = smscd("status", "--data-dir", serve({"status": scripted([NOW])})).stdout
    assert "[red]evil\\x1b[2J" in shown
    assert "\x1b[2J" not in shown


@pytest.mark.usefixtures("terminal")
def test_json_is_given_on_a_terminal_too(serve: Serve, smscd: Smscd) -> None:
    result = smscd("status", "--json", "--data-dir", serve({"status": scripted([NOW])}))
    assert json.loads(result.stdout) == NOW


@pytest.mark.usefixtures("terminal")
def test_a_fresh_daemon_without_anything_is_shown_as_such(serve: Serve, smscd: Smscd) -> None:
    fresh = NOW | {"sessions": [], "connectors": [], "queue": {}, "rates": {}, "totals": {}, "uptime_s": 0}
    result = smscd("status", "--data-dir", serve({"status": scripted([fresh])}))
    assert result.exit_code == 0
    assert "queue: nothing" in result.stdout
    assert "per second: nothing" in result.stdout


def test_watching_through_a_pipe_is_a_line_per_look_until_the_daemon_stops(serve: Serve, smscd: Smscd) -> None:
    looks = scripted([{"n": 1}, {"n": 2}, ControlError("stopping", "later")])
    result = smscd("status", "--watch", "--interval", "0.01", "--data-dir", serve({"status": looks}))
    assert result.exit_code == 1
    assert [json.loads(line) for line in result.stdout.splitlines()] == [{"n": 1}, {"n": 2}]
    assert result.stderr == "error: stopping\ntry: later\n"


@pytest.mark.usefixtures("terminal")
def test_watching_on_a_terminal_ends_well_with_ctrl_c(
    serve: Serve, smscd: Smscd, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[float] = []

    def look_away(seconds: float) -> None:
        looks.append(seconds)
        if len(looks) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr("smscd.cli.status.time.sleep", look_away)
    data_dir = serve({"status": scripted([NOW, NOW])})
    result = smscd("status", "--watch", "--data-dir", data_dir)
    assert (result.exit_code, looks) == (0, [1.0, 1.0])


def test_on_a_real_terminal_the_tables_fit_its_width(serve: Serve) -> None:
    data_dir = serve({"status": scripted([NOW])})
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 120))
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"} | {"TERM": "xterm"}
    process = subprocess.Popen(
        [sys.executable, "-m", "smscd", "status", "--data-dir", str(data_dir)],
        stdout=theirs,
        stderr=subprocess.PIPE,
        env=environment,
    )
    os.close(theirs)
    shown = b""
    while chunk := _read(ours):
        shown += chunk
    assert process.wait(30) == 0
    os.close(ours)
    assert process.stderr is not None
    process.stderr.close()
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).splitlines()
    assert "Sessions" in [line.strip() for line in lines]
    (session,) = [line.split() for line in lines if line.startswith("test ")]
    assert session[1:3] == ["transceiver", "127.0.0.1:40000"]
    assert max(map(len, lines)) <= 120


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:  # Linux says EIO when the other end of a pty has closed
        return b""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59.9, "59s"), (61, "1m 1s"), (3600, "1h"), (93784, "1d 2h"), (86400 * 400 + 5, "400d 5s")],
)
def test_durations_have_two_units(seconds: float, said: str) -> None:
    assert duration(seconds) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (1_800_000_000_999_999, "2027-01-15 08:00:00Z"),
        ("2027-01-15T09:00:00+01:00", "2027-01-15 08:00:00Z"),
        (0, ""),
        (None, ""),
        ("soon", "soon"),
    ],
)
def test_moments_are_utc(value: Any, said: str) -> None:
    assert moment(value) == said


def test_what_moves_a_cursor_is_escaped() -> None:
    assert printable("grüße 😀 [b]") == "grüße 😀 [b]"
    assert printable("a\x1b[2J\r\n\u202e") == "a\\x1b[2J\\r\\n\\u202e"
