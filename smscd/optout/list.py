"""Who does not want messages from whom: the rows in force, as keys.

    scope     party                      blocks
    pair      the sender a handset sees  this sender
    pool      the name of the pool       every sender of the pool
    account   the ESME's system_id       every sender of the ESME
    global    ""                         everybody

An import becomes one more layer beside the others, takes effect in one assignment, and is folded in afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, NamedTuple

from smscd.optout.keys import KeySet, key_of

Scope = Literal["pair", "pool", "account", "global"]
SCOPES: tuple[Scope, ...] = ("pair", "pool", "account", "global")


class Entry(NamedTuple):
    """One row's identity; addresses in canonical form."""

    scope: Scope
    party: bytes
    recipient: bytes


class OptOutList:
    """The rows in force. `generation` is None until the list is loaded, then the store's: see `OptOut.is_ready`."""

    def __init__(self) -> None:
        self.generation: int | None = None
        self._layers: dict[Scope, list[KeySet]] = {scope: [KeySet()] for scope in SCOPES}

    def __len__(self) -> int:
        return sum(len(layer) for layers in self._layers.values() for layer in layers)

    def __contains__(self, entry: Entry) -> bool:
        key = key_of(entry.party, entry.recipient)
        return any(key in layer for layer in self._layers[entry.scope])

    def add(self, entry: Entry) -> bool:
        """From now on `entry` blocks. Whether it did not before."""
        if entry in self:
            return False
        self._layers[entry.scope][0].add(key_of(entry.party, entry.recipient))
        return True

    def discard(self, entry: Entry) -> bool:
        """From now on `entry` does not block. Whether it did before."""
        key = key_of(entry.party, entry.recipient)
        removed = [layer.discard(key) for layer in self._layers[entry.scope]]  # from every layer
        return any(removed)

    def blocking(
        self, sender: bytes, recipient: bytes, account: bytes, pools: Mapping[bytes, tuple[bytes, ...]]
    ) -> Entry | None:
        """The row that forbids `sender`, used by `account`, to write to `recipient`; None: it may."""
        layers = self._layers
        if _in(layers["pair"], sender, recipient):
            return Entry("pair", sender, recipient)
        if pools:
            for pool in pools.get(sender, ()):
                if _in(layers["pool"], pool, recipient):
                    return Entry("pool", pool, recipient)
        if _in(layers["account"], account, recipient):
            return Entry("account", account, recipient)
        if _in(layers["global"], b"", recipient):
            return Entry("global", b"", recipient)
        return None

    # -- many rows at once -------------------------------------------------------------------------------------------

    def load(self, entries: Iterable[Entry]) -> None:
        """Rows read from the store at start; `settle` ends it."""
        for entry in entries:
            self._layers[entry.scope][0].load([key_of(entry.party, entry.recipient)])

    def settle(self, generation: int) -> None:
        """All rows of `generation` are loaded: from now on questions can be answered."""
        for layers in self._layers.values():
            layers[0].settle()
        self.generation = generation

    def overlay(self, layer: OptOutList, generation: int) -> None:
        """All rows of `layer` take effect at once. `folding` makes one layer of them again, little by little."""
        for scope, layers in layer._layers.items():
            if layers[0]:
                self._layers[scope] = [*self._layers[scope], layers[0]]
        self.generation = generation

    def folding(self) -> Iterator[None]:
        """Move the rows of later layers into the first, a portion at every step; each blocks at every moment."""
        for scope in SCOPES:
            while len(self._layers[scope]) > 1:
                first, later, *rest = self._layers[scope]
                for shard in later.shards():
                    for key in shard:
                        first.add(key)
                    later.size -= len(shard)
                    del shard[:]
                    yield
                self._layers[scope] = [first, *rest]


def _in(layers: list[KeySet], party: bytes, recipient: bytes) -> bool:
    if len(layers) == 1:
        layer = layers[0]
        return layer.size != 0 and key_of(party, recipient) in layer
    key = key_of(party, recipient)
    return any(key in layer for layer in layers)
