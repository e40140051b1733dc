"""A play with opt-out on, and a handset that writes to it."""

from __future__ import annotations

from typing import Any

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
