"""A small sound file for tests to break, and what `smscd check` says about it."""

from __future__ import annotations

from pathlib import Path

from smscd.config.load import Report, read_text
from tests.link.certificates import Authority

HASH = "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$8fMVNQRIS3XNsc6gAOqWRDEoI09km9Ol5J49QfkUo8E"
"""Of the password "secret", at a cost only a test may have."""

SOUND = f"""
[[listener]]
address = "127.0.0.1:2775"
[[esme]]
system_id = "test"
password_hash = "{HASH}"
[[connector]]
name = "handsets"
kind = "emulator"
[[route]]
destination_addr = "4477*"
connectors = ["handsets"]
"""

OFF = (
    "smscd.toml: warning: there is no [opt_out] section: interception is off: a STOP is delivered like any other MO"
    " and blocks nothing"
)
"""What is said about `SOUND`: it has no opt-out."""


def read_file(text: str, base: Path = Path("/nowhere")) -> Report:
    """Settings and faults of a text that is called smscd.toml."""
    return read_text(text, "smscd.toml", base)


def said(text: str, base: Path = Path("/nowhere")) -> list[str]:
    """The lines `smscd check` prints for `text` with a sound file behind it, without those for the sound file."""
    lines = [str(fault) for fault in read_file(text + SOUND, base).faults]
    assert lines.count(OFF) == (0 if "[opt_out]" in text else 1)
    return [line for line in lines if line != OFF]


def certified(directory: Path) -> None:
    """A certificate and its key: c.pem and k.pem."""
    issued = Authority(directory).issue()
    (directory / "c.pem").write_bytes(issued.certificate.read_bytes())
    (directory / "k.pem").write_bytes(issued.key.read_bytes())
    (directory / "k.pem").chmod(0o600)
