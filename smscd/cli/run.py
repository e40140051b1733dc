"""`smscd run`: the daemon in the foreground."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Annotated

import typer

from smscd.cli.places import demo_data_dir


def run(
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", envvar="SMSCD_CONFIG", help="Without it: the built-in demo."),
    ] = None,
    data_dir: Annotated[
        Path | None, typer.Option("--data-dir", metavar="DIR", help="Instead of the data_dir that the file names.")
    ] = None,
) -> None:
    """Run smscd in the foreground until it is told to stop. Without a file: an SMSC emulator on 127.0.0.1:2775."""
    # what comes before `daemon` can obey it waits until then, and does not end the process as it would by itself
    signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGHUP))
    from smscd.config import demo, load  # noqa: PLC0415 - `smscd --help` reads this file and needs neither

    if config is None:
        settings = demo(data_dir or demo_data_dir())
    else:
        settings = load(config)
        if data_dir is not None:
            settings.smscd.data_dir = data_dir.absolute()
    from smscd import daemon  # noqa: PLC0415 - a faulty file is told before the whole house is loaded

    raise typer.Exit(daemon.run(settings, demo=config is None, path=config, keep_data_dir=data_dir is not None))
