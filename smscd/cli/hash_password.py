"""`smscd hash-password`: from a password to what `password_hash` takes."""

from __future__ import annotations

import sys
from getpass import getpass

import typer

from smscd.admission.passwords import hash_password as hashed
from smscd.cli.complaint import complain


def hash_password() -> None:
    """Hash a password for `password_hash` in the configuration. Asks for it without echo, or reads it from a pipe."""
    password = _asked() if sys.stdin.isatty() else _piped()
    if not password:
        raise typer.Exit(complain("there is no password to hash", "type one at the prompt, or pipe it in on one line"))
    sys.stdout.write(f"{hashed(password)}\n")


def _asked() -> bytes:
    """Asked twice, because nobody sees what they type; the prompts stay out of a redirected output."""
    password = getpass("Password: ")
    if getpass("The same again: ") != password:
        raise typer.Exit(complain("the two are not the same", "again; nothing was changed"))
    return password.encode()


def _piped() -> bytes:
    """The first line of standard input, as octets: what a peer sends on the wire need not be UTF-8."""
    return sys.stdin.buffer.readline().rstrip(b"\r\n")
