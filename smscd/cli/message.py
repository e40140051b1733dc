"""`smscd message`: look at messages, cancel one, try one again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer
from rich.console import RenderableType

from smscd.cli.control import call
from smscd.cli.output import JsonOption, cell, moment, show, story, table
from smscd.cli.places import ConfigOption, DataDirOption, data_dirs
from smscd.errors import ControlError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="Look at messages, cancel one, try one again.",
)

TIMES = frozenset({"accepted_at", "submitted_at", "due", "expires", "final_at", "changed_at", "lease_until"})
LISTED = (
    "message_id", "accepted_at", "kind", "system_id", "source_addr", "destination_addr", "connector", "stage",
    "message_state", "error_code", "attempts", "segments",
)  # fmt: skip

DISPENSABLE = (
    "segments", "attempts", "error_code", "kind", "connector", "system_id", "accepted_at", "source_addr", "stage"
)  # fmt: skip
"""What a narrow terminal goes without, in this order."""

MessageId = Annotated[
    str, typer.Argument(metavar="MESSAGE_ID", help="As it was given to the ESME.", show_default=False)
]


@app.command("list")
def list_messages(
    state: Annotated[str | None, typer.Option("--state", help="Its message_state: DELIVERED, EXPIRED, …")] = None,
    stage: Annotated[str | None, typer.Option("--stage", help="QUEUED, LEASED, HELD, CLOSED or DEAD.")] = None,
    kind: Annotated[str | None, typer.Option("--kind", help="MT, MO, RECEIPT or NOTIFICATION.")] = None,
    system_id: Annotated[str | None, typer.Option("--system-id", help="Of this ESME only.")] = None,
    source_addr: Annotated[str | None, typer.Option("--from", metavar="N", help="From this sender only.")] = None,
    destination_addr: Annotated[str | None, typer.Option("--to", metavar="N", help="To this recipient only.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="How many, newest first.")] = 50,
    before: Annotated[str | None, typer.Option("--before", metavar="MESSAGE_ID", help="Older than this one.")] = None,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """List messages, newest first. Numbers are shown in full."""
    wanted = {
        "state": state, "stage": stage, "kind": kind, "system_id": system_id, "from": source_addr,
        "to": destination_addr, "before": before, "limit": limit,
    }  # fmt: skip
    arguments = {name: value for name, value in wanted.items() if value is not None}
    found = call(data_dirs(config, data_dir), "message.list", **arguments)
    show(found, as_json, lambda value: _list(value["messages"], limit))


@app.command("show")
def show_message(
    message_id: MessageId,
    text: Annotated[bool, typer.Option("--text", help="Its text as well.")] = False,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Show everything known about a message: itself, its parts, its receipt, its PDU."""
    found = call(data_dirs(config, data_dir), "message.show", message_id=message_id, text=text)
    show(found, as_json, lambda value: story("Message", value, TIMES))


@app.command("cancel")
def cancel_message(
    message_id: MessageId,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Cancel a message that has not left yet."""
    answer = call(data_dirs(config, data_dir), "message.cancel", message_id=message_id)
    if not answer["cancelled"]:
        raise ControlError(f"message {message_id} cannot be cancelled any more", f"smscd message show {message_id}")
    show(answer, as_json, lambda value: [f"cancelled: {value['cancelled']}"])


@app.command("retry")
def retry_message(
    message_id: MessageId,
    as_json: JsonOption = False,
    config: ConfigOption = None,
    data_dir: DataDirOption = None,
) -> None:
    """Try a dead letter or a held message again, with a new validity."""
    answer = call(data_dirs(config, data_dir), "message.retry", message_id=message_id)
    show(answer, as_json, lambda _: [f"message {cell(message_id)} will be tried again now"])


def _list(messages: list[dict[str, Any]], limit: int) -> Iterator[RenderableType]:
    if not messages:
        yield "no messages"
        return
    rows = [[moment(one.get(name)) if name in TIMES else cell(one.get(name)) for name in LISTED] for one in messages]
    yield table("", LISTED, rows, DISPENSABLE)
    if len(messages) == limit:
        yield f"older ones: smscd message list --before {cell(messages[-1]['message_id'])}"
