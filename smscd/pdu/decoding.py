"""Decoders, compiled from the tables.

Neighbouring fields become one regular expression that finds every NUL and enforces every bound; the integers between
the strings are gathered and unpacked by one `struct`. What stands between the addresses of a message is the same in
most messages of a peer, and is looked up instead. An object is made without `__init__`, and given what is read at once.
Every string is matched possessively: no input makes an expression try twice, so the time is linear in the frame.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any, Final

from smscd.pdu.compile import COUNTER, INTEGER_CODES, Run, function, steps
from smscd.pdu.constants import HEADER_LENGTH
from smscd.pdu.fields import Field, Kind, wire_fields
from smscd.pdu.pdus_session import Pdu

Decoder = Callable[[bytes, int, int, int], Pdu]
"""(frame, command_length, command_status, sequence_number) -> PDU"""

_REFUSAL: Final = "    return refuse(frame, command_status, sequence_number)"
_MATCHED: Final = "    raise AssertionError(frame)"

KNOWN: Final = 1024
"""Whoever sends other octets every time has them read every time, and costs no more memory than this."""

EntryReader = Callable[[bytes, int], tuple[Any, int] | None]
"""(frame, position) -> one structure of a counted list and the position behind it, or None"""

_unpack_tlv = struct.Struct(">HH").unpack_from


def string_pattern(field: Field) -> str:
    """The expression of one string with its NUL; the string is its group."""
    if field.kind is Kind.TIME:
        return rf"(|[^\0]{{{field.size - 1}}})\0"
    return rf"([^\0]{{0,{field.accepts - 1}}}+)\0"


def skipped(field: Field) -> str:
    """The expression of one field, without a group."""
    return "." * field.size if field.kind is Kind.INTEGER else string_pattern(field).replace("(", "(?:", 1)


def _read_run(number: int, run: Run, namespace: dict[str, Any], refusal: str = _REFUSAL) -> Iterator[str]:
    """Source lines that match one run at `p`, leave its values where its names say, and move `p` behind it."""
    expression, groups, values = _expression(number, run, namespace)
    namespace[f"match{number}"] = re.compile(expression.encode(), re.DOTALL).match
    yield f"m = match{number}(frame, p)"
    yield "if m is None:"
    yield refusal
    if groups:
        yield f"({', '.join(groups)},) = m.groups()"
    yield "p = m.end()"
    yield from values


def _expression(number: int, run: Run, namespace: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    """An expression, the names of its groups, and lines that make values of them once `p` is behind the run."""
    fields = [(name, field) for name, field in run if field is not COUNTER]
    if any(field.varies for _, field in fields):
        expression, groups, values = _between_addresses(fields, namespace)
    else:
        expression, groups, values = _each_field(number, fields, namespace)
    for name, field in run[len(fields) :]:  # a counter is the last octet
        expression += skipped(field)
        values.append(f"{name} = frame[p - 1]")
    return expression, groups, values


def _each_field(number: int, run: Run, namespace: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    """A group for each string, and one for all the integers between two strings."""
    expression = ""
    groups: list[str] = []
    gathered: list[str] = []
    for are_integers, fields in groupby(run, key=lambda item: item[1].kind is Kind.INTEGER):
        if are_integers:
            gathered.append(f"integers{len(gathered)}")
            groups.append(gathered[-1])
            expression += f"({''.join(skipped(field) for _, field in fields)})"
            continue
        for name, field in fields:
            groups.append(name)
            expression += string_pattern(field)
    integers = [(name, field) for name, field in run if field.kind is Kind.INTEGER]
    if not integers:
        return expression, groups, []
    layout = ">" + "".join(INTEGER_CODES[field.size] for _, field in integers)
    namespace[f"unpack{number}"] = struct.Struct(layout).unpack
    names = ", ".join(name for name, _ in integers)
    return expression, groups, [f"({names},) = unpack{number}({' + '.join(gathered)})"]


def _between_addresses(run: Run, namespace: dict[str, Any]) -> tuple[str, list[str], list[str]]:
    """A group for each string that varies, and one for all that stands between: it is looked up."""
    expression = ""
    groups: list[str] = []
    values: list[str] = []
    for varies, some in groupby(run, key=lambda item: item[1].varies):
        fields = list(some)
        if varies:
            expression += "".join(string_pattern(field) for _, field in fields)
            groups += [name for name, _ in fields]
            continue
        expression += f"({''.join(skipped(field) for _, field in fields)})"
        octets = f"between{len(groups)}"
        groups.append(octets)
        known = namespace[f"known_{octets}"] = Known([field for _, field in fields])
        namespace[f"find_{octets}"] = known.get
        names = ", ".join(name for name, _ in fields)
        values.append(f"({names},) = find_{octets}({octets}) or known_{octets}.learn({octets})")
    return expression, groups, values


class Known(dict[bytes, tuple[Any, ...]]):
    """The values of neighbouring fields by their octets: of those that came last, at most `KNOWN`."""

    def __init__(self, fields: list[Field]) -> None:
        namespace: dict[str, Any] = {}
        run = [(f"value{number}", field) for number, field in enumerate(fields)]
        body = ["p = 0", *_read_run(0, run, namespace, _MATCHED), f"return ({', '.join(name for name, _ in run)},)"]
        self._read: Callable[[bytes], tuple[Any, ...]] = function("read(frame)", body, namespace)

    def learn(self, octets: bytes) -> tuple[Any, ...]:
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


def decoder(cls: type[Pdu], refuse: Callable[[bytes, int, int], Pdu]) -> Decoder:
    """The decoder of a PDU class. `refuse` is called with the frame when the mandatory part cannot be read.

    What is read is set at once: to call a class with twenty arguments costs as much as finding them.
    """
    namespace: dict[str, Any] = {"cls": cls, "new": object.__new__, "refuse": refuse, "unpack_tlv": _unpack_tlv}
    body = ["pdu = new(cls)", "pdu.sequence_number = sequence_number", "pdu.command_status = command_status"]
    if hasattr(cls, "frame"):
        body.append("pdu.frame = frame")
    body += [*_only_string(cls), f"p = {HEADER_LENGTH}"]
    for number, step in enumerate(steps(cls)):
        if isinstance(step, list):
            run = [(name if field is COUNTER else f"pdu.{name}", field) for name, field in step]
            body += _read_run(number, run, namespace)
            continue
        name, field = step
        if field.kind is Kind.SIZED_OCTETS:
            body += _read_sized(name, field)
        elif field.kind is Kind.LIST:
            namespace[f"read_{name}"] = _list_reader(field)
            body += _read_list(name, field)
        else:
            body += _READ_TLVS
    body += ["pdu.tail = frame[p:] if p < command_length else b''", "return pdu"]
    result: Decoder = function("decode(frame, command_length, command_status, sequence_number)", body, namespace)
    return result


def _only_string(cls: type[Any]) -> Iterator[str]:
    """Lines for a body that is one string and nothing behind it, as most responses are."""
    fields = list(wire_fields(cls).items())
    if [field.kind for _, field in fields] in ([Kind.C_OCTET_STRING], [Kind.C_OCTET_STRING, Kind.TLVS]):
        (name, field), *tlvs = fields
        yield f"if {HEADER_LENGTH} < command_length <= {HEADER_LENGTH + field.accepts} and frame[-1] == 0:"
        yield f"    pdu.{name} = octets = frame[{HEADER_LENGTH}:-1]"
        yield "    if 0 not in octets:"
        yield from (f"        pdu.{name} = []" for name, _ in tlvs)
        yield "        pdu.tail = b''"
        yield "        return pdu"


_READ_TLVS: Final = (
    "pdu.tlvs = tlvs = []",
    "last = command_length - 4",
    "while p <= last:",
    "    tag, length = unpack_tlv(frame, p)",
    "    value = p + 4",
    "    end = value + length",
    "    if end > command_length:",
    "        break",
    "    tlvs.append((tag, frame[value:end]))",
    "    p = end",
)
"""All whole TLVs; from the first that promises more than there is, the octets stay in `tail`."""


def _read_sized(name: str, field: Field) -> list[str]:
    return [
        f"end = p + {field.counter}",
        "if end > command_length:",
        _REFUSAL,
        f"pdu.{name} = frame[p:end]",
        "p = end",
    ]


def _read_list(name: str, field: Field) -> list[str]:
    return [
        f"found = read_{name}(frame, p, {field.counter})",
        "if found is None:",
        _REFUSAL,
        f"pdu.{name}, p = found",
    ]
