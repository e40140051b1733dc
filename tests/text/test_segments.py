"""Long messages in parts."""

from __future__ import annotations

import pytest

from smscd.errors import TextTooLong, Unencodable
from smscd.text import (
    DATA_CODING,
    InformationElement,
    build_udh,
    concatenation,
    concatenation_element,
    count_segments,
    decode,
    encode,
    parse_udh,
    room,
    segment,
)
from smscd.text.alphabets import Alphabet
from smscd.text.segments import How

PORTS = InformationElement(0x05, bytes.fromhex("23f00000"))


@pytest.mark.parametrize(
    ("alphabet", "alone", "beside_8", "beside_16"),
    [("gsm7", 160, 153, 152), ("ascii", 160, 153, 152), ("octet", 140, 134, 133), ("latin1", 140, 134, 133)],
)
def test_the_room_in_a_part_is_exact(alphabet: Alphabet, alone: int, beside_8: int, beside_16: int) -> None:
    assert (room(alphabet), room(alphabet, 6), room(alphabet, 7)) == (alone, beside_8, beside_16)


def test_the_room_in_a_part_of_ucs2_is_counted_in_whole_units() -> None:
    assert (room("ucs2"), room("ucs2", 6), room("ucs2", 7)) == (2 * 70, 2 * 67, 2 * 66)


@pytest.mark.parametrize(
    ("alphabet", "character", "alone", "beside_8", "beside_16"),
    [("gsm7", "x", 160, 153, 152), ("ucs2", "Ж", 70, 67, 66), ("octet", "x", 140, 134, 133)],
)
@pytest.mark.parametrize("how", ["udh8", "udh16", "sar"])
def test_the_limits_are_where_everybody_expects_them(
    alphabet: Alphabet, character: str, alone: int, beside_8: int, beside_16: int, how: How
) -> None:
    part = beside_16 if how == "udh16" else beside_8
    assert len(segment(character * alone, alphabet, how=how)) == 1
    assert len(segment(character * (alone + 1), alphabet, how=how)) == 2
    assert len(segment(character * (2 * part), alphabet, how=how)) == 2
    assert len(segment(character * (2 * part + 1), alphabet, how=how)) == 3


def test_a_part_carries_its_header_and_its_place() -> None:
    first, second = segment("x" * 200, "gsm7", 0xA5)
    assert first.octets == bytes.fromhex("050003a50201") + b"x" * 153
    assert second.octets == bytes.fromhex("050003a50202") + b"x" * 47
    assert (first.udhi, first.number, first.total, first.reference) == (True, 1, 2, 0xA5)
    assert (second.udhi, second.number, second.total, second.reference) == (True, 2, 2, 0xA5)


def test_a_wide_reference_is_written_wide() -> None:
    first, _ = segment("x" * 200, "gsm7", 0x1A5, how="udh16")
    assert first.octets == bytes.fromhex("06080401a50201") + b"x" * 152


def test_an_8_bit_reference_is_cut_to_its_width() -> None:
    assert {part.reference for part in segment("x" * 200, "gsm7", 0x1A5)} == {0xA5}


def test_sar_parts_have_no_header_and_room_for_the_one_their_reference_needs() -> None:
    narrow = segment("x" * 200, "gsm7", 0xFF, how="sar")
    wide = segment("x" * 200, "gsm7", 0x100, how="sar")
    assert [len(part.octets) for part in narrow] == [153, 47]
    assert [len(part.octets) for part in wide] == [152, 48]
    assert not any(part.udhi for part in [*narrow, *wide])
    assert [(part.number, part.total, part.reference) for part in wide] == [(1, 2, 0x100), (2, 2, 0x100)]


def test_a_payload_is_one_part_of_any_length() -> None:
    (part,) = segment("x" * 1000, "gsm7", how="payload")
    assert part.octets == b"x" * 1000
    assert (part.udhi, part.total) == (False, 1)


