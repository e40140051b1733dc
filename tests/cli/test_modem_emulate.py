"""`smscd modem emulate`: what it refuses, and that it ends as told."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Smscd
from tests.machine import PATIENCE


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--profile", "nokia"), "there is no profile 'nokia': choose one of generic, "),
        (("--set", "prompt=#"), "'#' is no value of prompt"),
        (("--set", "colour=red"), "there is no setting 'colour': "),
        (("--rule", "to=+44 colour=red"), "'colour' is nothing that a rule says: "),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(words: tuple[str, ...], reason: str, smscd: Smscd) -> None:
    result = smscd("modem", "emulate", *words)
    assert result.exit_code == 1
    assert result.stderr.startswith(f"error: {reason}")
    assert result.stderr.endswith("\ntry: smscd modem emulate --help\n")


def test_a_link_needs_a_directory(tmp_path: Path, smscd: Smscd) -> None:
    link = tmp_path / "nowhere" / "modem"
    result = smscd("modem", "emulate", "--link", str(link))
    assert result.exit_code == 1
    assert result.stderr == f"error: there is no directory {link.parent}\ntry: another --link\n"


def test_a_file_in_the_way_of_the_link_is_left_alone(tmp_path: Path, smscd: Smscd) -> None:
    taken = tmp_path / "modem"
    taken.write_text("precious", encoding="utf-8")
    result = smscd("modem", "emulate", "--link", str(taken))
    assert result.exit_code == 1
    assert "is there and is no link" in result.stderr
    assert taken.read_text(encoding="utf-8") == "precious"


def test_told_in_words_on_a_terminal(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with _started(tmp_path / "modem", slave) as process:
        os.close(slave)
        with os.fdopen(master, closefd=True) as shown:
            assert shown.readline() == f"device device='{tmp_path / 'modem'}'\n"
            _assert_ends_as_told(process)


def test_told_as_json_lines_through_a_pipe_and_the_link_goes_with_the_process(tmp_path: Path) -> None:
    link = tmp_path / "modem"
    with _started(link, subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert json.loads(process.stdout.readline()) == {"event": "device", "device": str(link)}
        assert link.is_symlink()
        process.stdin.write("mo INFO hello\n")
        process.stdin.flush()
        told = [json.loads(process.stdout.readline()) for _ in range(2)]
        assert {"event": "answer", "to": "mo INFO hello", "answer": "1 part"} in told
        assert {"event": "stored", "memory": "SM", "index": 1} in told
        _assert_ends_as_told(process)
    assert not link.is_symlink()


def _started(link: Path, stdout: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-X", "faulthandler", "-m", "smscd", "modem", "emulate", "--link", str(link)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.PIPE, text=True)


def _assert_ends_as_told(process: subprocess.Popen[str]) -> None:
    """SIGTERM ends it with 0. Where it does not, the failure says what all its threads were doing."""
    process.send_signal(signal.SIGTERM)
    try:
        exit_code = process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGABRT)
        exit_code = process.wait(timeout=PATIENCE)
    assert process.stderr is not None
    assert exit_code == 0, process.stderr.read()
