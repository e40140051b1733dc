"""What `[smscd]` may say: the settings that belong to no room."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from smscd.units import Between, NeedsRestart, Octets


@dataclass(slots=True)
class SmscdSettings:
    """The process itself."""

    system_id: Annotated[str, Octets(15), "given in bind_resp"] = "smscd"
    data_dir: Annotated[Path, NeedsRestart(), "store, records, control socket; mode 0700, one running instance"] = Path(
        "/var/lib/smscd"
    )
    log_format: Annotated[
        Literal["console", "json"],
        "console: key=value for people, but JSON where systemd's journal listens; json: always JSON",
    ] = "console"
    log_level: Annotated[Literal["debug", "info", "warning", "error"], "the least that is logged"] = "info"
    message_id: Annotated[Literal["decimal", "hex"], "how our message_id is written"] = "decimal"
    node_id: Annotated[
        int, Between(0, 1023), NeedsRestart(), "part of every message_id: no two nodes may share one"
    ] = 0
