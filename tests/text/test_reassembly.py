"""Parts joined again."""

from __future__ import annotations

from itertools import permutations

import pytest

from smscd.text import (
    Assembled,
    Concatenation,
    Fragment,
    InformationElement,
    Reassembly,
    encode,
    fragment_of,
    segment,
)
from smscd.text.alphabets import Alphabet
from smscd.text.reassembly import PART

KEY = ("esme", "447700900123", "12345")
PORTS = InformationElement(0x05, bytes.fromhex("23f00000"))


def parts_of(text: str, alphabet: Alphabet = "gsm7", reference: int = 0, data_coding: int = 0) -> list[Fragment]:
    fragments = [fragment_of(part.octets, data_coding, part.udhi) for part in segment(text, alphabet, reference)]
    assert None not in fragments
    return [fragment for fragment in fragments if fragment is not None]


def piece(number: int, octets: bytes, *, total: int = 2, data_coding: int = 0, tables: bytes = b"") -> Fragment:
    elements = (InformationElement(0x25, tables),) if tables else ()
    return Fragment(Concatenation(1, 8, total, number), octets, data_coding, elements)


def join(*fragments: Fragment) -> Assembled:
    reassembly = Reassembly(600)
    released = [whole for fragment in fragments for whole in reassembly.add(KEY, fragment, 0).released]
    assert len(released) == 1
    return released[0]


def test_parts_in_any_order_make_the_message() -> None:
    text = "".join(f"{number:03d}, " for number in range(70)) + "€"
    fragments = parts_of(text)
    assert len(fragments) == 3
    for order in permutations(fragments):
        whole = join(*order)
        assert whole.complete
        assert whole.why == "complete"
        assert whole.text() == text
        assert whole.joined() == (encode(text, "gsm7"), 0, ())


def test_nothing_is_released_before_the_last_part() -> None:
    reassembly = Reassembly(600)
    first, second = parts_of("x" * 200)
    assert reassembly.add(KEY, second, 0) == (False, [])
    assert len(reassembly) == 1
    assert reassembly.add(KEY, first, 1).released[0].complete
    assert (len(reassembly), reassembly.octets) == (0, 0)


def test_another_sender_reference_width_or_total_is_another_set() -> None:
    reassembly = Reassembly(600)
    for key, concatenation in [
        (KEY, Concatenation(1, 8, 2, 1)),
        (("esme", "other", "12345"), Concatenation(1, 8, 2, 2)),
        (KEY, Concatenation(2, 8, 2, 2)),
        (KEY, Concatenation(1, 16, 2, 2)),
        (KEY, Concatenation(1, 8, 3, 2)),
    ]:
        assert reassembly.add(key, Fragment(concatenation, b"x"), 0).released == []
    assert len(reassembly) == 5


def test_an_equal_part_again_is_a_duplicate_and_changes_nothing() -> None:
    reassembly = Reassembly(600)
    first, second = parts_of("x" * 200)
    assert not reassembly.add(KEY, first, 0).duplicate
    assert reassembly.add(KEY, first, 1).duplicate
    (whole,) = reassembly.add(KEY, second, 2).released
    assert whole.text() == "x" * 200


def test_another_part_under_the_same_number_is_another_message_and_the_old_one_is_not_lost() -> None:
    reassembly = Reassembly(600)
    old, new = piece(1, b"old "), piece(1, b"new ")
    reassembly.add(KEY, old, 0)
    duplicate, (superseded,) = reassembly.add(KEY, new, 1)
    assert not duplicate
    assert (superseded.why, superseded.complete, superseded.missing) == ("superseded", False, [2])
    assert superseded.text() == "old "
    (whole,) = reassembly.add(KEY, piece(2, b"text"), 2).released
    assert whole.text() == "new text"


def test_an_incomplete_set_is_released_when_its_time_is_over_with_what_is_there() -> None:
    reassembly = Reassembly(600)
    reassembly.add(KEY, piece(1, b"a", total=3), 1000)
    reassembly.add(KEY, piece(3, b"c", total=3), 1500)
    assert reassembly.expire(1599) == []
    (left,) = reassembly.expire(1600)
    assert (left.why, left.text(), left.missing, left.key) == ("expired", "ac", [2], KEY)
    assert reassembly.expire(9999) == []


