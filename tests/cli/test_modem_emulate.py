"""`smscd modem emulate`: what it refuses, and that it ends as told."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Smscd


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


def test_a_file_in_the_way_of_the_link_is_left_alone(tmp_path: Path, smscd: Smscd) -> None:
    taken = tmp_path / "modem"
    taken.write_text("precious", encoding="utf-8")
    result = smscd("modem", "emulate", "--link", str(taken))
    assert result.exit_code == 1
    assert "is there and is no link" in result.stderr
    assert taken.read_text(encoding="utf-8") == "precious"


def test_told_in_words_and_the_link_goes_with_the_process(tmp_path: Path) -> None:
    link = tmp_path / "modem"
    command = [sys.executable, "-m", "smscd", "modem", "emulate", "--link", str(link)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == f"device device='{link}'\n"
        assert link.is_symlink()
        process.stdin.write("mo INFO hello\n")
        process.stdin.flush()
        assert {process.stdout.readline(), process.stdout.readline()} == {
            "1 part\n",
            "stored memory='SM' index=1\n",
        }
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0
    assert not link.is_symlink()
