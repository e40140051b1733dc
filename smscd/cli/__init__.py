"""One file per command; this one is the shell around them.

A command's module is imported when the command is called: `smscd run` loads neither tables nor colours.
An error is one line saying what is wrong and one saying what to try, on standard error.
Exit codes: 0 done, 1 the answer is no or it failed, 2 wrong usage.
"""

from __future__ import annotations

import errno
import sys
from importlib import import_module
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from smscd import __version__
from smscd.cli.complaint import complain
from smscd.errors import ConfigError, ControlError, SmscdError, StoreBroken, StoreFull

COMMANDS = {
    "run": "smscd.cli.run:run",
    "check": "smscd.cli.check:check",
    "status": "smscd.cli.status:status",
    "send": "smscd.cli.send:send",
    "message": "smscd.cli.message:app",
    "optout": "smscd.cli.optout:app",
    "mo": "smscd.cli.mo:mo",
    "modem": "smscd.cli.modem:app",
    "route": "smscd.cli.route:app",
    "hash-password": "smscd.cli.hash_password:hash_password",
}
"""Where each command lives: a function, or a Typer application for a command with subcommands."""


def load(name: str) -> Any:
    """The command behind `name`, its module imported now."""
    module, _, attribute = COMMANDS[name].partition(":")
    found = getattr(import_module(module), attribute)
    if not isinstance(found, typer.Typer):
        application = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)
        application.command(name)(found)
        found = application
    return typer.main.get_command(found)


class Shell(TyperGroup):
    """Knows its commands by name and loads the one that is asked for."""

    def list_commands(self, _ctx: Any) -> list[str]:
        """Everything in the table, loaded or not."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of that name; for a name that nobody knows all are loaded, so that a near one can be offered."""
        for name in [cmd_name] if cmd_name in COMMANDS else COMMANDS:
            if name not in self.commands:
                self.add_command(load(name), name)
        return super().get_command(ctx, cmd_name)

    def main(self, *args: Any, **extra: Any) -> NoReturn:
        """Run, and end the process with the exit code; errors are told in two lines."""
        sys.exit(self._run(*args, **(extra | {"standalone_mode": False})))

    def _run(self, *args: Any, **extra: Any) -> int:
        try:
            code = super().main(*args, **extra)
        except ControlError as error:
            return complain(error.reason, error.remedy)
        except ConfigError as error:
            return complain("\n".join(error.faults), error.remedy)
        except StoreBroken as error:
            return complain(str(error), "another data_dir, or the file from a backup: it is left as it is")
        except StoreFull as error:
            return complain(str(error), "make room on that disk")
        except SmscdError as error:
            return complain(str(error))
        except typer.Abort:
            return complain("stopped")
        except OSError as error:
            return complain(f"{error.filename}: {error.strerror}" if error.filename else str(error), _remedy(error))
        except Exception as error:  # noqa: BLE001 - what Typer says about wrong usage has no public class; others go on
            return _usage(error)
        if code == 130:  # Ctrl-C
            return 1
        return code if isinstance(code, int) else 0


def _remedy(error: OSError) -> str:
    """What to try when the system says no to a file or a directory."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return "make room on that disk"
    if not error.filename:
        return ""
    if isinstance(error, PermissionError):
        return f"`ls -ld {error.filename}` and the same of its directory show whose it is: as that user, or as root"
    return "check the name"


def _usage(error: Exception) -> int:
    """Exit code 2 and two lines for a usage error; anything else is a fault of ours and goes on."""
    format_message = getattr(error, "format_message", None)
    if format_message is None:
        raise error
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "smscd"
    if type(error).__name__ == "NoArgsIsHelpError":  # its message is the whole help text
        sys.stderr.write(f"{format_message()}\n")
    else:
        complain(format_message(), f"{command} --help")
    return int(getattr(error, "exit_code", 2))


app = typer.Typer(
    cls=Shell,
    add_completion=False,
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"smscd {__version__}\n")
        raise typer.Exit


@app.callback()
def smscd(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """An SMS centre: SMPP server and emulator, store-and-forward gateway."""


def main() -> NoReturn:
    """The command `smscd`."""
    app(prog_name="smscd")
    raise AssertionError("the shell ends the process")
