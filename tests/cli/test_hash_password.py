"""`smscd hash-password`, from a pipe and at a prompt."""

from __future__ import annotations

import os
import pty
import subprocess
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
    assert result.stderr == (
        "error: there is no password to hash\ntry: type one at the prompt, or pipe it in on one line\n"
    )
    assert "$scrypt$" not in result.output


def at_a_terminal(*typed: str) -> tuple[str, str, int]:
    """What the terminal showed, what went to standard output, and the exit code."""
    master, slave = pty.openpty()
    program = "import typer; from smscd.cli.hash_password import hash_password; typer.run(hash_password)"
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=slave, stdout=subprocess.PIPE, stderr=slave, text=True, start_new_session=True,
    ) as process:  # fmt: skip
        os.close(slave)
        shown = ""
        for line in typed:
            while not shown.endswith(": "):  # the prompt comes after echo was switched off
                shown += os.read(master, 1024).decode()
            os.write(master, f"{line}\n".encode())
            shown += "|"
        output, _ = process.communicate(timeout=60)
    while True:
        try:
            more = os.read(master, 1024).decode()
        except OSError:  # the last one at the other end has gone
            break
        shown += more
    os.close(master)
    return shown, output, process.returncode


def test_at_a_terminal_it_is_asked_for_twice_and_never_shown() -> None:
    shown, output, code = at_a_terminal("s3cret", "s3cret")
    assert code == 0
    assert verify(output.strip(), b"s3cret")
    assert "Password: " in shown
    assert "s3cret" not in shown


def test_two_that_differ_are_not_hashed() -> None:
    shown, output, code = at_a_terminal("s3cret", "s3crte")
    assert (output, code) == ("", 1)
    assert "not the same" in shown
