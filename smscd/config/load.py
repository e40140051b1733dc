"""From a file to a `Config`, or to every fault in it."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from smscd.config.check import check as check_between
from smscd.config.fault import Fault, Path
from smscd.config.files import check_files
from smscd.config.locate import KEY_PARTS, line_of_long_key, locate
from smscd.config.schema import Config, parse
from smscd.errors import ConfigError

_PLACE = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")


@dataclass(slots=True)
class Report:
    """What a file gives: the settings of its sound tables, and its faults in the order of their lines."""

    config: Config
    faults: list[Fault]


def load(path: str | FilePath) -> Config:
    """The configuration in the file, for a daemon to run with.

    Raises ConfigError with one line for every fault over which a daemon must not start, also for what this release
    reads but cannot do yet.  Relative paths in the file are relative to its directory.  `Config.warnings` has the rest.
    """
    report = read(path)
    if not FilePath(path).exists():
        raise ConfigError([str(fault) for fault in report.faults], "another --config FILE; without one the demo starts")
    return _runnable(report)


def check(path: str | FilePath) -> list[Fault]:
    """Every fault of the file; opens no port and changes nothing."""
    return read(path).faults


def read(path: str | FilePath) -> Report:
    """Settings and faults of the file."""
    try:
        octets = FilePath(path).read_bytes()
        text = octets.decode()
    except OSError as error:
        return Report(Config(), [Fault(f"cannot be read: {error.strerror}", file=str(path))])
    except UnicodeDecodeError as error:
        line = octets.count(b"\n", 0, error.start) + 1
        return Report(Config(), [Fault("is not UTF-8", file=str(path), line=line)])
    return read_text(text, str(path), FilePath(path).absolute().parent)


def read_text(text: str, file: str, base: FilePath) -> Report:
    """The same for a text; `file` is what its faults call it, `base` what its relative paths are relative to."""
    if line := line_of_long_key(text):
        return Report(Config(), [Fault(f"a key has more than {KEY_PARTS} parts", file=file, line=line)])
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        return Report(Config(), [_syntax(error, text, file)])
    except (ValueError, RecursionError) as error:  # a number of thousands of digits; brackets by the thousand
        what = "nested too deeply" if isinstance(error, RecursionError) else "a number has too many digits"
        return Report(Config(), [Fault(f"is not TOML: {what}", file=file)])
    parsed = parse(document)
    faults = [*parsed.faults, *check_files(parsed, base), *check_between(parsed, document)]
    lines = locate(text)
    placed = [replace(fault, file=file, line=_line(lines, fault.path)) for fault in faults]
    placed.sort(key=lambda fault: fault.line)
    parsed.config.warnings = [str(fault) for fault in placed if not fault.blocks_run]
    parsed.config.route_places = [
        f"{FilePath(file).name}:{_line(lines, parsed.path_of(route))}" for route in parsed.config.routes
    ]
    return Report(parsed.config, placed)


def run_text(text: str, file: str, base: FilePath) -> Config:
    """`load` for a text."""
    return _runnable(read_text(text, file, base))


def _runnable(report: Report) -> Config:
    blocking = [str(replace(fault, severity="error")) for fault in report.faults if fault.blocks_run]
    if blocking:
        raise ConfigError(blocking)
    return report.config


def _line(lines: dict[Path, int], path: Path) -> int:
    """The line of a key, or of the nearest table around it that the file has; 0 if it has none."""
    return next((lines[path[:length]] for length in range(len(path), 0, -1) if path[:length] in lines), 0)


def _syntax(error: tomllib.TOMLDecodeError, text: str, file: str) -> Fault:
    """What `tomllib` says; not the line itself, which may hold a password."""
    message = str(error)
    match = _PLACE.search(message)
    what = _PLACE.sub("", message)
    line = int(match[1]) if match and match[1] else text.rstrip().count("\n") + 1
    column = f", column {match[2]}" if match and match[2] else ""
    return Fault(f"is not TOML: {what[:1].lower()}{what[1:]}{column}", file=file, line=line)
