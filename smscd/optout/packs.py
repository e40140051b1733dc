"""Keyword packs: one TOML file per country or language, in the directory `keywords` beside this module."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DIRECTORY = Path(__file__).with_name("keywords")
REVIEWED = ("us", "ca", "fr", "es", "pt")
"""Packs whose words are sourced. The others are proposals: nobody should rely on them unread."""


@dataclass(frozen=True, slots=True)
class Pack:
    """What one file says; words as they are written there, which is not how they are compared."""

    language: str
    reviewed: bool
    stop: tuple[str, ...]
    stop_wide: tuple[str, ...]
    """Stop words that widen the row to the whole account."""
    first_word: tuple[str, ...]
    """Stop words that count at the beginning of a short message too."""
    start: tuple[str, ...]
    start_if_stopped: tuple[str, ...]
    """Ordinary words that mean start only from somebody who has stopped not long ago."""
    help: tuple[str, ...]
    polite: tuple[str, ...]
    phrases: tuple[str, ...]
    answers: dict[str, str]
    """What answers "stop", "start", "help", a STOP to one "category" of messages (with its {name}), and what was only
    taken for a STOP ("ask")."""


@cache
def load_pack(name: str) -> Pack:
    """The pack called `name`; it is part of the program, so nothing about it can be wrong."""
    document = tomllib.loads((DIRECTORY / f"{name}.toml").read_text(encoding="utf-8"))
    values: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in document.items()
    }
    return Pack(**values)
