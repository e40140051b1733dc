"""A play with opt-out on, and a handset that writes to it."""

from __future__ import annotations

import json
from typing import Any

from smscd.admin.optout_rows import entry_of, shown
from smscd.cli.optout_file import Keys, names_of
from smscd.message import OPT_OUT, Message, text_of
from smscd.optout import OptOutSettings
from tests.cast import deliver_sm
from tests.play import Play

HANDSET = b"447700900001"


def play(**opt_out: Any) -> Play:
    return Play(opt_out=OptOutSettings(**opt_out))


def mo(one: Play, characters: str = "STOP", **fields: Any) -> Message:
    return one.journey.accept_mo(deliver_sm(characters.encode(), **fields), one.answers, "network")


def answers(one: Play) -> list[str]:
    """The texts that smscd itself sent."""
    return [text_of(message.content) for message in one.network.history if message.origin == OPT_OUT]


def import_of(begun: dict[str, Any], rows: list[dict[str, Any]]) -> tuple[str, list[list[tuple[int, str]]]]:
    """What the command makes of rows for the smscd that said `begun`: the rows as text, and their keys."""
    names, keys = names_of(begun), Keys()
    entries = [entry_of(names, row) for row in rows]
    for entry in entries:
        keys.add(names.list.key(entry))
    text = json.dumps(
        [[*shown(entry).values(), row.get("reason", "")] for entry, row in zip(entries, rows, strict=True)]
    )
    return text, list(keys.pieces())
