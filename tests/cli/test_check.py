"""`smscd check` as a person and as a program meet it."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from smscd.cli.check import check
from tests.config.writing import SOUND

app = typer.Typer()
app.command()(check)
runner = CliRunner()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "smscd.toml"
    path.write_text(SOUND, encoding="utf-8")
    return path


def test_a_file_with_nothing_but_warnings_passes(file: Path) -> None:
    result = runner.invoke(app, [str(file)])
    assert result.exit_code == 0
    first, last = result.stdout.splitlines()
    assert first.startswith(f"{file}: warning: there is no [opt_out] section")
    assert last == f"{file}: sound, 1 warning"


def test_without_an_argument_the_file_is_checked_that_run_would_take(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMSCD_CONFIG", str(file))
    result = runner.invoke(app, [])
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, f"{file}: sound, 1 warning")


def test_errors_are_all_printed_and_the_answer_is_no(file: Path) -> None:
    file.write_text('[smscd]\nnode_id = 4711\nlog_format = "jsn"\n' + SOUND, encoding="utf-8")
    result = runner.invoke(app, [str(file)])
    assert result.exit_code == 1
    assert result.stdout.splitlines()[1:] == [
        f"{file}:2: smscd.node_id = 4711: is too large; allowed: a whole number, 0 to 1023",
        (
            f'{file}:3: smscd.log_format = "jsn": is none of the words it may be; allowed: console | json; did you mean'
            ' "json"?'
        ),
        f"{file}: 2 errors, 1 warning",
    ]


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    result = runner.invoke(app, [str(tmp_path / "none.toml")])
    assert result.exit_code == 1
    assert "cannot be read: No such file or directory" in result.stdout


def test_an_unknown_option_is_wrong_usage(file: Path) -> None:
    assert runner.invoke(app, [str(file), "--jsn"]).exit_code == 2


def test_programs_get_the_same_as_json(file: Path) -> None:
    file.write_text('[[esme]]\nsystem_id = "x"\nrate = "fast"\n' + SOUND, encoding="utf-8")
    result = runner.invoke(app, [str(file), "--json"])
    assert result.exit_code == 1
    off, none, rate = json.loads(result.stdout)
    assert (off["severity"], off["line"], off["refuses_to_run"]) == ("warning", 0, False)
    assert none["what"] == 'ESME "x" has no password'
    assert rate == {
        "severity": "error",
        "file": str(file),
        "line": 3,
        "key": "esme.rate",
        "value": '"fast"',
        "what": "is not a number",
        "allowed": "a number, 0 to 1000000",
        "did_you_mean": "",
        "refuses_to_run": True,
    }


def test_secrets_that_systemd_will_hand_over_are_a_warning_and_the_verdict_says_what_was_not_seen(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CREDENTIALS_DIRECTORY", raising=False)
    account = '[[esme]]\nsystem_id = "x"\npassword_file = "$CREDENTIALS_DIRECTORY/x"\n'
    file.write_text(account + SOUND, encoding="utf-8")
    result = runner.invoke(app, [str(file)])
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == (
        f"{file}: sound, 2 warnings; 1 file in $CREDENTIALS_DIRECTORY could not be looked at, and `smscd run` needs it"
    )


def test_no_port_is_opened(file: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        file.write_text(SOUND.replace("127.0.0.1:2775", address), encoding="utf-8")
        assert runner.invoke(app, [str(file)]).exit_code == 0
