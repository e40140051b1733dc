"""How facts are logged: key=value on a terminal, JSON under systemd; one line each, whatever a peer put into a field.

Numbers go through `masked`, message text and passwords are never logged.  Rooms take `structlog.get_logger(__name__)`
and name a fact in a few words with its values beside it: `log.info("refused", message_id=…, command_status=…)`.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any, Literal, TextIO

import structlog

from smscd.clock import Clock, SystemClock

LogFormat = Literal["console", "json"]

_FIRST = ("timestamp", "level", "logger", "event", "message_id")
"""What every line begins with, in this order, as far as it is there."""

_BARE = re.compile(r"""[^\s"'=\\]+""")
_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

_SHORT = 6  # digits: a short code is a service, not a person
_HIDDEN = 4  # digits at least


def configure(log_format: LogFormat, log_level: str, stream: TextIO | None = None, clock: Clock | None = None) -> None:
    """Set up logging of this process, to standard error unless told otherwise; may be called again after a reload.

    "console" becomes JSON where `stream` goes to systemd's journal.  What libraries log through `logging` comes in the
    same form, from warnings upwards.
    """
    stream = stream or sys.stderr
    as_json = log_format == "json" or _is_journal(stream)
    level = _LEVELS[log_level]
    shared: list[Any] = [
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    render = _as_json if as_json else _as_text
    structlog.configure(
        processors=[_Ration(clock or SystemClock()), *shared, _with_exception, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_factory(stream),
        cache_logger_on_first_use=False,  # a reload may change the level of loggers that exist already
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, _with_exception, render],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(level, logging.WARNING), force=True)


PER_SECOND = {"debug": 1000, "info": 200, "warning": 1000}
"""Lines of one event in a second. A thousand peers that come and go, or as many messages put off, say no more in a
thousand lines than in two hundred, and each costs as much as a message does. Errors are never left out."""

EACH = frozenset({"in doubt"})
"""Named one by one however many: what left and was never answered may reach its recipient twice."""


class _Ration:
    """Leaves out what is said too often; the last line of a second that is shown, and the next one, say so."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = -1
        self._said: dict[str, int] = {}
        self._left_out: dict[str, int] = {}

    def __call__(self, _logger: Any, method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        most = PER_SECOND.get(method)
        name = str(event.get("event"))
        if most is None or name in EACH:
            return event
        second = int(self._clock.monotonic())
        if second != self._second:
            self._second, self._said = second, {}
        said = self._said[name] = self._said.get(name, 0) + 1
        if said > most:
            self._left_out[name] = self._left_out.get(name, 0) + 1
            raise structlog.DropEvent
        if name in self._left_out:
            event["left_out"] = self._left_out.pop(name)
        if said == most:
            event["and_more"] = "not shown"
        return event


def masked(number: str | bytes) -> str:
    """A number as logs show it: "4477****0123".

    Short codes and sender names stay readable; of anything longer at least four digits are hidden, and how many is not
    to be seen either.
    """
    text = number.decode("latin-1") if isinstance(number, bytes) else number
    if len(text) <= _SHORT or (len(text) <= 11 and not any(character.isdigit() for character in text)):
        return text
    head = min(4, len(text) - _HIDDEN)
    tail = min(4, len(text) - _HIDDEN - head)
    return f"{text[:head]}****{text[len(text) - tail :]}"


class _Line:
    """Writes finished lines; what structlog calls a logger."""

    __slots__ = ("_stream", "name")

    def __init__(self, stream: TextIO, name: str) -> None:
        self._stream = stream
        self.name = name

    def msg(self, line: str) -> None:
        # standard error may be closed or its reader gone: a log nobody can read must not stop a message
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(f"{line}\n")
            self._stream.flush()

    debug = info = warning = error = critical = msg


def _factory(stream: TextIO) -> Any:
    def make(*names: str) -> _Line:
        return _Line(stream, names[0] if names else "smscd")

    return make


def _is_journal(stream: TextIO) -> bool:
    """Whether `stream` is the one that systemd connected to its journal: `JOURNAL_STREAM` names device and inode."""
    journal = os.environ.get("JOURNAL_STREAM")
    if not journal:
        return False
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return journal == f"{status.st_dev}:{status.st_ino}"


def _with_exception(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn `exc_info` into the traceback's text: its lines of code, never the values of variables."""
    exc_info = event.pop("exc_info", None)
    if exc_info is True:
        exc_info = sys.exc_info()
    error = exc_info[1] if isinstance(exc_info, tuple) else exc_info
    if isinstance(error, BaseException):
        event["exception"] = "".join(traceback.format_exception(error)).rstrip()
    return event


def _ordered(event: MutableMapping[str, Any]) -> dict[str, Any]:
    first = {key: event[key] for key in _FIRST if key in event}
    return first | {key: value for key, value in event.items() if key not in first}


def _as_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    # ASCII only: JSON's own escapes then cover every control character and every line separator of Unicode
    return json.dumps(_ordered(event), default=_plain)


def _as_text(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    exception = event.pop("exception", None)
    fields = _ordered(event)
    head = [str(fields.pop("timestamp", "")), f"{fields.pop('level', ''):<7}"]
    fields.pop("logger", None)
    words = [_printable(str(fields.pop("event", "")))]
    words += [f"{_printable(key)}={_value(value)}" for key, value in fields.items()]
    line = " ".join([*head, *words])
    if exception:
        # every line of a traceback is marked as one, so that an error message cannot pose as a line of the log
        line += "".join(f"\n    | {_printable(part)}" for part in exception.split("\n"))
    return line


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else _plain(value) if isinstance(value, bytes) else str(value)
    if _BARE.fullmatch(text) and text.isprintable():
        return text
    return _printable(json.dumps(text, ensure_ascii=False))


def _printable(text: str) -> str:
    """`text` with everything escaped that could move a cursor, end a line or reorder it."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _plain(value: object) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)