def test_sets_expire_one_by_one_in_the_order_they_began() -> None:
    reassembly = Reassembly(600)
    for at in range(3):
        reassembly.add(at, piece(1, b"x"), at)
    assert [left.key for left in reassembly.expire(601)] == [0, 1]
    assert len(reassembly) == 1


def test_memory_is_bounded_in_sets_and_the_oldest_is_handed_back() -> None:
    reassembly = Reassembly(600, most_sets=2)
    for at in range(2):
        assert reassembly.add(at, piece(1, b"x"), at).released == []
    (evicted,) = reassembly.add(2, piece(1, b"x"), 2).released
    assert (evicted.key, evicted.why) == (0, "evicted")
    assert len(reassembly) == 2


def test_memory_is_bounded_in_octets() -> None:
    reassembly = Reassembly(600, most_octets=2 * PART + 300)
    reassembly.add("a", piece(1, bytes(140)), 0)
    reassembly.add("b", piece(1, bytes(140)), 0)
    (evicted,) = reassembly.add("c", piece(1, bytes(140)), 0).released
    assert (evicted.key, evicted.why) == ("a", "evicted")
    assert reassembly.octets == 2 * PART + 280


def test_empty_parts_take_room_and_so_does_what_is_kept_beside_them() -> None:
    reassembly = Reassembly(600, most_octets=10 * PART)
    for number in range(1, 12):
        released = reassembly.add("a", piece(number, b"", total=255), 0).released
    assert [len(one.fragments) for one in released] == [11]
    heavy = piece(1, b"x")
    heavy.beside = 10 * PART
    (evicted,) = reassembly.add("b", heavy, 0).released
    assert (evicted.key, evicted.why) == ("b", "evicted")
    assert reassembly.octets == 0


def test_parts_sent_again_after_the_message_is_complete_are_marked_as_repeated() -> None:
    reassembly = Reassembly(600)
    first, second = parts_of("x" * 200)
    reassembly.add(KEY, first, 0)
    reassembly.add(KEY, second, 0)
    assert reassembly.add(KEY, second, 5) == (False, [])
    (left,) = reassembly.expire(605)
    assert left.why == "repeated"


def test_a_part_of_a_new_message_after_a_complete_one_is_not_taken_for_a_repetition() -> None:
    reassembly = Reassembly(600)
    for number, octets in [(1, b"one "), (2, b"two")]:
        reassembly.add(KEY, piece(number, octets), 0)
    reassembly.add(KEY, piece(1, b"three "), 5)
    (left,) = reassembly.expire(605)
    assert left.why == "expired"


def test_the_same_message_sent_twice_is_two_messages() -> None:
    reassembly = Reassembly(600)
    for at in (0, 5):
        first, second = parts_of("reminder " * 20)
        reassembly.add(KEY, first, at)
        (whole,) = reassembly.add(KEY, second, at).released
        assert whole.text() == "reminder " * 20


def test_what_was_complete_is_forgotten_in_time() -> None:
    reassembly = Reassembly(600)
    for number, octets in [(1, b"one "), (2, b"two")]:
        reassembly.add(KEY, piece(number, octets), 0)
    reassembly.expire(1200)
    reassembly.add(KEY, piece(1, b"one "), 1300)
    assert [left.why for left in reassembly.expire(1900)] == ["expired"]


def test_what_is_remembered_of_complete_messages_is_bounded() -> None:
    reassembly = Reassembly(600, most_sets=3)
    for key in range(10):
        reassembly.add(key, piece(1, b"x", total=1), 0)
    assert len(reassembly._completed) == 3


def test_a_message_of_one_part_is_complete_at_once() -> None:
    assert join(piece(1, b"x", total=1)).text() == "x"


def test_a_surrogate_pair_that_a_peer_cut_in_two_is_healed() -> None:
    octets = encode("ab😀cd", "ucs2")
    assert join(piece(1, octets[:6], data_coding=8), piece(2, octets[6:], data_coding=8)).text() == "ab😀cd"


def test_an_escape_pair_that_a_peer_cut_in_two_is_healed() -> None:
    assert join(piece(1, b"a\x1b"), piece(2, b"\x65b")).text() == "a€b"


