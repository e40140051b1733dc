"""Which smscd a command talks to: where its data directory is.

`--data-dir`, else the `data_dir` of `--config` or $SMSCD_CONFIG, else the first of these on which one is running: the
`data_dir` of /etc/smscd/smscd.toml if that can be read, and the private directory of the demo.
"""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Annotated

import typer

from smscd.errors import ControlError

SYSTEM_CONFIG = Path("/etc/smscd/smscd.toml")

ConfigOption = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", envvar="SMSCD_CONFIG", help="The configuration file of that smscd."),
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", metavar="DIR", help="Its data directory, if no file says.")
]


def demo_data_dir() -> Path:
    """The demo's private directory, `${XDG_STATE_HOME:-~/.local/state}/smscd-demo`."""
    state = Path(os.environ.get("XDG_STATE_HOME", ""))
    if not state.is_absolute():  # XDG Base Directory Specification: a relative path is to be ignored
        state = Path.home() / ".local" / "state"
    return state / "smscd-demo"


def data_dirs(config: Path | None, data_dir: Path | None) -> list[Path]:
    """Where to look for a running smscd, best guess first. ControlError if a file that was named says nothing."""
    if data_dir is not None:
        return [data_dir]
    if config is not None:
        return [configured_data_dir(config)]
    candidates = [demo_data_dir()]
    if os.access(SYSTEM_CONFIG, os.R_OK):
        candidates.insert(0, configured_data_dir(SYSTEM_CONFIG))
    return candidates


def configured_data_dir(config: Path) -> Path:
    """What `smscd.data_dir` is in `config`.

    Only that key is read: a running daemon can be asked for its status while the file on disk is being worked on.
    """
    try:
        document = tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise ControlError(f"{config} cannot be read: {error.strerror}", "--config FILE or --data-dir DIR") from error
    except ValueError as error:  # not UTF-8, or not TOML
        raise ControlError(f"{config} is not TOML: {error}", f"smscd check {config}") from error
    section = document.get("smscd", {})
    data_dir = section.get("data_dir") if isinstance(section, dict) else None
    if data_dir is None:
        from smscd.config import SmscdSettings  # noqa: PLC0415 - loads pydantic, and hardly a file leaves data_dir out

        data_dir = SmscdSettings().data_dir
    if not isinstance(data_dir, str | Path):
        raise ControlError(f"{config}: smscd.data_dir is not a path", f"smscd check {config}")
    return config.absolute().parent / data_dir
