"""Text to octets and back."""

from __future__ import annotations

import pytest

from smscd.errors import TextError, Unencodable
from smscd.text import ALPHABETS, DATA_CODING, choose, data_coding, decode, encode, fits, recode


def test_plain_text_is_one_octet_per_septet() -> None:
    assert encode("Hello @ £ à\n", "gsm7") == b"Hello \x00 \x01 \x7f\n"


@pytest.mark.parametrize("text", ["€", "a€b", "€[", "[x]", "ΔΦ€", "x" * 159 + "~", "é€Ω^"])
def test_every_way_through_the_encoder_comes_back(text: str) -> None:
    assert decode(encode(text, "gsm7"), "gsm7") == text


@pytest.mark.parametrize(
    ("text", "position", "name"),
    [
        ("abcЖ", 3, "U+0416 CYRILLIC CAPITAL LETTER ZHE"),
        ("`", 0, "U+0060 GRAVE ACCENT"),
        ("a\x80", 1, "U+0080"),
        ("€\x80", 1, "U+0080"),
        ("a\0", 1, "U+0000"),
        ("Ω\0Ж", 1, "U+0000"),
        ("ΩЖ\0", 1, "U+0416"),
        ("€ç", 1, "U+00E7 LATIN SMALL LETTER C WITH CEDILLA"),
        ("Ωç", 1, "U+00E7"),
        ("\x1b", 0, "U+001B"),
        ("😀", 0, "U+1F600 GRINNING FACE"),
    ],
)
def test_a_character_that_does_not_fit_is_named_with_its_position(text: str, position: int, name: str) -> None:
    with pytest.raises(Unencodable, match=f"{name}.* at position {position} is not in gsm7".replace("+", r"\+")):
        encode(text, "gsm7")
    assert not fits(text, "gsm7")


@pytest.mark.parametrize(
    ("text", "alphabet"), [("é", "ascii"), ("€", "latin1"), ("\ud83d", "ucs2"), ("Ω", "octet"), ("я", "hebrew")]
)
def test_other_alphabets_name_it_too(text: str, alphabet: str) -> None:
    with pytest.raises(Unencodable, match=f"at position 1 is not in {alphabet}"):
        encode("a" + text, alphabet)  # type: ignore[arg-type]  # parametrised by name
    assert not fits(text, alphabet)  # type: ignore[arg-type]


def test_an_alphabet_that_does_not_exist_is_a_fault_of_ours() -> None:
    with pytest.raises(TextError, match="no alphabet 'gsm8'"):
        encode("x", "gsm8")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        ("1b1b", " "),  # reserved for another extension table: a space (table 6.2.1.1 note 1)
        ("411b", "A "),  # an escape with nothing behind it
        ("1b41", "A"),  # no such cell in the extension table: the default table's character
        ("1b0d", "\r"),  # CR2 is no character
        ("1b1b65", " e"),  # the pair is ESC ESC; what follows stands for itself
        ("1b1b1b65", " €"),
        ("80", "\ufffd"),  # no septet
        ("1b80", " \ufffd"),
        ("41ff42", "A\ufffdB"),
    ],
)
def test_what_a_receiver_shows_for_septets_without_a_character(octets: str, shown: str) -> None:
    assert decode(bytes.fromhex(octets), "gsm7") == shown


def test_an_unused_cell_of_a_locking_table_is_a_space() -> None:
    assert decode(b"\x0c", "gsm7", locking=4) == " "  # Bengali
    assert decode(b"\x1b\x0c", "gsm7", locking=4, single=1) == " "


def test_national_tables_are_chosen_by_language() -> None:
    assert encode("ğ", "gsm7", single=1) == b"\x1b\x67"
    assert encode("ğ", "gsm7", locking=1) == b"\x0c"
    assert encode("€", "gsm7", locking=1) == b"\x04"
    assert encode("â", "gsm7", single=3) == b"\x1b\x7f"
    assert encode("नमस्ते", "gsm7", locking=6) == b"\x2f\x42\x4c\x5f\x27\x59"
    assert decode(b"\x2f\x42\x4c\x5f\x27\x59", "gsm7", locking=6) == "नमस्ते"
    with pytest.raises(Unencodable, match="U\\+0080"):
        encode("\x80", "gsm7", locking=1)


