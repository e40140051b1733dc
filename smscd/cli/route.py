"""`smscd route explain`: which way a message would take, and why."""

from __future__ import annotations

from typing import Annotated

import typer

from smscd.cli.control import call
from smscd.cli.output import JsonOption, show, story
from smscd.cli.places import ConfigOption, DataDirOption, data_dirs

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None, help="Ask about routes.")


@app.callback()
def route() -> None:
    """Ask about routes."""


@app.command("explain")
def explain(
    source_addr: Annotated[str, typer.Option("--from", metavar="N", help="The sender.")],
    destination_addr: Annotated[str, typer.Option("--to", metavar="N", help="The recipient.")],
    esme: Annotated[str | None, typer.Option("--esme", metavar="ID", help="The ESME that would submit it.")] = None,
    text: Annotated[
        str | None, typer.Option("--text", metavar="T", help="Its text, for routes that look at it.")
    ] = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="TIME", help="When, for routes with hours: 2026-11-21T18:30, in UTC; default now."
        ),
    ] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show which way a message would take and why; nothing is sent. Exit code 1 if it would be refused."""
    wanted = {"from": source_addr, "to": destination_addr, "esme": esme, "text": text, "at": at}
    arguments = {name: value for name, value in wanted.items() if value is not None}
    answer = call(data_dirs(config, data_dir), "route.explain", **arguments)
    show(answer, as_json, lambda value: story("", value))
    if answer.get("answer"):
        raise typer.Exit(1)
