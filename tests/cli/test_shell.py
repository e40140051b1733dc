"""The shell around the commands: what is loaded, how errors are told, which exit code ends it."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from smscd import __version__
from smscd.cli import COMMANDS, load
from smscd.errors import ConfigError, ControlError, StoreBroken, StoreFull
from tests.cli.conftest import Serve, Smscd, scripted


def test_the_version_is_told(smscd: Smscd) -> None:
    result = smscd("--version")
    assert (result.exit_code, result.stdout) == (0, f"smscd {__version__}\n")


def test_help_names_every_command(smscd: Smscd) -> None:
    result = smscd("--help")
    assert result.exit_code == 0
    listed = result.stdout.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line.startswith("  ")] == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_loads_and_explains_itself(name: str, smscd: Smscd) -> None:
    result = smscd(name, "--help")
    assert result.exit_code == 0, result.output
    assert load(name).help
    assert f"Usage: smscd {name}" in result.stdout


def test_no_command_at_all_is_wrong_usage_and_shows_the_help(smscd: Smscd) -> None:
    result = smscd()
    assert result.exit_code == 2
    assert "Usage: smscd" in result.stderr


def test_a_mistyped_command_is_met_with_the_right_one(smscd: Smscd) -> None:
    result = smscd("statsu")
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr == "error: No such command 'statsu'. Did you mean 'status'?\ntry: smscd --help\n"


@pytest.mark.parametrize(
    ("words", "reason", "remedy"),
    [
        (("mo", "hello", "--to", "1"), "Missing option '--from'", "smscd mo --help"),
        (("status", "--jsno"), "No such option", "smscd status --help"),
        (("message", "show"), "Missing argument", "smscd message show --help"),
        (("message", "lits"), "No such command 'lits'", "smscd message --help"),
        (("status", "--interval", "soon"), "Invalid value for '--interval'", "smscd status --help"),
        (("status", "now"), "Got unexpected extra argument", "smscd status --help"),
    ],
)
def test_wrong_usage_is_two_lines_and_exit_code_2(
    words: tuple[str, ...], reason: str, remedy: str, smscd: Smscd
) -> None:
    result = smscd(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    what, remedy_line = result.stderr.splitlines()
    assert what.startswith(f"error: {reason}")
    assert remedy_line == f"try: {remedy}"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ControlError("no message 42", "smscd message list"), "error: no message 42\ntry: smscd message list\n"),
        (ControlError("just no"), "error: just no\n"),
        (ConfigError(["a.toml:1: x", "a.toml:2: y"]), "error: a.toml:1: x\nerror: a.toml:2: y\n"),
        (StoreBroken("smscd.db: disk I/O error"), "error: smscd.db: disk I/O error\n"),
        (StoreFull("smscd.db: disk is full"), "error: smscd.db: disk is full\ntry: make room on that disk\n"),
        (
            FileNotFoundError(2, "No such file or directory", "gone.txt"),
            "error: gone.txt: No such file or directory\ntry: ",
        ),
        (
            PermissionError(13, "Permission denied", "/var/lib/x"),
            "error: /var/lib/x: Permission denied\ntry: `ls -ld /var/lib/x` and the same of its directory show whose",
        ),
        (
            OSError(28, "No space left on device", "list.csv"),
            "error: list.csv: No space left on device\ntry: make room on that disk\n",
        ),
        (ControlError("from a peer: \x1b[2J\nnext"), "error: from a peer: \\x1b[2J\nerror: next\n"),
    ],
)
def test_what_goes_wrong_is_told_on_standard_error_with_exit_code_1(
    error: Exception, told: str, smscd: Smscd, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("smscd.cli.status.call", fail)
    result = smscd("status")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(told)


def test_a_fault_of_ours_keeps_its_traceback(smscd: Smscd, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyError("a bug")

    monkeypatch.setattr("smscd.cli.status.call", fail)
    assert isinstance(smscd("status").exception, KeyError)


def test_ctrl_c_is_exit_code_1(smscd: Smscd, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("smscd.cli.status.call", interrupt)
    assert smscd("status").exit_code == 1


def test_the_daemon_carries_neither_tables_nor_the_other_commands() -> None:
    code = "import sys, smscd.cli; smscd.cli.load('run'); print(*sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    loaded = set(told.stdout.split())
    assert "smscd.cli.run" in loaded
    assert not {name for name in loaded if name.partition(".")[0] in {"rich", "pydantic", "aiohttp", "uvloop"}}
    assert not {name for name in loaded if name.startswith("smscd.cli.")} - {
        "smscd.cli.run", "smscd.cli.places", "smscd.cli.complaint"
    }  # fmt: skip


def test_the_module_is_the_command() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "smscd", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert told.stdout == f"smscd {__version__}\n"


def test_a_reader_who_leaves_early_gets_no_traceback(serve: Serve) -> None:
    data_dir = serve({"message.list": scripted([{"messages": ["x" * 100] * 10_000}])})
    command = [sys.executable, "-m", "smscd", "message", "list", "--data-dir", str(data_dir)]
    # unbuffered, Python takes the half-done write into a pipe whose reader left for a whole one
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "{\n"
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(30) == 1


def test_on_a_real_terminal_an_error_is_still_two_lines(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    environment = os.environ | {"XDG_STATE_HOME": str(tmp_path), "COLUMNS": "300"}
    command = [sys.executable, "-m", "smscd", "mo", "hello", "--from", "1", "--to", "2", "--data-dir", str(tmp_path)]
    process = subprocess.run(command, stdout=theirs, stderr=theirs, env=environment, check=False, timeout=60)
    os.close(theirs)
    told = os.read(ours, 10_000).decode()
    os.close(ours)
    assert process.returncode == 1
    assert [line.split(":")[0] for line in told.splitlines()] == ["error", "try"]
    assert "\x1b" not in told