def test_a_language_without_that_table_means_the_default_one() -> None:
    assert encode("Å", "gsm7", locking=2) == encode("Å", "gsm7")
    assert decode(b"\x1b\x65", "gsm7", single=200) == "€"


def test_ucs2_is_big_endian_and_loses_its_byte_order_mark() -> None:
    assert encode("Ж😀", "ucs2") == bytes.fromhex("0416d83dde00")
    assert decode(bytes.fromhex("feff0416"), "ucs2") == "Ж"
    assert decode(bytes.fromhex("feff0416feff"), "ucs2") == "Ж\ufeff"


def test_little_endian_only_where_the_link_says_so() -> None:
    little = bytes.fromhex("fffe1604")
    assert decode(little, "ucs2") != "Ж"
    assert decode(little, "ucs2", byte_order="little") == "Ж"
    assert decode(little, "ucs2", byte_order="bom") == "Ж"
    assert decode(bytes.fromhex("0416"), "ucs2", byte_order="bom") == "Ж"


def test_lone_surrogates_and_odd_octets_are_shown_as_replacements() -> None:
    assert decode(bytes.fromhex("d83d0041"), "ucs2") == "\ufffdA"
    assert decode(bytes.fromhex("de000041"), "ucs2") == "\ufffdA"
    assert decode(bytes.fromhex("004100"), "ucs2") == "A\ufffd"


@pytest.mark.parametrize(
    ("alphabet", "text"),
    [
        ("jis", "日本"),
        ("cyrillic", "Привет"),
        ("hebrew", "שלום"),
        ("pictogram", "日"),
        ("iso-2022-jp", "日本"),
        ("jis-x0212", "丂"),
        ("ks-c-5601", "한국"),
        ("octet", "\x00\xff"),
    ],
)
def test_rare_alphabets_go_through_python_codecs(alphabet: str, text: str) -> None:
    assert decode(encode(text, alphabet), alphabet) == text  # type: ignore[arg-type]  # parametrised by name


def test_each_alphabet_is_what_its_data_coding_says() -> None:
    assert set(DATA_CODING) == set(ALPHABETS)
    for alphabet, value in DATA_CODING.items():
        assert data_coding(value).alphabet == alphabet


@pytest.mark.parametrize(
    ("text", "default", "chosen"),
    [
        ("Hello €", "gsm7", ("gsm7", 0)),
        ("Привет", "gsm7", ("ucs2", 8)),
        ("Hello", "latin1", ("latin1", 0)),
        ("ça", "latin1", ("ucs2", 8)),  # GSM has no small c cedilla: the handset would lose it
        ("a`b", "ascii", ("ucs2", 8)),
        ("", "gsm7", ("gsm7", 0)),
    ],
)
def test_the_narrowest_alphabet_that_reaches_the_handset_is_chosen(
    text: str, default: str, chosen: tuple[str, int]
) -> None:
    assert choose(text, default) == chosen  # type: ignore[arg-type]  # parametrised by name


def test_latin1_is_used_whole_where_the_far_side_is_no_gsm_handset() -> None:
    assert choose("ça", "latin1", handset=False) == ("latin1", 0)


def test_what_data_coding_0_means_changes_from_link_to_link() -> None:
    assert recode(b"a@b", "latin1", "gsm7") == (b"a\0b", 0)
    assert recode(b"a\0b", "gsm7", "latin1") == (b"a@b", 0)
    assert recode("\xa9".encode("latin-1"), "latin1", "gsm7") == (b"\0\xa9", 8)
    assert recode(b"\5\0\3\0\2\1@", "latin1", "gsm7", udhi=True) == (b"\5\0\3\0\2\1\0", 0)
    assert recode(b"", "latin1", "gsm7", udhi=True) == (b"", 0)
