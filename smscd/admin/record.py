"""What a record says: its fields, and how a closed message becomes its lines.

Most lines are like one that was made before but for six values, so its form is kept; and what came and ended together
differs in four. `FIELDS` explains what `line` writes, in the same order; tests hold the two together.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as quoted
from operator import attrgetter

from smscd.message import Content, Kind, Message, Part, Stage
from smscd.pdu.constants import MessageState
from smscd.pdu.status import status_name

Record = tuple[Message, Part | None]
"""A closed message, or one of its parts. It is read by another thread: nothing changes it any more."""


@dataclass(frozen=True, slots=True)
class Field:
    """One field as docs/records.md shows it."""

    name: str
    shape: str
    help: str


FIELDS = (
    Field("record", "string", '"message", or "part" for one of the PDUs of a message that left as several'),
    Field("message_id", "string", "the message_id that smscd issued; a part carries that of its message"),
    Field("part", "integer or null", "number of the part, from 1; null in the record of a message"),
    Field("parts", "integer", "how many PDUs the message left as; 0 if it never left"),
    Field("kind", "string", "which way it went, and why it exists: mt, mo, receipt or notification"),
    Field("system_id", "string", "mt: the ESME that submitted it; otherwise the ESME that was to receive it"),
    Field("source_addr", "string", "sender, in full"),
    Field("source_addr_ton", "integer", "its type of number"),
    Field("source_addr_npi", "integer", "its numbering plan"),
    Field("destination_addr", "string", "recipient, in full"),
    Field("dest_addr_ton", "integer", "its type of number"),
    Field("dest_addr_npi", "integer", "its numbering plan"),
    Field("service_type", "string", "as submitted"),
    Field("data_coding", "integer", "as submitted"),
    Field("esm_class", "integer", "as submitted"),
    Field("registered_delivery", "integer", "as submitted"),
    Field("segments", "integer", "short messages on the air: what is billed; 1 in the record of a part"),
    Field("connector", "string", "the way out"),
    Field("upstream_message_id", "string or null", "the id the other side gave; null if it gave none or several"),
    Field("accepted_at", "time (ISO 8601, UTC)", "when smscd committed the message"),
    Field("final_at", "time (ISO 8601, UTC)", "when it was closed"),
    Field("stage", "string", '"closed", or "dead" for what was never taken: a dead letter'),
    Field("message_state", "string", "the final state: DELIVERED, EXPIRED, UNDELIVERABLE, …"),
    Field("error_code", "integer", "the network's error code from the receipt; 0 if none"),
    Field("command_status", "string", "the other side's last answer: ESME_ROK, ESME_RTHROTTLED, …"),
    Field("attempts", "integer", "how often it was handed to a connector"),
)

_KINDS = {int(kind): kind.name.lower() for kind in Kind}
_STATES = {int(state): state.name for state in MessageState}
_DEAD = int(Stage.DEAD)
_VARIES, _BARE, _TIME = "\0text", "\0value", "\0time"
"""Where a form is filled in, between quotes and without, and with times before the rest. No field has a NUL."""


_CONTROL = re.compile("[\x7f-\x9f]")
"""What moves a terminal's cursor and JSON lets pass: a peer may have put it into an address or an id."""


def _escaped(json_text: str) -> bytes:
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", json_text).encode("utf-8", "backslashreplace")


def _text(words: str) -> bytes:
    return _escaped(quoted(words))


@lru_cache(maxsize=1024)
def _second(seconds: int) -> bytes:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S").encode()


@lru_cache(maxsize=1024)
def _time(microseconds: int) -> bytes:
    """Kept whole: what came in together, or ended together, did so at the same microsecond."""
    seconds, fraction = divmod(microseconds, 1_000_000)
    return b'"%b.%06dZ"' % (_second(seconds), fraction) if microseconds else b"null"


def records_of(messages: list[Message]) -> list[Record]:
    """The records of closed messages, each followed by one per part if it left as more than one."""
    records: list[Record] = []
    for message in messages:
        records.append((message, None))
        if len(message.parts) > 1:
            records += [(message, part) for part in message.parts]
    return records


