"""Lines of the opt-out journal: what happened to a row, and the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from smscd.optout.list import Entry

EventKind = Literal["stop", "start", "help", "flag", "carrier", "add", "remove", "import", "expire", "recycle", "erase"]

CHANGES: Final[dict[EventKind, bool]] = {
    "stop": True, "carrier": True, "add": True, "import": True, "start": False, "remove": False,
    "expire": False, "recycle": False,
}  # fmt: skip
"""What touches a row, and whether it blocks afterwards."""


@dataclass(slots=True)
class Event:
    """One line of the journal: what happened to a row, and the evidence. The list can be rebuilt from these."""

    at: int  # microseconds UTC
    kind: EventKind
    entry: Entry
    keyword: str = ""
    rule: str = ""
    source: str = "mo"  # mo | verb | import | carrier-error | expiry | recycled
    number: bytes = b""  # the sender that was written to
    connector: str = ""
    message: int = 0  # the MO's number
    system_id: str = ""  # who owns the number that was written to
    answered: bool = False
    actor: str = ""
    reason: str = ""
    erases: bytes = b""
    """The number that is replaced in all rows and lines by this one's recipient; not kept itself."""
    glance: int = 0
    """Of that number: see `Hashing.glance`."""

    @property
    def blocks(self) -> bool | None:
        """Whether the row blocks afterwards; None: the row is not touched."""
        return CHANGES.get(self.kind)
