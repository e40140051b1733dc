"""Rows of the list as 64-bit keys, and sets of those for tens of millions of rows.

A row is known by a hash of its two addresses: the recipient's 64 bits, the lower half of them mixed with 32 bits of the
party. Both are keyed with the store's salt, so nobody can choose numbers that collide, and the keys of one process are
those of the next: they can be kept (`smscd.blocklist`). The recipient's is x * a mod p for a secret prime p above 2^63
and a secret a; x is the address, read as a number. Two addresses of up to twenty octets differ by something that at
most two such primes divide, of 2e17 that there are. So with ten million rows, whatever they are, a number that nobody
opted out is taken for another one with a probability of 1e-10 at most: blocked, never let through. A sender is taken
for another that the same person opted out of with 2e-10.
"""

from __future__ import annotations

import mmap
import sys
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b

SHARD_BITS, MORE_SHARD_BITS = 12, 16
"""A set has 4,096 sorted arrays, a long one 65,536."""
LONG = 4_000_000
"""Keys of a long set."""
STEPS = 4096
"""In which all shards are walked through."""
MASK = (1 << 64) - 1
PORTIONS = 256
"""Parts in which a set is kept: one per highest octet."""
PARTIES = 1 << 14
"""Hashes of parties that are remembered; senders, pools and ESMEs that are in use are fewer."""
FILTER_BITS = range(16, 31)
"""Least and most size of a filter: 8 KiB and 128 MiB are their octets."""
HUGE_PAGE = 1 << 21
"""Octets of one, where the machine has any."""
GLANCE_BITS = 24
"""Of an erased number's 64 bits those that are kept: enough to tell nearly all others apart, too few to lead back."""

ERASED = b"ERASED-"
"""How what stands for an erased number begins; it is longer than any address (SMPP 3.4 §5.2.9: 20 octets)."""

LAST = 0xFFFFFFFF
FIRST = MASK ^ LAST
"""Of a recipient's 64 bits those that the keys of its rows begin with; the first of them may come here."""


def key_of(party: bytes, recipient: bytes) -> int:
    """A key for things that do not outlive the process: unsigned, 64 bits."""
    return hash((party, recipient)) & MASK


class Hashing:
    """Makes keys, the same ones from the same `salt`."""

    __slots__ = ("_erasing", "_parties", "factor", "prime", "salt")

    def __init__(self, salt: bytes) -> None:
        self.salt = salt
        drawn = blake2b(salt, digest_size=16, person=b"opt-out").digest()
        self.prime = _prime_from(int.from_bytes(drawn[:8], "big") | 1 << 63)
        self.factor = int.from_bytes(drawn[8:], "big") % (self.prime - 1) + 1
        self._parties: dict[tuple[str, bytes], int] = {}
        self._erasing = blake2b(key=salt, digest_size=12, person=b"erased")

    def erased(self, address: bytes) -> bytes:
        """What stands for `address` once it was erased: a hash that does not lead back, as `recipient`'s would."""
        if address.startswith(ERASED):
            return address
        hashed = self._erasing.copy()
        hashed.update(address)
        return ERASED + hashed.hexdigest().upper().encode()

    def recipient(self, address: bytes) -> int:
        """64 bits."""
        return int.from_bytes(address, "big") * self.factor % self.prime

    def glance(self, address: bytes) -> int:
        """The first of `recipient`'s bits, for `Filter.glances`."""
        return self.recipient(address) >> 64 - GLANCE_BITS

    def party(self, scope: str, name: bytes) -> int:
        """32 bits: key = recipient ^ party, so the rows of one recipient are neighbours."""
        found = self._parties.get((scope, name))
        if found is None:
            if len(self._parties) >= PARTIES:
                self._parties.clear()
            drawn = blake2b(self.salt + name, digest_size=4, person=scope.encode()).digest()
            found = self._parties[scope, name] = int.from_bytes(drawn, "big")
        return found


def _prime_from(least: int) -> int:
    """The first prime that is not less than `least`, below 2^64: the last one there is 2^64 - 59."""
    candidate = min(least, (1 << 64) - 59) | 1
    while not _is_prime(candidate):
        candidate += 2
    return candidate


