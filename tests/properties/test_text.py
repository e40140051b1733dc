"""What holds for every text, every octet string and every order of parts."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from smscd.errors import TextError
from smscd.text import (
    ALPHABETS,
    DATA_CODING,
    LANGUAGES,
    Elements,
    InformationElement,
    Reassembly,
    build_udh,
    choose,
    count_segments,
    data_coding,
    decode,
    encode,
    fill_bits,
    fits,
    fragment_of,
    national_tables,
    pack,
    parse_udh,
    read_udh,
    segment,
    transliterate,
    unpack,
    without_concatenation,
)
from smscd.text.alphabets import Alphabet
from smscd.text.reassembly import PART
from smscd.text.segments import How
from smscd.text.tables import LOCKING, SINGLE

ESC = 0x1B
languages = st.sampled_from(sorted(LANGUAGES.values()))
alphabets = st.sampled_from(ALPHABETS)
hows: st.SearchStrategy[How] = st.sampled_from(["udh8", "udh16", "sar"])
elements: st.SearchStrategy[Elements] = st.lists(
    st.builds(
        InformationElement,
        st.integers(0, 255).filter(lambda identifier: identifier not in {0x00, 0x08, 0x24, 0x25}),
        st.one_of(st.binary(max_size=12), st.integers(0, 36).map(bytes)),
    ),
    max_size=3,
).map(tuple)

plain = "".join(sorted(set(LOCKING[0].values())))
shifted = "".join(sorted(set(SINGLE[0].values())))


def long_text(characters: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Texts of some hundred characters: short stretches, each repeated (plain st.text is nearly always short)."""
    stretch = st.tuples(st.text(characters, min_size=1, max_size=4), st.integers(1, 90))
    return st.lists(stretch, max_size=8).map(lambda stretches: "".join(text * times for text, times in stretches))


gsm_text = long_text(st.one_of(st.sampled_from(plain), st.sampled_from(shifted)))
ucs2_text = long_text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("xЖ日😀👍🏽\u200d\u0301\ufe0f🇩🇪\ufeff")))
messages: st.SearchStrategy[tuple[Alphabet, str]] = st.one_of(
    st.tuples(st.just("gsm7"), gsm_text),
    st.tuples(st.just("ucs2"), ucs2_text),
    st.tuples(st.just("octet"), long_text(st.characters(max_codepoint=0xFF))),
)


@st.composite
def national(draw: st.DrawFn) -> tuple[str, int, int]:
    """A text in the tables of some language pair, and the pair."""
    locking, single = draw(languages), draw(languages)
    repertoire = [*LOCKING.get(locking, LOCKING[0]).values(), *SINGLE[single].values()]
    return draw(st.text(st.sampled_from(sorted(set(repertoire))), max_size=300)), locking, single


@given(gsm_text)
def test_gsm_text_comes_back(text: str) -> None:
    assert fits(text, "gsm7")
    assert decode(encode(text, "gsm7"), "gsm7") == text


@given(national())
def test_national_text_comes_back_through_its_tables(case: tuple[str, int, int]) -> None:
    text, locking, single = case
    octets = encode(text, "gsm7", locking=locking, single=single)
    assert octets.isascii()
    assert decode(octets, "gsm7", locking=locking, single=single) == text


@given(alphabets, st.text(max_size=200))
def test_text_fits_exactly_if_it_encodes(alphabet: Alphabet, text: str) -> None:
    try:
        octets = encode(text, alphabet)
    except TextError:
        assert not fits(text, alphabet)
    else:
        assert fits(text, alphabet)
        if alphabet in {"gsm7", "ascii", "latin1", "octet"} or (alphabet == "ucs2" and not text.startswith("\ufeff")):
            assert decode(octets, alphabet) == text


@given(st.text(max_size=200))
def test_whatever_is_chosen_carries_the_text(text: str) -> None:
    if any("\ud800" <= character <= "\udfff" for character in text):
        return
    alphabet, value = choose(text)
    octets = encode(text, alphabet)
    assert data_coding(value).alphabet == alphabet
    assert decode(octets, alphabet) == text.removeprefix("\ufeff")


@given(st.binary(max_size=300), alphabets, st.integers(0, 255), st.integers(0, 255))
def test_decoding_never_raises(octets: bytes, alphabet: Alphabet, locking: int, single: int) -> None:
    text = decode(octets, alphabet, locking=locking, single=single)
    text.encode()  # no lone surrogate that would break a log or a JSON line


@given(st.binary(max_size=300).map(lambda octets: bytes(octet & 0x7F for octet in octets)), st.integers(0, 6))
def test_packed_septets_come_out_again(septets: bytes, fill: int) -> None:
    assert unpack(pack(septets, fill), len(septets), fill) == septets


@given(st.binary(max_size=100), st.integers(0, 6), st.booleans())
def test_unpacking_anything_gives_septets(octets: bytes, fill: int, cr_padding: bool) -> None:
    assert unpack(octets, None, fill, cr_padding=cr_padding).isascii()


@given(st.binary(max_size=150).map(lambda octets: bytes(octet & 0x7F for octet in octets)))
def test_a_padded_message_never_ends_in_an_at_sign_of_its_own_making(septets: bytes) -> None:
    read = unpack(pack(septets, cr_padding=True), cr_padding=True)
    assert read == septets or (septets.endswith(b"\r") and read == septets + b"\r")


@given(elements, st.binary(max_size=50))
def test_a_header_is_read_as_it_was_written(given_elements: Elements, text: bytes) -> None:
    header = build_udh(given_elements)
    if header:
        assert parse_udh(header + text) == (given_elements, text)


