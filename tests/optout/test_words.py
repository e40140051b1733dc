"""What counts as a keyword, and what does not."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smscd import text
from smscd.optout import REVIEWED, Matcher, OptOutSettings, load_pack, normalise
from smscd.optout.packs import DIRECTORY

PACKS = sorted(path.stem for path in DIRECTORY.glob("*.toml"))
NORTH_AMERICA = Matcher(OptOutSettings(packs=["us", "ca"]))


def asked(characters: str, **settings: Any) -> tuple[str, str, str] | None:
    """(action, keyword, rule) of a text, with the US and Canadian packs unless told otherwise."""
    matcher = Matcher(OptOutSettings(**{"packs": ["us", "ca"], **settings})) if settings else NORTH_AMERICA
    match = matcher.match(characters)
    return None if match is None else (match.action, match.keyword.word, match.rule)


@pytest.mark.parametrize(
    "characters",
    [
        "STOP", "stop", " Stop. ", '"STOP"', "stop 🛑️", "ＳＴＯＰ", "STOP\0", "st\u200bop", "STOP!!!", "stóp",
        "Stop\r\n", "*STOP*", "(stop)",
    ],
)  # fmt: skip
def test_stop_is_stop_however_it_is_dressed(characters: str) -> None:
    assert asked(characters) == ("stop", "stop", "exact")


@pytest.mark.parametrize(
    ("characters", "expected"),
    [
        ("ARRÊT", ("stop", "arret", "exact")),
        ("arret", ("stop", "arret", "exact")),
        ("Stop all", ("stop", "stop all", "exact")),
        ("OPT-OUT", ("stop", "opt out", "exact")),
        ("Stop. Thank you", ("stop", "stop", "exact-polite")),
        ("please stop please", ("stop", "stop", "exact-polite")),
        ("Arrêt svp", ("stop", "arret", "exact-polite")),
        ("STOP 12345", ("stop", "stop", "first-word")),
        ("stop texting me", ("stop", "stop", "first-word")),
        ("unstop", ("start", "unstop", "exact")),
        ("Aide", ("help", "aide", "exact")),
        ("please stop sending text reminders", ("flag", "stop sending", "phrase")),
        ("You can take me off your list", ("flag", "take me off", "phrase")),
        ("don’t contact me again", ("flag", "don t contact me", "phrase")),
        ("STPO", ("flag", "stop", "fuzzy")),
        ("SOTP", ("flag", "stop", "fuzzy")),
        ("STOPP", ("flag", "stop", "fuzzy")),
    ],
)
def test_a_keyword_is_found_by_the_first_rule_that_fits(characters: str, expected: tuple[str, str, str]) -> None:
    assert asked(characters) == expected


@pytest.mark.parametrize(
    "characters",
    [
        "we have to STOP this bill", "Count me in! We have got to STOP this terrible bill", "cancel my appointment",
        "The end of the line", "", "   ", "🛑", "nonstop", "stopover", "What is the bus stop called?", "s.t.o.p",
        "I will quit smoking tomorrow", "yes please I will come", "ned",
    ],
)  # fmt: skip
def test_an_ordinary_text_asks_for_nothing(characters: str) -> None:
    assert asked(characters) is None


def test_what_the_rules_do_can_be_configured() -> None:
    assert asked("STPO", fuzzy_action="stop") == ("stop", "stop", "fuzzy")
    assert asked("STPO", fuzzy_action="off") is None
    assert asked("lose my number", phrase_action="stop") == ("stop", "lose my number", "phrase")
    assert asked("lose my number", phrase_action="off") is None
    assert asked("STOP 12345", first_word=0) is None
    assert asked("Stop. Thank you", polite=False) == ("stop", "stop", "first-word")
    assert asked("END", without=["end"]) is None
    assert asked("¡Baja!", stop=["BAJA"]) == ("stop", "baja", "exact")
    assert asked("adios", packs=[], stop=["adiós"]) == ("stop", "adios", "exact")


def test_stopall_is_wide_and_stop_is_not() -> None:
    wide = {word: NORTH_AMERICA.match(word).keyword.wide for word in ("STOP", "STOPALL", "stop all")}  # type: ignore[union-attr]
    assert wide == {"STOP": False, "STOPALL": True, "stop all": True}


def test_the_answer_is_in_the_language_of_the_keyword() -> None:
    match = NORTH_AMERICA.match("ARRET")
    assert match is not None
    assert load_pack(match.keyword.language).language == "fr"


@given(st.text(max_size=200))
def test_normalising_twice_is_normalising_once(characters: str) -> None:
    assert normalise(normalise(characters)) == normalise(characters)


@given(st.text())
def test_no_text_is_too_strange_to_be_read(characters: str) -> None:
    NORTH_AMERICA.match(characters)


@pytest.mark.parametrize("name", PACKS)
def test_every_answer_of_a_pack_is_one_segment(name: str) -> None:
    for characters in load_pack(name).answers.values():
        assert len(text.segment(characters, text.choose(characters)[0])) == 1, characters


@pytest.mark.parametrize("name", PACKS)
def test_an_answer_never_asks_to_stop_itself(name: str) -> None:
    """Two smscd that answer each other would not block each other's people."""
    matcher = Matcher(OptOutSettings(packs=[name]))  # type: ignore[list-item]  # names of files
    assert [matcher.match(answer) for answer in load_pack(name).answers.values()] == [None] * 5


def test_a_pack_that_nobody_reviewed_says_so() -> None:
    assert {name for name in PACKS if load_pack(name).reviewed} == set(REVIEWED)
