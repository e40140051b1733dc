"""What `[opt_out]` may say and should not."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from smscd import text
from smscd.config.fault import Fault, Path, value_text
from smscd.config.schema import Parsed
from smscd.optout import REVIEWED, Matcher, OptOutSettings, canonical, normalise
from smscd.optout.addresses import is_subscriber

OFF = "interception is off: a STOP is delivered like any other MO and blocks nothing"


def check_opt_out(parsed: Parsed, document: dict[str, Any]) -> Iterator[Fault]:
    """Faults of the section, and whether there is one."""
    settings = parsed.config.opt_out
    if "opt_out" not in document:
        yield Fault(f"there is no [opt_out] section: {OFF}", severity="warning")
    elif settings is not None and not settings.enabled:
        yield Fault(OFF, ("opt_out", "enabled"), severity="warning", value="false")
    elif settings is not None:
        yield from _words(settings)
        yield from _senders(settings)
        yield from _categories(settings, [esme.system_id for esme in parsed.config.esmes])
        yield from _texts(settings)
        for index, esme in enumerate(parsed.config.esmes):
            if esme.opt_out == "off":
                what = "its messages reach people who have opted out"
                path = parsed.path_of(esme) or ("esme", index)
                yield Fault(what, (*path, "opt_out"), severity="warning", value=value_text("off"))


def _words(settings: OptOutSettings) -> Iterator[Fault]:
    if not settings.packs and not settings.stop:
        yield Fault("and no stop keyword either: nothing would ever stop", ("opt_out", "packs"), value="[]")
    for at, name in enumerate(settings.packs):
        if name not in REVIEWED:
            what = "is a proposal that nobody has reviewed yet: read its words before you rely on them"
            yield Fault(what, ("opt_out", "packs", at), severity="warning", value=value_text(name))
    for key in ("stop", "start", "help", "phrases", "without"):
        for at, word in enumerate(getattr(settings, key)):
            if not normalise(word):
                yield Fault("has neither letter nor digit in it", ("opt_out", key, at), value=value_text(word))


def _senders(settings: OptOutSettings) -> Iterator[Fault]:
    if settings.scope == "pool" and not settings.pools:
        what = "has no pool to reach: every STOP is for one pair then"
        yield Fault(what, ("opt_out", "scope"), severity="warning", value=value_text("pool"))
    for name, number in settings.reply_number.items():
        path: Path = ("opt_out", "reply_number", name)
        if not number.removeprefix("+").isdigit():
            yield Fault("is no number that anybody could write to", path, value=value_text(number))
        elif is_subscriber(canonical(name.encode("latin-1", "replace"))):
            what = "is a number: people answer it directly"
            yield Fault(what, path, severity="warning", value=value_text(number))


def _categories(settings: OptOutSettings, accounts: list[str]) -> Iterator[Fault]:
    keywords = Matcher(settings)
    names = set(settings.pools)
    for at, category in enumerate(settings.category):
        path: Path = ("opt_out", "category", at)
        if category.name in names:
            yield Fault("is the name of a pool or category already", (*path, "name"), value=value_text(category.name))
        names.add(category.name)
        for index, word in enumerate(category.words):
            where = (*path, "words", index)
            if not normalise(word):
                yield Fault("has neither letter nor digit in it", where, value=value_text(word))
            elif (match := keywords.match(f"stop {word}")) is not None and match.rule.startswith("exact"):
                yield Fault("makes another keyword of STOP", where, value=value_text(word))
        for index, name in enumerate(category.esme):
            if name not in accounts:
                yield Fault("is no [[esme]] of this file", (*path, "esme", index), value=value_text(name))
        if not (category.senders or category.esme or category.service_type):
            yield Fault("holds every message: a STOP to it stops everything", path, severity="warning")
        if category.stop_text is not None:
            yield from _text(category.stop_text, (*path, "stop_text"))


def _texts(settings: OptOutSettings) -> Iterator[Fault]:
    for key in ("stop_text", "start_text", "help_text", "ask_text"):
        for sender, characters in getattr(settings, key).items():
            yield from _text(characters, ("opt_out", key, sender))


def _text(characters: str, path: Path) -> Iterator[Fault]:
    parts = len(text.segment(characters, text.choose(characters)[0])) if characters else 0
    if parts != 1:
        what = "is empty" if not parts else f"takes {parts} segments"
        yield Fault(what, path, value=value_text(characters), allowed="one segment")
