"""What a TLS address needs: shared by `[[listener]]` and `[admin]`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from smscd.units import Example, ExistingFile


@dataclass(slots=True)
class TlsSettings:
    """The keys `tls.*` of an address we listen on: TLS 1.2 or newer, and mutual TLS if `client_ca` is given."""

    certificate: Annotated[
        Path,
        ExistingFile("certificate"),
        Example("/etc/smscd/cert.pem"),
        "PEM file with the certificate chain; read again on reload",
    ]
    key: Annotated[
        Path,
        ExistingFile("private key", secret=True),
        Example("/etc/smscd/key.pem"),
        "PEM file with the private key; its owner alone may read it",
    ]
    client_ca: Annotated[
        Path | None,
        ExistingFile("CA certificate"),
        Example("/etc/smscd/ca.pem"),
        "mutual TLS: whoever connects has to show a certificate signed by one of these",
    ] = None
