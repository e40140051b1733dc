"""`smscd check`: every fault of a configuration at once, without starting anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from smscd.config import Fault
from smscd.config import check as faults_of

DEFAULT_FILE = Path("/etc/smscd/smscd.toml")


def check(
    file: Annotated[Path, typer.Argument(help="The configuration file.", envvar="SMSCD_CONFIG")] = DEFAULT_FILE,
    json_output: Annotated[bool, typer.Option("--json", help="Faults as a JSON array.")] = False,
) -> None:
    """Say everything that is wrong with a configuration file. Exit code 1 if it has errors. Never opens a port."""
    faults = faults_of(file)
    errors = sum(fault.severity == "error" for fault in faults)
    if json_output:
        sys.stdout.write(json.dumps([fault.as_json() for fault in faults], indent=2, ensure_ascii=False) + "\n")
    else:
        for fault in faults:
            sys.stdout.write(f"{fault}\n")
        sys.stdout.write(f"{_verdict(file, faults, errors)}\n")
    if errors:
        raise typer.Exit(1)


def _verdict(file: Path, faults: list[Fault], errors: int) -> str:
    warnings = len(faults) - errors
    counted = f"{_count(errors, 'error')}, {_count(warnings, 'warning')}"
    if errors:
        return f"{file}: {counted}"
    refusals = sum(fault.blocks_run for fault in faults)
    if refusals:
        missing = f"{_count(refusals, 'file')} in $CREDENTIALS_DIRECTORY could not be looked at"
        needs = f"`smscd run` needs {'it' if refusals == 1 else 'them'}"
        return f"{file}: sound, {_count(warnings, 'warning')}; {missing}, and {needs}"
    return f"{file}: sound, {_count(warnings, 'warning')}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
