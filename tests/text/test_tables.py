"""The tables against sources nobody here wrote.

Independent sources, all on PyPI and read at run time:
  gsmcodecs 1.0.0      all languages, both kinds of table, drawn from TS 23.038 v18.0.0
  gsm0338 1.1.0        default alphabet, extension, Turkish, Spanish and Portuguese, drawn from v15.0.0
  smspdudecoder 2.2.0  default alphabet and extension (it needs bitstring below 5)

Ours were drawn up from other readings of the annex (the Go module warthog618/sms, Mozilla's RIL, memory of the page).
Where gsmcodecs stands alone against those and against Android's telephony framework, DEVIATIONS names the cell.
"""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from smscd.text import LANGUAGES, decode, encode, fits
from smscd.text.tables import LOCKING, LOCKING_GRIDS, SINGLE, SINGLE_GRIDS

ESC = 0x1B

# (kind, language, septet): (ours, gsmcodecs', why ours)
_COMMA = "TS 23.038, Go, Mozilla and Android have a comma, as in the default alphabet; gsmcodecs an apostrophe"
DEVIATIONS: dict[tuple[str, int, int], tuple[str, str | None, str]] = {
    **{("locking", language, 0x2C): (",", "'", _COMMA) for language in range(4, 14)},
    ("locking", 7, 0x24): (
        "\u0ca1",
        "\u0caa",
        "the printed table has PA twice and DDA never: Android notes the slip, and it, Mozilla and Go read DDA",
    ),
    ("singleShift", 12, 0x65): (
        "€",
        None,
        "the euro is there in every table; Go, Mozilla and Android have it in Telugu",
    ),
}


def foreign(module: str) -> Any:
    """A foreign source, or a loud skip."""
    try:
        return importlib.import_module(module)
    except ImportError:
        pytest.skip(f"NOT CHECKED: the foreign tables of {module} are not installed (pip install {module})")


@pytest.mark.parametrize("kind", ["locking", "singleShift"])
@pytest.mark.parametrize("language", range(14))
def test_every_national_table_is_the_one_gsmcodecs_has_but_for_named_cells(kind: str, language: int) -> None:
    charmaps = foreign("gsmcodecs.charmaps").GSMCHARMAPS
    ours = (LOCKING if kind == "locking" else SINGLE).get(language)
    theirs = charmaps[language].get(kind)
    if theirs is None:
        assert ours is None
        assert (kind, language) == ("locking", LANGUAGES["spanish"])
        return
    assert ours is not None
    table = {septet: chr(code) for septet, code in theirs["decode"].items() if septet != ESC}
    for (its_kind, its_language, septet), (our_cell, their_cell, _why) in DEVIATIONS.items():
        if (its_kind, its_language) == (kind, language):
            assert table.get(septet) == their_cell, "the foreign table has changed: is the deviation still one?"
            table[septet] = our_cell
    assert ours == table


def test_the_default_alphabet_is_the_one_gsm0338_has() -> None:
    foreign("gsm0338")
    for septet in [*range(ESC), *range(ESC + 1, 128)]:
        octet = bytes((septet,))
        assert decode(octet, "gsm7") == octet.decode("gsm03.38"), f"septet {septet:#04x}"
    for septet, character in SINGLE[0].items():
        assert bytes((ESC, septet)).decode("gsm03.38") == character


def test_the_default_alphabet_is_the_one_smspdudecoder_has() -> None:
    gsm = foreign("smspdudecoder.codecs").GSM
    assert {septet: character for septet, character in enumerate(gsm.ALPHABET) if septet != ESC} == LOCKING[0]
    assert SINGLE[0] == gsm.ALPHABET_EXT


def test_a_grid_has_sixteen_rows_of_eight_cells_and_no_unknown_word() -> None:
    words = {"LF", "CR", "FF", "SP", "ESC", "SS2", "CR2", "--"}
    for grid in [*LOCKING_GRIDS.values(), *SINGLE_GRIDS.values()]:
        rows = [row.split() for row in grid.strip().splitlines()]
        assert [len(row) for row in rows] == [8] * 16
        for cell in (cell for row in rows for cell in row):
            assert cell in words or len(cell) == 1 or chr(int(cell, 16)).isprintable() or int(cell, 16) >= 0x0600


def test_escape_line_feed_carriage_return_and_space_stand_where_every_locking_table_has_them() -> None:
    for table in LOCKING.values():
        assert ESC not in table
        assert (table[0x0A], table[0x0D], table[0x20]) == ("\n", "\r", " ")


@pytest.mark.parametrize(
    ("septets", "character"),
    [
        ("00", "@"),
        ("09", "Ç"),  # not the small one, whatever old conversion tables say
        ("24", "¤"),
        ("10", "Δ"),
        ("12", "Φ"),
        ("13", "Γ"),
        ("14", "Λ"),
        ("15", "Ω"),
        ("16", "Π"),
        ("17", "Ψ"),
        ("18", "Σ"),
        ("19", "Θ"),
        ("1a", "Ξ"),
        ("5f", "§"),
        ("60", "¿"),
        ("7f", "à"),
        ("1b0a", "\f"),
        ("1b65", "€"),
        ("1b40", "|"),
        ("1b14", "^"),
    ],
)
def test_the_tricky_cells_read_by_hand(septets: str, character: str) -> None:
    assert decode(bytes.fromhex(septets), "gsm7") == character
    assert encode(character, "gsm7") == bytes.fromhex(septets)


def test_greek_capitals_that_look_latin_are_not_encoded_as_latin() -> None:
    assert not fits("Α", "gsm7")  # U+0391
    assert not fits("ç", "gsm7")
