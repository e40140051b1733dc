"""`smscd optout`: look at the opt-out list, change one row, import and export many."""

from __future__ import annotations

import csv
import getpass
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType
from rich.progress import Progress

from smscd.cli.complaint import printable
from smscd.cli.control import call, conversation, stream
from smscd.cli.optout_import import COLUMNS, imported, recycled
from smscd.cli.output import JsonOption, cell, moment, on_terminal, show, table
from smscd.cli.places import ConfigOption, DataDirOption, data_dirs

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Who does not want messages: look, change, import, export.",
)

AUDITED = ("at", "event", "recipient", "scope", "party", "keyword", "rule", "source", "answered", "actor", "reason")
NICE = 19
"""An import has time: whatever else the machine does goes first."""
STEP = 500
"""Rows asked from smscd at a time: what it tells in two or three milliseconds."""

Recipient = Annotated[str, typer.Option("--to", metavar="N", help="The recipient.", show_default=False)]
Sender = Annotated[str | None, typer.Option("--from", metavar="N", help="The sender that the handset sees.")]
ScopeOption = Annotated[str, typer.Option("--scope", help="pair, pool, account or global.")]
Pool = Annotated[str | None, typer.Option("--pool", help="The pool, where the scope is one.")]
Account = Annotated[str | None, typer.Option("--esme", metavar="ID", help="The ESME, where the scope is account.")]


def _asked(**values: Any) -> dict[str, Any]:
    return {name.rstrip("_"): value for name, value in values.items() if value is not None}


@app.command("add")
def add(
    to: Recipient, from_: Sender = None, scope: ScopeOption = "pair", pool: Pool = None, esme: Account = None,
    reason: Annotated[str | None, typer.Option("--reason", help="For the journal.")] = None,
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None,
) -> None:  # fmt: skip
    """Block one recipient. Doing it twice changes nothing."""
    row = _asked(to=to, from_=from_, scope=scope, pool=pool, esme=esme, reason=reason, actor=getpass.getuser())
    answer = call(data_dirs(config, data_dir), "optout.add", **row)
    show(answer, as_json, lambda value: ["blocked" if value["changed"] else "was blocked already"])
    if "warning" in answer:
        typer.echo(f"warning: {printable(answer['warning'])}", err=True)


@app.command("remove")
def remove(
    to: Recipient, reason: Annotated[str, typer.Option("--reason", help="Why, for the journal.", show_default=False)],
    from_: Sender = None, scope: ScopeOption = "pair", pool: Pool = None, esme: Account = None,
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None,
) -> None:  # fmt: skip
    """Lift one block. The journal keeps that it was there, and the reason."""
    row = _asked(to=to, from_=from_, scope=scope, pool=pool, esme=esme, reason=reason, actor=getpass.getuser())
    answer = call(data_dirs(config, data_dir), "optout.remove", **row)
    show(answer, as_json, lambda value: ["lifted" if value["changed"] else "there was no such block"])


@app.command("erase")
def erase(
    to: Recipient, reason: Annotated[str, typer.Option("--reason", help="Why, for the journal.", show_default=False)],
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None,
) -> None:  # fmt: skip
    """Replace a person's number by a hash in the list and its journal. What blocks goes on blocking."""
    answer = call(data_dirs(config, data_dir), "optout.erase", **_asked(to=to, reason=reason, actor=getpass.getuser()))
    show(answer, as_json, _erased)


def _erased(answer: dict[str, Any]) -> Iterator[RenderableType]:
    yield f"erased: {answer['recipient']} stands for it" if answer["changed"] else "there was nothing to erase"


