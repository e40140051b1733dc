"""Turns the table of a PDU class into straight code, once, at import: what decoding and encoding share.

Only names and bounds out of the class bodies in `pdus.py` are pasted into generated source, nothing from the wire.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from smscd.pdu.fields import Field, Kind, wire_fields

INTEGER_CODES: Final = {1: "B", 2: "H", 4: "I"}
"""`struct` codes by size in octets."""

STRINGS: Final = (Kind.C_OCTET_STRING, Kind.TIME)
"""What ends with a NUL."""

COUNTER: Final = Field(Kind.INTEGER, 1)
"""The octet in front of a counted field."""

Run = list[tuple[str, Field]]
"""Neighbouring fields whose length the octets themselves show."""


def steps(cls: type[Any]) -> Iterator[Run | tuple[str, Field]]:
    """Runs of plain fields, each with the counter that ends it, and between them the counted fields and the TLVs."""
    run: Run = []
    for name, field in wire_fields(cls).items():
        if field.kind is Kind.INTEGER or field.kind in STRINGS:
            run.append((name, field))
            continue
        if field.counter:
            run.append((field.counter, COUNTER))
        if run:
            yield run
        run = []
        yield name, field
    if run:
        yield run


def function(signature: str, body: list[str], namespace: dict[str, Any]) -> Any:
    """Compile one function from its lines; `namespace` holds what they refer to."""
    name = signature.partition("(")[0]
    source = "\n    ".join([f"def {signature}:", *body])
    exec(compile(source, f"<smscd.pdu {name}>", "exec"), namespace)  # noqa: S102 - our own table, not input
    return namespace[name]
