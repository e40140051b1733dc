"""Look-alikes."""

from __future__ import annotations

import pytest

from smscd.text import fits, transliterate
from smscd.text.translit import _LOOK_ALIKES


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain €", "plain €"),
        ("“Don’t” – wait…", '"Don\'t" - wait...'),
        ("façade, őr, Łódź, çok", "facade, or, Lodz, cok"),
        ("café ñ ü", "café ñ ü"),
        ("cafe\u0301", "café"),
        ("a\u00a0b\u200bc", "a bc"),
        ("½ kg², ﬁ", "1/2 kg2, fi"),
        ("Αθήνα", "AΘHNA"),
        ("Straẞe № 5™", "Straße No 5(TM)"),
        ("`x´", "'x'"),
    ],
)
def test_a_text_gets_its_look_alike(text: str, shown: str) -> None:
    assert transliterate(text) == shown
    assert fits(shown, "gsm7")


@pytest.mark.parametrize("text", ["Привет й", "日本", "नमस्ते", "😀"])
def test_what_has_no_look_alike_stays(text: str) -> None:
    assert transliterate(text) == text
    assert not fits(transliterate(text), "gsm7")


def test_every_look_alike_is_gsm_and_stands_for_something_that_is_not() -> None:
    for character, shown in _LOOK_ALIKES.items():
        assert fits(shown, "gsm7"), character
        assert not fits(character, "gsm7"), character
