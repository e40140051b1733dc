"""What `[admin]` and `[records]` may say."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from smscd.link.settings import TlsSettings
from smscd.units import Between, Endpoint, Example, ExistingFile, NeedsRestart, Size


@dataclass(slots=True)
class AdminSettings:
    """The HTTP address: /healthz, /readyz, /metrics."""

    address: Annotated[Endpoint, NeedsRestart(), "anything but loopback needs `tls.*` and `token_file`"] = (
        "127.0.0.1:8080"
    )
    tls: Annotated[TlsSettings | None, "with it, the address speaks HTTPS"] = None
    token_file: Annotated[
        Path | None,
        ExistingFile("token file", secret=True),
        Example("$CREDENTIALS_DIRECTORY/admin-token"),
        "requests have to carry its first line as a bearer token; its owner alone may read it",
    ] = None


@dataclass(slots=True)
class RecordsSettings:
    """One JSON line per closed message and part, for billing and analytics, in the data directory."""

    enabled: Annotated[bool, NeedsRestart(), "write them"] = True
    size: Annotated[
        Size, Between(4096), NeedsRestart(), "a file that has grown to this is put aside and a new one begun"
    ] = 64 << 20
    keep: Annotated[int, Between(1, 10_000), NeedsRestart(), "files kept, the newest first"] = 10
