"""Frames as hexadecimal, each with its meaning and where it comes from (`pdus.toml`)."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smscd import pdu


@dataclass(frozen=True)
class Vector:
    """One frame and the PDU it stands for."""

    meaning: str
    source: str
    frame: bytes
    expected: pdu.Pdu


def load() -> list[Vector]:
    """Every vector in the file, in its order."""
    text = Path(__file__).with_name("pdus.toml").read_text("utf-8")
    return [_vector(entry) for entry in tomllib.loads(text)["vector"]]


def _vector(entry: dict[str, Any]) -> Vector:
    fields = {name: _octets(value) for name, value in entry["fields"].items()}
    for name in ("dest_address", "unsuccess_sme"):
        if name in entry:
            fields[name] = [getattr(pdu, cls)(*map(_octets, values)) for cls, *values in entry[name]]
    if "tlvs" in entry:
        fields["tlvs"] = [(tag, bytes.fromhex(value)) for tag, value in entry["tlvs"]]
    fields |= dict.fromkeys(entry.get("absent", []))
    expected: pdu.Pdu = getattr(pdu, entry["pdu"])(**fields)
    return Vector(entry["meaning"], entry["source"], bytes.fromhex(entry["hex"]), expected)


def _octets(value: Any) -> Any:
    return value.encode("latin-1") if isinstance(value, str) else value