def test_an_escape_pair_is_never_cut() -> None:
    first, second = segment("x" * 152 + "€" + "y" * 10, "gsm7")
    assert first.octets[6:] == b"x" * 152
    assert second.octets[6:] == b"\x1b\x65" + b"y" * 10


def test_a_pair_of_escapes_is_a_pair() -> None:
    first, second = segment(b"x" * 151 + b"\x1b\x1b" + b"y" * 10, "gsm7")
    assert first.octets[6:] == b"x" * 151 + b"\x1b\x1b"
    first, second = segment(b"x" * 150 + b"\x1b\x1b\x1b\x65" + b"y" * 10, "gsm7")
    assert first.octets[6:] == b"x" * 150 + b"\x1b\x1b"
    assert second.octets[6:] == b"\x1b\x65" + b"y" * 10


def test_a_surrogate_pair_is_never_cut() -> None:
    first, second = segment("x" * 66 + "😀" + "y" * 10, "ucs2")
    assert decode(first.octets[6:], "ucs2") == "x" * 66
    assert decode(second.octets[6:], "ucs2") == "😀" + "y" * 10


@pytest.mark.parametrize("cluster", ["e\u0301", "👍🏽", "👨\u200d👩\u200d👧", "🇩🇪", "❤\ufe0f", "\r\n"])
def test_a_character_of_several_code_points_stays_whole_where_it_can(cluster: str) -> None:
    units = len(encode(cluster, "ucs2")) // 2
    for inside in range(1, units):
        text = "x" * (67 - inside) + cluster + "y" * 10
        parts = [decode(part.octets[6:], "ucs2") for part in segment(text, "ucs2")]
        assert parts == ["x" * (67 - inside), cluster + "y" * 10]


def test_flags_are_kept_together_two_by_two() -> None:
    text = "x" + "🇩🇪" * 20
    parts = [decode(part.octets[6:], "ucs2") for part in segment(text, "ucs2")]
    assert parts == ["x" + "🇩🇪" * 16, "🇩🇪" * 4]


def test_no_further_part_is_spent_on_keeping_a_character_whole() -> None:
    text = "x" * 66 + "e\u0301" + "y" * 66  # 134 units: exactly two parts if cut before the accent
    assert [len(part.octets) for part in segment(text, "ucs2")] == [140, 140]


def test_a_text_that_is_all_accents_is_cut_all_the_same() -> None:
    text = "e" + "\u0301" * 200
    assert "".join(decode(part.octets[6:], "ucs2") for part in segment(text, "ucs2")) == text


@pytest.mark.parametrize("data", range(100, 129))
def test_a_part_with_little_room_is_cut_in_order_all_the_same(data: int) -> None:
    text = "e\u0301" * 30 + "👨\u200d👩\u200d👧" * 5
    parts = segment(text, "ucs2", elements=(InformationElement(0x70, bytes(data)),))
    pieces = [parse_udh(part.octets)[1] for part in parts]
    assert all(pieces)
    assert b"".join(pieces) == encode(text, "ucs2")
    assert all(len(part.octets) <= 140 for part in parts)


def test_other_elements_take_their_room_in_every_part() -> None:
    parts = segment("x" * 200, "octet", 7, elements=(PORTS,))
    for part in parts:
        elements, _ = parse_udh(part.octets)
        assert PORTS in elements
        assert concatenation(elements) == (7, 8, 2, part.number)
        assert len(part.octets) <= 140
    assert [len(part.octets) for part in parts] == [140, 12 + 200 - 128]


def test_a_short_message_with_elements_has_a_header_and_no_concatenation() -> None:
    (part,) = segment("x" * 133, "octet", elements=(PORTS,))
    assert part.udhi
    assert part.octets == build_udh((PORTS,)) + b"x" * 133
    assert len(segment("x" * 134, "octet", elements=(PORTS,))) == 2


