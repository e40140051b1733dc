"""`smscd modem`: GSM modems."""

from __future__ import annotations

import typer

from smscd.cli.modem_emulate import emulate

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    help="GSM modems: be one that is none.",
)
app.command("emulate")(emulate)


@app.callback()
def modem() -> None:
    """GSM modems: be one that is none."""
