"""What `[smscd]` and `[opt_out]` may say: the settings that belong to no other room yet."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from smscd.units import Between, Example, NeedsRestart, Octets


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


@dataclass(slots=True)
class OptOutSettings:
    """STOP, START and HELP.  This release reads the section and checks it, but does not enforce it yet."""

    enabled: Annotated[bool, "understand STOP before anybody else sees it, and block what was opted out"] = True
    packs: Annotated[list[Literal["us", "ca", "fr", "es", "pt"]], "keyword packs"] = field(
        default_factory=lambda: ["us"]
    )
    scope: Annotated[Literal["pair", "pool", "account", "global"], "how far a STOP reaches"] = "pair"
    pools: Annotated[
        dict[str, list[str]], Example({"brand-x": ["12345", "+447700900000"]}), "named sets of senders"
    ] = field(default_factory=dict)
    reply_number: Annotated[
        dict[str, str], Example({"ACME": "36123"}), "where STOP for an alphanumeric sender arrives"
    ] = field(default_factory=dict)
    carrier_managed: Annotated[list[str], Example(["+1800*"]), "recorded, not answered"] = field(default_factory=list)
    confirm: Annotated[bool, "answer a STOP once"] = True
    relay: Annotated[bool, "also deliver the STOP to the ESME"] = True
