"""What a record says: its fields, and how a closed message becomes its lines.

Written out as one format of octets because it is made for every message: 2 µs where a dictionary and `json` took 10.
`FIELDS` explains what `line` writes, in the same order; a test holds the two together.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from json.encoder import encode_basestring as quoted

from smscd.message import Kind, Message, Part, Stage
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

_KINDS = {int(kind): kind.name.lower().encode() for kind in Kind}
_STATES = {int(state): state.name.encode() for state in MessageState}
_DEAD = int(Stage.DEAD)

_LINE = (
    b'{"record":"%b","message_id":%b,"part":%b,"parts":%d,"kind":"%b","system_id":%b'
    b',"source_addr":%b,"source_addr_ton":%d,"source_addr_npi":%d'
    b',"destination_addr":%b,"dest_addr_ton":%d,"dest_addr_npi":%d'
    b',"service_type":%b,"data_coding":%d,"esm_class":%d,"registered_delivery":%d,"segments":%d'
    b',"connector":%b,"upstream_message_id":%b,"accepted_at":%b,"final_at":%b'
    b',"stage":"%b","message_state":"%b","error_code":%d,"command_status":"%b","attempts":%d}\n'
)


def _text(words: str) -> bytes:
    return quoted(words).encode("utf-8", "backslashreplace")


_name = lru_cache(maxsize=1024)(_text)
"""For what repeats itself: names of accounts and connectors."""


def _octets(octets: bytes) -> bytes:
    return b'"%b"' % octets if octets.isalnum() else _text(octets.decode("latin-1"))  # isalnum: ASCII only


@lru_cache(maxsize=1024)
def _status(command_status: int) -> bytes:
    return status_name(command_status).encode()


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


def line(record: Record) -> bytes:
    """`record` as the octets of its line."""
    message, part = record
    content, parts = message.content, message.parts
    if part is None:
        subject = b"message", _octets(message.message_id.encode()), b"null"
        segments, connector, stage, attempts = message.segments, message.connector, message.stage, message.attempts
        shown = parts[-1] if parts else None
        upstream = parts[0].upstream_message_id if len(parts) == 1 else ""
    else:
        subject = b"part", _octets(message.message_id.encode()), b"%d" % part.number
        segments, connector, stage, attempts = 1, part.connector, part.stage, part.attempt
        shown, upstream = part, part.upstream_message_id
    return _LINE % (
        *subject, len(parts) or message.attempts > 0, _KINDS[message.kind], _name(message.system_id),
        _octets(content.source_addr), content.source_addr_ton, content.source_addr_npi,
        _octets(content.destination_addr), content.dest_addr_ton, content.dest_addr_npi,
        _octets(content.service_type), content.data_coding, content.esm_class, content.registered_delivery, segments,
        _name(connector), _text(upstream) if upstream else b"null", _time(message.accepted_at), _time(message.final_at),
        b"dead" if stage == _DEAD else b"closed", _STATES.get(message.message_state) or b"%d" % message.message_state,
        message.error_code, _status(shown.command_status if shown is not None else 0), attempts,
    )  # fmt: skip
