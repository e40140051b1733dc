"""The configuration of the battery: accounts with every limit that an attack runs into."""

from __future__ import annotations

import json

from smscd.admission import passwords

PASSWORD = "hunter2hunter2"
"""Of the account "loud", and nowhere else."""
SENDER = "447700900456"
"""Its number."""
HASH = passwords.hash_password(b"open sesame")


def account(system_id: str, **settings: object) -> str:
    """One `[[esme]]`; its password is "secret" unless it has a hash."""
    if "password_hash" not in settings:
        settings.setdefault("password", "secret")
    lines = [f"{key} = {json.dumps(value)}" for key, value in {"system_id": system_id, **settings}.items()]
    return "\n".join(["[[esme]]", *lines, "", ""])


STUBBORN = tuple(f"stubborn{number}" for number in range(5))
PLAIN = ("canary", "test", "other", "frames", "fields", "headers", "twice", "heavy", *STUBBORN)
"""Accounts with nothing special about them; where receipts are left over, a test has one of its own."""

ACCOUNTS = "".join((
    *map(account, PLAIN),
    account("vault", password_hash=HASH),
    account("cellar", password_hash=HASH),
    account("many", password_hash=HASH, bind_limit=100),
    account("three", bind_limit=3),
    account("reset", bind_limit=100),
    account("narrow", window=2),
    account("slow", rate=10),
    account("mute", deliver_window=5),
    account("deaf", deliver_window=100_000),
    account("loud", password=PASSWORD, receives=[SENDER]),
    account("mo", receives=["54321"]),
))  # fmt: skip

BATTERY = f"""
[[listener]]
address = "127.0.0.1:0"
session_init_timer = "1500ms"
response_timer = "1s"

{ACCOUNTS}
[[connector]]
name = "handsets"
kind = "emulator"
receipt_delay = "0ms"

  [[connector.behaviour]]
  destination_addr = "4470*"
  delay = "1h"

[[route]]
connectors = ["handsets"]

[retry]
schedule = ["200ms"]

"""
"""What every house has; what is sent to 4470… stays under way."""
