"""What one line of a PDU table in the specification says, as the right-hand side of a dataclass field.

`source_addr: bytes = c_octet_string(21, ESME_RINVSRCADR)` reads as the specification prints it: at most 21 octets with
the NUL, and that status for a bad value. The functions are typed as the value they describe, so that mypy sees a plain
field with a default; `compile.py` reads the `Field` out of the metadata.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Final

from smscd.pdu.status import ESME_RINVCMDLEN

Tlv = tuple[int, bytes]
"""An optional parameter as it stands on the wire: its tag and its value."""

RESPONSE_ACCEPTS: Final = 256
"""A message_id longer than the specification allows still identifies its message."""

WIRE: Final = "wire"
"""Key of the `Field` in the metadata of a dataclass field."""


class Kind(Enum):
    INTEGER = auto()
    C_OCTET_STRING = auto()
    TIME = auto()
    SIZED_OCTETS = auto()
    LIST = auto()
    TLVS = auto()


@dataclass(frozen=True, slots=True)
class Field:
    """One mandatory field of a PDU, or its optional part.

    `size` is in octets as the specification prints it: for a C-octet string the maximum with the NUL.
    `accepts` is the same bound as the decoder applies it, wider where real peers exceed it.
    `command_status` is what the specification names for a bad value.
    `counter` is the specification's name for the octet in front of a counted field; it is derived, never stored.
    `at_least` is the smallest count.
    `varies` marks what differs from message to message where its neighbours seldom do.
    """

    kind: Kind
    size: int = 0
    accepts: int = 0
    command_status: int = ESME_RINVCMDLEN
    may_be_absent: bool = False
    counter: str = ""
    at_least: int = 0
    entries: tuple[type[Any], ...] = ()
    varies: bool = False


def _field(spec: Field, **options: Any) -> Any:
    return dataclasses.field(metadata={WIRE: spec}, **options)


def octet(default: int = 0) -> int:
    """An integer of one octet. Any value decodes: what a value means is for admission to judge."""
    spec: int = _field(Field(Kind.INTEGER, 1), default=default)
    return spec


def integer(size: int) -> int:
    """An unsigned big-endian integer of `size` octets (1, 2 or 4)."""
    spec: int = _field(Field(Kind.INTEGER, size), default=0)
    return spec


def c_octet_string(size: int, command_status: int, *, accepts: int = 0, secret: bool = False) -> bytes:
    """Octets ended by a NUL, `size` with it. `secret` keeps the value out of `repr`."""
    spec: bytes = _field(
        Field(Kind.C_OCTET_STRING, size, accepts or size, command_status), default=b"", repr=not secret
    )
    return spec


def address(command_status: int) -> bytes:
    """`c_octet_string(21, ...)` in a PDU that comes in great numbers: what stands around it is looked up."""
    spec: bytes = _field(Field(Kind.C_OCTET_STRING, 21, 21, command_status, varies=True), default=b"")
    return spec


def response_string(size: int, command_status: int, *, default: bytes | None = None) -> bytes | None:
    """The first field of a response's body; None says that the body is not there (SMPP 3.4 §4.4.2, note).

    Decoding a response never fails: there is nobody to answer. A body that cannot be read leaves this field None and
    stands whole in `tail`.
    """
    spec: bytes | None = _field(
        Field(Kind.C_OCTET_STRING, size, RESPONSE_ACCEPTS, command_status, may_be_absent=True), default=default
    )
    return spec


def time_string(command_status: int) -> bytes:
    """A time of SMPP 3.4 §7.1.1: 1 octet (just the NUL) or 17."""
    spec: bytes = _field(Field(Kind.TIME, 17, 17, command_status), default=b"")
    return spec


def sized_octets(counter: str, command_status: int) -> bytes:
    """One octet `counter`, then as many octets. 255 of them decode; less is a rule for admission."""
    spec: bytes = _field(Field(Kind.SIZED_OCTETS, 255, 255, command_status, counter=counter), default=b"")
    return spec


def counted(counter: str, command_status: int, *entries: type[Any], at_least: int = 0) -> list[Any]:
    """One octet `counter`, then as many structures, each of one of the given classes."""
    spec: list[Any] = _field(
        Field(Kind.LIST, 255, 255, command_status, counter=counter, at_least=at_least, entries=entries),
        default_factory=list,
    )
    return spec


def optional_parameters() -> list[Tlv]:
    """TLVs in wire order, duplicates kept, known or not."""
    spec: list[Tlv] = _field(Field(Kind.TLVS), default_factory=list)
    return spec


def wire_fields(cls: type[Any]) -> dict[str, Field]:
    """The table of a PDU class: name and `Field`, in wire order."""
    return {f.name: f.metadata[WIRE] for f in dataclasses.fields(cls) if WIRE in f.metadata}