@given(st.binary(max_size=60))
def test_any_octets_are_read_as_some_header_and_text(octets: bytes) -> None:
    found, text = read_udh(octets)
    assert octets.endswith(text)
    try:
        strict = parse_udh(octets)
    except TextError:
        assert found == ()
    else:
        assert strict == (found, text)
        assert build_udh(found) + text == octets or octets[0] == 0


@given(messages, st.integers(0, 0xFFFF), hows, elements)
def test_the_parts_are_within_limits_and_make_the_whole(
    message: tuple[Alphabet, str], reference: int, how: How, others: Elements
) -> None:
    alphabet, text = message
    octets = encode(text, alphabet)
    parts = segment(text, alphabet, reference, how=how, elements=others)
    pieces = []
    for number, part in enumerate(parts, start=1):
        found, piece = parse_udh(part.octets) if part.udhi else ((), part.octets)
        header = len(part.octets) - len(piece)
        if how == "sar" and len(parts) > 1:
            header = (header or 1) + (5 if reference < 256 else 6)
        if alphabet == "gsm7":
            assert len(pack(piece, fill_bits(header))) + header <= 140
            escapes = len(piece) - len(piece.rstrip(b"\x1b"))
            assert escapes % 2 == 0, "a part ends on an escape"
        else:
            assert len(piece) + header <= 140
        if alphabet == "ucs2":
            piece.decode("utf-16-be")  # raises if a surrogate pair was cut
        assert without_concatenation(found) == others
        assert (part.number, part.total) == (number, len(parts))
        pieces.append(piece)
    assert b"".join(pieces) == octets
    assert len(parts) == 1 or all(pieces)


@given(messages, elements)
def test_counting_is_cutting(message: tuple[Alphabet, str], others: Elements) -> None:
    alphabet, text = message
    octets = encode(text, alphabet)
    assert count_segments(octets, DATA_CODING[alphabet]) == len(segment(octets, alphabet))
    header = build_udh(others)
    counted = count_segments(header + octets, DATA_CODING[alphabet], udhi=bool(others))
    assert counted == len(segment(octets, alphabet, elements=others))


@given(st.binary(max_size=600), st.integers(0, 255), st.booleans())
def test_counting_never_raises(octets: bytes, value: int, udhi: bool) -> None:
    assert 1 <= count_segments(octets, value, udhi) <= 255


def test_parts_in_any_order_with_repetitions_make_the_message() -> None:
    parts_seen: Counter[int] = Counter()

    @given(messages, st.integers(0, 0xFFFF), hows, st.randoms())
    def they_do(message: tuple[Alphabet, str], reference: int, how: How, random: Random) -> None:
        alphabet, text = message
        parts = segment(text, alphabet, reference, how=how)
        parts_seen[len(parts)] += 1
        if len(parts) == 1:
            return
        value = DATA_CODING[alphabet]
        order = parts + random.choices(parts, k=len(parts))
        random.shuffle(order)
        reassembly = Reassembly(600)
        released = []
        for at, part in enumerate(order):
            sar = (part.reference, part.total, part.number) if how == "sar" else None
            fragment = fragment_of(part.octets, value, part.udhi, sar)
            assert fragment is not None
            released += reassembly.add("key", fragment, at).released
        assert released
        for whole in released:  # all parts twice over may make it twice: then it was sent twice
            assert whole.complete
            assert whole.text() == (text.removeprefix("\ufeff") if alphabet == "ucs2" else text)
            assert whole.joined() == (encode(text, alphabet), value, ())
        assert {left.why for left in reassembly.expire(10_000)} <= {"repeated"}
        assert (len(reassembly), reassembly.octets) == (0, 0)

    they_do()
    assert sum(times for parts, times in parts_seen.items() if parts > 2) > 10, "the texts are too short to prove much"


@given(
    st.lists(
        st.tuples(
            st.integers(0, 3),
            st.integers(0, 1),
            st.integers(1, 4),
            st.integers(1, 4),
            st.sampled_from([b"a", b"b", b"c"]),
        ),
        max_size=60,
    )
)
def test_every_fragment_is_waiting_or_released_exactly_once(arrivals: list[tuple[int, int, int, int, bytes]]) -> None:
    reassembly = Reassembly(20, most_sets=3, most_octets=8 * PART)
    taken: Counter[object] = Counter()
    given_back: Counter[object] = Counter()
    for now, (key, reference, total, number, octets) in enumerate(arrivals):
        fragment = fragment_of(octets, 0, sar=(reference, total, number), tag=now)
        if fragment is None:
            continue
        duplicate, released = reassembly.add(key, fragment, now)
        if not duplicate:
            taken[now] += 1
        for whole in [*released, *reassembly.expire(now)]:
            assert whole.complete == (whole.missing == [])
            assert all(
                before.concatenation.number < after.concatenation.number for before, after in pairwise(whole.fragments)
            )
            given_back.update(fragment.tag for fragment in whole.fragments)
        assert len(reassembly) <= 3
        assert reassembly.octets <= 8 * PART
    for whole in reassembly.expire(10_000):
        given_back.update(fragment.tag for fragment in whole.fragments)
    assert given_back == taken


@given(st.text(max_size=100))
def test_transliterating_twice_changes_nothing_more(text: str) -> None:
    once = transliterate(text)
    assert transliterate(once) == once
    if fits(text, "gsm7"):
        assert once == text


@given(st.binary(max_size=40))
def test_the_tables_a_header_selects_are_octets(octets: bytes) -> None:
    locking, single = national_tables(read_udh(octets)[0])
    assert 0 <= locking <= 255
    assert 0 <= single <= 255
