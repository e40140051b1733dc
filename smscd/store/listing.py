"""Which messages somebody wants to see, newest first: looked for in portions.

What no index knows is compared with message after message: among ten million that would be a question of many seconds,
in which no receipt is looked up, nothing that is due is fetched, and the log cannot begin anew.
"""

from __future__ import annotations

from typing import Any

from smscd.message import Message, Stage
from smscd.store import rows
from smscd.store.interface import Listing
from smscd.store.reader import Reader

LOOKED_AT = 5000
"""Messages of one question at most: five milliseconds."""
COLUMNS = ("message_state", "kind", "system_id", "source_addr", "destination_addr")
NO_END = (1 << 63) - 1
"""Above all ids."""


async def listing(reader: Reader, wanted: Listing) -> list[Message]:
    """The messages that meet `wanted`, without their parts."""
    clauses, values = ["1"], []
    if wanted.stage is not None:  # the stage itself lets SQLite see that a partial index fits
        clauses.append(f"stage = {int(wanted.stage)}")
    for column in COLUMNS:
        value = getattr(wanted, column)
        if value is not None:
            clauses.append(f"{column} = ?")
            values.append(value)
    if wanted.named:
        clauses.append("message_id <> ''")
    where, before = " AND ".join(clauses), NO_END if wanted.before is None else wanted.before
    if wanted.stage is not None and await _has_few(reader, wanted.stage):
        # `+id` keeps SQLite from walking the whole table backwards for the few that are in this stage
        return await reader.messages(f"{where} AND +id < ? ORDER BY +id DESC LIMIT ?", (*values, before, wanted.limit))
    return await _walk(reader, where, values, before, wanted.limit)


async def _has_few(reader: Reader, stage: int) -> bool:
    """Whether no more are in `stage` than may be looked at; no message is ever in one that has no index."""
    if stage == Stage.SENT:
        return False
    sql = f"SELECT count(*) FROM (SELECT 1 FROM message WHERE stage = {int(stage)} LIMIT ?)"  # noqa: S608 - a number
    return bool((await reader.ask(sql, (LOOKED_AT + 1,)))[0][0] <= LOOKED_AT)


async def _walk(reader: Reader, where: str, values: list[Any], before: int, limit: int) -> list[Message]:
    """From the newest below `before` backwards: as many as are wanted at first, for mostly it is these, then more."""
    found: list[Message] = []
    portion = limit
    while limit > 0:
        portion = min(portion, LOOKED_AT)
        sql = "SELECT id FROM message WHERE id < ? ORDER BY id DESC LIMIT 1 OFFSET ?"
        last = await reader.ask(sql, (before, portion - 1))
        end, unreadable = last[0][0] if last else 0, list[rows.Row]()
        sql = f"{where} AND id < ? AND id >= ? ORDER BY id DESC LIMIT ?"
        some = await reader.messages(sql, (*values, before, end, limit), unreadable)
        found += some
        limit -= len(some) + len(unreadable)
        if not last:
            break
        before, portion = end, portion * 4
    return found
