"""Sets of 64-bit keys for tens of millions of rows.

A row is known by the hash of its two addresses, eight octets in a sorted array. There are 4096 arrays, chosen by the
highest twelve bits of the key: that keeps an insertion short (it moves a few thousand octets), and nothing ever has to
grow in one piece. A Python set of ten million such integers takes about 900 MB; these are 80 MB of keys, 180 MB
resident with what loading leaves behind. A look-up is one hash and a bisection of twelve steps.

The hash is Python's own, keyed anew in every process: nobody can choose numbers that collide. With ten million rows a
number that nobody opted out is taken for another one with a probability of 5e-13: blocked, never let through.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator

SHARD_BITS = 12
MASK = (1 << 64) - 1


def key_of(party: bytes, recipient: bytes) -> int:
    """The key of one row: unsigned, 64 bits."""
    return hash((party, recipient)) & MASK


class KeySet:
    """A set of keys."""

    __slots__ = ("_shards", "_shift", "size")

    def __init__(self, bits: int = SHARD_BITS) -> None:
        self._shift = 64 - bits
        self._shards = [array("Q") for _ in range(1 << bits)]
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def __contains__(self, key: int) -> bool:
        shard = self._shards[key >> self._shift]
        at = bisect_left(shard, key)
        return at < len(shard) and shard[at] == key

    def add(self, key: int) -> bool:
        """Whether it was not there before."""
        shard = self._shards[key >> self._shift]
        at = bisect_left(shard, key)
        if at < len(shard) and shard[at] == key:
            return False
        shard.insert(at, key)
        self.size += 1
        return True

    def discard(self, key: int) -> bool:
        """Whether it was there."""
        shard = self._shards[key >> self._shift]
        at = bisect_left(shard, key)
        if at == len(shard) or shard[at] != key:
            return False
        del shard[at]
        self.size -= 1
        return True

    def load(self, keys: Iterable[int]) -> None:
        """Add many at once, before anybody asks: sorted when `settle` is called."""
        shards, shift = self._shards, self._shift
        for key in keys:
            shards[key >> shift].append(key)

    def settle(self) -> None:
        """Order what was loaded."""
        self._shards = [array("Q", sorted(set(shard))) for shard in self._shards]
        self.size = sum(map(len, self._shards))

    def shards(self) -> Iterator[array[int]]:
        """The keys, a portion at a time."""
        return iter(self._shards)

    @property
    def octets(self) -> int:
        """Memory of the keys."""
        return sum(shard.buffer_info()[1] for shard in self._shards) * 8


class Recent:
    """Keys of the last while, forgotten a portion of it at a time. Times are microseconds UTC."""

    __slots__ = ("_portion", "_portions", "_sets")

    def __init__(self, span: int, portions: int) -> None:
        self._portion = max(1, span // portions)
        self._portions = portions
        self._sets: dict[int, KeySet] = {}

    def add(self, key: int, now: int) -> None:
        """Remember `key` as of `now`; what is older than the span is let go."""
        at = now // self._portion
        found = self._sets.get(at)
        if found is None:
            self._sets = {one: keys for one, keys in self._sets.items() if one >= at - self._portions}
            found = self._sets[at] = KeySet(bits=4)
        found.add(key)

    def has(self, key: int, now: int) -> bool:
        """Whether `key` was added within the span (or up to one portion longer ago)."""
        oldest = now // self._portion - self._portions
        return any(key in keys for at, keys in self._sets.items() if at >= oldest)
