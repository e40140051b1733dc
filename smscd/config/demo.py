"""What `smscd run` does without a configuration: an SMSC emulator that anybody on this machine can bind to."""

from __future__ import annotations

import json
from pathlib import Path

from smscd.config.load import run_text
from smscd.config.schema import Config

DEMO_SYSTEM_ID = "test"
DEMO_PASSWORD = "secret"  # noqa: S105  printed at start: whoever can reach the loopback address may have it
DEMO_ADDRESS = "127.0.0.1:2775"


def demo_text(data_dir: str | Path) -> str:
    """The demo as a configuration file, for whoever wants to start from it."""
    return f"""\
[smscd]
data_dir = {json.dumps(str(data_dir), ensure_ascii=False)}

[[listener]]
address = "{DEMO_ADDRESS}"

[[esme]]
system_id = "{DEMO_SYSTEM_ID}"
password = "{DEMO_PASSWORD}"
receives = ["*"]

[[connector]]
name = "handsets"
kind = "emulator"

[[route]]
destination_addr = "*"
connectors = ["handsets"]

[opt_out]
enabled = true
"""


def demo(data_dir: str | Path) -> Config:
    """The built-in demo with its data in `data_dir`.  It opens no HTTP port: add [admin] to a file for that."""
    config = run_text(demo_text(data_dir), "demo", Path(data_dir).absolute())
    config.warnings = []  # of a clear-text password that is meant to be known, and of what nobody wrote
    return config