def test_a_gap_is_not_healed_over() -> None:
    reassembly = Reassembly(600)
    reassembly.add(KEY, piece(1, b"a\x1b", total=3), 0)
    reassembly.add(KEY, piece(3, b"\x65b", total=3), 0)
    assert reassembly.expire(600)[0].text() == "a eb"


def test_a_byte_order_mark_is_dropped_once() -> None:
    octets = b"\xfe\xff" + encode("Жук", "ucs2")
    assert join(piece(1, octets[:4], data_coding=8), piece(2, octets[4:], data_coding=8)).text() == "Жук"


def test_each_part_is_read_by_its_own_data_coding() -> None:
    whole = join(piece(1, b"Hi "), piece(2, encode("Жук", "ucs2"), data_coding=8))
    assert whole.text() == "Hi Жук"
    assert whole.joined() == (encode("Hi Жук", "ucs2"), 8, ())


def test_each_part_is_read_by_its_own_national_tables() -> None:
    whole = join(piece(1, b"\x0c", tables=b"\x01"), piece(2, b"\x0c"))
    assert whole.text() == "ğø"
    assert whole.joined() == (encode("ğø", "ucs2"), 8, ())


def test_parts_of_one_national_table_stay_in_it() -> None:
    parts = segment("ğ" * 200, "gsm7", 3, locking=1)
    whole = join(*(fragment for part in parts if (fragment := fragment_of(part.octets, 0, udhi=True))))
    assert whole.text() == "ğ" * 200
    assert whole.joined() == (b"\x0c" * 200, 0, (InformationElement(0x25, b"\x01"),))


def test_other_elements_survive() -> None:
    parts = segment("x" * 200, "octet", 3, elements=(PORTS,))
    whole = join(*(fragment for part in parts if (fragment := fragment_of(part.octets, 4, udhi=True))))
    assert whole.elements == (PORTS,)
    assert whole.joined() == (b"x" * 200, 4, (PORTS,))


def test_the_links_default_alphabet_reads_data_coding_0() -> None:
    assert join(piece(1, b"\xe9"), piece(2, b"\xe8")).text("latin1") == "éè"


def test_sar_values_make_a_part_too() -> None:
    fragment = fragment_of(b"text", 0, sar=(0x1234, 2, 1), tag="row 7")
    assert fragment == Fragment(Concatenation(0x1234, 16, 2, 1), b"text", tag="row 7")


def test_a_header_wins_over_sar_values() -> None:
    (first, _second) = segment("x" * 200, "gsm7", 5)
    fragment = fragment_of(first.octets, 0, udhi=True, sar=(9, 4, 3))
    assert fragment is not None
    assert fragment.concatenation == (5, 8, 2, 1)


def test_a_header_without_concatenation_leaves_the_sar_values_their_say() -> None:
    (part,) = segment("x", "octet", elements=(PORTS,))
    fragment = fragment_of(part.octets, 4, udhi=True, sar=(9, 4, 3))
    assert fragment == Fragment(Concatenation(9, 16, 4, 3), b"x", 4, (PORTS,))


@pytest.mark.parametrize("sar", [(1, 0, 0), (1, 0, 1), (1, 2, 0), (1, 2, 3), None])
def test_values_that_cannot_be_make_a_message_of_its_own(sar: tuple[int, int, int] | None) -> None:
    assert fragment_of(b"text", 0, sar=sar) is None


def test_a_message_without_a_header_is_no_part() -> None:
    assert fragment_of(b"\x05\x00\x03\x01\x02\x01text", 0, udhi=False) is None


def test_a_fragment_that_was_withdrawn_is_missing_again_and_one_that_took_its_place_stays() -> None:
    reassembly = Reassembly(600)
    first, second = piece(1, b"a"), piece(2, b"b")
    reassembly.add(KEY, first, 0)
    reassembly.withdraw(KEY, piece(1, b"a"))  # another of the same looks
    assert reassembly.octets == PART + 1
    assert reassembly.add(KEY, piece(1, b"a"), 0).duplicate
    assert reassembly.waiting(KEY, piece(1, b"a")) is first
    reassembly.withdraw(KEY, first)
    assert (len(reassembly), reassembly.octets) == (0, 0)
    reassembly.withdraw(KEY, first)
    assert reassembly.add(KEY, second, 0).released == []
    assert reassembly.add(KEY, first, 0).released[0].complete
