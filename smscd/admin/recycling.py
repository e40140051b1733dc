"""`smscd optout import --recycled` as the daemon sees it: numbers that have new owners, and whose rows are lifted."""

from __future__ import annotations

from typing import Any

from smscd import aging
from smscd.admin.arguments import moment, optional, required
from smscd.admin.optout_rows import recipient_of
from smscd.errors import ControlError
from smscd.journey import Journey
from smscd.optout import Entry, Event, OptOut

MOST = 500
"""Numbers of one step."""


async def recycle(journey: Journey, optout: OptOut, arguments: dict[str, Any]) -> dict[str, Any]:
    """Lift the rows of every number in `rows` that were asked for before its `date`, or before now; for a reason.

    Every row of a number, of whatever scope. All of a step is read before the first is lifted; how many were.
    """
    given = arguments.get("rows")
    if not isinstance(given, list) or len(given) > MOST:
        raise ControlError(f"rows is no list of up to {MOST}", "rows as a list of tables")
    actor = optional(arguments, "actor") or ""
    lifted = 0
    for recipient, before, reason in [_read(journey, optout, row) for row in given]:

        def why(entry: Entry, reason: str = reason) -> Event:
            return Event(journey.clock.wall(), "recycle", entry, source="recycled", actor=actor, reason=reason)

        try:
            lifted += await aging.recycle(optout, journey.store, recipient, before, why)
        except TimeoutError:
            raise ControlError("the list changes all the time", "again at a quieter hour") from None
    await journey.store.committed()
    return {"rows": lifted}


def _read(journey: Journey, optout: OptOut, row: object) -> tuple[bytes, int, str]:
    if not isinstance(row, dict):
        raise ControlError("this is no row", "columns recipient, date and reason")
    at = f"row {row['row']}: " if isinstance(row.get("row"), int) else ""
    try:
        recipient = recipient_of(optout, optional(row, "to") or required(row, "recipient"))
        before = moment(row, "date") or journey.clock.wall()
        return recipient, before, required(row, "reason")
    except ControlError as error:
        raise ControlError(f"{at}{error.reason}", error.remedy) from None