_Facts = tuple[int, str, str, int, int, int, int, int]
_Fields = tuple[int, int, int, int, bytes, int, int, int]
_fields_of: Callable[[Content], _Fields] = attrgetter(
    "source_addr_ton", "source_addr_npi", "dest_addr_ton", "dest_addr_npi", "service_type", "data_coding", "esm_class",
    "registered_delivery",
)  # fmt: skip


def line(record: Record) -> bytes:
    """`record` as the octets of its line."""
    return lines([record])[0]


def lines(records: Iterable[Record]) -> list[bytes]:
    """`line` of each. What came and ended together is alike in most of its values: the form of the last is kept."""
    made = []
    alike: tuple[object, ...] = ()
    form = b""
    for message, part in records:
        content, parts = message.content, message.parts
        kind, state, error_code = message.kind, message.message_state, message.error_code
        facts: _Facts
        if part is None:
            shown, number = (parts[-1] if parts else None), 0
            upstream = parts[0].upstream_message_id if len(parts) == 1 else ""
            facts = (
                kind, message.system_id, message.connector, message.stage, state, error_code, message.attempts,
                message.segments,
            )  # fmt: skip
        else:
            shown, number, upstream = part, part.number, part.upstream_message_id
            facts = (kind, message.system_id, part.connector, part.stage, state, error_code, part.attempt, 1)
        status = 0 if shown is None else shown.command_status
        its = (facts, _fields_of(content), number, len(parts), status, message.accepted_at, message.final_at)
        if its != alike:
            form, alike = _form(*its), its
        source, destination = content.source_addr, content.destination_addr
        if not (source + destination).isalnum():  # ASCII only
            source, destination = _text(source.decode("latin-1"))[1:-1], _text(destination.decode("latin-1"))[1:-1]
        made.append(form % (message.message_id.encode(), source, destination, _text(upstream) if upstream else b"null"))
    return made


def _form(
    facts: _Facts, fields: _Fields, part: int, parts: int, command_status: int, accepted_at: int, final_at: int
) -> bytes:
    """All of a line but what hardly two messages share."""
    return _timeless(facts, fields, part, parts, command_status) % (_time(accepted_at), _time(final_at))


@lru_cache(maxsize=1024)
def _timeless(facts: _Facts, fields: _Fields, part: int, parts: int, command_status: int) -> bytes:
    """A form whose times are to be filled in, and then the rest: most lines are like others that were made before."""
    kind, system_id, connector, stage, message_state, error_code, attempts, segments = facts
    from_ton, from_npi, to_ton, to_npi, service_type, data_coding, esm_class, registered_delivery = fields
    said = {
        "record": "part" if part else "message", "message_id": _VARIES, "part": part or None,
        "parts": parts or int(attempts > 0), "kind": _KINDS[kind], "system_id": system_id, "source_addr": _VARIES,
        "source_addr_ton": from_ton, "source_addr_npi": from_npi, "destination_addr": _VARIES, "dest_addr_ton": to_ton,
        "dest_addr_npi": to_npi, "service_type": service_type.decode("latin-1"), "data_coding": data_coding,
        "esm_class": esm_class, "registered_delivery": registered_delivery, "segments": segments,
        "connector": connector, "upstream_message_id": _BARE, "accepted_at": _TIME, "final_at": _TIME,
        "stage": "dead" if stage == _DEAD else "closed",
        "message_state": _STATES.get(message_state, str(message_state)),
        "error_code": error_code, "command_status": status_name(command_status), "attempts": attempts,
    }  # fmt: skip
    form = json.dumps(said, separators=(",", ":"), ensure_ascii=False).replace("%", "%%%%")
    form = form.replace(json.dumps(_BARE), "%%b").replace(json.dumps(_VARIES), '"%%b"').replace(json.dumps(_TIME), "%b")
    return _escaped(form) + b"\n"
