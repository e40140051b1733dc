"""`smscd mo`: a handset of the emulated network sends a message."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from smscd.cli.control import call
from smscd.cli.output import JsonOption, cell, show
from smscd.cli.places import ConfigOption, DataDirOption, data_dirs


def mo(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="What the handset's user typed.", show_default=False)],
    source_addr: Annotated[str, typer.Option("--from", metavar="N", help="The handset's number.")],
    destination_addr: Annotated[str, typer.Option("--to", metavar="N", help="The number it sends to.")],
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Let a handset of the emulated network send a message to whichever ESME receives it."""
    message = {"from": source_addr, "to": destination_addr, "text": text}
    show(call(data_dirs(config, data_dir), "mo", **message), as_json, _told)


def _told(answer: dict[str, Any]) -> Iterator[RenderableType]:
    parts = answer["parts"]
    count = parts if isinstance(parts, int) else len(parts)
    receiver = answer["delivered_to"]
    fate = f"for {cell(receiver)}" if receiver else "that no ESME receives: a dead letter"
    yield f"message {cell(answer['message_id'])}, {count} part{'' if count == 1 else 's'}, {fate}"
