"""Who does not want messages from whom: the rows in force, as keys.

    scope     party                      blocks
    pair      the sender a handset sees  this sender
    pool      the name of the pool       every sender of the pool
    account   the ESME's system_id       every sender of the ESME
    global    ""                         everybody

Most recipients are on no list, so the first question is that: a bit of a filter answers it. An import becomes one more
layer beside the others, takes effect in one assignment, and is folded in afterwards.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from smscd.optout.keys import FIRST, LAST, PORTIONS, Filter, Hashing, KeySet

Scope = Literal["pair", "pool", "account", "global"]
SCOPES: tuple[Scope, ...] = ("pair", "pool", "account", "global")


class Entry(NamedTuple):
    """One row's identity; addresses in canonical form."""

    scope: Scope
    party: bytes
    recipient: bytes


Row = tuple[int, Scope, bytes]
"""What may forbid, scope and party; the lower the number before them, the earlier it counts."""

_from_bytes = int.from_bytes


class OptOutList:
    """The rows in force. `generation` is None until the list is loaded, then the store's: see `OptOut.is_ready`.

    `salt` is the store's: lists with the same one have the same keys.
    """

    def __init__(self, salt: bytes = b"") -> None:
        self.generation: int | None = None
        self.hashing = Hashing(salt)
        self.erased: set[bytes] = set()
        """What stands for the numbers that were erased."""
        self._glances: set[int] = set()
        """The filter lets their numbers through by these."""
        self._has_unseen = False
        """Whether there are some without: then everybody has to be asked for by the hash."""
        self.standing = object()
        """Another one whenever rows have come in: what no row was about until then still is so while it is the same."""
        self._layers = [KeySet()]
        self._filter: Filter | None = None
        self._growing: Filter | None = None

    def __len__(self) -> int:
        return sum(layer.size for layer in self._layers)

    def __contains__(self, entry: Entry) -> bool:
        return self._has(self.key(entry))

    def _has(self, key: int) -> bool:
        return any(key in layer for layer in self._layers)

    def key(self, entry: Entry) -> int:
        """The 64 bits that stand for a row."""
        return self.hashing.recipient(entry.recipient) ^ self.hashing.party(entry.scope, entry.party)

    def add(self, entry: Entry) -> bool:
        """From now on `entry` blocks. Whether it did not before."""
        return self._add(self.key(entry))

    def _add(self, key: int) -> bool:
        if self._has(key):
            return False
        self.standing = object()
        for one in (self._filter, self._growing):
            if one is not None:
                one.add((key,))
        self._layers[0].add(key)
        return True

    def discard(self, entry: Entry) -> bool:
        """From now on `entry` does not block. Whether it did before."""
        return self._discard(self.key(entry))

    def _discard(self, key: int) -> bool:
        removed = [layer.discard(key) for layer in self._layers]  # from every layer
        return any(removed)

    # -- erased numbers ----------------------------------------------------------------------------------------------

    def known_as(self, address: bytes) -> bytes:
        """How rows and journal name `address`: as it is, or by what stands for it once it was erased."""
        if not self.erased:
            return address
        erased = self.hashing.erased(address)
        return erased if erased in self.erased else address

    def know(self, erased: Iterable[tuple[bytes, int | None]]) -> None:
        """These were erased: what stands for each, and its number's glance; None where that was not kept."""
        for name, glance in erased:
            self.erased.add(name)
            if glance is None:
                self._has_unseen = True
            else:
                self._glances.add(glance)
        self._filter = self._growing = None

    def erase(self, number: bytes) -> list[int]:
        """From now on `number` is known by its hash, and what blocked it blocks that. What `forget` has to be given.

        Some of it may be about others whose hash is alike in 32 bits: rows tell, keys do not.
        """
        erased, glance = self.hashing.erased(number), self.hashing.glance(number)
        self.erased.add(erased)
        self._glances.add(glance)
        for one in (self._filter, self._growing):
            if one is not None:
                one.glances((glance,))
        self.standing = object()
        apart = self.hashing.recipient(number) ^ self.hashing.recipient(erased)
        keys = [key for layer in self._layers for key in layer.of(self.hashing.recipient(number))]
        return [key ^ apart for key in keys if self._add(key ^ apart)]

    def forget(self, number: bytes, entries: Iterable[Entry], added: Iterable[int]) -> None:
        """Let go of `number`: `entries` are all rows of its hash, in force or not, and `added` is what `erase` gave."""
        own = set()
        for entry in entries:
            own.add(self.key(entry))
            self.discard(entry._replace(recipient=number))
        for key in added:
            if key not in own:
                self._discard(key)

    # -- may we? -----------------------------------------------------------------------------------------------------

    def first(self, wanted: Mapping[int, Row], recipient: bytes) -> Row | None:
        """The first of `wanted`, see there, that there is a row of about `recipient`, which is in canonical form."""
        if self._has_unseen:
            recipient = self.known_as(recipient)
        hashing, known = self.hashing, self._filter
        here = _from_bytes(recipient) * hashing.factor % hashing.prime
        if known is not None and not known.bits[here >> known.to_octet] >> (here >> known.to_bit & 7) & 1:
            return None
        if self.erased:
            here = hashing.recipient(self.known_as(recipient))
        found = None
        for layer in self._layers:
            shard = layer.shards[here >> layer.shift]
            at, size = bisect_left(shard, here & FIRST), len(shard)
            while at < size:
                apart = shard[at] ^ here
                one = wanted.get(apart)
                if one is not None:
                    if not one[0]:  # nothing is narrower
                        return one
                    if found is None or one < found:
                        found = one
                elif apart > LAST:  # another recipient's
                    break
                at += 1
        return found

    def wanted(self, rows: Sequence[tuple[Scope, bytes]]) -> dict[int, Row]:
        """What forbids to write to anybody, scope and party, in the order in which it counts: for `first`."""
        party = self.hashing.party
        return {party(*row): (rank, *row) for rank, row in reversed(list(enumerate(rows)))}

    def perhaps(self, recipients: Sequence[bytes]) -> Sequence[int]:
        """Which of `recipients`, counted from 0, there is a row about; there certainly is none about the others."""
        if self._has_unseen:
            recipients = [self.known_as(recipient) for recipient in recipients]
        known, hashing = self._filter, self.hashing
        if known is None:
            return [at for at, recipient in enumerate(recipients) if self._is_about(recipient)]
        factor, prime = hashing.factor, hashing.prime
        bits, to_octet, to_bit = known.bits, known.to_octet, known.to_bit
        passed = [
            (at, here)
            for at, number in enumerate(map(_from_bytes, recipients))
            if (octet := bits[(here := number * factor % prime) >> to_octet])  # most octets are empty
            and octet >> (here >> to_bit & 7) & 1
        ]
        if self.erased:
            return [at for at, _ in passed if self._is_about(recipients[at])]
        return [at for at, here in passed if self._has_any(here)]

    def _is_about(self, recipient: bytes) -> bool:
        return self._has_any(self.hashing.recipient(self.known_as(recipient)))

    def _has_any(self, here: int) -> bool:
        return any(layer.has(here) for layer in self._layers)

    # -- many rows at once -------------------------------------------------------------------------------------------

    def load(self, entries: Iterable[Entry]) -> None:
        """Rows read from the store at start; `sort` and `settle` end it."""
        self._layers[0].load(map(self.key, entries))

    def sort(self) -> None:
        """Order what was loaded."""
        self._layers[0].settle()

    def settle(self, generation: int) -> None:
        """All rows of `generation` are here: from now on questions can be answered."""
        self._layers[0].fit()
        self.generation = generation

    def layer(self) -> OptOutList:
        """An empty list for rows that are to join this one by `overlay`."""
        layer = OptOutList(self.hashing.salt)
        layer._layers = [KeySet(self._layers[0].bits)]
        layer._filter = self._filter  # lets through too many meanwhile, which costs a look-up
        return layer

    def widening(self, layer: OptOutList) -> Iterator[None]:
        """Have the filter let the rows of `layer` through before they come, a portion at every step."""
        known = self._filter
        if known is None or len(self) + len(layer) > known.room:
            known = self._growing = self._new_filter(len(self) + len(layer))
            for keys in self._pieces():
                known.add(keys)
                yield
        for keys in layer._pieces():
            known.add(keys)
            yield
        if known is self._filter or known is self._growing:
            self._filter = layer._filter = known
            self._growing = None

    def _new_filter(self, rows: int) -> Filter:
        made = Filter(rows)
        made.glances(self._glances)
        return made

    def _pieces(self) -> Iterator[array[int]]:
        return (keys for layer in self._layers for keys in layer.pieces())

    def overlay(self, layer: OptOutList, generation: int) -> None:
        """All rows of `layer` take effect at once. `folding` makes one layer of them again, little by little.

        Without `widening` there is no filter until there is a new one.
        """
        if layer._filter is not self._filter:
            self._filter = None
        self._growing = None
        self._layers = [*self._layers, *layer._layers]
        self.generation = generation
        self.standing = object()

    def folding(self) -> Iterator[None]:
        """Move the rows of later layers into the first, a portion at every step; each blocks at every moment."""
        while len(self._layers) > 1:
            first, later = self._layers[:2]
            yield from first.absorb(later)
            self._layers = [layer for layer in self._layers if layer is not later]

    @property
    def wants_filter(self) -> bool:
        """Whether there is no filter, or one that has become too small."""
        return self._filter is None or len(self) > self._filter.room

    def filtering(self) -> Iterator[None]:
        """Make a filter that fits, a portion at every step; it is used once this is exhausted. Not before `folding`."""
        self._growing = growing = self._new_filter(len(self))
        for keys in self._pieces():
            growing.add(keys)
            yield
        if self._growing is growing:
            self._filter, self._growing = growing, None

    # -- kept on disk ------------------------------------------------------------------------------------------------

    def portions(self) -> Iterator[tuple[int, bytes]]:
        """Number and keys of every portion of the first layer, as they are at the moment they are asked for."""
        return ((number, self._layers[0].portion(number)) for number in range(PORTIONS))

    def put(self, portion: int, keys: bytes) -> None:
        """Add what `portions` gave, of this list or another with its salt; the filter does not learn of it."""
        self._filter = None
        self._layers[0].put(portion, keys)
