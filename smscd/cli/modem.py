"""`smscd modem`: GSM modems, how they are and what they say."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from smscd.cli.control import call
from smscd.cli.modem_emulate import emulate
from smscd.cli.output import JsonOption, cell, show, story, table
from smscd.cli.places import ConfigOption, DataDirOption, data_dirs

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="GSM modems: how they are, what they say, and one that is none.",
)

LISTED = (
    "name", "state", "trouble", "network", "registration", "signal_dbm", "queued", "in_flight", "stored", "number",
    "device",
)  # fmt: skip
DISPENSABLE = ("device", "number", "stored", "in_flight", "registration", "network")
"""What a narrow terminal goes without, in this order."""

Name = Annotated[str, typer.Argument(metavar="NAME", help="The connector's name.", show_default=False)]


app.command("emulate")(emulate)


@app.callback()
def modem() -> None:
    """GSM modems: how they are, and what they say."""


@app.command("list")
def list_modems(as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None) -> None:
    """List the modems of the running smscd."""
    show(call(data_dirs(config, data_dir), "modem.list"), as_json, _list)


@app.command("show")
def show_modem(
    name: Name, as_json: JsonOption = False, config: ConfigOption = None, data_dir: DataDirOption = None
) -> None:
    """Show everything known about one modem."""
    found = call(data_dirs(config, data_dir), "modem.show", name=name)
    show(found, as_json, lambda value: story("Modem", value))


@app.command("test")
def examine(
    name: Name,
    to: Annotated[
        str | None, typer.Option("--to", metavar="N", help="Let it send a short message there. It costs what it costs.")
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Ask a modem everything that matters, between two messages, and show what it answers."""
    arguments = {"name": name} if to is None else {"name": name, "to": to}
    show(call(data_dirs(config, data_dir), "modem.test", **arguments), as_json, _tested)


@app.command("ussd")
def ussd(
    name: Name,
    code: Annotated[str, typer.Argument(metavar="CODE", help="For instance '*100#'.", show_default=False)],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Ask the network something by USSD, the balance for instance."""
    answer = call(data_dirs(config, data_dir), "modem.ussd", name=name, code=code)
    show(answer, as_json, lambda value: [cell(value["text"]) or cell(value["status"])])


def _list(value: dict[str, Any]) -> Iterator[RenderableType]:
    if not value["modems"]:
        yield "no modems"
        return
    rows = [[cell(one.get(name)) for name in LISTED] for one in value["modems"]]
    yield table("", LISTED, rows, DISPENSABLE)


def _tested(value: dict[str, Any]) -> Iterator[RenderableType]:
    headings = ("what", "asked", "said", "result")
    rows = [[cell(one[name]) for name in headings] for one in value["answers"]]
    yield table(cell(value["name"]), headings, rows)
