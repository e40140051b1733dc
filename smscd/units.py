"""How settings are written: durations, sizes, endpoints, patterns; and what each of them allows.

A settings dataclass spells a key once: its name, its type, its default, and inside `Annotated` its notation, its bounds
and, as a plain string, its explanation.  Schema, `smscd check`, `conf/smscd.toml` and `docs/configuration.md` are
derived from that.  A notation reads what stands in the file and says ValueError in words an operator understands.
"""

from __future__ import annotations

import ipaddress
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Annotated, Protocol

import regex

CENTURY = 36500 * 86400
"""Seconds, the longest that anything is kept or waited for: a moment so far ahead still is a number SQLite can hold."""

_DURATION_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_SIZE_UNITS = {"B": 1, "KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40}
_DURATION = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+", re.ASCII)
_DURATION_STEP = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", re.ASCII)
_SIZE = re.compile(r"(\d+)(B|KiB|MiB|GiB|TiB)", re.ASCII)
_ADDRESS = re.compile(r"\*|[^*/+\x00-\x1f][^*\x00-\x1f]{0,63}\*?")
_HOST = re.compile(r"[0-9A-Za-z](?:[0-9A-Za-z.-]*[0-9A-Za-z])?")


FOREVER = 1e20
"""Seconds that no duration exceeds."""

LONGEST_SIZE = 18
"""Digits of a size."""


def parse_duration(text: str) -> float:
    """Seconds in "250ms", "30s", "24h", "7d" or "1h30m"; ValueError for anything else."""
    if not _DURATION.fullmatch(text):
        raise ValueError("is not a duration")
    seconds = sum(float(number) * _DURATION_UNITS[unit] for number, unit in _DURATION_STEP.findall(text))
    if seconds > FOREVER:
        raise ValueError("is not a duration")
    return seconds


def format_duration(seconds: float) -> str:
    """`seconds` in the largest unit that keeps it whole: 172800 is "48h", 604800 is "7d"."""
    milliseconds = round(seconds * 1000)
    if milliseconds and milliseconds % 1000 == 0:
        whole = milliseconds // 1000
        for unit, length, least in (("d", 86400, 3), ("h", 3600, 1), ("m", 60, 1)):
            if whole % length == 0 and whole // length >= least:
                return f"{whole // length}{unit}"
        return f"{whole}s"
    return f"{milliseconds}ms" if milliseconds else "0s"


def parse_size(text: str) -> int:
    """Octets in "512B", "64KiB", "10MiB"; ValueError for anything else."""
    match = _SIZE.fullmatch(text)
    if match is None or len(match[1]) > LONGEST_SIZE:
        raise ValueError("is not a size")
    return int(match[1]) * _SIZE_UNITS[match[2]]


def format_size(octets: int) -> str:
    """`octets` in the largest unit that keeps it whole."""
    for unit in ("TiB", "GiB", "MiB", "KiB"):
        if octets and octets % _SIZE_UNITS[unit] == 0:
            return f"{octets // _SIZE_UNITS[unit]}{unit}"
    return f"{octets}B"


def split_endpoint(text: str) -> tuple[str, int]:
    """Host and port of "127.0.0.1:2775", "[::1]:2775" or "smsc.example.net:2775"; ValueError for anything else.

    Port 0 means any free port, which is what tests ask for.
    """
    host, colon, port = text.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError('is not "host:port"')
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        ipaddress.IPv6Address(host.partition("%")[0])
    elif not _HOST.fullmatch(host):
        raise ValueError('is not "host:port"')
    return host, int(port)


def is_loopback(host: str) -> bool:
    """Whether `host` (without port) can only be reached from this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Notation(Protocol):
    """One way of writing a value: `read` takes what the file holds, `write` gives it back."""

    allowed: str
    """What is allowed, for the person who wrote something else."""

    choices: tuple[str, ...]
    """The words it may be, if they can be counted."""

    def read(self, raw: object) -> object:
        """The value behind `raw`; ValueError says what is wrong with it."""

    def write(self, value: object) -> str:
        """`value` as the file would say it, without quotes."""


def _text(raw: object, wanted: str) -> str:
    if not isinstance(raw, str):
        raise ValueError(f"is not {wanted}")  # noqa: TRY004  pydantic turns ValueError, not TypeError, into a fault
    return raw


class DurationNotation:
    """Float seconds, written as a string with a unit."""

    allowed = 'a string with a unit: "250ms", "30s", "5m", "24h", "7d"'
    choices = ()

    def read(self, raw: object) -> float:
        if isinstance(raw, int | float) and not isinstance(raw, bool):
            raise ValueError("is a duration without a unit")  # noqa: TRY004  as above
        return parse_duration(_text(raw, "a duration"))

    def write(self, value: object) -> str:
        assert isinstance(value, int | float)
        return format_duration(value)


class SizeNotation:
    """Integer octets, written as a string with a unit."""

    allowed = 'a string with a unit: "512B", "64KiB", "10MiB", "1GiB"'
    choices = ()

    def read(self, raw: object) -> int:
        if isinstance(raw, int) and not isinstance(raw, bool):
            raise ValueError("is a size without a unit")  # noqa: TRY004  as above
        return parse_size(_text(raw, "a size"))

    def write(self, value: object) -> str:
        assert isinstance(value, int)
        return format_size(value)


class TextNotation(ABC):
    """A string that has to have a certain shape; subclasses say which."""

    allowed = "a string"
    choices: tuple[str, ...] = ()

    def read(self, raw: object) -> str:
        text = _text(raw, "a string")
        self.inspect(text)
        return text

    def write(self, value: object) -> str:
        return str(value)

    @abstractmethod
    def inspect(self, text: str) -> None:
        """ValueError if `text` has not the shape."""


class EndpointNotation(TextNotation):
    """Where to listen or to connect."""

    allowed = '"host:port", for IPv6 "[::1]:2775"'

    def inspect(self, text: str) -> None:
        try:
            split_endpoint(text)
        except ValueError:
            raise ValueError('is not "host:port"') from None


class NetworkNotation(TextNotation):
    """An IPv4 or IPv6 network, or one address."""

    allowed = 'a network ("10.0.0.0/8", "2001:db8::/32") or one address'

    def inspect(self, text: str) -> None:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            host_bits = "host bits" in str(error)
            raise ValueError(
                "is an address inside a network, not a network" if host_bits else "is not a network"
            ) from None


class AddressNotation(TextNotation):
    """Which addresses: one, all with a prefix, or a regular expression."""

    allowed = 'digits ("12345"), a prefix ("4477*"), everything ("*"), a sender name, or "/regular expression/"'

    def inspect(self, text: str) -> None:
        if is_expression(text):
            compile_expression(text)
        elif "*" in text[:-1]:
            raise ValueError("has a * that is not at its end")
        elif text.startswith("+"):
            raise ValueError("has a +: numbers in patterns are digits")
        elif not _ADDRESS.fullmatch(text):
            raise ValueError("is not an address pattern")


class ExpressionNotation(TextNotation):
    """What the text of a message has to look like."""

    allowed = '"/regular expression/", fully matched against the text'

    def inspect(self, text: str) -> None:
        if not is_expression(text):
            raise ValueError("is not a regular expression between slashes")
        compile_expression(text)


def is_expression(text: str) -> bool:
    """Whether a pattern is written between slashes."""
    return len(text) >= 2 and text.startswith("/") and text.endswith("/")


LONGEST_MATCH = 0.02
"""Seconds that one match of an operator's expression may take: any ESME may write the text it is matched against."""


class Expression:
    """The compiled inside of "/…/". A match that takes too long ends, and counts as none."""

    __slots__ = ("_compiled", "pattern")

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self._compiled = regex.compile(pattern, regex.DOTALL)

    def fullmatch(self, text: str) -> bool:
        """Whether all of `text` matches, found out within `LONGEST_MATCH`."""
        try:
            return self._compiled.fullmatch(text, timeout=LONGEST_MATCH) is not None
        except TimeoutError:
            return False


def compile_expression(text: str) -> Expression:
    """The expression between the slashes of `text`; ValueError names the place where it stops making sense."""
    try:
        return Expression(text[1:-1])
    except regex.error as error:
        raise ValueError(f"is not a regular expression: {error}") from None
    except RecursionError:
        raise ValueError("is not a regular expression: nested too deeply") from None


@dataclass(frozen=True, slots=True)
class Between:
    """Bounds of a number, both included; None leaves a side open."""

    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True)
class Octets:
    """The longest a string may be, in octets of its UTF-8 form, and the shortest."""

    most: int
    least: int = 1


@dataclass(frozen=True, slots=True)
class ExistingFile:
    """A file that has to be there; a `secret` one may be readable by its owner only."""

    what: str
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Secret:
    """A value that is never shown, neither in a fault nor in a diff nor in a log."""


@dataclass(frozen=True, slots=True)
class NeedsRestart:
    """A value that a running process cannot change: a reload that would change it is refused."""


@dataclass(frozen=True, slots=True)
class Example:
    """What the reference shows for a key that has no default."""

    value: object


Seconds = Annotated[float, DurationNotation()]
Size = Annotated[int, SizeNotation()]
Endpoint = Annotated[str, EndpointNotation()]
Network = Annotated[str, NetworkNotation()]
AddressPattern = Annotated[str, AddressNotation()]
TextPattern = Annotated[str, ExpressionNotation()]
