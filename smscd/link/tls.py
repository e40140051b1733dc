"""TLS contexts of both ends: 1.2 or newer, verified unless somebody insists otherwise."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

from smscd.errors import ConfigError
from smscd.link.settings import TlsSettings


def server_context(settings: TlsSettings) -> ssl.SSLContext:
    """The context of an address we listen on, with mutual TLS if `client_ca` is given.

    The files are read now: a reload makes a new context for the connections to come and leaves the others alone.
    Raises ConfigError with one line per file that cannot be used.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    faults = _load_certificate(context, settings.certificate, settings.key)
    if settings.client_ca is not None:
        context.verify_mode = ssl.CERT_REQUIRED
        faults += _load_authorities(context, settings.client_ca, "tls.client_ca")
    if faults:
        raise ConfigError(faults)
    return context


def renew_certificate(context: ssl.SSLContext, settings: TlsSettings) -> None:
    """Show the certificate as it is on disk now, in handshakes to come. Raises ConfigError as `server_context` does."""
    if faults := _load_certificate(context, settings.certificate, settings.key):
        raise ConfigError(faults)


def client_context(
    ca: Path | None = None, certificate: Path | None = None, key: Path | None = None, *, verify: bool = True
) -> ssl.SSLContext:
    """The context for going out: chain and host name are verified against `ca`, or the system's own list without it.

    `certificate` and `key` are what we show to an SMSC that asks.  Raises ConfigError as `server_context` does.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    faults: list[str] = []
    if not verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    elif ca is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
    else:
        faults += _load_authorities(context, ca, "tls.ca")
    if certificate is not None:
        faults += _load_certificate(context, certificate, key)
    if faults:
        raise ConfigError(faults)
    return context


def subject_of(certificate: dict[str, Any] | None) -> str:
    """`CN=gateway,O=Example` for what `getpeercert` returned, most specific name first; "" without a certificate."""
    names = [pair for relative in (certificate or {}).get("subject", ()) for pair in relative]
    return ",".join(f"{_SHORT_NAMES.get(key, key)}={value}" for key, value in reversed(names))


def common_name_of(certificate: dict[str, Any] | None) -> str:
    """The common name of the peer's certificate: what a system_id can be bound to; "" without one."""
    names = [pair for relative in (certificate or {}).get("subject", ()) for pair in relative]
    return next((value for key, value in names if key == "commonName"), "")


_SHORT_NAMES = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "countryName": "C",
    "domainComponent": "DC",
    "userId": "UID",
}


def _load_certificate(context: ssl.SSLContext, certificate: Path, key: Path | None) -> list[str]:
    for path, name in ((certificate, "tls.certificate"), (key, "tls.key")):
        if path is not None and (fault := _unreadable(path, name)):
            return [fault]
    try:
        context.load_cert_chain(certificate, key, password=_no_password)
    except _PasswordWanted:
        return [f"tls.key: {key or certificate} is encrypted; smscd starts without anybody to ask for its password"]
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            return [f"tls.key: {key} does not belong to the certificate in {certificate}"]
        return [f"tls.certificate: {certificate} and {key or certificate} are not a PEM certificate and its key"]
    return []


def _load_authorities(context: ssl.SSLContext, path: Path, name: str) -> list[str]:
    if fault := _unreadable(path, name):
        return [fault]
    try:
        context.load_verify_locations(path)
    except ssl.SSLError:
        return [f"{name}: {path} holds no PEM certificate"]
    return []


def _unreadable(path: Path, name: str) -> str:
    try:
        path.read_bytes()
    except OSError as error:
        return f"{name}: {path}: {error.strerror}"
    return ""


class _PasswordWanted(Exception):
    pass


def _no_password() -> str:
    """OpenSSL asks the terminal unless it is given this, and a daemon would hang there."""
    raise _PasswordWanted
