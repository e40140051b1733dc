"""Encoders, compiled from the tables: one bytes format for the whole body."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from smscd.pdu import tlv
from smscd.pdu.compile import INTEGER_CODES, STRINGS, function
from smscd.pdu.constants import HEADER_LENGTH
from smscd.pdu.fields import Field, Kind, wire_fields

Encoder = Callable[[Any], bytes]

pack_header = struct.Struct(">IIII").pack
"""(command_length, command_id, command_status, sequence_number) -> 16 octets"""


def encoder(cls: type[Any]) -> Encoder:
    """The encoder of a PDU class: the whole frame with its header.

    It raises ValueError for what no frame can say: a NUL inside a C-octet string, an integer or a length that does not
    fit. Bounds of the specification are not enforced: an operator may be told to send a longer password than it allows.
    """
    namespace: dict[str, Any] = {"header": pack_header, "struct_error": struct.error, "unencodable": _unencodable}
    layout, values = _layout(cls, namespace)
    body = [*_absent_body(cls), *_string_locals(cls)]
    if layout:
        body.append(f"body = b'{layout}%b' % ({', '.join([*values, 'pdu.tail'])},)")
    else:
        body.append("body = pdu.tail")
    body.append(f"return {_header_of(cls, 'body')} + body")
    guarded = ["try:", *("    " + line for line in body)]
    guarded += ["except (OverflowError, struct_error) as fault:", "    raise unencodable(pdu, fault) from None"]
    result: Encoder = function("encode(pdu)", guarded, namespace)
    return result


def _header_of(cls: type[Any], body: str) -> str:
    return f"header({HEADER_LENGTH} + len({body}), {cls.command_id}, pdu.command_status, pdu.sequence_number)"


def _absent_body(cls: type[Any]) -> Iterator[str]:
    """A response without its body: a bare header, unless something stands behind the field that is None."""
    for name, field in wire_fields(cls).items():
        if field.may_be_absent:
            behind = [name for name, field in wire_fields(cls).items() if field.kind in (Kind.TLVS, Kind.LIST)]
            yield f"if {' and '.join([f'pdu.{name} is None', *(f'not pdu.{other}' for other in behind)])}:"
            yield f"    return {_header_of(cls, 'pdu.tail')} + pdu.tail"


def _string_locals(cls: type[Any]) -> Iterator[str]:
    """C-octet strings into locals, with the check that none of them would end early."""
    names: list[str] = []
    for name, field in wire_fields(cls).items():
        if field.kind in STRINGS:
            yield f"{name} = pdu.{name}" + (" or b''" if field.may_be_absent else "")
            names.append(name)
    if names:
        yield f"if {' or '.join(f'0 in {name}' for name in names)}:"
        yield "    raise unencodable(pdu, 'a NUL inside a C-octet string')"


def _layout(cls: type[Any], namespace: dict[str, Any]) -> tuple[str, list[str]]:
    """A bytes format for all fields, and the expressions that fill it."""
    layout = ""
    values: list[str] = []
    for name, field in wire_fields(cls).items():
        value = f"pdu.{name}"
        if field.kind in STRINGS:
            layout += r"%b\0"
            values.append(name)
        elif field.kind is Kind.INTEGER and field.size == 1:
            layout += "%c"
            values.append(value)
        elif field.kind is Kind.INTEGER:
            namespace[f"pack_{name}"] = struct.Struct(">" + INTEGER_CODES[field.size]).pack
            layout += "%b"
            values.append(f"pack_{name}({value})")
        elif field.kind is Kind.SIZED_OCTETS:
            layout += "%c%b"
            values += [f"len({value})", value]
        elif field.kind is Kind.LIST:
            namespace[f"write_{name}"] = _list_writer(field)
            layout += "%c%b"
            values += [f"len({value})", f"write_{name}({value})"]
        else:
            namespace["write_tlvs"] = tlv.write
            layout += "%b"
            values.append(f"write_tlvs({value}) if {value} else b''")
    return layout, values


def _list_writer(field: Field) -> Callable[[list[Any]], bytes]:
    writers = {cls: _entry_writer(cls) for cls in field.entries}

    def write(entries: list[Any]) -> bytes:
        return b"".join([writers[type(entry)](entry) for entry in entries])

    return write


def _entry_writer(cls: type[Any]) -> Encoder:
    namespace: dict[str, Any] = {"unencodable": _unencodable}
    layout, values = _layout(cls, namespace)
    flag = getattr(cls, "dest_flag", None)
    prefix = "" if flag is None else rf"\x{flag:02x}"
    body = [*_string_locals(cls), f"return b'{prefix}{layout}' % ({', '.join(values)},)"]
    writer: Encoder = function("write(pdu)", body, namespace)
    return writer


def _unencodable(pdu: Any, fault: object) -> ValueError:
    """The fault with the fields it can come from: `SubmitSm.esm_class: %c arg not in range(256)`."""
    culprits = [name for name, field in wire_fields(type(pdu)).items() if not _fits(field, getattr(pdu, name))]
    return ValueError(f"{'.'.join([type(pdu).__name__, *culprits])}: {fault}")


def _fits(field: Field, value: Any) -> bool:
    if field.kind is Kind.INTEGER:
        return bool(0 <= value < 256**field.size)
    if field.kind in STRINGS:
        return 0 not in (value or b"")
    if field.kind is Kind.TLVS:
        return all(tag <= 0xFFFF and len(octets) <= 0xFFFF for tag, octets in value)
    return len(value) <= field.size
