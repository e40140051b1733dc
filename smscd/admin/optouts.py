"""`smscd optout` as the daemon sees it: one row, a page of rows, the journal, and imports that take effect as one."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, Literal, get_args

from smscd.admin import recycling
from smscd.admin.arguments import count, optional, required
from smscd.admin.imports import Imports
from smscd.admin.optout_rows import entry_of, recipient_of, shown
from smscd.errors import ControlError
from smscd.journey import Journey
from smscd.optout import Entry, Event, OptOut
from smscd.optout.addresses import is_subscriber
from smscd.optout.events import EventKind
from smscd.optout.keys import ERASED
from smscd.store import OptOutRow
from smscd.store.optout_audit import Compared

MOST = 5000
"""Rows of a page."""


class OptOutCommands:
    """What may be asked of the list and done to it."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey
        self._store = journey.store
        self.imports = Imports(journey, lambda: self._optout)
        self._erasing: set[asyncio.Task[dict[str, Any]]] = set()

    def table(self) -> dict[str, Callable[[dict[str, Any]], Awaitable[Any]]]:
        """Every command by its name."""
        return {
            "optout.add": self.add,
            "optout.remove": self.remove,
            "optout.erase": self.erase,
            "optout.check": self.check,
            "optout.list": self.listing,
            "optout.audit": self.audit,
            "optout.rebuild": self.rebuild,
            "optout.recycle": self.recycle,
            **self.imports.table(),
        }

    @property
    def _optout(self) -> OptOut:
        optout = self._journey.interception.optout
        if optout is None:
            raise ControlError("opt-out is off here", "enabled = true in [opt_out]")
        return optout

    # -- one by one --------------------------------------------------------------------------------------------------

    async def add(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Block one recipient; nothing changes if it is blocked already."""
        optout = self._optout
        entry = entry_of(optout, arguments)
        event = self._event("add", entry, arguments)
        is_new = optout.block([event])
        if is_new:
            self._store.batch.opt_out([event])
            self._store.wake()
        await self._store.committed()
        answer: dict[str, Any] = {"changed": is_new, **shown(entry)}
        if entry.scope == "account" and (unknown := self._unknown(answer["party"])):
            answer["warning"] = unknown  # a list may be there before its accounts are; a slip blocks nobody
        return answer

    async def remove(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Lift one block, for a reason; nothing changes if there is none."""
        optout = self._optout
        required(arguments, "reason")
        entry = entry_of(optout, arguments)
        is_there = entry in optout.list
        if is_there:
            event = self._event("remove", entry, arguments)
            optout.lifting([event])
            self._store.batch.opt_out([event])
            self._store.batch.once_written(lambda: optout.lift([event]))
            self._store.wake()
        await self._store.committed()
        return {"changed": is_there, **shown(entry)}

    async def erase(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Replace a person's number by a hash in all rows and lines, for a reason; what blocks goes on blocking."""
        number = self._optout.address(required(arguments, "to"))
        required(arguments, "reason")
        if not number.startswith(ERASED) and not is_subscriber(number):
            raise ControlError(f"{number.decode('latin-1')} is nobody's number", "a number such as +447700900123")
        task = asyncio.create_task(self._erase(number, arguments), name="erase")  # goes on if the asker hangs up
        self._erasing.add(task)
        task.add_done_callback(self._erasing.discard)
        return await asyncio.shield(task)

    async def _erase(self, number: bytes, arguments: dict[str, Any]) -> dict[str, Any]:
        async with self._journey.interception.keeping.turn:  # keys are kept as they were before, or will be after
            optout, stored = self._optout, self._store.opt_outs
            self.imports.give_way()
            await self._store.committed()
            is_there = bool(await stored.known(number) or await stored.journal(number, 1 << 62, 1))
            erased = optout.list.hashing.erased(number)
            if is_there and erased != number:
                self.imports.give_way()  # nothing is awaited between this and the batch
                event = self._event("erase", Entry("global", b"", erased), arguments)
                event.erases, event.glance = number, optout.list.hashing.glance(number)
                added = optout.erase(number)
                self._store.batch.opt_out([event])
                self._store.wake()
                await self._store.committed()
                optout.list.forget(number, await stored.known(erased), added)
            return {"changed": is_there and erased != number, "recipient": erased.decode()}

    async def recycle(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Lift the rows of numbers that have new owners: see `recycling`."""
        self.imports.give_way()
        return await recycling.recycle(self._journey, self._optout, arguments)

    async def check(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """May this sender write to this recipient? The row that forbids it, if one does.

        Where no `esme` is named it is the one that receives the sender's number: a STOPALL to it blocks that account.
        """
        optout = self._optout
        sender, recipient = optout.address(required(arguments, "from")), recipient_of(optout, required(arguments, "to"))
        named = optional(arguments, "esme")
        if named is not None and (unknown := self._unknown(named)):
            raise ControlError(unknown, "the system_id of an [[esme]] of the file")
        account = self._journey.receivers.owner(sender) if named is None else named
        found = optout.blocking(sender, 0, recipient, 0, account or "")
        return {"may_send": found is None, "row": None if found is None else shown(found)}

    def _unknown(self, system_id: str) -> str:
        """What is wrong with the name of an account, "" if nothing is."""
        if system_id in self._journey.esmes:
            return ""
        nearest = difflib.get_close_matches(system_id, self._journey.esmes, 1)
        return f"no ESME is called {system_id}" + (f"; did you mean {nearest[0]}?" if nearest else "")

    def _event(self, kind: Literal["add", "remove", "erase"], entry: Entry, arguments: dict[str, Any]) -> Event:
        return Event(
            self._journey.clock.wall(), kind, entry, source="verb", actor=optional(arguments, "actor") or "",
            reason=optional(arguments, "reason") or "",
        )  # fmt: skip

    # -- what is there -----------------------------------------------------------------------------------------------

    async def listing(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Rows in force, a page at a time: `after` is the last row of the page before."""
        optout = self._optout
        after, to = arguments.get("after"), optional(arguments, "to")
        limit = count(arguments, "limit", 50, MOST)
        behind = entry_of(optout, after) if isinstance(after, dict) else None
        found = await self._store.opt_outs.rows(behind, limit, None if to is None else recipient_of(optout, to))
        return {"rows": [_row(one) for one in found], "total": len(optout.list)}

    async def audit(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The journal, newest first; of one recipient, or of one kind of `event`, if that is asked for."""
        to = optional(arguments, "to")
        recipient = None if to is None else recipient_of(self._optout, to)
        before, kind = count(arguments, "before", 1 << 62, 1 << 62), optional(arguments, "event")
        if kind is not None and kind not in get_args(EventKind):
            raise ControlError(f"{kind} is no event", f"one of {', '.join(get_args(EventKind))}")
        found = await self._store.opt_outs.journal(recipient, before, count(arguments, "limit", 50, MOST), kind)
        return {"events": [self._line(number, event) for number, event in found]}

    async def rebuild(self, _arguments: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
        """Rebuild the list from the journal, and tell where the rows or what we ask by say otherwise."""
        return self._rebuilding()

    async def _rebuilding(self) -> AsyncGenerator[dict[str, Any], None]:
        rows = blocking = 0
        async for page in self._store.opt_outs.audit.compared():
            optout = self._optout
            for one in page:
                rows += 1
                blocking += one.should_block
                if not one.blocks == one.should_block == (one.entry in optout.list):
                    async for difference in self._difference(one):
                        yield difference
            yield {"rows": rows}
        yield {"rows": rows, "blocking": blocking, "keys": len(self._optout.list)}

    async def _difference(self, one: Compared) -> AsyncIterator[dict[str, Any]]:
        """Once more, now that whatever was under way has been written: it may be a change of this moment."""
        await self._store.committed()
        ((_, row),) = await self._store.opt_outs.keys.state([one.entry], 0)
        key = one.entry in self._optout.list
        if row != one.blocks:  # changed since it was compared, and its line with it
            return
        if not row == one.should_block == key:
            said = {"journal": one.should_block, "row": row, "list": key}
            yield {"difference": {**shown(one.entry), **said}}

    def _line(self, number: int, event: Event) -> dict[str, Any]:
        return {
            "number": number, "at": event.at, "event": event.kind, **shown(event.entry), "keyword": event.keyword,
            "rule": event.rule, "source": event.source, "number_written_to": event.number.decode("latin-1"),
            "connector": event.connector, "message_id": self._journey.ids.issue(event.message) if event.message else "",
            "system_id": event.system_id, "answered": event.answered, "actor": event.actor, "reason": event.reason,
        }  # fmt: skip


def _row(row: OptOutRow) -> dict[str, Any]:
    return {**shown(row.entry), "since": row.since, "source": row.source, "keyword": row.keyword, "reason": row.reason}
