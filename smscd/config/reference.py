"""Writes what people read about the configuration from what the program reads: `python -m smscd.config.reference`.

Without an argument it writes `conf/smscd.toml` and `docs/configuration.md` below the current directory; a test holds
both to what this module says.
"""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from smscd.admission.settings import EsmeSettings
from smscd.config.key import Key, keys
from smscd.config.schema import SECTIONS, Section
from smscd.connectors.settings import Behaviour, ModemSettings, SmppSettings
from smscd.optout.settings import OptOutSettings
from smscd.routing.settings import GroupSettings

COMMAND = "python -m smscd.config.reference"

_ABOUT = {
    "smscd": "The process itself.",
    "listener": "Where ESMEs connect: one section per address.",
    "esme": "Who may bind: one section per account. There is no account until you write one.",
    "connector": "The ways out: one section per network, upstream SMSC or modem.",
    "group": "Several ways out under one name, for routes and other groups. docs/routing.md has examples.",
    "route": "Which message takes which way out. The first match wins; no match is ESME_RINVDSTADR.",
    "retry": "When a way out fails for now.",
    "store": "What is kept on the disk.",
    "records": "One JSON line per closed message and part, for billing and analytics.",
    "opt_out": "STOP, START and HELP, understood before anybody else sees them. Without this section they are delivered"
    " like any other MO and block nothing. docs/opt-out.md explains it; it is not legal advice.",
    "admin": "HTTP: /healthz, /readyz, /metrics. Without this section no port is opened.",
}

_KINDS = {
    "emulator": "An emulated network with its handsets.",
    "smpp": "An upstream SMSC; smscd is the ESME: docs/gateway.md.",
    "modem": "A GSM modem on a serial port: docs/modems.md.",
}

_PROPOSED = (EsmeSettings, SmppSettings, ModemSettings, Behaviour, GroupSettings, OptOutSettings)
"""Tables that the example file only proposes: accounts, carriers and groups that are different for everybody."""

_TOML_HEAD = """\
# smscd: every key there is, with its default.
#
# A line that begins with # and a key is what you could write; the value is an example where there is no default.
# Durations: "250ms", "30s", "5m", "24h", "7d". Sizes: "64KiB", "10MiB". Paths are relative to this file's directory;
# $CREDENTIALS_DIRECTORY at their beginning is the directory in which systemd hands over secrets (LoadCredential=).
# Address patterns are digits; a trailing * makes a prefix; between slashes stands a regular expression.
# `smscd check FILE` says what is wrong with a file, SIGHUP makes a running smscd read it again.
# This file is generated from the program: {command}
"""

_DOCS_HEAD = """\
# Configuration

Generated from the program by `{command}`; `conf/smscd.toml` has the same as an example file.

The file is TOML.
Unknown keys are errors.
Durations are strings with units (`"250ms"`, `"30s"`, `"5m"`, `"24h"`, `"7d"`), sizes too (`"64KiB"`, `"10MiB"`).
Paths are relative to the directory of the file; `$CREDENTIALS_DIRECTORY` at the beginning of one is the directory in
which systemd hands secrets to a service (`LoadCredential=`).
Numbers in address patterns are digits; a trailing `*` makes a prefix (`"4477*"`), `"*"` is everything, and a pattern
between slashes is a regular expression, fully matched (`"/44770[0-9]+/"`).

`smscd check FILE` prints every fault at once, as `file:line: key = value: what is wrong; allowed: …`, and exits with 1
if there is an error, with 0 if there are only warnings; it opens no port. `--json` gives the same to programs.
`SIGHUP` makes a running smscd read its file again: it applies all of it or none of it.
"""


def example_file() -> str:
    """The text of `conf/smscd.toml`."""
    parts = [_TOML_HEAD.format(command=COMMAND)]
    for section in SECTIONS:
        for kind, settings in section.kinds.items():
            parts.append("\n".join(_toml_table(section, kind, settings)) + "\n")
    return "\n".join(parts)


