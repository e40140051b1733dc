"""Between objects and rows: the column lists stand here once, and every statement is made from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from smscd import pdu
from smscd.message import ENROUTE, LEASED, MT, Content, Message, Part

MESSAGE = (
    "id", "message_id", "kind", "system_id", "connector", "stage", "message_state", "error_code", "attempts",
    "accepted_at", "due", "expires", "final_at", "segments", "in_doubt", "original", "receipt", "group_id", "alias",
    "owner", "lease_until", "source_addr", "destination_addr", "pdu", "origin", "provider",
)  # fmt: skip
OWN = ("id", "message_id", "original", "source_addr", "destination_addr", "pdu")
"""What each of several messages that come in together has for itself."""
SHARED = (
    "kind", "system_id", "connector", "stage", "accepted_at", "due", "expires", "segments", "in_doubt", "owner",
    "lease_until", "provider", "attempts",
)  # fmt: skip
"""What may be the same for all of them, and is then told once."""
FRESH = (*OWN, *SHARED)
"""What is worth telling of a message that has just come in; everything else of it is as in `_UNTOUCHED`."""
_UNTOUCHED = {
    "message_state": str(int(ENROUTE)), "error_code": "0", "final_at": "0",
    "receipt": "0", "group_id": "NULL", "alias": "NULL", "origin": "0",
}  # fmt: skip
CHANGED = (
    "id", "connector", "stage", "message_state", "error_code", "attempts", "due", "expires", "final_at", "in_doubt",
    "receipt", "owner", "lease_until", "provider",
)  # fmt: skip
CLOSED = ("id", "stage", "message_state", "error_code", "attempts", "final_at", "receipt")
"""What closing a message changes; every message is closed once, so this one is short."""
ALIKE = ("stage", "message_state", "error_code", "attempts", "final_at")
"""What messages that are closed together have in common."""
ATTEMPTS = ("attempts",)
PART = (
    "message", "number", "connector", "stage", "upstream_message_id", "attempt", "command_status", "owner",
    "lease_until", "changed_at", "provider", "upstream_key", "message_state", "error_code", "doubts",
)  # fmt: skip
PART_OWN = ("message", "number", "upstream_message_id", "upstream_key", "changed_at", "lease_until")
"""What each of several parts has for itself; in the rest most that are written together are alike."""
PART_SHARED = tuple(name for name in PART if name not in PART_OWN)

MANY = 8
"""So many that are alike are worth a statement of their own."""

Row = tuple[Any, ...]
Statements = list[tuple[str, list[Any]]]


def message_row(m: Message) -> Row:
    """`m` in the order of MESSAGE."""
    content = m.content
    frame = pdu.encode(content)
    if m.kind != MT:
        m.frame = frame
    return (
        m.id, m.message_id, m.kind, m.system_id, m.connector, m.stage, m.message_state, m.error_code,
        m.attempts + m.is_out, m.accepted_at, m.due, m.expires, m.final_at, m.segments, m.in_doubt, m.original,
        m.receipt, m.group_id or None, m.alias, m.owner, m.lease_until, content.source_addr.decode("latin-1"),
        content.destination_addr.decode("latin-1"), frame, m.origin, m.provider,
    )  # fmt: skip


_shared = attrgetter(*SHARED)
_whole = attrgetter(*SHARED, *_UNTOUCHED)
_FRESH_END = (int(ENROUTE), 0, 0, 0, 0, None, 0)
"""What `_whole` ends with where `fresh_row` says all."""


def is_fresh(m: Message) -> bool:
    """Whether `fresh_row` says all of `m`: of a submit_multi or an answer of our own it does not."""
    return _whole(m)[len(SHARED) :] == _FRESH_END


def fresh_row(m: Message) -> Row:
    """`m` in the order of FRESH."""
    return (*_owned([m]), *_counted(_shared(m), m))


def _counted(shared: Row, m: Message) -> Row:
    """`shared` with the attempt that `m` is out for."""
    return (*shared[:-1], shared[-1] + 1) if m.is_out else shared


def _owned(messages: list[Message]) -> list[Any]:
    """What each of these has for itself, in the order of OWN, one after the other."""
    own: list[Any] = []
    for m in messages:
        content, frame = m.content, m.frame
        if not frame:
            frame = pdu.encode(content)
            if m.kind != MT:
                m.frame = frame
        own += (
            m.id, m.message_id, m.original, content.source_addr.decode("latin-1"),
            content.destination_addr.decode("latin-1"), frame,
        )  # fmt: skip
    return own


def changed_row(m: Message) -> Row:
    """`m` in the order of CHANGED."""
    return (
        m.id, m.connector, m.stage, m.message_state, m.error_code, m.attempts + m.is_out, m.due, m.expires, m.final_at,
        m.in_doubt, m.receipt, m.owner, m.lease_until, m.provider,
    )  # fmt: skip


def inserting(messages: dict[int, Message], together: list[list[Message]]) -> Statements:
    """Stores `messages` that are not there yet. Those of them that came in `together` are likely to be alike.

    What came in by few at a time, from many peers, is told row by row, in as few statements.
    """
    statements: Statements = []
    alike: set[int] = set()
    for some in together:
        if len(some) < MANY:
            continue
        first = _whole(some[0])
        if first[len(SHARED) :] == _FRESH_END and [*map(_whole, some)].count(first) == len(some):
            shared = _counted(first[: len(SHARED)], some[0])
            statements += told(_owned(some), len(OWN), INSERT_ALIKE, shared)
            alike.update([m.id for m in some])
    if len(alike) == len(messages):
        return statements
    fresh: list[Any] = []
    other: list[Any] = []
    for m in messages.values():
        if m.id in alike:
            continue
        if is_fresh(m):
            fresh += fresh_row(m)
        else:
            other += message_row(m)
    statements += told(fresh, len(FRESH), INSERT_FRESH)
    return statements + told(other, len(MESSAGE), INSERT_MESSAGE)


def replacing(messages: Iterable[Message]) -> Statements:
    """Stores all of these messages, whatever was stored of them before."""
    return told([value for m in messages for value in message_row(m)], len(MESSAGE), REPLACE_MESSAGE)


def changing(messages: Iterable[Message]) -> Statements:
    """Stores what may have changed of messages that are stored already."""
    return told([value for m in messages for value in changed_row(m)], len(CHANGED), UPDATE_MESSAGE)


def closing(messages: Iterable[Message]) -> Statements:
    """Closes messages that are stored already: those that came to the same end at the same moment with one statement.

    They came in one after the other, mostly, and so did their receipts: then two numbers stand for all of them.
    """
    statements: Statements = []
    rest: list[Any] = []
    for end, some in _ends(messages):
        ids, receipts = [m.id for m in some], [m.receipt for m in some]
        if len(some) < MANY or (any(receipts) and not (_is_run(ids) and _is_run(receipts))):
            for m in some:
                rest += closed_row(m)
        elif receipts[0]:
            statements.append((CLOSE_RUN, [*end, receipts[0] - ids[0], ids[0], ids[-1]]))
        else:
            statements += _for_ids(ids, end, ALIKE)
    return statements + told(rest, len(CLOSED), CLOSE_MESSAGE)


def _ends(messages: Iterable[Message]) -> list[tuple[Row, list[Message]]]:
    """Messages beside each other that ended alike, and how: in the order of ALIKE."""
    ends: list[tuple[Row, list[Message]]] = []
    some: list[Message] = []
    last: Row = ()
    for m in messages:
        end = (m.stage, m.message_state, m.error_code, m.attempts, m.final_at)
        if end != last:
            last, some = end, []
            ends.append((end, some))
        some.append(m)
    return ends


def parting(parts: Iterable[Part]) -> Statements:
    """Stores parts as they are now, whatever was stored of them before."""
    alike: dict[Row, list[Any]] = {}
    last: Row = ()
    for p in parts:
        shared = (
            p.connector, p.stage, p.attempt, p.command_status, p.owner, p.provider, p.message_state, p.error_code,
            p.doubts,
        )  # fmt: skip
        if shared != last:
            own, last = alike.setdefault(shared, []), shared
        own += (p.message, p.number, p.upstream_message_id, p.upstream_key, p.changed_at, p.lease_until)
    statements: Statements = []
    for shared, own in alike.items():
        statements += told(own, len(PART_OWN), REPLACE_PARTS, shared)
    return statements


def attempting(messages: Iterable[Message]) -> Statements:
    """Writes down how often messages were handed over: those with as many attempts in one statement."""
    alike: dict[int, list[int]] = {}
    for m in messages:
        alike.setdefault(m.attempts, []).append(m.id)
    statements: Statements = []
    for attempts, ids in alike.items():
        statements += _for_ids(ids, [attempts], ATTEMPTS)
    return statements


def _is_run(numbers: list[int]) -> bool:
    """Whether each is by one greater than the one before, so that no other is between the first and the last."""
    return numbers == [*range(numbers[0], numbers[0] + len(numbers))]


def _for_ids(ids: list[int], values: Sequence[Any], columns: tuple[str, ...]) -> Statements:
    """`values` in the `columns` of all the messages with these ids."""
    ids.sort()
    if _is_run(ids):
        return [(SET_RUN[columns], [*values, ids[0], ids[-1]])]
    statements: Statements = []
    for at in range(0, len(ids), MOST):
        some = ids[at : at + MOST]
        room = _ROOM_FOR[len(some)]
        statements.append((SET_SOME[columns][room], [*values, *some, *some[-1:] * (room - len(some))]))
    return statements


def closed_row(m: Message) -> Row:
    """`m` in the order of CLOSED."""
    return (m.id, m.stage, m.message_state, m.error_code, m.attempts, m.final_at, m.receipt)


def part_row(p: Part) -> Row:
    """`p` in the order of PART."""
    return (
        p.message, p.number, p.connector, p.stage, p.upstream_message_id, p.attempt, p.command_status, p.owner,
        p.lease_until, p.changed_at, p.provider, p.upstream_key, p.message_state, p.error_code, p.doubts,
    )  # fmt: skip


def message_of(row: Row) -> Message:
    """The message that a row in the order of MESSAGE stands for, its parts not loaded."""
    content = pdu.decode(row[23])
    assert isinstance(content, Content)
    return Message(
        id=row[0], message_id=row[1], kind=row[2], system_id=row[3], connector=row[4], stage=row[5],
        message_state=row[6], error_code=row[7], attempts=row[8], accepted_at=row[9], due=row[10], expires=row[11],
        final_at=row[12], segments=row[13], in_doubt=row[14], original=row[15], receipt=row[16],
        group_id=row[17] or 0, alias=row[18], owner=row[19], lease_until=row[20], content=content, origin=row[24],
        provider=row[25],
    )  # fmt: skip


def part_of(row: Row) -> Part:
    """The part that a row in the order of PART stands for."""
    return Part(*row)


def complete(m: Message) -> Message:
    """`m`, whose rows of parts have been read, with the part that has no row because nobody has answered it."""
    if m.provider and m.stage == LEASED and not m.parts:
        m.lease_whole(m.connector, m.provider, m.owner, m.lease_until)
    m.attempts -= m.is_out  # as its row has it, that one is among them
    return m


# --- statements -------------------------------------------------------------------------------------------------------
#
# After every statement the writer has to ask for the interpreter lock anew, three times over: the fewer, the better.

MOST = 128
ROOM = (128, 112, 96, 80, 64, 48, 32, 24, 16, 12, 8, 6, 4, 3, 2, 1)
"""For how many rows a statement has room that takes as many of them as it is told, and never looks at the rest."""
_ROOM_FOR = [min(room for room in ROOM if room >= rows) for rows in range(MOST + 1)]


def _update(columns: Sequence[str], values: str) -> str:
    assignments = ",".join(f"{name}=v.column{n}" for n, name in enumerate(columns[1:], start=2))
    return f"WITH v AS ({values}) UPDATE message SET {assignments} FROM v WHERE message.id=v.column1"  # noqa: S608 - names of our own, values are bound


def _taken(own: int, shared: int = 0, constant: Iterable[str] = ()) -> dict[int, str]:
    """By the room there is: as many rows as ?1 says, each of so many values of its own and so many shared."""
    named = [f"?{n}" for n in range(2, shared + 2)]
    numbers = count(shared + 2)
    every = [",".join([*(f"?{next(numbers)}" for _ in range(own)), *named, *constant]) for _ in range(MOST)]
    return {room: f"SELECT * FROM (VALUES ({'),('.join(every[:room])})) LIMIT ?1" for room in ROOM}  # noqa: S608 - marks


def insert(
    into: str, own: Sequence[str], shared: Sequence[str] = (), constant: Mapping[str, str] = MappingProxyType({})
) -> dict[int, str]:
    """What `told` stores rows with: these columns of their own, those that are `shared`, and `constant` ones."""
    columns = ",".join((*own, *shared, *constant))
    return {n: f"{into} ({columns}) {rows}" for n, rows in _taken(len(own), len(shared), constant.values()).items()}


def _set(columns: Sequence[str], which: str) -> str:
    return f"UPDATE message SET {','.join(f'{name}=?' for name in columns)} WHERE id {which}"  # noqa: S608 - as above


INSERT_ALIKE = insert("INSERT INTO message", OWN, SHARED, _UNTOUCHED)
INSERT_FRESH = insert("INSERT INTO message", FRESH, (), _UNTOUCHED)
REPLACE_PARTS = insert("INSERT OR REPLACE INTO part", PART_OWN, PART_SHARED)
CLOSE_MESSAGE = {n: _update(CLOSED, rows) for n, rows in _taken(len(CLOSED)).items()}
UPDATE_MESSAGE = {n: _update(CHANGED, rows) for n, rows in _taken(len(CHANGED)).items()}
_SET: tuple[tuple[str, ...], ...] = (ALIKE, ATTEMPTS)
SET_RUN = {columns: _set(columns, "BETWEEN ? AND ?") for columns in _SET}
SET_SOME = {columns: {n: _set(columns, f"IN ({','.join('?' * n)})") for n in ROOM} for columns in _SET}
CLOSE_RUN = SET_RUN[ALIKE].replace(" WHERE", ",receipt=id+? WHERE")
INSERT_MESSAGE = insert("INSERT INTO message", MESSAGE)
REPLACE_MESSAGE = insert("INSERT OR REPLACE INTO message", MESSAGE)


def told(own: list[Any], width: int, statements: dict[int, str], shared: Row = ()) -> Statements:
    """Of `statements`, by the room they have, those that together bind all rows, and what they bind.

    `own` is what each row has for itself, `width` values each, one after the other; the rest is `shared` by all.
    """
    out = []
    for at in range(0, len(own), MOST * width):
        some = own[at : at + MOST * width] if len(own) > MOST * width else own
        rows = len(some) // width
        room = _ROOM_FOR[rows]
        out.append((statements[room], [rows, *shared, *some, *(0,) * ((room - rows) * width)]))
    return out
