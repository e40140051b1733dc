"""Rows of the opt-out list as operators write them: one row, read the same way by a command and by an import's file."""

from __future__ import annotations

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Protocol

from smscd.admin.arguments import optional, required
from smscd.errors import ControlError
from smscd.optout import Entry
from smscd.optout.keys import ERASED
from smscd.optout.list import SCOPES, Scope
from smscd.pdu import MAX_ADDRESS

LONGEST_PARTY = 64
"""Characters of a sender, or of the name of a pool or an account."""


class Names(Protocol):
    """How addresses are compared in one house: see `OptOut`."""

    @property
    def erased(self) -> AbstractSet[bytes]: ...

    def address(self, written: str | bytes, ton: int = 0) -> bytes: ...

    def known_as(self, written: str | bytes, ton: int = 0) -> bytes: ...


def entry_of(names: Names, row: Mapping[str, Any]) -> Entry:
    """The row that `row` names: by `to` or `recipient`, and by what its scope asks for. ControlError if it is none."""
    recipient = recipient_of(names, optional(row, "to") or required(row, "recipient"))
    scope: Scope = _scope(optional(row, "scope") or "pair")
    if scope == "global":
        return Entry(scope, b"", recipient)
    key, *others = {"pair": ("from", "sender"), "pool": ("pool",), "account": ("esme", "account")}[scope]
    party = next((value for name in (key, *others) if (value := optional(row, name))), None)
    party = party or optional(row, "party")
    if party is None:
        raise ControlError(f"{key} is missing", f"--{key}; in a file, a column party")
    if len(party) > LONGEST_PARTY:
        raise ControlError(f"{key} has {len(party)} characters", f"at most {LONGEST_PARTY}")
    return Entry(scope, names.address(party) if scope == "pair" else party.encode("latin-1", "replace"), recipient)


def recipient_of(names: Names, written: str) -> bytes:
    """A number, or what stands for one here: the hash of another database would block nobody."""
    recipient = names.known_as(written)
    if recipient.startswith(ERASED) and recipient not in names.erased:
        raise ControlError(f"{written} is no number that was erased here", "the number itself")
    if len(recipient) > MAX_ADDRESS and recipient not in names.erased:
        raise ControlError(f"a number of {len(recipient)} digits would block nobody", f"at most {MAX_ADDRESS}")
    if not recipient.isdigit() and recipient not in names.erased:
        raise ControlError(f"{written} is no number: a block of it would block nobody", "digits, like +447700900123")
    return recipient


def _scope(word: str) -> Scope:
    for scope in SCOPES:
        if scope == word:
            return scope
    raise ControlError(f"{word} is no scope", f"one of {', '.join(SCOPES)}")


def shown(entry: Entry) -> dict[str, str]:
    """The other way round."""
    return {
        "recipient": entry.recipient.decode("latin-1"), "scope": entry.scope, "party": entry.party.decode("latin-1"),
    }  # fmt: skip
