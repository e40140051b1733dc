"""Parts of long messages collected until the set is whole, in whatever order they come.

Sans-IO: `add` and `expire` take the time and return what is to be done; storing, deleting, delivering is the caller's.
Nothing is dropped in silence: a set that cannot be completed is handed back with what is there and why.
"""

from __future__ import annotations

from array import array
from collections.abc import Hashable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from smscd.text.alphabets import DATA_CODING, Alphabet, ByteOrder, decode, encode
from smscd.text.data_coding import data_coding_table
from smscd.text.udh import (
    Concatenation,
    Elements,
    concatenation,
    national_tables,
    read_udh,
    without_concatenation,
    without_national,
)

Why = Literal["complete", "expired", "superseded", "evicted", "repeated"]
"""Why a set was released.

complete     all parts are there
expired      the timeout is over
superseded   another message has begun under the same reference: a part came twice with different contents
evicted      there was no room for more
repeated     the timeout is over, and all that came had been part of a message completed shortly before: its sender
             sent parts again, the caller may drop them
"""

_MEBIBYTE: Final = 1 << 20

PART: Final = 2048
"""Octets of memory that a part takes beside its text and what its caller keeps with it: parts may be empty."""


@dataclass(slots=True)
class Fragment:
    """One part as it came: `octets` are its text without the header, `elements` the header without concatenation.

    `tag` is the caller's own (the row where the part is stored, say), `beside` how many octets that keeps in memory.
    """

    concatenation: Concatenation
    octets: bytes
    data_coding: int = 0
    elements: Elements = ()
    tag: object = None
    beside: int = 0

    @property
    def weight(self) -> int:
        """Octets of memory that are taken while it waits."""
        return PART + len(self.octets) + self.beside

    def same_as(self, other: Fragment) -> bool:
        """Whether the two say the same, whoever stored them."""
        return self.octets == other.octets and self.data_coding == other.data_coding and self.elements == other.elements


def fragment_of(
    octets: bytes,
    data_coding: int = 0,
    udhi: bool = False,
    sar: tuple[int, int, int] | None = None,
    tag: object = None,
) -> Fragment | None:
    """The part that a short_message (or message_payload) is, or None if it stands alone.

    `sar` is (sar_msg_ref_num, sar_total_segments, sar_segment_seqnum). A header with a sound concatenation element wins
    over it. Total 0, number 0 or a number above the total: no part of anything.
    """
    elements, text = read_udh(octets) if udhi else ((), octets)
    found = concatenation(elements)
    if found is None and sar is not None and 1 <= sar[2] <= sar[1]:
        found = Concatenation(sar[0], 16, sar[1], sar[2])
    if found is None:
        return None
    return Fragment(found, text, data_coding, without_concatenation(elements), tag)


@dataclass(slots=True)
class Assembled:
    """A released set: the fragments that came, by number. `key` is what the caller gave."""

    key: Hashable
    fragments: list[Fragment]
    total: int
    why: Why

    @property
    def complete(self) -> bool:
        """Whether no part is missing."""
        return len(self.fragments) == self.total

    @property
    def missing(self) -> list[int]:
        """Numbers of the parts that never came."""
        there = {fragment.concatenation.number for fragment in self.fragments}
        return [number for number in range(1, self.total + 1) if number not in there]

    @property
    def elements(self) -> Elements:
        """The other information elements (ports, say), as the first part has them."""
        return self.fragments[0].elements

    def text(self, default_alphabet: Alphabet = "gsm7", byte_order: ByteOrder = "big") -> str:
        """The text of all parts, each read by its own data_coding and national tables.

        Neighbours that are read alike are joined as octets first: that heals a surrogate or escape pair which a peer
        cut in two, and drops a byte order mark only once.
        """
        table = data_coding_table(default_alphabet)
        texts: list[str] = []
        for run in self._runs():
            first = run[0]
            locking, single = national_tables(first.elements)
            texts.append(
                decode(
                    b"".join([fragment.octets for fragment in run]),
                    table[first.data_coding].alphabet,
                    locking=locking,
                    single=single,
                    byte_order=byte_order,
                )
            )
        return "".join(texts)

    def _runs(self) -> list[list[Fragment]]:
        """Neighbouring fragments that are read alike."""
        runs = [self.fragments[:1]]
        for before, fragment in pairwise(self.fragments):
            alike = (
                fragment.concatenation.number == before.concatenation.number + 1
                and fragment.data_coding == before.data_coding
                and national_tables(fragment.elements) == national_tables(before.elements)
            )
            if alike:
                runs[-1].append(fragment)
            else:
                runs.append([fragment])
        return runs

    def joined(self, default_alphabet: Alphabet = "gsm7") -> tuple[bytes, int, Elements]:
        """One message of all parts: its octets without a header, its data_coding, its other information elements.

        Parts that are read differently are joined as text, in UCS-2.
        """
        first = self.fragments[0]
        tables = national_tables(first.elements)
        alike = all(
            fragment.data_coding == first.data_coding and national_tables(fragment.elements) == tables
            for fragment in self.fragments
        )
        if alike:
            return b"".join([fragment.octets for fragment in self.fragments]), first.data_coding, first.elements
        return encode(self.text(default_alphabet), "ucs2"), DATA_CODING["ucs2"], without_national(first.elements)


