"""`smscd status`: sessions, connectors, queue depth, rates."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from smscd.cli.control import call
from smscd.cli.output import JsonOption, cell, duration, moment, on_terminal, print_json, show, table
from smscd.cli.places import ConfigOption, DataDirOption, data_dirs

SESSION = ("system_id", "bind", "peer", "interface_version", "window", "in_flight", "owed", "since")
DISPENSABLE = ("interface_version", "since", "owed")
"""What a narrow terminal goes without, in this order."""

CONNECTOR = ("name", "kind", "state", "queued", "in_flight", "credit")
QUEUE = {
    "queued": "queued",
    "leased": "on their way",
    "waiting_for_esme": "waiting for an ESME",
    "dead": "dead letters",
}


def status(
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Again and again, until Ctrl-C.")] = False,
    interval: Annotated[float, typer.Option("--interval", min=0.01, help="Seconds between two looks.")] = 1.0,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show what a running smscd is doing: sessions, connectors, queue and rates."""
    places = data_dirs(config, data_dir)
    if not watch:
        show(call(places, "status"), as_json, render)
        return
    with suppress(KeyboardInterrupt):  # how a person ends a watch: done, not failed
        if as_json or not on_terminal():
            _watch_lines(places, interval)
        else:
            _watch_tables(places, interval)


def _watch_lines(places: Sequence[Path], interval: float) -> None:
    while True:
        print_json(call(places, "status"), indent=None)
        time.sleep(interval)


def _watch_tables(places: Sequence[Path], interval: float) -> None:
    with Live(screen=True, auto_refresh=False) as live:
        while True:
            live.update(Group(*render(call(places, "status"))), refresh=True)
            time.sleep(interval)


def render(now: dict[str, Any]) -> Iterator[RenderableType]:
    """The tables of one look."""
    head = f"{now['system_id']}, smscd {now['version']}, up {duration(now['uptime_s'])}, data in {now['data_dir']}"
    yield Text(cell(head), style="bold")
    yield Text(_sentence("listening on", [_listener(one) for one in now.get("listeners", ())]))
    yield Text(
        _sentence("queue", [f"{now['queue'][key]} {name}" for key, name in QUEUE.items() if key in now["queue"]])
    )
    yield Text(
        _sentence("per second", [f"{cell(rate)} {name.removesuffix('_per_s')}" for name, rate in now["rates"].items()])
    )
    yield Text(
        _sentence(
            "since the start", [f"{cell(count)} {name.replace('_', ' ')}" for name, count in now["totals"].items()]
        )
    )
    if now["sessions"]:
        yield table("\nSessions", SESSION, [_session(session) for session in now["sessions"]], DISPENSABLE)
    else:
        yield Text("sessions: nobody is bound")
    yield table("\nConnectors", CONNECTOR, [[cell(one.get(name)) for name in CONNECTOR] for one in now["connectors"]])


def _sentence(subject: str, facts: list[str]) -> str:
    return f"{subject}: {', '.join(facts) or 'nothing'}"


def _listener(listener: dict[str, Any]) -> str:
    host = cell(listener["address"]).rpartition(":")[0]
    return f"{host}:{listener['port']}{' (TLS)' if listener['tls'] else ''}"


def _session(session: dict[str, Any]) -> list[str]:
    shown = {**session, "interface_version": _version(session.get("interface_version"))}
    return [moment(shown.get(name)) if name == "since" else cell(shown.get(name)) for name in SESSION]


def _version(value: Any) -> str:
    """3.4 for 0x34 (SMPP 3.4 §5.2.4), however it is written."""
    try:
        number = int(str(value), 0)
    except ValueError:
        return cell(value)
    return f"{number >> 4}.{number & 15}"