def test_a_concatenation_among_the_elements_is_replaced() -> None:
    parts = segment("x" * 200, "gsm7", 9, elements=(concatenation_element(1, 8, 5, 4), PORTS))
    for part in parts:
        elements, _ = parse_udh(part.octets)
        assert [element.identifier for element in elements] == [0x00, 0x05]


def test_national_tables_are_announced_in_every_part_and_take_their_room() -> None:
    # 4 octets of header (UDHL and one element): 160 - 5 septets
    assert len(segment("ğ" * 155, "gsm7", locking=1)) == 1
    parts = segment("ğ" * 156, "gsm7", locking=1)
    assert len(parts) == 2
    for part in parts:
        elements, _ = parse_udh(part.octets)
        assert InformationElement(0x25, b"\x01") in elements
    # 6 + 3 octets of header: 149 septets in a part
    assert len(parts[0].octets) == 9 + 149


def test_more_than_255_parts_are_refused_never_cut() -> None:
    assert len(segment("x" * (255 * 153), "gsm7")) == 255
    with pytest.raises(TextTooLong, match="256 parts"):
        segment("x" * (255 * 153 + 1), "gsm7")
    with pytest.raises(TextTooLong):
        segment("x" * (255 * 153 + 1), "gsm7", how="payload")


def test_elements_that_leave_no_room_are_refused() -> None:
    with pytest.raises(TextTooLong, match="no room"):
        segment("x" * 20, "octet", elements=(InformationElement(0x70, bytes(130)),))


def test_text_that_does_not_fit_its_alphabet_is_refused() -> None:
    with pytest.raises(Unencodable):
        segment("Ж", "gsm7")


@pytest.mark.parametrize(
    ("octets", "data_coding", "segments"),
    [
        (b"", 0, 1),
        (b"x" * 160, 0, 1),
        (b"x" * 161, 0, 2),
        (b"x" * 306, 0, 2),
        (b"x" * 307, 0, 3),
        (b"x" * 160, 0xF0, 1),
        (b"x" * 160, 4, 2),
        (b"x" * 160, 3, 2),
        (b"x" * 160, 1, 1),
        (b"x" * 140, 8, 1),
        (b"x" * 142, 8, 2),
        (b"x" * 142, 0x18, 2),
        (b"\x1b\x65" * 153, 0, 3),  # 306 septets, but 76 pairs in a part
        (b"x" * 161, 0x20, 2),
    ],
)
def test_segments_are_counted_on_octets(octets: bytes, data_coding: int, segments: int) -> None:
    assert count_segments(octets, data_coding) == segments


def test_the_links_default_alphabet_decides_what_data_coding_0_counts_as() -> None:
    assert count_segments(b"x" * 150, 0, default_alphabet="latin1") == 2
    assert count_segments(b"x" * 150, 0, default_alphabet="ascii") == 1


def test_a_part_that_its_sender_has_cut_counts_one() -> None:
    for part in segment("x" * 1000, "gsm7"):
        assert count_segments(part.octets, 0, udhi=True) == 1
    for part in segment("Ж" * 300, "ucs2", how="udh16"):
        assert count_segments(part.octets, 8, udhi=True) == 1


def test_a_header_in_a_payload_is_repeated_in_every_part_it_becomes() -> None:
    payload = build_udh((PORTS,)) + b"x" * 300
    assert count_segments(payload, 4, udhi=True) == len(segment(b"x" * 300, "octet", elements=(PORTS,)))


def test_a_hopeless_header_counts_as_many_as_there_can_be() -> None:
    payload = build_udh((InformationElement(0x70, bytes(134)),)) + b"x" * 20
    assert count_segments(payload, 4, udhi=True) == 255


@pytest.mark.parametrize("alphabet", ["gsm7", "ucs2", "octet", "latin1", "ascii"])
def test_counting_agrees_with_cutting(alphabet: Alphabet) -> None:
    for length in range(0, 700, 7):
        octets = encode("x" * length, alphabet)
        assert count_segments(octets, DATA_CODING[alphabet]) == len(segment(octets, alphabet))
