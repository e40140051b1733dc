"""Rules as data, the first match wins; `explain` says why.

The room is pure: it knows patterns, hours, numbers and names of connectors, and neither links nor queues.
"""

from __future__ import annotations

from smscd.routing.receivers import Receivers
from smscd.routing.rules import Explanation, Rule, Ruleset
from smscd.routing.settings import GroupSettings, RouteSettings
from smscd.routing.way import MOST_NESTED, circle, nested

__all__ = [
    "MOST_NESTED", "Explanation", "GroupSettings", "Receivers", "RouteSettings", "Rule", "Ruleset", "circle", "nested",
]  # fmt: skip
