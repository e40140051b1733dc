"""Message memories: slots with an index, which keep a message until it is deleted (27.005 §3.1)."""

from __future__ import annotations

from dataclasses import dataclass

UNREAD, READ, UNSENT, SENT, ALL = range(5)
"""<stat> in PDU mode."""

STATUS_WORDS = ("REC UNREAD", "REC READ", "STO UNSENT", "STO SENT", "ALL")


@dataclass(slots=True)
class Stored:
    """One message: <stat>, the SMSC address octets, the TPDU."""

    status: int
    smsc: bytes
    tpdu: bytes

    @property
    def hex(self) -> str:
        """As PDU mode prints it."""
        return (self.smsc + self.tpdu).hex().upper()


class Memory:
    """One memory of so many slots, the first of them numbered `first`."""

    def __init__(self, size: int, first: int) -> None:
        self.size = size
        self.first = first
        self.messages: dict[int, Stored] = {}

    @property
    def is_full(self) -> bool:
        """No slot is free."""
        return len(self.messages) >= self.size

    def put(self, message: Stored) -> int | None:
        """The index of the lowest free slot, taken now; None if there is none."""
        if self.is_full:
            return None
        index = next(index for index in range(self.first, self.first + self.size) if index not in self.messages)
        self.messages[index] = message
        return index

    def listed(self, status: int) -> list[tuple[int, Stored]]:
        """Messages of that status (4: all) by index."""
        return sorted((at, kept) for at, kept in self.messages.items() if status in {ALL, kept.status})

    def delete(self, index: int, flag: int) -> None:
        """AT+CMGD: one message, or with a flag all read ones (1), and sent (2), and unsent (3), and unread (4)."""
        statuses = ((), (READ,), (READ, SENT), (READ, SENT, UNSENT), (READ, SENT, UNSENT, UNREAD))[flag]
        for at in [at for at, kept in self.messages.items() if kept.status in statuses] if flag else [index]:
            self.messages.pop(at, None)
