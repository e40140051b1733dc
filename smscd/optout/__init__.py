"""The list, the keywords, and the one question "may we?".

What a handset wrote becomes a `Decision`; whether a message may leave is a look-up of well below two microseconds.
The room knows addresses and words: no sockets, no database, no clock (`now` is an argument), no messages. It decides
and returns facts; the store keeps them, the journey carries them out. It raises nothing once its settings are sound.
"""

from __future__ import annotations

from smscd.optout.addresses import canonical
from smscd.optout.events import Event
from smscd.optout.list import Entry, OptOutList
from smscd.optout.matching import Match, Matcher
from smscd.optout.packs import REVIEWED, Pack, load_pack
from smscd.optout.policy import BLOCKED_TEXT, Decision, OptOut
from smscd.optout.settings import OptOutSettings
from smscd.optout.words import normalise

__all__ = [
    "BLOCKED_TEXT", "REVIEWED", "Decision", "Entry", "Event", "Match", "Matcher", "OptOut", "OptOutList",
    "OptOutSettings", "Pack", "canonical", "load_pack", "normalise",
]  # fmt: skip
