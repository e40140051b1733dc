"""`smscd hash-password`, from a pipe and at a prompt."""

from __future__ import annotations

import io
import sys

import pytest
import typer
from typer.testing import CliRunner

from smscd.admission.passwords import verify
from smscd.cli.hash_password import hash_password

app = typer.Typer()
app.command()(hash_password)
runner = CliRunner()


@pytest.mark.parametrize("piped", [b"s3cret", b"s3cret\n", b"s3cret\r\nmore\n"])
def test_the_first_line_of_a_pipe_is_hashed(piped: bytes) -> None:
    result = runner.invoke(app, input=piped)
    assert result.exit_code == 0
    assert verify(result.stdout.removesuffix("\n"), b"s3cret")
    assert "s3cret" not in result.output


def test_octets_that_are_no_utf8_are_hashed_as_they_are() -> None:
    result = runner.invoke(app, input=b"caf\xe9\n")
    assert verify(result.stdout.removesuffix("\n"), b"caf\xe9")


def test_nothing_is_no_password() -> None:
    result = runner.invoke(app, input=b"\n")
    assert result.exit_code == 1
    assert "$scrypt$" not in result.output


class Terminal(io.TextIOWrapper):
    """Standard input that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_at_a_terminal_it_is_asked_for_twice_and_without_echo(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(io.BytesIO()))
    prompts: list[str] = []

    def getpass(prompt: str) -> str:
        prompts.append(prompt)
        return "s3cret"

    monkeypatch.setattr("click.termui.hidden_prompt_func", getpass, raising=False)
    monkeypatch.setattr("typer._click.termui.hidden_prompt_func", getpass, raising=False)
    hash_password()
    assert len(prompts) == 2
    assert verify(capsys.readouterr().out.strip(), b"s3cret")
