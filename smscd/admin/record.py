"""What a record says: its fields, and how a closed message becomes one.

The fields stand once, in `Record`: the lines, docs/records.md and the tests are made from it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from functools import lru_cache
from json.encoder import encode_basestring
from typing import Annotated, Any, TypedDict, get_args, get_type_hints

from smscd.message import Kind, Message, Part, Stage
from smscd.pdu.constants import MessageState
from smscd.pdu.status import status_name

Writer = Callable[[Any], str]
"""A value of one kind as JSON says it."""


def _text(value: str) -> str:
    return encode_basestring(value)


@lru_cache(maxsize=1024)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _time(microseconds: int) -> str:
    """ISO 8601; 0 means not set."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    return f'"{_second(seconds)}.{fraction:06d}Z"' if microseconds else "null"


def _names(members: type[IntEnum], spell: Callable[[str], str] = str) -> Writer:
    names = {int(member): f'"{spell(member.name)}"' for member in members}
    return lambda value: names.get(value) or f'"{value}"'


@dataclass(frozen=True, slots=True)
class Notation:
    """How values of one kind are written, and what docs/records.md calls that."""

    write: Writer
    shape: str


Text = Annotated[str, Notation(_text, "string")]
Number = Annotated[int, Notation(str, "integer")]
Time = Annotated[int, Notation(_time, "ISO 8601, UTC, microseconds")]
Status = Annotated[int, Notation(lambda value: f'"{status_name(value)}"', "name of a command_status")]
State = Annotated[int, Notation(_names(MessageState), "name of a message_state")]
Direction = Annotated[int, Notation(_names(Kind, str.lower), "mt, mo, receipt or notification")]


class Record(TypedDict, total=False):
    """The fields of a line, in their order; what is not given is written as null."""

    record: Annotated[Text, '"message", or "part" for one of the PDUs of a message that left as several']
    message_id: Annotated[Text, "the message_id that smscd issued; a part carries that of its message"]
    part: Annotated[Number | None, "number of the part, from 1; null in the record of a message"]
    parts: Annotated[Number, "how many PDUs the message left as; 0 if it never left"]
    kind: Annotated[Direction, "which way it went, and why it exists"]
    system_id: Annotated[Text, "MT: the ESME that submitted it; otherwise the ESME that was to receive it"]
    source_addr: Annotated[Text, "sender, in full"]
    source_addr_ton: Annotated[Number, "its type of number"]
    source_addr_npi: Annotated[Number, "its numbering plan"]
    destination_addr: Annotated[Text, "recipient, in full"]
    dest_addr_ton: Annotated[Number, "its type of number"]
    dest_addr_npi: Annotated[Number, "its numbering plan"]
    service_type: Annotated[Text, "as submitted"]
    data_coding: Annotated[Number, "as submitted"]
    esm_class: Annotated[Number, "as submitted"]
    registered_delivery: Annotated[Number, "as submitted"]
    segments: Annotated[Number, "short messages on the air: what is billed; 1 in the record of a part"]
    connector: Annotated[Text, "the way out"]
    upstream_message_id: Annotated[Text | None, "the id the other side gave; null if it gave none or several"]
    accepted_at: Annotated[Time, "when smscd committed the message"]
    submitted_at: Annotated[Time, "when the other side answered the submit; null if it never did"]
    final_at: Annotated[Time, "when it was closed"]
    stage: Annotated[Text, '"closed", or "dead" for what was never taken: a dead letter']
    message_state: Annotated[State, "the final state"]
    error_code: Annotated[Number, "the network's error code from the receipt; 0 if none"]
    command_status: Annotated[Status, "the last answer of the other side"]
    attempts: Annotated[Number, "how often it was handed to a connector"]


@dataclass(frozen=True, slots=True)
class Field:
    """One field: what it is called, how it is written, what it means."""

    name: str
    notation: Notation
    help: str


def _field(name: str, hint: Any) -> Field:
    """The field behind `Annotated[Kind, "explanation"]`; the kind may be optional and brings its own notation."""
    kind, *marks = get_args(hint)
    explanation = marks.pop()
    if not marks:  # Optional hides the annotation one level down
        marks = next(list(get_args(member)[1:]) for member in get_args(kind) if member is not type(None))
    return Field(name, marks[0], explanation)


FIELDS = tuple(_field(name, hint) for name, hint in get_type_hints(Record, include_extras=True).items())
_COLUMNS = tuple((field.name, field.notation.write) for field in FIELDS)
_TEMPLATE = "{" + ",".join(f'"{field.name}":%s' for field in FIELDS) + "}\n"


def line(record: Record) -> bytes:
    """`record` as the octets of its line, fields in the documented order."""
    get = record.get
    values = ["null" if (value := get(name)) is None else write(value) for name, write in _COLUMNS]
    text = _TEMPLATE % tuple(values)
    return text.encode("utf-8", "backslashreplace")


def records_of(message: Message) -> list[Record]:
    """The record of a closed message, followed by one per part if it left as more than one."""
    content = message.content
    parts = message.parts
    last = parts[-1] if parts else None
    whole: Record = {
        "record": "message",
        "message_id": message.message_id,
        "part": None,
        "parts": len(parts),
        "kind": message.kind,
        "system_id": message.system_id,
        "source_addr": content.source_addr.decode("latin-1"),
        "source_addr_ton": content.source_addr_ton,
        "source_addr_npi": content.source_addr_npi,
        "destination_addr": content.destination_addr.decode("latin-1"),
        "dest_addr_ton": content.dest_addr_ton,
        "dest_addr_npi": content.dest_addr_npi,
        "service_type": content.service_type.decode("latin-1"),
        "data_coding": content.data_coding,
        "esm_class": content.esm_class,
        "registered_delivery": content.registered_delivery,
        "segments": message.segments,
        "connector": message.connector,
        "upstream_message_id": (last.upstream_message_id or None) if last and len(parts) == 1 else None,
        "accepted_at": message.accepted_at,
        "final_at": message.final_at,
        "stage": "dead" if message.stage == Stage.DEAD else "closed",
        "message_state": message.message_state,
        "error_code": message.error_code,
        "command_status": last.command_status if last else 0,
        "attempts": message.attempts,
    }
    if len(parts) < 2:
        return [whole]
    return [whole, *(_part_record(whole, part) for part in parts)]


def _part_record(whole: Record, part: Part) -> Record:
    return {
        **whole,
        "record": "part",
        "part": part.number,
        "segments": 1,
        "connector": part.connector,
        "upstream_message_id": part.upstream_message_id or None,
        "stage": "dead" if part.stage == Stage.DEAD else "closed",
        "command_status": part.command_status,
        "attempts": part.attempt,
    }
