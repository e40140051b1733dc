"""Decoders, compiled from the tables.

Neighbouring fields become one regular expression that finds every NUL and enforces every bound; the integers between
the strings are gathered and unpacked by one `struct`; the class is called with positions, not keywords. What stands
between the addresses of a message is the same in most messages of a peer, and is looked up instead.
Every string is matched possessively: no input makes an expression try twice, so the time is linear in the frame.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from smscd.pdu.compile import INTEGER_CODES, STRINGS, Run, function, steps
from smscd.pdu.constants import HEADER_LENGTH
from smscd.pdu.fields import Field, Kind, wire_fields

Decoder = Callable[[bytes, int, int, int], Any]
"""(frame, command_length, command_status, sequence_number) -> PDU"""

_REFUSAL: Final = "    return refuse(frame, command_status, sequence_number)"
_MATCHED: Final = "    raise AssertionError(frame)"

KNOWN: Final = 1024
"""Whoever sends other octets every time has them read every time, and costs no more memory than this."""

EntryReader = Callable[[bytes, int], tuple[Any, int] | None]
"""(frame, position) -> one structure of a counted list and the position behind it, or None"""

_unpack_tlv = struct.Struct(">HH").unpack_from


def _pattern(run: Run) -> re.Pattern[bytes]:
    """One group for each string, and one for all the integers between two strings."""
    parts: list[str] = []
    for integers, fields in groupby((field for _, field in run), key=lambda field: field.kind is Kind.INTEGER):
        if integers:
            parts.append(f"(.{{{sum(field.size for field in fields)}}})")
        else:
            parts += [string_pattern(field) for field in fields]
    return re.compile("".join(parts).encode(), re.DOTALL)


def string_pattern(field: Field) -> str:
    """The expression of one string with its NUL; the string is its group."""
    if field.kind is Kind.TIME:
        return rf"([^\0]{{{field.size - 1}}}|)\0"
    return rf"([^\0]{{0,{field.accepts - 1}}}+)\0"


def _read_run(number: int, run: Run, namespace: dict[str, Any], refusal: str = _REFUSAL) -> Iterator[str]:
    """Source lines that match one run at `p`, leave its values in locals of their names, and move `p` behind it."""
    if any(field.varies and field.kind in STRINGS for _, field in run):
        return _read_between_addresses(number, run, namespace, refusal)
    return _read_fields(number, run, namespace, refusal)


def _read_fields(number: int, run: Run, namespace: dict[str, Any], refusal: str) -> Iterator[str]:
    """Each field from the octets."""
    namespace[f"match{number}"] = _pattern(run).match
    integers = [(name, field) for name, field in run if field.kind is Kind.INTEGER]
    groups: list[str] = []
    gathered: list[str] = []
    for is_integer, fields in groupby(run, key=lambda item: item[1].kind is Kind.INTEGER):
        if is_integer:
            gathered.append(f"integers{len(gathered)}")
        groups += [gathered[-1]] if is_integer else [name for name, _ in fields]
    yield f"m = match{number}(frame, p)"
    yield "if m is None:"
    yield refusal
    yield f"({', '.join(groups)},) = m.groups()"
    if integers:
        layout = ">" + "".join(INTEGER_CODES[field.size] for _, field in integers)
        namespace[f"unpack{number}"] = struct.Struct(layout).unpack
        yield f"({', '.join(name for name, _ in integers)},) = unpack{number}({' + '.join(gathered)})"
    yield "p = m.end()"


def _read_between_addresses(number: int, run: Run, namespace: dict[str, Any], refusal: str) -> Iterator[str]:
    """What varies from the octets; of what stands between, most messages of a peer have the same: it is looked up."""
    pattern = b""
    groups: list[str] = []
    values: list[str] = []
    for varies, fields in groupby(run, key=lambda item: item[1].varies):
        some = list(fields)
        if varies:
            pattern += _pattern(some).pattern
            groups += [name for name, _ in some]
            counters = [name for name, field in some if field.kind is Kind.INTEGER]
            values += [f"{name} = {name}[0]" for name in counters]  # of one octet each
            continue
        groups.append(f"between{len(groups)}")
        pattern += b"(" + _pattern(some).pattern.replace(b"(", b"(?:") + b")"
        namespace[f"known_{groups[-1]}"] = Known(some)
        values.append(f"({', '.join(name for name, _ in some)},) = known_{groups[-1]}[{groups[-1]}]")
    namespace[f"match{number}"] = re.compile(pattern, re.DOTALL).match
    yield f"m = match{number}(frame, p)"
    yield "if m is None:"
    yield refusal
    yield f"({', '.join(groups)},) = m.groups()"
    yield from values
    yield "p = m.end()"


class Known(dict[bytes, tuple[Any, ...]]):
    """The values of neighbouring fields by their octets: of those that came last, at most `KNOWN`."""

    def __init__(self, run: Run) -> None:
        namespace: dict[str, Any] = {}
        body = ["p = 0", *_read_fields(0, run, namespace, _MATCHED), f"return ({', '.join(name for name, _ in run)},)"]
        self._read: Callable[[bytes], tuple[Any, ...]] = function("read(frame)", body, namespace)

    def __missing__(self, octets: bytes) -> tuple[Any, ...]:
        if len(self) >= KNOWN:
            self.clear()
        values = self[octets] = self._read(octets)
        return values


def _entry_reader(cls: type[Any]) -> EntryReader:
    """A function that reads one structure of a counted list: the structure and the position behind it, or None."""
    namespace: dict[str, Any] = {"cls": cls}
    run = list(wire_fields(cls).items())
    body = list(_read_run(0, run, namespace, refusal="    return None"))
    body.append(f"return cls({', '.join(name for name, _ in run)}), p")
    reader: EntryReader = function("read(frame, p)", body, namespace)
    return reader


def _list_reader(field: Field) -> Callable[[bytes, int, int], tuple[list[Any], int] | None]:
    readers = {getattr(cls, "dest_flag", 0): _entry_reader(cls) for cls in field.entries}
    single = readers.get(0)

    def read(frame: bytes, position: int, count: int) -> tuple[list[Any], int] | None:
        entries: list[Any] = []
        if count < field.at_least:
            return None
        for _ in range(count):
            reader = single
            if reader is None:
                reader = readers.get(frame[position]) if position < len(frame) else None
                position += 1
            found = reader(frame, position) if reader is not None else None
            if found is None:
                return None
            entry, position = found
            entries.append(entry)
        return entries, position

    return read


def decoder(cls: type[Any], refuse: Callable[[bytes, int, int], Any]) -> Decoder:
    """The decoder of a PDU class. `refuse` is called with the frame when the mandatory part cannot be read."""
    namespace: dict[str, Any] = {"cls": cls, "refuse": refuse, "unpack_tlv": _unpack_tlv}
    body = [*_only_string(cls), f"p = {HEADER_LENGTH}"]
    for number, step in enumerate(steps(cls)):
        if isinstance(step, list):
            body += _read_run(number, step, namespace)
            continue
        name, field = step
        if field.kind is Kind.SIZED_OCTETS:
            body += _read_sized(name, field)
        elif field.kind is Kind.LIST:
            namespace[f"read_{name}"] = _list_reader(field)
            body += _read_list(name, field)
        else:
            body += _READ_TLVS
    tail = "frame[p:] if p < command_length else b''"
    arguments = ["sequence_number", "command_status", tail, *wire_fields(cls)]
    if hasattr(cls, "frame"):
        body += [f"pdu = cls({', '.join(arguments)})", "pdu.frame = frame", "return pdu"]
    else:
        body.append(f"return cls({', '.join(arguments)})")
    result: Decoder = function("decode(frame, command_length, command_status, sequence_number)", body, namespace)
    return result


def _only_string(cls: type[Any]) -> Iterator[str]:
    """Lines for a body that is one string and nothing behind it, as most responses are."""
    fields = list(wire_fields(cls).values())
    if [field.kind for field in fields] in ([Kind.C_OCTET_STRING], [Kind.C_OCTET_STRING, Kind.TLVS]):
        values = ", ".join([f"frame[{HEADER_LENGTH}:-1]", *["[]"] * (len(fields) - 1)])
        yield f"if {HEADER_LENGTH} < command_length <= {HEADER_LENGTH + fields[0].accepts}:"
        yield f"    if frame.find(0, {HEADER_LENGTH}) == command_length - 1:"
        yield f"        return cls(sequence_number, command_status, b'', {values})"


_READ_TLVS: Final = (
    "tlvs = []",
    "last = command_length - 4",
    "while p <= last:",
    "    tag, length = unpack_tlv(frame, p)",
    "    end = p + 4 + length",
    "    if end > command_length:",
    "        break",
    "    tlvs.append((tag, frame[p + 4 : end]))",
    "    p = end",
)
"""All whole TLVs; from the first that promises more than there is, the octets stay in `tail`."""


def _read_sized(name: str, field: Field) -> list[str]:
    return [
        f"end = p + {field.counter}",
        "if end > command_length:",
        _REFUSAL,
        f"{name} = frame[p:end]",
        "p = end",
    ]


def _read_list(name: str, field: Field) -> list[str]:
    return [
        f"found = read_{name}(frame, p, {field.counter})",
        "if found is None:",
        _REFUSAL,
        f"{name}, p = found",
    ]