def _is_prime(odd: int) -> bool:
    """Miller and Rabin's test; with these twelve bases it is exact below 3e23 (Sorenson and Webster, 2015)."""
    shift = ((odd - 1) & -(odd - 1)).bit_length() - 1
    for base in (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37):
        power = pow(base, (odd - 1) >> shift, odd)
        if power in {1, odd - 1}:
            continue
        for _ in range(shift - 1):
            power = power * power % odd
            if power == odd - 1:
                break
        else:
            return False
    return True


_NONE = array("Q")
"""What every empty shard is: never written to."""


class KeySet:
    """A set of keys: sorted arrays, 4,096 or 65,536 of them, chosen by the highest bits.

    A look searches a few hundred neighbours, an insertion moves as many, and nothing ever has to grow in one piece. A
    Python set of ten million such integers takes about 900 MB, these are 85 MB.
    """

    __slots__ = ("bits", "shards", "shift", "size")

    def __init__(self, bits: int = SHARD_BITS) -> None:
        self.bits = bits
        self.shift = 64 - bits
        self.shards = [_NONE] * (1 << bits)
        """The rows of one recipient are in the one that its highest bits choose, beside others, in order."""
        self.size = 0

    def __len__(self) -> int:
        return self.size

    def __contains__(self, key: int) -> bool:
        shard = self.shards[key >> self.shift]
        at = bisect_left(shard, key)
        return at < len(shard) and shard[at] == key

    def __iter__(self) -> Iterator[int]:
        return (key for shard in self.shards for key in shard)

    def of(self, recipient: int) -> array[int]:
        """Those with the same highest 32 bits: the rows of one recipient."""
        shard = self.shards[recipient >> self.shift]
        begin = bisect_left(shard, recipient & FIRST)
        end, size = begin, len(shard)
        while end < size and not (shard[end] ^ recipient) >> 32:
            end += 1
        return shard[begin:end]

    def has(self, recipient: int) -> bool:
        """Whether there are any `of` it."""
        shard = self.shards[recipient >> self.shift]
        at = bisect_left(shard, recipient & FIRST)
        return at < len(shard) and not (shard[at] ^ recipient) >> 32

    def add(self, key: int) -> bool:
        """Whether it was not there before."""
        shard = self.shards[key >> self.shift]
        at = bisect_left(shard, key)
        if at < len(shard) and shard[at] == key:
            return False
        if shard:
            shard.insert(at, key)
        else:
            self.shards[key >> self.shift] = array("Q", (key,))
        self.size += 1
        return True

    def discard(self, key: int) -> bool:
        """Whether it was there."""
        shard = self.shards[key >> self.shift]
        at = bisect_left(shard, key)
        if at == len(shard) or shard[at] != key:
            return False
        del shard[at]
        self.size -= 1
        return True

    def absorb(self, other: KeySet) -> Iterator[None]:
        """Take the keys of `other`, a set of as many shards, and leave it empty: a few shards at every step.

        A key is in one of the two at every moment.
        """
        for at, theirs in enumerate(other.shards):
            if theirs:
                self._join(at, theirs)
                other.shards[at] = _NONE
                other.size -= len(theirs)
            if not at % max(1, len(self.shards) // STEPS):
                yield

    def _join(self, at: int, keys: array[int]) -> None:
        ours = self.shards[at]
        joined = array("Q", dict.fromkeys(sorted(ours + keys))) if ours else keys
        self.shards[at] = joined
        self.size += len(joined) - len(ours)

    def load(self, keys: Iterable[int]) -> None:
        """Add many at once, before anybody asks: sorted when `settle` is called."""
        shards, shift = self.shards, self.shift
        for key in keys:
            if shard := shards[key >> shift]:
                shard.append(key)
            else:
                shards[key >> shift] = array("Q", (key,))

    def settle(self) -> None:
        """Order what was loaded."""
        for at, shard in enumerate(self.shards):
            if shard:
                self.shards[at] = array("Q", sorted(set(shard)))
        self.size = sum(map(len, self.shards))

    def fit(self) -> None:
        """Have as many shards as a set of this size should have, before anybody asks."""
        if self.size <= LONG or self.bits >= MORE_SHARD_BITS:
            return
        fitting = KeySet(MORE_SHARD_BITS)
        for number in range(PORTIONS):
            fitting.put(number, self.portion(number))
            for at in self._shards_of(number):
                self.shards[at] = _NONE
        self.bits, self.shift, self.shards = fitting.bits, fitting.shift, fitting.shards

    def pieces(self) -> Iterator[array[int]]:
        """The keys in order, those of a few shards at a time."""
        each = max(1, len(self.shards) // STEPS)
        for first in range(0, len(self.shards), each):
            yield self._joined(range(first, first + each))

    def _joined(self, shards: range) -> array[int]:
        some = array("Q")
        for at in shards:
            some += self.shards[at]
        return some

    # -- kept on disk ------------------------------------------------------------------------------------------------

    def portion(self, number: int) -> bytes:
        """The keys with `number` as their highest octet, in order, each as eight octets, little end first."""
        some = self._joined(self._shards_of(number))
        if sys.byteorder == "big":
            some.byteswap()
        return some.tobytes()

    def put(self, number: int, octets: bytes) -> None:
        """Add what `portion` gave."""
        some = array("Q")
        some.frombytes(octets)
        if sys.byteorder == "big":
            some.byteswap()
        shards, shift, size = self.shards, self.shift, len(some)
        numbers = self._shards_of(number)
        few = 4 * (size // len(numbers)) + 16  # a shard has hardly ever more
        begin = 0
        for at in numbers:
            if begin == size:
                break
            beyond = at + 1 << shift
            end = bisect_left(some, beyond, begin, min(begin + few, size))
            if end == begin + few:
                end = bisect_left(some, beyond, end)
            if begin == end:
                continue
            if shards[at]:
                self._join(at, some[begin:end])
            else:
                shards[at] = some[begin:end]
                self.size += end - begin
            begin = end

    def _shards_of(self, portion: int) -> range:
        each = self.bits - PORTIONS.bit_length() + 1
        return range(portion << each, (portion + 1) << each)

    @property
    def octets(self) -> int:
        """Memory of the keys."""
        return sum(shard.buffer_info()[1] for shard in self.shards) * 8


def _zeros(octets: int) -> bytearray | mmap.mmap:
    """So many, in huge pages if there are some: who looks at one of them waits for memory once.

    In pages of 4 KiB it mostly waits a second time, for where the page is: 0.2 µs a look of the 0.5 that 32 MiB cost.
    """
    if octets < HUGE_PAGE or sys.platform != "linux":
        return bytearray(octets)
    found = mmap.mmap(-1, octets, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    with suppress(OSError):  # a kernel without any
        found.madvise(mmap.MADV_HUGEPAGE)
    return found


class Filter:
    """Of which recipients there is no row: a bit per slot, so many slots a row that nearly all others are told apart.

    A bit is never taken back: a filter with too many of them is replaced by a larger one. The bit of a recipient's 64
    is `bits[here >> to_octet] >> (here >> to_bit & 7) & 1`: written where it is asked, because a call costs as much.
    """

    __slots__ = ("bits", "room", "to_bit", "to_octet")

    def __init__(self, rows: int) -> None:
        size = min(max((rows * 16).bit_length(), FILTER_BITS[0]), FILTER_BITS[-1])
        self.room = (1 << size) // 8
        """Rows above which it lets too many through."""
        self.bits = _zeros(1 << (size - 3))
        self.to_octet = 67 - size
        self.to_bit = 64 - size

    def add(self, keys: Iterable[int]) -> None:
        """Let the recipients of these (their highest 32 bits) through."""
        bits, to_octet, to_bit = self.bits, self.to_octet, self.to_bit
        for key in keys:
            bits[key >> to_octet] |= 1 << (key >> to_bit & 7)

    def glances(self, glances: Iterable[int]) -> None:
        """Let all through that begin with one of these: see `Hashing.glance`."""
        finer = FILTER_BITS[-1] - GLANCE_BITS
        for glance in glances:
            self.add((glance << finer | rest) << 64 - FILTER_BITS[-1] for rest in range(1 << finer))


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