def reference_page() -> str:
    """The text of `docs/configuration.md`."""
    parts = [_DOCS_HEAD.format(command=COMMAND)]
    for section in SECTIONS:
        parts.append(f"## `{section.header}`\n\n{_ABOUT[section.name]}\n")
        for kind, settings in section.kinds.items():
            if kind:
                parts.append(f'### `kind = "{kind}"`\n\n{_KINDS[kind]}\n')
            parts.append("\n".join(_markdown_tables(f"{section.name}", settings)) + "\n")
    return "\n".join(parts)


def _toml_table(section: Section, kind: str, settings: type[Any]) -> Iterator[str]:
    about = _KINDS[kind] if kind else _ABOUT[section.name]
    if kind and kind == next(iter(section.kinds)):
        yield from _comment(_ABOUT[section.name])
    yield from _comment(about)
    proposed = settings in _PROPOSED
    yield f"{'#' if proposed else ''}{section.header}"
    yield from _toml_keys(settings, "", proposed=proposed)
    for key in keys(settings).values():
        if key.table is not None and key.item is not None:
            yield ""
            yield from _comment(f"{key.help[0].upper()}{key.help[1:]}.", indent="  ")
            yield f"  #[[{section.name}.{key.name}]]"
            yield from _toml_keys(key.table, "", proposed=True, indent="  ")


def _toml_keys(settings: type[Any], prefix: str, *, proposed: bool, indent: str = "") -> Iterator[str]:
    for key in keys(settings).values():
        if key.table is not None:
            if key.item is None:
                # a table of its own kind is only there when somebody writes its keys
                yield from _toml_keys(key.table, f"{prefix}{key.name}.", proposed=True, indent=indent)
            continue
        yield from _comment(_sentence(key), indent)
        mark = "#" if proposed or _is_example(key) else ""
        yield f"{indent}{mark}{prefix}{key.name} = {key.write(key.example)}"


def _is_example(key: Key) -> bool:
    """Whether the file shows an example because there is no default, and the table can do without the key."""
    return not key.required and key.plain(key.example) != key.plain(key.default)


def _sentence(key: Key) -> str:
    allowed = f" ({key.allowed})" if key.choices and not key.notation else ""
    restart = "; a change needs a restart" if key.needs_restart else ""
    return f"{key.help}{allowed}{restart}"


def _comment(text: str, indent: str = "") -> Iterator[str]:
    for line in textwrap.wrap(text, 116 - len(indent), break_long_words=False, break_on_hyphens=False):
        yield f"{indent}# {line}"


def _markdown_tables(name: str, settings: type[Any]) -> Iterator[str]:
    yield "| key | default | allowed | meaning |"
    yield "|---|---|---|---|"
    yield from _markdown_rows(settings, "")
    for key in keys(settings).values():
        if key.table is not None and key.item is not None:
            yield ""
            yield f"`[[{name}.{key.name}]]`: {key.help}."
            yield ""
            yield from _markdown_tables(f"{name}.{key.name}", key.table)


def _markdown_rows(settings: type[Any], prefix: str) -> Iterator[str]:
    for key in keys(settings).values():
        if key.table is not None:
            if key.item is None:
                yield from _markdown_rows(key.table, f"{prefix}{key.name}.")
            continue
        cells = (f"`{prefix}{key.name}`", _default(key, prefix), _escaped(key.allowed), _escaped(_meaning(key)))
        yield f"| {' | '.join(cells)} |"


def _default(key: Key, prefix: str) -> str:
    if key.required:
        return f"required with `{prefix}*`" if prefix else "required"
    return "none" if key.default is None else f"`{key.write(key.default)}`"


def _meaning(key: Key) -> str:
    return f"{key.help}{'; a change needs a restart' if key.needs_restart else ''}"


def _escaped(text: str) -> str:
    """For a cell of a table; between backticks a star is one as it is."""
    pieces = text.replace("|", "\\|").split("`")
    pieces[::2] = [piece.replace("*", "\\*") for piece in pieces[::2]]
    return "`".join(pieces)


PAGES: dict[str, Callable[[], str]] = {"conf/smscd.toml": example_file, "docs/configuration.md": reference_page}
"""What is generated, and by which function."""


def main() -> None:
    """Write every page below the current directory."""
    for name, page in PAGES.items():
        Path(name).write_text(page(), encoding="utf-8")
        sys.stdout.write(f"{name}\n")


if __name__ == "__main__":
    main()
