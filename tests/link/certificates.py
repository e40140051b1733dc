"""A certificate authority of our own, so that TLS is tested with real handshakes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

from smscd.link import TlsSettings


@dataclass
class Issued:
    """A certificate and its key as the two files a configuration names."""

    certificate: Path
    key: Path


class Authority:
    """Issues certificates into a directory."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self._name = name
        self._ca = trustme.CA(key_type=trustme.KeyType.ECDSA)
        self.path = directory / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.path))

    def issue(self, identity: str = "localhost", common_name: str | None = None) -> Issued:
        leaf = self._ca.issue_cert(identity, common_name=common_name, key_type=trustme.KeyType.ECDSA)
        stem = self._directory / f"{self._name}-{common_name or identity}"
        issued = Issued(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        issued.certificate.write_bytes(b"".join(blob.bytes() for blob in leaf.cert_chain_pems))
        leaf.private_key_pem.write_to_path(str(issued.key))
        return issued

    def server(self, identity: str = "localhost", *, client_ca: Path | None = None) -> TlsSettings:
        issued = self.issue(identity)
        return TlsSettings(issued.certificate, issued.key, client_ca)
