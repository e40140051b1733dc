"""The files a configuration points to: there, readable, and secret where they hold secrets."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from smscd.config.fault import Fault, Path, value_text
from smscd.config.key import Key, keys
from smscd.config.schema import Parsed, tables
from smscd.connectors.settings import ModemSettings
from smscd.errors import ConfigError
from smscd.link import TlsSettings, server_context
from smscd.units import ExistingFile

CREDENTIALS = "$CREDENTIALS_DIRECTORY"
"""What systemd calls the directory in which it hands secrets to a service (`LoadCredential=`)."""


@dataclass(slots=True, frozen=True)
class Found:
    """A path in the settings: which table holds it, under which key."""

    owner: Any
    key: Key
    path: Path
    value: FilePath


def check_files(parsed: Parsed, base: FilePath) -> Iterator[Fault]:
    """Resolve every path against `base`, the directory of the file, and look at those that have to exist."""
    lacking: set[Path] = set()
    doors: dict[Path, TlsSettings] = {}
    for found in list(_paths(parsed)):
        table = found.path[:-1]
        if isinstance(found.owner, TlsSettings):
            doors[table] = found.owner
        for fault in _resolve(found, base):
            lacking.add(table)
            yield fault
    for table, settings in doors.items():
        if table not in lacking:
            yield from _usable(settings, table)


def _resolve(found: Found, base: FilePath) -> Iterator[Fault]:
    resolved = _resolved(found.value, base)
    if resolved is None:
        yield _fault(found, f"{CREDENTIALS} is not set: systemd sets it for a service", warning=True)
        return
    setattr(found.owner, found.key.name, resolved)
    if found.key.file is not None:
        yield from _look(found, found.key.file, resolved)
    elif isinstance(found.owner, ModemSettings) and not resolved.exists():
        yield _fault(found, "there is no such device now", warning=True)


def _usable(settings: TlsSettings, path: Path) -> Iterator[Fault]:
    """Whether the files, which are all there, are what they are named: a certificate, its key, its authorities."""
    try:
        server_context(settings)
    except ConfigError as fault:
        for line in fault.faults:
            key, _, what = line.removeprefix("tls.").partition(": ")
            yield Fault(what, (*path, key))


LONGEST_LINE = 64 << 10
"""Octets of a file that are looked at for a secret."""


def first_line(path: FilePath) -> str:
    """The secret in a file: its first line, without the line end.  Raises OSError, or ValueError if there is none.

    What is no file is not opened: a pipe would be waited for, and a reload with it.
    """
    if not path.is_file():
        raise FileNotFoundError(errno.ENOENT, "is no file", str(path))
    with path.open("rb") as file:
        line = file.readline(LONGEST_LINE).decode(errors="strict").rstrip("\r\n")
    if not line or "\0" in line:
        raise ValueError("is no text")
    return line


def _paths(parsed: Parsed) -> Iterator[Found]:
    for _, settings in tables(parsed.config):
        yield from _paths_in(settings, parsed.path_of(settings))


def _paths_in(settings: Any, path: Path) -> Iterator[Found]:
    for name, key in keys(type(settings)).items():
        value = getattr(settings, name)
        if isinstance(value, FilePath):
            yield Found(settings, key, (*path, name), value)
        elif dataclasses.is_dataclass(value):
            yield from _paths_in(value, (*path, name))


def _resolved(value: FilePath, base: FilePath) -> FilePath | None:
    if value.parts[:1] != (CREDENTIALS,):
        return base / value
    directory = os.environ.get(CREDENTIALS[1:])
    return FilePath(directory).joinpath(*value.parts[1:]) if directory else None


def _look(found: Found, wanted: ExistingFile, resolved: FilePath) -> Iterator[Fault]:
    try:
        status = resolved.stat()
        readable = stat.S_ISREG(status.st_mode) and os.access(resolved, os.R_OK)
    except FileNotFoundError:
        yield _fault(found, f"there is no such {wanted.what}")
        return
    except OSError as error:
        yield _fault(found, f"the {wanted.what} cannot be looked at: {error.strerror}")
        return
    if not readable:
        yield _fault(found, f"the {wanted.what} is not a file that can be read")
    elif wanted.secret and status.st_mode & _forbidden(resolved):
        yield _fault(
            found,
            f"group or others can read the {wanted.what} (mode {status.st_mode & 0o777:04o})",
            allowed="mode 0600 or 0400",
        )


def _forbidden(path: FilePath) -> int:
    """The permissions a secret must not have.

    systemd gives a service its credentials by an access list, whose mask shows as the group's permission: group may
    be anything there.
    """
    directory = os.environ.get(CREDENTIALS[1:])
    handed_by_systemd = directory is not None and path.is_relative_to(directory)
    return stat.S_IRWXO if handed_by_systemd else stat.S_IRWXG | stat.S_IRWXO


def _fault(found: Found, what: str, *, warning: bool = False, allowed: str = "") -> Fault:
    return Fault(
        what,
        found.path,
        severity="warning" if warning else "error",
        stops_run=warning and found.key.file is not None,
        value=value_text(str(found.value)),
        allowed=allowed,
    )
