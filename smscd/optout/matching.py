"""What a text asks for. Six rules in this order, the first hit wins; never a bare substring.

exact          the whole text is a keyword: "STOP", "stop all"
exact-polite   it is one once polite words are taken away: "Stop. Thank you"
category       a keyword and a word that names one category of messages: "STOP OFFERS", "OFFERS STOP"
first-word     it begins with STOP or its like and is short: "STOP 36123"
phrase         it holds a phrase as whole words: "please take me off your list"
fuzzy          its only word is a keyword with two letters swapped or one doubled: "STPO"
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Literal, NamedTuple

from smscd.optout.packs import load_pack
from smscd.optout.settings import CategorySettings, OptOutSettings
from smscd.optout.words import normalise

Action = Literal["stop", "start", "help", "flag", "ask"]
"""What is asked for; ask: to stop, as we take it, and we say that we did."""
Rule = Literal["exact", "exact-polite", "category", "first-word", "phrase", "fuzzy"]

SHORTEST_FUZZY = 4
"""Letters: a swap makes another word of anything shorter ("end" and "ned")."""


class Keyword(NamedTuple):
    """What one keyword means."""

    action: Action
    word: str
    language: str  # name of the pack that answers
    wide: bool = False  # stop: reaches the whole account
    if_stopped: bool = False  # start: only from somebody who has stopped not long ago
    category: str = ""  # stop, start: only this category of messages


class Match(NamedTuple):
    """A keyword, and the rule by which it was found; `action` is what it comes to by that rule."""

    action: Action
    keyword: Keyword
    rule: Rule


class Matcher:
    """The words of some packs and of the configuration, compiled."""

    def __init__(self, settings: OptOutSettings) -> None:
        self._settings = settings
        self._without = {normalise(word) for word in settings.without}
        self._exact: dict[str, Keyword] = {}
        self._first: dict[str, Keyword] = {}
        self._phrases: dict[str, Keyword] = {}
        polite: set[str] = set()
        for name in settings.packs:
            pack = load_pack(name)
            self._add(Keyword("stop", "", name, wide=True), pack.stop_wide)
            self._add(Keyword("stop", "", name), pack.stop)
            self._add(Keyword("start", "", name), pack.start)
            self._add(Keyword("start", "", name, if_stopped=True), pack.start_if_stopped)
            self._add(Keyword("help", "", name), pack.help)
            self._add(Keyword("stop", "", name), pack.phrases, self._phrases)
            self._add(Keyword("stop", "", name), pack.first_word, self._first)
            polite.update(map(normalise, pack.polite))
        own = settings.packs[0] if settings.packs else "us"
        for action, words in (("stop", settings.stop), ("start", settings.start), ("help", settings.help)):
            self._add(Keyword(action, "", own), words)  # type: ignore[arg-type]  # one of the three words above
        self._add(Keyword("stop", "", own), settings.phrases, self._phrases)
        self._polite = sorted((f" {word} " for word in polite), key=len, reverse=True)
        self._first = {word: self._exact.get(word, keyword) for word, keyword in self._first.items()}
        self._fuzzy = dict(self._misspelt())
        self._of_category = {one.name: dict(self._naming(one)) for one in settings.category}

    def _add(self, keyword: Keyword, words: Iterable[str], to: dict[str, Keyword] | None = None) -> None:
        """The first pack that has a word says what it means."""
        target = self._exact if to is None else to
        for word in map(normalise, words):
            if word and word not in self._without:
                target.setdefault(word, keyword._replace(word=word))

    def _naming(self, category: CategorySettings) -> Iterator[tuple[str, Keyword]]:
        """The keywords with what names the category behind them, or before them as on a shared short code."""
        for name in map(normalise, category.words):
            for word, keyword in self._exact.items():
                if not keyword.wide and not keyword.if_stopped:
                    of_it = keyword._replace(category=category.name)
                    yield f"{word} {name}", of_it
                    yield f"{name} {word}", of_it

    def _misspelt(self) -> Iterator[tuple[str, Keyword]]:
        for word, keyword in self._exact.items():
            if keyword.action == "stop" and len(word) >= SHORTEST_FUZZY and " " not in word:
                for variant in misspellings(word):
                    if variant not in self._exact:
                        yield variant, keyword

    def match(self, characters: str, categories: Collection[str] = ()) -> Match | None:
        """What `characters` ask for, or None if it is an ordinary message.

        `categories` are the names of those that the number written to may have.
        """
        body = normalise(characters)
        if not body:
            return None
        if (keyword := self._exact.get(body)) is not None:
            return Match(keyword.action, keyword, "exact")
        bare = self._without_politeness(body) if self._settings.polite else body
        if (keyword := self._exact.get(bare)) is not None:
            return Match(keyword.action, keyword, "exact-polite")
        for name in categories:
            if (keyword := self._of_category[name].get(bare)) is not None:
                return Match(keyword.action, keyword, "category")
        words = bare.split()
        if 0 < len(words) <= self._settings.first_word and (keyword := self._first.get(words[0])) is not None:
            return Match("stop", keyword, "first-word")
        return self._phrase(body) or self._nearly(bare)

    def _without_politeness(self, body: str) -> str:
        padded = f" {body} "
        for word in self._polite:
            while word in padded:
                padded = padded.replace(word, " ")
        return padded.strip()

    def _phrase(self, body: str) -> Match | None:
        action = self._settings.phrase_action
        if action == "off":
            return None
        padded = f" {body} "
        found = next((keyword for phrase, keyword in self._phrases.items() if f" {phrase} " in padded), None)
        return None if found is None else Match(action, found, "phrase")

    def _nearly(self, bare: str) -> Match | None:
        action = self._settings.fuzzy_action
        keyword = None if action == "off" else self._fuzzy.get(bare)
        return None if keyword is None or action == "off" else Match(action, keyword, "fuzzy")


def misspellings(word: str) -> Iterator[str]:
    """`word` with two neighbouring letters swapped, and with one doubled."""
    for at in range(len(word)):
        yield word[: at + 1] + word[at:]
        if at and word[at - 1] != word[at]:
            yield word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