class Addition(NamedTuple):
    """Whether a fragment was there already (nothing to store then), and the sets released because of it."""

    duplicate: bool
    released: list[Assembled]


@dataclass(slots=True)
class _Set:
    key: Hashable
    began: float
    total: int
    parts: dict[int, Fragment] = field(default_factory=dict)
    octets: int = 0

    def release(self, why: Why) -> Assembled:
        return Assembled(self.key, [self.parts[number] for number in sorted(self.parts)], self.total, why)


class Reassembly:
    """Sets under way, by the caller's key (account or upstream, source_addr, destination_addr) and the concatenation.

    timeout      how long a set may wait for its parts, counted from its first, in the unit of `now`
    most_sets    how many may be under way; the oldest is released beyond that
    most_octets  memory for all of them, as their parts weigh; likewise

    `now` never goes backwards: use monotonic time, or the time a stored part came when filling it again after a start.
    """

    def __init__(self, timeout: float, *, most_sets: int = 10_000, most_octets: int = 64 * _MEBIBYTE) -> None:
        self._timeout = timeout
        self._most_sets = most_sets
        self._most_octets = most_octets
        self._octets = 0
        self._sets: dict[Hashable, _Set] = {}  # in the order they began, so in the order they expire
        self._completed: dict[Hashable, tuple[float, array[int]]] = {}  # when, and what its parts looked like

    def __len__(self) -> int:
        return len(self._sets)

    @property
    def octets(self) -> int:
        """Memory taken, as `Fragment.weight` tells it."""
        return self._octets

    def add(self, key: Hashable, fragment: Fragment, now: float) -> Addition:
        """Take one fragment in; released are the set it completes, and those it drives out."""
        reference, width, total, number = fragment.concatenation
        whole_key = (key, reference, width, total)
        released: list[Assembled] = []
        waiting = self._sets.get(whole_key)
        if waiting is not None and waiting.began + self._timeout <= now:  # nobody has asked `expire` since
            released.append(self._over(whole_key, waiting))
            waiting = None
        if waiting is not None and number in waiting.parts:
            if waiting.parts[number].same_as(fragment):
                return Addition(duplicate=True, released=released)
            released.append(self._remove(whole_key).release("superseded"))
            waiting = None
        if waiting is None:
            waiting = self._sets[whole_key] = _Set(key, now, total)
        waiting.parts[number] = fragment
        waiting.octets += fragment.weight
        self._octets += fragment.weight
        if len(waiting.parts) == total:
            whole = self._remove(whole_key).release("complete")
            self._remember(whole_key, whole, now)
            released.append(whole)
        while self._sets and (len(self._sets) > self._most_sets or self._octets > self._most_octets):
            released.append(self._remove(next(iter(self._sets))).release("evicted"))
        return Addition(duplicate=False, released=released)

    def waiting(self, key: Hashable, fragment: Fragment) -> Fragment | None:
        """The fragment that waits under the number of this one, if any does."""
        reference, width, total, number = fragment.concatenation
        waiting = self._sets.get((key, reference, width, total))
        return None if waiting is None else waiting.parts.get(number)

    def withdraw(self, key: Hashable, fragment: Fragment) -> None:
        """Forget this very fragment, if it still waits: it could not be stored."""
        reference, width, total, number = fragment.concatenation
        whole_key = (key, reference, width, total)
        waiting = self._sets.get(whole_key)
        if waiting is None or waiting.parts.get(number) is not fragment:
            return
        del waiting.parts[number]
        waiting.octets -= fragment.weight
        self._octets -= fragment.weight
        if not waiting.parts:
            del self._sets[whole_key]

    def expire(self, now: float) -> list[Assembled]:
        """The sets whose time is over at `now`, oldest first, with what is there of them."""
        released: list[Assembled] = []
        while self._sets:
            whole_key, oldest = next(iter(self._sets.items()))
            if oldest.began + self._timeout > now:
                break
            released.append(self._over(whole_key, oldest))
        while self._completed:
            whole_key, (completed, _prints) = next(iter(self._completed.items()))
            if completed + 2 * self._timeout > now:  # a set that began just in time has expired by then
                break
            del self._completed[whole_key]
        return released

    def _over(self, whole_key: Hashable, waiting: _Set) -> Assembled:
        """The time of this set is over."""
        repeated = self._is_repeated(whole_key, waiting)
        return self._remove(whole_key).release("repeated" if repeated else "expired")

    def _remove(self, whole_key: Hashable) -> _Set:
        removed = self._sets.pop(whole_key)
        self._octets -= removed.octets
        return removed

    def _remember(self, whole_key: Hashable, whole: Assembled, now: float) -> None:
        self._completed.pop(whole_key, None)  # the newest completion goes to the end of the order
        self._completed[whole_key] = (now, array("q", map(_print, whole.fragments)))
        if len(self._completed) > self._most_sets:
            del self._completed[next(iter(self._completed))]

    def _is_repeated(self, whole_key: Hashable, waiting: _Set) -> bool:
        """Whether each part of the set was in the message last completed under its key, before it began."""
        if whole_key not in self._completed:
            return False
        _completed, prints = self._completed[whole_key]
        return all(prints[number - 1] == _print(fragment) for number, fragment in waiting.parts.items())


def _print(fragment: Fragment) -> int:
    return hash((fragment.octets, fragment.data_coding, fragment.elements))