@app.command("check")
def check(
    to: Recipient,
    from_: Annotated[str, typer.Option("--from", metavar="N", help="The sender that the handset sees.")],
    esme: Annotated[
        str | None,
        typer.Option(
            "--esme", metavar="ID", help="The ESME that sends; else the one that receives the sender's number."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """May this sender write to this recipient? Exit code 1 if not."""
    answer = call(data_dirs(config, data_dir), "optout.check", **_asked(to=to, from_=from_, esme=esme))
    show(answer, as_json, _verdict)
    if not answer["may_send"]:
        raise typer.Exit(1)


def _verdict(answer: dict[str, Any]) -> Iterator[RenderableType]:
    row = answer["row"]
    party = f" {cell(row['party'])}" if row and row["party"] else ""
    yield "yes" if row is None else f"no: opted out from {row['scope']}{party}"


@app.command("list")
def list_rows(
    to: Annotated[str | None, typer.Option("--to", metavar="N", help="Of this recipient only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=5000, help="How many.")] = 50,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List what is blocked, by recipient."""
    answer = call(data_dirs(config, data_dir), "optout.list", **_asked(to=to, limit=limit))
    show(answer, as_json, lambda value: _listed(value, COLUMNS, "rows"))


@app.command("audit")
def audit(
    to: Annotated[str | None, typer.Option("--to", metavar="N", help="Of this recipient only.")] = None,
    event: Annotated[
        str | None, typer.Option("--event", metavar="KIND", help="Of this kind only: flag, stop, start, add, erase, …")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=5000, help="How many, newest first.")] = 50,
    rebuild: Annotated[
        bool,
        typer.Option("--rebuild", help="Rebuild the list from the journal and compare; exit code 1: they differ."),
    ] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show the journal: what was stopped, started, added and removed, when, by what, and why."""
    if rebuild:
        _rebuild(data_dirs(config, data_dir), as_json=as_json)
        return
    answer = call(data_dirs(config, data_dir), "optout.audit", **_asked(to=to, event=event, limit=limit))
    show(answer, as_json, lambda value: _listed(value, AUDITED, "events"))


def _rebuild(places: Any, *, as_json: bool) -> None:
    differences: list[dict[str, Any]] = []
    last: dict[str, Any] = {}
    with Progress(console=Console(stderr=True), disable=not on_terminal(), transient=True) as progress:
        task = progress.add_task("rebuilding", total=None)
        for told in stream(places, "optout.rebuild"):
            if "difference" in told:
                differences.append(told["difference"])
            else:
                last = told
                progress.update(task, completed=told["rows"], description=f"rebuilding: {told['rows']} rows")
    is_same = not differences and last["blocking"] == last["keys"]
    show({**last, "is_same": is_same, "differences": differences}, as_json, _rebuilt)
    if not is_same:
        raise typer.Exit(1)


def _rebuilt(answer: dict[str, Any]) -> Iterator[RenderableType]:
    columns = ("recipient", "scope", "party", "journal", "row", "list")
    if answer["differences"]:
        yield table("", columns, [[cell(one[name]) for name in columns] for one in answer["differences"]], ())
    yield f"{answer['rows']} rows; by the journal {answer['blocking']} block, in memory {answer['keys']} do"
    yield "the same" if answer["is_same"] else "not the same"


def _listed(answer: dict[str, Any], columns: tuple[str, ...], what: str) -> Iterator[RenderableType]:
    rows = [
        [moment(one[name]) if name in {"at", "since"} else cell(one[name]) for name in columns] for one in answer[what]
    ]
    yield table("", columns, rows, ("reason", "keyword", "source", "rule", "actor")) if rows else f"no {what}"
    if "total" in answer and len(rows) < answer["total"]:
        yield f"{answer['total']} in force"


# --- many at once -----------------------------------------------------------------------------------------------------


@app.command("export")
def export(
    file: Annotated[Path | None, typer.Argument(metavar="FILE", help="Ends in .csv or .jsonl; else JSONL on standard"
                                                " output.")] = None,
    config: ConfigOption = None, data_dir: DataDirOption = None,
) -> None:  # fmt: skip
    """Write every row in force."""
    places = data_dirs(config, data_dir)
    if file is None:
        for row in _everything(places):
            sys.stdout.write(json.dumps(row) + "\n")
        return
    with file.open("w", encoding="utf-8", newline="") as out:
        if file.suffix == ".csv":
            writer = csv.DictWriter(out, COLUMNS)
            writer.writeheader()
            writer.writerows(row | {"since": moment(row["since"])} for row in _everything(places))
        else:
            out.writelines(json.dumps(row) + "\n" for row in _everything(places))


def _everything(places: Any) -> Iterator[dict[str, Any]]:
    after: dict[str, Any] | None = None
    while page := call(places, "optout.list", **_asked(limit=STEP, after=after))["rows"]:
        yield from page
        after = page[-1]


@app.command("import")
def import_rows(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV with a header, or JSON lines.", exists=True)],
    from_: Sender = None, scope: ScopeOption = "pair", pool: Pool = None, esme: Account = None,
    reason: Annotated[str | None, typer.Option("--reason", help="For rows that give none.")] = None,
    is_recycled: Annotated[bool, typer.Option("--recycled", help="Lift, do not block: numbers have new owners.")] = (
        False
    ),
    as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None,
) -> None:  # fmt: skip
    """Block everybody in a file: all of it at one moment, or nothing.

    Columns: recipient, and scope, party and reason where the options do not say them for all rows.

    With --recycled: lift every row of these numbers that was asked for before their date, or before now. Columns:
    recipient, and date (2026-11-22) and reason; there has to be a reason.
    """
    if is_recycled:
        _recycle(data_dirs(config, data_dir), file, reason, as_json=as_json)
        return
    places = data_dirs(config, data_dir)
    plain = _asked(from_=from_, scope=scope, pool=pool, esme=esme, reason=reason)
    os.nice(NICE)
    with (
        conversation(places) as ask,
        Progress(console=Console(stderr=True), disable=not on_terminal(), transient=True) as progress,
    ):
        answer = imported(ask, getpass.getuser(), file, plain, progress)
    show(
        answer, as_json, lambda value: [f"{value['rows']} row{'' if value['rows'] == 1 else 's'} of the file in force"]
    )


def _recycle(places: Any, file: Path, reason: str | None, *, as_json: bool) -> None:
    with (
        conversation(places) as ask,
        Progress(console=Console(stderr=True), disable=not on_terminal(), transient=True) as progress,
    ):
        answer = recycled(ask, getpass.getuser(), file, _asked(reason=reason), progress)
    show(answer, as_json, lambda value: [f"{value['numbers']} numbers, {value['lifted']} rows lifted"])
