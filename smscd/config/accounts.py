"""Who may bind: passwords as they should be kept, names as they fit on the wire, MO that two ESMEs would share."""

from __future__ import annotations

from collections.abc import Iterator

from smscd.admission import passwords
from smscd.admission.settings import EsmeSettings
from smscd.config.fault import HIDDEN, Fault, Path, nearest, value_text
from smscd.config.files import first_line
from smscd.config.schema import Parsed
from smscd.connectors.settings import SmppSettings

PASSWORD_ON_THE_WIRE = 8
"""Octets: SMPP 3.4 §4.1.1 gives `password` nine, the last of which is NUL."""
SYSTEM_ID_ON_THE_WIRE = 15
"""Octets: SMPP 3.4 §4.1.1 gives `system_id` sixteen, the last of which is NUL."""

_WAYS = ("password", "password_hash", "password_file")


def check_accounts(parsed: Parsed) -> Iterator[Fault]:
    """Every fault of the ESMEs, and of the names under which we bind elsewhere."""
    tls_anywhere = any(
        listener.tls or (*parsed.path_of(listener), "tls") in parsed.unusable for listener in parsed.config.listeners
    )
    for esme in parsed.config.esmes:
        path = parsed.path_of(esme)
        yield from _system_id(esme.system_id, path)
        if not _password_has_a_fault(parsed, path):
            yield from _password(esme, path)
        if esme.require_tls and not tls_anywhere:
            yield Fault("no [[listener]] has tls.*: it can never bind", (*path, "require_tls"), value="true")
        if esme.certificate_cn is not None and not _asks_for_certificates(parsed):
            what = "no [[listener]] has tls.client_ca: it can never bind"
            yield Fault(what, (*path, "certificate_cn"), value=value_text(esme.certificate_cn))
    for connector in parsed.config.connectors:
        if isinstance(connector, SmppSettings):
            path = parsed.path_of(connector)
            yield from _system_id(connector.system_id, path)
            yield from _upstream_password(connector, path)
    yield from _receivers(parsed)


def _asks_for_certificates(parsed: Parsed) -> bool:
    """Whether a listener does, or would if its tls.* had no fault of its own."""
    return any(
        listener.tls.client_ca if listener.tls is not None else (*parsed.path_of(listener), "tls") in parsed.unusable
        for listener in parsed.config.listeners
    )


def _system_id(system_id: str, path: Path) -> Iterator[Fault]:
    if len(system_id.encode()) > SYSTEM_ID_ON_THE_WIRE:
        what = f"is longer than the {SYSTEM_ID_ON_THE_WIRE} octets of SMPP 3.4: not every peer can send it"
        yield Fault(what, (*path, "system_id"), severity="warning", value=value_text(system_id))


def _password_has_a_fault(parsed: Parsed, path: Path) -> bool:
    """Whether one of the ways is written and cannot be used, be it for its spelling: no second fault on top of that."""
    return any(key[:-1] == path and nearest(str(key[-1]), _WAYS) for key in parsed.unusable)


def _password(esme: EsmeSettings, path: Path) -> Iterator[Fault]:
    given = [way for way in _WAYS if getattr(esme, way) is not None]
    if len(given) != 1:
        what = f"gives {' and '.join(given)}: one of them is enough" if given else "has no password"
        yield Fault(f'ESME "{esme.system_id}" {what}', path, allowed=" | ".join(_WAYS))
        return
    if esme.password_file is not None:
        yield from _from_file(esme, path)
    key = given[0]
    if esme.password_hash is not None:
        yield from _hash(esme.password_hash, (*path, key))
    elif esme.password is not None:
        where = (*path, key)
        yield from _length(esme.password, where)
        what = "is kept in clear text: fine for the emulator; for anything else use `smscd hash-password`"
        yield Fault(what, where, severity="warning", value=_shown(esme))


def _from_file(esme: EsmeSettings | SmppSettings, path: Path) -> Iterator[Fault]:
    """Take the secret out of its file; a file that is not there has its fault already."""
    assert esme.password_file is not None
    try:
        secret = first_line(esme.password_file)
    except ValueError:
        value = value_text(str(esme.password_file))
        yield Fault("the password file has no text on its first line", (*path, "password_file"), value=value)
    except OSError:
        return
    else:
        if isinstance(esme, EsmeSettings) and passwords.is_hash(secret):
            esme.password_hash = secret
        else:
            esme.password = secret


def _shown(esme: EsmeSettings) -> str:
    return HIDDEN if esme.password_file is None else value_text(str(esme.password_file))


def _hash(stored: str, path: Path) -> Iterator[Fault]:
    try:
        passwords.parse_hash(stored)
    except ValueError as error:
        yield Fault(str(error), path, value=HIDDEN, allowed="what `smscd hash-password` prints")


def _length(password: str, path: Path) -> Iterator[Fault]:
    if len(password.encode()) > PASSWORD_ON_THE_WIRE:
        what = f"is longer than the {PASSWORD_ON_THE_WIRE} octets of SMPP 3.4 §4.1.1: not every peer can send it"
        yield Fault(what, path, severity="warning", value=HIDDEN)


def _upstream_password(connector: SmppSettings, path: Path) -> Iterator[Fault]:
    if connector.password is not None and connector.password_file is not None:
        yield Fault("gives password and password_file: one of them is enough", (*path, "password_file"))
        return
    if connector.password_file is not None:
        yield from _from_file(connector, path)
    if connector.password is not None:
        key = "password" if connector.password_file is None else "password_file"
        yield from _length(connector.password, (*path, key))


def _receivers(parsed: Parsed) -> Iterator[Fault]:
    """MO goes to the closest pattern, and among equals to the first ESME in the file: an equal one never gets any."""
    owners: dict[str, str] = {}
    for esme in parsed.config.esmes:
        path = parsed.path_of(esme)
        for at, pattern in enumerate(esme.receives):
            owner = owners.setdefault(pattern, esme.system_id)
            if owner != esme.system_id:
                what = f'goes to ESME "{owner}", which comes first in the file and receives the same'
                yield Fault(what, (*path, "receives", at), severity="warning", value=value_text(pattern))
