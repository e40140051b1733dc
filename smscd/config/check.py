"""What no single key can tell: tables that are missing, doors left open, what this release does not do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path as FilePath
from typing import Any

from smscd.admin.settings import AdminSettings
from smscd.config.accounts import check_accounts
from smscd.config.compliance import check_opt_out
from smscd.config.fault import Fault, Path, value_text
from smscd.config.rules import check_rules
from smscd.config.schema import Parsed, names_written
from smscd.config.spelling import check_patterns
from smscd.connectors.settings import ModemSettings, SmppSettings
from smscd.listener.settings import ListenerSettings
from smscd.units import format_duration, is_loopback, split_endpoint

_WILDCARDS = {"0.0.0.0", "::"}  # noqa: S104  recognised here, never listened on


def check(parsed: Parsed, document: dict[str, Any]) -> Iterator[Fault]:
    """Every fault between the keys of a file; `document` is the file as it was written, faulty tables included."""
    yield from _presence(document)
    yield from _twice(document, "esme", "system_id")
    yield from _twice(document, "connector", "name")
    yield from _twice(document, "group", "name")
    yield from _addresses(parsed)
    yield from check_accounts(parsed)
    yield from _connectors(parsed)
    yield from check_rules(parsed, document)
    yield from check_patterns(parsed)
    yield from _schedule(parsed)
    yield from _admin(parsed)
    yield from check_opt_out(parsed, document)


def _presence(document: dict[str, Any]) -> Iterator[Fault]:
    if not document.get("listener"):
        yield Fault("there is no [[listener]]: nobody could ever bind")
    if not document.get("esme"):
        yield Fault("there is no [[esme]]: nobody can bind yet", severity="warning")
    if not document.get("route"):
        yield Fault("there is no [[route]]: every submit is answered ESME_RINVDSTADR", severity="warning")


def _twice(document: dict[str, Any], section: str, key: str) -> Iterator[Fault]:
    seen: dict[str, int] = {}
    for index, name in names_written(document, section, key):
        if name in seen:
            what = f"names a second {section}; the first is number {seen[name] + 1} in the file"
            yield Fault(what, (section, index, key), value=value_text(name))
        seen.setdefault(name, index)


def _addresses(parsed: Parsed) -> Iterator[Fault]:
    """Two doors on one port: the second could not be opened."""
    owners: list[ListenerSettings | AdminSettings] = [*parsed.config.listeners]
    if parsed.config.admin is not None:
        owners.append(parsed.config.admin)
    written = [((*parsed.path_of(owner), "address"), owner.address) for owner in owners]
    doors = [(path, address) for path, address in written if path not in parsed.unusable]
    for at, (path, address) in enumerate(doors):
        other = next((earlier for _, earlier in doors[:at] if _collide(earlier, address)), None)
        if other is not None:
            same = "is listened on twice" if other == address else f"is taken by {other}"
            yield Fault(same, path, value=value_text(address))


def _collide(one: str, other: str) -> bool:
    (host, port), (other_host, other_port) = split_endpoint(one), split_endpoint(other)
    if port != other_port or not port:
        return False
    same_family = (":" in host) == (":" in other_host)
    return host == other_host or (same_family and bool({host, other_host} & _WILDCARDS))


def _connectors(parsed: Parsed) -> Iterator[Fault]:
    modems = [(one, parsed.path_of(one)) for one in parsed.config.connectors if isinstance(one, ModemSettings)]
    yield from _devices(modems)
    for connector in parsed.config.connectors:
        path = parsed.path_of(connector)
        if isinstance(connector, ModemSettings) and connector.number is None:
            what = "a modem whose number nobody knows: its MO find no ESME, and no opt-out its sender"
            yield Fault(what, path, severity="warning", allowed='number = "+…", unless its SIM tells (AT+CNUM)')
        if isinstance(connector, SmppSettings):
            yield from _upstream_tls(connector, path)
            yield from _outbind(connector, path)


def _devices(connectors: list[tuple[ModemSettings, Path]]) -> Iterator[Fault]:
    """Two connectors on one port: the second would never get it."""
    seen: set[FilePath] = set()
    for settings, path in connectors:
        if settings.device in seen:
            yield Fault("is the port of another modem too", (*path, "device"), value=value_text(str(settings.device)))
        seen.add(settings.device)


def _upstream_tls(connector: SmppSettings, path: Path) -> Iterator[Fault]:
    tls = connector.tls
    if (tls.certificate is None) != (tls.key is None):
        yield Fault("tls.certificate and tls.key are of use only together", (*path, "tls"))
    if tls.enabled and not tls.verify:
        what = "anybody could pretend to be this upstream"
        yield Fault(what, (*path, "tls", "verify"), severity="warning", value="false")


def _outbind(connector: SmppSettings, path: Path) -> Iterator[Fault]:
    outbind = connector.outbind
    proven = outbind.tls is not None and outbind.tls.client_ca is not None
    if outbind.address is not None and outbind.password is None and not outbind.allow_from and not proven:
        what = "anybody could call and be told our password"
        allowed = "outbind.password, outbind.allow_from or outbind.tls.client_ca beside it"
        yield Fault(what, (*path, "outbind", "address"), value=value_text(outbind.address), allowed=allowed)
    if outbind.address is not None and connector.tls.enabled and outbind.tls is None:
        yield Fault("is called without TLS, whatever tls.enabled says of the connections that we open",
                    (*path, "outbind", "address"), severity="warning", value=value_text(outbind.address),
                    allowed="outbind.tls.certificate and outbind.tls.key beside it")  # fmt: skip
    if outbind.address is not None and connector.bind == "transmitter":
        yield Fault("is of no use: a transmitter dials", (*path, "outbind", "address"), severity="warning",
                    value=value_text(outbind.address))  # fmt: skip


def _schedule(parsed: Parsed) -> Iterator[Fault]:
    path: Path = ("retry", "schedule")
    schedule = parsed.config.retry.schedule
    if not schedule:
        yield Fault("has no pause in it", path, value="[]", allowed='one or more durations: ["10s", "1m"]')
    for at, (earlier, later) in enumerate(pairwise(schedule), 1):
        if later < earlier:
            what = f"is shorter than {format_duration(earlier)} before it: a ladder goes up"
            yield Fault(what, (*path, at), value=value_text(format_duration(later)))


def _admin(parsed: Parsed) -> Iterator[Fault]:
    admin = parsed.config.admin
    if admin is None or is_loopback(split_endpoint(admin.address)[0]):
        return
    wanted = (("tls", admin.tls), ("token_file", admin.token_file))
    lacking = [name for name, value in wanted if value is None and ("admin", name) not in parsed.unusable]
    if lacking:
        what = f"can be reached from other machines and has no {' and no '.join(lacking)}"
        allowed = "a loopback address, or tls.certificate, tls.key and token_file beside it"
        yield Fault(what, ("admin", "address"), value=value_text(admin.address), allowed=allowed)
